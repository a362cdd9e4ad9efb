--- Where a partner's server is looked for: a row's `proxy_fqdn` takes the place of the domain in DNS, and only there.
-- Stream header, SNI and the name in the certificate stay the partner's domain.
--
-- Prosody asks `net.resolvers.service` for the servers of a domain; 13.0 has an event for replacing what that returns,
-- 0.12 has none. So the question is changed, in both alike.

local service = require "net.resolvers.service";

local SERVICES = { ["xmpp-server"] = true, ["xmpps-server"] = true };
-- A signed SRV record would let its target's certificate stand for the domain. The proxy's record speaks for the proxy.
local NOT_INHERITED = { srv_secure = true, secure_hostname = true };

local routes = {};
local gate, sessions, refuse, log, is_live;
local original, ours;

function routes.init(parts)
	gate, sessions, refuse, log, is_live = parts.gate, parts.sessions, parts.refuse, parts.log, parts.is_live;
end

local function proxy_of(domain)
	local row = gate.list and gate.list.partners[sessions.name(domain) or ""];
	return row and row.proxy_fqdn;
end

local function without_delegation(extra)
	return setmetatable({ use_dane = false }, {
		__index = extra;
		__newindex = function (table, key, value)
			if not NOT_INHERITED[key] then rawset(table, key, value); end
		end;
	});
end

--- Look for partners behind a proxy there, from now on.
function routes.open()
	original = service.new;
	function ours(hostname, name, kind, extra)
		local proxy = SERVICES[name] and is_live() and proxy_of(hostname);
		if not proxy then return original(hostname, name, kind, extra); end
		log("debug", "Looking for %s at its proxy %s", hostname, proxy);
		return original(proxy, name, kind, without_delegation(extra));
	end
	service.new = ours;
end

function routes.close()
	if service.new == ours then service.new = original; end
end

--- Why a stream ended that never was connected, where it was looked for at a proxy; else nil.
function routes.explain(session, reason)
	local proxy = proxy_of(session.to_host);
	if not proxy or session.conn or not (reason == nil or type(reason) == "string") then return nil; end
	local host, remote = session.from_host, session.to_host;
	local text = ("partner %s is not reached at its proxy %s: %s"):format(remote, proxy, reason or "no connection");
	log("warn", "Outgoing stream %s -> %s ended: %s", host, remote, text);
	refuse.count("outgoing", host, remote, "proxy");
	return refuse.stanza_error(text, "proxy");
end

return routes;
