"""As many partners as there may be: the server takes them, its streams stay, and one more is a matter of a reload."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from ansible.module_utils.fedgate.model.partner import MAX_DOMAINS

from .client import Client
from .conftest import MakePeer
from .gateway import HOSTS, Gateway, row, wait_until
from .peer import closing
from .test_fuzz import memory

HOST = HOSTS[0]
FABRIKAM, ADATUM = "fabrikam.example", "adatum.example"
#: Partners of a whole run; daily runs have a tenth.
COUNT = max(1_000, int(MAX_DOMAINS * float(os.environ.get("FEDGATE_REPEAT", "0.1"))))


@pytest.fixture
def emptied(gateway: Gateway) -> Iterator[None]:
    """The partners go again."""
    yield
    load(gateway, {})


def load(gateway: Gateway, partners: dict[str, dict[str, object]]) -> float:
    """Load a policy; return the seconds of the server's processor that it took."""
    before = processor(gateway)
    digest = gateway.policy(partners, [HOST])
    gateway.run("sh", "-c", "kill -HUP $(cat /run/prosody/prosody.pid)")
    wait_until(lambda: gateway.status()["digest"] == digest, "the policy is loaded", 120)
    return processor(gateway) - before


def processor(gateway: Gateway) -> float:
    """Return the seconds of processor time that the server has used."""
    fields = gateway.run("sh", "-c", "cat /proc/$(cat /run/prosody/prosody.pid)/stat").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.soak
@pytest.mark.usefixtures("emptied")
def test_as_many_as_there_may_be(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    fabrikam, adatum = peers(FABRIKAM), peers(ADATUM)
    many = {FABRIKAM: row(), **{f"n{number}.partners.example": row() for number in range(COUNT - 2)}}
    small, first = memory(gateway), load(gateway, many)
    stream, _ = fabrikam.encrypted(HOST)
    fabrikam.external(stream, HOST)
    identifier = gateway.session(FABRIKAM, "incoming")["id"]
    refused = adatum.connect()
    assert closing(lambda: adatum.greet(refused, HOST)).condition == "policy-violation"
    began = time.monotonic()
    again = load(gateway, {**many, ADATUM: row()})
    waited = time.monotonic() - began
    other, _ = adatum.encrypted(HOST)
    adatum.external(other, HOST)
    assert gateway.session(FABRIKAM, "incoming")["id"] == identifier
    fabrikam.send_message(stream, alice.address, "still here")
    assert alice.message().findtext("{jabber:client}body") == "still here"
    grown = (memory(gateway) - small) // 1024
    print(f"{COUNT} partners: loaded in {first:.1f} s of processor time, again in {again:.1f} s ({waited:.1f} s by the"
          f" clock); {grown} MiB more")  # fmt: skip
