"""Collects everything that is wrong with an inventory, so that it is reported together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Union

from ..errors import InvalidValue, SeveralErrors

Step = Union[str, int]


class _Unknown:
    """Stands for a value that could not be evaluated: noted already, so nothing more is said about it."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN = _Unknown()


@dataclass(frozen=True)
class Where:
    """Where a value stands: the variable and the way into it, seen from one host.

    :ivar steps: the variable's name, then keys and indices.
    :ivar host: whose variable it is; None for one that the whole deployment shares.
    :ivar seen_from: a host whose variables contain it; for finding its origin.
    """

    steps: tuple[Step, ...]
    host: str | None = None
    seen_from: str | None = None

    def into(self, *steps: Step) -> Where:
        """Return the place of a part of this value."""
        return replace(self, steps=(*self.steps, *steps))

    def __str__(self) -> str:
        text = ""
        for step in self.steps:
            text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
        return f"{text} of {self.host}" if self.host else text


#: Tells file, line and column of a value (``hosts.yml:12:9``) of the host's variables, where they are known.
OriginOf = Callable[[str, "tuple[Step, ...]"], "str | None"]


def _nowhere(_host: str, _steps: tuple[Step, ...]) -> str | None:
    return None


@dataclass
class Problems:
    """The errors and warnings found so far, in the order in which they were found."""

    origin_of: OriginOf = _nowhere
    errors: list[InvalidValue] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def error(self, where: Where, message: str, hint: str | None = None) -> None:
        """Note an error at a place; the same text about the same line of a file only once, for whichever host."""
        found = InvalidValue(message, hint=hint, path=str(where), origin=self.origin(where))
        key = str(InvalidValue(message, path=str(replace(where, host=None)), origin=found.origin or where.host))
        if key not in self._seen:
            self._seen.add(key)
            self.errors.append(found)

    def noted_about(self, variable: str) -> bool:
        """Tell whether an error about a variable, or a part of it, was noted."""
        paths = [error.path or "" for error in self.errors]
        return any(path == variable or path.startswith(tuple(f"{variable}{end}" for end in ".[ ")) for path in paths)

    def warn(self, where: Where, message: str) -> None:
        """Note something that is allowed, but doubtful."""
        text = str(InvalidValue(message, path=str(where), origin=self.origin(where)))
        if text not in self.warnings:
            self.warnings.append(text)

    def origin(self, where: Where) -> str | None:
        """Return file and line of a place, where known."""
        return self.origin_of(where.seen_from, where.steps) if where.seen_from else None

    def place(self, where: Where) -> str:
        """Return a place as it is named inside a sentence."""
        origin = self.origin(where)
        return f"{where} ({origin})" if origin else str(where)

    def raise_all(self) -> None:
        """Raise everything found, together. :raises SeveralErrors: when there is at least one error."""
        if self.errors:
            raise SeveralErrors(self.errors)
