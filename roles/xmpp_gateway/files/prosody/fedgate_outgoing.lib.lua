--- Streams that we open to others. Each handler gets the host it was hooked on and Prosody's event; true ends it.
--
-- The other side chooses the `to` of what it sends, and with it the host whose handlers run: the pair is always read
-- from the session.

local st = require "util.stanza";

local XMLNS_TLS = "urn:ietf:params:xml:ns:xmpp-tls";
local XMLNS_SASL = "urn:ietf:params:xml:ns:xmpp-sasl";

local outgoing = {};
local rules, sessions, refuse, gate, hosts, log, hold, limits, flow, routes;

function outgoing.init(parts)
	rules, sessions, refuse, gate, hosts = parts.rules, parts.sessions, parts.refuse, parts.gate, parts.hosts;
	log, hold, limits, flow, routes = parts.log, parts.hold, parts.limits, parts.flow, parts.routes;
end

local function is_unauthenticated(session)
	return session.type == "s2sout_unauthed";
end

local function is_outgoing(session)
	return session.type == "s2sout_unauthed" or session.type == "s2sout";
end

local CLIENT_AUTH = "partner %s did not accept our certificate for SASL EXTERNAL (does it carry clientAuth?)";

--- The row for a stream of ours; refuses it when there is none any more.
local function row_of(session)
	local row, reason = gate.pair(session.from_host, session.to_host);
	if not row then refuse.outgoing(session, reason); end
	return row;
end

local function not_accepted(session, what)
	local text = CLIENT_AUTH:format(session.to_host) .. (what and ": " .. what or "");
	return refuse.outgoing(session, "sasl", text);
end

--- Why a stream ended, for who waits in its queue. A peer whose TLS minds the purpose of our certificate does not say
-- so: it hangs up, or says something of its own. Where EXTERNAL is the only way, that is the likely cause.
local function explained(session, reason)
	local unreached = routes.explain(session, reason);
	if unreached then return unreached; end
	local row = gate.pair(session.from_host, session.to_host);
	local said = reason == nil and "connection closed" or reason;
	if type(said) ~= "string" or not row or not is_unauthenticated(session) or session.secure == nil then
		return reason;
	end
	if rules.leaves_dialback(row, true) then return reason; end
	local text = CLIENT_AUTH:format(session.to_host) .. ": " .. said;
	log("warn", "Outgoing stream %s -> %s ended: %s", session.from_host, session.to_host, text);
	refuse.count("outgoing", session.from_host, session.to_host, "sasl", session);
	return refuse.stanza_error(text);
end

--- A stream of ours is made, not yet connected. Without a TLS context it is not tried by direct TLS either.
function outgoing.created(_, event)
	local session = event.session;
	local row = gate.pair(session.from_host, session.to_host);
	if row then limits.take(session, row); end
	if row and row.tls == "not_supported" then session.ssl_ctx = false; end
	local bounce = session.bounce_sendq;
	function session.bounce_sendq(same, reason)
		local ok, said = pcall(explained, same, reason);
		return bounce(same, ok and said or reason);
	end
end

--- A stanza wants to leave. A stream that serves several domains may stand in Prosody's table under a name it was
-- never authenticated for (a bidirectional one); it is taken out of there, and a stream of its own is opened.
-- @return the partner's row, the stream that it will leave by, when there is one, and whether that is authenticated; or
--   nil and why it may not leave
function outgoing.route(host, remote)
	local streams = hosts[host].s2sout;
	local existing = streams[remote];
	local ready = existing and (existing.type == "s2sout" or existing.type == "s2sin");
	local entry = ready and sessions.granted(existing, host, remote);
	local row, reason = entry and hold.stands(entry);
	if row then return row, existing, true; end
	row, reason = gate.pair(host, remote);
	if not row then return nil, reason; end
	if ready then
		streams[remote] = nil;
		if existing.direction == "outgoing" then refuse.outgoing(existing, "sasl"); end
	end
	existing = streams[remote];
	if existing then return row, existing, false; end
	local ok;
	ok, reason = limits.admit(nil, row);
	if not ok then return nil, reason; end
	return row;
end

local function offers_external(features)
	local mechanisms = features:get_child("mechanisms", XMLNS_SASL);
	for mechanism in (mechanisms or st.stanza("none")):childtags("mechanism") do
		if mechanism:get_text() == "EXTERNAL" then return true; end
	end
	return false;
end

local function without_mechanisms(stanza)
	local copy = st.clone(stanza);
	copy:maptags(function (tag) return tag.name ~= "mechanisms" and tag or nil; end);
	return copy;
end

--- Whether a stream of ours goes on without TLS: only where the row leaves that, and TLS is not to be had.
local function goes_plain(row, features)
	local starttls = features:get_child("starttls", XMLNS_TLS);
	if not rules.leaves_dialback(row, false) then return false, "tls"; end
	if row.tls == "not_supported" then
		if starttls and starttls:get_child("required") then return false, "tls-not-supported"; end
		return true;
	end
	return not starttls, "tls";
end

local function before_tls(session, row, event)
	local offered = event.stanza:get_child("starttls", XMLNS_TLS);
	if offered and session.ssl_ctx then return nil; end
	local ok, reason = goes_plain(row, event.stanza);
	if not ok then return refuse.outgoing(session, reason); end
	event.stanza = without_mechanisms(event.stanza);
	return nil;
end

--- Over TLS: EXTERNAL when the row, their offer and their certificate allow it, else dialback when the row allows it.
local function after_tls(session, row, event)
	local external, dialback = rules.methods(row);
	if not rules.accepts_tls(row, true) then return refuse.outgoing(session, "tls-not-supported"); end
	local valid = sessions.certificate(session, session.to_host) == "valid";
	if rules.demands_certificate(row) and not valid then return refuse.outgoing(session, "certificate"); end
	if external and valid and offers_external(event.stanza) then return nil; end
	if not dialback then return not_accepted(session, "it was not offered"); end
	event.stanza = without_mechanisms(event.stanza);
	return nil;
end

--- Their features, before Prosody's own modules see them.
function outgoing.features_first(_, event)
	local session = event.origin;
	if not is_unauthenticated(session) then return nil; end
	local row = row_of(session);
	if not row then return true; end
	if not session.secure then return before_tls(session, row, event); end
	return after_tls(session, row, event);
end

--- Their features, when no module has started TLS: offered it must not have been, unless the row has no TLS.
function outgoing.features_without_tls(_, event)
	local session = event.origin;
	if not is_unauthenticated(session) or session.secure then return nil; end
	local row = row_of(session);
	if not row then return true; end
	local ok, reason = goes_plain(row, event.stanza);
	if not ok then return refuse.outgoing(session, reason); end
	return nil;
end

--- Their features, when no module has started SASL: dialback is next.
function outgoing.features_without_sasl(_, event)
	local session = event.origin;
	if not is_unauthenticated(session) then return nil; end
	local row = row_of(session);
	if not row then return true; end
	if not rules.leaves_dialback(row, session.secure) then return not_accepted(session, "it was not attempted"); end
	return nil;
end

--- A peer older than XMPP 1.0 sends no features and knows dialback only.
function outgoing.legacy(_, event)
	local session = event.origin;
	local row = row_of(session);
	if not row then return true; end
	local certificate = sessions.certificate(session, session.to_host);
	local ok, reason = rules.accepts(row, { secure = session.secure, method = "dialback", certificate = certificate });
	if not ok then return refuse.outgoing(session, reason); end
	return nil;
end

--- They refused EXTERNAL. Prosody would go on with dialback.
function outgoing.sasl_failure(_, event)
	local session = event.origin;
	if not is_unauthenticated(session) then return nil; end
	local row = row_of(session);
	if not row then return true; end
	local dialback = rules.leaves_dialback(row, session.secure);
	local cause = session.external_auth_failure_reason;
	if not dialback then return not_accepted(session, cause and cause.condition); end
	log("info", "Going on with dialback: %s", CLIENT_AUTH:format(session.to_host));
	return nil;
end

--- They answer whether a key is theirs. The answer is as good as the stream it comes on: ours, as the row wants it.
function outgoing.dialback_verify(_, event)
	local session, stanza = event.origin, event.stanza;
	if not is_outgoing(session) then return nil; end
	local row = row_of(session);
	if not row then return true; end
	local certificate = sessions.certificate(session, session.to_host);
	local ok, reason = rules.accepts(row, { secure = session.secure, method = "dialback", certificate = certificate });
	if ok and sessions.name(stanza.attr.to) ~= sessions.name(session.from_host) then ok, reason = false, "dialback"; end
	if not ok then return refuse.outgoing(session, reason); end
	return nil;
end

--- The choke point: nothing is authenticated that does not pass here.
function outgoing.authenticated(_, event)
	local session = event.session;
	if session.direction ~= "outgoing" then return nil; end
	local host, remote = session.from_host, session.to_host;
	local list = gate.list;
	local row = sessions.name(event.host) == sessions.name(remote) and row_of(session);
	if not row then
		if not session.destroyed then refuse.outgoing(session, "not-a-partner"); end
		return false;
	end
	local facts = {
		secure = session.secure;
		method = event.mechanism == "EXTERNAL" and "external" or "dialback";
		certificate = sessions.certificate(session, remote);
	};
	local ok, reason = rules.accepts(row, facts);
	if not ok then
		refuse.outgoing(session, reason);
		return false;
	end
	sessions.grant(session, host, remote, facts, list);
	flow.attach(session, host, remote, row);
	return nil;
end

return outgoing;
