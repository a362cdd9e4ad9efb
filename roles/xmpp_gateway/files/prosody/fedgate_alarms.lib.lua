--- Alarms: what somebody has to look at, each kind once: the policy file is not what was written (`policy`), or a
-- handler of ours ran into an error (`fault`). In the log as an error when it begins, in the status until it ends.

local alarms = {};
local log, changed;
local raised = {}; -- kind to { kind, reason, since }

-- The gravest first: the status shows one.
local KINDS = { "policy", "fault" };

--- @param parts log: the module's; changed: called when an alarm begins, changes or ends
function alarms.init(parts)
	log, changed = parts.log, parts.changed;
end

--- @param kind policy or fault
function alarms.raise(kind, reason)
	local present = raised[kind];
	if present and present.reason == reason then return; end
	raised[kind] = { kind = kind; reason = reason; since = present and present.since or os.time() };
	log("error", "Alarm (%s): %s", kind, reason);
	changed();
end

function alarms.clear(kind)
	if not raised[kind] then return; end
	raised[kind] = nil;
	log("info", "The alarm (%s) is over", kind);
	changed();
end

--- The gravest alarm, { kind, reason, since }, or nil.
function alarms.current()
	for _, kind in ipairs(KINDS) do
		if raised[kind] then return raised[kind]; end
	end
	return nil;
end

--- Whether there is an alarm of a kind.
function alarms.is_raised(kind)
	return raised[kind] ~= nil;
end

alarms.KINDS = KINDS;

return alarms;
