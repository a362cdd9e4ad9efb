"""The session on an Edge Server: how one gets in, what is there, and what its copy of the store shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync import values
from ansible.module_utils.fedgate.lync.connection import Connection, read_connection
from ansible.module_utils.fedgate.lync.faults import CmdletFailed, NotAuthorised, NotInstalled, NotLoggedIn, Untrusted
from ansible.module_utils.fedgate.lync.shell import Shell

from ...emulators.lync import edge
from ...emulators.lync.deployment import ADMIN, PASSWORD, Deployment, make_certificate
from .conftest import Options, options_of_edge

EDGE = "edge1.london"
GET = "Get-CsXmppAllowedPartner"
Reach = Callable[..., Connection]


@pytest.fixture
def reach(lync: Deployment) -> Reach:
    """Return a function that describes a connection to an Edge Server, the usual one but for what is given."""
    return lambda name=EDGE, **more: read_connection(options_of_edge(lync, name, **more))


def by_certificate(lync: Deployment) -> Options:
    certificate, key = lync.client_certificate
    more = {"client_certificate": str(certificate), "client_key": str(key)}
    return {"authentication": "certificate", "username": None, "password": None, **more}


@pytest.mark.parametrize("way", ["ntlm", "negotiate", "basic", "certificate"])
def test_ways_to_log_in(lync: Deployment, reach: Reach, way: str) -> None:
    more = by_certificate(lync) if way == "certificate" else {"authentication": way}
    with Shell(reach(**more)) as shell:
        names = {values.properties(item)["Name"] for item in shell.call("Get-CsWindowsService")}
    assert "RTCXMPPTGWPRX" in names
    shells = lync.edge(EDGE).shells
    assert shells.opened == shells.closed == 1


@pytest.mark.parametrize("product", ["2013", "2015"])
def test_the_products_module_is_imported(lync: Deployment, reach: Reach, product: str) -> None:
    lync.edge(EDGE).machine.product = product
    with Shell(reach()) as shell:
        shell.call("Get-CsWindowsService")
    modules = [bound["Name"] for name, bound in lync.edge(EDGE).engine.calls if name == "Import-Module"]
    assert modules[0] == ["SkypeForBusiness"] and len(modules) == (1 if product == "2015" else 2)


REFUSED: list[tuple[Options, type[Exception], str]] = [
    ({"password": "another"}, NotLoggedIn, "refuses the login of Administrator by ntlm"),
    ({"username": edge.FILTERED}, NotAuthorised, "LocalAccountTokenFilterPolicy"),
    ({"username": ADMIN, "password": PASSWORD}, NotLoggedIn, "refuses the login of CONTOSO\\admin"),
    ({"ca_file": None}, Untrusted, "self-signed certificate"),
]


@pytest.mark.parametrize(("changed", "error", "told"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_goes_wrong_is_told_apart(reach: Reach, changed: Options, error: type[Exception], told: str) -> None:
    with pytest.raises(error) as caught, Shell(reach(**changed)):
        pass
    assert told in str(caught.value) and edge.PASSWORD not in str(caught.value)


def test_another_client_certificate_opens_nothing(lync: Deployment, reach: Reach, tmp_path: Any) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    certificate, key = make_certificate(folder, "other-client")
    more = {**by_certificate(lync), "client_certificate": str(certificate), "client_key": str(key)}
    with pytest.raises(Exception, match=r"localhost"), Shell(reach(**more)):
        pass
    assert lync.edge(EDGE).shells.opened == 0


def test_a_server_without_the_product(lync: Deployment, reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(lync.edge(EDGE).machine), "module", "Exchange")
    with pytest.raises(NotInstalled, match="no PowerShell module SkypeForBusiness or Lync"), Shell(reach()):
        pass
    assert lync.edge(EDGE).shells.closed == 1


def test_nothing_is_written_on_an_edge(reach: Reach) -> None:
    with Shell(reach()) as shell, pytest.raises(NotAuthorised, match="no cmdlet Set-CsXmppGatewayConfiguration"):
        shell.call("Set-CsXmppGatewayConfiguration", {"Identity": "Global", "ConnectionLimit": 1})


def test_its_copy_of_the_store_lags_behind(lync: Deployment, reach: Reach, connect: Callable[..., Connection]) -> None:
    lync.world.replication.trouble(lync.edge(EDGE).fqdn, "lost")
    with Shell(connect()) as front_end, Shell(reach()) as here, Shell(reach("edge2.london")) as other:
        with pytest.raises(CmdletFailed, match="Central Management Store"):
            here.call(GET)
        front_end.call("New-CsXmppAllowedPartner", {"Identity": "fabrikam.example"})
        assert len(other.call(GET, {"LocalStore": None})) == 1 and here.call(GET, {"LocalStore": None}) == []
        behind = [values.properties(item) for item in front_end.call("Get-CsManagementStoreReplicationStatus")]
        assert [item["ReplicaFqdn"] for item in behind if not item["UpToDate"]] == [lync.edge(EDGE).fqdn]
        front_end.call("Invoke-CsManagementStoreReplication", {"ReplicaFqdn": lync.edge(EDGE).fqdn})
        assert len(here.call(GET, {"LocalStore": None})) == 1


def test_ports_follow_services(lync: Deployment, reach: Reach) -> None:
    machine = lync.edge(EDGE).machine

    def listening(shell: Shell) -> list[int]:
        found = shell.call("Get-NetTCPConnection", {"State": "Listen"})
        return sorted({values.properties(item)["LocalPort"] for item in found} & {5269, 23456})

    with Shell(reach()) as shell:
        assert listening(shell) == [5269, 23456]
        shell.call("Stop-CsWindowsService", {"Name": "RTCXMPPTGWPRX", "Graceful": None})
        assert listening(shell) == []
        shell.call("Start-CsWindowsService", {"Name": "RTCXMPPTGWPRX"})
        assert listening(shell) == [5269, 23456]
        machine.xmpp.refuses = True
        shell.call("Stop-CsWindowsService", {"Name": "RTCXMPPTGWPRX"})
        with pytest.raises(CmdletFailed, match="did not start"):
            shell.call("Start-CsWindowsService", {"Name": "RTCXMPPTGWPRX"})
        machine.cmdlets_of_network = False
        with pytest.raises(NotAuthorised, match="no cmdlet Get-NetTCPConnection"):
            listening(shell)
