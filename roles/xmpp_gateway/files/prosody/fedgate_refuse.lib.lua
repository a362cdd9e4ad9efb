--- How a refusal is said: the reason to our own log and users, a plain word to the other side, a count in the status.

local st = require "util.stanza";
local errors = require "util.error";

local MAX_COUNTERS = 200;
local MAX_NAME = 255;

-- What a stranger reads must not tell who is a partner, nor which of our hosts federate.
local STREAM_ERRORS = {
	["closed"] = { "policy-violation", "Federation is not permitted" };
	["host-not-federated"] = { "policy-violation", "Federation is not permitted" };
	["component"] = { "policy-violation", "Federation is not permitted" };
	["not-a-partner"] = { "policy-violation", "Federation is not permitted" };
	["blocked"] = { "policy-violation", "Federation is not permitted" };
	["tls"] = { "policy-violation", "Encryption is required" };
	["tls-not-supported"] = { "policy-violation", "Encryption is not supported" };
	["sasl"] = { "not-authorized", "Authentication was not accepted" };
	["dialback"] = { "not-authorized", "Authentication was not accepted" };
	["certificate"] = { "not-authorized", "Your server's certificate is not accepted" };
	["connections"] = { "resource-constraint", "There are too many connections" };
	["connections-in-all"] = { "resource-constraint", "There are too many connections" };
	["establishment"] = { "connection-timeout", "The stream was not authenticated in time" };
	["stanza-size"] = {
		"policy-violation", "The stanza is too big", st.stanza("stanza-too-big", { xmlns = "urn:xmpp:errors" });
	};
};

-- What our own users get is not-allowed, but for these, which pass.
local STANZA_ERRORS = {
	["connections"] = { "wait", "resource-constraint" };
	["connections-in-all"] = { "wait", "resource-constraint" };
	["establishment"] = { "wait", "remote-server-timeout" };
	["proxy"] = { "wait", "remote-server-not-found" };
};

local TEXTS = {
	["closed"] = "federation is closed: no policy is loaded";
	["host-not-federated"] = "%s does not federate";
	["component"] = "%s is closed to partners of this type";
	["not-a-partner"] = "%s is not a federation partner";
	["blocked"] = "%s is blocked on this server";
	["tls"] = "partner %s must use TLS and does not";
	["tls-not-supported"] = "partner %s wants TLS, which its row does not support";
	["sasl"] = "partner %s may only authenticate by SASL EXTERNAL";
	["dialback"] = "dialback is off for partner %s";
	["certificate"] = "partner %s shows no certificate that is valid for its name";
	["stranger"] = "the user has not added this contact at %s";
	["private"] = "partner %s may not ask this";
	["scope"] = "this account may not federate (external access policy)";
	["connections"] = "partner %s has as many connections as it may have";
	["connections-in-all"] = "there are as many connections as there may be in all";
	["establishment"] = "the stream with %s was not authenticated in time";
	["stanza-rate"] = "partner %s sends more stanzas a second than it may";
	["stanza-size"] = "partner %s sent a stanza that is too big";
	["fault"] = "the policy ran into an error over %s";
};

local refuse = { counters = {}; order = 0 };
local log, noted, router, ascii;

--- @param parts log: the module's; router: Prosody's global table; name: to A-labels; noted: called after each count
--   with direction, host, remote (A-labels, bounded), reason, and the stanza or session where it is known
function refuse.init(parts)
	log, noted, router, ascii = parts.log, parts.noted, parts.router, parts.name;
end

--- The sentence for our own people.
function refuse.text(reason, host, remote)
	local about = (reason == "host-not-federated" or reason == "component") and host or remote;
	return (TEXTS[reason] or reason):format(about or "(unnamed)");
end

local function forget_oldest()
	local size, oldest = 0, nil;
	for id, counter in pairs(refuse.counters) do
		size = size + 1;
		if not oldest or counter.order < refuse.counters[oldest].order then oldest = id; end
	end
	if size > MAX_COUNTERS then refuse.counters[oldest] = nil; end
end

--- Count a refusal; strangers choose the names, so both their length and their number are bounded.
-- @param source the stanza or the session, for the audit trail; may be nil
function refuse.count(direction, host, remote, reason, source)
	host, remote = (ascii(host) or ""):sub(1, MAX_NAME), (ascii(remote) or remote or ""):sub(1, MAX_NAME);
	local id = table.concat({ direction, host, remote, reason }, "\n");
	local counter = refuse.counters[id];
	if not counter then
		counter = { remote = remote; host = host; direction = direction; reason = reason; count = 0 };
		refuse.counters[id] = counter;
	end
	refuse.order = refuse.order + 1;
	counter.count, counter.last, counter.order = counter.count + 1, os.time(), refuse.order;
	forget_oldest();
	noted(direction, host, remote, reason, source);
end

--- Close a stream that the other side opened.
function refuse.incoming(session, host, remote, reason)
	log("warn", "Refused incoming stream %s -> %s (%s): %s", remote or "(unnamed)", host or "(unnamed)",
		session.ip or "unknown address", refuse.text(reason, host, remote));
	refuse.count("incoming", host, remote, reason, session);
	local condition, text, extra = table.unpack(STREAM_ERRORS[reason]);
	session:close({ condition = condition, text = text, extra = extra });
	return true;
end

local function stanza_condition(reason)
	return table.unpack(STANZA_ERRORS[reason] or { "cancel", "not-allowed" });
end

--- The error that stanzas in a stream's queue come back with.
-- @param reason may be left out
function refuse.stanza_error(text, reason)
	local kind, condition = stanza_condition(reason);
	return errors.new({ type = kind, condition = condition, text = text });
end

--- Close a stream that we opened; what waits in its queue bounces with the full reason.
-- @param text replaces the usual sentence
function refuse.outgoing(session, reason, text)
	local host, remote = session.from_host, session.to_host;
	text = text or refuse.text(reason, host, remote);
	log("warn", "Refused outgoing stream %s -> %s: %s", host, remote, text);
	refuse.count("outgoing", host, remote, reason, session);
	local condition, public, extra = table.unpack(STREAM_ERRORS[reason]);
	session:close({ condition = condition, text = public, extra = extra }, nil, refuse.stanza_error(text, reason));
	return true;
end

--- Close a stream, whoever opened it.
function refuse.stream(session, reason)
	if session.direction == "outgoing" then return refuse.outgoing(session, reason); end
	return refuse.incoming(session, session.to_host, session.from_host, reason);
end

local function may_bounce(stanza)
	return stanza.attr.type ~= "error" and stanza.attr.type ~= "result" and stanza.attr.type ~= "probe"
		and (stanza.name == "message" or stanza.name == "presence" or stanza.name == "iq");
end

--- Answer a stanza that may not leave, to the one of ours who sent it.
function refuse.outgoing_stanza(event, reason)
	local host, remote, stanza = event.from_host, event.to_host, event.stanza;
	local text = refuse.text(reason, host, remote);
	log("info", "Refused outgoing %s %s -> %s: %s", stanza.name, host, remote, text);
	refuse.count("outgoing", host, remote, reason, stanza);
	if may_bounce(stanza) then
		local kind, condition = stanza_condition(reason);
		router.core_route_stanza(router.hosts[host], st.error_reply(stanza, kind, condition, text));
	end
	return true;
end

--- Drop a stanza that came over a stream which has no verdict for its pair of domains.
-- There is nothing to answer on: the stream goes one way, and the way back is closed to this pair.
function refuse.incoming_stanza(host, remote, stanza, reason)
	log("info", "Dropped incoming %s %s -> %s: %s", stanza.name, remote, host, refuse.text(reason, host, remote));
	refuse.count("incoming", host, remote, reason, stanza);
	return true;
end

--- Answer a request for dialback on a stream that serves other domains already, leaving these alone (XEP-0220, 2.5).
function refuse.dialback(session, stanza, host, remote, reason)
	log("warn", "Refused dialback %s -> %s on a shared stream: %s", remote, host, refuse.text(reason, host, remote));
	refuse.count("incoming", host, remote, reason, session);
	local attr = { from = stanza.attr.to, to = stanza.attr.from, id = stanza.attr.id, type = "error" };
	session.sends2s(st.stanza("db:" .. stanza.name, attr)
		:tag("error", { type = "cancel" })
			:tag("policy-violation", { xmlns = "urn:ietf:params:xml:ns:xmpp-stanzas" }));
	return true;
end

return refuse;
