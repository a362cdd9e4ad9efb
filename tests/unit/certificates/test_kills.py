"""A renewal that is killed at every single step of the file system: old or new serves, whole; the next run ends it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible.module_utils.fedgate.certificates import requests
from ansible.module_utils.fedgate.certificates.generations import CHAIN, KEY, REQUEST, GenerationStore
from ansible.module_utils.fedgate.certificates.install import InstallReconciler
from ansible.module_utils.fedgate.certificates.prepare import RequestReconciler
from ansible.module_utils.fedgate.certificates.seen import look

from .world import POOL, Authority, Here, install_arguments, pem, request_arguments, walk

pytestmark = pytest.mark.edge

CA = Authority("Root")
#: What touches files, as Python's audit events name it; each is seen just before it happens.
STEPS = {
    "open", "os.mkdir", "os.rename", "os.symlink", "os.chmod", "os.chown", "os.remove", "os.rmdir", "os.listdir",
    "os.scandir", "shutil.rmtree", "tempfile.mkdtemp",
}  # fmt: skip


def renew(directory: Path) -> None:
    """Ask for a certificate with clientAuth, have it signed, install it: what one run of the role does."""
    _, result = walk(RequestReconciler(request_arguments(directory, client_auth=True), Here()))  # type: ignore[arg-type]
    if result["needed"]:
        chain = pem(CA.sign(requests.read(result["csr"], "test").public))
        walk(InstallReconciler(install_arguments(directory, chain), Here()))  # type: ignore[arg-type]


def killed_at(step: int, directory: Path, work: Callable[[Path], None]) -> bool:
    """Do the work in a child that dies just before its given step; tell whether it died."""
    child = os.fork()
    if child == 0:
        count = 0

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal count
            if event in STEPS and str(directory) in str(arguments):
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            work(directory)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def everything_is_whole(store: GenerationStore) -> None:
    serving = store.current()
    assert serving is not None, "nothing serves"
    assert store.read(serving, CHAIN)
    for number in store.numbers():
        assert store.read(number, KEY) and store.read(number, REQUEST), f"{number} is half a generation"
        assert look(store, number).problem is None


def test_killed_at_every_step(tmp_path: Path) -> None:
    before = tmp_path / "before"
    _, result = walk(RequestReconciler(request_arguments(before), Here()))  # type: ignore[arg-type]
    walk(
        InstallReconciler(install_arguments(before, pem(CA.sign(requests.read(result["csr"], "test").public))), Here())
    )  # type: ignore[arg-type]
    for step in range(1, 1000):
        directory = tmp_path / str(step)
        shutil.copytree(before, directory, symlinks=True)
        store = GenerationStore(str(directory), POOL)
        died = killed_at(step, directory, renew)
        everything_is_whole(store)
        renew(directory)
        everything_is_whole(store)
        assert (store.numbers(), store.current()) == ([1, 2], 2), f"killed at step {step}"
        left = [
            name for _, folders, files in os.walk(store.base) for name in (*folders, *files) if name.startswith(".")
        ]
        assert left == [], f"killed at step {step}"
        if not died:
            assert step > 50, f"only {step - 1} kill points"
            return
    pytest.fail("never came to its end")
