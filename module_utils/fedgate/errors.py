"""One family of errors: what is wrong, where it stands, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class FedgateError(Exception):
    """Something that the user has to know, said in one message.

    :param message: what is wrong, naming the value (never a secret one).
    :param hint: what is allowed, or what to do next; one sentence.
    :param path: where the value stands in the inventory, such as ``federation_partners[3].tls``.
    :param origin: file and line of that value, ``hosts.yml:12``, where Ansible knows them.
    :param details: further plain data that the failed module returns beside ``msg``.
    :param conceal: texts of the arguments that are secrets at a place where none was expected; they are shown nowhere.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        path: str | None = None,
        origin: str | None = None,
        details: Mapping[str, Any] | None = None,
        conceal: Iterable[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = path
        self.origin = origin
        self.details = dict(details or {})
        self.conceal = tuple(conceal)

    def __str__(self) -> str:
        where = self.path or ""
        if self.origin:
            where = f"{where} ({self.origin})" if where else self.origin
        text = f"{where}: {self.message}" if where else self.message
        if not self.hint:
            return text
        return f"{text.rstrip('.')}. {self.hint}"


class InvalidValue(FedgateError):
    """A value of the inventory or of a module's arguments that is not allowed."""


class SeveralErrors(FedgateError):
    """All errors of one inventory, reported together.

    :param errors: the single errors, in the order in which they were found; at least one.
    """

    def __init__(self, errors: Iterable[FedgateError]) -> None:
        self.errors = tuple(errors)
        count = len(self.errors)
        head = "1 error" if count == 1 else f"{count} errors"
        lines = "\n".join(f"  - {error}" for error in self.errors)
        super().__init__(f"{head} in the inventory; nothing was changed:\n{lines}")


def raise_together(errors: Sequence[FedgateError]) -> None:
    """Raise what was found wrong, if anything: one error as it is, several as one.

    :raises FedgateError: the only one; :raises SeveralErrors: all of them.
    """
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise SeveralErrors(errors)


class MissingDependency(FedgateError):
    """A library or program that this step needs is not installed where the step runs."""


class Unreachable(FedgateError):
    """A server that must be asked does not answer."""


class Refused(FedgateError):
    """A server answered that it will not do it: permission, ownership, authentication."""


class WorldMoved(FedgateError):
    """The thing changed between look and change, or the plan is not the one that was agreed (``expect_plan``)."""


class NeedsForce(FedgateError):
    """What would be done is so large that it has to be confirmed by ``force``."""


class NotConverged(FedgateError):
    """All steps were carried out, yet the second look still finds something to change."""


class CheckFailed(FedgateError):
    """A check before or after the swap failed; what was live before is live again."""
