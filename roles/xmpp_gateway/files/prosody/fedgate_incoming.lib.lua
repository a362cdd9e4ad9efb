--- Streams that others open to us. Each handler gets the host it was hooked on and Prosody's event; true ends it.
--
-- A stanza's `to` chooses the host whose handlers run, and the other side chooses `to`. So nothing here trusts `host`
-- alone where the stream's own header says more.

local st = require "util.stanza";
local nameprep = require "util.encodings".stringprep.nameprep;

local incoming = {};
local rules, sessions, refuse, gate, hold, limits, flow;

function incoming.init(parts)
	rules, sessions, refuse, gate = parts.rules, parts.sessions, parts.refuse, parts.gate;
	hold, limits, flow = parts.hold, parts.limits, parts.flow;
end

local function is_unauthenticated(session)
	return session.type == "s2sin_unauthed";
end

local function is_incoming(session)
	return session.type == "s2sin_unauthed" or session.type == "s2sin";
end

local function facts(session, remote, method)
	return { secure = session.secure, method = method, certificate = sessions.certificate(session, remote) };
end

--- The row of a pair, whether these facts satisfy it, and whether there is a place for one more stream of the partner.
-- @param places whether to ask for a place
-- @return whether it may, else a reason
local function decide(session, host, remote, method, places)
	local row, reason = gate.pair(host, remote);
	if not row then return false, reason; end
	local ok;
	ok, reason = rules.accepts(row, facts(session, remote, method));
	if not ok or not places then return ok, reason; end
	return limits.admit(session, row);
end

--- Before features are made: the host must federate, and the one who names himself must be a partner.
-- Without a name all that is offered is STARTTLS; the name is due after it.
function incoming.features_first(host, event)
	local session = event.origin;
	if not is_unauthenticated(session) then return nil; end
	local remote = session.from_host;
	if not remote then
		local reason = gate.host(host);
		if reason then return refuse.incoming(session, host, nil, reason); end
		return nil;
	end
	local row, reason = gate.pair(host, remote);
	if not row then return refuse.incoming(session, host, remote, reason); end
	local ok;
	ok, reason = limits.admit(session, row);
	if not ok then return refuse.incoming(session, host, remote, reason); end
	ok = not session.secure or rules.accepts_tls(row, true);
	if not ok then return refuse.incoming(session, host, remote, "tls-not-supported"); end
	if row.tls == "not_supported" then session.ssl_ctx = false; end -- mod_tls offers none then
	if session.secure and rules.demands_certificate(row) and sessions.certificate(session, remote) ~= "valid" then
		return refuse.incoming(session, host, remote, "certificate");
	end
	return nil;
end

--- What is offered before TLS: TLS, which the row may demand, and dialback where it may go without.
local function before_tls(session, host, features)
	local row = session.from_host and gate.pair(host, session.from_host);
	local plain = row and rules.leaves_dialback(row, false);
	features:maptags(function (tag)
		if tag.name == "starttls" then return plain and tag or st.stanza("starttls", tag.attr):tag("required"):up(); end
		return plain and tag.name == "dialback" and tag or nil;
	end);
	if features.tags[1] then return nil; end
	return refuse.incoming(session, host, session.from_host, "tls");
end

--- After features are made: take out what the row does not leave.
function incoming.features_last(host, event)
	local session, features = event.origin, event.features;
	if not is_unauthenticated(session) then return nil; end
	if not session.secure then return before_tls(session, host, features); end
	local row = session.from_host and gate.pair(host, session.from_host);
	if not row then return nil; end
	local external, dialback = rules.methods(row);
	features:maptags(function (tag)
		local kept = (tag.name ~= "mechanisms" or external) and (tag.name ~= "dialback" or dialback);
		return kept and tag or nil;
	end);
	if not external then session.external_auth = nil; end
	return nil;
end

--- SASL EXTERNAL is asked for. Checked before Prosody answers with success.
function incoming.sasl_auth(host, event)
	local session = event.origin;
	if not is_unauthenticated(session) then return nil; end
	local remote = session.from_host;
	if sessions.name(session.to_host) ~= sessions.name(host) then
		return refuse.incoming(session, host, remote, "sasl");
	end
	local ok, reason = decide(session, host, remote, "external", true);
	if not ok then return refuse.incoming(session, host, remote, reason); end
	return nil;
end

--- Someone wants to be known as one more domain, by dialback.
function incoming.dialback_result(host, event)
	local session, stanza = event.origin, event.stanza;
	if not is_incoming(session) then return nil; end
	local remote = nameprep(stanza.attr.from or "");
	if not remote or remote == "" then return nil; end -- Prosody refuses it: improper-addressing
	local ok, reason = decide(session, host, remote, "dialback", true);
	if ok then return nil; end
	if is_unauthenticated(session) then return refuse.incoming(session, host, remote, reason); end
	return refuse.dialback(session, stanza, host, remote, reason);
end

--- Someone asks whether a key is ours: the other half of a dialback of ours, so the same row rules it.
-- What is shown here is our answer, not their identity: their certificate is no condition.
function incoming.dialback_verify(host, event)
	local session, stanza = event.origin, event.stanza;
	if not is_incoming(session) then return nil; end
	local remote = nameprep(stanza.attr.from or "");
	local row, reason = gate.pair(host, remote);
	if row then
		local ok;
		ok, reason = rules.accepts_dialback(row, session.secure);
		if ok then return nil; end
	end
	if is_unauthenticated(session) then return refuse.incoming(session, host, remote, reason); end
	return refuse.dialback(session, stanza, host, remote, reason);
end

--- The choke point: nothing is authenticated that does not pass here.
function incoming.authenticated(host, event)
	local session, remote = event.session, event.host;
	if session.direction ~= "incoming" then return nil; end
	local method = event.mechanism == "EXTERNAL" and "external" or "dialback";
	local list = gate.list;
	-- A stream that serves others was asked for a place before; it is not closed when one was taken meanwhile.
	local ok, reason = decide(session, host, remote, method, is_unauthenticated(session));
	if ok and method == "external" and sessions.name(session.to_host) ~= sessions.name(host) then
		ok, reason = false, "sasl";
	end
	if not ok then
		refuse.incoming(session, host, remote, reason);
		return false;
	end
	sessions.grant(session, host, remote, facts(session, remote, method), list);
	local row = gate.pair(host, remote);
	limits.take(session, row);
	flow.attach(session, host, remote, row);
	return nil;
end

--- A stanza from outside. Prosody asks only whether the stream was authenticated for the sender's domain, for any
-- host of ours and under whatever policy held then; here the pair must have its own, present verdict.
-- @return the partner's row, or nil when it was refused
function incoming.stanza(host, remote, session, stanza)
	local entry = sessions.granted(session, host, remote);
	local row, reason;
	if entry then
		row, reason = hold.stands(entry);
		if row then return row; end
		hold.stream(session);
	else
		reason = select(2, gate.pair(host, remote));
	end
	refuse.incoming_stanza(host, remote, stanza, reason or "not-a-partner");
	return nil;
end

return incoming;
