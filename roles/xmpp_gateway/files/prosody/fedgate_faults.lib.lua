--- Errors in our own handlers. Prosody logs such an error and drops the event half-way: a stream is left hanging, a
-- stanza vanishes, and what comes next was never decided. Here it is refused instead, counted, and raises an alarm.

local st = require "util.stanza";
local traceback = debug.traceback;

local LOG_EVERY = 10; -- seconds between two tracebacks of one place

local faults = { count = 0, last = nil };
local log, alarms, refuse, router;
local logged = {}; -- place to the time of its last traceback

function faults.init(parts)
	log, alarms, refuse, router = parts.log, parts.alarms, parts.refuse, parts.router;
end

--- What is known of an event, for the count: direction, host, remote, and the stanza or session.
local function about(host, event)
	local session = event.session or event.origin;
	if event.to_host then return "outgoing", event.from_host, event.to_host, event.stanza; end
	if session and session.direction == "outgoing" then return "outgoing", session.from_host, session.to_host, session; end
	return "incoming", host, session and session.from_host, event.stanza or session;
end

local function count(host, event)
	local direction, own, remote, source = about(host, event);
	refuse.count(direction, own, remote, "fault", source);
end

--- @param place where the error was, in words
local function note(place, problem)
	local now = os.time();
	faults.count = faults.count + 1;
	faults.last = now;
	if not logged[place] or now - logged[place] >= LOG_EVERY then
		logged[place] = now;
		log("error", "Internal error in %s: %s", place, problem);
	end
	alarms.raise("fault", ("internal error in %s: %s"):format(place, problem:match("^[^\n]*")));
end

-- How an event is refused -------------------------------------------------------------------------------------------

local answers = {};

--- A stream: it ends.
function answers.stream(event)
	local session = event.session or event.origin;
	session:close({ condition = "internal-server-error", text = "Federation is not possible now" });
	return true;
end

--- A stream that was about to be authenticated: it is not, and ends.
function answers.authentication(event)
	answers.stream(event);
	return false;
end

--- A stanza of ours: it comes back to who sent it.
function answers.bounce(event)
	local stanza = event.stanza;
	local kind = stanza.attr.type;
	if kind == "error" or kind == "result" or stanza.name:find(":", 1, true) then return true; end
	local reply = st.error_reply(stanza, "wait", "internal-server-error", "the policy of this server ran into an error");
	local origin = event.origin;
	if origin and origin.type == "c2s" then
		origin.send(reply);
	else
		router.core_route_stanza(router.hosts[event.from_host], reply);
	end
	return true;
end

--- A stanza to ours: dropped when it comes from outside, as to answer it would need the very handlers that are broken.
function answers.drop(event)
	local origin = event.origin;
	if origin and origin.type == "c2s" then return answers.bounce(event); end
	return true;
end

--- What only takes something away, or is decided again later: it goes on.
function answers.pass()
	return nil;
end

--- When even that fails, the event ends here.
function answers.fallback(how)
	if how == "pass" then return nil; end
	return how ~= "authentication";
end

--- Refuse an event whose handler ended in an error.
-- @param name of the event; how: stream, authentication, drop, bounce, pass
-- @param problem the error with its traceback
-- @return what the handler should have returned
function faults.refuse(name, how, host, event, problem)
	local ok, answer = xpcall(answers[how], traceback, event);
	if not ok then
		log("error", "Internal error while an event was refused (%s): %s", name, answer);
		answer = answers.fallback(how);
	end
	pcall(note, "the handler of " .. name, tostring(problem));
	if how ~= "pass" then pcall(count, host, event); end
	return answer;
end

--- Run something on a stream that is no handler of an event: on an error the stream ends.
-- @param place what it is, in words
-- @param action takes the session and one more value
function faults.on_stream(place, action, session, value)
	local ok, problem = xpcall(action, traceback, session, value);
	if ok then return; end
	pcall(note, place, tostring(problem));
	pcall(count, session.to_host, { session = session });
	pcall(answers.stream, { session = session });
end

--- Run something that is no handler of an event.
-- @param place what it is, in words
-- @return whether it went well
function faults.run(place, action)
	local ok, problem = xpcall(action, traceback);
	if not ok then pcall(note, place, tostring(problem)); end
	return ok;
end

return faults;
