"""``lync_external_access_policy``: policies and grants become the inventory's, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.access_policies import ARGUMENTS, ExternalAccessPolicies
from ansible.module_utils.fedgate.model.access import AccessPolicy as Published
from ansible.module_utils.fedgate.module import run_here
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ...emulators.lync.access_policies import DEFAULTS
from ...emulators.lync.deployment import VIEWER, Deployment
from ...emulators.lync.soap import Request
from ...emulators.lync.world import AccessPolicy, User
from .conftest import Options, actions
from .interference import interfere

Result = dict[str, Any]
Apply = Callable[..., Result]
ALICE, BOB, CAROL = (f"{name}@contoso.example" for name in ("alice", "bob", "carol"))
GLOBAL = {"name": "global", "xmpp_access": False}
SALES = {"name": "sales", "xmpp_access": True, "description": "'; Remove-CsUser '", "users": [ALICE, BOB]}


@pytest.fixture
def apply(options: Options) -> Apply:
    """Return a function that runs the module with policies and further arguments."""

    def run(policies: list[dict[str, Any]], check: bool = False, **more: Any) -> Result:
        return run_here(ExternalAccessPolicies, ARGUMENTS, {**options, "policies": policies, **more}, check)

    return run


def settings_of(lync: Deployment, identity: str) -> dict[str, Any]:
    return {**DEFAULTS, **lync.world.access_policies[identity.lower()].settings}


def granted(lync: Deployment) -> dict[str, str]:
    return {user.address: user.policy for user in lync.world.users.values() if user.policy}


def test_all_arrives(lync: Deployment, apply: Apply) -> None:
    wanted = [{**GLOBAL, "description": "Nobody"}, {"name": "site:London", "xmpp_access": True}, SALES]
    planned = apply(wanted, check=True)
    assert lync.world.writes == 0
    assert actions(planned) == [
        ("update", "Global"),
        ("create", "sales"),
        ("create", "site:London"),
        ("create", ALICE),
        ("create", BOB),
    ]
    done = apply(wanted)
    assert done["plan"] == planned["plan"] and done["plan_digest"] == planned["plan_digest"]
    assert [policy.identity for policy in lync.world.access_policies.values()] == ["Global", "Tag:sales", "Site:London"]
    for identity in ("Tag:sales", "site:London"):
        found = settings_of(lync, identity)
        assert found["EnableXmppAccess"] and found["EnableFederationAccess"]
    assert settings_of(lync, "Tag:sales")["Description"] == SALES["description"]
    assert granted(lync) == {ALICE: "sales", BOB: "sales"}
    again = apply(wanted)
    assert again["changed"] is False and again["calls"] == 2 and not again["unmanaged"] and "warnings" not in again


def test_only_what_differs_is_written(lync: Deployment, apply: Apply) -> None:
    lync.world.access_policies["global"].settings["EnableOutsideAccess"] = True
    result = apply([{"name": "global", "xmpp_access": True}])
    assert actions(result) == [("update", "Global")]
    (written,) = [bound for name, bound in lync.engine.calls if name.startswith("Set-")]
    assert set(written) == {"Identity", "ErrorAction", "EnableXmppAccess", "EnableFederationAccess"}
    assert settings_of(lync, "global")["EnableOutsideAccess"] is True
    assert "xmpp_access: true" in result["diff"][0]["after"] and "xmpp_access: false" in result["diff"][0]["before"]


def test_taking_xmpp_away_leaves_sip(lync: Deployment, apply: Apply) -> None:
    lync.world.access_policies["global"].settings.update(EnableXmppAccess=True, EnableFederationAccess=True)
    apply([GLOBAL])
    found = settings_of(lync, "global")
    assert (found["EnableXmppAccess"], found["EnableFederationAccess"]) == (False, True)


def test_a_new_policy_takes_nothing_else_away(lync: Deployment, apply: Apply) -> None:
    """With the defaults of New-CsExternalAccessPolicy, who is granted it could not log in from outside any more."""
    lync.world.access_policies["global"].settings.update(EnableOutsideAccess=True, EnablePublicCloudAccess=True)
    apply([SALES, {"name": "none", "xmpp_access": False, "outside_access": False}])
    assert (
        settings_of(lync, "Tag:sales")["EnableOutsideAccess"]
        and settings_of(lync, "Tag:sales")["EnablePublicCloudAccess"]
    )
    assert settings_of(lync, "Tag:none")["EnableOutsideAccess"] is False
    assert "outside_access: true" in apply([{**SALES, "name": "x"}], check=True)["diff"][0]["after"]


def test_settings_of_its_own(lync: Deployment, apply: Apply) -> None:
    flags = ("public_cloud_access", "public_cloud_audio_video_access", "outside_access")
    wanted = [{**SALES, **dict.fromkeys(flags, True)}]
    apply(wanted)
    assert all(settings_of(lync, "Tag:sales")[name] for name in DEFAULTS if name != "Description")
    assert apply(wanted)["changed"] is False
    assert actions(apply([{**wanted[0], "outside_access": False}])) == [("update", "sales")]


def test_case_makes_no_difference(lync: Deployment, apply: Apply) -> None:
    apply([SALES, {"name": "site:London", "xmpp_access": True}])
    lync.world.users[ALICE].policy = "Sales"
    lync.world.users[ALICE].address = "Alice@Contoso.example"
    other = {**SALES, "name": "SALES", "users": ["ALICE@contoso.example", BOB]}
    assert apply([other, {"name": "Site: london", "xmpp_access": True}])["changed"] is False


class TestGrants:
    def test_one_policy_instead_of_another(self, lync: Deployment, apply: Apply) -> None:
        apply([SALES])
        closed = {"name": "closed", "xmpp_access": False, "users": [ALICE]}
        result = apply([{**SALES, "users": [BOB]}, closed])
        assert actions(result) == [("create", "closed"), ("update", ALICE)]
        assert result["plan"][1]["before"] == {"policy": "sales"} and result["plan"][1]["after"] == {"policy": "closed"}
        assert granted(lync) == {ALICE: "closed", BOB: "sales"}

    def test_users_who_are_not_there(self, lync: Deployment, apply: Apply) -> None:
        result = apply([{**SALES, "users": [ALICE, "alicia@contoso.example", "dave@contoso.example"]}])
        assert result["failed"] and "alicia@contoso.example, dave@contoso.example" in result["msg"]
        assert "Nothing was changed" in result["msg"] and lync.world.writes == 0

    def test_who_has_a_policy_is_not_looked_for_again(self, lync: Deployment, apply: Apply) -> None:
        """One call for the policies and one for all grants; one more for each user who has none yet."""
        users = [f"user{number}@contoso.example" for number in range(40)]
        lync.world.users.update({name: User(name, name, "pool1.contoso.example") for name in users})
        many = [{**SALES, "users": users}]
        opened = lync.shells.opened
        assert apply(many)["calls"] == 2 + 40 + 1 + 40 + 2
        assert apply(many)["calls"] == 2 and lync.shells.opened == opened + 2

    def test_a_new_policy_that_is_not_known_yet(self, lync: Deployment, apply: Apply) -> None:
        def as_told(world: Any) -> None:
            world.access_policies["tag:sales"].unknown_for = 2

        interfere(lync, "Grant-CsExternalAccessPolicy", lambda: as_told(lync.world))
        assert actions(apply([SALES]))[1:] == [("create", ALICE), ("create", BOB)]
        assert granted(lync) == {ALICE: "sales", BOB: "sales"}

    def test_a_new_policy_that_never_gets_known(self, lync: Deployment, apply: Apply) -> None:
        lync.world.access_policies["tag:sales"] = AccessPolicy("Tag:sales", unknown_for=99)
        result = apply([SALES], grant_timeout=1)
        assert result["failed"] and "is not a user policy" in result["msg"]
        assert result["applied"] == ["update external_access_policy sales"] and len(result["left"]) == 2
        lync.world.access_policies["tag:sales"].unknown_for = 0
        assert actions(apply([SALES])) == [("create", ALICE), ("create", BOB)]


class TestPurge:
    @pytest.fixture(autouse=True)
    def others(self, lync: Deployment) -> None:
        """What somebody else has made."""
        lync.world.access_policies["site:tokyo"] = AccessPolicy("Site:Tokyo", {"EnableXmppAccess": True})
        opened = {"EnableXmppAccess": True, "EnableFederationAccess": True}
        lync.world.access_policies["tag:theirs"] = AccessPolicy("Tag:theirs", opened)
        lync.world.users[CAROL].policy = "theirs"

    def test_what_is_not_listed_stays_and_is_told(self, lync: Deployment, apply: Apply) -> None:
        result = apply([SALES])
        assert actions(result) == [("create", "sales"), ("create", ALICE), ("create", BOB)]
        assert result["unmanaged"] == ["Site:Tokyo", "theirs"] and result["unmanaged_grants"] == {CAROL: "theirs"}
        policies, users = result["warnings"]
        assert "Site:Tokyo (XMPP not allowed), theirs (XMPP allowed)" in policies and f"{CAROL} (theirs)" in users
        assert len(lync.world.access_policies) == 4 and granted(lync)[CAROL] == "theirs"

    def test_it_goes_on_request(self, lync: Deployment, apply: Apply) -> None:
        planned = apply([SALES], check=True, purge=True)
        result = apply([SALES], purge=True)
        assert planned["plan"] == result["plan"] and "warnings" not in result
        assert actions(result) == [
            ("create", "sales"),
            ("create", ALICE),
            ("create", BOB),
            ("delete", CAROL),
            ("delete", "Site:Tokyo"),
            ("delete", "theirs"),
        ]
        assert list(lync.world.access_policies) == ["global", "tag:sales"] and granted(lync) == {
            ALICE: "sales",
            BOB: "sales",
        }
        assert apply([SALES], purge=True)["changed"] is False

    def test_a_grant_of_ours_to_somebody_else(self, lync: Deployment, apply: Apply) -> None:
        apply([SALES])
        lync.world.users[CAROL].policy = "sales"
        assert apply([SALES])["unmanaged_grants"] == {CAROL: "sales"}
        assert ("delete", CAROL) in actions(apply([SALES], purge=True)) and CAROL not in granted(lync)

    def test_the_global_policy_always_stays(self, lync: Deployment, apply: Apply) -> None:
        lync.world.access_policies["global"].settings["EnableXmppAccess"] = True
        apply([], purge=True)
        assert settings_of(lync, "global")["EnableXmppAccess"] and list(lync.world.access_policies) == ["global"]


class TestOthers:
    """Somebody changes things by hand between our look and our write."""

    def test_the_same_policy_made_by_them(self, lync: Deployment, apply: Apply) -> None:
        theirs = AccessPolicy("Tag:Sales", {"EnableXmppAccess": True})
        interfere(lync, "New-CsExternalAccessPolicy", lambda: lync.world.access_policies.update({"tag:sales": theirs}))
        result = apply([SALES])
        assert result["failed"] and result["error"] == "WorldMoved" and "somebody else" in result["msg"]
        assert ("update", "Sales") in actions(apply([SALES])) and not apply([SALES])["changed"]

    def test_a_user_whom_they_removed(self, lync: Deployment, apply: Apply) -> None:
        interfere(lync, "Grant-CsExternalAccessPolicy", lambda: lync.world.users.pop(ALICE))
        result = apply([SALES])
        assert (
            result["failed"]
            and result["error"] == "WorldMoved"
            and result["applied"] == ["create external_access_policy sales"]
        )


def test_a_connection_lost_in_the_middle(lync: Deployment, apply: Apply) -> None:
    seen: list[str] = []

    def break_off(request: Request) -> str | None:
        seen.append(request.action)
        return "refuse" if request.action == "Command" and seen.count("Command") == 6 else None

    lync.front_end.trouble = break_off
    result = apply([SALES])
    lync.front_end.trouble = lambda request: None
    assert result["failed"] and "1 of 3 changes were made before it" in result["msg"]
    assert actions(apply([SALES])) == [("create", ALICE), ("create", BOB)] and not apply([SALES])["changed"]


def test_who_may_only_look(lync: Deployment, apply: Apply) -> None:
    assert actions(apply([SALES], check=True, username=VIEWER))
    result = apply([SALES], username=VIEWER)
    assert result["failed"] and "no cmdlet New-CsExternalAccessPolicy" in result["msg"] and lync.world.writes == 0


WRONG: list[tuple[list[dict[str, Any]], str, str]] = [
    ([{**SALES, "name": "tag:sales"}], "'tag:sales' is no name of a policy", "no tag:"),
    ([{**SALES, "name": "a/b"}], "'a/b' is no name of a policy", "letters, digits"),
    ([{**SALES, "name": "site:"}], "'site:' is no name of a policy", "site:<name>"),
    ([{**GLOBAL, "users": [ALICE]}], "global is granted to nobody by name", "name of its own"),
    ([{**SALES, "name": "site:London"}], "site:London is granted to nobody", "name of its own"),
    ([{**SALES, "users": ["*@contoso.example"]}], "'*@contoso.example' is not an address", "wildcards"),
    ([{**SALES, "users": ["sip:alice@contoso.example"]}], "is not an address", "without sip:"),
    ([{**SALES, "users": ["alice"]}], "'alice' is not an address", "like alice@contoso.example"),
    ([{**SALES, "federation_access": False}], "XMPP needs EnableFederationAccess", "xmpp_access: false"),
    ([{**SALES, "groups": ["cn=A,dc=b"]}], "to users only, not to cn=A,dc=b", "ignore_groups: true"),
    ([SALES, {**GLOBAL, "name": "Sales"}], "the policy Sales is written twice", "Remove one"),
    ([SALES, {**SALES, "name": "x", "users": [BOB]}], f"{BOB} is granted sales and x", "at most one"),
]


@pytest.mark.parametrize(("policies", "told", "hint"), WRONG, ids=[told for _policies, told, _hint in WRONG])
def test_bad_input(lync: Deployment, apply: Apply, policies: list[dict[str, Any]], told: str, hint: str) -> None:
    result = apply(policies)
    assert result["failed"] and told in result["msg"] and hint in result["msg"] and "policies[" in result["msg"]
    assert lync.shells.opened == 0


def test_all_that_is_wrong_is_told_together(lync: Deployment, apply: Apply) -> None:
    result = apply([policy for policies, _told, _hint in WRONG[:4] for policy in policies])
    assert "errors in the inventory; nothing was changed" in result["msg"] and lync.shells.opened == 0
    assert all(told in result["msg"] for _policies, told, _hint in WRONG[:4])


def test_groups_can_be_done_without(lync: Deployment, apply: Apply) -> None:
    result = apply([{**SALES, "groups": ["cn=A,dc=b"]}], ignore_groups=True)
    assert len(actions(result)) == 3 and "nobody has them by that" in result["warnings"][0]


def test_a_site_that_the_server_does_not_have(lync: Deployment, apply: Apply) -> None:
    result = apply([SALES, {"name": "site:Paris", "xmpp_access": True}, {"name": "site:tokyo", "xmpp_access": True}])
    assert result["failed"] and "the deployment has no site:Paris" in result["msg"] and lync.world.writes == 0
    assert "Its sites are London, Tokyo. Nothing was changed" in result["msg"]


def test_what_the_model_publishes_is_taken(lync: Deployment, apply: Apply) -> None:
    facts = [Published("global", False).as_facts(), Published("sales", True, "Sales", (ALICE,)).as_facts()]
    assert actions(apply(facts)) == [("create", "sales"), ("create", ALICE)]
    assert apply(facts)["changed"] is False


NAMES = st.sampled_from(["sales", "Support", "none"])
POLICIES = st.lists(
    st.builds(
        lambda name, access, outside: {"name": name, "xmpp_access": access, "outside_access": outside},
        NAMES | st.sampled_from(["global", "site:London"]),
        st.booleans(),
        st.none() | st.booleans(),
    ),
    unique_by=lambda item: item["name"],
)


@given(before=POLICIES, after=POLICIES, holders=st.dictionaries(st.sampled_from([ALICE, BOB, CAROL]), NAMES))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_list_becomes_any_other(
    lync: Deployment, apply: Apply, before: list[Any], after: list[Any], holders: dict[str, str]
) -> None:
    """Applying the plan leaves an empty one; what check mode says is what is done; the order does not matter."""
    apply(before, purge=True)
    wanted = [{**item, "users": [user for user, name in holders.items() if name == item["name"]]} for item in after]
    planned, done = apply(wanted, check=True, purge=True), apply(wanted, purge=True)
    assert not done.get("failed"), done["msg"]
    assert done["plan"] == planned["plan"]
    assert granted(lync) == {user: item["name"] for item in wanted for user in item["users"]}
    assert apply(wanted[::-1], purge=True)["changed"] is False
