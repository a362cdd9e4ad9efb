--- Who may federate, with which security: the policy of one server, per pair of domains.
--
-- A global module. It hooks every host, present and future, components too: a host that the policy does not list has
-- no federation in either direction. Without a policy that was read once, nobody federates.
--
-- Options, all global:
--   fedgate_policy_file = "/etc/prosody/fedgate/policy.json"   read at start and on reload (SIGHUP)
--   fedgate_policy_check = 60                                   seconds between two looks at that file
--   fedgate_blocked_file = "/etc/prosody/fedgate/blocked.json"   who is shut out whatever the policy says; likewise
--   fedgate_status_file = "/run/prosody/fedgate.json"
--   fedgate_status_interval = 5                                 seconds between two reports of mere traffic
--   fedgate_metrics_file = "/run/prosody/fedgate.prom"          "" for none
--   fedgate_audit = "syslog"                                    or "log", "off", or the path of a file
-- Load mod_fedgate_guard beside it: that one closes federation while this module is not in force.

module:set_global();

local json = require "util.json";
local sha256 = require "util.hashes".sha256;
local modulemanager = require "core.modulemanager";

local rules = module:require "fedgate_rules";
local book = module:require "fedgate_book";
local blocked = module:require "fedgate_blocked";
local verdicts = module:require "fedgate_verdicts";
local sessions = module:require "fedgate_sessions";
local refuse = module:require "fedgate_refuse";
local incoming = module:require "fedgate_incoming";
local outgoing = module:require "fedgate_outgoing";
local consent = module:require "fedgate_consent";
local carry = module:require "fedgate_carry";
local private = module:require "fedgate_private";
local components = module:require "fedgate_components";
local directory = module:require "fedgate_directory";
local scope = module:require "fedgate_scope";
local contacts = module:require "fedgate_contacts";
local limits = module:require "fedgate_limits";
local flow = module:require "fedgate_flow";
local timing = module:require "fedgate_timing";
local routes = module:require "fedgate_routes";
local passage = module:require "fedgate_passage";
local hooks = module:require "fedgate_hooks";
local hold = module:require "fedgate_hold";
local status = module:require "fedgate_status";
local integrity = module:require "fedgate_integrity";
local report = module:require "fedgate_report";

local hosts = prosody.hosts;
local environment = module.environment;
local loaded = modulemanager.get_modules("*");

-- list: the policy in force, or nil; digest: of the file it came from; reason: why the file is not what is in force.
local gate = { list = nil; digest = nil; reason = nil; stopped = false };

local function decide(host, remote)
	local name, remote_name = sessions.name(host), sessions.name(remote);
	local row, reason = rules.pair(gate.list, name, remote_name);
	if gate.list and blocked.covers(remote_name) then return nil, "blocked"; end
	if row and not components.admit(gate.list, host, name, row.type) then return nil, "component"; end
	return row, reason;
end

--- The row for a pair of domains as Prosody spells them, or nil and a reason.
gate.pair = verdicts.remembering(decide, hosts, function () return gate.list, blocked.current(); end);

--- Why a host of ours does not federate, or nil when it does.
function gate.host(host)
	if not gate.list then return "closed"; end
	return not gate.list.hosts[sessions.name(host)] and "host-not-federated" or nil;
end

-- Reading the policy -------------------------------------------------------------------------------------------------

local function parse(bytes, path)
	local data, problem = json.decode(bytes);
	if data == nil then return nil, ("%s is not JSON: %s"):format(path, tostring(problem)); end
	local list;
	list, problem = rules.parse(data);
	if list then problem = select(2, integrity.check(bytes, data)); end
	if list and not problem then list.components, problem = components.read(data, list); end
	if list and not problem then list.limits, problem = limits.read(data, list); end
	if list and not problem then list.scope, problem = scope.read(data); end
	if problem then return nil, ("%s is no policy: %s"):format(path, problem); end
	return list;
end

local function log_unsupported(list)
	for domain, reason in pairs(list.unsupported) do
		module:log("error", "Partner %s is refused: %s is not supported by this module", domain, reason);
	end
end

--- Prosody's own switches hold for all partners: say where they forbid what a row leaves.
local function log_overruled(list)
	local demanded = module:get_option_boolean("s2s_require_encryption", true) and "s2s_require_encryption"
		or module:get_option_boolean("s2s_secure_auth", false) and "s2s_secure_auth";
	if not demanded then return; end
	book.each(list.partners, function (domain, row)
		if rules.leaves_dialback(row, false) then
			module:log("error", "Partner %s may go without TLS, but %s is set for everybody", domain, demanded);
		end
	end);
end

local function policy_path()
	return module:get_option_string("fedgate_policy_file", "/etc/prosody/fedgate/policy.json");
end

--- For fedgate_watch: the digest of a file's bytes, or nil and what is wrong with it.
local function inspect(path)
	local bytes, problem = integrity.read(path);
	if not bytes then return nil, problem; end
	local digest = sha256(bytes, true);
	if digest == gate.digest then return digest; end
	local list;
	list, problem = parse(bytes, path);
	return list and digest, problem;
end

--- Read the file; what was in force stays when it cannot be used.
local function load_policy()
	report.watch.note(policy_path());
	local bytes, list, problem;
	problem = blocked.unknown();
	if problem then gate.list = nil; else bytes, problem = integrity.read(policy_path()); end
	if bytes then list, problem = parse(bytes, policy_path()); end
	if not list then
		gate.reason = problem;
		report.alarms.raise("policy", problem);
		module:log("error", "%s: %s", gate.list and "The policy stays as it was" or "Nobody federates", problem);
		return;
	end
	list.partners = book.pack(list.partners);
	scope.prepare();
	gate.list, gate.digest, gate.reason = list, sha256(bytes, true), nil;
	report.in_force();
	log_unsupported(list);
	log_overruled(list);
	module:log("info", "Policy generation %d is in force: %d hosts", list.generation, #list.host_names);
end

-- Reloading -----------------------------------------------------------------------------------------------------------

--- Who is blocked does not wait for the policy, nor for Prosody's own configuration: this one may be broken as well.
local function reload_blocked()
	report.faults.run("reading the block list again", function ()
		if blocked.load() then hold.all(); end
	end);
	status.write();
end

local function reload()
	report.reloaded();
	local ok = report.faults.run("reading the policy again", function ()
		load_policy();
		hold.all();
	end);
	if not ok then gate.reason = "internal error while the policy was read again; see the log"; end
	status.write();
end

-- Hooks --------------------------------------------------------------------------------------------------------------

--- A load that failed half-way leaves its handlers behind; they must not speak for the module that came after it.
local function is_live()
	return loaded.fedgate_policy == environment;
end

local function hook_global(event, handler, priority)
	module:hook_global(event, function (data)
		if not is_live() then return nil; end
		local ok, answer = xpcall(handler, debug.traceback, data);
		if ok then return answer; end
		return report.faults.refuse(event, "pass", nil, data, answer);
	end, priority);
end

--- The rows decide on certificates, not `s2s_secure_auth`: it knows no partners, and would run before the row is known.
local function own_certificate_verdict()
	return true;
end

local parts = {
	rules = rules; sessions = sessions; gate = gate; blocked = blocked; hosts = hosts;
	log = function (...) module:log(...); end; router = prosody;
	incoming = incoming; outgoing = outgoing; contacts = contacts;
	consent = consent; private = private; components = components; is_live = is_live; api = module;
	scope = scope; directory = directory;
	hold = hold; limits = limits; flow = flow; timing = timing; routes = routes;
	passage = passage; refuse = refuse; report = report; faults = report.faults; status = status;
	inspect = inspect;
};
blocked.init(module);
report.init(parts);
refuse.init({ log = parts.log; noted = report.refused; router = prosody; name = sessions.name; });
for _, part in ipairs({ hold, limits, flow, timing, routes }) do part.init(parts); end
incoming.init(parts);
outgoing.init(parts);
consent.init(parts);
carry.init(parts);
components.init(parts);
directory.init(parts);
scope.init(parts);
contacts.init(parts);
passage.init(parts);
hooks.init(parts);
status.init(module, {
	path = module:get_option_string("fedgate_status_file", "/run/prosody/fedgate.json");
	metrics_path = module:get_option_string("fedgate_metrics_file", "/run/prosody/fedgate.prom");
	sessions = sessions; refuse = refuse; gate = gate; blocked = blocked; started = prosody.start_time;
	report = report;
});

local function take_over(saved)
	if not saved then return; end
	gate.list, gate.digest = saved.list, saved.digest;
	if gate.list and not gate.list.limits then gate.list.limits = limits.read({}, gate.list); end -- an older module's
	blocked.restore(saved.blocked);
	refuse.counters, refuse.order = saved.counters or {}, saved.order or 0;
	report.restore(saved.report);
end

function module.save()
	return {
		list = gate.list; digest = gate.digest; blocked = blocked.save();
		counters = refuse.counters; order = refuse.order; report = report.save();
	};
end

function module.unload()
	environment.gated = {};
	routes.close();
	for _, session in ipairs(sessions.all(module)) do flow.detach(session); end
	gate.stopped, gate.reason = true, "the policy module is not loaded";
	status.write();
end

local function gate_host(host)
	hooks.gate(host);
	environment.gated[host] = hosts[host];
end

-- mod_fedgate_guard looks here: a host is open to the policy only when its hooks are all in place.
environment.gated = {};
take_over(module.saved_state);
blocked.load();
load_policy();
for host in pairs(hosts) do gate_host(host); end
hook_global("host-activated", gate_host, 1000);
hook_global("host-deactivated", function (host) environment.gated[host] = nil; end);
hook_global("reloading-config", reload_blocked); -- before the configuration is read, whatever becomes of it
hook_global("config-reloaded", reload);
hook_global("user-deleted", consent.user_deleted, -10); -- mod_roster 300
hook_global("user-deleted", carry.user_deleted, -10);
hook_global("admin/fedgate-contacts", carry.asked);
hook_global("s2s-check-certificate", own_certificate_verdict, 5);
for _, event in ipairs({ "s2sin-established", "s2sout-established", "s2s-destroyed" }) do
	hook_global(event, function () status.touch(); end);
end
hook_global("s2sin-established", flow.established);
hook_global("s2sout-established", flow.established);
hook_global("s2s-destroyed", function (event) limits.release(event.session); end);
hook_global("s2s-created", function (event)
	limits.arrive(event.session);
	timing.connected(event.session);
end);

--- Last, when nothing can fail any more; streams from before are held against the policy from here on.
function module.load()
	hold.all();
	routes.open();
	timing.start();
	status.write();
	report.start(policy_path);
end
