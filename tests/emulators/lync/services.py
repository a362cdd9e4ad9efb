"""Get-, Start-, Stop-CsWindowsService, and what Windows itself says of ports and cmdlets."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any

from psrpcore.types import ErrorCategory

from .binder import Cmdlet, Parameter, number, one_of, switch, text, texts
from .console import CmdletError, decorated
from .machines import PROXY, Machine, Service

if TYPE_CHECKING:
    from .engine import Call
    from .world import World

TYPE = "Microsoft.Rtc.Management.Deployment.Core.NTService"
_WRITERS = frozenset({"CsAdministrator", "CsServerAdministrator"})
_READERS = _WRITERS | {"CsViewOnlyAdministrator"}
_CIM, _CONNECTION = "Microsoft.Management.Infrastructure.CimInstance", "MSFT_NetTCPConnection"
#: Servers tell times of their own zone.
_ZONE = timezone(timedelta(hours=-5))
_STATES = ("Closed", "Listen", "SynSent", "SynReceived", "Established", "FinWait1", "FinWait2", "CloseWait", "TimeWait")


def _machine(world: World, call: Call) -> Machine:
    """The computer that is asked; an Edge is in no domain, so a Front End cannot ask it (guessed wording)."""
    name = str(call["ComputerName"] or call.host).lower()
    machine = world.machines.get(name)
    if machine is None or (name != call.host.lower() and machine.role == "EdgeServer"):
        raise CmdletError(
            f'Cannot open Service Control Manager on computer "{name}". This operation might require other privileges.',
            "ServiceControlManagerNotAvailable",
            ErrorCategory.ResourceUnavailable,
            target=name,
        )
    return machine


def _chosen(world: World, call: Call) -> tuple[Machine, list[Service]]:
    """One service by its name, not by its display name, or all (parameter Name)."""
    machine = _machine(world, call)
    if "Name" not in call:
        return machine, [service.settle() for service in machine.services.values()]
    service = machine.services.get(str(call["Name"]).upper())
    if service is None:
        raise CmdletError(
            f'Cannot find any service with service name "{call["Name"]}".',  # guessed wording
            "ServiceNotFound",
            ErrorCategory.ObjectNotFound,
            target=str(call["Name"]),
        )
    return machine, [service.settle()]


def _get(world: World, call: Call) -> Iterator[Any]:
    for service in _chosen(world, call)[1]:
        properties = {
            "Name": service.name,
            "DisplayName": service.display_name,
            "Status": service.status,
            "ActivityLevel": None if "ExcludeActivityLevel" in call else "0",
            "RoleName": [],
        }
        yield decorated([TYPE, "System.Object"], properties, service.name)


def _stop(world: World, call: Call) -> Iterator[Any]:
    machine, services = _chosen(world, call)
    for service in services:
        machine.history.append(f"stop {service.name}")
        service.begin_stop("Graceful" in call)
    _wait(services, call, "StopPending")
    return iter(())


def _start(world: World, call: Call) -> Iterator[Any]:
    machine, services = _chosen(world, call)
    for service in services:
        machine.history.append(f"start {service.name}")
        service.begin_start(_cannot_use(world, machine, service))
    _wait(services, call, "StartPending")
    failed = [service for service in services if "NoWait" not in call and service.settle().status != "Running"]
    for service in failed:
        raise CmdletError(
            f'Service "{service.display_name}" did not start on computer "{machine.fqdn}".',  # guessed wording
            "ServiceStartFailed",
            ErrorCategory.OperationStopped,
            target=service.name,
        )
    return iter(())


def _cannot_use(world: World, machine: Machine, service: Service) -> bool:
    """Tell whether a service cannot use the certificate that it starts with (guessed: which looks at which use)."""
    held = world.holdings.get(machine.fqdn)
    use = {"RTCSRV": "AccessEdgeExternal", PROXY: "AccessEdgeExternal", "RTCDATAPROXY": "DataEdgeExternal"}.get(
        service.name
    )
    return held is not None and use is not None and held.assigned.get(use) in machine.cannot_use


def _wait(services: Iterable[Service], call: Call, status: str) -> None:
    """Without -NoWait the cmdlet returns when it is done (parameter NoWait)."""
    while "NoWait" not in call and any(service.settle().status == status for service in services):
        time.sleep(0.01)


def _connections(world: World, call: Call) -> Iterator[Any]:
    machine = world.machines[call.host.lower()]
    if not machine.cmdlets_of_network:
        raise CmdletError(
            "The term 'Get-NetTCPConnection' is not recognized as the name of a cmdlet, function, script file, or "
            "operable program.",
            "CommandNotFoundException",
            ErrorCategory.ObjectNotFound,
            "System.Management.Automation.CommandNotFoundException",
            terminating=True,
        )
    open_now = machine.listening() if call["State"] in (None, "Listen") else set()
    for port in sorted(open_now if call["LocalPort"] is None else open_now & set(call["LocalPort"])):
        properties = {"LocalAddress": "0.0.0.0", "LocalPort": port, "RemotePort": 0, "State": "Listen"}
        yield decorated([f"{_CIM}#ROOT/StandardCimv2/{_CONNECTION}", _CIM, "System.Object"], properties, _CONNECTION)
    for port in set(call["LocalPort"] or ()) - open_now:
        raise CmdletError(
            f"No {_CONNECTION} objects found with property 'LocalPort' equal to '{port}'.",
            "CmdletizationQuery_NotFound_LocalPort",
            ErrorCategory.ObjectNotFound,
            "Microsoft.PowerShell.Cmdletization.Cim.CimJobException",
            target=str(port),
        )


def _ports(value: Any) -> list[int]:
    return [number(0, 65535)(item) for item in (value if isinstance(value, (list, tuple)) else [value])]


def _get_command(world: World, call: Call) -> Iterator[Any]:
    """Every endpoint has Get-Command; it shows what the session may call (about_Remote_Requirements)."""
    known = {name.lower(): name for name in call.known()}
    for name in call["Name"] or sorted(known.values()):
        found = known.get(name.lower())
        if found:
            yield decorated(
                ["System.Management.Automation.CmdletInfo", "System.Object"],
                {"Name": found, "CommandType": "Cmdlet"},
                found,
            )
        elif str(call["ErrorAction"]).lower() != "silentlycontinue":
            raise CmdletError(
                f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable "
                "program.",
                "CommandNotFoundException",
                ErrorCategory.ObjectNotFound,
                "System.Management.Automation.CommandNotFoundException",
                target=name,
            )


def _import_module(world: World, call: Call) -> Iterator[Any]:
    """Only the product's own module has the product's cmdlets."""
    module = world.machines[call.host.lower()].module
    for name in call["Name"]:
        if name.lower() != module.lower():
            raise CmdletError(
                f"The specified module '{name}' was not loaded because no valid module file was found in any module "
                "directory.",
                "Modules_ModuleNotFound",
                ErrorCategory.ResourceUnavailable,
                "System.IO.FileNotFoundException",
                target=name,
            )
        call.console.session.setdefault("modules", set()).add(module)
    return iter(())


def _wmi(world: World, call: Call) -> Iterator[Any]:
    """Classes Win32_Service and Win32_Process of the services here; times are CIM_DATETIME (DSP0004, 5.2.4)."""
    for index, service in enumerate(world.machines[call.host.lower()].services.values(), 1):
        runs = service.settle().status == "Running"
        every = {"Name": service.name, "ProcessId": 1000 + index if runs else 0, "State": service.status}
        if call["Class"].lower() == "win32_process":
            if not runs:
                continue
            made = service.started.astimezone(_ZONE)
            offset = int((made.utcoffset() or timedelta()).total_seconds() // 60)
            every["CreationDate"] = f"{made:%Y%m%d%H%M%S.%f}{offset:+04d}"
        shown = {name: value for name, value in every.items() if call["Property"] is None or name in call["Property"]}
        yield decorated(["System.Management.ManagementObject", "System.Object"], shown, str(every["Name"]))


_OF_SERVICE = {"Name": Parameter(text), "ComputerName": Parameter(text), "Report": Parameter(text)}
_ACTION = {**_OF_SERVICE, "NoWait": Parameter(switch), "Force": Parameter(switch)}
_ANYBODY = frozenset({"*"})
CMDLETS = (
    Cmdlet("Get-CsWindowsService", {**_OF_SERVICE, "ExcludeActivityLevel": Parameter(switch)}, _get, _READERS),
    Cmdlet("Stop-CsWindowsService", {**_ACTION, "Graceful": Parameter(switch)}, _stop, _WRITERS),
    Cmdlet("Start-CsWindowsService", _ACTION, _start, _WRITERS),
    Cmdlet("Get-Command", {"Name": Parameter(texts), "CommandType": Parameter(text)}, _get_command, _ANYBODY),
)
#: What Windows itself has; a Front End's endpoint does not show it.
OF_WINDOWS = (
    Cmdlet(
        "Get-NetTCPConnection",
        {"LocalPort": Parameter(_ports), "State": Parameter(one_of(*_STATES))},
        _connections,
        where=frozenset({"edge"}),
    ),
    Cmdlet(
        "Get-WmiObject",
        {"Class": Parameter(one_of("Win32_Service", "Win32_Process")), "Property": Parameter(texts)},
        _wmi,
        where=frozenset({"edge"}),
    ),
    Cmdlet("Import-Module", {"Name": Parameter(texts)}, _import_module, where=frozenset({"edge"})),
)
