--- Which handler hears which event of a host, at which priority: all of them stand here, and all run under protection:
-- how an event is refused when its handler runs into an error stands beside it (fedgate_faults).

local xpcall = require "util.xpcall".xpcall;
local traceback = debug.traceback;

local XMLNS_STREAM = "http://etherx.jabber.org/streams";
local XMLNS_SASL = "urn:ietf:params:xml:ns:xmpp-sasl";
local XMLNS_DIALBACK = "jabber:server:dialback";

local hooks = {};
local api, hosts, is_live, incoming, outgoing, contacts, consent, timing, passage, faults, report;

--- @param parts api: the module; is_live: whether this load of it is the one in force; and the other parts
function hooks.init(parts)
	api, hosts, is_live = parts.api, parts.hosts, parts.is_live;
	incoming, outgoing, contacts, consent = parts.incoming, parts.outgoing, parts.contacts, parts.consent;
	timing, passage = parts.timing, parts.passage;
	faults, report = parts.faults, parts.report;
end

--- @param how the event is refused on an error: stream, authentication, drop, bounce, pass
-- @param spared tells at a first look, without protection, that the handler has no objection; nil: it is asked always.
--   Also for a load of the module that is not in force: that one has no say in any case
local function hook(host, event, handler, priority, how, spared)
	api:hook_object_event(hosts[host].events, event, function (data)
		if spared and spared(host, data) or not is_live() then return nil; end
		local ok, answer = xpcall(handler, traceback, host, data);
		if ok then return answer; end
		return faults.refuse(event, how, host, data, answer);
	end, priority);
end

--- For an event that several parts hear: each one when those before have no objection.
local function each(first, second, third)
	return function (host, data)
		local answer = first(host, data);
		if answer ~= nil then return answer; end
		answer = second(host, data);
		if answer ~= nil or not third then return answer; end
		return third(host, data);
	end
end

-- Priorities are against Prosody's own: mod_tls 500 and 0, mod_saslauth 150, mod_dialback 100, mod_s2s -1.
local function streams(host)
	hook(host, "route/remote", passage.outward, 1000, "bounce", passage.leaves_again);
	hook(host, "s2sout-created", outgoing.created, 10, "pass"); -- what it does is checked again at the features
	hook(host, "s2s-stream-features", incoming.features_first, 1000, "stream");
	hook(host, "s2s-stream-features", incoming.features_last, -1000, "stream");
	hook(host, "stanza/" .. XMLNS_SASL .. ":auth", incoming.sasl_auth, 1000, "stream");
	hook(host, "stanza/" .. XMLNS_DIALBACK .. ":result", incoming.dialback_result, 1000, "stream");
	hook(host, "stanza/" .. XMLNS_DIALBACK .. ":verify",
		each(incoming.dialback_verify, outgoing.dialback_verify), 1000, "stream");
	hook(host, "stanza/" .. XMLNS_STREAM .. ":features", outgoing.features_first, 1000, "stream");
	hook(host, "stanza/" .. XMLNS_STREAM .. ":features", outgoing.features_without_tls, 499, "stream");
	hook(host, "stanza/" .. XMLNS_STREAM .. ":features", outgoing.features_without_sasl, 120, "stream");
	hook(host, "stanza/" .. XMLNS_SASL .. ":failure", outgoing.sasl_failure, 110, "stream");
	hook(host, "s2sout-authenticate-legacy", outgoing.legacy, 1000, "stream");
	hook(host, "s2s-read-timeout", timing.read_timeout, 10, "pass");
	hook(host, "s2s-authenticated", each(incoming.authenticated, outgoing.authenticated, report.authenticated), 1000,
		"authentication");
end

local function is_no_request(_, event)
	return event.stanza.attr.type ~= "subscribe";
end

local function has_no_type(_, event)
	return event.stanza.attr.type == nil;
end

-- Priorities are against Prosody's own: mod_blocklist 100 (its command -1), mod_pep 10, mod_presence 0.
local function stanzas(host)
	for _, kind in ipairs({ "full", "bare", "host" }) do
		local inward, again = passage.to_user, passage.came_again;
		if kind == "host" then inward, again = passage.to_host, nil; end
		for _, name in ipairs({ "message", "presence", "iq" }) do
			hook(host, name .. "/" .. kind, inward, 100000, "drop", again);
		end
		if kind ~= "host" then hook(host, "presence/" .. kind, contacts.subscribe, 50, "drop", is_no_request); end
		hook(host, "pre-presence/" .. kind, consent.presence_out, 200, "bounce", has_no_type);
	end
	hook(host, "roster-item-removed", consent.removed, 0, "pass");
	hook(host, "iq-set/self/urn:xmpp:blocking:block", consent.blocked, 0, "pass");
end

--- Hook all of them on one host, present or new.
function hooks.gate(host)
	streams(host);
	stanzas(host);
end

return hooks;
