"""Get-, New-, Set-, Remove-CsXmppAllowedPartner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from psrpcore.types import ErrorCategory

from .binder import Cmdlet, ListEdit, Parameter, boolean, list_edit, one_of, switch, text, texts, uint32
from .console import CmdletError, decorated
from .engine import Call
from .world import World, XmppPartner

TYPE = "Microsoft.Rtc.Management.WritableConfig.Settings.XmppFederation.XmppAllowedPartner#Decorated"
_LEVELS = one_of("Required", "Optional", "NotSupported")
#: Parameter → attribute of the partner.
FIELDS = {
    "Description": "description",
    "PartnerType": "partner_type",
    "TlsNegotiation": "tls",
    "SaslNegotiation": "sasl",
    "SupportDialbackNegotiation": "dialback",
    "EnableKeepAlive": "keepalive",
    "ConnectionLimit": "connection_limit",
    "ProxyFqdn": "proxy_fqdn",
}
_SETTINGS = {
    "AdditionalDomains": Parameter(list_edit),
    "Description": Parameter(text),
    "PartnerType": Parameter(one_of("Federated", "PublicVerified", "PublicUnverified")),
    "TlsNegotiation": Parameter(_LEVELS),
    "SaslNegotiation": Parameter(_LEVELS),
    "SupportDialbackNegotiation": Parameter(boolean),
    "EnableKeepAlive": Parameter(boolean),
    "ConnectionLimit": Parameter(uint32),
    "ProxyFqdn": Parameter(text),
}


def _as_object(partner: XmppPartner) -> Any:
    properties = {"Domain": partner.domain, "AdditionalDomains": list(partner.additional_domains)}
    properties.update({name: getattr(partner, attribute) for name, attribute in FIELDS.items()})
    properties["Identity"] = partner.domain
    return decorated([TYPE, TYPE.partition("#")[0], "System.Object"], properties, partner.domain)


def _get(world: World, call: Call) -> Iterator[Any]:
    if "Identity" in call:
        yield _as_object(_one(world, call["Identity"]))
        return
    pattern = (call["Filter"] or "*").lower()
    for partner in world.partners.values():
        if _matches(pattern, partner.domain.lower()):
            yield _as_object(partner)


def _matches(pattern: str, name: str) -> bool:
    import fnmatch

    return fnmatch.fnmatchcase(name, pattern)


def _one(world: World, identity: str) -> XmppPartner:
    partner = world.partners.get(str(identity).lower())
    if partner is None:
        raise CmdletError(
            f'Cannot find item "{identity}" in the collection.',  # guessed wording
            "ItemNotFound",
            ErrorCategory.ObjectNotFound,
            "Microsoft.Rtc.Management.Core.ManagementException",
            target=str(identity),
        )
    return partner


def _new(world: World, call: Call) -> Iterator[Any]:
    domain = call["Identity"] or call["Domain"]
    _demand_free(world, [domain], None)
    partner = XmppPartner(domain)
    _set_fields(world, partner, call)
    world.partners[domain.lower()] = partner
    world.written()
    yield _as_object(partner)


def _set(world: World, call: Call) -> Iterator[Any]:
    partner = _one(world, call["Identity"])
    _set_fields(world, partner, call)
    world.written()
    return iter(())


def _set_fields(world: World, partner: XmppPartner, call: Call) -> None:
    domains = partner.additional_domains
    if "AdditionalDomains" in call:
        domains = _edited(domains, call["AdditionalDomains"])
        _demand_free(world, domains, partner)
    partner.additional_domains = domains
    for name, attribute in FIELDS.items():
        if name in call:
            setattr(partner, attribute, call[name])


def _edited(present: list[str], edit: ListEdit) -> list[str]:
    """A member that is there already, or one to remove that is not, fails the whole edit (lync.md)."""
    if edit.replace is not None:
        return list(edit.replace)
    known = {name.lower() for name in present}
    for name in edit.add:
        if name.lower() in known:
            raise _duplicate(name)
    for name in edit.remove:
        if name.lower() not in known:
            raise CmdletError(
                f'"{name}" is not a member of the list.', "RemoveNotFound", ErrorCategory.InvalidArgument, target=name
            )
    gone = {name.lower() for name in edit.remove}
    return [name for name in present if name.lower() not in gone] + list(edit.add)


def _demand_free(world: World, domains: Iterable[str], but: XmppPartner | None) -> None:
    taken = {
        name.lower()
        for partner in world.partners.values()
        if partner is not but
        for name in (partner.domain, *partner.additional_domains)
    }
    for domain in domains:
        if domain.lower() in taken:
            raise _duplicate(domain)


def _duplicate(name: str) -> CmdletError:
    return CmdletError(
        f'"{name}" already exists in the list.',  # guessed wording
        "DuplicateItem",
        ErrorCategory.InvalidArgument,
        "Microsoft.Rtc.Management.Core.ManagementException",
        target=name,
    )


def _remove(world: World, call: Call) -> Iterator[Any]:
    partner = _one(world, call["Identity"])
    del world.partners[partner.domain.lower()]
    world.written()
    return iter(())


_IDENTITY = Parameter(text, ("Identity",), mandatory=True)
CMDLETS = (
    Cmdlet(
        "Get-CsXmppAllowedPartner",
        {
            "Identity": Parameter(text, ("Identity",)),
            "Filter": Parameter(text, ("Filter",)),
            "LocalStore": Parameter(switch),
        },
        _get,
        frozenset({"CsAdministrator", "CsViewOnlyAdministrator"}),
    ),
    Cmdlet(
        "New-CsXmppAllowedPartner",
        {"Identity": _IDENTITY, "Domain": Parameter(text, ("Domain",), mandatory=True), **_SETTINGS},
        _new,
        where=frozenset({"front_end"}),
    ),
    Cmdlet("Set-CsXmppAllowedPartner", {"Identity": _IDENTITY, **_SETTINGS}, _set, where=frozenset({"front_end"})),
    Cmdlet("Remove-CsXmppAllowedPartner", {"Identity": _IDENTITY}, _remove, where=frozenset({"front_end"})),
)
__all__ = ["CMDLETS", "FIELDS", "TYPE", "texts"]
