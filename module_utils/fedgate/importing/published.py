"""What the world sees of a deployment in DNS, asked of resolvers: no credentials are needed for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..dns import imported
from ..dns.records import Key, RRset
from ..errors import FedgateError, MissingDependency

if TYPE_CHECKING:
    from ..dns.authoritative import Resolvers

_SRV = "SRV"


@dataclass
class Published:
    """What was found.

    :ivar pools: variables of each host that SRV records lead to (``dns.imported.inventory``), by its name.
    :ivar domains: those with an SRV record; :ivar addresses: of hosts, by name.
    :ivar notes: what the records say and no variable does; :ivar trouble: why nothing could be looked up, else empty.
    """

    pools: dict[str, dict[str, Any]] = field(default_factory=dict)
    domains: list[str] = field(default_factory=list)
    addresses: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    trouble: str = ""


def look(domains: Sequence[str], hosts: Iterable[str], resolvers: Sequence[str]) -> Published:
    """Look up the services of domains, and the addresses of the hosts that they lead to.

    :param hosts: further names whose addresses are wanted.
    :param resolvers: addresses of resolvers; this machine's when there are none.
    :raises MissingDependency: dnspython is missing. What resolvers do not tell is no error: it is said in ``trouble``.
    """
    open_resolvers = _library()
    try:
        asked = open_resolvers(resolvers)
        first = _read(asked, [key for key in imported.services(domains) if key[1] == _SRV])
        targets = [key for key in imported.targets(first) if key[1] in ("A", "AAAA")]
        wanted = sorted({*targets, *((host, rtype) for host in hosts for rtype in ("A", "AAAA"))})
        found = [*first, *_read(asked, wanted)]
    except FedgateError as error:
        return Published(trouble=str(error))
    said = imported.inventory(domains, found, [])
    addresses: dict[str, list[str]] = {}
    for rrset in found:
        if rrset.type != _SRV:
            addresses.setdefault(rrset.name, []).extend(value.text for value in rrset.values)
    served = said["all"]["federation_xmpp_domains"]
    # Times to live of resolvers' answers are what is left of them.
    notes = [note for note in said["notes"] if "time to live" not in note]
    return Published(said["pools"], list(served), addresses, notes)


def _library() -> type[Resolvers]:
    try:
        from ..dns.authoritative import Resolvers
    except ImportError as error:
        raise MissingDependency(
            "dnspython is not installed for the Python that runs Ansible", hint="Install requirements.txt."
        ) from error
    return Resolvers


def _read(resolvers: Resolvers, keys: Iterable[Key]) -> list[RRset]:
    found = (resolvers.records(*key) for key in keys)
    return [rrset for rrset in found if rrset.values]
