--- What a partner's users may do to ours, by the partner's type:
--   federated          everything; subscriptions are approved automatically
--   public_verified    the same, but nothing private
--   public_unverified  nothing until our user has added the contact, and then nothing private
-- These handlers run after those that ask whether the partner may send anything at all.

local jid = require "util.jid";
local st = require "util.stanza";

local DISCO_INFO = "http://jabber.org/protocol/disco#info";
local PING = "urn:xmpp:ping";
local MUC_USER = "http://jabber.org/protocol/muc#user";

local contacts = {};
local sessions, refuse, gate, hosts, router, log, consent, private, components, scope;

function contacts.init(parts)
	sessions, refuse, gate, hosts, router = parts.sessions, parts.refuse, parts.gate, parts.hosts, parts.router;
	log, consent, private, components = parts.log, parts.consent, parts.private, parts.components;
	scope = parts.scope;
end

--- Answer as RFC 6121 (8.5) would for a user who does not exist, so that who is refused learns nothing about ours.
-- @param reason false when that is so, and there is nothing to note
local function refused(host, remote, stanza, reason)
	if reason then
		log("info", "Refused incoming %s %s -> %s: %s", stanza.name, stanza.attr.from, stanza.attr.to,
			refuse.text(reason, host, remote));
		refuse.count("incoming", host, remote, reason, stanza);
	end
	if private.asks(stanza) or stanza.name == "message" and stanza.attr.type ~= "error" then
		local answer = st.error_reply(stanza, "cancel", "service-unavailable");
		router.core_route_stanza(hosts[host], scope.pass(answer));
	end
	return true;
end

--- To the host itself: a federated partner may ask what it is and whether it lives. Answers to its own questions pass.
local function refusal_at_host(kind, stanza)
	if stanza.name == "iq" and not private.asks(stanza) then return nil; end
	local child = stanza.name == "iq" and stanza.attr.type == "get" and stanza.tags[1];
	local xmlns = child and child.attr.xmlns;
	if kind == "federated" and (xmlns == DISCO_INFO or xmlns == PING) then return nil; end
	return "private";
end

local last_to, last_user;

--- The user in an address that the router has prepared; as util.jid finds it, which goes on to the resource. Asked for
-- each stanza, so the last answer is remembered; that of `bare` too.
local function user_in(address)
	if address ~= last_to then last_to, last_user = address, address:match("^([^@/]+)@"); end
	return last_user;
end

--- Whether a message is the invitation of somebody whom the user should not hear, through the room of another partner.
local function invites_for_stranger(host, stanza)
	if stanza.name ~= "message" then return false; end
	local x = stanza:get_child("x", MUC_USER);
	local invite = x and x:get_child("invite");
	local contact = invite and jid.prep(invite.attr.from);
	if not contact then return false; end
	local row, reason = gate.pair(host, jid.host(contact));
	if reason == "blocked" then return true; end
	return row and row.type == "public_unverified"
		and not consent.added(host, user_in(stanza.attr.to), jid.bare(contact));
end

local last_from, last_bare;

--- The bare address in one that the router has prepared, as util.jid makes it.
local function bare(address)
	if address ~= last_from then last_from, last_bare = address, address:match("^[^/]+"); end
	return last_bare;
end

local function refusal_at_user(host, kind, stanza)
	if scope.is_set() then
		local barred = scope.refusal(host, user_in(stanza.attr.to));
		if barred ~= nil then return barred; end
	end
	if kind == "public_unverified" and not consent.added(host, user_in(stanza.attr.to), bare(stanza.attr.from)) then
		return "stranger";
	end
	if invites_for_stranger(host, stanza) then return "stranger"; end
	if kind ~= "federated" and private.asks(stanza) and private.is_query(stanza, not jid.resource(stanza.attr.to)) then
		return "private";
	end
	return nil;
end

--- The partner's row for a stanza from outside, or nil.
local function partner_of(host, event)
	local session = event.origin;
	if not (session and sessions.is_stream(session)) then return nil; end
	local remote = sessions.sender(event.stanza);
	if not remote or hosts[remote] then return nil; end
	return (gate.pair(host, remote));
end

--- Whether users of a host are all alike to partners: no policy says who of them may federate.
function contacts.is_plain(host)
	return not scope.is_set() and not components.is_component(host);
end

--- Whether a stanza to a user of such a host is let at the first look, as nearly all are. What is not may still be let.
function contacts.is_let(host, kind, stanza)
	local attr, name = stanza.attr, stanza.name;
	if not attr.to then return false; end
	if name == "message" then
		local tags = stanza.tags;
		for index = 1, #tags do
			if tags[index].name == "x" then return false; end -- of a room, it may be
		end
	end
	if kind == "federated" then return true; end
	if name == "iq" then return false; end
	return kind ~= "public_unverified" or consent.added(host, user_in(attr.to), bare(attr.from));
end

--- A stanza from a partner whose stream is in order.
-- @param way kind: the partner's type; plain: what `is_plain` says of the host
-- @param to_user whether it is to a user of that host
function contacts.stanza(host, remote, way, stanza, to_user)
	local kind, reason = way.kind;
	if components.is_component(host) then
		reason = components.refusal(host, kind, stanza);
	elseif to_user and stanza.attr.to then
		reason = refusal_at_user(host, kind, stanza);
	else
		reason = refusal_at_host(kind, stanza);
	end
	if reason == nil then return nil; end
	return refused(host, remote, stanza, reason);
end

--- A request for a subscription that nobody refused: after mod_blocklist (100), before mod_presence (0).
function contacts.subscribe(host, event)
	local stanza = event.stanza;
	if components.is_component(host) then return nil; end
	local row = partner_of(host, event);
	if not row or row.type == "public_unverified" then return nil; end
	local contact = jid.bare(stanza.attr.from);
	return consent.approve(host, jid.node(stanza.attr.to), contact, stanza) or nil;
end

--- Presence that goes to all subscribers would also reach those whom nobody but a former policy approved.
local function is_withheld(event, kind)
	local stanza = event.stanza;
	if kind ~= "public_unverified" or stanza.name ~= "presence" or stanza.attr.type then return false; end
	local user = jid.node(stanza.attr.from);
	if not user or components.is_component(event.from_host) then return false; end
	return consent.only_automatic(event.from_host, user, jid.bare(stanza.attr.to));
end

--- A stanza that leaves: whole to federated partners, without what is private to the others.
-- @param way as in `stanza`
function contacts.route(event, way)
	if not way.plain and scope.is_barred(event.from_host, event.stanza) then
		return refuse.outgoing_stanza(event, "scope");
	end
	if way.kind == "federated" then return nil; end
	local stripped = not is_withheld(event, way.kind) and private.strip(event.stanza);
	if not stripped then return true; end
	event.stanza = stripped;
	return nil;
end

return contacts;
