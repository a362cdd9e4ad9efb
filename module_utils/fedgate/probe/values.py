"""What is probed, with which means, and what was seen; plain values."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from ..errors import InvalidValue
from ..model import domains

#: Every step, in the order in which a partner's server takes them.
STEPS = ("srv", "address", "tcp", "stream", "starttls", "certificate", "features")
#: Steps whose failure may heal by itself while DNS spreads or a gateway starts; a wrong certificate does not.
PASSING_STEPS = frozenset({"srv", "address", "tcp", "stream"})


@dataclass(frozen=True)
class Target:
    """One XMPP domain to look at.

    :ivar name: the caller's name for it; comes back with the result.
    :ivar domain: the XMPP domain, as A-labels.
    :ivar address: where to connect without asking DNS; None asks DNS as a partner's server does.
    :ivar port: the port used with ``address``, and when there is no SRV record (RFC 6120 §3.2.2).
    :ivar expect_target: the host name that the SRV records must lead to, if that matters.
    :ivar expect_addresses: the addresses that this host name must have, if that matters.
    :ivar found_at: the name at which its SRV records are looked up, if not at the domain's own.
    """

    name: str
    domain: str
    address: Optional[str] = None
    port: int = 5269
    expect_target: Optional[str] = None
    expect_addresses: tuple[str, ...] = ()
    found_at: Optional[str] = None


@dataclass(frozen=True)
class Settings:
    """The means that all targets of one call share.

    :ivar resolvers: addresses of DNS servers; empty for the system's.
    :ivar anchors: PEM text of certificate authorities trusted beside the system's.
    :ivar from_domain: the domain that the probe claims to be in the stream header, or None to name none.
    :ivar timeout: seconds for one look at one target, all steps together.
    :ivar wait: seconds during which a target that fails at a passing step is looked at again.
    :ivar dns_port: port of the DNS servers.
    """

    resolvers: tuple[str, ...] = ()
    anchors: str = ""
    from_domain: Optional[str] = None
    timeout: float = 20.0
    wait: float = 0.0
    dns_port: int = 53


class StepFailed(Exception):
    """A step found something that a partner's server would stumble over; a finding, not an error of the probe.

    :param step: one of ``STEPS``.
    :param detail: one readable sentence.
    :param data: what was seen, plain JSON values.
    """

    def __init__(self, step: str, detail: str, data: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(detail)
        self.step = step
        self.detail = detail
        self.data = dict(data or {})


class Deadline:
    """The point in time at which one look at one target ends.

    :param seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self, at_most: Optional[float] = None) -> float:
        """Return the seconds left, at most ``at_most``. :raises TimeoutError: when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("no time left")
        return left if at_most is None else min(left, at_most)


@dataclass
class Record:
    """What was seen of one target so far."""

    target: Target
    steps: list[dict[str, Any]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def passed(self, step: str, detail: str, **data: Any) -> None:
        """Note a step that went well."""
        self.steps.append({"step": step, "ok": True, "skipped": False, "detail": detail, **data})

    def skipped(self, step: str, detail: str) -> None:
        """Note a step that this look does not need; it counts as well."""
        self.steps.append({"step": step, "ok": True, "skipped": True, "detail": detail})

    def failed(self, step: str, detail: str, data: Optional[Mapping[str, Any]] = None) -> None:
        """Note a step that failed."""
        self.steps.append({"step": step, "ok": False, "skipped": False, "detail": detail, **(data or {})})

    def find(self, text: str) -> None:
        """Note something that works but should be mended."""
        if text not in self.findings:
            self.findings.append(text)

    def failure(self) -> Optional[dict[str, Any]]:
        """Return the first step that failed, or None."""
        return next((step for step in self.steps if not step["ok"] and not step["skipped"]), None)

    def result(self) -> dict[str, Any]:
        """Return everything as plain data; steps never reached are marked ``skipped`` and not ok."""
        failure = self.failure()
        reached = {step["step"] for step in self.steps}
        steps = list(self.steps)
        for name in STEPS:
            if name not in reached:
                detail = f"not tried, because {failure['step']} failed" if failure else "not tried"
                steps.append({"step": name, "ok": False, "skipped": True, "detail": detail})
        steps.sort(key=lambda step: STEPS.index(step["step"]))
        return {
            "name": self.target.name,
            "domain": self.target.domain,
            "ok": all(step["ok"] for step in steps),
            "failed_step": failure["step"] if failure else None,
            "message": f"{failure['step']}: {failure['detail']}" if failure else self._good_message(),
            "steps": steps,
            "findings": list(self.findings),
            "server": None,
            "certificate": None,
            "tls_version": None,
            "tls_cipher": None,
            "mechanisms": [],
            "dialback": False,
            **self.facts,
        }

    def _good_message(self) -> str:
        until = (self.facts.get("certificate") or {}).get("not_after", "?")
        return f"{self.target.domain}: {self.facts.get('tls_version')}, certificate valid until {until}"


def domain_name(value: Any, path: str) -> str:
    """Return a domain in lower case, as A-labels, without a trailing dot.

    :param path: where the value stands, for the error.
    :raises InvalidValue: when it is no domain name.
    """
    try:
        return domains.domain_name(str(value))
    except InvalidValue as error:
        error.path = path
        raise


def ip_address(value: Any, path: str) -> str:
    """Return an IP address in its usual spelling. :raises InvalidValue: when it is none."""
    try:
        return str(ipaddress.ip_address(str(value).strip()))
    except ValueError as error:
        raise InvalidValue(f"{value!r} is not an IP address", path=path) from error
