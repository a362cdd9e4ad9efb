--- Our components (chat rooms): closed to partners, but for those that the policy names for their type; and in rooms
-- the users' consent holds as elsewhere.
--
-- Policy key `components`: { type of partner = [ hosts ] }. A policy of format 1 without it means: those of
-- `local_hosts`, for federated partners.

local jid = require "util.jid";

local MUC_USER = "http://jabber.org/protocol/muc#user";

local components = {};
local rules, hosts, consent, private, scope;

function components.init(parts)
	rules, hosts, consent, private = parts.rules, parts.hosts, parts.consent, parts.private;
	scope = parts.scope;
end

local function set_of(names)
	if type(names) ~= "table" then return nil; end
	local set = {};
	for _, name in ipairs(names) do
		if type(name) ~= "string" then return nil; end
		set[name:lower()] = true;
	end
	return set;
end

--- Read the key of a policy file.
-- @param data the decoded file; list what rules.parse made of it
-- @return type to set of hosts, or nil and what is wrong
function components.read(data, list)
	if data.components == nil then
		return data.format == 1 and { federated = list.hosts } or {};
	end
	if type(data.components) ~= "table" then return nil, "components is not a mapping"; end
	local open = {};
	for kind, names in pairs(data.components) do
		open[kind] = rules.TYPES[kind] and set_of(names);
		if not open[kind] then return nil, ("components of type %s is no list of hosts"):format(tostring(kind)); end
	end
	return open;
end

local function is_component(host)
	return hosts[host] ~= nil and hosts[host].type == "component";
end

components.is_component = is_component;

--- Whether a host of ours is there for partners of a type.
-- @param host as Prosody spells it; name the same as A-labels
function components.admit(list, host, name, kind)
	if not is_component(host) then return true; end
	local open = list.components and list.components[kind];
	return open ~= nil and open[name] == true;
end

--- The bare JID behind an address: that of the occupant for one in a room of this host.
local function person(host, address)
	local node, domain, resource = jid.prepped_split(address);
	if not node then return nil; end
	if domain ~= host then return node .. "@" .. domain; end
	local muc = hosts[host].modules.muc;
	local room = resource and muc and muc.get_room_from_jid(node .. "@" .. domain);
	local occupant = room and room:get_occupant_by_nick(jid.join(node, domain, resource));
	return occupant and occupant.bare_jid;
end

--- The user of ours behind an address, through a room or not: host and name; nil when it is nobody of ours.
function components.user_at(host, address)
	local node, domain = jid.split(person(host, address));
	if not (node and hosts[domain] and hosts[domain].type == "local") then return nil; end
	return domain, node;
end

--- Whether an address leads to one of our users who did not add a contact.
local function is_stranger_to(host, address, contact)
	local domain, user = components.user_at(host, address);
	return user ~= nil and not consent.added(domain, user, contact);
end

--- Whether an address leads to one of our users who may not federate.
local function is_barred(host, address)
	local domain, user = components.user_at(host, address);
	return user ~= nil and not scope.may(domain, user);
end

--- Whether a test holds for anybody whom a message to a room invites (or declines), as that room will tell it.
local function invites(host, stanza, test, contact)
	for x in stanza:childtags("x", MUC_USER) do
		for _, tag in ipairs(x.tags) do
			if tag.attr.to and test(host, tag.attr.to, contact) then return true; end
		end
	end
	return false;
end

--- Whether it leads through a room, in private or by an invitation, to one of our users who may not federate.
local function reaches_barred(host, stanza)
	if stanza.name == "presence" then return false; end
	return jid.resource(stanza.attr.to) ~= nil and is_barred(host, stanza.attr.to)
		or stanza.name == "message" and invites(host, stanza, is_barred);
end

local function is_ping(stanza)
	return stanza:get_child("ping", "urn:xmpp:ping") ~= nil;
end

--- Why a stanza to an open component is refused, or nil.
-- @param kind the partner's type
function components.refusal(host, kind, stanza)
	if reaches_barred(host, stanza) then return "scope"; end
	if kind == "federated" then return nil; end
	local asks = private.asks(stanza);
	local to_occupant = jid.resource(stanza.attr.to) ~= nil;
	if asks and to_occupant then return not is_ping(stanza) and "private" or nil; end -- rooms pass it on to the user
	if asks and private.is_query(stanza, false) then return "private"; end
	if kind ~= "public_unverified" or stanza.name ~= "message" or stanza.attr.type == "error" then return nil; end
	local contact = jid.bare(stanza.attr.from);
	local refused = invites(host, stanza, is_stranger_to, contact)
		or to_occupant and is_stranger_to(host, stanza.attr.to, contact); -- a private message
	return refused and "stranger" or nil;
end

return components;
