"""What the running server really does, held against what its files say; asked before and after each change."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Optional

from ..errors import FedgateError
from ..host.listening import endpoints_of, expected_endpoints, listeners, reachable_address
from ..host.starttls import CLIENT, SERVER, leaf_of, served_certificate
from ..host.systemd import Unit, UnitState
from .status import is_gated, read_status, reason_of
from .wanted import Settings

#: Prosody's own rhythm: it listens about 0.2 s after its start.
_INTERVAL = 0.25
SERVER_PORT = 5269
CLIENT_PORT = 5222
#: A standby answers nobody but its own host, so that the certificate that it would serve can be looked at.
_STANDBY = {("127.0.0.1", SERVER_PORT)}


def fault_of(settings: Settings, unit: UnitState) -> Optional[tuple[str, str]]:
    """Return what a running server does wrong, in words, and what mends it (``restart`` or ``reload``)."""
    if not unit.active or unit.pid is None:
        return None
    status = read_status(settings.status_path)
    if not is_gated(status, unit.pid):
        return reason_of(status, unit.pid), "restart"
    if settings.mode != "full":
        return None
    problem = _ports(settings, unit.pid)
    if problem:
        return problem, "restart"
    problem = _certificate(settings, federating=set(status.get("hosts") or ()) if status else set())
    return (problem, "reload") if problem else None


def wait_until_right(settings: Settings, unit: Unit) -> UnitState:
    """Wait until the service runs as its files say.

    :returns: the unit's state then. :raises FedgateError: with what is still wrong after ``settings.timeout`` seconds.
    """
    return _wait(lambda: _verdict(settings, unit), settings.timeout)


def _verdict(settings: Settings, unit: Unit) -> tuple[UnitState, Optional[str], bool]:
    """Return the unit's state, what is wrong, and whether waiting can help."""
    state = unit.state()
    if state.failed or not state.active:
        return state, f"{unit.name} ended right after it was started", not state.failed
    fault = fault_of(settings, state)
    return state, fault[0] if fault else None, True


def _wait(ask: Callable[[], tuple[UnitState, Optional[str], bool]], timeout: float) -> UnitState:
    end = time.monotonic() + timeout
    while True:
        state, problem, hope = ask()
        if problem is None:
            return state
        if not hope or time.monotonic() > end:
            raise FedgateError(problem)
        time.sleep(_INTERVAL)


def _ports(settings: Settings, pid: int) -> Optional[str]:
    wanted = expected_endpoints(settings.expected.addresses, settings.expected.ports) if settings.active else _STANDBY
    have = {endpoint for endpoint in endpoints_of(pid) if endpoint[1] in settings.expected.ports}
    for address, port in sorted(wanted - have):
        other = any(endpoint[1] == port for endpoint in set(listeners().values()) - have)
        why = "; another program holds that port" if other else ""
        return f"the server does not listen on {address} port {port}{why}"
    for address, port in sorted(have - wanted):
        return f"the server listens on {address} port {port}, which is to stay closed"
    return None


def _certificate(settings: Settings, federating: set[str]) -> Optional[str]:
    """Hold what is served against the file.

    :param federating: domains that answer servers. A closed gateway ends their streams before TLS, and counts them as
        refused; it is asked as by a client.
    """
    expected = settings.expected
    if not expected.certificate:
        return None
    try:
        with open(f"{expected.certificate}/chain.pem", encoding="ascii") as file:
            wanted = leaf_of(file.read())
    except (OSError, ValueError):
        return None  # there is nothing to hold against; the missing certificate is reported by the plan
    address = reachable_address(expected.addresses if settings.active else ())
    for domain in expected.domains:
        if not settings.active and domain not in federating:
            continue  # a closed standby shows its certificate to nobody at all
        try:
            if domain in federating:
                shown = served_certificate(address, SERVER_PORT, domain, SERVER)
            else:
                shown = served_certificate(address, CLIENT_PORT, domain, CLIENT)
        except FedgateError as error:
            return f"its certificate cannot be read: {error}"
        if shown != wanted:
            return f"the certificate served for {domain} is not the one in {expected.certificate}"
    return None
