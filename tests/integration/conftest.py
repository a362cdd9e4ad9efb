"""The lab as the tests use it; starting it and rolling out is done once for all tests that ask for it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.route53.moto import Moto
from lab.route53.proxy import Proxy

from .bind import Bind
from .rollout import lab, lab_state, play
from .route53 import World

#: A gateway writes its status at most one second after something happened to a session.
STATUS_DELAY = 1.2


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark those tests of labs that do without the one that is shared: they may run beside it, in another process."""
    for item in items:
        if item.get_closest_marker("lab") and "lab_up" not in getattr(item, "fixturenames", ()):
            item.add_marker("own_lab")


@dataclass(frozen=True)
class Lab:
    """The tests' lab.

    :ivar state: what ``bin/lab`` remembers: addresses, users, certificates of the CA.
    """

    state: dict[str, Any]

    def run(self, host: str, *command: str) -> str:
        """Run a command in a host as root. :returns: its standard output."""
        return lab("exec", host, *command)

    def status(self, host: str = "edge1.london") -> dict[str, Any]:
        """Return what the gateway's policy module says of itself, after all that happened so far."""
        time.sleep(STATUS_DELAY)
        status: dict[str, Any] = json.loads(self.run(host, "cat", "/run/prosody/fedgate.json"))
        return status

    def sessions(self, remote: str, host: str = "edge1.london") -> list[dict[str, Any]]:
        """Return the gateway's sessions with a remote domain."""
        return [item for item in self.status(host)["sessions"] if item["remote"] == remote]


@pytest.fixture(scope="session")
def lab_up() -> Iterator[Lab]:
    """A running lab; its edges may be bare. It goes at the end of the tests, unless FEDGATE_KEEP_LAB is set."""
    lab("up")
    yield Lab(lab_state())
    if not os.environ.get("FEDGATE_KEEP_LAB"):
        lab("down")


@pytest.fixture(scope="session")
def deployed_lab(lab_up: Lab) -> Lab:
    """A running lab in which ``site.yml`` has been carried out."""
    rollout = play("site.yml")
    assert rollout.code == 0, rollout.output[-6000:]
    return lab_up


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any], float], Any]:
    """Return a function that asks until the answer is true, and returns it."""

    def ask(question: Callable[[], Any], seconds: float = 10.0) -> Any:
        end = time.monotonic() + seconds
        while True:
            answer = question()
            if answer or time.monotonic() > end:
                return answer
            time.sleep(0.3)

    return ask


@pytest.fixture(scope="session")
def _route53() -> Iterator[World]:
    with Moto() as moto, Proxy(moto.url) as proxy:
        yield World(moto, proxy)


@pytest.fixture
def route53(_route53: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A Route 53 without zones, on a machine without AWS credentials."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")
    proxy = _route53.proxy
    _route53.moto.reset()
    proxy.reset()
    proxy.rate, proxy.limits, proxy.pending, proxy.policy = None, True, 0, None
    return _route53


@pytest.fixture
def bind(tmp_path: Path) -> Iterator[Bind]:
    """A name server of the test's own."""
    server = Bind(tmp_path)
    server.start()
    yield server
    server.stop()
