"""Pools of several members in real Ansible runs: one certificate, one key, and a controller that never sees it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from .pki import Authority, Served
from .test_certificates import Deployment, changes, pytestmark  # noqa: F401 - the mark counts here too

POOL = "edge.london.contoso.example"
PKCS12_PASSWORD = "canary-7d21-pkcs12"
MEMBERS = ("edge1.london", "edge2.london", "edge3.london")


class Pool(Deployment):
    """Three members of one pool, and a host that is a pool by itself."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        alone = {"backend": "prosody", "pool": "edge.tokyo.contoso.example", "certificate_names": ["jp.example"]}
        member = {"backend": "prosody", "pool": POOL, "certificate_names": ["uk.example", "conference.uk.example"]}
        self.hosts: dict[str, Any] = {name: {**member, "active": name == "edge1.london"} for name in MEMBERS}
        self.hosts["edge1.tokyo"] = alone
        self.absent: set[str] = set()
        self.variables["edge_certificate_offers_directory"] = f"{folder}/offers/{{{{ inventory_hostname }}}}"

    def variables_of(self, host: str) -> dict[str, Any]:
        if host in self.absent:
            return {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_connection": "ssh"}
        return {}

    def model(self) -> dict[str, Any]:
        pools = {POOL: {"members": list(MEMBERS)}, "edge.tokyo.contoso.example": {"members": ["edge1.tokyo"]}}
        return {"hosts": self.hosts, "pools": pools}

    def file(self, host: str, name: str) -> bytes:
        return (self.serving(host) / name).read_bytes()

    def same_everywhere(self, members: tuple[str, ...] = MEMBERS) -> bytes:
        """Demand the same key and chain on all members. :returns: the key."""
        for name in ("key.pem", "chain.pem"):
            assert len({self.file(host, name) for host in members}) == 1, name
        for host in members:
            assert (self.serving(host) / "key.pem").stat().st_mode & 0o777 == 0o600
        return self.file(members[0], "key.pem")


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    return Pool(tmp_path)


def test_one_certificate_for_all_members(pool: Pool) -> None:
    planned = pool.run("--check", "--diff")
    first = pool.run("--diff", "-vvvv")
    assert not any(found["failed"] for found in first.values()), pool.output[-4000:]
    assert changes(planned) == changes(first)
    assert ("edge2.london", "create", "certificate_key", POOL) in changes(first)
    key = pool.same_everywhere()
    assert "PRIVATE KEY" not in pool.output
    assert key_text(key) not in pool.output
    assert changes(pool.run()) == set(), pool.output[-3000:]

    # Renewal by force: another key, again the same for all.
    renewed = pool.run("-e", "edge_certificate_force=true")
    assert not any(found["failed"] for found in renewed.values()), pool.output[-4000:]
    assert pool.same_everywhere() != key
    assert changes(pool.run()) == set()


def test_the_first_member_is_down_and_comes_back(pool: Pool) -> None:
    pool.absent = {"edge1.london"}
    first = pool.run()
    assert not first["edge2.london"]["failed"], pool.output[-4000:]
    key = pool.same_everywhere(("edge2.london", "edge3.london"))
    pool.absent = set()
    planned = changes(pool.run("--check"))
    assert changes(pool.run()) == planned
    assert pool.same_everywhere() == key, "who comes back gets what the others have"
    assert {host for host, *_ in planned} == {"edge1.london"}
    assert changes(pool.run()) == set()


def test_a_member_that_differs_is_repaired_and_a_new_one_joins(pool: Pool) -> None:
    pool.run()
    key = pool.same_everywhere()
    shutil.rmtree(pool.folder / "edge3.london")
    (pool.serving("edge2.london") / "key.pem").write_bytes(b"rubbish")
    planned = changes(pool.run("--check"))
    done = pool.run()
    assert not any(found["failed"] for found in done.values()), pool.output[-4000:]
    assert changes(done) == planned
    assert pool.same_everywhere() == key, "nothing was issued anew"
    assert changes(pool.run()) == set()


def test_the_controller_sees_ciphertext_only_even_without_pipelining(pool: Pool) -> None:
    """Without it, Ansible writes the arguments of modules to files of the controller; they are kept for a look here."""
    kept = pool.folder / "controller"
    kept.mkdir()
    pool.environment = {
        "ANSIBLE_PIPELINING": "false",
        "ANSIBLE_KEEP_REMOTE_FILES": "true",
        "ANSIBLE_LOCAL_TEMP": str(kept),
        "ANSIBLE_REMOTE_TEMP": str(pool.folder / "remote"),
        "ANSIBLE_LOG_PATH": str(kept / "log"),
    }
    done = pool.run("-vvvv")
    assert not any(found["failed"] for found in done.values()), pool.output[-4000:]
    secret = key_text(pool.same_everywhere()).encode()
    written = [path for path in pool.folder.rglob("*") if path.is_file() and "key.pem" not in path.name]
    assert any(b"edge_certificate_share" in path.read_bytes() for path in written), (
        "nothing was kept: nothing is proven"
    )
    assert not [path for path in written if secret in path.read_bytes()]


def test_a_key_that_may_not_leave_its_host(pool: Pool) -> None:
    pool.variables["federation_certificate"]["exportable"] = False
    done = pool.run()
    message = done["edge1.london"]["failed"][0]["msg"]
    assert "is not exportable" in message and "federation_certificate.exportable" in message
    assert not done["edge1.tokyo"]["failed"], "a pool of one shares with nobody"


def key_text(pem: bytes) -> str:
    """Return a long line of a private key's PEM text."""
    serialization.load_pem_private_key(pem, None)
    return pem.decode().splitlines()[1]


def test_the_line_that_is_hunted_is_one(tmp_path: Path) -> None:
    path = tmp_path / "key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", str(path)], check=True, capture_output=True)
    assert len(key_text(path.read_bytes())) > 40


def test_a_key_that_the_ca_made_goes_straight_to_the_members(pool: Pool) -> None:
    """An answer as PKCS#12: opened in the controller's memory, handed on sealed, warned about."""
    authority, folder = Authority("Outside CA"), pool.folder / "requests"
    (pool.folder / "root.pem").write_text(authority.pem)
    pool.hosts.pop("edge1.tokyo")
    pool.variables["federation_certificate"] = {
        "issuer": "manual",
        "requests_directory": str(folder),
        "trust_anchors": [str(pool.folder / "root.pem")],
        "pkcs12_password": PKCS12_PASSWORD,
        "key": {"type": "ecdsa", "curve": "p256"},
    }
    waiting = pool.run()
    assert not any(found["failed"] for found in waiting.values()), pool.output[-4000:]
    assert f"{POOL} waits for the CA" in pool.output

    issued = authority.issue("uk.example", "conference.uk.example")
    pack_pkcs12(pool.folder, issued, folder / "from the CA.bin")
    planned = changes(pool.run("--check"))
    done = pool.run("-vvvv")
    assert not any(found["failed"] for found in done.values()), pool.output[-4000:]
    assert changes(done) == planned
    for host in MEMBERS:
        assert {(host, "create", "certificate_key", POOL), (host, "create", "certificate", POOL)} <= planned
    assert "somebody else" in pool.output, "nobody was warned"
    key = pool.same_everywhere()
    assert key_text(key) == key_text(issued.key.encode()), "another key serves"
    assert key_text(key) not in pool.output and PKCS12_PASSWORD not in pool.output
    assert changes(pool.run()) == set(), pool.output[-3000:]


def pack_pkcs12(scratch: Path, issued: Served, target: Path) -> None:
    """Pack key and certificate as an authority would that makes keys itself, with the openssl program."""
    both = scratch / "both.pem"
    both.write_text(issued.key + issued.chain)
    packed = subprocess.run(
        ["openssl", "pkcs12", "-export", "-in", str(both), "-passout", "stdin"],
        input=PKCS12_PASSWORD.encode(), check=True, capture_output=True,
    ).stdout  # fmt: skip
    target.write_bytes(packed)
    both.unlink()
