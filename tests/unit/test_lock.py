"""Two runs on one machine wait for each other; a killed one stands in nobody's way."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Optional

import pytest
from ansible.module_utils.fedgate.lock import Busy, _try, lock_file, one_at_a_time

pytestmark = pytest.mark.edge

HOLD = "import fcntl, os, sys; d = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT); fcntl.flock(d, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"  # noqa: E501

#: Makes and removes the lock's folder as fast as it can, as other runs do at their beginning and end.
COME_AND_GO = """
import contextlib, os, sys
print('going', flush=True)
while os.getppid() != 1:
    with contextlib.suppress(OSError):
        os.mkdir(sys.argv[1])
    with contextlib.suppress(OSError):
        os.rmdir(sys.argv[1])
"""


def test_a_second_run_gives_up_with_a_clear_message(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with one_at_a_time(path), pytest.raises(Busy, match="another run has been changing this machine"):
        with one_at_a_time(path, patience=0.3):
            pytest.fail("both hold it")


def test_runs_with_nothing_in_common_have_locks_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = str(tmp_path / "mine")
    monkeypatch.setenv("FEDGATE_LOCK", path)
    assert lock_file() == path
    monkeypatch.setenv("FEDGATE_LOCK", "")
    usual = lock_file()
    monkeypatch.delenv("FEDGATE_LOCK")
    assert usual == lock_file() != path and usual.endswith("lock")


def test_the_lock_goes_with_a_killed_process(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    with pytest.raises(Busy), one_at_a_time(path, patience=0.3):
        pytest.fail("both hold it")
    process.kill()
    process.wait()
    with one_at_a_time(path, patience=5):
        pass


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError), one_at_a_time(str(tmp_path / "lock")):
        pytest.fail("the link was followed")
    assert not (tmp_path / "elsewhere").exists()


def test_many_at_once_take_turns_and_leave_nothing(tmp_path: Path) -> None:
    path, inside, most = str(tmp_path / "fedgate" / "lock"), [0], [0]

    def turn(_number: int) -> None:
        for _ in range(5):
            with one_at_a_time(path, patience=30):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.002)
                inside[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(turn, range(8)))
    assert most == [1]
    assert list(tmp_path.iterdir()) == []


def test_the_folder_may_come_and_go_at_any_moment(tmp_path: Path) -> None:
    folder = tmp_path / "fedgate"
    others = [
        subprocess.Popen([sys.executable, "-c", COME_AND_GO, str(folder)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        assert [other.stdout.readline() for other in others if other.stdout] == ["going\n"] * 2
        end = time.monotonic() + 2
        while time.monotonic() < end:
            _let_go(_try(str(folder / "lock")), folder / "lock")
    finally:
        for other in others:
            other.kill()
            other.wait()


def _let_go(descriptor: Optional[int], path: Path) -> None:
    if descriptor is not None:
        path.unlink()
        os.close(descriptor)


def test_a_file_in_the_folders_place_is_no_reason_to_wait(tmp_path: Path) -> None:
    (tmp_path / "fedgate").write_text("a file")
    with pytest.raises(OSError, match="File exists"), one_at_a_time(str(tmp_path / "fedgate" / "lock"), patience=5):
        pytest.fail("held")
