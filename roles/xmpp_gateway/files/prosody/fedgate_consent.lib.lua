--- What our users agreed to. The roster says whom they added; beside it we remember what a roster cannot tell:
--   denied     in the roster, and the user refused this contact: not approved automatically again
--   blocked    in the roster by the user's own doing, and was blocked: the same, but still added
--   gone       refused, removed or blocked, and not in the roster: the same, until it is in the roster again
--   automatic  in the roster only because its subscription was approved automatically: not added by the user
-- A mark is lifted when the user asks for a subscription or grants one. `gone` may also stand for a whole domain.

local rostermanager = require "core.rostermanager";
local storagemanager = require "core.storagemanager";
local user_exists = require "core.usermanager".user_exists;
local new_cache = require "util.cache".new;
local jid = require "util.jid";
local st = require "util.stanza";

local STORE = "fedgate_contacts";
local USERS_IN_MEMORY = 1000;

local consent = {};
local hosts, router, log;
local memory = new_cache(USERS_IN_MEMORY);

function consent.init(parts)
	hosts, router, log = parts.hosts, parts.router, parts.log;
end

local function store(host)
	return storagemanager.open(host, STORE, "keyval");
end

--- What Prosody keeps of a user who is online, or nil.
local function present(host, user)
	return hosts[host].sessions[user];
end

--- A user's marks by contact (a bare JID or a domain); nil when they cannot be read.
local function read_marks(host, user)
	local key = user .. "@" .. host;
	local marks = memory:get(key);
	if marks then return marks; end
	local problem;
	marks, problem = store(host):get(user);
	if problem then
		log("error", "Cannot read whom %s refused: %s", key, problem);
		return nil;
	end
	marks = marks or {};
	memory:set(key, marks);
	return marks;
end

--- The same, asked for each stanza of a contact who was added: those of a user who is online are at hand.
local function marks_of(host, user)
	local online = present(host, user);
	if not online then return read_marks(host, user); end
	if not online.fedgate_marks then online.fedgate_marks = read_marks(host, user); end
	return online.fedgate_marks;
end

--- @return whether the mark is there, in memory and in the store
local function put(host, user, contact, mark)
	local marks = marks_of(host, user);
	if not marks then return false; end
	if marks[contact] == mark then return true; end
	marks[contact] = mark;
	local ok, problem = store(host):set(user, next(marks) and marks or nil);
	if not ok then log("error", "Cannot write whom %s@%s refused: %s", user, host, problem); end
	return ok;
end

--- The roster item of a contact, or nil; a roster that cannot be read has none. That of a user who is online hangs
-- where Prosody's own function would find it: asked for each stanza of a stranger or of a public contact.
local function item_of(host, user, contact)
	local online = present(host, user);
	if online and online.roster then return online.roster[contact]; end
	local roster, problem = rostermanager.load_roster(user, host);
	return not problem and roster[contact] or nil;
end

local function wanted_by_user(item)
	return item and (item.ask or item.subscription == "to" or item.subscription == "both") and true;
end

--- Whether the user has added a contact: it is in the roster, and not by our doing, nor left there after a refusal.
function consent.added(host, user, contact)
	local item = item_of(host, user, contact);
	if not item then return false; end
	if wanted_by_user(item) then return true; end
	local marks = marks_of(host, user);
	local mark = marks and marks[contact];
	return marks ~= nil and mark ~= "automatic" and mark ~= "denied";
end

--- Whether the user refused, removed or blocked a contact and did not add it again.
function consent.denied(host, user, contact)
	local marks = marks_of(host, user);
	if not marks or marks[contact] == "denied" or marks[contact] == "blocked" then return true; end
	if item_of(host, user, contact) then return false; end
	return marks[contact] == "gone" or marks[jid.host(contact)] == "gone";
end

--- Whether a contact sees the user's presence only because that was approved automatically.
function consent.only_automatic(host, user, contact)
	local marks = marks_of(host, user);
	if not marks then return true; end
	return marks[contact] == "automatic" and not wanted_by_user(item_of(host, user, contact));
end

--- Approve a subscription in the user's place.
-- @return false when that is left to Prosody: it answers again what was approved before, or asks the user.
function consent.approve(host, user, contact, stanza)
	if not user_exists(user, host) or consent.denied(host, user, contact) then return false; end
	if rostermanager.is_contact_subscribed(user, host, contact) then return false; end
	if not item_of(host, user, contact) and not put(host, user, contact, "automatic") then return false; end
	if not rostermanager.set_contact_pending_in(user, host, contact, stanza) then return false; end
	-- As from the user: mod_presence notes it in the roster, pushes that, sends it, and the user's presence after it.
	local approval = st.presence({ type = "subscribed"; from = user .. "@" .. host; to = contact });
	router.core_post_stanza(hosts[host], approval, true);
	return true;
end

--- For who looks at many contacts of a user at once (fedgate_carry): the marks, nil when they cannot be read.
consent.marks = marks_of;

--- What a user said on a contact.
-- @param marks of that user; item: of the contact in that user's roster, or nil
-- @return refused, added, or nil: not a word
function consent.word(marks, item, contact)
	local mark = marks[contact];
	if mark == "denied" or mark == "blocked" then return "refused"; end
	if item then return (wanted_by_user(item) or mark ~= "automatic") and "added" or nil; end
	return (mark == "gone" or marks[jid.host(contact)] == "gone") and "refused" or nil;
end

--- A contact that the user has added elsewhere, and brings along: no longer there by our doing only.
function consent.welcome(host, user, contact)
	put(host, user, contact, nil);
end

--- @param mark for a contact in the roster: denied or blocked
local function turn_away(host, user, contact, mark)
	if not item_of(host, user, contact) then
		mark = "gone";
	elseif mark == "blocked" and not consent.added(host, user, contact) then
		mark = "denied";
	end
	put(host, user, contact, mark);
end

local function is_remote(contact)
	local domain = jid.host(contact);
	return domain and not hosts[domain];
end

--- A user's own word on a subscription. mod_presence repeats old requests at login: these come from the bare JID.
function consent.presence_out(host, event)
	local origin, stanza = event.origin, event.stanza;
	local kind = stanza.attr.type;
	if kind ~= "subscribe" and kind ~= "subscribed" and kind ~= "unsubscribed" then return nil; end
	local contact = jid.bare(stanza.attr.to);
	if origin.type ~= "c2s" or stanza.attr.from ~= origin.full_jid or not is_remote(contact) then return nil; end
	if kind == "unsubscribed" then
		turn_away(host, origin.username, contact, "denied");
	else
		put(host, origin.username, contact, nil);
	end
	return nil;
end

--- A contact is taken out of a roster; the item is still there.
function consent.removed(host, event)
	if is_remote(event.jid) and user_exists(event.username, host) then
		put(host, event.username, event.jid, "gone");
	end
	return nil;
end

local function turn_away_domain(host, user, domain)
	put(host, user, domain, "gone");
	for contact in pairs((rostermanager.load_roster(user, host))) do
		if contact and jid.host(contact) == domain then turn_away(host, user, contact, "blocked"); end
	end
end

--- XEP-0191: what is blocked here may be a bare or full JID, or a domain.
function consent.blocked(host, event)
	local user = event.origin.username;
	for item in event.stanza.tags[1]:childtags("item") do
		local node, domain = jid.prepped_split(item.attr.jid);
		if domain and not hosts[domain] then
			if node then
				turn_away(host, user, node .. "@" .. domain, "blocked");
			else
				turn_away_domain(host, user, domain);
			end
		end
	end
	return nil;
end

function consent.user_deleted(event)
	memory:set(event.username .. "@" .. event.host, nil);
	if not hosts[event.host] then return; end
	local online = present(event.host, event.username);
	if online then online.fedgate_marks = nil; end
	store(event.host):set(event.username, nil);
end

return consent;
