"""Thousands of malformed openings of streams and dialback: nothing gets through or breaks, memory is steady."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from .client import Client
from .conftest import MakePeer
from .fuzz import malformed
from .gateway import Gateway, row

#: Inputs of a whole run; daily runs make a tenth.
COUNT = max(200, int(10_000 * float(os.environ.get("FEDGATE_REPEAT", "0.1"))))
#: What a gateway may grow by after it has seen a first part of them, in KiB: buffers, the log's, the collector's pace.
GROWTH = 24 * 1024


@pytest.fixture(scope="module", autouse=True)
def policy(gateway: Gateway) -> Iterator[None]:
    """Partners that need TLS, at a server that would take anything by itself."""
    gateway.configure(strict=False)
    gateway.restart()
    gateway.enforce({"fabrikam.example": row(), "adatum.example": row("optional", "required", False)})
    yield
    gateway.configure()
    gateway.restart()


def memory(gateway: Gateway) -> int:
    """Return the server's resident memory in KiB, its garbage collected."""
    gateway.shell("> collectgarbage()")
    text = gateway.run("sh", "-c", "cat /proc/$(cat /run/prosody/prosody.pid)/status")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))


def knock(gateway: Gateway, number: int) -> str | None:
    """Send one input; return what is wrong with the answer, if anything."""
    answer = b""
    with contextlib.suppress(OSError), socket.create_connection((gateway.address, 5269), 20) as connection:
        connection.settimeout(0.25)
        connection.sendall(malformed(number))
        connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(TimeoutError):
            while part := connection.recv(65536):
                answer += part
    for word in (b"type='valid'", b'type="valid"', b"<success", b"<proceed"):
        if word in answer and not (word == b"<proceed" and b"starttls" in malformed(number)):
            return f"input {number} was answered with {word.decode()}: {answer[-300:]!r}"
    return None


def faults_of_ours(log: str) -> list[str]:
    """Return the tracebacks in which our modules stand. Prosody's router has one of its own for an error reply to a
    stanza on a stream that is not authenticated (``origin.send`` is nil): it is caught, and nothing is routed.
    """
    lines = re.split(r"(?m)^(?=[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d )", log)
    traces = [line for line in lines if "Traceback" in line or "attempt to" in line]
    return [trace for trace in traces if "fedgate" in trace or "stanza_router.lua" not in trace]


def test_nothing_gets_through(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    peers("fabrikam.example")
    peers("adatum.example")
    pid = gateway.status()["pid"]
    first = COUNT // 5
    with ThreadPoolExecutor(16) as pool:
        faults = list(pool.map(lambda number: knock(gateway, number), range(first)))
        before = memory(gateway)
        faults += pool.map(lambda number: knock(gateway, number), range(first, COUNT))
    assert [fault for fault in faults if fault] == []
    assert memory(gateway) - before < GROWTH
    assert [item for item in gateway.status()["sessions"] if item["direction"] == "incoming"] == []
    assert gateway.status()["pid"] == pid
    assert faults_of_ours(gateway.log()) == []
    alice.timeout(0.5)
    with pytest.raises(TimeoutError):
        alice.message()


def test_the_gateway_still_serves_its_partners(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    peer = peers("fabrikam.example")
    stream, _ = peer.encrypted("contoso.example")
    peer.external(stream, "contoso.example")
    peer.send_message(stream, "alice@contoso.example", "hello")
    alice.timeout(10)
    assert (alice.message().get("from") or "").startswith("bob@fabrikam.example")
