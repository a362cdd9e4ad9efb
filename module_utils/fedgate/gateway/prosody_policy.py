"""Partners compiled to the policy file that our Prosody modules read.

Combinations are those of the negotiation table of Lync Server 2013 (TLS and SASL settings of an allowed partner).
What our Prosody modules do not enforce yet is refused here, so that nobody believes in a rule that is not enforced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import FedgateError, InvalidValue, SeveralErrors
from ..model import negotiation
from ..model.partner import TYPES
from .policy import Compiled, Loss


def compile_policy(
    partners: Sequence[Mapping[str, Any]],
    local_hosts: Sequence[str],
    components: Sequence[Mapping[str, Any]] = (),
) -> Compiled:
    """Compile normalised partners.

    :param partners: as the model publishes them: domain, additional_domains, type, tls, sasl, dialback,
        dialback_certificate, methods.
    :param local_hosts: our domains and components that may federate.
    :param components: as the model publishes them: domain, federated (true, false, or a list of types of partners).
    :returns: rules with ``local_hosts``, ``partners`` (one row for each domain, also the additional ones) and
        ``components`` (for each type of partner those of local_hosts that it reaches).
    :raises InvalidValue: for a partner whose rules this gateway cannot enforce.
    :raises SeveralErrors: the same for several partners.
    """
    errors: list[FedgateError] = []
    rows: dict[str, dict[str, Any]] = {}
    loss: list[Loss] = []
    for partner in partners:
        try:
            row = row_of(partner)
            for domain in domains_of(partner):
                if domain in rows:
                    raise InvalidValue(
                        f"{domain} belongs to two partners: {rows[domain]['partner']} and {row['partner']}"
                    )
                rows[domain] = row
            loss.extend(_loss(partner))
        except InvalidValue as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise SeveralErrors(errors)
    hosts = sorted(set(local_hosts))
    rules = {"local_hosts": hosts, "partners": rows, "components": open_components(components, hosts)}
    return Compiled(rules, tuple(loss))


def open_components(components: Sequence[Mapping[str, Any]], hosts: Sequence[str]) -> dict[str, list[str]]:
    """Return for each type of partner the components that it reaches; types without any are left out."""
    found: dict[str, list[str]] = {}
    for component in components:
        domain, types = component["domain"], component.get("federated") or []
        if types is True:
            types = TYPES[:1]
        if not isinstance(types, (list, tuple)) or any(kind not in TYPES for kind in types):
            raise InvalidValue(
                f"component {domain}: {types!r} does not say which partners reach it",
                hint=f"Write federated as true, false, or a list of {', '.join(TYPES)}.",
            )
        for kind in types:
            if domain in hosts:
                found.setdefault(kind, []).append(domain)
    return {kind: sorted(set(domains)) for kind, domains in found.items()}


def domains_of(partner: Mapping[str, Any]) -> list[str]:
    """Return a partner's domains, the primary one first."""
    return [partner["domain"], *(partner.get("additional_domains") or [])]


def row_of(partner: Mapping[str, Any]) -> dict[str, Any]:
    """Return a partner's rules with defaults. :raises InvalidValue: when they leave nothing or are not allowed."""
    domain = partner["domain"]
    row = {
        "partner": domain,
        "type": partner.get("type") or "federated",
        "tls": partner.get("tls") or "required",
        "sasl": partner.get("sasl") or "optional",
        "dialback": True if partner.get("dialback") is None else partner["dialback"],
        "dialback_certificate": partner.get("dialback_certificate") or "any",
        "allow_plaintext": bool(partner.get("allow_plaintext")),
    }
    for name, allowed in _ALLOWED.items():
        if row[name] not in allowed:
            raise InvalidValue(
                f"partner {domain}: the Prosody gateway does not enforce {name} {row[name]!r} yet",
                hint=f"Possible now: {', '.join(map(str, allowed))}.",
            )
    _demand_method(row)
    return row


def _demand_method(row: Mapping[str, Any]) -> None:
    """Refuse what leaves no way to authenticate, and unencrypted connections that nobody agreed to."""
    combination = row["tls"], row["sasl"], row["dialback"]
    left = negotiation.methods(*combination)
    said = f"partner {row['partner']}: tls {row['tls']}, sasl {row['sasl']}, dialback {str(row['dialback']).lower()}"
    if not left:
        raise InvalidValue(f"{said}: no method of authentication is left", hint=negotiation.dead_end(*combination))
    if negotiation.PLAINTEXT in left and not row["allow_plaintext"]:
        raise InvalidValue(
            f"{said}: unencrypted connections are left, and nobody agreed to them",
            hint="Set tls: required; or, if that is agreed, allow_plaintext: true on this partner.",
        )
    if negotiation.certain(left, row["dialback_certificate"]) == ():
        raise InvalidValue(
            f"{said}: dialback_certificate valid leaves no method, as no certificate is shown without TLS",
            hint="Allow TLS, or set dialback_certificate: any.",
        )


_ALLOWED: dict[str, tuple[Any, ...]] = {
    "type": TYPES,
    "tls": negotiation.LEVELS,
    "sasl": negotiation.LEVELS,
    "dialback": (True, False),
    "dialback_certificate": ("any", "valid"),
}


_NOT_HONOURED = {
    "connection_limit": "The number of streams from this partner is not limited.",
    "proxy_fqdn": "The partner's servers are found by DNS alone.",
}


def _loss(partner: Mapping[str, Any]) -> list[Loss]:
    """Return what Prosody does otherwise than Lync Server for this partner."""
    loss = []
    for rule, meaning in _NOT_HONOURED.items():
        if partner.get(rule):
            loss.append(Loss(partner["domain"], rule, meaning))
    return loss
