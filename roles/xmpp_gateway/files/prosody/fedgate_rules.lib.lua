--- The rules, as pure functions: no session, no socket, no Prosody. They are told facts, and what they say is final.
--
-- A partner's row comes from the policy file, format 1: `tls`, `sasl`, `dialback`, `dialback_certificate`. Only the
-- rows with TLS required are honoured here; all else is refused, never relaxed. `type` counts for fedgate_contacts.

local FORMAT = 1;

local TYPES = { federated = true, public_verified = true, public_unverified = true };
local LEVELS = { required = true, optional = true, not_supported = true };
local CERTIFICATES = { any = true, valid = true };

local rules = {};

--- Which ways of authentication a row leaves.
-- @return external, dialback: booleans
function rules.methods(row)
	local external = row.sasl ~= "not_supported";
	local dialback = row.dialback and row.sasl ~= "required";
	return external, dialback;
end

--- Whether the partner must show a certificate that is valid for its own name, whatever the method.
-- SASL EXTERNAL on a stream of ours proves us to them; what proves them to us is their certificate. So where no
-- dialback is left, the certificate is all there is.
function rules.demands_certificate(row)
	local _, dialback = rules.methods(row);
	return not dialback or row.dialback_certificate == "valid";
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

--- Decide on one pair of domains on one stream.
-- @param row the partner's row
-- @param facts { secure = boolean, method = "external"|"dialback", certificate = "valid"|"invalid"|"none" }; the
--   certificate's verdict is the one for this remote domain, not for the stream's first one
-- @return true, or false and a reason: tls, sasl, dialback, certificate
function rules.accepts(row, facts)
	if row.tls ~= "required" or not facts.secure then return false, "tls"; end
	local external, dialback = rules.methods(row);
	local valid = facts.certificate == "valid";
	if facts.method == "external" then
		if not external then return false, "sasl"; end
		if not valid then return false, "certificate"; end
		return true;
	elseif facts.method == "dialback" then
		if not dialback then return false, row.sasl == "required" and "sasl" or "dialback"; end
		if rules.demands_certificate(row) and not valid then return false, "certificate"; end
		return true;
	end
	return false, "sasl";
end

local function is_row(row)
	return type(row) == "table" and TYPES[row.type] and LEVELS[row.tls] and LEVELS[row.sasl]
		and type(row.dialback) == "boolean" and CERTIFICATES[row.dialback_certificate];
end

--- Why a well-formed row is not honoured, or nil.
local function unsupported(row)
	if row.tls ~= "required" then return "TLS " .. row.tls; end
	local external, dialback = rules.methods(row);
	if not (external or dialback) then return "no way of authentication left"; end
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
		if type(domain) ~= "string" or not is_row(row) then
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
	if data.format ~= FORMAT then return nil, ("its format is %s, not %d"):format(tostring(data.format), FORMAT); end
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
