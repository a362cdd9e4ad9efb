"""The reconciler of ``lync_external_access_policy``: all external access policies and their grants in one session."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidValue, WorldMoved
from ..module import Context
from ..plan import Change, Plan, compared
from . import access_policy as wire
from .access_policy import FLAGS, GLOBAL, PARAMETERS, SITE, Policy
from .faults import CmdletFailed
from .reconciler import CONNECTION_ARGUMENTS, OverShell
from .topology import read_sites

KIND, GRANT = "external_access_policy", "external_access_grant"
#: Of Get-CsUser: those who have been granted a policy (its reference, example 5, for another kind of policy).
_HOLDERS = "ExternalAccessPolicy -ne $Null"
#: Seconds between two attempts to grant a policy that is not known yet.
_LONGEST_PAUSE = 10.0
_OPTIONS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "xmpp_access": {"type": "bool", "required": True},
    "description": {"type": "str"},
    "users": {"type": "list", "elements": "str", "default": []},
    "groups": {"type": "list", "elements": "str", "default": []},
    **{name: {"type": "bool"} for name in FLAGS if name != "xmpp_access"},
}
ARGUMENTS: dict[str, Any] = {
    **CONNECTION_ARGUMENTS,
    "policies": {"type": "list", "elements": "dict", "required": True, "options": _OPTIONS},
    "ignore_groups": {"type": "bool", "default": False},
    "grant_timeout": {"type": "int", "default": 120},
    "purge": {"type": "bool", "default": False},
}


@dataclass(frozen=True)
class Observed:
    """What the server has.

    :ivar policies: by their names in lower case.
    :ivar grants: address of each user who has been granted a policy → its name.
    """

    policies: Mapping[str, Policy]
    grants: Mapping[str, str]


class ExternalAccessPolicies(OverShell):
    """Who of ours may federate: policies, and whom they are granted to."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.wanted = {policy.key: policy for policy in wire.wanted(params["policies"], params["ignore_groups"])}
        self.holders = {user: policy for policy in self.wanted.values() for user in policy.users}
        self._known: set[str] = set()
        if params["ignore_groups"] and any(item["groups"] for item in params["policies"]):
            self.context.warn("policies are granted to groups in the inventory; on Lync Server nobody has them by that")

    def observe(self) -> Observed:
        """Read all policies in one call and all grants in another; look for users without a grant one by one.

        :raises InvalidValue: sites or users that the server does not have.
        """
        policies = {policy.key: policy for policy in map(wire.read, self.shell.call("Get-CsExternalAccessPolicy"))}
        self._demand_sites([policy for key, policy in self.wanted.items() if key not in policies])
        users = [wire.read_user(item) for item in self.shell.call("Get-CsUser", {"Filter": _HOLDERS})]
        grants = {user: policy for user, policy in users if policy is not None}
        self._demand_users(user for user in self.holders if user not in grants)
        return Observed(policies, grants)

    def _demand_sites(self, new: Iterable[Policy]) -> None:
        """Look for the sites of new policies; that of a present one is there."""
        asked = {policy.key: policy.name for policy in new if policy.key.startswith(SITE)}
        if not asked:
            return
        sites = read_sites(self.shell)
        unknown = [name for key, name in asked.items() if key.removeprefix(SITE) not in sites]
        if unknown:
            known = ", ".join(sorted(site.name for site in sites.values()))
            raise InvalidValue(
                f"the deployment has no {', '.join(unknown)}", hint=f"Its sites are {known}. Nothing was changed."
            )

    def _demand_users(self, addresses: Iterable[str]) -> None:
        unknown = [user for user in addresses if user not in self._known and not self._is_known(user)]
        if unknown:
            raise InvalidValue(
                f"there are no users {', '.join(unknown)} on the server",
                hint="Correct the addresses, or enable these users for Lync Server first. Nothing was changed.",
            )

    def _is_known(self, user: str) -> bool:
        try:
            self.shell.call("Get-CsUser", {"Identity": f"sip:{user}"})
        except CmdletFailed as error:
            if _absent(error):
                return False
            raise
        self._known.add(user)
        return True

    def plan(self, observed: Observed) -> Plan:
        """New and changed policies, then grants, then removals (when they are asked for)."""
        policies = list(compared(KIND, *self._policies(observed)))
        grants = compared(GRANT, *self._grants(observed))
        removals = [change for change in policies if change.action == "delete"]
        return Plan.of([*(change for change in policies if change.action != "delete"), *grants, *removals])

    def _policies(self, observed: Observed) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the settings of all policies as they are and as they will be, by name."""
        names = {key: policy.name for key, policy in {**self.wanted, **observed.policies}.items()}
        before = {names[key]: policy.settings for key, policy in observed.policies.items()}
        after = dict(before)
        for key in observed.policies:
            if self.params["purge"] and key != GLOBAL and key not in self.wanted:
                del after[names[key]]
        start = self._start(observed)
        for key, policy in self.wanted.items():
            after[names[key]] = {**before.get(names[key], start), **policy.settings}
        return before, after

    def _start(self, observed: Observed) -> dict[str, Any]:
        """Return the settings of a new policy that the inventory leaves open: those that its users had before.

        With the product's own defaults, somebody who is granted a policy for XMPP would lose access from outside.
        """
        given = self.wanted.get(GLOBAL) or Policy(GLOBAL, {})
        present = observed.policies.get(GLOBAL) or Policy(GLOBAL, dict.fromkeys(FLAGS, False))
        return {**present.settings, **given.settings, "description": ""}

    def _grants(self, observed: Observed) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return who has which policy and who will have, without regard to the case of its name."""
        before = {user: _grant(policy, observed) for user, policy in observed.grants.items()}
        after = {} if self.params["purge"] else dict(before)
        for user, policy in self.holders.items():
            same = observed.grants.get(user, "").casefold() == policy.key
            after[user] = before[user] if same else {"policy": policy.name}
        return before, after

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Call one cmdlet for each change. :raises WorldMoved: somebody else has changed it meanwhile."""
        self.carry_out(plan, self._do)

    def _do(self, change: Change) -> None:
        if change.kind == GRANT:
            policy = (change.after or {}).get("policy")
            self._grant(f"sip:{change.name}", policy)
        elif change.action == "delete":
            self._call("Remove-CsExternalAccessPolicy", change.name, {})
        else:
            cmdlet = f"{'New' if change.action == 'create' else 'Set'}-CsExternalAccessPolicy"
            before, after = change.before or {"description": ""}, change.after or {}
            given = {PARAMETERS[name]: value for name, value in after.items() if before.get(name) != value}
            self._call(cmdlet, change.name, given)

    def _grant(self, identity: str, policy: str | None) -> None:
        """Grant a policy; a new one is not known everywhere at once, and may have to be waited for."""
        end, pause = time.monotonic() + self.params["grant_timeout"], 0.5
        while True:
            try:
                return self._call("Grant-CsExternalAccessPolicy", identity, {"PolicyName": policy})
            except CmdletFailed as error:
                if "is not a user policy" not in error.message.lower() or time.monotonic() + pause > end:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _call(self, cmdlet: str, identity: str, given: Mapping[str, Any]) -> None:
        try:
            self.shell.call(cmdlet, {"Identity": identity, **given})
        except CmdletFailed as error:
            if _absent(error) or error.error_id in ("DuplicateItem", "ItemNotFound"):
                raise WorldMoved(
                    f"{identity} is not as it was a moment ago; somebody else has changed it: {error.message}",
                    hint="Nothing of theirs was overwritten.",
                ) from None
            raise

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return what is on the server and not in the inventory, and the number of calls."""
        ours = {*self.wanted, GLOBAL}
        unmanaged = [policy for key, policy in sorted(observed.policies.items()) if key not in ours]
        grants = {user: policy for user, policy in sorted(observed.grants.items()) if user not in self.holders}
        if not self.params["purge"]:
            self._warn(unmanaged, grants)
        return {"unmanaged": [policy.name for policy in unmanaged], "unmanaged_grants": grants, **self.calls()}

    def _warn(self, unmanaged: list[Policy], grants: Mapping[str, str]) -> None:
        if unmanaged:
            named = ", ".join(f"{policy.name} ({_said(policy)})" for policy in unmanaged)
            self.context.warn(f"external access policies on the server that the inventory does not list: {named}")
        if grants:
            named = ", ".join(f"{user} ({policy})" for user, policy in list(grants.items())[:20])
            more = f" and {len(grants) - 20} others" if len(grants) > 20 else ""
            self.context.warn(f"users with a policy that the inventory does not grant to them: {named}{more}")


def _grant(policy: str, observed: Observed) -> dict[str, str]:
    known = observed.policies.get(policy.casefold())
    return {"policy": known.name if known else policy}


def _said(policy: Policy) -> str:
    allowed = policy.settings["xmpp_access"] and policy.settings["federation_access"]
    return "XMPP allowed" if allowed else "XMPP not allowed"


def _absent(error: CmdletFailed) -> bool:
    """Whether a user is not there. These cmdlets give no error id of their own for it; the sentence is known."""
    return "management object not found for identity" in error.message.lower()
