--- The way of a stanza, in and out: who is asked, in which order; the first objection ends it. This runs for every
-- stanza, so what several parts need to know is looked up here, once.
--
-- A stanza that passed leaves its way with the stream: the pair, the partner's type, and what that rests on. The next
-- one of the same pair is asked at a first look (`came_again`, `leaves_again`) whether all of that is still so and
-- nothing about the stanza itself wants a closer look. If so it passes, as nearly all do; else it goes the whole way.
--
-- The first look is not protected against errors as the whole way is (fedgate_hooks): Prosody then drops the stanza, so
-- an error opens nothing. And there is no way that did not lead to its end without one.

local LOAD = {}; -- this load of the module: what another one found is not taken over

local passage = {};
local sessions, hosts, gate, block_list, flow, refuse, incoming, outgoing, contacts, counts;
local sender, is_small, is_let; -- asked at the first look

function passage.init(parts)
	sessions, hosts, gate, block_list = parts.sessions, parts.hosts, parts.gate, parts.blocked.state;
	flow, refuse, incoming, outgoing = parts.flow, parts.refuse, parts.incoming, parts.outgoing;
	contacts, counts = parts.contacts, parts.report.counts;
	sender, is_small, is_let = sessions.sender, flow.is_small, contacts.is_let;
end

--- A way holds for this very policy, this very block list and this very host object, like the verdicts
-- (fedgate_verdicts), and while the pair on the stream was held against that policy (fedgate_hold): nobody has to
-- remember to forget it.
local function grounds(host)
	return { list = gate.list; blocks = block_list.domains; object = hosts[host]; load = LOAD };
end

local function stands(way, host, remote)
	local list = gate.list;
	return way.remote == remote and way.list == list and way.entry.under == list
		and way.blocks == block_list.domains and way.object == hosts[host] and way.load == LOAD;
end

--- Finish a way that was begun with its grounds.
-- @param session the stream, or nil when there is none yet
local function complete(way, host, remote, row, session)
	way.entry = session and sessions.granted(session, host, remote);
	way.remote, way.kind, way.plain = remote, row.type, contacts.is_plain(host);
	way.free = way.plain and way.kind == "federated";
	way.record = counts.record(remote);
	return way;
end

-- In ------------------------------------------------------------------------------------------------------------------

--- A stanza to one of ours: from outside, or from another one of ours, who is none of this module's business.
-- @param to_user whether it is to a user, not to the host: the router knows
local function inward(host, event, to_user)
	local session, stanza = event.origin, event.stanza;
	if not (session and sessions.is_stream(session)) then return nil; end
	local remote = sender(stanza);
	if not remote or hosts[remote] then return nil; end -- one of our own, passed on by a module
	if not flow.arrived(session, stanza) then return true; end
	local way = session.fedgate_way;
	if not (way and stands(way, host, remote)) then
		way = grounds(host);
		local row = incoming.stanza(host, remote, session, stanza);
		if not row then return true; end
		complete(way, host, remote, row, session);
	end
	local answer = contacts.stanza(host, remote, way, stanza, to_user);
	if answer ~= nil then return answer; end
	counts.stanza_in(way.record);
	if way.entry and way.record then session.fedgate_way = way; end
	return nil;
end

function passage.to_user(host, event)
	return inward(host, event, true);
end

function passage.to_host(host, event)
	return inward(host, event, false);
end

--- Whether a stanza to a user passes at the first look; then it is counted.
function passage.came_again(host, event)
	local session, stanza = event.origin, event.stanza;
	local way = session and session.fedgate_way;
	if not way or not stands(way, host, sender(stanza)) then return false; end
	if not (way.plain and is_small(session) and is_let(host, way.kind, stanza)) then return false; end
	local record = way.record;
	record.incoming = record.incoming + 1;
	return true;
end

-- Out -----------------------------------------------------------------------------------------------------------------

--- A stanza that wants to leave. Its way is kept when there is a stream that is ready for it.
function passage.outward(host, event)
	local remote = event.to_host;
	local stream, ready = hosts[host].s2sout[remote], true;
	local way = stream and stream.fedgate_way;
	if not (way and stands(way, host, remote)) then
		way = grounds(host);
		local row;
		row, stream, ready = outgoing.route(host, remote);
		if not row then return refuse.outgoing_stanza(event, stream); end
		complete(way, host, remote, row, stream);
	end
	local answer = contacts.route(event, way);
	if answer ~= nil then return answer; end
	counts.stanza_out(way.record, event.stanza);
	if stream then flow.departed(stream); end
	if ready and way.entry and way.record then stream.fedgate_way = way; end
	return nil;
end

--- Whether a stanza leaves at the first look, whole; then it is counted.
function passage.leaves_again(host, event)
	local remote = event.to_host;
	local stream = hosts[host].s2sout[remote];
	local way = stream and stream.fedgate_way;
	if not (way and way.free and stands(way, host, remote)) then return false; end
	counts.stanza_out(way.record, event.stanza);
	flow.departed(stream);
	return true;
end

return passage;
