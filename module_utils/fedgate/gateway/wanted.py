"""The arguments of ``xmpp_gateway`` as values, and what was observed of the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ..errors import InvalidValue
from ..host.systemd import UnitState
from .files import Seen, Wanted
from .firewall import Rules

#: How much each effect of a file takes; the strongest of a run is what the service is told.
EFFECTS = ("none", "reload", "restart")


@dataclass(frozen=True)
class Expected:
    """What the outcome check looks for.

    :ivar domains: domains served as virtual hosts.
    :ivar addresses: listen addresses, ``*`` and ``::`` for all.
    :ivar ports: ports that have to be open on them, and closed everywhere on a standby.
    :ivar certificate: folder of the generation that has to be served, None when that is not checked.
    """

    domains: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    certificate: Optional[str] = None


@dataclass(frozen=True)
class Settings:
    """The wanted gateway. For the fields see the documentation of the module ``xmpp_gateway``."""

    mode: str
    state: str
    active: bool
    files: tuple[Wanted, ...]
    directories: tuple[Wanted, ...]
    absent: tuple[str, ...]
    certificates: tuple[str, ...]
    certificate_pending: bool
    certificate_changes: bool
    expected: Expected
    config_path: str
    status_path: str
    timeout: float
    chain: Optional[str] = None
    open_ports: tuple[int, ...] = ()

    @property
    def removes(self) -> bool:
        """Whether our part is to be taken away."""
        return self.state == "absent"


@dataclass(frozen=True)
class Observed:
    """The host as it is.

    :ivar files: every path that is wanted, or not wanted.
    :ivar grants: per certificate folder, whether the server's group reads it.
    :ivar missing: certificate folders without an issued certificate.
    :ivar interrupted: what a killed run still owed the service: ``reload``, ``restart`` or None.
    :ivar outdated: whether the server started before one of its files was put in place.
    :ivar fault: what the running server does otherwise than its files say, and what mends it; None when nothing.
    :ivar rules: our rules in the host's firewall; None when it is not managed.
    """

    files: Mapping[str, Seen]
    grants: Mapping[str, bool]
    missing: tuple[str, ...]
    unit: UnitState
    interrupted: Optional[str] = None
    outdated: bool = False
    fault: Optional[tuple[str, str]] = None
    rules: Optional[Rules] = None


def settings_of(params: Mapping[str, Any]) -> Settings:
    """Read a module's arguments. :raises InvalidValue: for what the argument spec cannot say."""
    if params["state"] == "absent" and params["mode"] == "full":
        raise InvalidValue(
            "state absent needs mode policy_only: a whole gateway is not removed by this module", path="state"
        )
    expected, firewall = params.get("expected") or {}, params.get("firewall") or {}
    return Settings(
        mode=params["mode"],
        state=params["state"],
        active=params["active"],
        files=tuple(_file(entry, index) for index, entry in enumerate(params["files"] or [])),
        directories=tuple(_directory(entry) for entry in params["directories"] or []),
        absent=tuple(params["absent"] or []),
        certificates=tuple(entry["path"].rstrip("/") for entry in params["certificates"] or []),
        certificate_pending=params["certificate_pending"],
        certificate_changes=params["certificate_changes"],
        expected=Expected(
            tuple(expected.get("domains") or ()),
            tuple(expected.get("addresses") or ()),
            tuple(expected.get("ports") or ()),
            expected.get("certificate"),
        ),
        config_path=params["config_path"],
        status_path=params["status_path"],
        timeout=float(params["timeout"]),
        chain=firewall.get("chain"),
        open_ports=tuple(firewall.get("ports") or ()),
    )


def _file(entry: Mapping[str, Any], index: int) -> Wanted:
    _demand_absolute(entry["path"], f"files[{index}].path")
    return Wanted(
        path=entry["path"],
        data=entry["content"].encode(),
        mode=_mode(entry["mode"], f"files[{index}].mode"),
        owner=entry["owner"],
        group=entry["group"],
        secret=entry["confidential"],
        effect=entry["effect"],
    )


def _directory(entry: Mapping[str, Any]) -> Wanted:
    _demand_absolute(entry["path"], "directories")
    path = entry["path"].rstrip("/")
    return Wanted(path, b"", _mode(entry["mode"], f"directories ({path})"), entry["owner"], entry["group"])


def _demand_absolute(path: str, where: str) -> None:
    if not path.startswith("/"):
        raise InvalidValue(f"{path!r} is not an absolute path", path=where)


def _mode(text: str, where: str) -> int:
    try:
        return int(text, 8)
    except ValueError:
        problem = f"{text!r} is not a mode in octal digits"
        raise InvalidValue(problem, hint='Write it as in "0640".', path=where) from None
