"""Domains that are shut out until they are released, wherever the list of them is kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Optional

from ..errors import FedgateError, InvalidValue, raise_together
from .domains import domain_name

#: Characters of a reason, and of a name; both are shown in one line.
LONGEST_REASON, LONGEST_NAME = 500, 100
#: Stands for the moment of a new block in a plan, which is made before that moment is known.
NOT_YET = -1


@dataclass(frozen=True)
class Block:
    """One blocked domain.

    :ivar domain: A-labels, lower case.
    :ivar since: when it was blocked, seconds since the epoch.
    :ivar reason: why, for our own people.
    :ivar by: who blocked it, or gave the reason that stands now.
    :ivar subdomains: whether all domains below it are blocked as well.
    """

    domain: str
    since: int
    reason: str
    by: str
    subdomains: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return plain data: domain, since, reason, by, subdomains."""
        return {"domain": self.domain, **self.fields()}

    def fields(self) -> dict[str, Any]:
        """Return the entry as the file has it: since, reason, by, subdomains."""
        return {"since": self.since, "reason": self.reason, "by": self.by, "subdomains": self.subdomains}

    def covers(self, domain: str) -> bool:
        """Whether a domain (A-labels) is shut out by this block."""
        return domain == self.domain or (self.subdomains and domain.endswith(f".{self.domain}"))


#: A block list: its entries by their domain.
Blocks = dict[str, Block]


@dataclass(frozen=True)
class Wish:
    """What somebody asks for.

    :ivar domains: A-labels, lower case.
    :ivar blocks: true to block them, false to release them.
    :ivar reason: why; :ivar by: who. Both are empty for a release.
    :ivar subdomains: whether all below are meant as well; None for as it is, and a new one alone.
    """

    domains: tuple[str, ...]
    blocks: bool
    reason: str = ""
    by: str = ""
    subdomains: Optional[bool] = None

    def granted(self, present: Mapping[str, Block], now: int) -> Blocks:
        """Return the list as it is to be; what else is blocked stays so."""
        wanted = dict(present)
        for domain in self.domains:
            known = wanted.pop(domain, None)
            if not self.blocks:
                continue
            subdomains = self.subdomains
            if subdomains is None:
                subdomains = known is not None and known.subdomains
            if known and (known.reason, known.subdomains) == (self.reason, subdomains):
                wanted[domain] = known  # who asks a second time, be it by another name, changes nothing
            elif known:
                wanted[domain] = replace(known, reason=self.reason, by=self.by, subdomains=subdomains)
            else:
                wanted[domain] = Block(domain, now, self.reason, self.by, subdomains)
        return wanted

    def demand_others(self, ours: Iterable[Any]) -> None:
        """Refuse our own domains. :raises InvalidValue:"""
        own = _names(ours)
        mistaken = [domain for domain in self.domains if domain in own] if self.blocks else []
        if mistaken:
            raise InvalidValue(
                f"{', '.join(mistaken)}: our own, and no partner's",
                path="domains",
                hint="Only domains of others can be blocked; to close one of ours, take it out of the inventory.",
            )


def read_wish(params: Mapping[str, Any], user: str) -> Wish:
    """Read a module's options: domains, state, reason, by, subdomains.

    :param user: who asks, where ``by`` does not say.
    :raises InvalidValue: for what is wrong; :raises SeveralErrors: for several of them.
    """
    domains = tuple(read_domains(params["domains"]))
    if params["state"] != "blocked":
        return Wish(domains, False)
    reason = _line("reason", params["reason"], LONGEST_REASON)
    return Wish(domains, True, reason, _line("by", params["by"] or user, LONGEST_NAME), params["subdomains"])


def read_domains(given: Iterable[str]) -> list[str]:
    """Return the domains in the form in which names are compared, each once.

    :raises InvalidValue: for what is no domain name; :raises SeveralErrors: for several of them.
    """
    found: list[str] = []
    errors: list[FedgateError] = []
    for index, text in enumerate(given):
        try:
            found.append(domain_name(text))
        except InvalidValue as error:
            hint = "Write the name; subdomains: true blocks all below it, too." if "*" in str(text) else error.hint
            errors.append(InvalidValue(error.message, path=f"domains[{index}]", hint=hint))
    raise_together(errors)
    if not found:
        raise InvalidValue("no domain is named", path="domains", hint="Name those to block or release.")
    return list(dict.fromkeys(found))


def planned(blocks: Blocks, later: str) -> dict[str, dict[str, Any]]:
    """Return the fields of blocks by domain, as a plan shows them.

    :param later: what stands for the moment of a new one, which is known afterwards.
    """
    return {
        domain: {**block.fields(), **({"since": later} if block.since == NOT_YET else {})}
        for domain, block in blocks.items()
    }


def covering(blocks: Iterable[Block], domains: Iterable[str]) -> list[dict[str, Any]]:
    """Return the blocks that shut out any of the domains, as plain data, in their order."""
    wanted = list(domains)
    return [block.as_dict() for block in blocks if any(block.covers(domain) for domain in wanted)]


def _names(texts: Iterable[Any]) -> set[str]:
    """Return those names that can be read; what cannot is no domain of ours either, and no reason to stop here."""
    found = set()
    for text in texts:
        with contextlib.suppress(InvalidValue):
            found.add(domain_name(text))
    return found


def _line(name: str, text: Optional[str], longest: int) -> str:
    """Return a text for people: one line, neither empty nor long. :raises InvalidValue: for what is none."""
    line = (text or "").strip()
    if not line:
        raise InvalidValue(f"no {name} is given", path=name, hint="Say in one line why, for those who find it later.")
    if len(line) > longest or not line.isprintable():
        raise InvalidValue(
            f"{line[:40]!r}… is no single line of at most {longest} characters", path=name, hint="Say it shorter."
        )
    return line
