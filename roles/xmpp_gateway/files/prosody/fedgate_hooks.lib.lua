--- Which handler hears which event of a host, at which priority: all of them stand here.

local XMLNS_STREAM = "http://etherx.jabber.org/streams";
local XMLNS_SASL = "urn:ietf:params:xml:ns:xmpp-sasl";
local XMLNS_DIALBACK = "jabber:server:dialback";

local hooks = {};
local api, hosts, is_live, incoming, outgoing, contacts, consent, timing;

--- @param parts api: the module; is_live: whether this load of it is the one in force; and the other parts
function hooks.init(parts)
	api, hosts, is_live = parts.api, parts.hosts, parts.is_live;
	incoming, outgoing, contacts, consent = parts.incoming, parts.outgoing, parts.contacts, parts.consent;
	timing = parts.timing;
end

local function hook(host, event, handler, priority)
	api:hook_object_event(hosts[host].events, event, function (data)
		if not is_live() then return nil; end
		return handler(host, data);
	end, priority);
end

--- For an event that both directions share.
local function both(first, second)
	return function (host, data)
		local answer = first(host, data);
		if answer ~= nil then return answer; end
		return second(host, data);
	end
end

-- Priorities are against Prosody's own: mod_tls 500 and 0, mod_saslauth 150, mod_dialback 100, mod_s2s -1.
local function streams(host)
	hook(host, "route/remote", both(outgoing.route, contacts.route), 1000);
	hook(host, "s2sout-created", outgoing.created, 10);
	hook(host, "s2s-stream-features", incoming.features_first, 1000);
	hook(host, "s2s-stream-features", incoming.features_last, -1000);
	hook(host, "stanza/" .. XMLNS_SASL .. ":auth", incoming.sasl_auth, 1000);
	hook(host, "stanza/" .. XMLNS_DIALBACK .. ":result", incoming.dialback_result, 1000);
	hook(host, "stanza/" .. XMLNS_DIALBACK .. ":verify",
		both(incoming.dialback_verify, outgoing.dialback_verify), 1000);
	hook(host, "stanza/" .. XMLNS_STREAM .. ":features", outgoing.features_first, 1000);
	hook(host, "stanza/" .. XMLNS_STREAM .. ":features", outgoing.features_without_tls, 499);
	hook(host, "stanza/" .. XMLNS_STREAM .. ":features", outgoing.features_without_sasl, 120);
	hook(host, "stanza/" .. XMLNS_SASL .. ":failure", outgoing.sasl_failure, 110);
	hook(host, "s2sout-authenticate-legacy", outgoing.legacy, 1000);
	hook(host, "s2s-read-timeout", timing.read_timeout, 10);
	hook(host, "s2s-authenticated", both(incoming.authenticated, outgoing.authenticated), 1000);
end

-- Priorities are against Prosody's own: mod_blocklist 100 (its command -1), mod_pep 10, mod_presence 0.
local function stanzas(host)
	for _, kind in ipairs({ "full", "bare", "host" }) do
		for _, name in ipairs({ "message", "presence", "iq" }) do
			hook(host, name .. "/" .. kind, both(incoming.stanza, contacts.stanza), 100000);
		end
		if kind ~= "host" then hook(host, "presence/" .. kind, contacts.subscribe, 50); end
		hook(host, "pre-presence/" .. kind, consent.presence_out, 200);
	end
	hook(host, "roster-item-removed", consent.removed, 0);
	hook(host, "iq-set/self/urn:xmpp:blocking:block", consent.blocked, 0);
end

--- Hook all of them on one host, present or new.
function hooks.gate(host)
	streams(host);
	stanzas(host);
end

return hooks;
