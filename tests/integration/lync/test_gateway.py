"""``lync_xmpp_gateway``: the global configuration, with a passphrase that nobody gets to see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.gateway import ARGUMENTS, XmppGateway
from ansible.module_utils.fedgate.module import run_here

from ...emulators.lync.deployment import Deployment
from .conftest import Options

Apply = Callable[..., dict[str, Any]]
PASSPHRASE = "correct horse battery"


@pytest.fixture
def apply(options: Options) -> Apply:
    """Return a function that runs the module with settings."""
    return lambda check=False, **settings: run_here(XmppGateway, ARGUMENTS, {**options, **settings}, check)


ALL = {
    "connection_limit": 2**32 - 1,
    "partner_connection_limit": 50,
    "keepalive_interval": 120,
    "stream_establishment_timeout": 30,
    "stream_inactivity_timeout": 900,
    "subscription_refresh_interval": 14400,
    "log_message_bodies": True,
}


def test_all_settings(lync: Deployment, apply: Apply) -> None:
    planned, done, again = apply(check=True, **ALL), apply(**ALL), apply(**ALL)
    assert planned["plan"] == done["plan"] and done["changed"] and not again["changed"]
    assert set(lync.world.gateway.values()) == set(ALL.values())
    assert {name: again["configuration"][name] for name in ALL} == ALL
    assert (done["calls"], again["calls"]) == (3, 1)


def test_only_what_differs_is_written(lync: Deployment, apply: Apply) -> None:
    apply(keepalive_interval=300, connection_limit=2000)
    assert lync.world.gateway == {"ConnectionLimit": 2000}


def test_a_new_deployment_is_left_alone(lync: Deployment, apply: Apply) -> None:
    result = apply()
    assert not result["changed"] and result["configuration"]["stream_inactivity_timeout"] == 600
    assert lync.world.writes == 0


class TestPassphrase:
    def test_it_is_set_once(self, lync: Deployment, apply: Apply) -> None:
        done = apply(dialback_passphrase=PASSPHRASE)
        assert done["changed"] and lync.world.gateway["DialbackPassphrase"] == PASSPHRASE
        assert PASSPHRASE not in repr(done) and done["plan"][0]["after"]["dialback_passphrase"] == "secret"
        assert not apply(dialback_passphrase="another")["changed"]

    def test_it_is_replaced_on_request(self, lync: Deployment, apply: Apply) -> None:
        apply(dialback_passphrase="former")
        done = apply(dialback_passphrase=PASSPHRASE, rekey=True)
        assert done["changed"] and lync.world.gateway["DialbackPassphrase"] == PASSPHRASE
        assert done["plan"][0]["after"]["dialback_passphrase"] == "changed (secret)"
        assert PASSPHRASE not in repr(done)

    def test_replacing_by_nothing(self, lync: Deployment, apply: Apply) -> None:
        result = apply(rekey=True)
        assert result["failed"] and "Set dialback_passphrase" in result["msg"] and lync.shells.opened == 0


@pytest.mark.parametrize("value", [0, -1, 2**32])
@pytest.mark.parametrize("name", [name for name in ALL if name != "log_message_bodies"])
def test_bounds(lync: Deployment, apply: Apply, name: str, value: int) -> None:
    result = apply(**{name: value})
    assert (
        result["failed"] and f"{name} {value} is out of bounds" in result["msg"] and "1 to 4294967295" in result["msg"]
    )
    assert lync.shells.opened == 0
