--- Who of our own users may federate at all. What is nearest to the user counts: a policy granted to the user, one
-- granted to a group of the user's in the directory, the one of the user's host.
--
-- Policy key `scope`, without which everybody may:
--   policies  name to true or false
--   hosts     our domain to a policy's name; users of a host that is not there may not
--   users     address to a policy's name
--   groups    distinguished name to a policy's name; of two groups of one user the one that refuses counts

local user_exists = require "core.usermanager".user_exists;
local nodeprep = require "util.encodings".stringprep.nodeprep;
local jid = require "util.jid";
local st = require "util.stanza";

local MUC_USER = "http://jabber.org/protocol/muc#user";

local scope = {};
local gate, sessions, hosts, router, log, components, directory;
local passing = setmetatable({}, { __mode = "k" }); -- what we ourselves say in the name of users who may not

function scope.init(parts)
	gate, sessions, hosts, router, log = parts.gate, parts.sessions, parts.hosts, parts.router, parts.log;
	components, directory = parts.components, parts.directory;
end

-- Reading the key of a policy file -----------------------------------------------------------------------------------

--- Whom a part of the key names, each with the verdict of the policy; nil and what is wrong.
local function read_part(data, part)
	local found = {};
	if type(data[part]) ~= "table" then return nil, ("scope: %s is no mapping"):format(part); end
	for whom, policy in pairs(data[part]) do
		local verdict = data.policies[policy];
		if type(whom) ~= "string" or type(verdict) ~= "boolean" then
			return nil, ("scope: %s of %s names no policy"):format(tostring(whom), part);
		end
		found[whom] = verdict;
	end
	return found;
end

--- Addresses to a table for each domain, of names as Prosody spells them.
local function by_domain(users)
	local found = {};
	for address, verdict in pairs(users) do
		local node, domain = address:match("^([^@/]+)@([^@/]+)$");
		node, domain = node and nodeprep(node), sessions.name(domain);
		if not (node and domain) then return nil, ("scope: %s is no address of a user"):format(address); end
		found[domain] = found[domain] or {};
		if found[domain][node] == not verdict then
			return nil, ("scope: %s is granted two policies"):format(address);
		end
		found[domain][node] = verdict;
	end
	return found;
end

local function sorted_groups(groups)
	local found = {};
	for dn, verdict in pairs(groups) do found[#found + 1] = { dn = dn; access = verdict }; end
	table.sort(found, function (a, b) return a.dn < b.dn; end);
	return found;
end

--- Read the key.
-- @return { hosts, users, groups }; nil when everybody may federate; nil and what is wrong
function scope.read(data)
	local given = data.scope;
	if given == nil then return nil; end
	if type(given) ~= "table" or type(given.policies) ~= "table" then return nil, "scope has no policies"; end
	local parts = {};
	for _, part in ipairs({ "hosts", "users", "groups" }) do
		local problem;
		parts[part], problem = read_part(given, part);
		if problem then return nil, problem; end
	end
	local users, problem = by_domain(parts.users);
	if problem then return nil, problem; end
	return { hosts = parts.hosts; users = users; groups = sorted_groups(parts.groups) };
end

-- Asking -------------------------------------------------------------------------------------------------------------

--- What a policy says of a user, from the nearest to the farthest.
-- @param host as Prosody spells it
-- @param ask whether the directory may be asked for groups
-- @return true, false; nil when that needs the directory, which may not be asked
local function verdict_of(list, host, user, ask)
	local name = sessions.name(host);
	local verdict = list.users[name] and list.users[name][user];
	if verdict == nil and list.groups[1] then
		if not ask then return nil; end
		verdict = directory.verdict(host, user, list.groups);
	end
	if verdict == nil then verdict = list.hosts[name]; end
	return verdict == true;
end

--- Whether anybody of a host may be refused.
local function is_restricted(list, host)
	local name = sessions.name(host);
	if list.groups[1] or list.hosts[name] ~= true then return true; end
	for _, verdict in pairs(list.users[name] or {}) do
		if not verdict then return true; end
	end
	return false;
end

--- Those who see the presence of a session: contacts with a subscription, and those to whom it was directed.
local function watchers(host, session)
	local found = {};
	for contact, item in pairs(session.roster or {}) do
		if contact and (item.subscription == "from" or item.subscription == "both") then found[contact] = true; end
	end
	for contact in pairs(session.directed or {}) do found[contact] = true; end
	for contact in pairs(found) do
		local domain = jid.host(contact);
		if not domain or hosts[domain] or not gate.pair(host, domain) then found[contact] = nil; end
	end
	return found;
end

--- Let a stanza of ours leave in the name of a user who may not federate, or is none.
function scope.pass(stanza)
	passing[stanza] = true;
	return stanza;
end

--- Tell partners that a user is gone: what the user does from now on they do not hear.
local function take_leave(host, user, present)
	log("info", "%s@%s may not federate any more", user, host);
	for _, session in pairs(present.sessions) do
		for contact in pairs(session.presence and watchers(host, session) or {}) do
			local stanza = st.presence({ type = "unavailable"; from = session.full_jid; to = contact });
			router.core_route_stanza(hosts[host], scope.pass(stanza));
		end
	end
end

--- Keep in mind whether partners may see a user who is online; who was seen and may not be any more takes leave.
local function note(host, user, verdict)
	local present = hosts[host].sessions[user];
	if not present then return; end
	local before = present.fedgate_seen;
	present.fedgate_seen = verdict;
	if before and not verdict then take_leave(host, user, present); end
end

--- Whether the policy lets a user of ours federate.
function scope.may(host, user)
	local list = gate.list and gate.list.scope;
	if not list then return true; end
	local verdict = verdict_of(list, host, user, true);
	note(host, user, verdict);
	return verdict;
end

local function exists(host, user)
	return hosts[host].sessions[user] ~= nil or user_exists(user, host);
end

--- Whether the policy limits who of ours may federate at all.
function scope.is_set()
	return gate.list.scope ~= nil;
end

--- Whether a stanza from outside to a user of ours is answered as one to a user who does not exist.
-- So that nobody can tell them apart, those who do not exist go the same way where anybody may be refused.
-- @return nil, or the reason; false for one who would be let and does not exist
function scope.refusal(host, user)
	local list = gate.list.scope;
	if not list or not is_restricted(list, host) then return nil; end
	if not scope.may(host, user) then return "scope"; end
	if exists(host, user) then return nil; end
	return false;
end

--- Who of ours speaks in a stanza that leaves: a user, or through a room one in private or one who invites.
local function speaker(host, stanza)
	local from = stanza.attr.from;
	if not components.is_component(host) then return host, jid.node(from); end
	if stanza.name == "presence" or stanza.attr.type == "groupchat" then return nil; end
	local x = stanza.name == "message" and stanza:get_child("x", MUC_USER);
	local invite = x and (x:get_child("invite") or x:get_child("decline"));
	return components.user_at(host, invite and invite.attr.from or from);
end

--- Whether a stanza that leaves is from one of ours who may not federate.
function scope.is_barred(host, stanza)
	if not gate.list.scope or passing[stanza] then return false; end
	local domain, user = speaker(host, stanza);
	return user ~= nil and not scope.may(domain, user);
end

-- When it changes ----------------------------------------------------------------------------------------------------

local function each_online(visit)
	for name, host in pairs(hosts) do
		for user, present in pairs(host.type == "local" and host.sessions or {}) do visit(name, user, present); end
	end
end

--- Before another policy comes into force: until now everybody may have been seen where there was no scope.
function scope.prepare()
	if not gate.list or gate.list.scope then return; end
	each_online(function (_, _, present) present.fedgate_seen = true; end);
end

--- After it: who was seen and may not be any more takes leave. Whom groups decide on is looked at with the next stanza.
function scope.hold()
	local list = gate.list and gate.list.scope;
	each_online(function (host, user, present)
		local verdict = not list or verdict_of(list, host, user, false);
		if present.fedgate_seen and verdict == false then note(host, user, false); end
	end);
end

return scope;
