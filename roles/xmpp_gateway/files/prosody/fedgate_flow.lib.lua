--- What passes on an authenticated stream: how much a second, how big, and whether anything does at all.
--
-- The rate is a partner's, over all of its streams: a bucket of tokens, one a stanza, that holds those of one second.
-- What was read at once is paid at once. Who is over it is not read from until the debt is paid, so that nothing is
-- lost and the other side's own queue fills.
-- A stream counts for the partner that it was authenticated for first.
--
-- Prosody's own limit of size sees only what is left over after each read, so that a stanza which ends within that read
-- may be too big; here such a one is measured.

local filters = require "util.filters";
local monotonic = require "util.time".monotonic;

local FIRST = 1000; -- among the filters of other modules
local SAY_AGAIN = 60; -- seconds
local XML_LANG = #" xml:lang='en'"; -- added by the parser

local flow = {};
local gate, limits, refuse, log, api, faults;
local buckets = {};

local function bucket_of(row)
	local rate = limits.rate(row);
	if not rate then
		buckets[row.partner] = nil;
		return nil;
	end
	local bucket = buckets[row.partner];
	if not bucket then
		bucket = { tokens = rate; at = monotonic() };
		buckets[row.partner] = bucket;
	end
	bucket.rate = rate;
	return bucket;
end

-- Rate ---------------------------------------------------------------------------------------------------------------

--- Say it again in a moment: mod_limits pauses a connection after each read, which ends the pause that was there.
local function insist(session, state, conn)
	if state.insists then return; end
	state.insists = true;
	api:add_timer(0, function ()
		state.insists = false;
		local left = state.paused_until - monotonic();
		if left > 0 and session.conn == conn and not session.destroyed then conn:pausefor(left); end
	end);
end

local function pause(session, state, seconds)
	local conn = session.conn;
	if not conn then return; end
	if conn.pausefor then -- it minds what TLS has read already
		conn:pausefor(seconds);
		return insist(session, state, conn);
	end
	conn:pause();
	api:add_timer(seconds, function ()
		if session.conn == conn and not session.destroyed then conn:resume(); end
	end);
end

local function say(bucket, state, time)
	if bucket.said and time - bucket.said < SAY_AGAIN then return; end
	bucket.said = time;
	local text = refuse.text("stanza-rate", state.host, state.remote);
	log("warn", "Slowed down %s -> %s: %s", state.remote, state.host, text);
	refuse.count("incoming", state.host, state.remote, "stanza-rate");
end

local function spend(session, state)
	local bucket, time = state.bucket, monotonic();
	local owed = state.owed;
	state.owed = 0;
	if not bucket then return; end
	bucket.tokens = math.min(bucket.rate, bucket.tokens + (time - bucket.at) * bucket.rate) - owed;
	bucket.at = time;
	if bucket.tokens >= 0 then return; end
	local seconds = -bucket.tokens / bucket.rate;
	state.paused_until = time + seconds;
	pause(session, state, seconds);
	say(bucket, state, time);
end

-- Size ---------------------------------------------------------------------------------------------------------------

local function measured(stanza)
	return #tostring(stanza) - (stanza.attr["xml:lang"] == "en" and XML_LANG or 0);
end

--- Count what is read. A stanza is at most as long as what came since the one before it ended.
local function watch(session, state)
	local stream = session.stream;
	local feed = stream.feed;
	state.stream, state.feed = stream, feed;
	function stream.feed(self, data)
		if state.ended then state.unended, state.ended = math.min(state.unended, state.chunk), false; end
		state.chunk, state.unended = #data, state.unended + #data;
		state.doubtful = state.unended > state.size;
		local ok, problem = feed(self, data);
		if state.owed > 0 then faults.on_stream("the rate of incoming stanzas", spend, session, state); end
		if problem == "stanza-too-large" and not session.destroyed then refuse.stream(session, "stanza-size"); end
		return ok, problem;
	end
end

local function apply_size(session, state)
	session.stanza_size_limit = state.size; -- 13.0 tells it to the other side (XEP-0478)
	session.stream:set_stanza_size_limit(state.size);
end

-- Stanzas ------------------------------------------------------------------------------------------------------------

--- A stanza was read. @return whether it may be: not when it is too big
function flow.arrived(session, stanza)
	local state = session.fedgate_flow;
	if not state then return true; end
	if state.unended > state.size and measured(stanza) > state.size then
		refuse.stream(session, "stanza-size");
		return false;
	end
	if state.unended > state.chunk then state.unended = state.chunk; end
	state.active = true;
	return true;
end

--- The same at a first look. @return whether none that was read with it can be too big; else nothing was noted
function flow.is_small(session)
	local state = session.fedgate_flow;
	if not state then return true; end
	if state.doubtful then return false; end
	state.ended, state.active = true, true;
	return true;
end

--- A stanza leaves by a stream.
function flow.departed(session)
	local state = session.fedgate_flow;
	if state then state.active, state.sent = true, true; end
end

--- All that is read of a partner with a rate costs, wherever it is for; but not dialback and the like.
local function owe(stanza, session)
	local state = session.fedgate_flow;
	if state and not stanza.attr.xmlns then state.owed = state.owed + 1; end
	return stanza;
end

local function apply_rate(session, state, row)
	state.bucket = bucket_of(row);
	if state.bucket then
		filters.add_filter(session, "stanzas/in", owe, FIRST);
	else
		filters.remove_filter(session, "stanzas/in", owe);
	end
end

function flow.init(parts)
	gate, limits, refuse, log, api = parts.gate, parts.limits, parts.refuse, parts.log, parts.api;
	faults = parts.faults;
	buckets = {};
end

--- Whether stanzas passed since this was asked last, and whether anything was sent; a stream that is paused is active.
function flow.happened(session)
	local state = session.fedgate_flow;
	if not state then return true, true; end
	local active = state.active or state.paused_until and monotonic() < state.paused_until;
	local sent = state.sent;
	state.active, state.sent = false, false;
	return active, sent;
end

--- A stream was authenticated, for its first pair or one more.
function flow.attach(session, host, remote, row)
	if session.fedgate_flow or not session.stream then return; end
	local state = { host = host; remote = remote; unended = 0; chunk = 0; owed = 0; active = true; sent = true };
	state.doubtful, state.ended = true, false; -- until the first read, which this may be in the middle of
	state.size = limits.size(row);
	session.fedgate_flow = state;
	watch(session, state);
	apply_rate(session, state, row);
end

--- A stream is ready for stanzas; Prosody has set its own limit of size just before.
function flow.established(event)
	local state = event.session.fedgate_flow;
	if state then apply_size(event.session, state); end
end

--- The policy has changed, or this module is a new one.
function flow.refresh(session)
	local _, entry = next(session.fedgate and session.fedgate.pairs or {});
	local state = session.fedgate_flow;
	local row = state and gate.pair(state.host, state.remote) or entry and gate.pair(entry.host, entry.remote);
	if not row then return; end
	if not state then
		flow.attach(session, entry.host, entry.remote, row);
		state = session.fedgate_flow;
	end
	if not state then return; end
	state.size = limits.size(row);
	apply_size(session, state);
	apply_rate(session, state, row);
end

--- This module goes; a new one will attach itself.
function flow.detach(session)
	local state = session.fedgate_flow;
	if not state then return; end
	filters.remove_filter(session, "stanzas/in", owe);
	state.stream.feed = state.feed;
	session.fedgate_flow = nil;
end

return flow;
