--- What is told of the gate's work: counts, audit trail, alarms, faults, and the watch over the policy file. This part
-- makes the others and ties them together; the rest knows only it.

local report = {
	alarms = module:require "fedgate_alarms";
	faults = module:require "fedgate_faults";
	counts = module:require "fedgate_counts";
	audit = module:require "fedgate_audit";
	metrics = module:require "fedgate_metrics";
	watch = module:require "fedgate_watch";
};
local alarms, faults, counts, audit, watch = report.alarms, report.faults, report.counts, report.audit, report.watch;
local sessions, status, gate;

local function open_audit()
	audit.open(module:get_option_string("fedgate_audit", "syslog"));
end

--- @param parts log, sessions, refuse, gate, router, status; inspect: for fedgate_watch
function report.init(parts)
	sessions, status, gate = parts.sessions, parts.status, parts.gate;
	alarms.init({ log = parts.log; changed = status.touch });
	faults.init({ log = parts.log; alarms = alarms; refuse = parts.refuse; router = parts.router });
	counts.init(parts);
	audit.init(parts);
	watch.init({ gate = gate; alarms = alarms; inspect = parts.inspect });
	open_audit();
end

--- After a pair was authenticated on a stream; the entry is the one that was just made.
function report.authenticated(host, event)
	local session, remote = event.session, event.host;
	if session.direction == "outgoing" then host, remote = session.from_host, session.to_host; end
	local entry = sessions.granted(session, host, remote);
	if not entry then return nil; end
	counts.authenticated(session.direction, entry.remote, entry.method, sessions.tls_version(session));
	audit.allowed(session, entry);
	return nil;
end

--- After something was refused. @param source the stanza or the session, or nil
function report.refused(direction, host, remote, reason, source)
	counts.refused(direction, remote, reason);
	audit.refused(direction, host, remote, reason, source);
	status.touch();
end

--- After a policy came into force.
function report.in_force()
	alarms.clear("policy");
	counts.keep_partners();
end

--- Before a reload: who asks for it has seen what was wrong, so an alarm over a fault ends, until the next fault.
function report.reloaded()
	alarms.clear("fault");
	faults.run("the audit trail", open_audit);
end

--- Do something again and again; an error does not end that.
local function repeatedly(seconds, name, action)
	module:add_timer(seconds, function ()
		if gate.stopped then return nil; end
		faults.run(name, action);
		return seconds;
	end);
end

--- Begin with what goes on by itself. @param path of the policy file, as a function
function report.start(path)
	status.follow_traffic(math.max(0.1, module:get_option_number("fedgate_status_interval", 5)));
	repeatedly(audit.MINUTE, "the audit trail", audit.end_minute);
	local every = math.max(0.1, module:get_option_number("fedgate_policy_check", 60));
	repeatedly(every, "a look at the policy file", function ()
		watch.look(path());
		status.touch(); -- a report that gets old tells that nobody reports any more
	end);
end

--- What outlives a reload of the module.
function report.save()
	return { counts = counts.save(); faults = faults.count };
end

function report.restore(saved)
	counts.restore(saved and saved.counts);
	faults.count = saved and saved.faults or 0;
end

return report;
