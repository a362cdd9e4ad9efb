--- The status file, format 1: what the running server enforces, which streams it serves, whom it refused, what passed.
-- Beside it the same in numbers, for monitoring (fedgate_metrics).
--
-- Written beside and renamed, so that a reader sees a whole one; changes are gathered for a moment, so that a flood of
-- refusals costs one write. Where a write takes long, as there are very many partners and streams, there are fewer.

local array = require "util.array";
local json = require "util.json";
local pposix = require "util.pposix";
local now = require "util.time".now;

local FORMAT = 1;
local MODULE_VERSION = "1";
local GATHER, GATHER_AT_MOST = 0.3, 3; -- seconds between a change and the file that shows it
local GATHER_SHARE, TRAFFIC_SHARE = 10, 50; -- at most one part in so many of the time goes into writing

local status = {};
local path, metrics_path, sessions, refuse, gate, blocked, api, started, counts, alarms, faults, metrics;
local waiting, writing, again = false, false, false;
local cost = 0; -- CPU seconds that the last write took

function status.init(module, options)
	api, path, sessions, refuse, gate = module, options.path, options.sessions, options.refuse, options.gate;
	local report = options.report;
	counts, alarms, faults, metrics = report.counts, report.alarms, report.faults, report.metrics;
	metrics_path = options.metrics_path ~= "" and options.metrics_path or nil;
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
	local list, open = gate.list, current_sessions();
	local partners, omitted, totals = counts.report(open);
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
		alarm = or_null(alarms.current());
		faults = { count = faults.count; last = or_null(faults.last) };
		blocking = blocked.describe();
		sessions = open;
		refused = refusals();
		partners = partners;
		partners_omitted = omitted;
		totals = totals;
	};
end

--- Replace a file whole. Failure is logged and never stops federation.
local function replace(name, text)
	local temporary = name .. ".tmp";
	local file, problem = io.open(temporary, "w");
	local ok = file and file:write(text) and file:close();
	if ok then ok, problem = os.rename(temporary, name); end
	if not ok then api:log("error", "Cannot write the status file %s: %s", name, problem or "write failed"); end
end

local function write()
	local begun = os.clock();
	local content = snapshot();
	counts.dirty = false;
	if metrics_path then -- first: who sees the status finds the metrics that belong to it
		faults.run("the metrics", function () replace(metrics_path, metrics.text(content)); end);
	end
	replace(path, json.encode(content) .. "\n");
	cost = os.clock() - begun;
end

--- Write the files now. Prosody 0.12 runs a reload by SIGHUP between any two instructions, also of this: what was read
-- before it must not be written after it, so a write that meets another one has that one begin again.
function status.write()
	again = true;
	while again and not writing do
		writing, again = true, false;
		faults.run("the status file", write);
		writing = false;
	end
end

--- Write the files soon.
function status.touch()
	if waiting then return; end
	waiting = true;
	api:add_timer(math.min(math.max(GATHER, GATHER_SHARE * cost), GATHER_AT_MOST), function ()
		waiting = false;
		if not gate.stopped then status.write(); end
	end);
end

--- Write the files now and then while nothing happens but traffic.
-- @param interval seconds
function status.follow_traffic(interval)
	api:add_timer(interval, function ()
		if gate.stopped then return nil; end
		counts.look();
		if counts.dirty then status.write(); end
		return math.max(interval, TRAFFIC_SHARE * cost);
	end);
end

return status;
