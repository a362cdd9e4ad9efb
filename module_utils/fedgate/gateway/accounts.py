"""The reconciler of ``xmpp_gateway_users``: named accounts in Prosody's own store; all others are left alone."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..errors import CheckFailed, InvalidValue, MissingDependency
from ..host.systemd import Unit
from ..module import Context, Reconciler
from ..plan import Change, Plan
from . import scram
from .kinds import kind_of

#: What RFC 7622, section 3.3.1 forbids in a user's name, and what Prosody would fold.
_USER = re.compile(r"[^\s\"&'/:<>@A-Z]+")


@dataclass(frozen=True)
class Account:
    """A wanted account: user and domain; the password is None when the account has to go."""

    user: str
    domain: str
    password: Optional[str]

    @property
    def jid(self) -> str:
        """The address, ``user@domain``."""
        return f"{self.user}@{self.domain}"


class Accounts(Reconciler):
    """The listed accounts, each with the listed password."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.accounts = wanted_accounts(params["users"])
        self.unit = Unit(context, kind_of(params["server"]).unit)

    def observe(self) -> dict[str, Optional[str]]:
        """Return the text of each account's file, None where there is none."""
        return {account.jid: _read(self._path(account)) for account in self.accounts}

    def plan(self, observed: Mapping[str, Optional[str]]) -> Plan:
        """Return the accounts that are missing, have another password, or have to go."""
        changes = []
        for account in self.accounts:
            text = observed[account.jid]
            before = None if text is None else {"password": "secret"}
            if account.password is None:
                if text is not None:
                    changes.append(Change("delete", "user", account.jid, before, None, account))
            elif text is None:
                changes.append(Change("create", "user", account.jid, None, {"password": "secret"}, account))
            elif not scram.fits(scram.parse_account(text), account.password):
                changes.append(Change("update", "user", account.jid, before, {"password": "changed (secret)"}, account))
        return Plan.of(changes)

    def apply(self, plan: Plan, observed: Any) -> None:
        """Tell the running server, through its administration socket. :raises CheckFailed: when it refuses one."""
        if not self.unit.state().active:
            raise MissingDependency(
                f"{self.unit.name} does not run on this host, so its accounts cannot be changed",
                hint="Run gateway.yml for this host first.",
            )
        lines = [command_of(change) for change in plan.changes]
        code, out, err = self.context.run(["prosodyctl", "shell"], stdin="".join(f"{line}\n" for line in lines))
        if code != 0:
            raise CheckFailed(
                f"prosodyctl shell: {_without_banner(out + err)}", hint="The server needs mod_admin_shell."
            )
        problems = [line.split("!", 1)[1].strip() for line in out.splitlines() if re.match(r"prosody> !", line)]
        if problems:
            raise CheckFailed(f"the server refused to change its accounts: {'; '.join(problems)}")

    def _path(self, account: Account) -> str:
        return os.path.join(self.params["data_path"], encode(account.domain), "accounts", f"{encode(account.user)}.dat")


def wanted_accounts(users: Sequence[Mapping[str, Any]]) -> list[Account]:
    """Read the argument. :raises InvalidValue: naming the address that is wrong or given twice."""
    accounts: list[Account] = []
    for index, entry in enumerate(users):
        path = f"users[{index}].jid"
        user, _, domain = entry["jid"].partition("@")
        if not _USER.fullmatch(user) or not domain or "/" in domain or domain != domain.lower():
            raise InvalidValue(f"{entry['jid']!r} is not an address", hint="Write user@domain, lower case.", path=path)
        present = entry["state"] == "present"
        if present and not entry.get("password"):
            raise InvalidValue(f"{entry['jid']} has no password", path=f"users[{index}].password")
        account = Account(user, domain, entry["password"] if present else None)
        if any(other.jid == account.jid for other in accounts):
            raise InvalidValue(f"{account.jid} is listed twice", path=path)
        if account.password is not None:
            scram.prepared(account.password)
        accounts.append(account)
    return accounts


def command_of(change: Change) -> str:
    """Return the administration shell's line for one change."""
    account: Account = change.subject
    address = lua_string(account.jid)
    if account.password is None:
        return f"user:delete({address})"
    verb = "create" if change.action == "create" else "password"
    return f"user:{verb}({address}, {lua_string(account.password)})"


def lua_string(text: str) -> str:
    """Return a Lua literal in plain ASCII: whatever is no letter or digit as a decimal escape."""
    return (
        '"'
        + "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\{byte:03d}" for byte in text.encode())
        + '"'
    )


def encode(name: str) -> str:
    """Return a file name as Prosody's store makes it: all but letters and digits as ``%`` and two digits."""
    return "".join(chr(byte) if byte < 128 and chr(byte).isalnum() else f"%{byte:02x}" for byte in name.encode())


def _read(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _without_banner(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith(("prosody>", "**", "!")) or "rror" in line]
    return " ".join(lines).strip() or "no answer"
