--- The rules, as pure functions: no session, no socket, no Prosody. They are told facts, and what they say is final.
--
-- A partner's row comes from the policy file: `tls`, `sasl`, `dialback`, `dialback_certificate`, and `allow_plaintext`,
-- without which nothing goes unencrypted whatever the others say. What is not honoured is refused, never relaxed.
-- `type` counts for fedgate_contacts.

-- 1 had no `allow_plaintext`.
local FORMATS = { [1] = true, [2] = true };

local LEVELS = { required = true, optional = true, not_supported = true };
local CERTIFICATES = { any = true, valid = true };

local rules = { TYPES = { federated = true, public_verified = true, public_unverified = true } };

--- Which ways of authentication a row leaves, as in the negotiation table of Lync Server 2013.
-- @return external, dialback over TLS, dialback without TLS: booleans
function rules.methods(row)
	local external = row.tls ~= "not_supported" and row.sasl ~= "not_supported";
	local dialback = row.dialback and not (row.tls == "required" and row.sasl == "required");
	local plain = row.tls ~= "required" and row.allow_plaintext == true and row.dialback_certificate ~= "valid";
	return external, dialback and row.tls ~= "not_supported", dialback and plain;
end

--- Whether dialback may be used on a stream that is encrypted, or on one that is not.
function rules.leaves_dialback(row, secure)
	local _, over_tls, plain = rules.methods(row);
	if secure then return over_tls; end
	return plain;
end

--- Whether a partner on an encrypted stream must show a certificate that is valid for its name, whatever the method.
-- SASL EXTERNAL on a stream of ours proves us to them; what proves them to us is their certificate. So where no
-- dialback is left, the certificate is all there is.
function rules.demands_certificate(row)
	return not rules.leaves_dialback(row, true) or row.dialback_certificate == "valid";
end

--- Decide on a pair of domains before anything is known about a stream.
-- @param list what `rules.parse` returned, or nil when no policy was ever loaded
-- @param host one of our domains, A-labels
-- @param remote their domain, A-labels
-- @return the partner's row, or nil and a reason
function rules.pair(list, host, remote)
	if not list then return nil, "closed"; end
	if not (host and list.hosts[host]) then return nil, "host-not-federated"; end
	local row = remote and list.partners[remote];
	if not row or list.hosts[remote] then return nil, "not-a-partner"; end
	return row;
end

--- Decide on a stream's encryption.
-- @return true, or false and a reason: tls, tls-not-supported
function rules.accepts_tls(row, secure)
	if row.tls == "required" and not secure then return false, "tls"; end
	if row.tls == "not_supported" and secure then return false, "tls-not-supported"; end
	return true;
end

--- Decide on dialback, whatever certificate is shown.
-- @return true, or false and a reason: tls, tls-not-supported, sasl, dialback
function rules.accepts_dialback(row, secure)
	local ok, reason = rules.accepts_tls(row, secure);
	if not ok then return false, reason; end
	if rules.leaves_dialback(row, secure) then return true; end
	if not secure then return false, "tls"; end
	return false, row.sasl == "required" and "sasl" or "dialback";
end

--- Decide on one pair of domains on one stream.
-- @param row the partner's row
-- @param facts { secure = boolean, method = "external"|"dialback", certificate = "valid"|"invalid"|"none" }; the
--   certificate's verdict is the one for this remote domain, not for the stream's first one
-- @return true, or false and a reason: tls, tls-not-supported, sasl, dialback, certificate
function rules.accepts(row, facts)
	local ok, reason = rules.accepts_tls(row, facts.secure);
	if ok and facts.method == "external" then
		local external = rules.methods(row);
		if not facts.secure then ok, reason = false, "tls"; elseif not external then ok, reason = false, "sasl"; end
	elseif ok and facts.method == "dialback" then
		ok, reason = rules.accepts_dialback(row, facts.secure);
	elseif ok then
		ok, reason = false, "sasl";
	end
	if not ok then return false, reason; end
	if facts.secure and facts.certificate ~= "valid"
		and (facts.method == "external" or rules.demands_certificate(row)) then
		return false, "certificate";
	end
	return true;
end

local function is_row(row)
	return type(row) == "table" and rules.TYPES[row.type] and LEVELS[row.tls] and LEVELS[row.sasl]
		and type(row.dialback) == "boolean" and CERTIFICATES[row.dialback_certificate]
		and (row.allow_plaintext == nil or type(row.allow_plaintext) == "boolean")
		and (row.proxy_fqdn == nil or type(row.proxy_fqdn) == "string" and row.proxy_fqdn ~= "");
end

--- Why a well-formed row is not honoured, or nil.
local function unsupported(row)
	local external, over_tls, plain = rules.methods(row);
	if not (external or over_tls or plain) then return "a row that leaves no way of authentication"; end
	return nil;
end

local function read_hosts(names)
	local hosts, sorted = {}, {};
	for _, name in ipairs(names) do
		if type(name) ~= "string" or name == "" then return nil; end
		if not hosts[name:lower()] then sorted[#sorted + 1] = name:lower(); end
		hosts[name:lower()] = true;
	end
	table.sort(sorted);
	return hosts, sorted;
end

local function read_partners(rows)
	local partners, refused = {}, {};
	for domain, row in pairs(rows) do
		if type(domain) ~= "string" or domain:find("%c") or not is_row(row) then
			return nil, ("the row of partner %s is malformed"):format(tostring(domain));
		end
		local reason = unsupported(row);
		if reason then
			refused[domain:lower()] = reason;
		else
			partners[domain:lower()] = row;
		end
	end
	return partners, refused;
end

--- Read a policy.
-- @param data the decoded policy file
-- @return { generation, hosts, host_names, partners, unsupported }, or nil and what is wrong
function rules.parse(data)
	if type(data) ~= "table" then return nil, "it is not a JSON object"; end
	if not FORMATS[data.format] then return nil, ("its format is %s, not 1 or 2"):format(tostring(data.format)); end
	if type(data.generation) ~= "number" then return nil, "generation is not a number"; end
	if type(data.local_hosts) ~= "table" or type(data.partners) ~= "table" then
		return nil, "local_hosts or partners is missing";
	end
	local hosts, sorted = read_hosts(data.local_hosts);
	if not hosts then return nil, "local_hosts is not a list of names"; end
	local partners, refused = read_partners(data.partners);
	if not partners then return nil, refused; end
	return {
		generation = data.generation;
		hosts = hosts;
		host_names = sorted;
		partners = partners;
		unsupported = refused;
	};
end

return rules;
