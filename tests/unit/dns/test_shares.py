"""Who is given which record, and when a change has to be confirmed: by property."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.fedgate.dns import brake
from ansible.module_utils.fedgate.dns.changes import RRsetChange, changes
from ansible.module_utils.fedgate.dns.records import RRset, Wanted
from ansible.module_utils.fedgate.dns.shares import shares
from ansible.module_utils.fedgate.dns.values import parse
from hypothesis import given
from hypothesis import strategies as st

LABELS = st.sampled_from(["a", "b", "xmpp"])
NAMES = st.builds(lambda labels: ".".join([*labels, "example"]), st.lists(LABELS, min_size=1, max_size=4))
VIEWS = st.sampled_from(["external", "internal"])
PROVIDERS = st.lists(
    st.fixed_dictionaries({"kind": st.just("rfc2136"), "view": VIEWS, "zones": st.lists(NAMES, max_size=3)}),
    min_size=1,
    max_size=4,
).map(lambda found: [{**options, "name": f"p{index}"} for index, options in enumerate(found)])
WANTED = st.lists(st.builds(lambda name, view: Wanted(name, "A", view=view), NAMES, VIEWS), unique=True, max_size=8)


def zone_of(name: str, options: dict[str, Any]) -> int:
    """How long the zone is that a provider names for a name: 0 when it names no zones at all, -1 when none fits."""
    fitting = [zone for zone in options["zones"] if name == zone or name.endswith(f".{zone}")]
    return max(map(len, fitting), default=-1) if options["zones"] else 0


@given(PROVIDERS, WANTED)
def test_each_record_goes_to_all_that_name_its_longest_zone_and_to_no_other(
    providers: list[dict[str, Any]], wanted: list[Wanted]
) -> None:
    dealt, homeless = shares(providers, wanted)
    for one in wanted:
        near = [zone_of(one.name, options) if options["view"] == one.view else -1 for options in providers]
        takers = [index for index, share in enumerate(dealt) if one in share.wanted]
        assert takers == [index for index, length in enumerate(near) if length == max(near) >= 0]
        assert (one in homeless) == (not takers)


def a(name: str, *addresses: str) -> RRset:
    return RRset.of(name, "A", 300, [parse("A", text) for text in addresses])


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_the_brake_counts_what_exists(same: int, changed: int, new: int) -> None:
    observed = {(f"n{number}.example", "A"): a(f"n{number}.example", "192.0.2.1") for number in range(same + changed)}
    wanted = [Wanted(name, "A", 300, rrset.values) for (name, _), rrset in observed.items()]
    other = (parse("A", "192.0.2.2"),)
    wanted[:changed] = [Wanted(one.name, "A", 300, other) if at % 2 else Wanted(one.name, "A") for at, one in
                        enumerate(wanted[:changed])]  # fmt: skip
    wanted += [Wanted(f"new{number}.example", "A", 300, other) for number in range(new)]
    braked = bool(brake.reasons(list(observed), changes(observed, wanted)))
    assert braked == (changed > 2 and changed / (same + changed) > 0.3)


def test_a_service_that_ends_is_named_whatever_the_share() -> None:
    def srv(owner: str, *values: str) -> RRset:
        return RRset.of(owner, "SRV", 300, [parse("SRV", text) for text in values])

    vital, other = "_xmpp-server._tcp.contoso.example", "_xmpps-server._tcp.contoso.example"
    many = [(f"n{number}.example", "A") for number in range(100)]
    live, none = "10 0 5269 edge.contoso.example", "0 0 0 ."

    def reasons(owner: str, before: str, after: str | None) -> list[str]:
        change = RRsetChange((owner, "SRV"), srv(owner, before), srv(owner, after) if after else None)
        return brake.reasons(many, [change])

    assert reasons(vital, live, None) == reasons(vital, live, none) == [f"the last SRV record of {vital} would go"]
    assert not reasons(vital, none, None) and not reasons(vital, live, "20 0 5269 edge.contoso.example")
    assert not reasons(other, live, None)
