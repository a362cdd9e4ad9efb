"""How much federation may use: ``federation_limits``, and what a single partner has otherwise.

Names and defaults are those of ``Set-CsXmppGatewayConfiguration`` where it has the setting; ``stanza_rate`` and
``stanza_size`` are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .problems import Problems, Where
from .reading import Fields, Reader

#: Microsoft's limits are UInt32; a limit of 0 would be a partner that cannot connect.
MAX_CONNECTIONS = 2**32 - 1
_DAY = 86400
#: Lowest and highest value of each limit, both included, and its unit. Size: RFC 6120 §13.12 asks for 10,000 at least.
BOUNDS: dict[str, tuple[int, int, str]] = {
    "connection_limit": (1, MAX_CONNECTIONS, "connections"),
    "partner_connection_limit": (1, MAX_CONNECTIONS, "connections"),
    "keepalive_interval": (1, _DAY, "seconds"),
    "stream_establishment_timeout": (1, _DAY, "seconds"),
    "stream_inactivity_timeout": (1, _DAY, "seconds"),
    "stanza_rate": (1, 1_000_000, "stanzas a second"),
    "stanza_size": (10_000, 16_777_216, "bytes"),
}
#: Those that a partner may have of its own.
OF_A_PARTNER = ("keepalive", "connection_limit", "stanza_rate", "stanza_size")


@dataclass(frozen=True)
class Limits:
    """What holds for every partner that says nothing else. A connection is one stream, whoever opened it.

    :ivar connection_limit: connections with all partners together; :ivar partner_connection_limit: with one of them.
    :ivar keepalive: whether idle connections get signs of life; :ivar keepalive_interval: seconds between them.
    :ivar stream_establishment_timeout: seconds in which a stream must be authenticated.
    :ivar stream_inactivity_timeout: seconds without a stanza after which a stream is closed.
    :ivar stanza_rate: stanzas a second that are read from one partner.
    :ivar stanza_size: bytes of the largest stanza that is taken.
    """

    connection_limit: int = 1000
    partner_connection_limit: int = 20
    keepalive: bool = True
    keepalive_interval: int = 300
    stream_establishment_timeout: int = 60
    stream_inactivity_timeout: int = 600
    stanza_rate: int = 1000
    stanza_size: int = 524_288

    def as_facts(self) -> dict[str, Any]:
        """Return the limits as plain data."""
        return asdict(self)


DEFAULTS = Limits()


def read_own(fields: Fields, name: str) -> int | None:
    """Read a partner's own limit; None where it has none."""
    low, high, unit = BOUNDS[name]
    return fields.read(name, lambda at: at.whole_number(low, high, unit), None)


def read_limits(reader: Reader) -> Limits:
    """Read ``federation_limits``; what is missing, or wrong and noted, has its default."""
    default = DEFAULTS.as_facts()
    fields = reader.fields(default)
    if fields is None:
        return DEFAULTS
    found = {name: read_own(fields, name) for name in BOUNDS}
    given = {name: value for name, value in found.items() if value is not None}
    keepalive = fields.read("keepalive", Reader.flag, DEFAULTS.keepalive)
    limits = Limits(**{**default, **given, "keepalive": keepalive})
    _judge(limits, reader)
    return limits


def _judge(limits: Limits, reader: Reader) -> None:
    """Note what is allowed and has no effect."""
    if limits.keepalive and limits.keepalive_interval >= limits.stream_inactivity_timeout:
        reader.problems.warn(
            reader.where.into("keepalive_interval"),
            f"no connection is idle for {limits.keepalive_interval} seconds: it is closed after "
            f"{limits.stream_inactivity_timeout} (stream_inactivity_timeout), before it gets a sign of life",
        )


def check_limits(values: Mapping[str, Any], name: str) -> Limits:
    """Read limits that come from elsewhere than an inventory.

    :param name: what errors call them.
    :raises SeveralErrors: everything that is wrong with them.
    """
    problems = Problems()
    limits = read_limits(Reader(values, Where((name,)), problems))
    problems.raise_all()
    return limits
