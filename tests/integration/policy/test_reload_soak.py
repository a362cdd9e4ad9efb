"""A thousand reloads under traffic: no message is lost, no stream ends, no stranger gets in, memory is steady."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from .client import Client
from .conftest import MakePeer
from .gateway import HOSTS, Gateway, podman, row, wait_until
from .peer import Peer
from .test_fuzz import GROWTH, memory
from .test_upgrade import PARTNER, STRANGER, Knocking
from .wire import Stream

HOST = HOSTS[0]
#: Reloads of a whole run; daily runs make a tenth.
COUNT = max(50, int(1_000 * float(os.environ.get("FEDGATE_REPEAT", "0.1"))))
#: Seconds between two messages of one side.
PAUSE = 0.01


class Traffic:
    """Numbered messages both ways, until it is stopped.

    :ivar sent: how many left each side; :ivar came: the numbers that arrived, in order: at alice, at the partner.
    """

    def __init__(self, alice: Client, peer: Peer, stream: Stream) -> None:
        self.alice, self.peer, self.stream = alice, peer, stream
        self.sent = 0
        self.came: tuple[list[int], list[int]] = ([], [])
        self._over = threading.Event()
        self._threads = [threading.Thread(target=part, daemon=True) for part in (self._send, self._hear, self._receive)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        while not self._over.wait(PAUSE):
            self.peer.send_message(self.stream, self.alice.address, str(self.sent))
            self.alice.send(f"bob@{self.peer.domain}", str(self.sent))
            self.sent += 1

    def _hear(self) -> None:
        with contextlib.suppress(OSError):  # the end of the test closes it
            while True:
                self.came[0].append(int(self.alice.message().findtext("{jabber:client}body") or -1))

    def _receive(self) -> None:
        while True:
            self.came[1].append(int(self.peer.stanzas.get().findtext("{jabber:server}body") or -1))

    def stop(self) -> None:
        """Send no more, and wait until all has arrived or will not."""
        self._over.set()
        self._threads[0].join(10)
        with contextlib.suppress(AssertionError):
            wait_until(lambda: all(len(side) >= self.sent for side in self.came), "all arrived", 20)


def policies(number: int) -> dict[str, dict[str, object]]:
    """Return a policy that differs from the one before, in what concerns the partner with the streams in nothing."""
    found = {PARTNER: row(sasl="required", dialback=False)}
    if number % 2:
        found["adatum.example"] = row()
    found[f"n{number}.example"] = row(certificate="valid")
    return found


class Reloads:
    """Lets the server read its policy again, by a signal from outside: nothing is started in the container.

    :param gateway: whose server it is.
    :ivar repeated: how many signals had to be sent again. Prosody 0.12 forgets one that comes in the very moment in
        which it has dealt with the one before (``sighook`` in its util-src/signal.c: the loop is over, ``nsig`` not 0).
    """

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        listed = podman("top", gateway.name, "hpid", "args").splitlines()
        self._pid = next(int(line.split()[0]) for line in listed if "prosody" in line)
        self.repeated = 0

    def _hangup(self) -> None:
        os.kill(self._pid, signal.SIGHUP)

    def load(self, number: int) -> None:
        """Load one policy; every tenth is preceded by one that is broken, and one that is missing."""
        if number % 10 == 0:
            self.gateway.write("policy.json", "{")
            self._refused()
            (self.gateway.folder / "policy.json").unlink()
            self._refused()
        digest = self.gateway.policy(policies(number), [HOST])
        self._hangup()
        self._until(lambda: self.gateway.status()["digest"] == digest, f"policy {number} is loaded")

    def _refused(self) -> None:
        before = self.gateway.status()["reason"]
        self._hangup()
        self._until(lambda: self.gateway.status()["reason"] not in (None, before), "it says why it keeps the last")

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        try:
            wait_until(condition, what, 10)
        except AssertionError:
            self.repeated += 1
            self._hangup()
            wait_until(condition, what, 30)


@pytest.mark.soak
def test_reloads_under_traffic(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    stranger, partner = peers(STRANGER), peers(PARTNER)
    # What is looked for can happen: he gets in where he may.
    gateway.enforce({STRANGER: row(sasl="required", dialback=False)}, [HOST])
    knocking = Knocking(stranger)
    wait_until(lambda: knocking.inside > 2, "he gets in", 20)
    knocking.stop()
    gateway.enforce(policies(0), [HOST])
    stream, _ = partner.encrypted(HOST)
    partner.external(stream, HOST)
    alice.send(f"bob@{PARTNER}", "first")
    assert partner.stanzas.get(timeout=10).findtext("{jabber:server}body") == "first"
    before = [gateway.session(PARTNER, way)["id"] for way in ("incoming", "outgoing")]
    pid, reloads, began = gateway.status()["pid"], Reloads(gateway), time.monotonic()
    knocking, traffic = Knocking(stranger), Traffic(alice, partner, stream)
    settled = 0
    for number in range(1, COUNT + 1):
        reloads.load(number)
        if number == COUNT // 5:
            settled = memory(gateway)
    grown = memory(gateway) - settled
    knocking.stop()
    traffic.stop()
    took = time.monotonic() - began
    print(f"{COUNT} reloads in {took:.0f} s, {reloads.repeated} signals repeated; {traffic.sent} messages each way")
    print(f"the stranger knocked {knocking.refused} times; {grown} KiB more")
    assert traffic.sent > COUNT / 10 and knocking.refused > COUNT / 10
    assert traffic.came == (list(range(traffic.sent)), list(range(traffic.sent)))
    assert knocking.inside == 0
    assert reloads.repeated <= COUNT / 200
    assert [gateway.session(PARTNER, way)["id"] for way in ("incoming", "outgoing")] == before
    assert gateway.status()["pid"] == pid
    assert grown < GROWTH
