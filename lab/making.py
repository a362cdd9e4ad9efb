"""Making what is asked for and repairing what is broken: several hosts at a time, one ``bin/lab`` after another."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from . import apt, hosts, network, resolver, seen
from .identity import Host, Identity
from .locks import held
from .progress import elapsed, say
from .state import State

#: Hosts made at once; more only compete for the disk.
WORKERS = 3
#: The slow ones first, so that they do not come last.
ORDER = ("partner", "dns", "directory", "acme", "stranger", "edge", "fleet")


def up(lab: Identity, wanted: Sequence[Host]) -> State:
    """Make the hosts wanted, or repair them; say how it went. :raises LabError: when one does not come up."""
    setup = apt.of_controller()
    with held(f"lab-{lab.digest}"):
        state = State.prepare(lab, network.ensure(lab, lambda: clear(lab)))
        outside = resolver.outside(setup.host_names())
        there = seen.listed(lab)

        def bring_up(host: Host) -> bool:
            plan = hosts.plan(host, state, hosts.image(host, lab, setup), outside)
            found = there.get(host.name)
            reason = hosts.complaint(plan, found, state.address(host.name))
            if reason is None and found is not None:
                hosts.remember(state, host, found)
                hosts.follow(lab, plan, found)
                return False
            hosts.make(lab, state, plan, found, reason or "")
            return True

        with ThreadPoolExecutor(WORKERS) as pool:
            inline = sorted(wanted, key=lambda host: ORDER.index(host.role))
            made = sum(_finish([pool.submit(bring_up, host) for host in inline]))
    say("lab", f"{lab.name} ({lab.suite}) is up: {len(wanted)} hosts, {made} of them new, {elapsed():.1f} s")
    return state


def clear(lab: Identity) -> int:
    """Remove all hosts; return how many there were."""
    return remove(lab, list(seen.listed(lab)))


def remove(lab: Identity, names: Sequence[str]) -> int:
    """Remove these hosts, in whatever state they are; return how many there were."""
    there = seen.listed(lab)
    with ThreadPoolExecutor(WORKERS) as pool:
        return sum(pool.map(lambda name: hosts.remove(lab, name, there.get(name)), names))


def _finish(futures: list[Future[bool]]) -> list[bool]:
    """Wait for all, then report the first failure: what could be made is made."""
    errors = [error for error in (future.exception() for future in futures) if error is not None]
    for error in errors[1:]:
        sys.stderr.write(f"bin/lab: {error}\n")
    if errors:
        raise errors[0]
    return [future.result() for future in futures]
