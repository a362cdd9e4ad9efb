--- Holding what was decided against the policy that is in force now: all streams after a reload, and a stream whose
-- pair was decided under another policy when it is next used.
--
-- The second is for Prosody 0.12: there a reload may come between any two steps of ours, so also between a verdict and
-- the note of it.

local hold = {};
local api, rules, sessions, refuse, gate, limits, flow, scope;

function hold.init(parts)
	api, rules, sessions, refuse, gate = parts.api, parts.rules, parts.sessions, parts.refuse, parts.gate;
	limits, flow, scope = parts.limits, parts.flow, parts.scope;
end

--- Whether a pair that was granted is still allowed, and by the way that it was authenticated.
-- @return the partner's row, or nil and a reason
function hold.stands(entry)
	local list = gate.list;
	local row, reason = gate.pair(entry.host, entry.remote);
	if not row or entry.under == list then return row, reason; end
	local ok;
	ok, reason = rules.accepts(row, entry);
	if not ok then return nil, reason; end
	entry.under = list;
	return row;
end

--- One stream: pairs that are not allowed any more are taken back; a stream that is left with none is closed.
function hold.stream(session)
	if not (session.fedgate and next(session.fedgate.pairs)) then
		refuse.stream(session, "sasl"); -- authenticated before this module was there
		return;
	end
	local withdrawn = {};
	for _, entry in pairs(session.fedgate.pairs) do
		local row, reason = hold.stands(entry);
		if not row then withdrawn[#withdrawn + 1] = { entry = entry; reason = reason }; end
	end
	for _, item in ipairs(withdrawn) do
		if sessions.withdraw(session, item.entry.host, item.entry.remote) then
			refuse.stream(session, item.reason);
			return;
		end
	end
end

--- All streams, and the places that they take.
function hold.all()
	scope.hold();
	for _, session in ipairs(sessions.all(api)) do
		-- Others are decided when they authenticate.
		if session.type == "s2sin" or session.type == "s2sout" then hold.stream(session); end
	end
	if not gate.list then return; end
	limits.recount();
	for _, item in ipairs(limits.excess()) do
		if item.session.conn then refuse.stream(item.session, item.reason); end
	end
	for _, session in ipairs(sessions.all(api)) do flow.refresh(session); end
end

return hold;
