"""The lab's optional hosts: an ACME server and its root, a standby, hosts that trust one more authority."""

from __future__ import annotations

import base64
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .test_lab import ROOT, Lab, new_hosts, update

sys.path.insert(0, str(ROOT))

from lab import authority

OURS, THEIRS = "contoso.example", "fabrikam.example"

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    one = Lab(f"test-{os.getpid()}-acme")
    try:
        one("up", "acme", "partner")
        yield one
    finally:
        one("down", check=False)


def openssl(pem: str, *asked: str) -> str:
    line = ["openssl", "x509", "-noout", *asked]
    return subprocess.run(line, input=pem, text=True, capture_output=True, check=True).stdout


def test_an_optional_host_is_listed_and_repeats_like_the_others(lab: Lab) -> None:
    conditions = {line.split()[0]: line.split()[2] for line in lab("status").stdout.splitlines()[1:]}
    assert conditions["acme"] == "up"
    assert conditions["edge2.london"] == "-"
    assert new_hosts(lab("up", "acme", "partner")) == 0


def test_the_root_of_the_acme_server_is_the_present_one(lab: Lab) -> None:
    root = lab("acme-root").stdout
    below = lab("acme-root", "--intermediate").stdout
    assert "CA:TRUE" in openssl(root, "-ext", "basicConstraints")
    assert openssl(below, "-issuer").partition("=")[2] == openssl(root, "-subject").partition("=")[2]
    file = Path(lab.values()["acme"]["root_file"])
    assert "written" in lab("acme-root", "--write").stdout
    assert "is the present root" in lab("acme-root", "--write").stdout
    assert file.read_text() == root
    lab("exec", "acme", "systemctl", "restart", "pebble")
    until_up = "until ss -ltn | grep -q :15000; do sleep 0.1; done"
    lab("exec", "acme", "timeout", "20", "sh", "-c", until_up)
    assert "written" in lab("acme-root", "--write").stdout
    assert file.read_text() not in ("", root)


@pytest.mark.parametrize(
    ("zone", "record", "allowed"),
    [
        ("contoso.example", "_acme-challenge.contoso.example 60 TXT token", True),
        ("contoso.example", "_acme-challenge.conference.contoso.example 60 TXT token", True),
        ("contoso-asia.example", "_acme-challenge.contoso-asia.example 60 TXT token", True),
        ("contoso.example", "_acme-challenge.contoso.example 60 CNAME www.contoso.example.", False),
        ("contoso.example", "_xmpp-server._tcp.contoso.example 60 SRV 10 0 5269 edge.london.contoso.example.", False),
        ("contoso.example", "edge.london.contoso.example 60 A 192.0.2.1", False),
        ("contoso.example", "edge.london.contoso.example 60 TXT token", False),
    ],
)
def test_the_key_for_challenges_can_answer_them_and_no_more(lab: Lab, zone: str, record: str, allowed: bool) -> None:
    said = update(lab, f"zone {zone}", f"update add {record}", tsig=lab.values()["acme"]["tsig"])
    assert said == "" if allowed else "REFUSED" in said


def test_a_peer_takes_a_root_while_it_runs(lab: Lab, tmp_path: Path) -> None:
    authority.ensure_authority(tmp_path, "another")
    pair = tmp_path / "pair.pem"
    pair.write_bytes(b"".join(authority.ensure_certificate(tmp_path, OURS)))
    since = ("exec", "partner", "systemctl", "show", "--property", "ExecMainStartTimestamp", "ejabberd")
    started = lab(*since).stdout
    assert "<failure" in sasl_external(lab, pair)
    assert "now trusts" in lab("trust", "partner", str(tmp_path / "ca.pem")).stdout
    assert "<success" in sasl_external(lab, pair)
    assert "trusted already" in lab("trust", "partner", str(tmp_path / "ca.pem")).stdout
    assert lab(*since).stdout == started


def test_a_host_that_was_never_made_cannot_trust(lab: Lab) -> None:
    done = lab("trust", "edge2.london", lab.values()["ca_certificate"], check=False)
    assert done.returncode == 2
    assert "edge2.london is not there; run: bin/lab up edge2.london" in done.stderr


def sasl_external(lab: Lab, pair: Path) -> str:
    """Speak to the partner as a server of ours does; return what it says to SASL EXTERNAL."""
    header = (
        f"<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'"
        f" from='{OURS}' to='{THEIRS}' version='1.0'>"
    )
    context = ssl.create_default_context(cafile=lab.values()["ca_certificate"])
    context.load_cert_chain(pair)
    with socket.create_connection((lab.values()["addresses"]["partner"], 5269), 10) as plain:
        say(plain, header, "</stream:features>")
        say(plain, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<proceed[^>]*>")
        with context.wrap_socket(plain, server_hostname=THEIRS) as secure:
            say(secure, header, "</stream:features>")
            identity = base64.b64encode(OURS.encode()).decode()
            auth = f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>{identity}</auth>"
            return say(secure, auth, "<success|<failure")


def say(connection: socket.socket, text: str, answer: str) -> str:
    connection.sendall(text.encode())
    heard = b""
    while not re.search(answer.encode(), heard):
        part = connection.recv(8192)
        assert part, f"closed after {heard!r}"
        heard += part
    return heard.decode()
