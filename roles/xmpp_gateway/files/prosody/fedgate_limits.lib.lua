--- How much a partner may use: reads the limits of a policy, and counts the connections (streams, both directions).
--
-- Policy key `limits` holds those for everybody; a partner's row may have its own `connection_limit`, `keepalive`,
-- `stanza_rate` and `stanza_size`. What is missing is as in Lync Server (Set-CsXmppGatewayConfiguration), which knows
-- no rate; the size is then Prosody's.
--
-- A connection has a place at each partner that it was authenticated for. Ours have theirs from the start; theirs when
-- they have proved who they are, so that nobody takes a place under another's name. Until then they stand in a crowd,
-- which is bounded too: who is there longest has to go, so that others cannot be kept out by mere waiting.

local UINT32 = 2 ^ 32 - 1;
local DAY = 86400;

local MICROSOFTS = {
	connection_limit = 1000; partner_connection_limit = 20; keepalive = true; keepalive_interval = 300;
	stream_establishment_timeout = 60; stream_inactivity_timeout = 600;
};
-- Connections, seconds, stanzas a second, bytes (RFC 6120, 13.12: at least 10,000).
local BOUNDS = {
	connection_limit = { 1, UINT32 }; partner_connection_limit = { 1, UINT32 };
	keepalive_interval = { 1, DAY };
	stream_establishment_timeout = { 1, DAY }; stream_inactivity_timeout = { 1, DAY };
	stanza_rate = { 1, 1000000 }; stanza_size = { 10000, 16777216 };
};
local OF_A_ROW = { "connection_limit", "keepalive", "stanza_rate", "stanza_size" };

local limits = {};
local gate, sessions, refuse, hosts, api;

-- held: session -> { order, rows = { partner -> row } }; used: partner -> its connections; crowd: session -> order.
local held, used, crowd;
local total, strangers, order;

local function forget_all()
	held, used, crowd, total, strangers, order = {}, {}, {}, 0, 0, 0;
end

function limits.init(parts)
	gate, sessions, refuse, hosts, api = parts.gate, parts.sessions, parts.refuse, parts.hosts, parts.api;
	forget_all();
end

-- Reading ------------------------------------------------------------------------------------------------------------

local function is_sound(name, value)
	if name == "keepalive" then return type(value) == "boolean"; end
	local bounds = BOUNDS[name];
	return bounds and type(value) == "number" and value % 1 == 0 and value >= bounds[1] and value <= bounds[2];
end

local function read_row(domain, row)
	for _, name in ipairs(OF_A_ROW) do
		if row[name] ~= nil and not is_sound(name, row[name]) then
			return ("%s of partner %s is out of bounds"):format(name, domain);
		end
	end
	row.partner = row.partner or domain;
	if type(row.partner) ~= "string" or row.partner:find("%c") then return ("partner of %s is no name"):format(domain); end
	return nil;
end

--- Read the limits of a policy file, and those in its rows.
-- @param data the decoded file; list what rules.parse made of it
-- @return limits, or nil and what is wrong
function limits.read(data, list)
	local given = data.limits == nil and {} or data.limits;
	if type(given) ~= "table" then return nil, "limits is not a mapping"; end
	local found = {};
	for name, value in pairs(MICROSOFTS) do found[name] = value; end
	for name, value in pairs(given) do
		if not is_sound(name, value) then
			return nil, ("limits: %s is not known or out of bounds"):format(tostring(name));
		end
		found[name] = value;
	end
	for domain, row in pairs(list.partners) do
		local problem = read_row(domain, row);
		if problem then return nil, problem; end
	end
	return found;
end

--- What holds for a partner; each may be asked while a policy is in force only.
function limits.connections(row)
	return row.connection_limit or gate.list.limits.partner_connection_limit;
end

function limits.rate(row)
	return row.stanza_rate or gate.list.limits.stanza_rate;
end

function limits.size(row)
	return row.stanza_size or gate.list.limits.stanza_size or api:get_option_number("s2s_stanza_size_limit", 524288);
end

--- Whether idle connections get signs of life.
function limits.keepalive(row)
	return gate.list.limits.keepalive and row.keepalive ~= false;
end

-- Counting -----------------------------------------------------------------------------------------------------------

--- Whether there is a place for a connection.
-- @param session one that may have places already, or nil for one that is not opened yet
-- @return true, or false and a reason
function limits.admit(session, row)
	local mine = session and held[session];
	if mine and mine.rows[row.partner] then return true; end
	if (used[row.partner] or 0) >= limits.connections(row) then return false, "connections"; end
	if not mine and total >= gate.list.limits.connection_limit then return false, "connections-in-all"; end
	return true;
end

local function leave_crowd(session)
	if not crowd[session] then return; end
	crowd[session] = nil;
	strangers = strangers - 1;
end

--- Take a place; one that is taken already stays one.
function limits.take(session, row)
	leave_crowd(session);
	local mine = held[session];
	if not mine then
		order = order + 1;
		mine = { order = order; rows = {} };
		held[session] = mine;
		total = total + 1;
	end
	if not mine.rows[row.partner] then used[row.partner] = (used[row.partner] or 0) + 1; end
	mine.rows[row.partner] = row;
end

--- A stream has ended.
function limits.release(session)
	leave_crowd(session);
	local mine = held[session];
	if not mine then return; end
	held[session] = nil;
	total = total - 1;
	for partner in pairs(mine.rows) do
		used[partner] = used[partner] > 1 and used[partner] - 1 or nil;
	end
end

local function join_crowd(session)
	order = order + 1;
	crowd[session] = order;
	strangers = strangers + 1;
end

local function longest_in_crowd()
	local found;
	for session, since in pairs(crowd) do
		if not found or since < crowd[found] then found = session; end
	end
	return found;
end

--- Somebody has connected, nobody knows who.
function limits.arrive(session)
	if session.type ~= "s2sin_unauthed" or not gate.list then return; end
	while strangers >= gate.list.limits.connection_limit do
		local other = longest_in_crowd();
		leave_crowd(other);
		if not other.destroyed then refuse.stream(other, "connections-in-all"); end
	end
	join_crowd(session);
end

--- All connections: those with a place, also such as are not connected yet, and the crowd.
function limits.present()
	local found = {};
	for session in pairs(held) do found[#found + 1] = session; end
	for session in pairs(crowd) do found[#found + 1] = session; end
	return found;
end

local function of_one_stream(session)
	for _, entry in pairs(session.fedgate and session.fedgate.pairs or {}) do
		local row = gate.pair(entry.host, entry.remote);
		if row then limits.take(session, row); end
	end
	if session.type == "s2sin_unauthed" then
		join_crowd(session);
	elseif session.direction == "outgoing" then
		local row = gate.pair(session.from_host, session.to_host);
		if row then limits.take(session, row); end
	end
end

--- Count anew, by the policy that is in force now; who came first stays first.
function limits.recount()
	local before, all, seen = {}, {}, {};
	for session, mine in pairs(held) do before[session] = mine.order; end
	for session, since in pairs(crowd) do before[session] = since; end
	local function add(session)
		if seen[session] or session.destroyed then return; end
		seen[session] = true;
		all[#all + 1] = session;
	end
	for _, session in ipairs(sessions.all(api)) do add(session); end
	for _, host in pairs(hosts) do
		for _, session in pairs(host.s2sout or {}) do add(session); end
	end
	table.sort(all, function (a, b)
		return (before[a] or math.huge) < (before[b] or math.huge);
	end);
	forget_all();
	if not gate.list then return; end
	for _, session in ipairs(all) do of_one_stream(session); end
end

--- The connections beyond the limits, when these have become less: the youngest ones.
-- @return list of { session, reason }
function limits.excess()
	local all, found, count, kept = {}, {}, {}, 0;
	for session, mine in pairs(held) do all[#all + 1] = { session = session; mine = mine }; end
	table.sort(all, function (a, b) return a.mine.order < b.mine.order; end);
	for _, item in ipairs(all) do
		local reason = kept >= gate.list.limits.connection_limit and "connections-in-all" or nil;
		for partner, row in pairs(item.mine.rows) do
			if (count[partner] or 0) >= limits.connections(row) then reason = "connections"; end
		end
		if reason then
			found[#found + 1] = { session = item.session; reason = reason };
		else
			kept = kept + 1;
			for partner in pairs(item.mine.rows) do count[partner] = (count[partner] or 0) + 1; end
		end
	end
	return found;
end

return limits;
