"""``lync_xmpp_block``: who is shut out stays out, whatever runs afterwards, until released."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync import partners
from ansible.module_utils.fedgate.lync.block import ARGUMENTS, XmppBlock
from ansible.module_utils.fedgate.lync.partners import XmppPartners
from ansible.module_utils.fedgate.module import run_here

from ...emulators.lync.deployment import Deployment
from ...emulators.lync.world import XmppPartner
from .conftest import Options
from .edges import actions

Run = Callable[..., dict[str, Any]]
FABRIKAM = {"domain": "fabrikam.example", "additional_domains": ["emea.fabrikam.example", "fabrikam-asia.example"]}
OTHER = {"domain": "woodgrove.example", "type": "federated"}
REASON = '\'; Remove-CsXmppAllowedPartner "x" # ünlucky'


@pytest.fixture
def block(options: Options) -> Run:
    """Return a function that blocks domains."""

    def run(*domains: str, check: bool = False, **more: Any) -> dict[str, Any]:
        given = {**options, "domains": list(domains), "reason": REASON, "by": "dora", **more}
        return run_here(XmppBlock, ARGUMENTS, given, check)

    return run


@pytest.fixture
def release(block: Run) -> Run:
    """Return a function that releases domains."""
    return lambda *domains, **more: block(*domains, state="released", **more)


@pytest.fixture
def apply(options: Options) -> Run:
    """Return a function that runs ``lync_xmpp_partner``."""

    def run(*wanted: dict[str, Any], **more: Any) -> dict[str, Any]:
        return run_here(XmppPartners, partners.ARGUMENTS, {**options, "partners": list(wanted), **more}, False)

    return run


def allowed(lync: Deployment) -> dict[str, list[str]]:
    """Return who could federate: the entries that are no blocks."""
    found = lync.world.partners.values()
    return {one.domain: one.additional_domains for one in found if not one.domain.endswith(".blocked.invalid")}


def test_the_whole_way(lync: Deployment, block: Run, release: Run, apply: Run) -> None:
    apply(FABRIKAM, OTHER)
    planned = block("Fabrikam.example", check=True)
    assert planned["blocked"][0]["domain"] == "fabrikam.example" and "fabrikam.example" in allowed(lync)
    carried_out = block("Fabrikam.example")
    assert carried_out["plan"] == planned["plan"]
    assert actions(carried_out) == [
        ("delete", "xmpp_partner", "fabrikam.example"),
        ("create", "block", "fabrikam.example"),
    ]
    assert list(allowed(lync)) == ["woodgrove.example"]
    (entry,) = carried_out["blocked"]
    assert (entry["domain"], entry["reason"], entry["by"], entry["subdomains"]) == (
        "fabrikam.example", REASON, "dora", False,
    )  # fmt: skip
    assert abs(entry["since"] - datetime.now(timezone.utc).timestamp()) < 3600
    assert block("fabrikam.example", by="erin")["changed"] is False

    # No run lets it in, and none takes the block for somebody else's partner.
    again = apply(FABRIKAM, OTHER)
    assert again["changed"] is False and again["blocked"] == [entry] and not again["unmanaged"]
    assert again["warnings"] == [
        "fabrikam.example is blocked, and its other domains with it: emea.fabrikam.example, fabrikam-asia.example"
    ]
    assert apply(FABRIKAM, OTHER, purge=True)["changed"] is False

    assert actions(release("fabrikam.example")) == [("delete", "block", "fabrikam.example")]
    assert release("fabrikam.example")["changed"] is False
    assert actions(apply(FABRIKAM, OTHER)) == [("create", "xmpp_partner", "fabrikam.example")]


def test_nobody_could_federate_as_a_block(lync: Deployment, block: Run) -> None:
    """Whatever the product makes of the entry, only a certificate for a name below invalid would let somebody in."""
    block("fabrikam.example")
    (entry,) = lync.world.partners.values()
    assert (entry.domain, entry.additional_domains) == ("fabrikam.example.blocked.invalid", [])
    assert (entry.tls, entry.sasl, entry.dialback) == ("Required", "Required", False)
    assert entry.partner_type == "PublicUnverified" and not entry.keepalive
    assert json.loads(entry.description)["reason"] == REASON


def test_a_blocked_additional_domain_goes_alone(lync: Deployment, block: Run, release: Run, apply: Run) -> None:
    apply(FABRIKAM)
    assert ("update", "xmpp_partner", "fabrikam.example") in actions(block("emea.fabrikam.example"))
    assert allowed(lync) == {"fabrikam.example": ["fabrikam-asia.example"]}
    assert apply(FABRIKAM)["changed"] is False
    release("emea.fabrikam.example")
    apply(FABRIKAM)
    assert sorted(allowed(lync)["fabrikam.example"]) == ["emea.fabrikam.example", "fabrikam-asia.example"]


def test_all_below_a_domain(lync: Deployment, block: Run, apply: Run) -> None:
    below = {"domain": "x.adatum.example"}
    apply(FABRIKAM, below, OTHER)
    block("adatum.example", "fabrikam.example", subdomains=True)
    assert list(allowed(lync)) == ["woodgrove.example"]
    # What is not given stays: the domains below are blocked still.
    block("adatum.example", reason="another")
    assert apply(FABRIKAM, below, OTHER)["changed"] is False


def test_who_is_let_in_by_hand_is_shut_out_by_the_next_run(lync: Deployment, block: Run, apply: Run) -> None:
    block("fabrikam.example", "emea.woodgrove.example")
    lync.world.partners["fabrikam.example"] = XmppPartner("fabrikam.example")
    lync.world.partners["woodgrove.example"] = XmppPartner("woodgrove.example", ["emea.woodgrove.example"])
    assert actions(apply()) == [
        ("delete", "xmpp_partner", "fabrikam.example"),
        ("update", "xmpp_partner", "woodgrove.example"),
    ]
    assert allowed(lync) == {"woodgrove.example": []}


def test_a_block_whose_note_was_edited_holds_for_all_below(lync: Deployment, block: Run, apply: Run) -> None:
    block("fabrikam.example")
    for text in ("", "{}", '{"blocked_since": "yesterday"}', '"x"', "[]"):
        lync.world.partners["fabrikam.example.blocked.invalid"].description = text
        result = apply({"domain": "new.fabrikam.example"})
        assert result["changed"] is False and result["blocked"][0]["reason"].startswith("unknown")
    assert actions(block("fabrikam.example")) == [("update", "block", "fabrikam.example")]
    assert json.loads(lync.world.partners["fabrikam.example.blocked.invalid"].description)["by"] == "dora"


def test_what_is_blocked_need_not_be_a_partner(lync: Deployment, block: Run) -> None:
    assert actions(block("xn--mnchen-3ya.example")) == [("create", "block", "xn--mnchen-3ya.example")]
    assert block("münchen.example")["changed"] is False


@pytest.mark.parametrize(
    ("domains", "more", "said"),
    [
        (["fabrikam.example"], {"reason": " "}, "no reason is given"),
        (["fabrikam.example"], {"reason": "two\nlines"}, "is no single line"),
        (["*.fabrikam.example"], {}, "subdomains: true blocks all below it"),
        (["contoso.example"], {"local_hosts": ["contoso.example"]}, "our own, and no partner's"),
        ([], {}, "no domain is named"),
        ([".".join(["a" * 60] * 4)], {}, "is too long to be blocked on Lync"),
    ],
)
def test_mistakes_change_nothing(
    lync: Deployment, block: Run, domains: list[str], more: dict[str, Any], said: str
) -> None:
    result = block(*domains, **more)
    assert result["failed"] and said in result["msg"] and not lync.world.writes
