--- What is private to our users: it goes to partners of type federated only. Pure functions of stanzas.

local st = require "util.stanza";

-- What a presence may carry to the public types. All else stays here: status notes (also of unavailable presence),
-- photo hashes (XEP-0153), idle time (XEP-0319), last activity (XEP-0256), nicknames (XEP-0172), time stamps.
local PRESENCE = {
	["show"] = ""; ["priority"] = ""; ["error"] = "";
	["c"] = "http://jabber.org/protocol/caps";
};
local ROOM = {
	["http://jabber.org/protocol/muc"] = true;
	["http://jabber.org/protocol/muc#user"] = true;
	["urn:xmpp:occupant-id:0"] = true;
};

-- What the public types may neither ask nor be told.
local QUERIES = {
	["vcard-temp"] = true;
	["urn:ietf:params:xml:ns:vcard-4.0"] = true;
	["http://jabber.org/protocol/pubsub"] = true;
	["http://jabber.org/protocol/pubsub#owner"] = true;
	["jabber:iq:last"] = true;
	["jabber:iq:version"] = true;
	["jabber:iq:time"] = true;
	["urn:xmpp:time"] = true;
	["jabber:iq:avatar"] = true;
	["jabber:iq:private"] = true;
	["jabber:iq:roster"] = true;
};
local EVENT = "http://jabber.org/protocol/pubsub#event";

local private = {};

--- Whether a stanza is an IQ that wants an answer.
function private.asks(stanza)
	return stanza.name == "iq" and (stanza.attr.type == "get" or stanza.attr.type == "set");
end

--- Whether an IQ of type get or set asks for something private.
-- @param account whether it is addressed to the account (a bare JID), which answers for the user: nothing of it is
--   for the public types
function private.is_query(stanza, account)
	local child = stanza.tags[1];
	return account or not child or QUERIES[child.attr.xmlns] == true;
end

local function is_public(tag)
	local xmlns = tag.attr.xmlns;
	if xmlns == nil or xmlns == "jabber:client" then xmlns = ""; end
	return PRESENCE[tag.name] == xmlns or ROOM[xmlns] == true;
end

--- A stanza with some of its children only. These it shares with the original: what leaves is changed by nobody.
local function with(stanza, keeps)
	local copy = st.clone(stanza, true);
	for _, tag in ipairs(stanza.tags) do
		if keeps(tag) then copy:add_direct_child(tag); end
	end
	return copy;
end

local function strip_presence(stanza)
	for _, tag in ipairs(stanza.tags) do
		if not is_public(tag) then return with(stanza, is_public); end
	end
	return stanza;
end

local function is_no_event(tag)
	return tag.attr.xmlns ~= EVENT;
end

--- PEP tells what users publish (mood, nickname, avatar, activity, tune, location) by messages without a body.
local function strip_message(stanza)
	if not stanza:get_child("event", EVENT) then return stanza; end
	if not stanza:get_child("body") then return nil; end
	return with(stanza, is_no_event);
end

--- An answer that is private becomes the answer of one who does not answer this.
local function strip_iq(stanza)
	local child = stanza.attr.type == "result" and stanza.tags[1];
	if not (child and QUERIES[child.attr.xmlns]) then return stanza; end
	local attr = { type = "error"; id = stanza.attr.id; from = stanza.attr.from; to = stanza.attr.to };
	return st.stanza("iq", attr)
		:tag("error", { type = "cancel" })
			:tag("service-unavailable", { xmlns = "urn:ietf:params:xml:ns:xmpp-stanzas" }):reset();
end

local STRIP = { presence = strip_presence; message = strip_message; iq = strip_iq };

--- What may leave of a stanza to a partner of a public type.
-- @return the stanza itself or a clone; nil when nothing is left
function private.strip(stanza)
	local strip = STRIP[stanza.name];
	if not strip then return stanza; end -- a question about a dialback key is none of the users' stanzas
	return strip(stanza);
end

return private;
