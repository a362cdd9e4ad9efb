"""Real file systems that are full or read-only: what serves goes on serving, and the reason is said."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates import requests
from ansible.module_utils.fedgate.certificates.generations import GenerationStore
from ansible.module_utils.fedgate.certificates.install import InstallReconciler
from ansible.module_utils.fedgate.certificates.prepare import RequestReconciler
from ansible.module_utils.fedgate.errors import CheckFailed

from ..unit.certificates.world import (
    POOL,
    Authority,
    Here,
    install_arguments,
    pem,
    request_arguments,
    walk,
)

CA = Authority("Root")


def mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 kB with one certificate that serves."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or not mount("-t", "tmpfs", "-o", "size=128k,nr_inodes=1000,mode=700", "tmpfs", str(folder)):
        pytest.skip("needs the right to mount")
    try:
        _, result = request(folder)
        install(folder, result["csr"])
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def request(folder: Path, **other: Any) -> tuple[Any, dict[str, Any]]:
    return walk(RequestReconciler(request_arguments(folder, **other), Here()))  # type: ignore[arg-type]


def install(folder: Path, csr: str) -> tuple[Any, dict[str, Any]]:
    chain = pem(CA.sign(requests.read(csr, "test").public))
    return walk(InstallReconciler(install_arguments(folder, chain, request=csr), Here()))  # type: ignore[arg-type]


def whole(folder: Path) -> dict[str, bytes]:
    """Return everything below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fill(folder: Path) -> Path:
    """Leave no byte free."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 512)
    return filler


def test_a_full_disk_when_the_request_is_made(disk: Path) -> None:
    before = whole(disk)
    filler = fill(disk)
    with pytest.raises(CheckFailed, match=rf"{POOL} cannot be changed: No space left on device.*space and permissions"):
        request(disk, force=True)
    filler.unlink()
    assert whole(disk) == before
    assert request(disk, force=True)[1]["generation"] == 2


def test_a_full_disk_when_the_certificate_is_installed(disk: Path) -> None:
    _, result = request(disk, force=True)
    before = whole(disk)
    filler = fill(disk)
    with pytest.raises(CheckFailed, match="No space left on device"):
        install(disk, result["csr"])
    filler.unlink()
    assert whole(disk) == before and GenerationStore(str(disk), POOL).current() == 1
    assert install(disk, result["csr"])[1]["generation"] == 2


def test_a_read_only_disk(disk: Path) -> None:
    _, result = request(disk, force=True)
    before = whole(disk)
    assert mount("-o", "remount,ro", str(disk))
    for attempt in (lambda: request(disk, names=["other.example"]), lambda: install(disk, result["csr"])):
        with pytest.raises(CheckFailed, match="Read-only file system.*The certificate in use was not touched"):
            attempt()
    assert whole(disk) == before
    assert mount("-o", "remount,rw", str(disk))
    assert install(disk, result["csr"])[1]["generation"] == 2
