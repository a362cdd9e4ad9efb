--- Contacts that users bring along from another server: put into their rosters by the administrator's word, once.
--
-- Asked through the administration socket by `<fedgate-contacts>` with JSON inside, and answered likewise:
--   { "action": "hello" }                                 -> { "format": 1 }
--   { "action": "look", "users": { jid: { "contacts": [jid, ...], "blocked": [jid or domain, ...] }, ... } }
--                         -> { "users": { jid: { "exists", "contacts": [known, ...], "blocked": [known, ...] }, ... } }
--   { "action": "carry", "users": { jid: { "contacts": { jid: contact, ... }, "blocked": [...] }, ... } }
--                         -> { "users": { jid: { "exists" }, ... } }; contact is { "subscription", "name", "groups" }
-- and where something went wrong with a user, "problem".
--
-- What may be known of a contact:
--   absent      not in the roster, and the user never said a word on it
--   asked       there, or waiting, only because the contact asked
--   there       in the roster by the user's own doing
--   refused     denied, removed or blocked by the user
--   carried     was carried once; whatever became of it since is the user's doing
--   invalid     no address for this server
--   impossible  a block, and mod_blocklist is not there to keep it
-- Only what is absent or asked is carried. `fedgate_carried` remembers it for each user, so that nothing comes back
-- that a user takes out of the roster, and no block that a user lifts.

local rostermanager = require "core.rostermanager";
local storagemanager = require "core.storagemanager";
local user_exists = require "core.usermanager".user_exists;
local json = require "util.json";
local jid = require "util.jid";
local st = require "util.stanza";

local STORE = "fedgate_carried";
local LARGEST = 16 * 1024 * 1024; -- bytes of a question; Prosody's own limit here may be 10,000

local carry = {};
local hosts, router, log, consent;

function carry.init(parts)
	hosts, router, log, consent = parts.hosts, parts.router, parts.log, parts.consent;
end

local function store(host, name)
	return storagemanager.open(host, name, "keyval");
end

-- What is known ------------------------------------------------------------------------------------------------------

--- A roster as it is stored; that of a user who is online is in use. Prosody's memory of others may be of an account
-- that was deleted, or of a store that could not be read for a while.
local function roster_of(host, user)
	local cache = hosts[host].roster_cache;
	if cache and not hosts[host].sessions[user] then cache:set(user .. "@" .. host, nil); end
	local roster, problem = rostermanager.load_roster(user, host);
	return roster, problem or roster[false].broken;
end

--- Everything that a user has said so far; nil and why when it cannot be read.
local function read(host, user)
	local carried, blocklist, problem;
	carried, problem = store(host, STORE):get(user);
	if problem then return nil, problem; end
	blocklist, problem = store(host, "blocklist"):get(user);
	if problem then return nil, problem; end
	local roster;
	roster, problem = roster_of(host, user);
	if problem then return nil, problem; end
	local marks = consent.marks(host, user);
	if not marks then return nil, "whom the user refused cannot be read"; end
	return {
		host = host; user = user; roster = roster; marks = marks;
		carried = carried or {}; blocklist = blocklist or {};
	};
end

local function word_on(known, contact)
	return consent.word(known.marks, known.roster[contact], contact);
end

local function state_of_contact(known, contact)
	if known.carried[contact] then return "carried"; end
	if known.blocklist[contact] or known.blocklist[jid.host(contact)] then return "refused"; end
	local word = word_on(known, contact);
	if word then return word == "added" and "there" or "refused"; end
	local pending = known.roster[false].pending;
	return (known.roster[contact] or pending and pending[contact]) and "asked" or "absent";
end

--- A block is carried unless the user has one already, or has added the contact on this server.
local function state_of_block(known, contact)
	if known.carried[contact] then return "carried"; end
	if not hosts[known.host].modules.blocklist then return "impossible"; end
	if known.blocklist[contact] then return "refused"; end
	return jid.node(contact) and word_on(known, contact) == "added" and "there" or "absent";
end

--- An address as this server spells it; nil when it is none, or none of another server.
local function prepared(contact)
	local node, domain, resource = jid.prepped_split(contact);
	if not domain or resource or hosts[domain] then return nil; end
	return jid.join(node, domain);
end

local function states(known, addresses, tell, takes_domains)
	local found = {};
	for index, address in ipairs(addresses) do
		local contact = prepared(address);
		if contact and not takes_domains and not jid.node(contact) then contact = nil; end
		found[index] = contact and tell(known, contact) or "invalid";
	end
	return found;
end

local function look(known, wanted)
	return {
		exists = true;
		contacts = states(known, wanted.contacts, state_of_contact);
		blocked = states(known, wanted.blocked, state_of_block, true);
	};
end

-- Carrying -----------------------------------------------------------------------------------------------------------

--- The item as it shall be: what the user has of it stays.
local function item_of(known, contact, wanted)
	local old = known.roster[contact];
	local item = { subscription = wanted.subscription; name = wanted.name; groups = {} };
	for _, group in ipairs(wanted.groups) do item.groups[group] = true; end
	if old then
		if wanted.subscription ~= "both" then item.subscription = old.subscription; end
		item.name = old.name or item.name;
		if next(old.groups) then item.groups = old.groups; end
	end
	return item;
end

--- Tell the user's clients, the contact who was waiting, and both of them who is there.
local function announce(known, contact, item, was_waiting)
	local host, user = known.host, known.user;
	rostermanager.roster_push(user, host, contact);
	if was_waiting and item.subscription == "both" then
		-- mod_presence sends the user's presence after it, and asks for that of the contact.
		local approval = st.presence({ type = "subscribed"; from = user .. "@" .. host; to = contact });
		router.core_post_stanza(hosts[host], approval, true);
		return;
	end
	local online = hosts[host].sessions[user];
	if not online or item.subscription ~= "both" then return; end
	for _, session in pairs(online.sessions) do
		local presence = session.presence;
		if presence then
			presence.attr.to = contact;
			router.core_post_stanza(session, presence, true);
			presence.attr.to = nil;
			local probe = st.presence({ type = "probe"; from = session.full_jid; to = contact });
			router.core_post_stanza(session, probe, true);
		end
	end
end

--- The roster is written before the mark: who is stopped in between finds the contact there, and leaves it.
local function carry_contacts(known, wanted)
	local host, user, roster = known.host, known.user, known.roster;
	local done, before = {}, {};
	local pending = roster[false].pending or {};
	for address, contact_wanted in pairs(wanted) do
		local contact = prepared(address);
		local now = contact and jid.node(contact) and state_of_contact(known, contact);
		if now == "absent" or now == "asked" then
			done[contact] = { item = item_of(known, contact, contact_wanted); waiting = pending[contact] ~= nil };
			before[contact] = { item = roster[contact]; pending = pending[contact] };
		end
	end
	if not next(done) then return true; end
	for contact, change in pairs(done) do roster[contact], pending[contact] = change.item, nil; end
	local ok, problem = rostermanager.save_roster(user, host, roster);
	if not ok then
		for contact, old in pairs(before) do roster[contact], pending[contact] = old.item, old.pending; end
		return nil, problem or "the roster cannot be saved";
	end
	for contact, change in pairs(done) do
		known.carried[contact] = "contact";
		if known.marks[contact] then consent.welcome(host, user, contact); end
		announce(known, contact, change.item, change.waiting);
	end
	return true;
end

--- mod_blocklist keeps its lists in memory, so it is asked as a client would; it takes it that the user is online.
local function block(known, contacts)
	local host, user = known.host, known.user;
	local sessions = hosts[host].sessions;
	local answer;
	local origin = {
		type = "c2s"; username = user; host = host; full_jid = user .. "@" .. host .. "/fedgate";
		send = function (stanza) answer = stanza; return true; end;
	};
	local stanza = st.iq({ type = "set"; id = "fedgate"; from = origin.full_jid });
	stanza:tag("block", { xmlns = "urn:xmpp:blocking" });
	for _, contact in ipairs(contacts) do stanza:tag("item", { jid = contact }):up(); end
	stanza:reset();
	local absent = not sessions[user];
	if absent then sessions[user] = { sessions = {} }; end
	local ok, problem = pcall(hosts[host].events.fire_event, "iq-set/self/urn:xmpp:blocking:block",
		{ origin = origin; stanza = stanza });
	if absent then sessions[user] = nil; end
	if not ok then return nil, problem; end
	if not answer or answer.attr.type ~= "result" then return nil, "the block list cannot be saved"; end
	return true;
end

local function carry_blocks(known, wanted)
	local done = {};
	for _, address in ipairs(wanted) do
		local contact = prepared(address);
		if contact and state_of_block(known, contact) == "absent" then done[#done + 1] = contact; end
	end
	if not done[1] then return true; end
	local ok, problem = block(known, done);
	if not ok then return nil, problem; end
	for _, contact in ipairs(done) do known.carried[contact] = "block"; end
	return true;
end

local function carry_all(known, wanted)
	local ok, problem = carry_blocks(known, wanted.blocked);
	if ok then ok, problem = carry_contacts(known, wanted.contacts); end
	local kept, fault = store(known.host, STORE):set(known.user, next(known.carried) and known.carried or nil);
	if not ok then return nil, problem; end
	return kept, fault;
end

-- Being asked --------------------------------------------------------------------------------------------------------

local function of_user(address, wanted, action)
	local user, host = jid.prepped_split(address);
	if not user or not hosts[host] or hosts[host].type ~= "local" or not user_exists(user, host) then
		return { exists = false };
	end
	local known, problem = read(host, user);
	local ok = known and action == "carry";
	if ok then ok, problem = carry_all(known, wanted); end
	if ok then return { exists = true }; end
	if known and action == "look" then return look(known, wanted); end
	log("error", "Cannot carry the contacts of %s: %s", address, problem);
	return { exists = true; problem = tostring(problem) };
end

local function answer_to(session, question)
	if question.action == "hello" then
		session.stream:set_stanza_size_limit(LARGEST);
		return { format = 1 };
	end
	local users = {};
	for address, wanted in pairs(question.users) do users[address] = of_user(address, wanted, question.action); end
	return { users = users };
end

--- admin/fedgate-contacts, from who may open the administration socket.
function carry.asked(event)
	local session = event.origin;
	local question = json.decode(event.stanza:get_text() or "");
	if type(question) ~= "table" then return nil; end
	session.send(st.stanza("fedgate-contacts"):text(json.encode(answer_to(session, question))));
	return true;
end

function carry.user_deleted(event)
	if hosts[event.host] then store(event.host, STORE):set(event.username, nil); end
end

return carry;
