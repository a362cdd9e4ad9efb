"""Two organisations talk through what the playbooks built; whoever is not a partner does not."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from lab.chat import PARTNERS, Delivery, deliver, exchange

from .conftest import Lab
from .rollout import ROOT, Rollout, play

pytestmark = pytest.mark.lab

ALICE, BOB, MALLORY = "alice@contoso.example", "bob@fabrikam.example", "mallory@stranger.example"
PARTNER, STRANGER = "fabrikam.example", "stranger.example"
STRANGER_HOST = "stranger"
#: Seconds for a message whose stream must be opened first; dialback asks DNS and opens a second stream.
PATIENCE = 30.0


def done(rollout: Rollout) -> Rollout:
    assert rollout.code == 0, rollout.output[-6000:]
    return rollout


def arrived(delivery: Delivery) -> None:
    assert delivery.delivered and delivery.confirmed and delivery.error is None, delivery


def refused(delivery: Delivery) -> str:
    """Demand that it did not arrive. :returns: what the sender was told."""
    assert not delivery.delivered, delivery
    return delivery.error or ""


def inventory(name: str) -> Any:
    """Return a variable of the lab's inventory as it is written there, templates and all."""
    path = ROOT / "inventories" / "lab" / "group_vars" / "all" / "federation.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))[name]


def partner(domain: str = PARTNER, **values: Any) -> dict[str, Any]:
    return {"domain": domain, "type": "federated", "tls": "required", "sasl": "optional", "dialback": True, **values}


def by_direction(lab: Lab, remote: str = PARTNER) -> dict[str, dict[str, Any]]:
    return {item["direction"]: item for item in lab.sessions(remote)}


class TestPartner:
    def test_messages_both_ways(self, deployed_lab: Lab) -> None:
        for delivery in exchange(deployed_lab.state, PARTNERS, PATIENCE):
            arrived(delivery)

    def test_both_directions_by_certificate_over_tls_1_3(self, deployed_lab: Lab) -> None:
        exchange(deployed_lab.state, PARTNERS, PATIENCE)
        sessions = by_direction(deployed_lab)
        assert set(sessions) == {"incoming", "outgoing"}
        for session in sessions.values():
            assert (session["method"], session["tls"], session["certificate"]) == ("external", "TLSv1.3", "valid")

    def test_the_second_site_too(self, deployed_lab: Lab) -> None:
        akira = "akira@contoso-asia.example"
        for delivery in exchange(deployed_lab.state, [(akira, BOB), (BOB, akira)], PATIENCE):
            arrived(delivery)
        sessions = deployed_lab.sessions(PARTNER, "edge1.tokyo")
        assert {item["local"] for item in sessions} == {"contoso-asia.example"}


class TestStranger:
    def test_cannot_write_to_us(self, deployed_lab: Lab) -> None:
        refused(deliver(deployed_lab.state, MALLORY, ALICE, PATIENCE))
        assert deployed_lab.sessions(STRANGER) == []
        assert "incoming" in self.counted(deployed_lab)

    def test_cannot_be_written_to_and_the_sender_is_told_why(self, deployed_lab: Lab) -> None:
        error = refused(deliver(deployed_lab.state, ALICE, MALLORY, PATIENCE))
        assert error == "not-allowed: stranger.example is not a federation partner"
        assert "outgoing" in self.counted(deployed_lab)

    @staticmethod
    def counted(lab: Lab) -> set[str]:
        found = [item for item in lab.status()["refused"] if item["remote"] == STRANGER]
        assert all(item["reason"] == "not-a-partner" for item in found)
        return {item["direction"] for item in found}


class TestChangeOfPartners:
    """The stranger is made a partner, and a stranger again."""

    ADDED = {"federation_partners_test": [partner(STRANGER)]}

    @pytest.fixture
    def back_again(self) -> Iterator[None]:
        yield
        done(play("partners.yml"))

    @pytest.mark.usefixtures("back_again")
    def test_one_run_lets_them_in_and_one_puts_them_out_while_others_keep_their_streams(
        self, deployed_lab: Lab, eventually: Any
    ) -> None:
        arrived(exchange(deployed_lab.state, PARTNERS, PATIENCE)[0])
        before = {item["id"] for item in deployed_lab.sessions(PARTNER)}
        assert before

        done(play("partners.yml", variables=self.ADDED))
        assert {item["id"] for item in deployed_lab.sessions(PARTNER)} == before
        for delivery in exchange(deployed_lab.state, [(ALICE, MALLORY), (MALLORY, ALICE)], PATIENCE):
            arrived(delivery)
        assert deployed_lab.sessions(STRANGER)
        assert {item["id"] for item in deployed_lab.sessions(PARTNER)} == before

        done(play("partners.yml"))
        assert eventually(lambda: deployed_lab.sessions(STRANGER) == [])
        assert {item["id"] for item in deployed_lab.sessions(PARTNER)} == before
        refused(deliver(deployed_lab.state, MALLORY, ALICE, PATIENCE))

    def test_a_second_run_changes_nothing(self, deployed_lab: Lab) -> None:
        again = done(play("partners.yml"))
        assert again.changed() == dict.fromkeys(again.hosts, 0)


#: Makes Prosody heed what a certificate may be used for, and fall back to dialback.
HEED_PURPOSES = "s2s_secure_auth = false\ns2s_ssl = { verifyext = { lsec_ignore_purpose = false } }\n"


@pytest.fixture(scope="module")
def strict_peer(deployed_lab: Lab) -> Iterator[None]:
    """The stranger, become a server that takes a certificate without clientAuth for no client's.

    Debian's ejabberd did so too, until 24.12-3+deb13u2 taught it not to look.
    """
    file = "/etc/prosody/conf.d/strict.cfg.lua"
    try:
        deployed_lab.run(STRANGER_HOST, "sh", "-c", f"printf %s '{HEED_PURPOSES}' > {file}; systemctl restart prosody")
        wait_for_clients(deployed_lab, STRANGER_HOST)
        yield
    finally:
        deployed_lab.run(STRANGER_HOST, "sh", "-c", f"rm -f {file}; systemctl restart prosody")
        wait_for_clients(deployed_lab, STRANGER_HOST)


def wait_for_clients(lab: Lab, host: str) -> None:
    """Wait until a host that was restarted takes clients."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection((lab.state["addresses"][host], 5222), 2):
            return
        time.sleep(0.2)
    raise AssertionError(f"{host} did not come back")


@pytest.fixture(scope="module")
def without_client_auth(deployed_lab: Lab) -> Iterator[dict[str, Any]]:
    """A certificate with serverAuth only. :returns: the variables that keep it so."""
    variables = {"federation_certificate": {**inventory("federation_certificate"), "client_auth": False}}
    done(play("certificates.yml", variables=variables))
    try:
        yield variables
    finally:
        done(play("site.yml"))


@pytest.mark.usefixtures("strict_peer")
class TestServerAuthOnly:
    """A certificate as public authorities issue it, and a partner who does not take it for SASL EXTERNAL."""

    def test_where_optional_dialback_over_tls_is_left(
        self, deployed_lab: Lab, without_client_auth: dict[str, Any]
    ) -> None:
        added = {"federation_partners_test": [partner(STRANGER)]}
        done(play("partners.yml", variables={**without_client_auth, **added}))
        for delivery in exchange(deployed_lab.state, [(ALICE, MALLORY), (MALLORY, ALICE)], PATIENCE):
            arrived(delivery)
        sessions = by_direction(deployed_lab, STRANGER)
        assert (sessions["outgoing"]["method"], sessions["outgoing"]["tls"]) == ("dialback", "TLSv1.3")
        # The other direction is theirs: they show us a certificate that names a client.
        assert sessions["incoming"]["method"] == "external"

    def test_where_required_it_fails_and_says_client_auth(
        self, deployed_lab: Lab, without_client_auth: dict[str, Any]
    ) -> None:
        added = {"federation_partners_test": [partner(STRANGER, sasl="required", dialback=False)]}
        done(play("partners.yml", variables={**without_client_auth, **added}))
        error = refused(deliver(deployed_lab.state, ALICE, MALLORY, PATIENCE))
        assert "clientAuth" in error and STRANGER in error, error
        assert "outgoing" not in by_direction(deployed_lab, STRANGER)
        arrived(deliver(deployed_lab.state, ALICE, BOB, PATIENCE))
