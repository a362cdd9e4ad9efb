--- Remembers which pairs of domains were allowed: that is asked for several times a stanza.
--
-- What is remembered holds for this very policy, this very block list and this very host object; with any other of
-- these it is decided anew, so nobody has to remember to forget. Refusals are not kept, and a domain has few spellings
-- that lead to a partner: strangers cannot make it grow.

local verdicts = {};

--- Put a memory before a decision.
-- @param decide takes host and remote domain, gives the partner's row, or nil and a reason
-- @param hosts Prosody's host objects by name
-- @param grounds gives two tables that the decision rests on besides, each another one when its content is; nil when
--   there is none, and then nothing is remembered
-- @return a function like `decide`
function verdicts.remembering(decide, hosts, grounds)
	local policy, blocks, by_host;

	return function (host, remote)
		local list, blocked = grounds();
		local object = hosts[host];
		if not (list and blocked and object and remote) then return decide(host, remote); end
		if list ~= policy or blocked ~= blocks then
			policy, blocks, by_host = list, blocked, setmetatable({}, { __mode = "k" });
		end
		local rows = by_host[object];
		if not rows then
			rows = {};
			by_host[object] = rows;
		end
		if rows[remote] then return rows[remote]; end
		local row, reason = decide(host, remote);
		rows[remote] = row;
		return row, reason;
	end
end

return verdicts;
