"""What of a deployment is published in DNS, beyond what follows from pools and domains by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .caa import Caa, read_caa
from .pools import Pool
from .problems import Where
from .reading import Reader
from .records import ABSENT, DEFAULT_TTL, PRESENT, RETIRED, SERVER_PORT, Record
from .sharing import Shared

#: Seconds; shorter ones burden resolvers, longer ones make a move last days.
TTL_BOUNDS = (60, 86400)
#: What becomes of the services of a retired domain: said to be none (RFC 2782), or removed.
RETIRED_STATES = {"no_service": RETIRED, "absent": ABSENT}
#: Lync's port for federation by SIP over TLS.
SIP_PORT = 5061
_SIP, _TLSA, _CAA = "federation_publish_sip_federation", "federation_publish_tlsa", "federation_caa"


@dataclass(frozen=True)
class Publishing:
    """The deployment's settings for DNS.

    :ivar client: whether clients find their server by SRV records.
    :ivar retired_state: state of the services of retired domains.
    :ivar sip: whether ``_sipfederationtls`` is published; None when these records are nobody's business of ours.
    :ivar tlsa: likewise, for TLSA; :ivar caa: likewise, for CAA.
    """

    ttl: int
    client: bool
    retired_domains: tuple[str, ...]
    retired_pools: tuple[str, ...]
    retired_state: str
    sip: bool | None
    tlsa: bool | None
    caa: Caa | None

    def sip_records(self, pools: Iterable[Pool], sip_domains: Iterable[str]) -> list[Record]:
        """Return the records by which others find our SIP domains: each leads to every Lync pool."""
        if self.sip is None:
            return []
        values = sorted((pool.priority, pool.weight, SIP_PORT, pool.fqdn) for pool in pools if not pool.linux)
        texts = tuple(" ".join(map(str, value)) for value in values) if self.sip else ()
        state = PRESENT if texts else ABSENT
        names = [f"_sipfederationtls._tcp.{domain}" for domain in sorted(sip_domains)]
        return [Record(name, "SRV", self.ttl, state, texts) for name in names]

    def tlsa_records(self, pools: Iterable[Pool]) -> list[Record]:
        """Return the TLSA sets that shall not be; those that shall be hold what only a run can know."""
        if self.tlsa is None:
            return []
        unwanted = [] if self.tlsa else [pool.fqdn for pool in pools if pool.linux]
        return [Record(tlsa_name(fqdn), "TLSA", self.ttl, ABSENT) for fqdn in sorted({*unwanted, *self.retired_pools})]

    def caa_records(self) -> list[Record]:
        """Return the CAA sets."""
        if self.caa is None:
            return []
        return self.caa.records(self.ttl) + [Record(fqdn, "CAA", self.ttl, ABSENT) for fqdn in self.retired_pools]


def tlsa_name(fqdn: str) -> str:
    """Return the name of the TLSA records for a pool's port for servers (RFC 7673 §3.1, RFC 6698 §3)."""
    return f"_{SERVER_PORT}._tcp.{fqdn}"


def read_publishing(
    shared: Shared, read: Callable[[str, Callable[[Reader], Any], Any], Any], ours: Sequence[str], own: Sequence[str]
) -> Publishing:
    """Read the settings.

    :param read: reads one variable of the deployment, with a default.
    :param ours: every name that may get CAA records; :param own: those that get them unless names are given.
    """
    low, high = TTL_BOUNDS
    caa = shared.reader(_CAA)
    return Publishing(
        ttl=read("federation_dns_ttl", lambda at: at.whole_number(low, high, "seconds"), DEFAULT_TTL),
        client=read("federation_publish_xmpp_client", Reader.flag, True),
        retired_domains=tuple(read("federation_retired_xmpp_domains", Reader.domains, [])),
        retired_pools=tuple(read("federation_retired_pools", Reader.domains, [])),
        retired_state=RETIRED_STATES[
            read("federation_retired_records", lambda at: at.choice(RETIRED_STATES), "no_service")
        ],
        sip=read(_SIP, Reader.flag, None),
        tlsa=read(_TLSA, Reader.flag, None),
        caa=read_caa(caa, ours, own) if caa else None,
    )


def check_publishing(publishing: Publishing, pools: Sequence[Pool], shared: Shared) -> None:
    """Note what the pools cannot give, and what would bind too much or too little."""
    lync, linux = [pool for pool in pools if not pool.linux], [pool for pool in pools if pool.linux]
    sip, tlsa = shared.reader(_SIP), shared.reader(_TLSA)
    if publishing.sip and sip and not lync:
        sip.wrong("no pool is a Lync pool, to which these records would lead", "Remove it, or set it to false.")
    if publishing.tlsa and tlsa and not linux:
        tlsa.wrong("all pools are Lync pools, whose keys are not known here", "Remove it, or set it to false.")
    for pool in linux if publishing.tlsa else ():
        _check_rollover(pool, shared)
    if publishing.caa and publishing.caa.present:
        for pool in [pool for pool in pools if pool.linux or pool.edges.transport != "by_hand"]:
            _check_authority(pool, publishing.caa, shared)


def _check_rollover(pool: Pool, shared: Shared) -> None:
    """Who asks for the record must see the next key before it serves (RFC 7671 §8.1)."""
    if pool.issuing.issuer != "manual" and not pool.issuing.reuse_key:
        where = Where(("federation_certificate", "reuse_key"), pool.fqdn, pool.active_member)
        shared.problems.warn(
            where,
            "a new key would serve before others know its TLSA record; set reuse_key: true, so that the key stays",
        )


def _check_authority(pool: Pool, caa: Caa, shared: Shared) -> None:
    named = [pool.issuing.authority, pool.media.authority if pool.media else None]
    for authority in [each for each in named if each and each not in caa.authorities]:
        where = Where((_CAA, "issuers"), None, pool.active_member)
        shared.problems.error(
            where,
            f"{authority}, the authority of {pool.fqdn}, is not among them and could certify nothing any more",
            f"Add {authority}, or have the certificates from another authority.",
        )
