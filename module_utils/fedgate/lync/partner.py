"""XMPP allowed partners: the model's partners against the server's global list.

Source: New-, Set-CsXmppAllowedPartner (Lync Server 2013 cmdlet reference).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import values
from .values import UInt32

#: Setting of the model → parameter of the cmdlets, but for the domains.
PARAMETERS = {
    "description": "Description",
    "type": "PartnerType",
    "tls": "TlsNegotiation",
    "sasl": "SaslNegotiation",
    "dialback": "SupportDialbackNegotiation",
    "keepalive": "EnableKeepAlive",
    "connection_limit": "ConnectionLimit",
    "proxy_fqdn": "ProxyFqdn",
}
_NAMES = {
    "federated": "Federated",
    "public_verified": "PublicVerified",
    "public_unverified": "PublicUnverified",
    "required": "Required",
    "optional": "Optional",
    "not_supported": "NotSupported",
}
_OURS = {name.lower(): ours for ours, name in _NAMES.items()}


@dataclass(frozen=True)
class Allowed:
    """One XMPP allowed partner.

    :ivar domain: primary domain, lower case.
    :ivar additional_domains: sorted, lower case.
    :ivar settings: by the model's names, in the model's values; texts are never None.
    :ivar identity: how the server names it.
    """

    domain: str
    additional_domains: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    identity: str = ""

    @property
    def domains(self) -> tuple[str, ...]:
        """All its domains."""
        return (self.domain, *self.additional_domains)

    def fields(self) -> dict[str, Any]:
        """Return it as the fields of a plan."""
        return {"additional_domains": list(self.additional_domains), **self.settings}


def wanted(partner: Mapping[str, Any]) -> Allowed:
    """Return a partner of the model, as the model publishes it."""
    settings = {name: partner.get(name) for name in PARAMETERS}
    for name in ("description", "proxy_fqdn"):
        settings[name] = settings[name] or ""
    domain = partner["domain"]
    return Allowed(domain, tuple(sorted(partner.get("additional_domains") or ())), settings, domain)


def read(item: Any) -> Allowed:
    """Return a partner as the server gave it."""
    given = values.properties(item)
    domain = values.text(given["Domain"]) or ""
    settings: dict[str, Any] = {
        "description": values.text(given.get("Description")) or "",
        "proxy_fqdn": (values.text(given.get("ProxyFqdn")) or "").lower(),
        "dialback": values.boolean(given.get("SupportDialbackNegotiation")),
        "keepalive": values.boolean(given.get("EnableKeepAlive")),
        "connection_limit": values.number(given.get("ConnectionLimit")),
    }
    for name in ("type", "tls", "sasl"):
        said = values.text(given.get(PARAMETERS[name])) or ""
        settings[name] = _OURS.get(said.lower(), said)
    return Allowed(
        domain.lower(),
        tuple(sorted(name.lower() for name in values.texts(given.get("AdditionalDomains")))),
        {name: settings[name] for name in PARAMETERS},
        values.text(given.get("Identity")) or domain,
    )


def parameters(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of the model as parameters of the cmdlets, each in its type."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if name == "connection_limit":
            value = UInt32(value)
        found[PARAMETERS[name]] = _NAMES.get(value, value) if isinstance(value, str) else value
    return found


def differing(present: Allowed, want: Allowed) -> dict[str, Any]:
    """Return the settings that have to change; a connection limit that the model leaves open is nobody's."""
    return {
        name: value
        for name, value in want.settings.items()
        if value != present.settings[name] and not (name == "connection_limit" and value is None)
    }


def taken(want: Sequence[Allowed], present: Sequence[Allowed]) -> dict[str, str]:
    """Return wanted domains that a partner has on the server which is none of the wanted: domain → that partner."""
    ours = {partner.domain for partner in want}
    theirs = {name: partner.domain for partner in present if partner.domain not in ours for name in partner.domains}
    return {name: theirs[name] for partner in want for name in partner.domains if name in theirs}
