--- What passed and what did not, for each partner. A stanza costs one addition in the record of its partner, and asks
-- for no time: whether any passed is seen by a look at all records now and then. Strangers cost nothing, as only
-- partners have a record. The numbers begin at zero when the server starts.

local array = require "util.array";
local null = require "util.json".null;
local time = os.time;

local MOST_REPORTED = 1000; -- partners in a report, the latest seen first

local DIRECTIONS = { "incoming", "outgoing" };
local REFUSAL = { "direction", "reason" };

local counts = { dirty = false };
-- gone: what those had passed who are no partners any more.
local totals = { gone = { incoming = 0; outgoing = 0 }; refused = {}; };
local partners = {}; -- A-labels to record
local spelt = {}; -- the same records by the domain as Prosody spells it
local gate, sessions;

function counts.init(parts)
	gate, sessions = parts.gate, parts.sessions;
end

local function new_record(name)
	return { name = name; incoming = 0; outgoing = 0; told = {}; last = {}; refused = {}; methods = {}; latest = 0; };
end

--- The record of a partner; nil for a domain that is none.
local function find(remote)
	local name = sessions.name(remote);
	if not (name and gate.list and gate.list.partners[name]) then return nil; end
	local record = partners[name] or new_record(name);
	partners[name], spelt[remote] = record, record;
	return record;
end

--- The record of a partner, whose stanzas are counted in it until the policy changes; nil for a domain that is none.
function counts.record(remote)
	return spelt[remote] or find(remote);
end

--- A stanza from outside that may pass. Comes after all that may refuse it.
function counts.stanza_in(record)
	if record then record.incoming = record.incoming + 1; end
end

--- A stanza that may leave. Comes after all that may refuse it; questions about dialback keys are no stanzas.
function counts.stanza_out(record, stanza)
	local name = stanza.name;
	if record and (name == "message" or name == "presence" or name == "iq") then
		record.outgoing = record.outgoing + 1;
	end
end

--- See what passed since the last look, and note the time for it.
function counts.look()
	local now = time();
	for _, record in pairs(partners) do
		for _, direction in ipairs(DIRECTIONS) do
			local number = record[direction];
			if number ~= (record.told[direction] or 0) then
				record.told[direction], record.last[direction] = number, now;
				counts.dirty = true;
			end
		end
	end
end

local function add(list, key)
	list[key] = (list[key] or 0) + 1;
end

--- A pair was authenticated. @param tls its version, or nil
function counts.authenticated(direction, remote, method, tls)
	local record = find(remote);
	if not record then return; end
	add(record.methods, table.concat({ direction, method, tls or "" }, "\n"));
	record.latest = time();
	counts.dirty = true;
end

--- Something was refused.
function counts.refused(direction, remote, reason)
	local key = direction .. "\n" .. reason;
	add(totals.refused, key);
	local record = remote and find(remote);
	if not record then return; end
	add(record.refused, key);
	record.latest = time();
end

--- After the policy changed: forget who is no partner any more.
function counts.keep_partners()
	spelt = {};
	for name, record in pairs(partners) do
		if not gate.list.partners[name] then
			for _, direction in ipairs(DIRECTIONS) do
				totals.gone[direction] = totals.gone[direction] + record[direction];
			end
			partners[name] = nil;
		end
	end
end

-- Reporting -----------------------------------------------------------------------------------------------------------

--- Counts by words as a sorted list. @param names what the words are called
local function as_list(list, names)
	local keys, found = {}, array();
	for key in pairs(list) do keys[#keys + 1] = key; end
	table.sort(keys);
	for index, key in ipairs(keys) do
		local item, number = { count = list[key] }, 0;
		for word in (key .. "\n"):gmatch("(.-)\n") do
			number = number + 1;
			item[names[number]] = word ~= "" and word or null;
		end
		found[index] = item;
	end
	return found;
end

local function last_seen(record)
	return math.max(record.latest, record.last.incoming or 0, record.last.outgoing or 0);
end

local function describe(record, streams)
	return {
		remote = record.name;
		stanzas = { incoming = record.incoming; outgoing = record.outgoing };
		last = { incoming = record.last.incoming or null; outgoing = record.last.outgoing or null };
		refused = as_list(record.refused, REFUSAL);
		methods = as_list(record.methods, { "direction", "method", "tls" });
		streams = streams or { incoming = 0; outgoing = 0 };
	};
end

local function streams_by_remote(open)
	local found = {};
	for _, stream in ipairs(open) do
		local number = found[stream.remote] or { incoming = 0; outgoing = 0 };
		found[stream.remote] = number;
		number[stream.direction] = number[stream.direction] + 1;
	end
	return found;
end

--- How many passed in all.
local function passed(direction)
	local sum = totals.gone[direction];
	for _, record in pairs(partners) do sum = sum + record[direction]; end
	return sum;
end

--- All of it, as plain data.
-- @param open the open streams, each with remote and direction
-- @return list of partners (at most MOST_REPORTED, the latest seen first), how many are left out, totals
function counts.report(open)
	local records = {};
	counts.look();
	for _, record in pairs(partners) do records[#records + 1] = record; end
	for _, record in ipairs(records) do record.seen = last_seen(record); end
	table.sort(records, function (a, b) return a.seen > b.seen or a.seen == b.seen and a.name < b.name; end);
	local streams, list = streams_by_remote(open), array();
	for index = 1, math.min(#records, MOST_REPORTED) do
		list[index] = describe(records[index], streams[records[index].name]);
	end
	local sum = {
		stanzas = { incoming = passed("incoming"); outgoing = passed("outgoing") };
		refused = as_list(totals.refused, REFUSAL);
	};
	return list, #records - #list, sum;
end

--- What outlives a reload of the module.
function counts.save()
	return { partners = partners; totals = totals };
end

--- Take over what an earlier load of the module saved; one that had other fields leaves their times behind.
function counts.restore(saved)
	if not saved then return; end
	partners, totals = saved.partners, saved.totals;
	for _, record in pairs(partners) do record.told, record.last = record.told or {}, record.last or {}; end
	if totals.gone then return; end
	local sums = totals;
	totals.gone = { incoming = 0; outgoing = 0 };
	for _, direction in ipairs(DIRECTIONS) do totals.gone[direction] = sums[direction] - passed(direction); end
end

return counts;
