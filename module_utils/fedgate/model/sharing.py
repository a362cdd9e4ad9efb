"""Finds one value for what several hosts share, and notes where they disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .problems import UNKNOWN, Problems, Where
from .reading import Reader, shown
from .suggest import listed
from .variables import PARTNERS, VARIABLES, is_partner_list

_MISSING = object()
Hosts = Mapping[str, Mapping[str, Any]]


class Shared:
    """Readers of variables that a set of hosts must agree on.

    :param hosts: variables by host, of these hosts only, in the inventory's order.
    :param owner: what the hosts are together, as messages name it (a pool); None for the deployment.
    """

    def __init__(self, hosts: Hosts, problems: Problems, owner: str | None = None) -> None:
        self.hosts = hosts
        self.problems = problems
        self.owner = owner

    def reader(self, name: str) -> Reader | None:
        """Return the reader of a variable; None when no host has it, or after noting that they disagree."""
        distinct = self._distinct(name)
        # A list of partners may be given to some hosts only: its name says for which, and all lists are put together.
        given = [group for group in distinct if group[0] is not _MISSING]
        if not given:
            return None
        if any(value is UNKNOWN for value, _hosts in given):
            return None
        if len(distinct) > 1 and not (is_partner_list(name) and len(given) == 1):
            self._note_disagreement(name, distinct)
            return None
        value, hosts = given[0]
        return Reader(value, Where((name,), self.owner, hosts[0]), self.problems)

    def partners(self) -> list[Reader]:
        """Return the readers of all partners, of all lists; ``federation_partners`` comes first."""
        return [item for reader in self.partner_lists() for item in reader.items()]

    def partner_lists(self) -> list[Reader]:
        """Return the readers of the lists that hold partners."""
        variables = {name for values in self.hosts.values() for name in values if is_partner_list(name)}
        lists = sorted(variables, key=lambda name: (name != PARTNERS, name))
        return [reader for reader in map(self.reader, lists) if reader]

    def _distinct(self, name: str) -> list[tuple[Any, list[str]]]:
        groups: list[tuple[Any, list[str]]] = []
        for host, variables in self.hosts.items():
            value = variables.get(name, _MISSING)
            value = _MISSING if value is None else value
            for known, members in groups:
                if known is value or (known is not _MISSING and value is not _MISSING and known == value):
                    members.append(host)
                    break
            else:
                groups.append((value, [host]))
        return groups

    def _note_disagreement(self, name: str, groups: Sequence[tuple[Any, list[str]]]) -> None:
        secret = name in VARIABLES and VARIABLES[name].secret
        parts = [self._side(name, value, hosts, secret) for value, hosts in groups]
        hint = f"Say it once, for all hosts{' of the pool' if self.owner else ''}: in the group's variables."
        if is_partner_list(name):
            hint = f"Lists are put together: give each its own name, such as {name}_{_short(groups[0][1][0])}."
        first = next(hosts[0] for value, hosts in groups if value is not _MISSING)
        where = Where((name,), self.owner, first)
        self.problems.error(where, f"hosts disagree: {'; '.join(parts)}", hint)

    def _side(self, name: str, value: Any, hosts: list[str], secret: bool) -> str:
        names = listed(hosts[:3], "and") if len(hosts) <= 3 else f"{hosts[0]}, {hosts[1]} and {len(hosts) - 2} more"
        if value is _MISSING:
            return f"{names}: nothing"
        origin = self.problems.origin_of(hosts[0], (name,))
        text = "another value" if secret else ", ".join(map(str, value)) if _is_plain_list(value) else shown(value)
        return f"{names}: {text}{f' ({origin})' if origin else ''}"


def _is_plain_list(value: Any) -> bool:
    return isinstance(value, list) and 0 < len(value) <= 5 and all(isinstance(item, (str, int)) for item in value)


def _short(host: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in host.lower())
