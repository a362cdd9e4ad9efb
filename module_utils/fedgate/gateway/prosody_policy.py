"""Partners compiled to the policy file that our Prosody modules read.

Combinations are those of the negotiation table of Lync Server 2013 (TLS and SASL settings of an allowed partner).
What our Prosody modules do not enforce yet is refused here, so that nobody believes in a rule that is not enforced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import FedgateError, InvalidValue, SeveralErrors, raise_together
from ..model import negotiation
from ..model.domains import domain_name
from ..model.limits import BOUNDS, OF_A_PARTNER, check_limits
from ..model.partner import DEFAULTS, TYPES, excess
from ..model.problems import Problems, Where
from ..model.reading import Reader
from .policy import Compiled
from .scope import checked_scope


def compile_policy(
    partners: Sequence[Mapping[str, Any]],
    local_hosts: Sequence[str],
    components: Sequence[Mapping[str, Any]] = (),
    limits: Mapping[str, Any] | None = None,
    scope: Mapping[str, Any] | None = None,
) -> Compiled:
    """Compile normalised partners.

    :param partners: as the model publishes them: domain, additional_domains, type, tls, sasl, dialback,
        dialback_certificate, methods, keepalive, connection_limit, stanza_rate, stanza_size, proxy_fqdn.
    :param local_hosts: our domains and components that may federate.
    :param components: as the model publishes them: domain, federated (true, false, or a list of types of partners).
    :param limits: as the model publishes them; None leaves those of Lync Server, without stanza rate.
    :param scope: who of our own users may federate, as the model publishes it for a host; None: everybody.
    :returns: rules with ``local_hosts``, ``partners`` (one row for each domain, also the additional ones),
        ``components`` (for each type of partner those of local_hosts that it reaches) and, when given, ``limits`` and
        ``scope``.
    :raises InvalidValue: for a partner whose rules this gateway cannot enforce, or for too many.
    :raises SeveralErrors: the same for several partners, or for limits.
    """
    errors: list[FedgateError] = []
    rows: dict[str, dict[str, Any]] = {}
    own = set(local_hosts)
    for partner in partners:
        try:
            domains = domains_of(partner)
            row = row_of(partner, domains[0])
            for domain in domains:
                if domain in own:
                    raise InvalidValue(
                        f"partner {row['partner']}: {domain} is one of our own (local_hosts)",
                        hint="A partner is somebody else; remove it here.",
                    )
                if domain in rows:
                    raise InvalidValue(
                        f"{domain} belongs to two partners: {rows[domain]['partner']} and {row['partner']}"
                    )
                rows[domain] = row
        except InvalidValue as error:
            errors.append(error)
        except SeveralErrors as several:
            errors.extend(several.errors)
    too_many = excess(len(rows))
    if too_many:
        errors.append(InvalidValue(too_many[0], hint=too_many[1]))
    raise_together(errors)
    hosts = sorted(set(local_hosts))
    rules = {"local_hosts": hosts, "partners": rows, "components": open_components(components, hosts)}
    if limits is not None:
        rules["limits"] = check_limits(limits, "limits").as_facts()
    if scope is not None:
        rules["scope"] = checked_scope(scope)
    return Compiled(rules)


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
    """Return a partner's domains, the primary one first, as they are compared.

    :raises InvalidValue: who calls the module alone may have written what is none.
    """
    try:
        return [domain_name(name) for name in (partner["domain"], *(partner.get("additional_domains") or []))]
    except InvalidValue as error:
        raise InvalidValue(f"partner {partner['domain']}: {error.message}", hint=error.hint) from None


def row_of(partner: Mapping[str, Any], domain: str) -> dict[str, Any]:
    """Return a partner's rules with defaults. :raises InvalidValue: when they leave nothing or are not allowed.

    :param domain: the primary one of ``domains_of``.
    """
    row = {
        "partner": domain,
        **{key: DEFAULTS[key] if partner.get(key) is None else partner[key] for key in _ALLOWED},
    }
    for name, allowed in _ALLOWED.items():
        if row[name] not in allowed:
            raise InvalidValue(
                f"partner {domain}: the Prosody gateway does not enforce {name} {row[name]!r} yet",
                hint=f"Possible now: {', '.join(map(str, allowed))}.",
            )
    _demand_method(row)
    return {**row, **_own(partner)} if any(partner.get(name) is not None for name in _OWN) else row


def _own(partner: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a partner has of its own: limits, and the name under which its server is found."""
    problems = Problems()
    found: dict[str, Any] = {}
    for name in _OWN:
        if partner.get(name) is not None:
            at = Reader(partner[name], Where((f"partner {partner['domain']}", name)), problems)
            found[name] = _read_own(at, name)
    problems.raise_all()
    if found.get("keepalive"):
        del found["keepalive"]  # as for everybody
    return found


def _read_own(at: Reader, name: str) -> Any:
    if name == "keepalive":
        return at.flag()
    return at.domain() if name == "proxy_fqdn" else at.whole_number(*BOUNDS[name])


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


_OWN = (*OF_A_PARTNER, "proxy_fqdn")
_ALLOWED: dict[str, tuple[Any, ...]] = {
    "type": TYPES,
    "tls": negotiation.LEVELS,
    "sasl": negotiation.LEVELS,
    "dialback": (True, False),
    "dialback_certificate": ("any", "valid"),
    "allow_plaintext": (True, False),
}
