"""What the suite shall show, and the units of what it measures."""

from __future__ import annotations

from collections.abc import Mapping

from ..report import AtMost, Excess, Target, Times
from .cases import FIRST, PASSES, SECOND
from .wire import CHANGES, KINDS

#: Ansible's own start counts for so much at least, in seconds.
START = 0.6
_TIME = {"wall": "s", "CPU": "s"}
_OPERATIONS = (
    "ListHostedZones",
    "ListHostedZonesByName",
    "GetHostedZone",
    "ListResourceRecordSets",
    "ChangeResourceRecordSets",
    "GetChange",
)
#: Server → metric → unit, in the order of the table; of all of them less is better.
UNITS: Mapping[str, Mapping[str, str]] = {
    "route53": {**_TIME, "requests": "requests", **dict.fromkeys(_OPERATIONS, "requests")},
    "bind": {**_TIME, "requests": "messages", **dict.fromkeys(KINDS, "messages")},
}


def targets(start: float) -> list[Target]:
    """Return the targets.

    :param start: what Ansible takes for itself, in seconds, as it was measured in the same run.
    """
    large, small, alone = "1,000 SRV into 10,000 others", "3 SRV into 10,000 others", "3 SRV into 0 others"
    found: list[Target] = [
        AtMost(f"Route53, {limit}, {case}, {each}", "requests", most)
        for limit in ("no limit", "5 requests/s")
        for case, first, second in ((large, 45, 41), (small, 6, 4), (alone, 6, 4))
        for each, most in ((FIRST, first), (SECOND, second))
    ]
    found += [AtMost(f"BIND, 1,000 SRV into {others} others, {FIRST}", CHANGES, 10) for others in ("0", "10,000")]
    for each in PASSES:
        found += [
            Times(f"Route53, no limit, 100 SRV into 10,000 others, {each}", "wall", 30, "amazon.aws"),
            Times(f"Route53, 5 requests/s, 10 SRV into 10,000 others, {each}", "wall", 15, "amazon.aws"),
            Times(f"BIND, 100 SRV into 0 others, {each}", "wall", 20, "community.general"),
            Times(f"BIND, 100 SRV into 10,000 others, {each}", "wall", 20, "community.general"),
        ]
    return [*found, Excess("", "wall", max(START, start), "octoDNS")]
