--- Time: streams that are not authenticated soon enough, streams that nobody uses, and signs of life on the others.
--
-- Looked at once a second, all streams in one go. A sign of life is white space between stanzas (RFC 6120, 4.6.1): it
-- needs no answer, any server takes it, and it is no use of the stream, as an XMPP ping would be.

local timer = require "util.timer";
local monotonic = require "util.time".monotonic;
local s2smanager = require "core.s2smanager";

local EVERY = 1; -- second

local timing = {};
local gate, limits, flow, refuse, log, api, is_live, faults;
local clocks = setmetatable({}, { __mode = "k" }); -- session -> { began, active, sent, closed }

function timing.init(parts)
	gate, limits, flow, refuse = parts.gate, parts.limits, parts.flow, parts.refuse;
	log, api, is_live, faults = parts.log, parts.api, parts.is_live, parts.faults;
end

--- Not ready for stanzas: not authenticated, or what waits in its queue cannot leave yet.
local function is_pending(session)
	return session.type == "s2sin_unauthed" or session.type == "s2sout_unauthed"
		or session.type == "s2sout" and session.sendq ~= nil;
end

--- End a stream that is not there in time; one that has no connection yet has no way to be closed.
local function give_up(session)
	if session.conn then return refuse.stream(session, "establishment"); end
	local host, remote = session.from_host, session.to_host;
	local text = refuse.text("establishment", host, remote);
	log("warn", "Gave up connecting %s -> %s: %s", host, remote, text);
	refuse.count("outgoing", host, remote, "establishment");
	s2smanager.destroy_session(session, text, refuse.stanza_error(text, "establishment"));
end

--- A connection that comes about after all is of no use any more.
function timing.connected(session)
	if not session.destroyed then return; end
	local conn = session.conn;
	api:add_timer(0, function () conn:close(); end); -- Prosody still has something to do with it
end

--- Prosody's own limit, which is the same for all, must not come before a longer one of ours.
local function overrule(session)
	local allowed = gate.list.limits.stream_establishment_timeout;
	if session.connect_timeout and allowed > api:get_option_number("s2s_timeout", 90) then
		timer.stop(session.connect_timeout);
		session.connect_timeout = nil;
	end
end

local function look_at_pending(session, clock, time)
	overrule(session);
	if time - clock.began >= gate.list.limits.stream_establishment_timeout then give_up(session); end
end

local function row_of(session)
	local state = session.fedgate_flow;
	return state and gate.pair(state.host, state.remote);
end

local function close_idle(session, clock)
	clock.closed = true;
	log("info", "Closed the idle stream %s -> %s", session.from_host, session.to_host);
	session:close(); -- an incoming one stays for a while, until the other side has said that it sends no more
end

local function look_at_established(session, clock, time)
	local active, sent = flow.happened(session);
	if active then clock.active = time; end
	if sent then clock.sent = time; end
	if time - clock.active >= gate.list.limits.stream_inactivity_timeout then return close_idle(session, clock); end
	if time - clock.sent < gate.list.limits.keepalive_interval or session.notopen then return; end
	clock.sent = time;
	local row = row_of(session);
	if row and limits.keepalive(row) then session.sends2s(" "); end
end

local function look_at(session, time)
	local clock = clocks[session];
	if not clock then
		clock = { began = time; active = time; sent = time; closed = false };
		clocks[session] = clock;
	end
	if session.destroyed or clock.closed then return; end
	if is_pending(session) then return look_at_pending(session, clock, time); end
	return look_at_established(session, clock, time);
end

local function look_at_all()
	if not gate.list then return; end
	local time = monotonic();
	for _, session in ipairs(limits.present()) do look_at(session, time); end
end

--- Begin to look. An error in one go is no reason to stop.
function timing.start()
	api:add_timer(EVERY, function ()
		if not is_live() then return nil; end
		faults.run("the limits of time", look_at_all);
		return EVERY;
	end);
end

--- A connection on which nothing came for long. Prosody would send white space; where that is off nobody does.
function timing.read_timeout(_, event)
	local row = row_of(event.session);
	if row and not limits.keepalive(row) then return true; end
	return nil;
end

return timing;
