"""``lync_xmpp_partner``: the list on the server becomes the inventory's, and nothing else is touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.partners import ARGUMENTS, XmppPartners
from ansible.module_utils.fedgate.model.partner import Partner
from ansible.module_utils.fedgate.module import run_here
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ...emulators.lync.deployment import PASSWORD, VIEWER, Deployment
from ...emulators.lync.soap import Request
from ...emulators.lync.world import XmppPartner
from .conftest import Options, actions, options_of
from .interference import interfere

Result = dict[str, Any]
Apply = Callable[..., Result]


@pytest.fixture
def apply(options: Options) -> Apply:
    """Return a function that runs the module with partners and further arguments."""

    def run(partners: list[dict[str, Any]], check: bool = False, **more: Any) -> Result:
        return run_here(XmppPartners, ARGUMENTS, {**options, "partners": partners, **more}, check)

    return run


FABRIKAM = {
    "domain": "fabrikam.example",
    "additional_domains": ["emea.fabrikam.example", "apac.fabrikam.example"],
    "description": "'; Remove-CsXmppAllowedPartner '",
    "type": "federated",
    "tls": "optional",
    "sasl": "not_supported",
    "dialback": True,
    "keepalive": False,
    "connection_limit": 2**32 - 1,
    "proxy_fqdn": "xmpp.fabrikam.example",
}


def test_all_settings_arrive(lync: Deployment, apply: Apply) -> None:
    planned = apply([FABRIKAM], check=True)
    assert actions(planned) == [("create", "fabrikam.example")] and not lync.world.partners
    done = apply([FABRIKAM])
    assert done["plan"] == planned["plan"] and done["plan_digest"] == planned["plan_digest"]
    assert lync.world.partners["fabrikam.example"] == XmppPartner(
        "fabrikam.example",
        ["apac.fabrikam.example", "emea.fabrikam.example"],
        "'; Remove-CsXmppAllowedPartner '",
        "Federated",
        "Optional",
        "NotSupported",
        True,
        False,
        2**32 - 1,
        "xmpp.fabrikam.example",
    )
    assert apply([FABRIKAM])["changed"] is False


def test_defaults_are_microsofts(lync: Deployment, apply: Apply) -> None:
    apply([{"domain": "fabrikam.example"}])
    assert lync.world.partners["fabrikam.example"] == XmppPartner("fabrikam.example")
    assert lync.engine.calls[1][1].keys() >= {"Identity", "PartnerType"}


def test_only_what_differs_is_written(lync: Deployment, apply: Apply) -> None:
    apply([FABRIKAM])
    lync.engine.calls.clear()
    result = apply(
        [{**FABRIKAM, "type": "public_verified", "additional_domains": ["emea.fabrikam.example", "x.example"]}]
    )
    assert actions(result) == [("update", "fabrikam.example")]
    (written,) = [bound for name, bound in lync.engine.calls if name.startswith("Set-")]
    assert set(written) == {"Identity", "ErrorAction", "PartnerType", "AdditionalDomains"}
    edit = written["AdditionalDomains"]
    assert (edit.add, edit.remove, edit.replace) == (("x.example",), ("apac.fabrikam.example",), None)
    assert "type: public_verified" in result["diff"][0]["after"] and "type: federated" in result["diff"][0]["before"]


def test_case_makes_no_difference(lync: Deployment, apply: Apply) -> None:
    """Adding what is there in another spelling would fail the whole edit."""
    lync.world.partners["fabrikam.example"] = XmppPartner(
        "Fabrikam.Example", ["EMEA.fabrikam.example"], proxy_fqdn="XMPP.fabrikam.example"
    )
    wanted = {
        "domain": "fabrikam.example",
        "additional_domains": ["emea.fabrikam.example"],
        "proxy_fqdn": "xmpp.fabrikam.example",
    }
    assert apply([wanted])["changed"] is False


class TestPurge:
    def test_what_is_not_listed_stays_and_is_told(self, lync: Deployment, apply: Apply) -> None:
        apply([FABRIKAM])
        result = apply([{"domain": "woodgrove.example"}])
        assert actions(result) == [("create", "woodgrove.example")]
        assert result["unmanaged"] == ["fabrikam.example"]
        assert any("fabrikam.example" in text for text in result["warnings"])
        assert len(lync.world.partners) == 2

    def test_it_goes_on_request(self, lync: Deployment, apply: Apply) -> None:
        apply([FABRIKAM])
        result = apply([{"domain": "woodgrove.example"}], purge=True)
        assert actions(result) == [("delete", "fabrikam.example"), ("create", "woodgrove.example")]
        assert list(lync.world.partners) == ["woodgrove.example"] and "warnings" not in result

    def test_a_domain_of_a_partner_that_is_not_listed(self, lync: Deployment, apply: Apply) -> None:
        apply([FABRIKAM])
        writes = lync.world.writes
        result = apply([{"domain": "apac.fabrikam.example"}])
        assert result["failed"] and "apac.fabrikam.example (of fabrikam.example)" in result["msg"]
        assert "purge: true" in result["msg"] and lync.world.writes == writes
        assert actions(apply([{"domain": "apac.fabrikam.example"}], purge=True))


class TestMoves:
    def test_a_domain_goes_from_one_partner_to_another(self, lync: Deployment, apply: Apply) -> None:
        one, two = {"domain": "one.example"}, {"domain": "two.example"}
        apply([{**one, "additional_domains": ["x.example", "y.example"]}, {**two, "additional_domains": ["z.example"]}])
        swapped = [{**one, "additional_domains": ["z.example"]}, {**two, "additional_domains": ["x.example"]}]
        assert len(actions(apply(swapped))) == 2
        assert apply(swapped)["changed"] is False

    def test_an_additional_domain_becomes_a_partner(self, lync: Deployment, apply: Apply) -> None:
        apply([{"domain": "one.example", "additional_domains": ["x.example"]}])
        wanted = [{"domain": "x.example"}, {"domain": "one.example"}]
        apply(wanted)
        assert apply(wanted)["changed"] is False and set(lync.world.partners) == {"one.example", "x.example"}

    def test_a_partner_gets_another_primary_domain(self, lync: Deployment, apply: Apply) -> None:
        """All its domains are listed, so nothing of it is anybody else's, and it need not be purged."""
        apply([{"domain": "one.example", "additional_domains": ["x.example"], "type": "federated"}])
        lync.world.partners["one.example"].connection_limit = 7
        wanted = [{"domain": "x.example", "additional_domains": ["one.example"], "type": "federated"}]
        result = apply(wanted)
        assert actions(result) == [("delete", "one.example"), ("create", "x.example")] and not result["unmanaged"]
        assert lync.world.partners["x.example"] == XmppPartner(
            "x.example", ["one.example"], partner_type="Federated", connection_limit=7
        )
        assert apply(wanted)["changed"] is False


NAMES = st.sampled_from([f"{letter}.example" for letter in "abcdef"])


@st.composite
def partner_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Partners of any settings, no domain twice."""
    free = draw(st.permutations([f"{letter}.example" for letter in "abcdefgh"]))
    found = []
    while free and draw(st.booleans()):
        count = draw(st.integers(0, min(2, len(free) - 1)))
        domain, *more = [free.pop() for _ in range(count + 1)]
        found.append(
            {
                "domain": domain,
                "additional_domains": more,
                "type": draw(st.sampled_from(["federated", "public_verified", "public_unverified"])),
                "description": draw(st.sampled_from(["", "a", "ä'\"$x"])) or None,
                "connection_limit": draw(st.sampled_from([1, 2**31])),
            }
        )
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=partner_lists(), after=partner_lists())
def test_any_list_becomes_any_other(
    lync: Deployment, apply: Apply, before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    lync.world.partners.clear()
    assert not apply(before).get("failed")
    planned = apply(after, check=True, purge=True)
    done = apply(after, purge=True)
    assert not done.get("failed"), done["msg"]
    assert done["plan"] == planned["plan"]
    assert set(lync.world.partners) == {item["domain"] for item in after}
    assert apply(list(reversed(after)), purge=True)["changed"] is False


class TestOthers:
    """Somebody changes the list by hand between our look and our write."""

    def test_a_domain_that_they_added_stays(self, lync: Deployment, apply: Apply) -> None:
        apply([{"domain": "one.example", "additional_domains": ["x.example"]}])
        partner = lync.world.partners["one.example"]
        interfere(lync, "Set-CsXmppAllowedPartner", lambda: partner.additional_domains.append("theirs.example"))
        result = apply([{"domain": "one.example", "additional_domains": ["x.example", "ours.example"]}])
        assert set(partner.additional_domains) == {"x.example", "theirs.example", "ours.example"}
        assert result["failed"] and result["error"] == "NotConverged", "their edit is drift, and told"

    def test_the_same_edit_made_by_them(self, lync: Deployment, apply: Apply) -> None:
        apply([{"domain": "one.example"}])
        partner = lync.world.partners["one.example"]
        interfere(lync, "Set-CsXmppAllowedPartner", lambda: partner.additional_domains.append("Ours.example"))
        wanted = [{"domain": "one.example", "additional_domains": ["ours.example"]}]
        result = apply(wanted)
        assert result["failed"] and result["error"] == "WorldMoved" and "somebody else" in result["msg"]
        assert apply(wanted)["changed"] is False

    def test_a_partner_that_they_removed(self, lync: Deployment, apply: Apply) -> None:
        apply([{"domain": "one.example"}])
        interfere(lync, "Set-CsXmppAllowedPartner", lambda: lync.world.partners.clear())
        result = apply([{"domain": "one.example", "type": "federated"}])
        assert result["failed"] and result["error"] == "WorldMoved"
        assert actions(apply([{"domain": "one.example", "type": "federated"}])) == [("create", "one.example")]

    def test_a_setting_that_they_changed(self, lync: Deployment, apply: Apply) -> None:
        """It is not ours to lose: what is wanted is written, theirs is drift that the second look tells."""
        apply([{"domain": "one.example"}])
        partner = lync.world.partners["one.example"]
        interfere(lync, "Set-CsXmppAllowedPartner", lambda: setattr(partner, "partner_type", "PublicVerified"))
        wanted = [{"domain": "one.example", "keepalive": False}]
        result = apply(wanted)
        assert result["failed"] and result["error"] == "NotConverged" and "one.example" in result["msg"]
        assert partner.keepalive is False and partner.partner_type == "PublicVerified", "theirs was not overwritten"
        assert actions(apply(wanted)) == [("update", "one.example")]
        assert partner.partner_type == "PublicUnverified" and not apply(wanted)["changed"]

    def test_a_partner_that_they_made(self, lync: Deployment, apply: Apply) -> None:
        theirs = XmppPartner("one.example", description="theirs")
        interfere(lync, "New-CsXmppAllowedPartner", lambda: lync.world.partners.update({"one.example": theirs}))
        wanted = [{"domain": "one.example", "description": "ours"}]
        result = apply(wanted)
        assert result["failed"] and result["error"] == "WorldMoved" and theirs.description == "theirs"
        assert actions(apply(wanted)) == [("update", "one.example")] and theirs.description == "ours"


def many(count: int) -> list[dict[str, Any]]:
    return [{"domain": f"p{number}.example"} for number in range(count)]


def test_a_connection_lost_in_the_middle(lync: Deployment, apply: Apply) -> None:
    seen: Counter[str] = Counter()

    def break_off(request: Request) -> str | None:
        seen[request.action] += 1
        return "drop" if seen["Command"] == 21 and request.action == "Command" else None

    lync.front_end.trouble = break_off
    result = apply(many(50))
    lync.front_end.trouble = lambda request: None
    assert result["failed"] and result["error"] == "Unreachable"
    assert "19 of 50 changes were made before it" in result["msg"] and "A second run does what is left" in result["msg"]
    assert result["applied"] == [f"create xmpp_partner p{number}.example" for number in range(19)]
    assert len(result["left"]) == 31
    # The answer was lost, the twentieth was made all the same: what is there is looked at, not remembered.
    second = apply(many(50))
    assert second["as_listed"] == sorted(f"p{number}.example" for number in range(20))
    assert len(actions(second)) == 30 and apply(many(50))["changed"] is False


def test_calls_and_sessions(lync: Deployment, apply: Apply) -> None:
    """A partner costs one cmdlet, all of them one session; a second run looks once."""
    opened = lync.shells.opened
    assert apply(many(200))["calls"] == 202
    assert apply(many(200))["calls"] == 1
    assert lync.shells.opened == opened + 2


def test_who_may_only_look(lync: Deployment, apply: Apply) -> None:
    assert actions(apply([FABRIKAM], check=True, username=VIEWER)) == [("create", "fabrikam.example")]
    result = apply([FABRIKAM], username=VIEWER)
    assert result["failed"] and "no cmdlet New-CsXmppAllowedPartner" in result["msg"] and not lync.world.partners


@pytest.mark.parametrize(
    ("rule", "value"), [("dialback_certificate", "valid"), ("stanza_rate", 5), ("stanza_size", 20000)]
)
def test_a_rule_that_the_product_does_not_have(lync: Deployment, apply: Apply, rule: str, value: Any) -> None:
    partner = {"domain": "one.example", rule: value}
    result = apply([partner])
    assert result["failed"] and f"one.example: {rule}" in result["msg"] and "waive" in result["msg"]
    assert lync.shells.opened == 0
    assert actions(apply([{**partner, "waive": [rule]}])) == [("create", "one.example")]


def test_what_the_model_publishes_is_taken(lync: Deployment, apply: Apply) -> None:
    facts = Partner("fabrikam.example", ("emea.fabrikam.example",), type="federated").as_facts()
    result = apply([facts])
    assert actions(result) == [("create", "fabrikam.example")]
    assert apply([facts])["changed"] is False


@pytest.mark.parametrize("protocol", ["2.1", "2.3"])
def test_other_protocol_versions(tmp_path: Path, protocol: str) -> None:
    deployment = Deployment(tmp_path, protocol=protocol)
    arguments = {**options_of(deployment), "partners": [FABRIKAM]}
    assert actions(run_here(XmppPartners, ARGUMENTS, arguments, False))
    assert run_here(XmppPartners, ARGUMENTS, arguments, False)["changed"] is False
    deployment.stop()


def test_the_password_is_nowhere(lync: Deployment, apply: Apply) -> None:
    assert PASSWORD not in repr(apply([{**FABRIKAM, "description": f"holds {PASSWORD}"}], password=PASSWORD))
