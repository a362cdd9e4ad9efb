"""Services beside the users of an XMPP domain, such as chat rooms: hosts of their own below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .domains import is_under
from .partner import TYPES
from .reading import Fields, Reader, shown
from .suggest import listed

KINDS = ("muc",)


@dataclass(frozen=True)
class Component:
    """One component.

    :ivar kind: ``muc``: chat rooms (XEP-0045); :ivar types: of partners that reach it.
    :ivar parent: the XMPP domain that it belongs to; whoever serves that serves it.
    """

    domain: str
    kind: str
    types: tuple[str, ...]
    parent: str

    @property
    def federated(self) -> bool:
        """Whether any partner reaches it."""
        return bool(self.types)

    def as_facts(self) -> dict[str, Any]:
        """Return the component as plain data; ``federated`` is a list unless true (federated partners) or false."""
        plain = self.types in ((), TYPES[:1])
        return {"domain": self.domain, "kind": self.kind, "federated": self.federated if plain else list(self.types)}


def parent_domain(name: str, xmpp_domains: list[str]) -> str | None:
    """Return the nearest XMPP domain above a name, or None."""
    above = [domain for domain in xmpp_domains if is_under(name, domain)]
    return max(above, key=len) if above else None


def read_components(reader: Reader, xmpp_domains: list[str]) -> list[Component]:
    """Read ``federation_xmpp_components``."""
    found: dict[str, Component] = {}
    for item in reader.items():
        component = _component(item.fields(("domain", "kind", "federated"), required=["domain"]), xmpp_domains)
        if component is None:
            continue
        if component.domain in found:
            item.wrong(f"the component {component.domain} is written twice", "Remove one of the two.")
        found.setdefault(component.domain, component)
    return list(found.values())


def _component(fields: Fields | None, xmpp_domains: list[str]) -> Component | None:
    if fields is None or not fields.has("domain"):
        return None
    kind = fields.read("kind", lambda at: at.choice(KINDS), KINDS[0])
    nobody: tuple[str, ...] = ()
    types = fields.read("federated", _types, nobody)
    domain = fields.at("domain").domain()
    if domain is None:
        return None
    if domain in xmpp_domains:
        fields.at("domain").wrong(f"{domain} is one of federation_xmpp_domains", "A component needs a name of its own.")
        return None
    parent = parent_domain(domain, xmpp_domains)
    if parent is None and not xmpp_domains:
        return None
    if parent is None:
        hint = f"Write a name below {listed(xmpp_domains)}."
        fields.at("domain").wrong(f"{domain} is under none of federation_xmpp_domains", hint)
        return None
    return Component(domain, kind, types, parent)


def _types(reader: Reader) -> tuple[str, ...] | None:
    """Read who reaches a component: true is federated partners, false nobody; else a list of partner types."""
    if isinstance(reader.value, bool):
        return TYPES[:1] if reader.value else ()
    if not isinstance(reader.value, list):
        hint = f"Write true, false, or a list of types of partners: {listed(TYPES, 'and')}."
        reader.wrong(f"true, false or a list is needed here, not {shown(reader.value)}", hint)
        return None
    named = [item.choice(TYPES) for item in reader.items()]
    return tuple(name for name in TYPES if name in named)
