--- Closes federation on every host where mod_fedgate_policy is not in force: never loaded, unloaded, lost in a reload.
--
-- It knows no rules and shares no code with the policy, so that what breaks the one does not break the other.
--
-- Option, global:
--   fedgate_load_s2s = true   for a configuration that has "s2s" in modules_disabled: mod_s2s is loaded from here,
--                             behind the guard. A server that cannot load the guard has no federation at all.
-- It reads fedgate_status_file too, to say in it that federation is closed when the policy cannot.

module:set_global();

local modulemanager = require "core.modulemanager";
local configmanager = require "core.configmanager";
local array = require "util.array";
local json = require "util.json";
local pposix = require "util.pposix";
local st = require "util.stanza";

local POLICY = "fedgate_policy";
local REASON = "federation is closed: its policy is not in force";
local PRIORITY = 1000000; -- above the policy, and above whatever else is there

local hosts = prosody.hosts;
local loaded = modulemanager.get_modules("*");

local function refuse_stream(session)
	module:log("error", "Closed a server-to-server stream of %s: %s",
		session.from_host or session.ip or "unknown", REASON);
	session:close({ condition = "policy-violation", text = "Federation is not permitted" });
end

local function may_bounce(stanza)
	return stanza.attr.type ~= "error" and stanza.attr.type ~= "result"
		and (stanza.name == "message" or stanza.name == "presence" or stanza.name == "iq");
end

local function refuse_outgoing_stanza(event)
	module:log("error", "Refused a stanza to %s: %s", event.to_host, REASON);
	if may_bounce(event.stanza) then
		local reply = st.error_reply(event.stanza, "cancel", "not-allowed", REASON);
		prosody.core_route_stanza(hosts[event.from_host], reply);
	end
	return true;
end

local function is_stream(session)
	return session and not session.dummy and type(session.type) == "string" and session.type:match("^s2s") ~= nil;
end

local function refuse_event(event)
	local session = event.origin or event.session;
	if not is_stream(session) then return nil; end
	refuse_stream(session);
	return true;
end

local function refuse_authentication(event)
	refuse_stream(event.session);
	return false;
end

local GUARDED = {
	["route/remote"] = refuse_outgoing_stanza;
	["s2s-stream-features"] = refuse_event;
	["s2sout-authenticate-legacy"] = refuse_event;
	["s2s-authenticated"] = refuse_authentication;
	["stanza/http://etherx.jabber.org/streams:features"] = refuse_event;
	["stanza/urn:ietf:params:xml:ns:xmpp-sasl:auth"] = refuse_event;
	["stanza/urn:ietf:params:xml:ns:xmpp-sasl:success"] = refuse_event;
	["stanza/urn:ietf:params:xml:ns:xmpp-sasl:failure"] = refuse_event;
	["stanza/jabber:server:dialback:result"] = refuse_event;
	["stanza/jabber:server:dialback:verify"] = refuse_event;
	["message/full"] = refuse_event; ["message/bare"] = refuse_event; ["message/host"] = refuse_event;
	["presence/full"] = refuse_event; ["presence/bare"] = refuse_event; ["presence/host"] = refuse_event;
	["iq/full"] = refuse_event; ["iq/bare"] = refuse_event; ["iq/host"] = refuse_event;
};

--- Let an event pass only while the policy has its hooks on this very host (one that was deactivated and came back is
-- another one). This runs for every stanza.
local function guard_host(host)
	for name, refuse in pairs(GUARDED) do
		module:hook_object_event(hosts[host].events, name, function (event)
			local policy, object = loaded[POLICY], hosts[host];
			local gated = policy and policy.gated;
			if gated and object ~= nil and gated[host] == object then return nil; end
			return refuse(event);
		end, PRIORITY);
	end
end

local function has_s2s_disabled(host)
	local disabled = configmanager.rawget(host, "modules_disabled");
	for _, name in ipairs(type(disabled) == "table" and disabled or {}) do
		if name == "s2s" then return true; end
	end
	return false;
end

--- A host whose own section disables s2s stays without.
local function load_s2s(host)
	if not module:get_option_boolean("fedgate_load_s2s", false) then return; end
	if modulemanager.is_loaded(host, "s2s") or has_s2s_disabled(host) then return; end
	modulemanager.load(host, "s2s");
end

local function close_all_streams()
	for _, session in pairs(module:shared("/*/s2s/sessions")) do
		if is_stream(session) then refuse_stream(session); end
	end
end

local function replace(path, text)
	local file, problem = io.open(path .. ".tmp", "w");
	local ok = file and file:write(text, "\n") and file:close();
	if ok then ok, problem = os.rename(path .. ".tmp", path); end
	if not ok then module:log("error", "Cannot write the status file %s: %s", path, problem or "write failed"); end
end

local METRICS = [[
# TYPE fedgate_enforcing gauge
fedgate_enforcing 0
# TYPE fedgate_alarm gauge
fedgate_alarm{kind="module"} 1
# EOF]];

--- The status files, as the policy would write them with nothing in force.
local function report_closed()
	local metrics = module:get_option_string("fedgate_metrics_file", "/run/prosody/fedgate.prom");
	if metrics ~= "" then replace(metrics, METRICS); end
	replace(module:get_option_string("fedgate_status_file", "/run/prosody/fedgate.json"), json.encode({
		format = 1; module = "1"; pid = pposix.getpid();
		started = math.floor(prosody.start_time); written = os.time();
		state = "closed"; reason = "the policy module is not loaded";
		generation = json.null; digest = json.null;
		alarm = { kind = "module"; reason = "the policy module is not loaded"; since = os.time() };
		faults = { count = 0; last = json.null }; blocking = json.null;
		hosts = array(); sessions = array(); refused = array(); partners = array(); partners_omitted = 0;
		totals = { stanzas = { incoming = 0; outgoing = 0 }; refused = array() };
	}));
end

local function report_unless_loaded()
	if not modulemanager.is_loaded("*", POLICY) then report_closed(); end
end

for host in pairs(hosts) do
	guard_host(host);
	load_s2s(host);
end
module:hook_global("host-activated", guard_host, 1000);
module:hook_global("host-activated", load_s2s, -1000);
module:hook_global("module-unloaded", function (event)
	if event.module ~= POLICY then return; end
	module:log("error", "mod_%s is not loaded any more: all server-to-server streams are closed", POLICY);
	close_all_streams();
	report_unless_loaded();
end);
module:hook_global("server-started", report_unless_loaded);
module:hook_global("config-reloaded", report_unless_loaded);
