"""``lync_info``: reads what there is, says what it could not read, and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.fedgate.lync.info import ARGUMENTS, PARTS, look
from ansible.module_utils.fedgate.module import report_here

from ...emulators.lync.deployment import VIEWER, Deployment
from ...emulators.lync.world import XmppPartner
from .conftest import Options, options_of_edge
from .edges import FIRST, NAMES, PUBLIC, Pool, thumbprint

LONDON, TOKYO = "edgepool.london.contoso.example", "edge1.tokyo.contoso.example"


def read(options: Options, **more: Any) -> dict[str, Any]:
    return report_here(look, ARGUMENTS, {**options, **more})


def test_everything_of_a_deployment(lync: Deployment, options: Options) -> None:
    lync.world.partners["fabrikam.example"] = XmppPartner(
        "fabrikam.example", ["b.fabrikam.example", "A.fabrikam.example"], partner_type="Federated"
    )
    lync.world.gateway["DialbackPassphrase"] = "a secret of the deployment"
    lync.world.users["alice@contoso.example"].policy = "Staff"
    found = read(options)
    assert not found["changed"] and set(PARTS["front_end"]) <= set(found) and found["unreadable"] == {}
    assert found["sites"] == {"London": {"xmpp_route": LONDON}, "Tokyo": {"xmpp_route": None}}
    assert found["edge_pools"][LONDON] == {
        "fqdn": LONDON,
        "site": "London",
        "version": 6,
        "product": "Lync Server 2013",
        "has_xmpp": True,
        "external_fqdn": "edge.london.contoso.example",
        "computers": ["edge1.london.contoso.example", "edge2.london.contoso.example"],
    }
    assert list(found["front_end_pools"]) == ["pool1.contoso.example"]
    (partner,) = found["partners"]
    assert partner["domain"] == "fabrikam.example" and partner["type"] == "federated"
    assert partner["additional_domains"] == ["a.fabrikam.example", "b.fabrikam.example"]
    assert found["gateway_configuration"]["dialback_passphrase"] == "secret" and "a secret of" not in repr(found)
    assert found["access_grants"] == {"alice@contoso.example": "Staff"}
    assert found["access_policies"][0]["name"] == "Global"
    assert found["access_edge_configuration"]["allow_federated_users"] is False
    assert found["replicas"][TOKYO]["up_to_date"] and "RTCXMPPTGW" in found["services"]
    assert lync.world.writes == 0 and not [name for name, _ in lync.engine.calls if not name.startswith("Get-")]


def test_only_what_is_asked_for(lync: Deployment, options: Options) -> None:
    found = read(options, parts=["sites"])
    assert found["calls"] == 1 and "partners" not in found


def test_an_edge_server(lync: Deployment) -> None:
    found = read(options_of_edge(lync, "edge1.tokyo"))
    assert found["services"]["RTCXMPPTGWPRX"]["status"] == "Running" and found["listening"] == [5269, 23456]
    lync.edge("edge1.tokyo").machine.cmdlets_of_network = False
    assert read(options_of_edge(lync, "edge1.tokyo"))["listening"] is None


def test_the_certificates_of_an_edge_server(lync: Deployment, tmp_path: Path) -> None:
    pool = Pool(lync, tmp_path)
    issued = pool.issued(friendly_name="Edge 2026")
    found = read(options_of_edge(lync, FIRST), parts=["certificates"])["certificates"]
    assert set(found) >= set(PUBLIC)
    assert found[PUBLIC[0]] == {
        "thumbprint": thumbprint(issued),
        "names": sorted(NAMES, key=NAMES.index),
        "subject": issued.subject.rfc4514_string(),
        "issuer": issued.issuer.rfc4514_string(),
        "not_after": issued.not_valid_after_utc.isoformat(),
        "friendly_name": "Edge 2026",
        "has_key": True,
    }


def test_what_the_account_may_not_read_is_named(lync: Deployment, options: Options) -> None:
    lync.world.roles["viewer"] = frozenset({"CsServerAdministrator"})
    found = read(options, username=VIEWER)
    assert found["sites"] and "Get-CsXmppAllowedPartner" in found["unreadable"]["partners"]
    assert "partners" not in found and not found.get("failed")


def test_a_part_that_this_server_does_not_have(lync: Deployment, options: Options) -> None:
    found = read(options, parts=["listening"])
    assert found["failed"] and "parts listening cannot be read at front_end" in found["msg"] and lync.shells.opened == 0
