"""The probe against ejabberd and Prosody as Debian ships them, found by the lab's DNS."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.probe import Target, probe

from .conftest import Lab

pytestmark = pytest.mark.lab


def look(lab: Lab, *domains: str, **settings: Any) -> list[dict[str, Any]]:
    settings = {"trust_anchors": [lab.state["ca_certificate"]], **settings}
    return probe([Target(name, name) for name in domains], resolvers=[lab.state["addresses"]["dns"]], **settings)


def test_ejabberd_and_prosody(lab_up: Lab) -> None:
    ejabberd, prosody = look(lab_up, "fabrikam.example", "stranger.example")
    for result, host in ((ejabberd, "partner"), (prosody, "stranger")):
        assert result["ok"] and result["findings"] == [], result
        assert result["server"]["address"] == lab_up.state["addresses"][host]
        assert result["tls_version"] == "TLSv1.3"
        assert result["certificate"]["names"][0] == result["domain"]
    assert ejabberd["mechanisms"] == ["EXTERNAL"] and ejabberd["dialback"]
    # Prosody with s2s_secure_auth closes a stream without a certificate instead of offering anything.
    assert "without a certificate" in prosody["steps"][-1]["detail"]


def test_without_the_labs_authority_both_chains_are_refused(lab_up: Lab) -> None:
    for result in look(lab_up, "fabrikam.example", "stranger.example", trust_anchors=[]):
        assert result["failed_step"] == "certificate" and "trusted" in result["message"]
        assert (
            result["certificate"]["names"] == [result["domain"]] or result["domain"] in result["certificate"]["names"]
        )


def test_a_domain_that_is_not_served_there(lab_up: Lab) -> None:
    address = lab_up.state["addresses"]["partner"]
    anchors = [lab_up.state["ca_certificate"]]
    result = probe([Target("x", "nobody.example", address)], trust_anchors=anchors)[0]
    assert result["failed_step"] == "stream" and "host-unknown" in result["message"], result


def test_unknown_name_and_closed_port(lab_up: Lab) -> None:
    unknown = look(lab_up, "nobody.example")[0]
    assert unknown["failed_step"] == "address" and "no SRV record" in unknown["message"]
    closed = probe([Target("x", "contoso.example", lab_up.state["addresses"]["dns"])])[0]
    assert closed["failed_step"] == "tcp" and "connection refused" in closed["message"]
