"""Partners compiled to the one thing that ejabberd decides by itself for each remote domain: ``s2s_access``.

Facts are those of ejabberd 23.01 and 24.12 (``ejabberd_s2s.erl``, ``mod_s2s_dialback.erl``, ``mod_s2s_bidi.erl``). The
tests in ``tests/integration/policy/test_ejabberd_loss.py`` hold each line of the loss report against the server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Optional

from ..errors import FedgateError, InvalidValue, SeveralErrors, raise_together
from ..model import negotiation
from ..model.limits import check_limits
from .policy import Compiled, Loss
from .prosody_policy import domains_of, open_components, row_of
from .scope import checked_scope

EXTERNAL: negotiation.Method = "sasl_over_tls"
OVER_TLS: negotiation.Method = "tls_dialback"


def compile_policy(
    partners: Sequence[Mapping[str, Any]],
    local_hosts: Sequence[str],
    components: Sequence[Mapping[str, Any]] = (),
    limits: Optional[Mapping[str, Any]] = None,
    scope: Optional[Mapping[str, Any]] = None,
    dialback: bool = True,
) -> Compiled:
    """Compile normalised partners.

    :param partners: as the model publishes them.
    :param local_hosts: our domains and components that may federate.
    :param components: as the model publishes them: domain, federated.
    :param limits: of the deployment, as the model publishes them; ejabberd keeps none of them. None asks for none.
    :param scope: who of our users may federate, as the model publishes it; None for everybody.
    :param dialback: whether the server has ``mod_s2s_dialback``.
    :returns: rules with ``local_hosts`` (virtual hosts only), ``partners`` (domain → primary domain of its partner) and
        ``starttls``, the strictest value of ``s2s_use_starttls`` that a row asks for; and the loss.
    :raises InvalidValue: for a partner whose rules leave nothing, or that are not allowed.
    :raises SeveralErrors: the same for several partners, or for limits.
    """
    if limits is not None:
        check_limits(limits, "limits")
    rows = _rows(partners)
    domains = {domain: row["partner"] for partner, row in rows for domain in domains_of(partner)}
    starttls = _starttls([_methods(row) for _, row in rows])
    names = {component["domain"] for component in components}
    hosts = sorted(set(local_hosts) - names)
    closed = _closed_components(components)
    loss = [
        Loss(row["partner"], rule, meaning)
        for partner, row in rows
        for rule, meaning in (
            *_lost_types(row["type"]),
            *_lost_components(closed.get(row["type"], [])),
            *_lost_methods(row, starttls, dialback),
            *_lost_settings(partner),
            *_lost_limits(limits),
            *_lost_scope(scope, hosts),
        )
    ]
    return Compiled({"local_hosts": hosts, "partners": domains, "starttls": starttls}, tuple(loss))


def _rows(partners: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], dict[str, Any]]]:
    rows = []
    errors: list[FedgateError] = []
    owner: dict[str, str] = {}
    for partner in partners:
        try:
            domains = domains_of(partner)
            row = row_of(partner, domains[0])
            for domain in domains:
                if domain in owner:
                    raise InvalidValue(f"{domain} belongs to two partners: {owner[domain]} and {row['partner']}")
                owner[domain] = row["partner"]
            rows.append((partner, row))
        except InvalidValue as error:
            errors.append(error)
        except SeveralErrors as several:
            errors.extend(several.errors)
    raise_together(errors)
    return rows


def _methods(row: Mapping[str, Any]) -> tuple[negotiation.Method, ...]:
    return negotiation.methods(row["tls"], row["sasl"], row["dialback"])


def _starttls(rows: Sequence[tuple[negotiation.Method, ...]]) -> str:
    """Return ``s2s_use_starttls``: it holds for all partners, so the strictest row decides."""
    if not rows or any(negotiation.PLAINTEXT not in methods for methods in rows):
        return "required"
    return "false" if all(methods == (negotiation.PLAINTEXT,) for methods in rows) else "true"


def server_methods(starttls: str, dialback: bool) -> frozenset[negotiation.Method]:
    """Return the methods that an ejabberd takes from everybody.

    :param starttls: its ``s2s_use_starttls``: ``required``, ``true`` or ``false``.
    :param dialback: whether it has ``mod_s2s_dialback``.
    """
    taken: set[negotiation.Method] = set()
    if starttls != "false":
        taken.add(EXTERNAL)
        if dialback:
            taken.add(OVER_TLS)
    if starttls != "required" and dialback:
        taken.add(negotiation.PLAINTEXT)
    return frozenset(taken)


def _lost_methods(row: Mapping[str, Any], starttls: str, dialback: bool) -> Iterator[tuple[str, str]]:
    """Yield where the server's methods are others than the row's."""
    wanted, taken = set(_methods(row)), server_methods(starttls, dialback)
    if OVER_TLS in taken - wanted:
        if not row["dialback"]:
            yield "dialback", "Dialback is accepted and used, so no certificate is demanded of the partner."
        elif row["tls"] == "required":
            yield "sasl", "Dialback is accepted and used as well, so no certificate is demanded of the partner."
    if EXTERNAL in taken - wanted and row["tls"] != "not_supported":
        yield "sasl", "SASL EXTERNAL is offered, accepted and used."
    if OVER_TLS in wanted - taken and dialback is False:
        yield "dialback", "The server has no mod_s2s_dialback: whoever has no valid certificate cannot connect."
    elif negotiation.PLAINTEXT in wanted - taken and starttls != "required":
        yield "dialback", "The server has no mod_s2s_dialback, so a partner without TLS cannot connect."
    if negotiation.PLAINTEXT in wanted and starttls == "required":
        yield "tls", "TLS is required of all partners, as another partner's rules ask for it: none connects without it."
    elif row["tls"] == "not_supported" and starttls == "true":
        yield "tls", "TLS is offered, and used where the partner takes it."
    if row["dialback_certificate"] == "valid" and taken & wanted & {OVER_TLS, negotiation.PLAINTEXT}:
        yield "dialback_certificate", "Dialback is enough: no certificate is looked at."


def _lost_types(kind: str) -> Iterator[tuple[str, str]]:
    if kind == "public_unverified":
        yield "consent", "Its users reach ours unasked, by messages, invitations and presence."
    else:
        yield "auto_approval", "Subscription requests of its users wait for our user's answer."
    if kind != "federated":
        yield "private", "Its users see status notes, and whatever else our users' clients and accounts tell."
    yield "host", "Our hosts answer it whatever their modules answer, such as service discovery and versions."


def _closed_components(components: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    names = sorted({component["domain"] for component in components})
    reached = open_components(components, names)
    kinds = ("federated", "public_verified", "public_unverified")
    return {kind: [name for name in names if name not in reached.get(kind, [])] for kind in kinds}


def _lost_components(closed: Sequence[str]) -> Iterator[tuple[str, str]]:
    if closed:
        yield "components", f"It reaches {', '.join(closed)}: a component is as open as its host."


def _lost_settings(partner: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if partner.get("keepalive"):
        yield "keepalive", "Nothing is sent over an idle stream, which ends after the server's s2s_timeout."
    if partner.get("connection_limit"):
        yield "connection_limit", "The number of streams that the partner opens is not limited."
    if partner.get("stanza_rate"):
        yield (
            "stanza_rate",
            "As many stanzas are read as the partner sends, unless a shaper of the server's slows all down.",
        )
    if partner.get("stanza_size"):
        yield "stanza_size", "Stanzas may be as large as the server lets those of all partners be."
    if partner.get("proxy_fqdn"):
        yield "proxy_fqdn", "The partner's servers are found by DNS alone."


def _lost_limits(limits: Optional[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    if limits is not None:
        yield "limits", "The server's own limits and time-outs hold, whatever they are."


def _lost_scope(scope: Optional[Mapping[str, Any]], hosts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the scope unless it leaves out nobody: users of a host that it does not name may not federate."""
    if scope is None:
        return
    rules = checked_scope(scope)
    if not all(rules["policies"].values()) or not set(hosts) <= set(rules["hosts"]):
        yield "scope", "All of our users federate with it."
