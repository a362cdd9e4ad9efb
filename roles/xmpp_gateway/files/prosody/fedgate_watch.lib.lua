--- Looks at the policy file between two reloads, so that a change behind our back is seen before the next one.
--
-- The policy in force stays what it is: only a reload reads another one. A file that is whole and not loaded yet is no
-- reason for an alarm.

local integrity = module:require "fedgate_integrity";

local watch = {};
local inspect, gate, alarms;
local seen; -- the file's signature at the last look
local reads = 0; -- how often the policy was read

--- @param parts gate, alarms; inspect: reads the file, gives the digest of its bytes, or nil and what is wrong
function watch.init(parts)
	inspect, gate, alarms = parts.inspect, parts.gate, parts.alarms;
end

--- Take the file as it is now for known. Before it is read: what changes meanwhile is seen at the next look.
function watch.note(path)
	seen = integrity.signature(path);
	reads = reads + 1;
end

--- Look at the file; read it when it is not the one that was seen last.
function watch.look(path)
	local signature = integrity.signature(path);
	if signature and signature == seen then return; end
	seen = signature;
	local before = reads;
	local digest, problem = inspect(path);
	if reads ~= before then return; end -- 0.12 reloads between any two instructions
	if not digest then
		gate.reason = problem;
		alarms.raise("policy", problem);
	elseif digest == gate.digest then
		gate.reason = nil;
		alarms.clear("policy");
	end
end

return watch;
