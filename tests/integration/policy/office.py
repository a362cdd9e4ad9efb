"""alice and her contacts at three partners, one of each type: what they send each other, and what arrives."""

from __future__ import annotations

import itertools
import queue
import time
from collections.abc import Callable, Iterable
from typing import Optional

from .client import Client
from .gateway import Gateway
from .peer import Peer
from .wire import Element, Stream

HOST = "contoso.example"
ROOMS = "conference.contoso.example"
ALICE = "alice@contoso.example"
#: Each column of the tables: a partner's type, and whether alice has added the contact.
COLUMNS = {
    "federated": ("federated", False),
    "public_verified": ("public_verified", False),
    "public_unverified": ("public_unverified", False),
    "public_unverified, added": ("public_unverified", True),
}
#: Modules of Prosody that hold what is private.
MODULES = ("pep", "vcard_legacy", "vcard4", "blocklist", "lastactivity", "time", "version", "carbons")
CAPS = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:test' ver='{ver}'/>"
_numbers = itertools.count(1)


def name_of(element: Element) -> str:
    """Return a tag without its namespace."""
    return element.tag.rpartition("}")[2]


def condition(element: Element) -> str:
    """Return an error's condition."""
    error = next((child for child in element if name_of(child) == "error"), None)
    return "" if error is None else next(name_of(child) for child in error if name_of(child) != "text")


def children(element: Element) -> str:
    """Return the names of a stanza's children, sorted."""
    return " ".join(sorted(name_of(child) for child in element))


class Partner:
    """The server of one domain, with streams to our host and to our rooms that stay open.

    :ivar unverified: whether its users need the consent of ours.
    """

    def __init__(self, peer: Peer, rooms: bool) -> None:
        self.peer, self.domain = peer, peer.domain
        self.unverified = "unverified" in peer.domain
        self._streams = {host: self._open(host) for host in ((HOST, ROOMS) if rooms else (HOST,))}

    def _open(self, host: str) -> Stream:
        stream, _ = self.peer.encrypted(host)
        self.peer.external(stream, host)
        return stream

    def say(self, stanza: str, host: str = HOST) -> None:
        """Send a stanza to one of our hosts."""
        self._streams[host].send(stanza)

    def wait(self, wanted: Callable[[Element], bool], seconds: float = 5) -> list[Element]:
        """Return what came until the wanted stanza, and that one last. :raises TimeoutError:"""
        found: list[Element] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                found.append(self.peer.stanzas.get(timeout=0.5))
            except queue.Empty:
                continue
            if wanted(found[-1]):
                return found
        raise TimeoutError(f"{self.domain} waited for a stanza; it got {[item.attrib for item in found]}")

    def settle(self) -> list[Element]:
        """Wait until the gateway has dealt with all that was said to our host; return what it said."""
        identifier = f"settle{next(_numbers)}"
        self.say(
            f"<iq type='get' id='{identifier}' from='{self.domain}' to='{HOST}'><ping xmlns='urn:xmpp:ping'/></iq>"
        )
        return self.wait(lambda item: item.get("id") == identifier)[:-1]


class Contact:
    """One person at a partner, with a name of its own.

    :ivar bare, full: its addresses.
    """

    def __init__(self, office: Office, partner: Partner, added: bool) -> None:
        self.office, self.partner = office, partner
        self.bare = f"c{next(_numbers)}@{partner.domain}"
        self.full = f"{self.bare}/desk"
        if added:
            office.roster(self.bare)

    # What the contact does -----------------------------------------------------------------------------------------

    def message(self, to: str, inner: str = "<body>hello</body>", kind: str = "chat") -> str:
        """Send a message; return what came of it: delivered, an error's condition, or nothing."""
        identifier = f"m{next(_numbers)}"
        host = to.partition("@")[2].partition("/")[0] or to
        self.partner.say(
            f"<message type='{kind}' id='{identifier}' from='{self.full}' to='{to}'>{inner}</message>", host
        )
        return self._outcome(identifier, host)

    def ask(self, to: str, payload: str, kind: str = "get") -> str:
        """Send an IQ; return what came of it: delivered (to alice's client), result, or an error's condition."""
        identifier = f"q{next(_numbers)}"
        host = to.partition("@")[2].partition("/")[0] or to
        self.partner.say(f"<iq type='{kind}' id='{identifier}' from='{self.full}' to='{to}'>{payload}</iq>", host)
        return self._outcome(identifier, host)

    def presence(self, kind: str = "", inner: str = "", to: str = ALICE) -> list[str]:
        """Send presence; return what alice got and what came back, as `who: type`."""
        sender = self.full if kind in ("", "unavailable", "probe") else self.bare
        attribute = f" type='{kind}'" if kind else ""
        self.partner.say(f"<presence{attribute} from='{sender}' to='{to}'>{inner}</presence>")
        back = [f"back: {item.get('type', 'available')}" for item in self._mine(self.partner.settle())]
        seen = [f"alice: {item.get('type', 'available')}" for item in self._from_me(self.office.alice.drain())]
        return seen + back

    def _outcome(self, identifier: str, host: str) -> str:
        for item in self._answers(host):
            if item.get("id") == identifier:
                return condition(item) or item.get("type", "")
        nick = "/" + self.bare.partition("@")[0]  # in rooms; they give IQs other ids
        for item in self.office.alice.drain():
            ours = item.get("id") == identifier or item.get("from", "").endswith(nick)
            if ours and name_of(item) != "presence":
                return "delivered"
        return "nothing"

    def _answers(self, host: str) -> Iterable[Element]:
        if host == HOST:
            return self.partner.settle()
        # The rooms' stream: they answer a question of one's own last.
        identifier = f"settle{next(_numbers)}"
        self.partner.say(
            f"<iq type='get' id='{identifier}' from='{self.full}' to='{host}'><ping xmlns='urn:xmpp:ping'/></iq>", host
        )
        return self.partner.wait(lambda item: item.get("id") == identifier)[:-1]

    def _mine(self, stanzas: Iterable[Element]) -> list[Element]:
        return [item for item in stanzas if item.get("to", "").partition("/")[0] == self.bare]

    def _from_me(self, stanzas: Iterable[Element]) -> list[Element]:
        return [item for item in stanzas if item.get("from", "").partition("/")[0] == self.bare]

    # What alice does -------------------------------------------------------------------------------------------------

    def receive(self) -> list[Element]:
        """Return what alice's side has sent to this contact until now."""
        marker = self.office.alice.send(self.bare, "marker")
        return self._mine(self.partner.wait(lambda item: item.get("id") == marker))[:-1]

    def sees(self, stanza: str) -> list[Element]:
        """Let alice say something; return what this contact gets of it."""
        self.receive()
        self.office.alice.write(stanza)
        return self.receive()

    def follow(self) -> None:
        """Get a subscription to alice's presence, with her approval where it is needed."""
        self.presence("subscribe")
        if self.partner.unverified:
            self.office.alice.write(f"<presence type='subscribed' to='{self.bare}'/>")
        assert self.office.follows(self.bare)


class Office:
    """The gateway with alice online, and a partner of each type."""

    def __init__(self, gateway: Gateway, alice: Client, partners: dict[str, Partner]) -> None:
        self.gateway, self.alice, self.partners = gateway, alice, partners

    def contact(self, column: str) -> Contact:
        """Return somebody new."""
        kind, added = COLUMNS[column]
        return Contact(self, self.partners[kind], added)

    def roster(self, contact: str, subscription: Optional[str] = None) -> None:
        """Let alice put a contact into her roster, or with ``remove`` take it out."""
        attribute = f" subscription='{subscription}'" if subscription else ""
        self.alice.write(
            f"<iq type='set' id='roster{next(_numbers)}'><query xmlns='jabber:iq:roster'>"
            f"<item jid='{contact}'{attribute}/></query></iq>"
        )
        self.alice.drain()

    def block(self, contact: str, word: str = "block") -> None:
        """Let alice block a contact; with ``unblock`` the contrary."""
        self.alice.write(
            f"<iq type='set' id='block{next(_numbers)}'><{word} xmlns='urn:xmpp:blocking'>"
            f"<item jid='{contact}'/></{word}></iq>"
        )
        self.alice.drain()

    def follows(self, contact: str) -> bool:
        """Whether a contact has a subscription to alice, as her roster says."""
        identifier = f"follows{next(_numbers)}"
        self.alice.write(f"<iq type='get' id='{identifier}'><query xmlns='jabber:iq:roster'/></iq>")
        answer = next(item for item in self.alice.drain() if item.get("id") == identifier)
        items = {item.get("jid"): item.get("subscription") for item in answer.iter("{jabber:iq:roster}item")}
        return items.get(contact) in ("from", "both")
