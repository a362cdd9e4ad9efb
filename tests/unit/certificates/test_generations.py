"""Generations on disk: each change whole or not at all, and readable by nobody else."""

from __future__ import annotations

import grp
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates.generations import CHAIN, KEY, GenerationStore
from ansible.module_utils.fedgate.errors import CheckFailed, InvalidValue

from .world import POOL

pytestmark = pytest.mark.edge

ROOT = Path(__file__).resolve().parents[3]
FILES = {"key.pem": b"key", "request.pem": b"request", "generation.json": b"{}"}


@pytest.fixture
def store(tmp_path: Path) -> GenerationStore:
    return GenerationStore(str(tmp_path / "etc" / "fedgate" / "certificates"), POOL)


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_nothing_yet(store: GenerationStore) -> None:
    assert store.numbers() == []
    assert store.current() is None
    assert store.read(1, KEY) is None


def test_generations_count_up_and_current_is_a_relative_link(store: GenerationStore) -> None:
    assert [store.prepare(FILES) for _ in range(3)] == [1, 2, 3]
    assert store.current() is None
    store.activate(2)
    assert store.current() == 2
    assert os.readlink(os.path.join(store.base, "current")) == "0002"
    store.activate(3)
    assert (store.current(), store.numbers()) == (3, [1, 2, 3])


def test_nobody_else_may_read(store: GenerationStore) -> None:
    os.umask(0o002)
    store.prepare(FILES)
    store.put(1, CHAIN, b"chain")
    assert {mode(path) for path in (store.directory, store.base, store.path(1))} == {0o700}
    assert {mode(os.path.join(store.path(1), name)) for name in (*FILES, CHAIN)} == {0o600}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to another group")
def test_what_was_granted_to_the_server_is_handed_on(store: GenerationStore) -> None:
    group = grp.getgrnam("daemon").gr_gid
    store.prepare(FILES)
    store.activate(1)
    os.chown(store.path(1), 0, group)
    os.chmod(store.path(1), 0o750)
    store.prepare(FILES)
    store.put(2, CHAIN, b"chain")
    for path in (store.path(2), *(os.path.join(store.path(2), name) for name in (*FILES, CHAIN))):
        assert os.stat(path).st_gid == group
    assert mode(store.path(2)) == 0o750
    assert mode(os.path.join(store.path(2), KEY)) == 0o640


def test_the_world_is_never_let_in(store: GenerationStore) -> None:
    store.prepare(FILES)
    store.activate(1)
    os.chmod(store.path(1), 0o777)
    store.prepare(FILES)
    assert mode(store.path(2)) == 0o750
    assert mode(os.path.join(store.path(2), KEY)) == 0o640


@pytest.mark.parametrize("name", ["..", "../etc", "a/b", "", ".hidden", "a..b", "-"])
def test_names_that_are_no_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="cannot name a certificate"):
        GenerationStore(str(tmp_path), name)


def test_a_link_that_leads_nowhere_is_no_current(store: GenerationStore) -> None:
    store.prepare(FILES)
    os.symlink("0009", os.path.join(store.base, "current"))
    assert store.current() is None
    store.activate(1)
    assert store.current() == 1


def test_a_file_in_the_way_is_said_and_nothing_left(tmp_path: Path) -> None:
    (tmp_path / "certificates").write_text("not a folder")
    with pytest.raises(CheckFailed, match=r"cannot be changed: .*The certificate in use was not touched"):
        GenerationStore(str(tmp_path / "certificates"), POOL).prepare(FILES)


def test_a_full_disk_leaves_what_was_there(store: GenerationStore) -> None:
    """The limit of file sizes stands for the full disk: the write fails in the middle."""
    store.prepare(FILES)
    store.activate(1)
    program = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100));" + STEPS + "prepare(store, b'x' * 4096)"
    )
    done = child(program, store)
    assert "cannot be changed: File too large" in done.stderr
    assert (store.numbers(), store.current()) == ([1], 1)
    assert sorted(os.listdir(store.base)) == ["0001", "current"]


#: What the child of the test above runs: the package is found as in conftest.py.
STEPS = """
import sys, ansible.module_utils
ansible.module_utils.__path__.append(sys.argv[1])
from ansible.module_utils.fedgate.certificates.generations import GenerationStore
store = GenerationStore(sys.argv[2], sys.argv[3])

def prepare(store, key):
    return store.prepare({"key.pem": key, "request.pem": b"request"})

"""


def child(program: str, store: GenerationStore) -> Any:
    command = [sys.executable, "-c", program, str(ROOT / "module_utils"), store.directory, POOL]
    return subprocess.run(command, capture_output=True, text=True, check=False)
