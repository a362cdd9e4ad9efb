--- The status in numbers: OpenMetrics text (openmetrics.io, 1.0), which node_exporter's textfile collector reads too.
-- A pure function of what the status file says.

local null = require "util.json".null;

local ESCAPES = { ["\\"] = "\\\\"; ['"'] = '\\"'; ["\n"] = "\\n" };

local metrics = {};

local function labels(list)
	local parts = {};
	for index = 1, #list, 2 do
		local value = list[index + 1];
		value = (value == nil or value == null) and "" or tostring(value);
		parts[#parts + 1] = ('%s="%s"'):format(list[index], (value:gsub('[\\"\n]', ESCAPES)));
	end
	return #parts > 0 and "{" .. table.concat(parts, ",") .. "}" or "";
end

--- One family of samples.
-- @param out lines so far; kind: gauge or counter
-- @return a function that adds a sample: its value and its labels, name and value by turns
local function family(out, name, kind, help)
	out[#out + 1] = ("# TYPE %s %s"):format(name, kind);
	out[#out + 1] = ("# HELP %s %s"):format(name, help);
	local sample = kind == "counter" and name .. "_total" or name;
	return function (value, ...)
		if value == nil or value == null then return; end
		out[#out + 1] = ("%s%s %s"):format(sample, labels({ ... }), ("%.14g"):format(value));
	end
end

local function whole_server(out, status)
	family(out, "fedgate_enforcing", "gauge", "Whether a policy is in force; without one nobody federates.")(
		status.state == "enforcing" and 1 or 0);
	family(out, "fedgate_policy_generation", "gauge", "Generation of the policy in force.")(status.generation);
	local alarm = family(out, "fedgate_alarm", "gauge", "Whether there is an alarm of a kind; the gravest is shown.");
	for _, kind in ipairs({ "fault", "module", "policy" }) do
		alarm(status.alarm ~= null and status.alarm.kind == kind and 1 or 0, "kind", kind);
	end
	family(out, "fedgate_faults", "counter", "Errors in handlers of the policy; the event was refused.")(
		status.faults.count);
	family(out, "fedgate_start_time_seconds", "gauge", "Unix time at which the server started.")(status.started);
	family(out, "fedgate_report_time_seconds", "gauge", "Unix time of this report, at most some minutes old.")(
		status.written);
end

local function totals(out, status)
	local stanzas = family(out, "fedgate_stanzas", "counter", "Stanzas that were allowed.");
	for _, direction in ipairs({ "incoming", "outgoing" }) do
		stanzas(status.totals.stanzas[direction], "direction", direction);
	end
	local refused = family(out, "fedgate_refused", "counter", "Streams and stanzas that were refused, strangers' too.");
	for _, item in ipairs(status.totals.refused) do
		refused(item.count, "direction", item.direction, "reason", item.reason);
	end
end

local DIRECTIONS = { "incoming", "outgoing" };

--- A family with one sample for each partner and direction, from a table of the partner by direction.
local function by_direction(out, status, key, name, kind, help)
	local sample = family(out, name, kind, help);
	for _, partner in ipairs(status.partners) do
		for _, direction in ipairs(DIRECTIONS) do
			sample(partner[key][direction], "remote", partner.remote, "direction", direction);
		end
	end
end

--- A family with one sample for each partner and item of a list of its own.
local function by_item(out, status, key, fields, name, help)
	local sample = family(out, name, "counter", help);
	for _, partner in ipairs(status.partners) do
		for _, item in ipairs(partner[key]) do
			local pairs_of_labels = { "remote", partner.remote };
			for _, field in ipairs(fields) do
				pairs_of_labels[#pairs_of_labels + 1] = field;
				pairs_of_labels[#pairs_of_labels + 1] = item[field];
			end
			sample(item.count, table.unpack(pairs_of_labels));
		end
	end
end

--- @param status what the status file says
-- @return the text
function metrics.text(status)
	local out = {};
	whole_server(out, status);
	totals(out, status);
	by_direction(out, status, "stanzas", "fedgate_partner_stanzas", "counter", "Stanzas that were allowed.");
	by_item(out, status, "refused", { "direction", "reason" }, "fedgate_partner_refused",
		"Streams and stanzas that were refused.");
	by_item(out, status, "methods", { "direction", "method", "tls" }, "fedgate_partner_authentications",
		"Pairs of domains that were authenticated; without TLS the label tls is empty.");
	by_direction(out, status, "last", "fedgate_partner_last_seen_seconds", "gauge",
		"Unix time of the report that first counted the last stanza that was allowed.");
	by_direction(out, status, "streams", "fedgate_partner_streams", "gauge", "Open streams.");
	out[#out + 1] = "# EOF\n";
	return table.concat(out, "\n");
end

return metrics;
