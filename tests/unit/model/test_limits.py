"""Limits: Microsoft's defaults, every bound from both sides, and every way to get one wrong."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.model.limits import BOUNDS, OF_A_PARTNER

from .inventories import only_error_of, read, two_sites

#: Set-CsXmppGatewayConfiguration; the last two are ours.
DEFAULTS = {
    "connection_limit": 1000,
    "partner_connection_limit": 20,
    "keepalive": True,
    "keepalive_interval": 300,
    "stream_establishment_timeout": 60,
    "stream_inactivity_timeout": 600,
    "stanza_rate": 1000,
    "stanza_size": 524288,
}
OWN = [name for name in BOUNDS if name in OF_A_PARTNER]


def limits_of(value: Any) -> dict[str, Any]:
    facts: dict[str, Any] = read(two_sites(federation_limits=value)).as_facts()["limits"]
    return facts


@pytest.mark.parametrize("value", [None, {}, dict.fromkeys(DEFAULTS)])
def test_defaults_are_microsofts(value: Any) -> None:
    assert limits_of(value) == DEFAULTS


def test_what_is_said_replaces_the_default_and_nothing_else() -> None:
    said = {"partner_connection_limit": 7, "keepalive": False}
    assert limits_of(said) == {**DEFAULTS, **said}


@pytest.mark.parametrize("name", BOUNDS)
def test_both_bounds_are_allowed(name: str) -> None:
    low, high, _ = BOUNDS[name]
    assert [limits_of({name: value})[name] for value in (low, high)] == [low, high]


WRONG: list[Any] = [0, -1, 2**32, "20", True, 1.5, [20]]


def said_of(name: str, value: Any) -> str:
    low, high, unit = BOUNDS[name]
    wrong = "is out of bounds" if type(value) is int else "a whole number is needed here, not"
    allowed = f"Allowed are {low} to {high} {unit}."
    return f"{wrong}|{allowed}"


@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize("name", BOUNDS)
def test_wrong_limits(name: str, value: Any) -> None:
    error = only_error_of(two_sites(federation_limits={name: value}))
    assert error.startswith(f"federation_limits.{name}: "), error
    assert all(part in error for part in said_of(name, value).split("|")), error


@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize("name", OWN)
def test_wrong_limits_of_a_partner(name: str, value: Any) -> None:
    partner = {"domain": "fabrikam.example", "type": "federated", name: value}
    error = only_error_of(two_sites(federation_partners=[partner]))
    assert error.startswith(f"federation_partners[0].{name}: "), error
    assert all(part in error for part in said_of(name, value).split("|")), error


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (20, ["federation_limits: a mapping is needed here, not a number"]),
        ({"keepalive": "yes"}, ["federation_limits.keepalive: true or false is needed", "without quotation marks"]),
        ({"keepalive": 300}, ["federation_limits.keepalive: true or false is needed here, not the number 300"]),
        ({"KeepAliveInterval": 60}, ["the key KeepAliveInterval is not known", "Did you mean keepalive_interval?"]),
        ({"partner_conection_limit": 5}, ["Did you mean partner_connection_limit?"]),
    ],
)
def test_other_mistakes(value: Any, said: list[str]) -> None:
    error = only_error_of(two_sites(federation_limits=value))
    assert all(part in error for part in said), error


def test_hosts_must_agree() -> None:
    hosts = two_sites(federation_limits={"connection_limit": 5})
    hosts["edge1.tokyo"]["federation_limits"] = {"connection_limit": 6}
    assert "hosts disagree" in only_error_of(hosts)


def test_signs_of_life_that_never_come_are_doubtful() -> None:
    def warnings(value: dict[str, Any]) -> list[str]:
        return list(read(two_sites(federation_limits=value)).warnings)

    assert warnings({"stream_inactivity_timeout": 301}) == []
    assert warnings({"stream_inactivity_timeout": 300, "keepalive": False}) == []
    (warning,) = warnings({"stream_inactivity_timeout": 300})
    assert "federation_limits.keepalive_interval: no connection is idle for 300 seconds" in warning
