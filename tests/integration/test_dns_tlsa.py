"""TLSA records: the role asks the hosts of the run which keys serve, and which will, and publishes both."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates.generations import CHAIN, KEY, REQUEST, GenerationStore

from .bind import NAMED, Bind
from .test_dns_module import LONDON, TOKYO, Run, role_play

pytestmark = pytest.mark.skipif(not Path(NAMED).exists(), reason="BIND is not installed (package bind9)")
LONDON_TLSA, TOKYO_TLSA = f"_5269._tcp.{LONDON}", f"_5269._tcp.{TOKYO}"
THEIRS = f"3 1 1 {'ab' * 32}"


def openssl(*argv: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *argv], input=stdin, capture_output=True, check=True).stdout


def generation(store: GenerationStore, folder: Path, issued: bool = True) -> str:
    """Make the next generation; return its TLSA data, as openssl computes it."""
    key = folder / "new.pem"
    key.write_bytes(openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
    subject = ["-key", str(key), "-subj", f"/CN={LONDON}"]
    files = {KEY: key.read_bytes(), REQUEST: openssl("req", "-new", *subject)}
    if issued:
        files[CHAIN] = openssl("req", "-x509", *subject)
    number = store.prepare(files)
    if issued:
        store.activate(number)
    return f"3 1 1 {hashlib.sha256(openssl('pkey', '-in', str(key), '-pubout', '-outform', 'DER')).hexdigest()}"


def publish(bind: Bind, root: Path, folder: Path, python: str = sys.executable, **verified: bool) -> Run:
    """Run the role with a TLSA set for each site; the hosts keep their keys in the folder."""
    play = role_play(
        bind.provider("strong"),
        {"edge1.london": True, "edge1.tokyo": True, **verified},
        ansible_become=False,
        ansible_python_interpreter=python,
        edge_certificate_directory=str(folder / "keys"),
    )
    tlsa = [{"name": LONDON_TLSA, "ttl": 300, "pool": LONDON}, {"name": TOKYO_TLSA, "ttl": 300, "pool": TOKYO}]
    play[0]["vars"]["federation_model"]["tlsa"] = tlsa
    return Run(root, folder, play)


def data(bind: Bind, name: str) -> Any:
    found = bind.look(name, "TLSA")
    return None if found is None else found[1]


def test_the_key_that_serves_and_the_next_one(bind: Bind, root: Path, tmp_path: Path) -> None:
    store = GenerationStore(str(tmp_path / "keys"), LONDON)
    bind.edit("contoso.example", ("add", TOKYO_TLSA, "60", "TLSA", THEIRS))
    generation(store, tmp_path)
    serves = generation(store, tmp_path)  # the first one is past
    first = publish(bind, root, tmp_path)
    assert first.rc == 0, first.text
    assert data(bind, LONDON_TLSA) == {serves}
    # Tokyo has no key yet: what is there stays as it is.
    assert data(bind, TOKYO_TLSA) == {THEIRS}
    after = generation(store, tmp_path, issued=False)
    assert publish(bind, root, tmp_path).rc == 0
    assert data(bind, LONDON_TLSA) == {serves, after}
    again = publish(bind, root, tmp_path)
    assert "changed=1" not in again.text and again.rc == 0
    store.activate(3)
    assert publish(bind, root, tmp_path).rc == 0
    assert data(bind, LONDON_TLSA) == {after}


def test_a_pool_that_was_not_verified_is_held(bind: Bind, root: Path, tmp_path: Path) -> None:
    generation(GenerationStore(str(tmp_path / "keys"), LONDON), tmp_path)
    bind.edit("contoso.example", ("add", LONDON_TLSA, "60", "TLSA", THEIRS))
    run = publish(bind, root, tmp_path, **{"edge1.london": False})
    assert run.rc == 0, run.text
    assert data(bind, LONDON_TLSA) == {THEIRS}


def test_a_host_that_cannot_say_is_named(bind: Bind, root: Path, tmp_path: Path) -> None:
    generation(GenerationStore(str(tmp_path / "keys"), LONDON), tmp_path)
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    run = publish(bind, root, tmp_path, python=str(bare / "bin" / "python"))
    assert run.rc == 0, run.text
    assert "The keys of edge1.london are not known" in run.text and "cryptography" in run.text
    assert data(bind, LONDON_TLSA) is None
