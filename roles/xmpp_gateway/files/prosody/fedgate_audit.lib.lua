--- The audit trail: one line for each verdict, who and whom, never what was said. A line is one JSON object whose keys
-- stand in a fixed order.
--
-- Allowed: when a pair of domains is authenticated on a stream. Refused: each time, but for floods: of equal refusals
-- so many a minute, and so many in all; how many were left out is said at the end of the minute.

local config_get = require "core.configmanager".get;
local json = require "util.json";
local new_cache = require "util.cache".new;
local pposix = require "util.pposix";
local new_logger = require "util.logger".init;

local NAME = "fedgate_audit";
local KEYS = { "at", "verdict", "direction", "local", "remote", "reason", "method", "tls", "certificate", "stream",
	"from", "to", "stanza", "address", "suppressed" };
local MINUTE = 60;
local EQUAL_A_MINUTE, ALL_A_MINUTE = 10, 300;
local KINDS_IN_MEMORY = 1000; -- strangers choose names
local LONGEST = 3071; -- bytes of an address (RFC 7622)

local audit = {};
local write, log, sessions;
local kinds, lines, forgotten;

local function begin_minute()
	kinds, lines, forgotten = new_cache(KINDS_IN_MEMORY, function (_, kind)
		forgotten = forgotten + kind.suppressed;
		return true;
	end), 0, 0;
end

-- Where lines go -----------------------------------------------------------------------------------------------------

local function to_syslog()
	-- What Prosody itself says there goes by the same name: that is one for the whole process.
	pposix.syslog_open("prosody", config_get("*", "syslog_facility"));
	return function (line) pposix.syslog_log("info", NAME, line); end;
end

local function to_log()
	local logger = new_logger(NAME);
	return function (line) logger("info", "%s", line); end;
end

local function to_file(path)
	local file, problem = io.open(path, "a");
	if not file then
		log("error", "The audit trail goes to the log: %s", problem);
		return to_log();
	end
	file:setvbuf("line");
	return function (line)
		local ok, failure = file:write(line, "\n");
		if not ok then log("error", "Cannot write the audit trail: %s; %s", failure, line); end
	end, file;
end

local open_file;

--- Open where the trail goes; again on a reload, when the file may have been rotated.
-- @param where syslog (the journal, where there is one), log (Prosody's own), off, or the path of a file
function audit.open(where)
	if open_file then open_file:close(); end
	open_file = nil;
	if where == "off" then
		write = nil;
	elseif where == "log" then
		write = to_log();
	elseif where:sub(1, 1) == "/" then
		write, open_file = to_file(where);
	else
		if where ~= "syslog" then log("error", "fedgate_audit is %q, not syslog, log, off or a path: syslog", where); end
		write = to_syslog();
	end
end

function audit.init(parts)
	log, sessions = parts.log, parts.sessions;
	begin_minute();
end

-- Lines --------------------------------------------------------------------------------------------------------------

local function say(facts)
	facts.at = os.date("!%Y-%m-%dT%H:%M:%SZ");
	local parts = {};
	for _, key in ipairs(KEYS) do
		local value = facts[key];
		if type(value) == "string" then value = value:sub(1, LONGEST); end
		if value ~= nil then parts[#parts + 1] = json.encode(key) .. ":" .. json.encode(value); end
	end
	write("{" .. table.concat(parts, ",") .. "}");
end

--- A pair of domains was authenticated. @param entry what fedgate_sessions noted
function audit.allowed(session, entry)
	if not write then return; end
	say({
		verdict = "allowed"; direction = session.direction;
		["local"] = sessions.name(entry.host); remote = sessions.name(entry.remote);
		method = entry.method; tls = sessions.tls_version(session); certificate = entry.certificate;
		stream = session.fedgate.id; address = session.ip;
	});
end

--- Something was refused.
-- @param host, remote as in the count of refusals
-- @param source the stanza, or the session, or nil
function audit.refused(direction, host, remote, reason, source)
	if not write then return; end
	local id = table.concat({ direction, host, remote, reason }, "\n");
	local kind = kinds:get(id) or { lines = 0; suppressed = 0; direction = direction; host = host; remote = remote;
		reason = reason };
	kinds:set(id, kind);
	if kind.lines >= EQUAL_A_MINUTE or lines >= ALL_A_MINUTE then
		kind.suppressed = kind.suppressed + 1;
		return;
	end
	kind.lines, lines = kind.lines + 1, lines + 1;
	local attr = source and source.attr;
	say({
		verdict = "refused"; direction = direction; ["local"] = host; remote = remote; reason = reason;
		from = attr and attr.from; to = attr and attr.to; stanza = attr and source.name;
		address = source and not attr and source.ip or nil;
	});
end

--- Say how many refusals of the last minute were left out, and begin the next one.
function audit.end_minute()
	if not write then return MINUTE; end
	local left, said = forgotten, 0;
	for _, kind in kinds:items() do
		if kind.suppressed > 0 and said < EQUAL_A_MINUTE then
			said = said + 1;
			say({ verdict = "refused"; direction = kind.direction; ["local"] = kind.host; remote = kind.remote;
				reason = kind.reason; suppressed = kind.suppressed });
		else
			left = left + kind.suppressed;
		end
	end
	if left > 0 then say({ verdict = "refused"; suppressed = left }); end
	begin_minute();
	return MINUTE;
end

audit.MINUTE = MINUTE;

return audit;
