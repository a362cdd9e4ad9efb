"""Which of the three questions is asked, and of which inventory an error speaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import FedgateError, InvalidValue
from ..model.suggest import listed

_OPTIONS: dict[str, tuple[str, ...]] = {
    "pair": ("who", "whom"),
    "changes": ("before", "after"),
    "knocking": ("gateways",),
}
_HINT = (
    "Give who and whom (what may they do), or before and after (what would change), or gateways (who is knocking; "
    "knocking=true for the playbook)."
)


def which(arguments: Mapping[str, Any]) -> str:
    """Return ``pair``, ``changes`` or ``knocking``.

    :param arguments: of the module; options that are not given are None.
    :raises InvalidValue: when nothing, a half, or more than one thing is asked.
    """
    given = {
        name: [option for option in options if arguments.get(option) is not None] for name, options in _OPTIONS.items()
    }
    asked = [name for name, options in given.items() if options]
    if not asked:
        raise InvalidValue("nothing is asked", hint=_HINT)
    if len(asked) > 1:
        named = listed([option for name in asked for option in given[name]], "and")
        raise InvalidValue(f"{named} are different questions", hint=f"Ask one at a time. {_HINT}")
    name = asked[0]
    missing = [option for option in _OPTIONS[name] if option not in given[name]]
    if missing:
        raise InvalidValue(f"{given[name][0]} is given, {missing[0]} is not", hint=_HINT)
    for option in given[name]:
        if arguments[option] in ("", [], [""]):
            raise InvalidValue("it is empty", path=option, hint=_HINT)
    return name


@contextmanager
def about(option: str, paths: Sequence[str]) -> Iterator[None]:
    """Say in an error which of two inventories it speaks of."""
    try:
        yield
    except FedgateError as error:
        raise InvalidValue(str(error), path=f"{option} ({', '.join(paths)})") from error
