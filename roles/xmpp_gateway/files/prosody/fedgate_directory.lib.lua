--- In which groups of the directory a user of ours is, asked with the settings of Prosody's own mod_auth_ldap.
--
-- What the directory said holds for `fedgate_groups_refresh` seconds and is asked again after a reload; while it does
-- not answer, for `fedgate_groups_keep`. What is not known counts against the user: nobody is in a group that lets its
-- members federate, everybody in one that does not.
--
-- lua-ldap waits for its answers, and so does the whole server: an answer is waited for a few seconds at most, and
-- after a failure the directory is left alone for a while.

local new_cache = require "util.cache".new;
local now = require "util.time".now;

local USERS_IN_MEMORY = 20000;
local PATIENCE = 3; -- seconds for an answer, where lua-ldap takes a time-out (1.4)
local PAUSE = 30; -- seconds after a failure

-- Direct members; in Active Directory also those of groups within groups (LDAP_MATCHING_RULE_IN_CHAIN).
local MEMBER = "(|(member=%s)(uniqueMember=%s)(memberUid=%s)(member:1.2.840.113556.1.4.1941:=%s))";

local directory = {};
local api, refresh, keep;
local memory = new_cache(USERS_IN_MEMORY);
local connections = {}; -- by host
local paused = {}; -- host to the time until when it is left alone

function directory.init(parts)
	api = parts.api;
	refresh = api:get_option_number("fedgate_groups_refresh", 300);
	keep = api:get_option_number("fedgate_groups_keep", 3600);
end

local function escape(value)
	return (value:gsub("[*()\\%z]", function (char) return ("\\%02x"):format(char:byte()); end));
end

--- What mod_auth_ldap of a host is told, with its defaults; nil and why there is none.
local function settings_of(host)
	local options = api:context(host);
	local base = options:get_option_string("ldap_base");
	if options:get_option_string("authentication") ~= "ldap" or not base then
		return nil, "its users are in no directory";
	end
	return {
		server = options:get_option_string("ldap_server", "localhost");
		name = options:get_option_string("ldap_rootdn", "");
		password = options:get_option_string("ldap_password", "");
		tls = options:get_option_boolean("ldap_tls");
		base = base;
		scope = options:get_option_string("ldap_scope", "subtree");
		filter = options:get_option_string("ldap_filter", "(uid=$user)"):gsub("%%s", "$user", 1);
		realm = options:get_option_string("realm", host);
	};
end

local function connect(host, settings)
	local found, lualdap = pcall(require, "lualdap");
	if not found then return nil, "lua-ldap is not installed"; end
	local ok, connection, problem = pcall(lualdap.open_simple,
		settings.server, settings.name, settings.password, settings.tls, PATIENCE);
	if not ok then return nil, connection; end
	connections[host] = connection;
	return connection, problem;
end

--- Read a search to its end: what is left unread stays in the library's memory.
local function read_all(iterate, state)
	local first = false;
	while true do
		local dn, attributes = iterate(state);
		if dn == nil and attributes then return nil, attributes; end
		if dn == nil then return first; end
		if attributes and not first then first = dn; end -- one without attributes refers to another server
	end
end

--- The name of the first entry; false when there is none; nil and why when the directory does not answer.
local function find(connection, search)
	search.attrs = { "1.1" }; -- none
	local ok, iterate, state = pcall(connection.search, connection, search);
	if not ok then return nil, iterate; end
	local read, first, problem = pcall(read_all, iterate, state);
	if not read then return nil, first; end
	return first, problem;
end

--- Whether somebody is in a group; nil when that cannot be known, as the group cannot be read; nil and why, see find.
local function is_member(connection, group, dn, user)
	local filter = MEMBER:format(dn, dn, user, dn);
	local found, problem = find(connection, { base = group; scope = "base"; filter = filter });
	if found == nil then return nil, problem; end
	if found then return true; end
	found, problem = find(connection, { base = group; scope = "base"; filter = "(objectClass=*)" });
	if found == nil then return nil, problem; end
	if found then return false; end
	api:log("error", "The group %s cannot be read in the directory", group);
	return nil;
end

--- @return group to whether the user is in it, without those that cannot be read; nil and why, see find
local function memberships(connection, settings, user, groups)
	local filter = settings.filter:gsub("%$(%a+)", { user = escape(user); host = escape(settings.realm) });
	local dn, problem = find(connection, { base = settings.base; scope = settings.scope; filter = filter; sizelimit = 2 });
	if dn == nil then return nil, problem; end
	local found = {};
	for _, group in ipairs(dn and groups or {}) do
		found[group.dn], problem = is_member(connection, group.dn, escape(dn), escape(user));
		if problem then return nil, problem; end
	end
	return found;
end

--- The same over the connection that is there, or, when that one turns out to be closed, over a new one.
local function ask(host, user, groups)
	local settings, problem = settings_of(host);
	if not settings then return nil, problem; end
	local found;
	if connections[host] then
		found, problem = memberships(connections[host], settings, user, groups);
		if found then return found; end
		connections[host] = nil;
		if tostring(problem):find("timeout", 1, true) then return nil, problem; end
	end
	local connection;
	connection, problem = connect(host, settings);
	if not connection then return nil, problem; end
	found, problem = memberships(connection, settings, user, groups);
	if not found then connections[host] = nil; end
	return found, problem;
end

local function patiently(host, user, groups)
	if paused[host] and now() < paused[host] then return nil; end
	local found, problem = ask(host, user, groups);
	paused[host] = not found and now() + PAUSE or nil;
	if not found then
		api:log("error", "The groups of %s@%s are not known: %s", user, host, tostring(problem));
	end
	return found;
end

local function judge(found, groups)
	local granted;
	for _, group in ipairs(groups) do
		local member = found[group.dn];
		if not group.access and member ~= false then return false; end
		if group.access and member then granted = true; end
	end
	return granted;
end

--- What the groups of a user say.
-- @param groups list of { dn, access }; another table after each reload
-- @return true, false, or nil when the user is in none of them
function directory.verdict(host, user, groups)
	local key, time = user .. "@" .. host, now();
	local entry = memory:get(key);
	if not entry or entry.groups ~= groups or time - entry.asked >= refresh then
		local found = patiently(host, user, groups);
		if found then
			entry = { found = found; groups = groups; asked = time };
			memory:set(key, entry);
		end
	end
	local known = entry and time - entry.asked < math.max(keep, refresh);
	return judge(known and entry.found or {}, groups);
end

return directory;
