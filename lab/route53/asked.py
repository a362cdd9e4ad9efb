"""What a request to Route 53 or STS asks for, read from its method, path and body."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qs, urlsplit

_SPACE = "{https://route53.amazonaws.com/doc/2013-04-01/}"
#: (method, path below the version of the interface) → operation. Amazon Route 53 API Reference.
_OPERATIONS = {
    ("GET", "hostedzone"): "ListHostedZones",
    ("POST", "hostedzone"): "CreateHostedZone",
    ("GET", "hostedzone/ID"): "GetHostedZone",
    ("POST", "hostedzone/ID"): "UpdateHostedZoneComment",
    ("DELETE", "hostedzone/ID"): "DeleteHostedZone",
    ("GET", "hostedzone/ID/rrset"): "ListResourceRecordSets",
    ("POST", "hostedzone/ID/rrset"): "ChangeResourceRecordSets",
    ("GET", "hostedzonesbyname"): "ListHostedZonesByName",
    ("GET", "hostedzonesbyvpc"): "ListHostedZonesByVPC",
    ("GET", "hostedzonecount"): "GetHostedZoneCount",
    ("GET", "hostedzonelimit/ID"): "GetHostedZoneLimit",
    ("GET", "testdnsanswer"): "TestDNSAnswer",
    ("GET", "change/ID"): "GetChange",
}
_PATH = re.compile(r"/2013-04-01/(\w+)(?:/([^/]+))?(?:/(rrset))?/?")


@dataclass(frozen=True)
class Change:
    """One change of a batch, as it was sent."""

    action: str
    name: str
    type: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Request:
    """One request as it came in.

    :ivar operation: what AWS calls it; ``UNKNOWN`` if it is none of those that Fedgate could send.
    :ivar target: id of the hosted zone or of the change; empty for others.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @cached_property
    def service(self) -> str:
        """Return ``route53`` or ``sts``."""
        return "route53" if urlsplit(self.path).path.startswith("/2013-04-01/") else "sts"

    @cached_property
    def operation(self) -> str:
        """Return the name of the operation."""
        if self.service == "sts":
            return (parse_qs(self.body.decode()).get("Action") or ["UNKNOWN"])[0]
        match = _PATH.fullmatch(urlsplit(self.path).path)
        if match is None:
            return "UNKNOWN"
        kind, identity, part = match.groups()
        steps = [kind, *(["ID"] if identity else []), *([part] if part else [])]
        return _OPERATIONS.get((self.method, "/".join(steps)), "UNKNOWN")

    @cached_property
    def target(self) -> str:
        """Return the id in the path."""
        match = _PATH.fullmatch(urlsplit(self.path).path)
        return (match.group(2) or "") if match else ""

    @cached_property
    def changes(self) -> list[Change]:
        """Return the changes of a ChangeResourceRecordSets; empty for all else.

        :raises ET.ParseError: the body is no XML.
        """
        if self.operation != "ChangeResourceRecordSets":
            return []
        root = ET.fromstring(self.body)  # noqa: S314 - our own client wrote it
        return [_change(element) for element in root.iter(f"{_SPACE}Change")]

    @property
    def values(self) -> int:
        """Return how many ResourceRecord elements AWS counts: those of an UPSERT twice (Developer Guide, Quotas)."""
        return sum(_factor(change) * len(change.values) for change in self.changes)

    @property
    def characters(self) -> int:
        """Return how many characters of Value elements AWS counts: those of an UPSERT twice."""
        return sum(_factor(change) * sum(map(len, change.values)) for change in self.changes)


def _change(element: ET.Element) -> Change:
    found = element.find(f"{_SPACE}ResourceRecordSet")
    record_set = found if found is not None else element
    return Change(
        element.findtext(f"{_SPACE}Action", ""),
        record_set.findtext(f"{_SPACE}Name", ""),
        record_set.findtext(f"{_SPACE}Type", ""),
        tuple(value.text or "" for value in record_set.iter(f"{_SPACE}Value")),
    )


def _factor(change: Change) -> int:
    return 2 if change.action == "UPSERT" else 1
