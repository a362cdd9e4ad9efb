"""The gate of the loss report: what a server cannot honour stops the run, unless each partner concerned waives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import FedgateError, InvalidValue, raise_together
from ..model.suggest import listed
from ..model.waivers import objection
from .policy import Loss

#: Partners that are named for one lost rule; the others are counted.
_NAMED = 5


def demand_waivers(
    loss: Sequence[Loss], partners: Sequence[Mapping[str, Any]], server: str, warn: Callable[[str], None]
) -> None:
    """Stop unless everything that is lost was waived, by the partner and the rule.

    :param loss: what the compiler reports.
    :param partners: as the model publishes them; ``domain`` and ``waive`` count.
    :param server: the kind of gateway, for the message.
    :param warn: takes a sentence for each waiver of a rule that this server honours.
    :raises InvalidValue: when something was not waived, or a waiver names no rule; ``details`` holds ``loss``.
    :raises SeveralErrors: for several such waivers.
    """
    waived = waivers_of(partners)
    open_loss = [item for item in loss if (item.partner, item.rule) not in waived]
    if open_loss:
        raise _refusal(open_loss, server)
    lost = {(item.partner, item.rule) for item in loss}
    for rule in sorted({rule for _, rule in waived - lost}):
        domains = [domain for domain, other in sorted(waived - lost) if other == rule]
        warn(f"waive names {rule} for {_counted(domains)}, but {server} honours it: there is nothing to waive")


def waivers_of(partners: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Return what is waived, as (partner, rule). :raises InvalidValue, SeveralErrors: for names that are no rules."""
    waived = {(partner["domain"], rule) for partner in partners for rule in partner.get("waive") or ()}
    errors: list[FedgateError] = []
    for domain, rule in sorted(waived):
        wrong = objection(rule)
        if wrong:
            errors.append(InvalidValue(f"partner {domain}: waive: {wrong[0]}", hint=wrong[1]))
    raise_together(errors)
    return waived


def _refusal(loss: Sequence[Loss], server: str) -> InvalidValue:
    """Return the error: one line for each rule and meaning, with its partners."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in loss:
        found.setdefault((item.rule, item.meaning), []).append(item.partner)
    lines = [f"{rule}: {meaning.rstrip('.')} ({_counted(domains)})" for (rule, meaning), domains in found.items()]
    rules = sorted({item.rule for item in loss})
    return InvalidValue(
        f"{server} cannot honour everything that the partners' rules ask for, so nothing was changed: "
        + "; ".join(lines),
        hint=f"Where that is agreed, name the rule in the partner's waive (here {listed(rules, 'and')}); "
        "or ask for less, or use a gateway that honours it.",
        details={"loss": [item.as_dict() for item in loss]},
    )


def _counted(domains: Sequence[str]) -> str:
    if len(domains) <= _NAMED:
        return listed(domains, "and")
    return f"{', '.join(domains[:_NAMED])} and {len(domains) - _NAMED} more"
