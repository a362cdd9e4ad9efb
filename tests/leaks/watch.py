"""Watches a run for secrets: command lines of all processes of the machine, and every file that the run writes.

Lab hosts are containers: their processes are processes of this machine too, so that one watch sees both sides.
"""

from __future__ import annotations

import base64
import os
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

#: Seconds between two looks. A process lives for 10 ms at least when it does anything with a secret.
PAUSE = 0.005
#: Seconds for which a process may still become another program.
YOUNG = 2.0
#: Larger files are not kept; nothing that we write is nearly that large.
LARGEST = 8 * 1024 * 1024


@dataclass
class Watch:
    """Use as a context; afterwards ``find`` tells where secrets were seen.

    :ivar folder: the run's home and temporary directories are put here, and all their files are read as they appear.
    """

    folder: Path
    command_lines: set[bytes] = field(default_factory=set)
    files: dict[bytes, str] = field(default_factory=dict)
    looks: int = 0

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, args=(look,), daemon=True) for look in (self._processes, self._written)
        ]
        self._known: dict[str, float] = {}
        self._stamps: dict[str, tuple[int, int]] = {}
        for name in ("home", "local", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def environment(self) -> dict[str, str]:
        """What makes a run write all its files where they are watched, pipelining as in ``ansible.cfg``."""
        return {
            **os.environ,
            "HOME": str(self.folder / "home"),
            "ANSIBLE_HOME": str(self.folder / "home" / ".ansible"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(self.folder / "tmp"),
            "TMPDIR": str(self.folder / "tmp"),
            "ANSIBLE_LOG_PATH": str(self.folder / "ansible.log"),
            "FEDGATE_RESULTS_FILE": str(self.folder / "results.json"),
        }

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._written()

    def run(self, command: list[str], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command while watching; its output counts as one of the places."""
        done = subprocess.run(
            command, cwd=cwd, env={**self.environment(), **environment}, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.files[done.stdout.encode()] = "standard output"
        return done

    def find(self, canaries: Mapping[str, str]) -> list[str]:
        """Return where canaries were seen, one line a place; never their values."""
        return sorted({line for text, place in self._places() for line in _found(text, place, canaries)})

    def _places(self) -> Iterable[tuple[bytes, str]]:
        yield from self.files.items()
        for line in self.command_lines:
            yield line, "command line of " + line.split(b"\0", 1)[0].decode(errors="replace")

    def _watch(self, look: object) -> None:
        while not self._stop.is_set():
            look()  # type: ignore[operator]
            self.looks += 1
            time.sleep(PAUSE)

    def _processes(self) -> None:
        now = time.monotonic()
        present = {entry for entry in os.listdir("/proc") if entry.isdigit()}
        for gone in set(self._known) - present:
            del self._known[gone]
        for pid in present:
            if now - self._known.setdefault(pid, now) < YOUNG:
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        self.command_lines.add(file.read())
                except OSError:
                    continue

    def _written(self) -> None:
        for folder, _, names in os.walk(self.folder):
            for name in names:
                self._read(os.path.join(folder, name))

    def _read(self, path: str) -> None:
        try:
            about = os.stat(path, follow_symlinks=False)
            stamp = (about.st_mtime_ns, about.st_size)
            if self._stamps.get(path) == stamp or about.st_size > LARGEST or not os.path.isfile(path):
                return
            with open(path, "rb") as file:
                self.files[file.read()] = f"file {os.path.relpath(path, self.folder)}"
            self._stamps[path] = stamp
        except OSError:
            return


def _found(text: bytes, place: str, canaries: Mapping[str, str]) -> Iterable[str]:
    for name, value in canaries.items():
        if any(form in text for form in forms(value)):
            yield f"{name} in {place}"


def forms(value: str) -> set[bytes]:
    """The ways in which a secret may be written down."""
    raw = value.encode()
    # Without the last characters: what follows the secret in the encoded text changes them.
    coded = base64.b64encode(raw).rstrip(b"=")[:-1]
    return {raw, coded, quote(value, safe="").encode(), value.encode("utf-16-le")}
