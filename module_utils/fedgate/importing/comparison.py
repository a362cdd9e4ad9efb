"""What Lync Server lets through now, row by row beside what a Linux gateway would by the inventory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from ..explain.changes import explain_changes
from ..explain.inventory import Entry, Inventory
from ..explain.methods import left
from ..explain.text import changes_text
from ..gateway.prosody_policy import compile_policy
from ..lync.blocked import SUFFIX
from ..model.access import home_sites
from ..model.deployment import Deployment
from ..model.partner import Partner
from ..model.suggest import listed
from ..model.variables import is_partner_list
from . import partners
from .items import Item, left_out, plain
from .judging import judge

#: same: nothing changes. gained, lost: something passes that did not, or the contrary. both: some of each. other: it is
#: done otherwise, and the same passes. unclear: the model refuses what the server has.
VERDICTS = ("same", "other", "gained", "lost", "both", "unclear")
#: Those of which somebody has to know.
DIFFERENT = ("gained", "lost", "both", "unclear")
#: Keys of a compiled row, beside its methods.
_SHOWN = ("type", "tls", "sasl", "dialback", "keepalive", "connection_limit", "proxy_fqdn")
#: What has to be read on the Front End for it.
PARTS = (
    "sites", "front_end_pools", "sip_domains", "partners", "gateway_configuration", "access_policies",
    "access_grants", "access_homes",
)  # fmt: skip
_REPLACED = ("federation_limits", "federation_access_policies")
Hosts = Mapping[str, Mapping[str, Any]]


class Source:
    """The deployment as it was read, as an inventory: gateways and domains are those of the real one.

    :param deployment: what ``lync_info`` read, at least ``PARTS``.
    :param hosts: variables of the inventory that it is compared with, by host.
    """

    def __init__(self, deployment: Mapping[str, Any], hosts: Hosts, today: date, group: str) -> None:
        policies, self.notes = partners.policies(
            deployment["access_policies"], deployment["access_grants"], deployment["access_homes"]
        )
        self.shared: dict[str, Any] = {
            "federation_partners": partners.partners(deployment["partners"]),
            "federation_limits": partners.limits(deployment["gateway_configuration"]),
            "federation_access_policies": policies,
        }
        self._rest = {name: _without_policy(variables) for name, variables in hosts.items()}
        _deployment, self.open = judge(self._hosts, self._tree, lambda _host, _steps: None, today)
        self.inventory: Inventory | None = None
        if not self.open:
            self.inventory = Inventory(self._hosts(), origin_of=_on_server, today=today, group=group)

    def _hosts(self) -> dict[str, dict[str, Any]]:
        shared = {name: plain(tree) for name, tree in self.shared.items()}
        return {name: {**rest, **shared} for name, rest in self._rest.items()}

    def _tree(self, variable: str, _owner: str | None) -> Any:
        return self.shared.get(variable)

    def entries(self) -> dict[str, Entry]:
        """Return the partners that the model accepts, by domain."""
        return self.inventory.entries() if self.inventory else {}

    def refused(self) -> dict[str, str]:
        """Return the reason for each domain, and each other thing, that the model refuses."""
        found: dict[str, str] = {}
        for tree in self.shared.values():
            for item in left_out(tree):
                found.update(dict.fromkeys(_names(item), str(item.refused)))
        return found


def _without_policy(variables: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in variables.items() if name not in _REPLACED and not is_partner_list(name)}


def _on_server(_host: str, _steps: tuple[str | int, ...]) -> str:
    return "on the server"


def _names(item: Item) -> list[str]:
    value = item.value
    if isinstance(value, dict) and "domain" in value:
        return [str(value["domain"]), *map(str, plain(value.get("additional_domains", [])))]
    return [str(value["name"] if isinstance(value, dict) else value)]


def compare(deployment: Mapping[str, Any], hosts: Hosts, after: Inventory, today: date, group: str) -> dict[str, Any]:
    """Compare the policy of a deployment with the one that an inventory gives to Linux gateways.

    :param after: the inventory, read; :param hosts: its variables.
    :returns: ``rows`` (one for each domain: domain, partner, lync, linux, verdict, because), ``users`` (name, verdict,
        because), ``limits`` (likewise), ``notes``, ``counts`` by verdict, ``same`` (nothing gained, lost or unclear),
        ``text``.
    """
    source = Source(deployment, hosts, today, group)
    if source.inventory is None:
        return _hopeless(source.open)
    changes = explain_changes(source.inventory, after)
    rows = list(_rows(deployment, source, after, changes["partners"]))
    users = [*_others(changes["ours"]), *_homes(deployment, after.deployment)]
    verdicts = [one["verdict"] for one in (*rows, *users)]
    counts = {name: verdicts.count(name) for name in VERDICTS}
    same = not any(counts[name] for name in DIFFERENT)
    notes = [*source.notes, *_beyond(deployment, after.deployment)]
    found = {"rows": rows, "others": users, "notes": notes, "counts": counts, "same": same}
    found["differences"] = differences(rows, users)
    return {**found, "text": text_of(found, changes_text(changes))}


def _hopeless(reasons: Sequence[str]) -> dict[str, Any]:
    text = "\n".join(["Nothing can be compared, for the model refuses the deployment as a whole:", *reasons])
    counts = {**dict.fromkeys(VERDICTS, 0), "unclear": len(reasons)}
    found = {"rows": [], "others": [], "notes": list(reasons), "differences": list(reasons)}
    return {**found, "counts": counts, "same": False, "text": text}


def differences(rows: Iterable[Mapping[str, Any]], others: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a line for each row and each other thing of which something is gained, lost or unclear."""
    named = [*((row["domain"], row) for row in rows), *((one["name"], one) for one in others)]
    return [
        f"{one['verdict']} {name}: {'; '.join(one['because'])}" for name, one in named if one["verdict"] in DIFFERENT
    ]


def accepting(found: Sequence[str], accepted: Sequence[str]) -> dict[str, list[str]]:
    """Return which differences nobody has agreed to, and what was agreed to and is none. Blanks are of no account."""
    agreed = {" ".join(line.split()): line for line in accepted}
    there = {" ".join(line.split()): line for line in found}
    return {
        "unaccepted": [line for key, line in there.items() if key not in agreed],
        "accepted_in_vain": [line for key, line in agreed.items() if key not in there],
    }


def _rows(
    deployment: Mapping[str, Any], source: Source, after: Inventory, changed: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    compiled = _compiled(after.deployment)
    before = {name: entry.partner for name, entry in source.entries().items()}
    now = {name: entry.partner for name, entry in after.entries().items()}
    raw = {name: one for one in deployment["partners"] for name in (one["domain"], *one["additional_domains"])}
    refused = source.refused()
    told = {domain: group["differences"] for group in changed for domain in group["domains"]}
    for domain in sorted(name for name in {*raw, *before, *now} if not name.endswith(SUFFIX)):
        differences = told.get(domain, [])
        verdict, because = _verdict(differences), [item["sentence"] for item in differences]
        if domain in refused:
            # Which of two entries counts there is not known either.
            verdict, because = "unclear", [*because, refused[domain]] if domain in before else [refused[domain]]
        owner = now.get(domain) or before.get(domain)
        yield {
            "domain": domain,
            "partner": owner.domain if owner else raw[domain]["domain"],
            "lync": _side(before[domain]) if domain in before else _raw(raw.get(domain)),
            "linux": _linux(compiled.get(domain), now.get(domain)),
            "verdict": verdict,
            "because": because,
        }


def _compiled(deployment: Deployment) -> Mapping[str, Any]:
    """Return the rows as a Prosody gateway gets them. :raises FedgateError: it could not keep one of them."""
    facts = [partner.as_facts() for partner in deployment.partners]
    rules = compile_policy(facts, deployment.xmpp_domains, (), deployment.limits.as_facts()).rules
    rows: Mapping[str, Any] = rules["partners"]
    return rows


def _side(partner: Partner) -> dict[str, Any]:
    return {**{key: getattr(partner, key) for key in _SHOWN}, "methods": list(left(partner))}


def _raw(one: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {key: one[key] for key in _SHOWN} if one else None


def _linux(row: Mapping[str, Any] | None, partner: Partner | None) -> dict[str, Any] | None:
    if row is None or partner is None:
        return None
    said = {key: row.get(key) for key in _SHOWN}
    return {**said, "keepalive": row.get("keepalive", True), "methods": list(left(partner))}


def _verdict(differences: Sequence[Mapping[str, Any]]) -> str:
    effects = {item["effect"] for item in differences}
    if {"opens", "closes"} <= effects:
        return "both"
    return "gained" if "opens" in effects else "lost" if "closes" in effects else "other" if effects else "same"


def _others(groups: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """What is not about one partner: limits of all, and who of ours may."""
    for group in groups:
        sentences = [item["sentence"] for item in group["differences"]]
        yield {"name": group["name"], "verdict": _verdict(group["differences"]), "because": sentences}


def _homes(deployment: Mapping[str, Any], after: Deployment) -> Iterator[dict[str, Any]]:
    """Users without a policy of their own have that of their pool's site on Lync, that of their domain's on Linux."""
    there = {partners.name_of(one).casefold(): partners.allowed(one) for one in deployment["access_policies"]}
    here = {policy.name.casefold(): policy.xmpp_access for policy in after.access}
    sites = home_sites(after.xmpp_domains, after.pools)
    for homed in sorted({pool["site"] for pool in deployment["front_end_pools"].values()}):
        for domain, site in sites.items():
            if site is not None and site.casefold() == homed.casefold():
                continue
            had = there.get(f"site:{homed.casefold()}", there.get("global", False))
            has = not here or here.get(f"site:{(site or '').casefold()}", here.get("global", False))
            if had != has:
                because = f"they have the policy of {site or 'no site'}, where the gateway of their domain is"
                name = f"users of {domain} who are homed in {homed}"
                yield {"name": name, "verdict": "gained" if has else "lost", "because": [because]}


def _beyond(deployment: Mapping[str, Any], after: Deployment) -> Iterator[str]:
    """Say what one of the two has no counterpart of."""
    configured = deployment["gateway_configuration"]
    limits, renewed = after.limits, configured.get("subscription_refresh_interval")
    yield (
        f"A Linux gateway reads at most {limits.stanza_rate} stanzas a second from a partner and takes none of more "
        f"than {limits.stanza_size} bytes; Lync Server has no such limits."
    )
    yield (
        f"Lync Server renews subscriptions every {renewed} seconds; XMPP between servers has no such thing, and a "
        "Linux gateway keeps them until they are taken back."
    )
    if configured.get("log_message_bodies"):
        yield "A Linux gateway does not log the bodies of messages; Lync Server does now."
    blocked = partners.blocked(deployment["partners"])
    if blocked:
        yield f"Blocked on Lync Server: {listed(blocked, 'and')}. Linux gateways have their own list (block.yml)."
    served = set(after.xmpp_domains)
    missing = [name for name in deployment["sip_domains"] if name not in served]
    if missing:
        yield f"SIP domains that are no XMPP domains in the inventory: {listed(missing, 'and')}."


def text_of(found: Mapping[str, Any], changes: str) -> str:
    """Render a comparison: a line for each domain that is not the same, and how many are."""
    counts = found["counts"]
    head = "Nothing gained, nothing lost." if found["same"] else "Not the same."
    lines = [f"{head} Domains and users: " + ", ".join(f"{counts[name]} {name}" for name in VERDICTS) + "."]
    for row in found["rows"]:
        if row["verdict"] != "same":
            lines.append(f"  {row['verdict']:8}{row['domain']}: {'; '.join(row['because'])}")
    for one in found["others"]:
        lines.append(f"  {one['verdict']:8}{one['name']}: {'; '.join(one['because'])}")
    if not found["same"]:
        lines += ["", "What would change, and where the inventory says so:", changes]
    return "\n".join([*lines, "", *found["notes"]])
