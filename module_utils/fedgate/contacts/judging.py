"""What of the archives a gateway can carry: contacts of partners, for users whom it serves. All else is counted."""

from __future__ import annotations

import stringprep
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from encodings import idna
from typing import Any, Optional
from urllib.parse import unquote

from ..errors import InvalidValue
from ..model.domains import domain_name
from .userdata import Contact, UserData

_SCHEMES = ("sip:", "sips:", "im:", "xmpp:")
#: What no name of an XMPP user may have (RFC 7622, section 3.3.1).
_FORBIDDEN = frozenset("\"&'/:<>@")

OURS = "users of ours"
STRANGERS = "no XMPP partner of the inventory"
ELSEWHERE = "no domain of this gateway"
MALFORMED = "no address of an XMPP user"


@dataclass
class Carried:
    """What is to be carried, and what is not.

    :ivar users: rows as ``xmpp_gateway_contacts`` takes them in ``users``, in the order of their addresses.
    :ivar left_out: what is not carried: ``what`` (contacts, blocks, users), ``domain``, ``why``, ``count``.
    :ivar read: users in the archives; :ivar empty: those of them without a single contact or block.
    """

    users: list[dict[str, Any]]
    left_out: list[dict[str, Any]]
    read: int
    empty: int


@dataclass
class _User:
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)


def judge(data: Iterable[UserData], partners: Iterable[str], domains: Iterable[str]) -> Carried:
    """Return what of the users' data a gateway carries.

    A contact that a user has added is wanted both ways: on Lync Server that is the consent that a public unverified
    partner waits for. One that is only stored ("offline contact") comes without a subscription. Whom the user blocks is
    blocked, and is no contact.

    :param data: of one archive or several; what one user has in several of them is taken together.
    :param partners: domains of the partners, all of them; :param domains: of ours, those that this gateway serves.
    """
    judged = _Judge(frozenset(map(domain_name, partners)), {domain_name(domain): domain for domain in domains})
    read: set[str] = set()
    empty: set[str] = set()
    for item in data:
        key = item.user.lower()
        read.add(key)
        (empty.discard if item.contacts or item.blocked or item.blocked_domains else empty.add)(key)
        judged.take(item)
    return Carried(judged.rows(), judged.left_out(), len(read), len(empty))


class _Judge:
    def __init__(self, partners: frozenset[str], domains: Mapping[str, str]) -> None:
        self.partners, self.domains = partners, domains
        self.users: dict[str, _User] = {}
        self._left: Counter[tuple[str, str, str]] = Counter()

    def take(self, data: UserData) -> None:
        """Judge one user's data."""
        address = parse(data.user)
        served = address and self.domains.get(address[1])
        if address is None or served is None:
            self._left["users", address[1] if address else "", ELSEWHERE if address else MALFORMED] += 1
            return
        user = self.users.setdefault(f"{address[0]}@{served}", _User())
        for contact in data.contacts:
            found = self._partner("contacts", contact.address)
            if found:
                _merge(user.contacts, found, contact)
        for text in data.blocked:
            found = self._partner("blocks", text)
            if found:
                user.blocked.add(found)
        for text in data.blocked_domains:
            domain = _domain(text)
            if domain in self.partners:
                user.blocked.add(_shown(domain))
            else:
                self._left["blocks", domain or "", STRANGERS if domain else MALFORMED] += 1

    def _partner(self, what: str, text: str) -> Optional[str]:
        """Return the address of a partner's user as XMPP spells it; None for anybody else, who is counted."""
        address = parse(text)
        if address and address[1] in self.partners:
            return f"{address[0]}@{_shown(address[1])}"
        why = MALFORMED if address is None else OURS if address[1] in self.domains else STRANGERS
        self._left[what, address[1] if address else "", why] += 1
        return None

    def rows(self) -> list[dict[str, Any]]:
        """Return the users of whom something is carried."""
        rows = []
        for jid, user in sorted(self.users.items()):
            contacts = [
                {"jid": address, **wanted}
                for address, wanted in sorted(user.contacts.items())
                if address not in user.blocked and address.partition("@")[2] not in user.blocked
            ]
            if contacts or user.blocked:
                rows.append({"jid": jid, "contacts": contacts, "blocked": sorted(user.blocked)})
        return rows

    def left_out(self) -> list[dict[str, Any]]:
        """Return what is not carried, counted by what it is, its domain, and why."""
        return [
            {"what": what, "domain": domain, "why": why, "count": count}
            for (what, domain, why), count in sorted(self._left.items())
        ]


def _merge(contacts: dict[str, dict[str, Any]], address: str, contact: Contact) -> None:
    old = contacts.get(address, {"subscription": "none", "name": "", "groups": []})
    both = contact.subscribed or old["subscription"] == "both"
    contacts[address] = {
        "subscription": "both" if both else "none",
        "name": old["name"] or contact.name,
        "groups": list(dict.fromkeys((*old["groups"], *contact.groups))),
    }


def parse(text: str) -> Optional[tuple[str, str]]:
    """Return the user and the domain in a SIP URI or an address; None where it is that of no XMPP user.

    The user's name is prepared as XMPP compares it (Nodeprep, RFC 6122 appendix A), the domain as the model compares
    it.
    """
    text = text.strip()
    for scheme in _SCHEMES:
        if text.lower().startswith(scheme):
            text = text[len(scheme) :]
            break
    # RFC 3261, section 19.1: parameters and headers come after the host; escapes are those of URIs.
    user, _, domain = text.partition(";")[0].partition("?")[0].rpartition("@")
    name, host = _node(_unescaped(user)), _domain(domain)
    return (name, host) if name and host else None


def _unescaped(user: str) -> str:
    try:
        return unquote(user, errors="strict")
    except UnicodeDecodeError:
        return user


def _node(text: str) -> Optional[str]:
    mapped = "".join(stringprep.map_table_b2(char) for char in text if not stringprep.in_table_b1(char))
    name = unicodedata.normalize("NFKC", mapped)
    bad = any(char in _FORBIDDEN or char.isspace() or unicodedata.category(char)[0] == "C" for char in name)
    return None if bad or not 0 < len(name.encode(errors="replace")) <= 1023 else name


def _domain(text: str) -> Optional[str]:
    try:
        return domain_name(text)
    except InvalidValue:
        return None


def _shown(domain: str) -> str:
    """Return a domain as addresses have it: in Unicode (RFC 7622, section 3.2)."""
    return ".".join(map(idna.ToUnicode, domain.split("."))) if "xn--" in domain else domain
