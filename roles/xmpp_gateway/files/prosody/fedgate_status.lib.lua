--- The status file, format 1: what the running server enforces, which streams it serves, whom it refused.
--
-- Written beside and renamed, so that a reader sees a whole one; changes are gathered for a moment, so that a flood of
-- refusals costs one write.

local array = require "util.array";
local json = require "util.json";
local pposix = require "util.pposix";
local now = require "util.time".now;

local FORMAT = 1;
local MODULE_VERSION = "1";
local GATHER = 0.3; -- seconds

local status = {};
local path, sessions, refuse, gate, blocked, api, started;
local waiting = false;

function status.init(module, options)
	api, path, sessions, refuse, gate = module, options.path, options.sessions, options.refuse, options.gate;
	blocked = options.blocked;
	started = math.floor(options.started or now());
end

local function or_null(value)
	if value == nil then return json.null; end
	return value;
end

local function describe(session, entry)
	return {
		id = session.fedgate.id;
		direction = session.direction;
		["local"] = sessions.name(entry.host);
		remote = sessions.name(entry.remote);
		method = entry.method;
		tls = or_null(sessions.tls_version(session));
		certificate = entry.certificate;
		since = entry.since;
	};
end

local function current_sessions()
	local list = array();
	for _, session in ipairs(gate.stopped and {} or sessions.all(api)) do -- the guard closes them
		for _, entry in pairs(session.fedgate and session.fedgate.pairs or {}) do
			list:push(describe(session, entry));
		end
	end
	table.sort(list, function (a, b)
		return a.since ~= b.since and a.since < b.since or a.since == b.since and a.id < b.id;
	end);
	return list;
end

local function refusals()
	local list = array();
	for _, counter in pairs(refuse.counters) do
		list:push({
			remote = counter.remote; ["local"] = counter.host; direction = counter.direction;
			reason = counter.reason; count = counter.count; last = counter.last;
		});
	end
	table.sort(list, function (a, b) return a.last > b.last; end);
	return list;
end

local function snapshot()
	local list = gate.list;
	return {
		format = FORMAT;
		module = MODULE_VERSION;
		pid = pposix.getpid();
		started = started;
		written = math.floor(now());
		state = list and not gate.stopped and "enforcing" or "closed";
		reason = or_null(gate.reason);
		generation = or_null(list and list.generation);
		digest = or_null(gate.digest);
		hosts = array(list and list.host_names or {});
		blocking = blocked.describe();
		sessions = current_sessions();
		refused = refusals();
	};
end

--- Write the file now. Failure is logged and never stops federation.
function status.write()
	local temporary = path .. ".tmp";
	local file, problem = io.open(temporary, "w");
	local ok = file and file:write(json.encode(snapshot()), "\n") and file:close();
	if ok then ok, problem = os.rename(temporary, path); end
	if not ok then api:log("error", "Cannot write the status file %s: %s", path, problem or "write failed"); end
end

--- Write the file soon.
function status.touch()
	if waiting then return; end
	waiting = true;
	api:add_timer(GATHER, function ()
		waiting = false;
		if not gate.stopped then status.write(); end
	end);
end

return status;
