"""``lync_xmpp_block``: who is shut out stays out, whatever runs afterwards, until released."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, ClassVar

import pytest
from ansible.module_utils.fedgate.lync import partners
from ansible.module_utils.fedgate.lync.block import ARGUMENTS, XmppBlock
from ansible.module_utils.fedgate.lync.partners import XmppPartners
from ansible.module_utils.fedgate.module import run_here

from ...emulators.lync.deployment import Deployment
from ...emulators.lync.soap import Request
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

    def run(*wanted: dict[str, Any], check: bool = False, **more: Any) -> dict[str, Any]:
        return run_here(XmppPartners, partners.ARGUMENTS, {**options, "partners": list(wanted), **more}, check)

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
        ("create", "xmpp_partner", "emea.fabrikam.example"),
    ]
    # Who was named is shut out, and nobody else.
    assert allowed(lync) == {"woodgrove.example": [], "emea.fabrikam.example": ["fabrikam-asia.example"]}
    left = "fabrikam.example is blocked, and its other domains are not: emea.fabrikam.example, fabrikam-asia.example; "
    assert carried_out["warnings"] == planned["warnings"] == [f"{left}block them too where they shall be shut out"]
    (entry,) = carried_out["blocked"]
    assert (entry["domain"], entry["reason"], entry["by"], entry["subdomains"]) == (
        "fabrikam.example", REASON, "dora", False,
    )  # fmt: skip
    assert abs(entry["since"] - datetime.now(timezone.utc).timestamp()) < 3600
    assert block("fabrikam.example", by="erin")["changed"] is False

    # No run lets it in, and none takes the block for somebody else's partner.
    again = apply(FABRIKAM, OTHER)
    assert again["changed"] is False and again["blocked"] == [entry] and not again["unmanaged"]
    assert again["warnings"] == carried_out["warnings"]
    assert apply(FABRIKAM, OTHER, purge=True)["changed"] is False

    assert actions(release("fabrikam.example")) == [("delete", "block", "fabrikam.example")]
    assert release("fabrikam.example")["changed"] is False
    # Without the inventory's list it is let in again by the next run of that.
    planned_again = apply(FABRIKAM, OTHER, check=True)
    assert not planned_again["unmanaged"] and planned_again["plan"] == apply(FABRIKAM, OTHER)["plan"]
    assert actions(planned_again) == [
        ("delete", "xmpp_partner", "emea.fabrikam.example"),
        ("create", "xmpp_partner", "fabrikam.example"),
    ]
    assert apply(FABRIKAM, OTHER)["changed"] is False


class TestRelease:
    """With the inventory's list, who is released is let in by the same run."""

    FULL: ClassVar[dict[str, Any]] = {
        **FABRIKAM,
        "description": REASON,
        "type": "federated",
        "tls": "optional",
        "sasl": "not_supported",
        "keepalive": False,
        "proxy_fqdn": "xmpp.fabrikam.example",
    }

    def test_a_partner_comes_back_as_it_was(self, lync: Deployment, block: Run, release: Run, apply: Run) -> None:
        apply(self.FULL, OTHER)
        lync.world.partners["fabrikam.example"].connection_limit = 7  # by hand, and nobody's
        before = copy.deepcopy(lync.world.partners["fabrikam.example"])
        block("fabrikam.example")
        moved = lync.world.partners["emea.fabrikam.example"]
        assert (moved.domain, moved.additional_domains) == ("emea.fabrikam.example", ["fabrikam-asia.example"])
        assert {**vars(moved), "domain": "", "additional_domains": []} == {
            **vars(before), "domain": "", "additional_domains": [],
        }  # fmt: skip
        planned = release("fabrikam.example", partners=[self.FULL, OTHER], check=True)
        done = release("fabrikam.example", partners=[self.FULL, OTHER])
        assert done["plan"] == planned["plan"] and actions(done) == [
            ("delete", "xmpp_partner", "emea.fabrikam.example"),
            ("create", "xmpp_partner", "fabrikam.example"),
            ("delete", "block", "fabrikam.example"),
        ]
        assert lync.world.partners["fabrikam.example"] == before and done["blocked"] == []
        assert release("fabrikam.example", partners=[self.FULL, OTHER])["changed"] is False
        assert apply(self.FULL, OTHER)["changed"] is False

    def test_a_partner_without_other_domains(self, lync: Deployment, block: Run, release: Run, apply: Run) -> None:
        apply(OTHER)
        block("woodgrove.example")
        assert allowed(lync) == {}
        release("woodgrove.example", partners=[FABRIKAM, OTHER])
        # Nobody else of the list comes with it.
        assert allowed(lync) == {"woodgrove.example": []}
        assert lync.world.partners["woodgrove.example"].partner_type == "Federated"

    def test_one_of_two_blocks_is_released(self, lync: Deployment, block: Run, release: Run, apply: Run) -> None:
        apply(FABRIKAM)
        block("fabrikam.example", "emea.fabrikam.example")
        assert allowed(lync) == {"fabrikam-asia.example": []}
        release("emea.fabrikam.example", partners=[FABRIKAM])
        assert allowed(lync) == {"emea.fabrikam.example": ["fabrikam-asia.example"]}
        release("fabrikam.example", partners=[FABRIKAM])
        assert allowed(lync) == {"fabrikam.example": ["emea.fabrikam.example", "fabrikam-asia.example"]}

    def test_a_block_of_all_below(self, lync: Deployment, block: Run, release: Run, apply: Run) -> None:
        apply(FABRIKAM)
        block("fabrikam.example", subdomains=True)
        assert allowed(lync) == {"fabrikam-asia.example": []}
        release("fabrikam.example", partners=[FABRIKAM])
        assert allowed(lync) == {"fabrikam.example": ["emea.fabrikam.example", "fabrikam-asia.example"]}

    def test_a_release_that_breaks_off_is_finished(
        self, lync: Deployment, block: Run, release: Run, apply: Run
    ) -> None:
        """The block goes last: until then a second run knows whom to let in."""
        apply(FABRIKAM)
        block("fabrikam.example", subdomains=True)
        broken = broken_off(lync, 3, lambda: release("fabrikam.example", partners=[FABRIKAM]))
        assert broken["error"] == "Unreachable" and broken["left"][-1] == "delete block fabrikam.example"
        release("fabrikam.example", partners=[FABRIKAM])
        assert allowed(lync) == {"fabrikam.example": ["emea.fabrikam.example", "fabrikam-asia.example"]}
        assert release("fabrikam.example", partners=[FABRIKAM])["blocked"] == []

    def test_a_domain_that_somebody_else_has_by_now(
        self, lync: Deployment, block: Run, release: Run, apply: Run
    ) -> None:
        apply(FABRIKAM)
        block("fabrikam.example", subdomains=True)
        lync.world.partners["woodgrove.example"] = XmppPartner("woodgrove.example", ["emea.fabrikam.example"])
        writes = lync.world.writes
        refused = release("fabrikam.example", partners=[FABRIKAM])
        assert refused["failed"] and "emea.fabrikam.example (of woodgrove.example)" in refused["msg"]
        assert lync.world.writes == writes

    def test_a_block_lets_nobody_in(self, lync: Deployment, block: Run) -> None:
        block("fabrikam.example", partners=[FABRIKAM, {**OTHER, "stanza_rate": 5}])
        assert allowed(lync) == {}


def broken_off(lync: Deployment, command: int, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run while the connection is lost before the answer to a cmdlet, counted from 1."""
    seen: Counter[str] = Counter()

    def break_off(request: Request) -> str | None:
        seen[request.action] += 1
        return "drop" if request.action == "Command" and seen["Command"] == command else None

    lync.front_end.trouble = break_off
    result = run()
    lync.front_end.trouble = lambda request: None
    return result


def test_a_block_that_breaks_off(lync: Deployment, block: Run, apply: Run) -> None:
    """Whoever is to be shut out is so first; what the partner keeps comes back at the latest with the next run."""
    apply(FABRIKAM)
    broken = broken_off(lync, 2, lambda: block("fabrikam.example"))
    assert broken["left"][-1] == "create xmpp_partner emea.fabrikam.example" and not allowed(lync)
    assert "What a partner keeps comes back with the next run of partners.yml" in broken["msg"]
    assert actions(block("fabrikam.example")) == [("create", "block", "fabrikam.example")]
    apply(FABRIKAM)
    assert allowed(lync) == {"emea.fabrikam.example": ["fabrikam-asia.example"]}


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
    assert list(allowed(lync)) == ["woodgrove.example", "fabrikam-asia.example"]
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
    theirs = XmppPartner("fabrikam.example", ["theirs.example"], connection_limit=7)
    lync.world.partners["fabrikam.example"] = theirs
    assert actions(apply()) == [
        ("delete", "xmpp_partner", "fabrikam.example"),
        ("create", "xmpp_partner", "theirs.example"),
    ]
    assert lync.world.partners["theirs.example"].connection_limit == 7


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
