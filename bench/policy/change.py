"""How soon a partner who is added to many is let in, and whether anybody's stream ends for it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import BenchError
from . import streams
from .cases import HOST, MOST_PARTNERS, domain, partners
from .gateway import Gateway

#: The task that is timed, as the role calls it.
TASK = "Load the policy"
#: Between two tries of the new partner, in seconds.
PAUSE = 0.02
NEW = domain(MOST_PARTNERS)


@dataclass(frozen=True)
class Change:
    """What came of one change.

    :ivar enforced: seconds from the begin of the task until the new partner was let in.
    :ivar wall: of the whole ``ansible-playbook``, model and connection included.
    :ivar streams: how many streams were open all the while, and have the same id.
    """

    enforced: float
    wall: float
    streams: int


async def add_one(gateway: Gateway, count: int, client: ssl.SSLContext, tell: Callable[[], object]) -> Change:
    """Add one partner to ``count``, who knocks all the time.

    :raises BenchError: when it gets in before, or a stream is lost.
    """
    listed = partners(count)
    with contextlib.suppress(streams.Refused):
        (await streams.to_gateway(gateway.address, NEW, HOST, client)).close()
        raise BenchError(f"{NEW} is let in without being a partner")
    before = _ids(gateway)
    began = time.time()
    knocking = asyncio.create_task(_knock(gateway.address, client))
    try:
        lines = await asyncio.to_thread(
            gateway.play, "partners.yml", {"federation_partners": [*listed, {"domain": NEW}]}, tell
        )
        wall = time.time() - began
        let_in = await asyncio.wait_for(knocking, streams.PATIENCE)
    finally:
        knocking.cancel()
    lost = before - _ids(gateway)
    if lost:
        raise BenchError(f"{len(lost)} of {len(before)} streams were lost when a partner was added")
    (begin,) = (line["at"] for line in lines if line.get("begins", "").endswith(TASK))
    return Change(let_in - begin, wall, len(before))


def _ids(gateway: Gateway) -> set[str]:
    return {str(session["id"]) for session in gateway.status()["sessions"]}


async def _knock(address: str, context: ssl.SSLContext) -> float:
    """Try to get in until it succeeds; return when that was, in seconds since 1970."""
    while True:
        try:
            stream = await streams.to_gateway(address, NEW, HOST, context)
        except (BenchError, OSError, asyncio.TimeoutError):
            await asyncio.sleep(PAUSE)
            continue
        at = time.time()
        stream.close()
        return at


def middle(changes: Sequence[Change]) -> Change:
    """Return the change whose time is the median, the slower of two."""
    return sorted(changes, key=lambda each: each.enforced)[len(changes) // 2]
