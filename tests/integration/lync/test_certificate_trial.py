"""A certificate that services start with for the first time, and those that they do not start with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.service import ARGUMENTS, WindowsServices
from ansible.module_utils.fedgate.module import run_here
from cryptography import x509

from ...emulators.lync.deployment import Deployment
from ...emulators.lync.machines import PROXY
from .conftest import options_of_edge
from .edges import FIRST, NAMES, PUBLIC, SECOND, Pool, Result, actions, csr_of, thumbprint

FORMER, REFUSED = ("c:\\windows\\temp\\fedgate-external." + kind for kind in ("former", "refused"))
MORE = [*NAMES, "lync.contoso.example"]


@pytest.fixture
def pool(lync: Deployment, tmp_path: Path) -> Pool:
    """The pool in London, without any certificate."""
    return Pool(lync, tmp_path)


def serve(pool: Pool, name: str = FIRST, state: str = "restarted", **more: Any) -> Result:
    """Have the services of a member serve with what is assigned there."""
    way = {**options_of_edge(pool.lync, name), "interval": 0.05, "start_timeout": 1, "state": state}
    services = ["access_edge", "web_conferencing_edge", "xmpp"]
    return run_here(
        WindowsServices, ARGUMENTS, {**way, "services": services, "certificates": ["external"], **more}, False
    )


def renewed(pool: Pool, alone: bool = True) -> tuple[x509.Certificate, x509.Certificate]:
    """Have one certificate served, and another one assigned; return both."""
    first = pool.issued()
    if not alone:
        pool.run(alone=False)
        assert not serve(pool, SECOND).get("failed")
    assert not serve(pool).get("failed")
    order = pool.order(names=MORE)
    second = pool.sign(csr_of(pool.run(order, alone=alone)))
    pool.run(order, alone=alone)
    return first, second


def assigned(pool: Pool, name: str = FIRST) -> set[str]:
    held = pool.held(name).assigned
    assert set(held) == set(PUBLIC)
    return set(held.values())


def test_it_is_noted_until_it_is_served(pool: Pool) -> None:
    first, second = renewed(pool)
    again = pool.run(pool.order(names=MORE))
    assert again["untried"] == {FIRST: ["external"]} and not again["changed"]
    assert f"AccessEdgeExternal {thumbprint(second)} {thumbprint(first)}" in pool.held().files[FORMER].decode()
    assert not serve(pool).get("failed")
    assert FORMER not in pool.held().files and pool.run(pool.order(names=MORE))["untried"] == {}


def test_services_that_do_not_start_with_it(pool: Pool) -> None:
    first, second = renewed(pool)
    machine = pool.lync.edge(FIRST).machine
    machine.cannot_use.add(thumbprint(second))
    result = serve(pool)
    assert result["error"] == "CertificateRefused" and result["refused"] == [thumbprint(second)]
    assert result["went_back"] == dict.fromkeys(PUBLIC, thumbprint(first)) and assigned(pool) == {thumbprint(first)}
    for said in (thumbprint(first), thumbprint(second), "is assigned again, and they serve with it", "is Stopped on"):
        assert said in result["msg"], result["msg"]
    assert all(service.settle().status == "Running" for service in machine.services.values())
    assert {5269, 23456} <= machine.listening() and FORMER not in pool.held().files

    order = pool.order(names=MORE)
    waits = pool.run(order)
    assert not waits["changed"] and waits["untried"] == {} and waits["certificates"]["external"]["csr"] is None
    assert thumbprint(second) in waits["pending"][0]["waiting_for"]
    assert ("create", "certificate_request", "external") in [
        (action.replace("update", "create"), kind, name)
        for action, kind, name in actions(pool.run({**order, "force": True}))
    ]
    third = pool.sign(csr_of(pool.run(order)))
    assert pool.run(order)["reassigned"] == [FIRST]
    assert not serve(pool).get("failed") and assigned(pool) == {thumbprint(third)}


def test_whoever_mended_it_has_it_tried_again(pool: Pool) -> None:
    _first, second = renewed(pool)
    machine = pool.lync.edge(FIRST).machine
    machine.cannot_use.add(thumbprint(second))
    assert serve(pool)["failed"]
    machine.cannot_use.clear()
    del pool.held().files[REFUSED]
    assert pool.run(pool.order(names=MORE))["reassigned"] == [FIRST]
    assert not serve(pool).get("failed") and assigned(pool) == {thumbprint(second)}


@pytest.mark.parametrize("moment", ["stopped", "noted"])
def test_a_run_that_was_killed(pool: Pool, moment: str) -> None:
    """The next one finds services that do not run, and what was noted."""
    first, second = renewed(pool)
    machine = pool.lync.edge(FIRST).machine
    machine.cannot_use.add(thumbprint(second))
    machine.services[PROXY].status = machine.services["RTCSRV"].status = "Stopped"
    if moment == "noted":
        pool.held().files[REFUSED] = thumbprint(second).encode()
    assert pool.run(pool.order(names=MORE))["untried"] == {FIRST: ["external"]}
    assert serve(pool)["refused"] == [thumbprint(second)] and assigned(pool) == {thumbprint(first)}
    assert not serve(pool, state="started")["changed"]


def test_it_is_not_the_certificate(pool: Pool) -> None:
    first, _second = renewed(pool)
    pool.lync.edge(FIRST).machine.xmpp.refuses = True
    result = serve(pool)
    assert "they do not serve with it either" in result["msg"] and assigned(pool) == {thumbprint(first)}


def test_what_was_never_served_is_not_gone_back_to(pool: Pool) -> None:
    first, _second = renewed(pool)
    order = pool.order(names=[*MORE, "more.contoso.example"])
    third = pool.sign(csr_of(pool.run(order)))
    pool.run(order)
    pool.lync.edge(FIRST).machine.cannot_use.add(thumbprint(third))
    assert serve(pool)["failed"] and assigned(pool) == {thumbprint(first)}


def test_nothing_to_go_back_to(pool: Pool) -> None:
    only = pool.issued()
    pool.lync.edge(FIRST).machine.cannot_use.add(thumbprint(only))
    result = serve(pool)
    assert result["error"] == "ServiceFailed" and assigned(pool) == {thumbprint(only)}
    assert "went_back" not in result and REFUSED not in pool.held().files


def test_one_that_served_for_long_stays(pool: Pool) -> None:
    """A service that is broken one day is no reason to go back."""
    _first, second = renewed(pool)
    assert not serve(pool).get("failed")
    pool.lync.edge(FIRST).machine.xmpp.refuses = True
    assert serve(pool)["error"] == "ServiceFailed" and assigned(pool) == {thumbprint(second)}


class TestPool:
    def test_others_go_back_unserved(self, pool: Pool) -> None:
        first, second = renewed(pool, alone=False)
        pool.lync.edge(FIRST).machine.cannot_use.add(thumbprint(second))
        assert serve(pool)["failed"] and assigned(pool, SECOND) == {thumbprint(second)}
        way = {**options_of_edge(pool.lync, SECOND), "name": SECOND, "certificates": [], "take_back": ["external"]}
        back = pool.run(**way)
        assert actions(back) == [("update", "certificate_assignment", SECOND)]
        assert assigned(pool, SECOND) == {thumbprint(first)} and not pool.run(**way)["changed"]
        waits = pool.run(pool.order(names=MORE), alone=False)
        assert not waits["changed"] and waits["untried"] == {} and len(waits["pending"]) == 1

    def test_one_member_cannot_use_it(self, pool: Pool) -> None:
        first, second = renewed(pool, alone=False)
        pool.lync.edge(SECOND).machine.cannot_use.add(thumbprint(second))
        assert not serve(pool).get("failed") and serve(pool, SECOND)["failed"]
        waits = pool.run(pool.order(names=MORE), alone=False)
        assert not waits["changed"] and [item["name"] for item in waits["pending"]] == [f"external on {SECOND}"]
        assert assigned(pool) == {thumbprint(second)} and assigned(pool, SECOND) == {thumbprint(first)}


def test_certificates_without_a_start(pool: Pool) -> None:
    assert "Leave certificates out" in serve(pool, state="stopped")["msg"]
    assert "is no folder on a Windows server" in serve(pool, directory="temp")["msg"]
