"""``lync_xmpp_partner`` with as many partners as there are anywhere: what it costs, counted where it arrives."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.partners import ARGUMENTS, XmppPartners
from ansible.module_utils.fedgate.module import run_here

from ...emulators.lync.deployment import Deployment
from ...emulators.lync.soap import Request
from ...emulators.lync.world import XmppPartner
from .conftest import Options

#: What PowerShell would make something of, were it ever script.
QUOTING = (
    "'; Remove-CsXmppAllowedPartner -Identity fabrikam.example; '",
    '"; Remove-CsXmppAllowedPartner $_; "',
    "$(Remove-Item C:\\ -Recurse)",
    "`$env:USERNAME `0`n @{a=1} | & { iex 'x' } # <# %ProgramFiles% \u2018\u2019\u201c\u201d",
    "]]></S></Obj><S>&lt;&amp;",
    "line\nbreak\ttab",
)


def partners(count: int) -> list[dict[str, Any]]:
    """Return partners of all kinds, with additional domains and hostile notes."""
    return [
        {
            "domain": f"p{number}.example",
            "additional_domains": [f"emea.p{number}.example"] if number % 10 == 0 else [],
            "description": f"{QUOTING[number % len(QUOTING)]} {number}",
            "type": ("federated", "public_verified", "public_unverified")[number % 3],
            "connection_limit": number % 7 + 1,
        }
        for number in range(count)
    ]


def as_there(partner: dict[str, Any]) -> XmppPartner:
    """Return a partner as the server would hold it."""
    kind = {"federated": "Federated", "public_verified": "PublicVerified", "public_unverified": "PublicUnverified"}
    return XmppPartner(
        partner["domain"],
        list(partner["additional_domains"]),
        partner["description"],
        kind[partner["type"]],
        connection_limit=partner["connection_limit"],
    )


@pytest.fixture
def seen(lync: Deployment) -> Counter[str]:
    """Count the messages that arrive, by their kind: a shell is a pool of runspaces, a command a pipeline."""
    counted: Counter[str] = Counter()

    def note(request: Request) -> None:
        counted[request.action] += 1

    lync.front_end.trouble = note
    return counted


def apply(options: Options, wanted: list[dict[str, Any]], check: bool = False) -> dict[str, Any]:
    result = run_here(XmppPartners, ARGUMENTS, {**options, "partners": wanted}, check)
    assert not result.get("failed"), result["msg"]
    return result


def test_a_thousand(lync: Deployment, options: Options, seen: Counter[str]) -> None:
    wanted = partners(1000)
    first = apply(options, wanted)
    assert len(first["plan"]) == 1000 and list(lync.world.partners.values()) == [as_there(item) for item in wanted]
    assert seen["Command"] <= 1050 and (seen["Create"], seen["Delete"]) == (1, 1)
    assert first["calls"] == seen["Command"]
    seen.clear()
    assert apply(options, wanted[::-1])["changed"] is False
    assert seen["Command"] <= 3 and seen["Create"] == 1


def test_five_thousand(lync: Deployment, options: Options, seen: Counter[str]) -> None:
    """A few changes in a long list: one look, what differs, one look."""
    wanted = partners(5000)
    assert len(apply(options, wanted, check=True)["plan"]) == 5000 and lync.world.writes == 0
    for partner in wanted[20:]:
        lync.world.partners[partner["domain"]] = as_there(partner)
    for partner in wanted[4980:]:
        lync.world.partners[partner["domain"]].description = "by hand"
    lync.world.partners["theirs.example"] = XmppPartner("theirs.example")
    seen.clear()
    result = apply(options, wanted)
    assert Counter(change["action"] for change in result["plan"]) == {"update": 20, "create": 20}
    assert seen["Command"] == 42 and seen["Create"] == 1 and result["unmanaged"] == ["theirs.example"]


def test_quoting_is_never_script(lync: Deployment, options: Options) -> None:
    """Notes arrive as they are written, also when they are changed; nothing else is called than our four cmdlets."""
    wanted = partners(len(QUOTING))
    apply(options, wanted)
    changed = [{**partner, "description": f"{partner['description']} again"} for partner in wanted]
    apply(options, changed)
    assert [lync.world.partners[item["domain"]].description for item in changed] == [
        item["description"] for item in changed
    ]
    assert apply(options, changed)["changed"] is False
    names = {name for name, _bound in lync.engine.calls}
    assert names == {"Get-CsXmppAllowedPartner", "New-CsXmppAllowedPartner", "Set-CsXmppAllowedPartner"}


def test_handing_over_that_breaks_off(lync: Deployment, options: Options, seen: Counter[str]) -> None:
    """A domain that is to go from one partner to another is free in between; the second run gives it."""
    one, two = {"domain": "one.example"}, {"domain": "two.example"}
    apply(options, [{**one, "additional_domains": ["x.example"]}, two])
    seen.clear()

    def break_off(request: Request) -> str | None:
        seen[request.action] += 1
        return "drop" if request.action == "Command" and seen["Command"] == 2 else None

    lync.front_end.trouble = break_off
    swapped = [one, {**two, "additional_domains": ["x.example"]}]
    result = run_here(XmppPartners, ARGUMENTS, {**options, "partners": swapped}, False)
    lync.front_end.trouble = lambda request: None
    assert result["failed"] and result["applied"] == [] and len(result["left"]) == 2
    assert "0 of 2 changes were made before it" in result["msg"]
    assert lync.world.partners["one.example"].additional_domains == []
    assert apply(options, swapped)["changed"] and not apply(options, swapped)["changed"]
    assert lync.world.partners["two.example"].additional_domains == ["x.example"]
