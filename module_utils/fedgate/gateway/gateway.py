"""The reconciler of ``xmpp_gateway``: a whole gateway, or our part in a Prosody that somebody else configured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import CheckFailed, InvalidValue, MissingDependency
from ..host.listening import foreign_address
from ..host.systemd import Unit, UnitState
from ..module import Context, Reconciler
from ..plan import Plan
from .directory_check import check_directory
from .files import look
from .firewall import observe_rules
from .gateway_plan import plan_gateway
from .grants import has_chain, is_granted
from .kinds import kind_of
from .outcome import fault_of
from .prosody_check import check_contents, check_lua, check_with_prosody, includes, package_samples
from .status import is_current, read_status
from .transaction import Transaction, interrupted_operation
from .wanted import Observed, Settings, settings_of


class Gateway(Reconciler):
    """Files, rights and service of one gateway, as one transaction."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.settings = settings_of(params)
        self.kind = kind_of(params["server"])
        self.unit = Unit(context, self.kind.unit)

    def observe(self) -> Observed:
        """Look at files, rights, service, and at what the running server does."""
        settings = self.settings
        samples = dict(package_samples(self.context, self.params["server"]))
        paths = {entry.path for entry in (*settings.files, *settings.directories)} | set(settings.absent)
        unit = self.unit.state()
        seen = Observed(
            files={path: look(path, samples) for path in sorted(paths)},
            grants={path: is_granted(path, self.kind.group) for path in settings.certificates},
            missing=tuple(path for path in settings.certificates if not has_chain(path)),
            unit=unit,
            interrupted=interrupted_operation(self.kind.unit),
            rules=observe_rules(self.context, settings.chain) if settings.chain else None,
            fault=None if settings.removes else fault_of(settings, unit),
        )
        return Observed(**{**vars(seen), "outdated": _is_outdated(settings, seen)})

    def plan(self, observed: Observed) -> Plan:
        """Return what has to change."""
        return plan_gateway(self.settings, observed, self.kind.unit, check_mode=self.context.check_mode)

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Check the new set, then put it live. :raises CheckFailed: when the former state stayed or is back."""
        self._demand_prosody(observed.unit)
        self._demand_certificates(observed)
        if not self.settings.removes:
            check_contents(self.settings.files, self.settings.expected.domains, self.settings.config_path)
            check_lua(self.context, self.settings.files)
            check_with_prosody(self.context, self.settings.files, self.settings.config_path)
            self._demand_include()
            self._demand_addresses()
            if self.params["directory"]:
                check_directory(self.context, self.params["directory"], self.settings.files)
        Transaction(self.context, self.settings, observed, self.unit, self.kind.group).carry_out(plan)

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return whether the service runs, and what its modules report."""
        status = read_status(self.settings.status_path)
        current = is_current(status, observed.unit.pid)
        return {
            "running": observed.unit.active,
            "modules": (status or {}).get("module") if current else None,
            "federation": (status or {}).get("state") if current else None,
        }

    def _demand_prosody(self, unit: UnitState) -> None:
        if not unit.exists:
            raise MissingDependency(f"this host has no {self.kind.unit}", hint="Install the package prosody.")

    def _demand_certificates(self, observed: Observed) -> None:
        if observed.missing:
            raise CheckFailed(
                f"no certificate was issued yet in {observed.missing[0]}; nothing was changed",
                hint="Run certificates.yml for this host first.",
            )

    def _demand_addresses(self) -> None:
        foreign = foreign_address(self.settings.expected.addresses) if self.settings.active else None
        if foreign:
            raise CheckFailed(
                f"{foreign} is no address of this host; nothing was changed",
                hint="Behind NAT, edge_listen_addresses are the host's own addresses, not the published ones.",
            )

    def _demand_include(self) -> None:
        if self.settings.mode != "policy_only":
            return
        for file in self.settings.files:
            if file.path.endswith(".cfg.lua") and not includes(self.settings.config_path, file.path):
                raise InvalidValue(
                    f"{self.settings.config_path} does not read {file.path}, and this mode rewrites nothing",
                    hint=f'Add this line at its end, by hand: Include "{file.path}"',
                )


def _is_outdated(settings: Settings, seen: Observed) -> bool:
    """Whether the server started before a file that it reads at its start was put in place."""
    started = seen.unit.started
    if started is None or settings.removes:
        return False
    dates = [seen.files[file.path].mtime for file in settings.files if file.effect == "restart"]
    return any(date > started for date in dates)
