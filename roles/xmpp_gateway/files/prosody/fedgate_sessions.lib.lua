--- What is known about a stream, read from Prosody's session; and our own record of what was decided on it.
--
-- The record hangs on the session itself, `session.fedgate`, so it outlives a reload of the module and dies with the
-- stream. It holds one entry a pair of domains: a stream that carries several domains has a verdict for each.

local new_cache = require "util.cache".new;
local encodings = require "util.encodings";
local jid_host = require "util.jid".host;
local new_id = require "util.id".short;
local verify_identity = require "util.x509".verify_identity;

local to_ascii, nameprep = encodings.idna.to_ascii, encodings.stringprep.nameprep;

-- Strangers choose names too, so their number is bounded.
local NAMES_IN_MEMORY = 16384;

local sessions = {};
local names = new_cache(NAMES_IN_MEMORY);

--- A domain as the policy writes it: A-labels, lower case; nil for what is none. Asked several times a stanza.
function sessions.name(domain)
	if not domain then return nil; end
	local name = names:get(domain);
	if name == nil then
		local prepared = nameprep(domain);
		local ascii = prepared and to_ascii(prepared);
		name = ascii and ascii:lower() or false;
		names:set(domain, name);
	end
	return name or nil;
end

--- 13.0 asks the connection, 0.12 the socket beneath it.
local function peer_certificate(conn)
	if conn.ssl_peercertificate then return conn:ssl_peercertificate(); end
	local socket = conn.socket and conn:socket();
	return socket and socket.getpeercertificate and socket:getpeercertificate();
end

local function tls_info(conn)
	if conn.ssl_info then return conn:ssl_info(); end
	local socket = conn.socket and conn:socket();
	return socket and socket.info and socket:info();
end

--- The TLS version of a stream, such as "TLSv1.3", or nil.
function sessions.tls_version(session)
	if not (session.secure and session.conn) then return nil; end
	local info = tls_info(session.conn);
	return type(info) == "table" and info.protocol or nil;
end

local function primary_remote(session)
	return session.direction == "outgoing" and session.to_host or session.from_host;
end

--- The verdict on the peer's certificate for one remote domain: valid, invalid, none.
-- Prosody checks the identity once, for the first domain that the stream names; another one is checked here.
function sessions.certificate(session, remote)
	if not (session.secure and session.cert_chain_status) then return "none"; end
	if session.cert_chain_status ~= "valid" then return "invalid"; end
	local identity = session.cert_identity_status;
	if identity and sessions.name(primary_remote(session)) == sessions.name(remote) then
		return identity == "valid" and "valid" or "invalid";
	end
	local certificate = session.conn and peer_certificate(session.conn);
	if certificate and verify_identity(remote, "xmpp-server", certificate) then return "valid"; end
	return "invalid";
end

--- Whether a session was made by Prosody to carry error replies only.
function sessions.is_stream(session)
	local base = session and not session.dummy and session.type;
	return base == "s2sin" or base == "s2sout" or base == "s2sin_unauthed" or base == "s2sout_unauthed";
end

local last_from, last_domain;

--- The domain of the one who sent a stanza, or nil. Asked several times a stanza: the last answer is remembered.
function sessions.sender(stanza)
	local from = stanza.attr.from;
	if from ~= last_from then last_from, last_domain = from, jid_host(from); end
	return last_domain;
end

local function key(host, remote)
	return sessions.name(host) .. "\n" .. sessions.name(remote);
end

local function record(session)
	if not session.fedgate then
		-- Prosody's own id is an address in memory and comes back with the next session that lands there.
		session.fedgate = { id = session.id .. "-" .. new_id(); pairs = {} };
	end
	return session.fedgate;
end

--- Note that a pair was authenticated on this stream. @param under the policy that it was decided under
function sessions.grant(session, host, remote, facts, under)
	record(session).pairs[key(host, remote)] = {
		host = host; remote = remote; method = facts.method;
		certificate = facts.certificate; secure = facts.secure; since = os.time();
		under = under;
	};
end

--- The entry of a pair that was authenticated on this stream, or nil. Asked for each stanza: the key of a pair that was
-- found is remembered by the spelling that was asked for, so that it is made once. The entries stand in `pairs` alone.
function sessions.granted(session, host, remote)
	local known = session.fedgate;
	if not (known and host and remote) then return nil; end
	local keys = known.keys and known.keys[host];
	if keys and keys[remote] then return known.pairs[keys[remote]]; end
	if not (sessions.name(host) and sessions.name(remote)) then return nil; end
	local found = key(host, remote);
	if known.pairs[found] then
		known.keys = known.keys or {};
		known.keys[host] = known.keys[host] or {};
		known.keys[host][remote] = found;
	end
	return known.pairs[found];
end

--- Take a pair back. @return true when the stream carries no other pair
function sessions.withdraw(session, host, remote)
	session.fedgate.pairs[key(host, remote)] = nil;
	return next(session.fedgate.pairs) == nil;
end

--- All live streams, as a list that may be walked while they close.
function sessions.all(module)
	local found = {};
	for _, session in pairs(module:shared("/*/s2s/sessions")) do
		if sessions.is_stream(session) then found[#found + 1] = session; end
	end
	return found;
end

return sessions;
