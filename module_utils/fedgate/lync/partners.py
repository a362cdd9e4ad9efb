"""The reconciler of ``lync_xmpp_partner``: all XMPP allowed partners in one session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from ..errors import InvalidValue, WorldMoved
from ..model.blocks import Blocks
from ..module import Context
from ..plan import Change, Plan
from . import blocked
from . import partner as wire
from .faults import CmdletFailed
from .partner import Allowed
from .reconciler import CONNECTION_ARGUMENTS, OverShell
from .shell import Shell

KIND = "xmpp_partner"
_LEVEL = {"type": "str", "choices": ["required", "optional", "not_supported"], "default": "required"}
_TYPES = ["federated", "public_verified", "public_unverified"]
_PARTNER: dict[str, Any] = {
    "domain": {"type": "str", "required": True},
    "additional_domains": {"type": "list", "elements": "str", "default": []},
    "description": {"type": "str"},
    "type": {"type": "str", "choices": _TYPES, "default": "public_unverified"},
    "tls": _LEVEL,
    "sasl": _LEVEL,
    "dialback": {"type": "bool", "default": True},
    "keepalive": {"type": "bool", "default": True},
    "connection_limit": {"type": "int"},
    "proxy_fqdn": {"type": "str"},
    "dialback_certificate": {"type": "str", "choices": ["any", "valid"], "default": "any"},
    "stanza_rate": {"type": "int"},
    "stanza_size": {"type": "int"},
    "waive": {"type": "list", "elements": "str", "default": []},
    # What else the model publishes of a partner.
    **{key: {"type": "raw"} for key in ("allow_plaintext", "echo_address", "expires", "methods", "verdict")},
}
ARGUMENTS: dict[str, Any] = {
    **CONNECTION_ARGUMENTS,
    "partners": {"type": "list", "elements": "dict", "required": True, "options": _PARTNER},
    "purge": {"type": "bool", "default": False},
}
#: What a server says when the list is not as it was: an item that is there already, or is not there any more.
_MOVED = ("DuplicateItem", "ItemNotFound", "RemoveNotFound")

Observed = dict[str, Allowed]


class XmppPartners(OverShell):
    """The global list of XMPP allowed partners."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        demand_no_loss(params["partners"])
        self.wanted = {item["domain"]: wire.wanted(item) for item in params["partners"]}

    def observe(self) -> Observed:
        """Read the whole list, in one call."""
        return read_list(self.shell)

    def plan(self, observed: Observed) -> Plan:
        """Removals, then changes, then new partners. Nothing that is blocked stays, or comes.

        :raises InvalidValue: a wanted domain belongs to a partner that is to stay.
        """
        blocks, present = blocked.split(observed)
        taken, given = changes(present, self.wanted.values(), blocks, self.params["purge"])
        return Plan.of([*taken, *given])

    def apply(self, plan: Plan, observed: Observed) -> None:
        """One pipeline for each change. :raises WorldMoved: somebody else has changed the list meanwhile."""
        moving = _moving(plan)
        self.carry_out(plan, lambda change: carry_out_one(self.shell, change, moving), lambda: self._free(plan, moving))

    def _free(self, plan: Plan, moving: set[str]) -> None:
        """Take from partners the domains that others are to have."""
        for change in plan.changes:
            if change.action == "update" and moving & _removed(change):
                edit = {"AdditionalDomains": {"Remove": sorted(moving & _removed(change))}}
                _call(self.shell, "Set-CsXmppAllowedPartner", change.subject[0].identity, edit)

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return who is on the server and not in the inventory, who was as listed already, and the number of calls."""
        blocks, present = blocked.split(observed)
        wanted = _left(self.wanted.values(), blocks)
        others = {domain: partner for domain, partner in present.items() if domain not in wanted}
        unmanaged = sorted(domain for domain, partner in others.items() if not _owner(partner, self.wanted.values()))
        if unmanaged and not self.params["purge"]:
            self.context.warn(f"partners on the server that the inventory does not list: {', '.join(unmanaged)}")
        for want in self.wanted.values():
            warn_of_others(self.context, want, blocks)
        as_listed = sorted(wanted.keys() - {change.name for change in plan.changes})
        return {
            "unmanaged": unmanaged,
            "as_listed": as_listed,
            "blocked": blocked.told(blocks.values()),
            **self.calls(),
        }


def warn_of_others(context: Context, partner: Allowed, blocks: Blocks) -> None:
    """Say that a partner whose primary domain is blocked goes on under its others."""
    kept = blocked.left(partner, blocks.values())
    if kept is not None and kept.domain != partner.domain:
        context.warn(
            f"{partner.domain} is blocked, and its other domains are not: {', '.join(kept.domains)}; block them too "
            "where they shall be shut out"
        )


def changes(
    present: Observed, wanted: Iterable[Allowed], blocks: Blocks, purge: bool
) -> tuple[list[Change], list[Change]]:
    """Return what the list loses, and what is changed and new, in the order in which it can be carried out.

    A partner on the server whose domains are all wanted for one partner is that one under another primary domain.

    :param present: partners on the server, without the entries of blocks.
    :param wanted: partners as the inventory has them. :param blocks: what no partner keeps.
    :param purge: whether partners go that are not wanted.
    :raises InvalidValue: a wanted domain belongs to a partner that is to stay.
    """
    wants = list(wanted)
    shapes = _left(wants, blocks)
    taken: list[Change] = []
    moved: dict[str, Allowed] = {}
    staying: dict[str, Allowed] = {}
    for domain, partner in present.items():
        if domain in shapes:
            continue
        kept = blocked.left(partner, blocks.values())
        if kept is None or purge or _owner(kept, wants):
            taken.append(_reduced(partner, None))
            continue
        staying[kept.domain] = kept
        if kept.domain != domain:
            taken.append(_reduced(partner, None))
            moved[kept.domain] = kept
        elif kept is not partner:
            taken.append(_reduced(partner, kept))
    if not purge:
        _demand_free(shapes, staying)
    coming = {domain: _with_limit(want, present.values()) for domain, want in shapes.items() if domain not in present}
    return taken, [*_updates(shapes, present), *_creations({**moved, **coming})]


def _left(wanted: Iterable[Allowed], blocks: Blocks) -> dict[str, Allowed]:
    """Return what partners keep, by their primary domains then."""
    kept = (blocked.left(want, blocks.values()) for want in wanted)
    return {one.domain: one for one in kept if one is not None}


def _owner(partner: Allowed, wanted: Iterable[Allowed]) -> Allowed | None:
    """Return the wanted partner that has all domains of a partner."""
    return next((want for want in wanted if set(partner.domains) <= set(want.domains)), None)


def _with_limit(want: Allowed, present: Iterable[Allowed]) -> Allowed:
    """Return a new partner; a connection limit that the model leaves open is that of its former entry."""
    if want.settings["connection_limit"] is not None:
        return want
    limits = [one.settings["connection_limit"] for one in present if set(one.domains) <= set(want.domains)]
    settings = {**want.settings, "connection_limit": limits[0]} if limits else want.settings
    return Allowed(want.domain, want.additional_domains, settings, want.identity)


def read_list(shell: Shell) -> Observed:
    """Return the server's whole list by primary domains, blocks among them."""
    found = [wire.read(item) for item in shell.call("Get-CsXmppAllowedPartner")]
    return {partner.domain: partner for partner in found}


def _reduced(partner: Allowed, kept: Allowed | None) -> Change:
    """Return the change that takes domains from a partner, or the partner away."""
    if kept is None:
        return Change("delete", KIND, partner.domain, partner.fields(), None, (partner,))
    return Change("update", KIND, partner.domain, partner.fields(), kept.fields(), (partner, kept, {}))


def _demand_free(wanted: Mapping[str, Allowed], staying: Mapping[str, Allowed]) -> None:
    taken = wire.taken(list(wanted.values()), list(staying.values()))
    if not taken:
        return
    told = ", ".join(f"{name} (of {owner})" for name, owner in sorted(taken.items()))
    raise InvalidValue(
        f"the server has these domains with partners that are not listed: {told}",
        hint="List those partners, or take the domains from them; purge: true removes what is not listed.",
    )


def _updates(wanted: Mapping[str, Allowed], present: Observed) -> Iterator[Change]:
    for domain, want in wanted.items():
        found = present.get(domain)
        if found is None:
            continue
        settings = wire.differing(found, want)
        if settings or found.additional_domains != want.additional_domains:
            after = {**want.fields(), "connection_limit": found.settings["connection_limit"], **settings}
            yield Change("update", KIND, domain, found.fields(), after, (found, want, settings))


def _creations(wanted: Mapping[str, Allowed]) -> Iterator[Change]:
    for domain, want in wanted.items():
        yield Change("create", KIND, domain, None, want.fields(), (want,))


def carry_out_one(shell: Shell, change: Change, moved: Set[str] = frozenset()) -> None:
    """Call the cmdlet of one change.

    :param change: its subject is the partner to remove or to make, or what is there, what is wanted, and the settings
        that differ.
    :param moved: domains that were taken from their partners before.
    :raises WorldMoved: somebody else has changed it meanwhile.
    """
    if change.action == "delete":
        _call(shell, "Remove-CsXmppAllowedPartner", change.subject[0].identity, {})
    elif change.action == "create":
        (want,) = change.subject
        settings = {name: value for name, value in want.settings.items() if value not in (None, "")}
        more = {"AdditionalDomains": list(want.additional_domains)} if want.additional_domains else {}
        _call(shell, "New-CsXmppAllowedPartner", want.identity, {**wire.parameters(settings), **more})
    else:
        present, _want, settings = change.subject
        given = {**wire.parameters(settings), **_edit(_added(change), _removed(change) - moved)}
        if given:
            _call(shell, "Set-CsXmppAllowedPartner", present.identity, given)


def _call(shell: Shell, cmdlet: str, identity: str, given: Mapping[str, Any]) -> None:
    try:
        shell.call(cmdlet, {"Identity": identity, **given})
    except CmdletFailed as error:
        if error.error_id in _MOVED:
            raise WorldMoved(
                f"partner {identity} is not as it was a moment ago; somebody else has changed it: {error.message}",
                hint="Nothing of theirs was overwritten.",
            ) from None
        raise


#: Rules of ours that these products have no setting for → what would happen instead.
_NOT_HONOURED = {
    "dialback_certificate": "a partner that uses dialback needs no valid certificate",
    "stanza_rate": "a partner may send as fast as it likes",
    "stanza_size": "only the server's own bound holds",
}


def demand_no_loss(partners: Iterable[Mapping[str, Any]]) -> None:
    """Refuse what these products have no setting for, unless somebody has agreed to do without."""
    lost = [
        f"{item['domain']}: {rule} ({meaning})"
        for item in partners
        for rule, meaning in _NOT_HONOURED.items()
        if item[rule] not in (None, "any") and rule not in (item["waive"] or ())
    ]
    if lost:
        raise InvalidValue(
            f"Lync Server does not honour {'; '.join(lost)}",
            hint="Leave the rule out, or agree to its loss by its name in waive on that partner.",
        )


def _added(change: Change) -> set[str]:
    """Return the domains that a change gives to its partner."""
    if change.action == "create":
        return set(change.subject[0].domains)
    present, want, _settings = change.subject
    return set(want.additional_domains) - set(present.additional_domains)


def _removed(change: Change) -> set[str]:
    present, want, _settings = change.subject
    return set(present.additional_domains) - set(want.additional_domains)


def _moving(plan: Plan) -> set[str]:
    """Return the domains that one partner hands to another: they have to be free before they can be taken."""
    changes = [change for change in plan.changes if change.action != "delete"]
    freed = {name for change in changes if change.action == "update" for name in _removed(change)}
    return freed & {name for change in changes for name in _added(change)}


def _edit(add: set[str], remove: set[str]) -> dict[str, Any]:
    """Return exact additions and removals: a member that is there already fails the whole edit."""
    edit = {key: sorted(names) for key, names in (("Add", add), ("Remove", remove)) if names}
    return {"AdditionalDomains": edit} if edit else {}
