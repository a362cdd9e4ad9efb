"""Carries out commands: finds the cmdlet, binds, runs, and says errors as PowerShell does. Cmdlets only, no script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from psrpcore.types import ErrorCategory

from .binder import Cmdlet, bind
from .console import CmdletError, Console, decorated
from .world import World


class Engine:
    """The session of one kind of endpoint.

    :param world: the deployment.
    :param cmdlets: all cmdlets by name.
    :param place: ``front_end`` or ``edge``: what can be called there. On a Front End, a session has the cmdlets of its
        account's roles; on an Edge, which is in no domain, an administrator has all, once the module is imported.
    :param host: the computer that it runs on, FQDN.
    """

    def __init__(self, world: World, cmdlets: Mapping[str, Cmdlet], place: str, host: str) -> None:
        self.world = world
        self.cmdlets = {name.lower(): cmdlet for name, cmdlet in cmdlets.items()}
        self.place = place
        self.host = host
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def execute(self, account: str, commands: list[Any], console: Console) -> None:
        """Carry out one pipeline; what goes wrong stands on the console."""
        name = commands[0].command_text if commands else ""
        try:
            cmdlet = self._find(account, commands, console)
            self._run(cmdlet, commands[0], console, account)
            if len(commands) > 1 and console.failure is None:
                console.output[:] = select(console.output, commands[1])
        except CmdletError as error:
            console.failure = error.record(name)
        except Exception as error:  # a defect of the emulator must not look like an answer of Windows
            defect = CmdletError(f"EMULATOR DEFECT: {type(error).__name__}: {error}", "EmulatorDefect")
            console.failure = defect.record(name)

    def _find(self, account: str, commands: list[Any], console: Console) -> Cmdlet:
        name = commands[0].command_text
        if any(command.is_script for command in commands) or not self._is_pipeline(commands):
            raise _no_language()
        cmdlet = self.cmdlets.get(name.lower())
        if cmdlet is None or not self._has(cmdlet, account, console):
            raise _unknown(name)
        return cmdlet

    def _is_pipeline(self, commands: list[Any]) -> bool:
        """One cmdlet; on an Edge, whose session has the whole language, also one whose objects Select-Object cuts."""
        names = [command.command_text.lower() for command in commands[1:]]
        return not names or (self.place == "edge" and names == ["select-object"])

    def _has(self, cmdlet: Cmdlet, account: str, console: Console) -> bool:
        if self.place not in cmdlet.where:
            return False
        if self.place == "edge":
            return "-Cs" not in cmdlet.name or bool(console.session.get("modules"))
        roles = self.world.roles.get(account.rsplit("\\", 1)[-1].lower(), frozenset())
        return bool(cmdlet.roles & roles) or "*" in cmdlet.roles

    def _run(self, cmdlet: Cmdlet, command: Any, console: Console, account: str) -> None:
        bound = bind(cmdlet, command.parameters)
        self.calls.append((cmdlet.name, bound))
        call = Call(self.host, console, bound)
        call.known = lambda: [one.name for one in self.cmdlets.values() if self._has(one, account, console)]
        try:
            with self.world.lock:
                console.output.extend(cmdlet.run(self._store(cmdlet, bound), call))
        except CmdletError as error:
            if error.terminating or str(bound.get("ErrorAction", "")).lower() == "stop":
                error.terminating = True
                raise
            console.errors.append(error.record(cmdlet.name))

    def _store(self, cmdlet: Cmdlet, bound: Mapping[str, Any]) -> World:
        """The store, or with -LocalStore this computer's copy; an Edge has no way to the store itself."""
        self.world.replication.settle()
        if "LocalStore" not in cmdlet.parameters:
            return self.world
        if bound.get("LocalStore"):
            return self.world.seen_by(self.host)
        if self.place == "edge":
            raise CmdletError(  # guessed wording
                "Cannot connect to the Central Management Store from this computer.",
                "StoreNotReachable",
                ErrorCategory.ResourceUnavailable,
                terminating=True,
            )
        return self.world


def select(values: list[Any], command: Any) -> list[Any]:
    """Do what Select-Object -Property does: objects with these properties; one that is not there is null."""
    properties = dict(command.parameters).get("Property") or []
    return [decorated(*_selected(value, list(map(str, properties)))) for value in values]


def _selected(value: Any, properties: list[str]) -> tuple[list[str], dict[str, Any], str]:
    shown = value.PSObject
    members = (*shown.adapted_properties, *shown.extended_properties)
    found = getattr(shown, "selectable", None) or {item.name: item.get_value(value) for item in members}
    types = [f"Selected.{shown.type_names[0]}", "System.Management.Automation.PSCustomObject", "System.Object"]
    return types, {name: found.get(name) for name in properties}, ""


class Call:
    """What a cmdlet is given: its parameters, the computer it runs on, and where it may speak.

    :ivar given: the bound parameters by name.
    """

    def __init__(self, host: str, console: Console, given: dict[str, Any]) -> None:
        self.host = host
        self.console = console
        self.given = given
        self.known: Callable[[], list[str]] = list

    def __getitem__(self, name: str) -> Any:
        return self.given.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self.given


def _unknown(name: str) -> CmdletError:
    """RBAC gives a session the cmdlets of one's roles; another one is unknown there (lync.md, cmdlets only)."""
    return CmdletError(
        f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program. "
        "Check the spelling of the name, or if a path was included, verify that the path is correct and try again.",
        "CommandNotFoundException",
        ErrorCategory.ObjectNotFound,
        "System.Management.Automation.CommandNotFoundException",
        terminating=True,
        target=name,
    )


def _no_language() -> CmdletError:
    return CmdletError(
        "The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode.",
        "ScriptsNotAllowed",
        ErrorCategory.ParserError,
        "System.Management.Automation.ParseException",
        terminating=True,
    )
