"""Trouble that a new user meets on the way: one clear message, nothing half applied, the other site still served."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager

import dns.message
import dns.query
import pytest

from .conftest import Lab
from .rollout import Rollout, lab, play

pytestmark = pytest.mark.lab

TOKYO = "edge1.tokyo"
WRONG_SECRET = base64.b64encode(b"not the secret of this server").decode()


@contextmanager
def broken(host: str, how: str, mended: str) -> Iterator[None]:
    """Break something in a host for a while."""
    lab("exec", host, "sh", "-c", how)
    try:
        yield
    finally:
        lab("exec", host, "sh", "-c", mended)


def record(deployed: Lab) -> str:
    """Return London's SRV record set as the authoritative server gives it."""
    query = dns.message.make_query("_xmpp-server._tcp.contoso.example", "SRV")
    return str(dns.query.tcp(query, deployed.state["addresses"]["dns"], timeout=5).answer)


def only_tokyo_failed(rollout: Rollout) -> str:
    """Demand that Tokyo failed and London did not. :returns: Tokyo's message."""
    assert rollout.code == 2, rollout.output[-4000:]
    assert not rollout.hosts["edge1.london"]["failed"], rollout.output[-4000:]
    (failure,) = rollout.hosts[TOKYO]["failed"]
    message: str = failure["msg"]
    return message


def test_no_sudo(deployed_lab: Lab) -> None:
    with broken(TOKYO, "mv /etc/sudoers.d/admin /root/admin", "mv /root/admin /etc/sudoers.d/admin"):
        rollout = play("partners.yml")
    message = only_tokyo_failed(rollout)
    assert "admin may not use sudo without a password on edge1.tokyo" in message
    assert "--ask-become-pass" in message
    assert rollout.named_changes() == set()


def test_a_package_that_cannot_be_installed(deployed_lab: Lab) -> None:
    lab("reset", TOKYO)
    pin = "printf 'Package: prosody\\nPin: version *\\nPin-Priority: -1\\n' > /etc/apt/preferences.d/broken"
    with broken(TOKYO, pin, "rm /etc/apt/preferences.d/broken"):
        rollout = play("site.yml")
    message = only_tokyo_failed(rollout)
    assert "prosody" in message and "could not be installed on edge1.tokyo" in message
    assert "The gateway was not touched" in message
    assert lab("exec", TOKYO, "sh", "-c", "ls /etc/prosody /usr/local/lib/fedgate 2>/dev/null || true") == ""
    mended = play("site.yml")
    assert mended.code == 0, mended.output[-4000:]


def test_a_wrong_tsig_secret(deployed_lab: Lab) -> None:
    before = record(deployed_lab)
    provider = {
        "kind": "rfc2136",
        "server": deployed_lab.state["addresses"]["dns"],
        "tsig_name": deployed_lab.state["tsig"]["name"],
        "tsig_secret": WRONG_SECRET,
    }
    rollout = play(
        "dns.yml", variables={"federation_dns_provider": provider, "federation_dns_ttl": 301, "dns_srv_force": True}
    )
    assert rollout.code == 2, rollout.output[-4000:]
    for host in rollout.hosts.values():
        (failure,) = host["failed"]
        assert "BADSIG" in failure["msg"] and "has another secret at the server" in failure["msg"], failure
    assert WRONG_SECRET not in rollout.output
    assert record(deployed_lab) == before
