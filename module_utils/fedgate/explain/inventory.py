"""One inventory, read and checked, that can tell where each of its values stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from ..errors import InvalidValue
from ..model.deployment import Deployment, read_deployment
from ..model.partner import Partner, read_partner
from ..model.pools import Pool
from ..model.problems import OriginOf, Problems, Where
from ..model.reading import Reader
from ..model.sharing import Shared
from ..model.variables import PARTNERS, VARIABLES


@dataclass(frozen=True)
class Said:
    """A value, and what in the inventory says so.

    :ivar name: of the variable or key.
    :ivar place: where it stands, such as ``federation_partners[0].tls``; None when nothing says it: a default.
    :ivar origin: file, line and column of that place, ``partners.yml:12:5``; None where Ansible does not know it.
    """

    name: str
    value: Any
    place: str | None = None
    origin: str | None = None

    @property
    def source(self) -> str:
        """The line that says so, in as few words as there are."""
        return self.origin or self.place or "default"

    @property
    def own(self) -> bool:
        """Whether a partner's own entry says it."""
        return (self.place or "").startswith(PARTNERS)

    def called(self, name: str) -> Said:
        """Return the same under another name."""
        return replace(self, name=name)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data: name, value, place, origin, source."""
        found = {"name": self.name, "value": self.value, "place": self.place, "origin": self.origin}
        return {**found, "source": self.source}


class Entry:
    """One partner's entry in the inventory, also one that expired.

    :ivar partner: what it says; :ivar inventory: where it stands.
    """

    def __init__(self, partner: Partner, reader: Reader, inventory: Inventory) -> None:
        self.partner = partner
        self.inventory = inventory
        self._reader = reader

    def said(self, key: str) -> Said:
        """Return a key's value and its place."""
        value = getattr(self.partner, key)
        value = list(value) if isinstance(value, tuple) else value.isoformat() if isinstance(value, date) else value
        given = self._reader.value.get(key) is not None
        return _said(key, value, self._reader.where.into(key) if given else None, self._reader.problems)

    def names(self, domain: str) -> Said:
        """Return the item that names one of the partner's domains."""
        where = self._reader.where
        if domain == self.partner.domain:
            return _said("domain", domain, where.into("domain"), self._reader.problems)
        for index, item in enumerate(Reader(self._reader.value["additional_domains"], where, Problems()).items()):
            if item.domain() == domain:
                at = where.into("additional_domains", index)
                return _said("additional_domains", domain, at, self._reader.problems)
        return _said("domain", domain, where, self._reader.problems)


class Inventory:
    """An inventory: what it says, and where.

    :param hosts: variables by inventory name, of all gateways; plain values.
    :param origin_of: tells file and line of a host's value.
    :param today: for partners that expire.
    :param noted: values that could not be evaluated. Those that are secret do not count: nothing here needs them, and
        whoever reviews a change need not be able to open the vault.
    :raises SeveralErrors: everything that is wrong with it, together.
    """

    def __init__(
        self,
        hosts: Mapping[str, Mapping[str, Any]],
        *,
        origin_of: OriginOf,
        today: date,
        group: str = "edges",
        noted: Sequence[InvalidValue] = (),
    ) -> None:
        counting = [error for error in noted if not _is_secret(error)]
        self.deployment: Deployment = read_deployment(
            hosts, today=today, origin_of=origin_of, group=group, noted=counting
        )
        self.today = today
        self._hosts = hosts
        self._problems = Problems(origin_of)
        self._shared = Shared(hosts, self._problems)
        self._entries = self._read_entries()

    def entry(self, domain: str) -> Entry | None:
        """Return the entry that names a domain; one that expired only where no other names it."""
        return self._entries.get(domain)

    def expired(self, entry: Entry) -> bool:
        """Tell whether an entry's last day has passed."""
        return entry.partner.expires is not None and entry.partner.expires < self.today

    def entries(self) -> dict[str, Entry]:
        """Return the entries that count today, by domain."""
        return {domain: entry for domain, entry in self._entries.items() if not self.expired(entry)}

    def lists(self) -> list[Said]:
        """Return the lists of partners, by name."""
        return [self._at(reader.where, len(reader.value)) for reader in self._shared.partner_lists()]

    def said(self, variable: str, value: Any, *steps: str | int) -> Said:
        """Return a value of the deployment with the place of its variable, or of a part of that."""
        reader = self._shared.reader(variable)
        return _said(variable, value, reader.where.into(*steps) if reader else None, self._problems)

    def said_in(self, variable: str, key: str, value: Any) -> Said:
        """Return a value of a mapping with the place of its key; a default where the mapping has none."""
        reader = self._shared.reader(variable)
        given = reader is not None and reader.value.get(key) is not None
        return _said(key, value, reader.where.into(key) if reader and given else None, self._problems)

    def said_of_pool(self, pool: Pool, variable: str, value: Any, *steps: str | int) -> Said:
        """Return a value of a pool with the place of its variable, or of a part of that."""
        members = {host.name: self._hosts[host.name] for host in pool.members}
        reader = Shared(members, self._problems, pool.fqdn).reader(variable)
        return _said(variable, value, reader.where.into(*steps) if reader else None, self._problems)

    def index_of(self, variable: str, domain: str, key: str | None = None) -> int | None:
        """Return which item of a list is, or has as its ``key``, a domain; None when none is."""
        reader = self._shared.reader(variable)
        for index, item in enumerate(reader.items() if reader else []):
            read = Reader(item.value.get(key), item.where, Problems()) if key else item
            if read.domain() == domain:
                return index
        return None

    def gives(self, variable: str, index: int, key: str) -> bool:
        """Tell whether an item of a list says a key."""
        reader = self._shared.reader(variable)
        return reader is not None and reader.value[index].get(key) is not None

    def _read_entries(self) -> dict[str, Entry]:
        linux = any(pool.linux for pool in self.deployment.pools)
        found: dict[str, Entry] = {}
        for reader in self._shared.partners():
            partner = read_partner(reader, linux)
            if partner is None:
                continue
            entry = Entry(partner, reader, self)
            for domain in partner.domains:
                if domain not in found or self.expired(found[domain]):
                    found[domain] = entry
        return found

    def _at(self, where: Where, value: Any) -> Said:
        return _said(str(where.steps[0]), value, where, self._problems)


def _said(name: str, value: Any, where: Where | None, problems: Problems) -> Said:
    return Said(name, value, str(where), problems.origin(where)) if where else Said(name, value)


def _is_secret(error: InvalidValue) -> bool:
    name = (error.path or "").split(" of ")[0].replace("[", ".").split(".")[0]
    return name in VARIABLES and VARIABLES[name].secret
