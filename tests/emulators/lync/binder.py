"""Parameter binding as PowerShell does it, and refuses it: before a cmdlet runs.

What the real binder refuses is refused here: unknown parameters, values outside an enumeration, strings for Booleans,
parameters of two sets at once, mandatory ones that are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from psrpcore.types import ErrorCategory, PSSecureString

from .console import CmdletError

_BINDING = "System.Management.Automation.ParameterBindingException"
#: What every cmdlet takes besides its own (about_CommonParameters); those that change things take the last two.
COMMON = ("ErrorAction", "WarningAction", "Verbose", "Debug", "WhatIf", "Confirm")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a cmdlet.

    :ivar read: turns the value that came over the wire into the cmdlet's, or raises ``ValueError`` with PowerShell's
        reason.
    :ivar sets: the parameter sets that it belongs to; none is all of them.
    :ivar mandatory: whether those sets demand it.
    """

    read: Callable[[Any], Any]
    sets: tuple[str, ...] = ()
    mandatory: bool = False


@dataclass(frozen=True)
class Cmdlet:
    """One cmdlet.

    :ivar parameters: by name.
    :ivar run: carries it out: (world, bound parameters) → objects for the output.
    :ivar roles: the RBAC roles that have it in their session.
    :ivar where: where it runs: ``front_end`` or ``edge``.
    """

    name: str
    parameters: Mapping[str, Parameter]
    run: Callable[..., Iterable[Any]]
    roles: frozenset[str] = frozenset({"CsAdministrator"})
    where: frozenset[str] = frozenset({"front_end", "edge"})
    by_name: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_name.update({name.lower(): name for name in (*self.parameters, *COMMON)})


def bind(cmdlet: Cmdlet, given: Iterable[tuple[str | None, Any]]) -> dict[str, Any]:
    """Return the bound parameters by their proper names. :raises CmdletError: as PowerShell's binder."""
    bound: dict[str, Any] = {}
    for name, value in given:
        proper = _named(cmdlet, name, bound)
        if proper in COMMON:
            bound[proper] = value
            continue
        try:
            bound[proper] = cmdlet.parameters[proper].read(value)
        except ValueError as error:
            raise _error(
                f"Cannot bind parameter '{proper}'. {error}", "CannotConvertArgumentNoMessage", proper
            ) from error
    _check_sets(cmdlet, bound)
    return bound


def _named(cmdlet: Cmdlet, name: str | None, bound: Mapping[str, Any]) -> str:
    if name is None:
        if "Identity" in cmdlet.parameters and "Identity" not in bound:
            return "Identity"
        raise _error("A positional parameter cannot be found that accepts the argument.", "PositionalParameterNotFound")
    found = cmdlet.by_name.get(name.strip(":-").lower())
    if found is None:
        text = f"A parameter cannot be found that matches parameter name '{name}'."
        raise _error(text, "NamedParameterNotFound", name)
    if found in bound:
        text = f"Cannot bind parameter because parameter '{found}' is specified more than once."
        raise _error(text, "ParameterAlreadyBound", found)
    return found


def _check_sets(cmdlet: Cmdlet, bound: Mapping[str, Any]) -> None:
    every = {item for parameter in cmdlet.parameters.values() for item in parameter.sets} or {""}
    possible = set(every)
    for name in bound:
        sets = cmdlet.parameters[name].sets if name in cmdlet.parameters else ()
        possible &= set(sets) or every
    if not possible:
        text = "Parameter set cannot be resolved using the specified named parameters."
        raise _error(text, "AmbiguousParameterSet")
    missing = {
        one: [
            name
            for name, parameter in cmdlet.parameters.items()
            if parameter.mandatory and (not parameter.sets or one in parameter.sets) and name not in bound
        ]
        for one in possible
    }
    if all(missing.values()):
        names = " ".join(min(missing.values(), key=len))
        text = f"Cannot process command because of one or more missing mandatory parameters: {names}."
        raise _error(text, "MissingMandatoryParameter", names)


def _error(text: str, error_id: str, target: str = "") -> CmdletError:
    return CmdletError(text, error_id, ErrorCategory.InvalidArgument, _BINDING, terminating=True, target=target)


# How values are read ------------------------------------------------------------------------------------------------


def text(value: Any) -> str | None:
    """A string; numbers become one, as PowerShell casts them."""
    if value is None:
        return None
    if isinstance(value, (list, tuple, dict)):
        raise ValueError("Cannot convert value to type System.String.")
    return str(value)


def boolean(value: Any) -> bool:
    """A Boolean: strings are refused (``$true`` or 1, not "True")."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return bool(value)
    raise ValueError(
        f'Cannot convert value "{value}" to type "System.Boolean". Boolean parameters accept only Boolean values and '
        "numbers, such as $True, $False, 1 or 0."
    )


def switch(value: Any) -> bool:
    """A switch: there is one when it is named."""
    return True if value is None else boolean(value)


def number(low: int, high: int) -> Callable[[Any], int]:
    """Return a reader of whole numbers within bounds."""

    def read(value: Any) -> int:
        try:
            found = int(value)
        except (TypeError, ValueError):
            raise ValueError(f'Cannot convert value "{value}" to type "System.UInt32".') from None
        if isinstance(value, bool) or not low <= found <= high:
            raise ValueError(f'Cannot convert value "{value}": it was either too large or too small for a UInt32.')
        return found

    return read


uint32 = number(0, 2**32 - 1)


def one_of(*names: str) -> Callable[[Any], str]:
    """Return a reader of an enumeration's names, without regard to case."""
    proper = {name.lower(): name for name in names}

    def read(value: Any) -> str:
        found = proper.get(str(value).lower())
        if found is None:
            raise ValueError(
                f'Cannot convert value "{value}" due to enumeration values that are not valid. Specify one of the '
                f'following enumeration values and try again. The possible enumeration values are "{",".join(names)}".'
            )
        return found

    return read


def texts(value: Any) -> list[str]:
    """A list of strings; one string is a list of one."""
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [str(item) for item in value]
    return [str(value)]


@dataclass(frozen=True)
class ListEdit:
    """What a PSListModifier asks for."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    replace: tuple[str, ...] | None = None


def list_edit(value: Any) -> ListEdit:
    """A PSListModifier: a list replaces, a hashtable edits by Add, Remove, Replace, $null clears (lync.md)."""
    if not isinstance(value, dict):
        return ListEdit(replace=tuple(texts(value)))
    given = {str(key).lower(): tuple(texts(item)) for key, item in value.items()}
    unknown = set(given) - {"add", "remove", "replace"}
    if unknown or ("replace" in given and len(given) > 1):
        raise ValueError(f"{', '.join(map(str, value))} is no valid combination of Add, Remove, Replace.")
    return ListEdit(given.get("add", ()), given.get("remove", ()), given.get("replace"))


def secret(value: Any) -> str:
    """A SecureString; plain strings are refused."""
    if isinstance(value, PSSecureString):
        return str(value.decrypt())
    raise ValueError("Cannot convert the value of type System.String to type System.Security.SecureString.")
