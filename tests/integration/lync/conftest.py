"""A deployment of Lync Server, emulated, and a way to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.connection import Connection, read_connection

from ...emulators.lync import edge
from ...emulators.lync.deployment import ADMIN, PASSWORD, Deployment
from ...emulators.lync.outside import Shown
from .site import Site, public_world

Options = dict[str, Any]


@pytest.fixture
def lync(tmp_path: Path) -> Iterator[Deployment]:
    """A prepared deployment without partners."""
    deployment = Deployment(tmp_path)
    yield deployment
    deployment.stop()
    assert not deployment.open_sessions, "a session was left open on the server"


@pytest.fixture
def options(lync: Deployment) -> Options:
    """Options of a module that reach it."""
    return options_of(lync)


def options_of(deployment: Deployment, **more: Any) -> Options:
    """Return options of a module that reach a deployment as its administrator."""
    return {
        "host": "localhost",
        "endpoint": "front_end",
        "username": ADMIN,
        "password": PASSWORD,
        "authentication": "ntlm",
        "ca_file": str(deployment.certificate),
        "port": deployment.front_end.port,
        **more,
    }


def options_of_edge(deployment: Deployment, name: str, **more: Any) -> Options:
    """Return options of a module that reach an Edge Server as its local administrator."""
    return {
        "host": "localhost",
        "endpoint": "edge",
        "username": edge.ADMINISTRATOR,
        "password": edge.PASSWORD,
        "authentication": "ntlm",
        "ca_file": str(deployment.certificate),
        "port": deployment.edge(name).endpoint.port,
        **more,
    }


@pytest.fixture
def connect(options: Options) -> Callable[..., Connection]:
    """Return a function that describes a connection, the usual one but for what is given."""
    return lambda **more: read_connection({**options, **more})


def actions(result: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what was planned on one kind of thing: action, name."""
    assert not result.get("failed"), result["msg"]
    return [(change["action"], change["name"]) for change in result["plan"]]


@pytest.fixture
def site(lync: Deployment, tmp_path: Path) -> Site:
    """London on Lync, nothing done yet."""
    folder = tmp_path / "inventory"
    folder.mkdir()
    return Site(folder, lync)


@pytest.fixture
def public(site: Site, tmp_path: Path) -> Iterator[Site]:
    """The same, with the world around it: a name server, and what partners meet at the Edge's address."""
    with public_world(site, tmp_path, lambda first: Shown(site.lync, "edge1.london", first)):
        yield site
