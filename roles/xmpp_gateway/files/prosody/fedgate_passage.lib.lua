--- The way of a stanza, in and out: who is asked, in which order; the first objection ends it. This runs for every
-- stanza, so what several parts need to know is looked up here, once.

local passage = {};
local sessions, hosts, flow, refuse, incoming, outgoing, contacts, counts;

function passage.init(parts)
	sessions, hosts, flow, refuse = parts.sessions, parts.hosts, parts.flow, parts.refuse;
	incoming, outgoing, contacts, counts = parts.incoming, parts.outgoing, parts.contacts, parts.report.counts;
end

--- A stanza to one of ours: from outside, or from another one of ours, who is none of this module's business.
-- @param to_user whether it is to a user, not to the host: the router knows
local function inward(host, event, to_user)
	local session, stanza = event.origin, event.stanza;
	if not (session and sessions.is_stream(session)) then return nil; end
	local remote = sessions.sender(stanza);
	if not remote or hosts[remote] then return nil; end -- one of our own, passed on by a module
	if not flow.arrived(session, stanza) then return true; end
	local row = incoming.stanza(host, remote, session, stanza);
	if not row then return true; end
	local answer = contacts.stanza(host, remote, row, stanza, to_user);
	if answer ~= nil then return answer; end
	counts.stanza_in(remote);
	return nil;
end

function passage.to_user(host, event)
	return inward(host, event, true);
end

function passage.to_host(host, event)
	return inward(host, event, false);
end

--- A stanza that wants to leave.
function passage.outward(host, event)
	local row, stream, reason = outgoing.route(host, event.to_host);
	if not row then return refuse.outgoing_stanza(event, reason); end
	local answer = contacts.route(event, row);
	if answer ~= nil then return answer; end
	counts.stanza_out(event);
	if stream then flow.departed(stream); end
	return nil;
end

return passage;
