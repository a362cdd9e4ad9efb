"""Reading what is sought out of a long sorted list, in as few pages as that takes.

Both lists of Route 53 (record sets of a zone, hosted zones by name) can be asked for from any name on, and come in the
order of their names with the labels reversed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import Refused

#: What a name is sorted by, in each order that a server may have in mind.
Keys = tuple[str, str, str, str]
_OCTAL = re.compile(r"\\([0-7]{3})")
_PLAIN = re.compile(r"[a-z0-9_.-]*")


@dataclass(frozen=True)
class Position:
    """Where a page begins.

    :ivar name: the name, folded and without escapes.
    :ivar token: what stands for a place in the middle of that name; None is its beginning.
    """

    name: str
    token: Any = None


@dataclass(frozen=True)
class Page:
    """One answer.

    :ivar rows: names, folded and without escapes, and what there is; in the server's order.
    :ivar next: where the next page begins; None when there is none.
    """

    rows: Sequence[tuple[str, Any]]
    next: Position | None


def scan(sought: Iterable[str], fetch: Callable[[Position], Page]) -> dict[str, list[Any]]:
    """Look for names, from the first of them on, and leap over what lies between a page's end and the next of them.

    :param sought: the names; never more pages are asked for than there are names (save for names that fill pages).
    :param fetch: asks for the page that begins at a position.
    :returns: name → what there is of it; names of which there is nothing are left out.
    :raises Refused: the server begins the same page again and again.
    """
    keys = {name: orders(name) for name in sought}
    left = sorted(keys, key=keys.__getitem__)
    found: dict[str, list[Any]] = {}
    start = Position(left[0]) if left else None
    while start is not None:
        page = fetch(start)
        if page.next == start:
            raise Refused(
                f"the endpoint answers with the same page again and again (at {start.name})",
                hint="It does not do what the Route 53 API does; check `endpoint_url`.",
            )
        still = set(left)
        for name, row in page.rows:
            if name in still:
                found.setdefault(name, []).append(row)
        told = _told(start, page.next, keys)
        left = [name for name in left if not (told(name) or (name in found and name != _name(page.next)))]
        start = _onwards(left, page.next, found)
    return found


def _name(position: Position | None) -> str | None:
    return position.name if position is not None else None


def _told(start: Position, after: Position | None, keys: Mapping[str, Keys]) -> Callable[[str], bool]:
    """Return what tells of a name whether a page says that there is none, or no more, of it."""
    first = keys[start.name]
    last = orders(after.name) if after is not None else None

    def told(name: str) -> bool:
        if name == start.name:
            return name != _name(after)
        if last is None:
            return all(begin <= own for begin, own in zip(first, keys[name]))
        return all(begin <= own < end for begin, own, end in zip(first, keys[name], last))

    return told


def _onwards(left: Sequence[str], after: Position | None, found: dict[str, list[Any]]) -> Position | None:
    """Return where to ask next. A name that is looked at anew from its beginning is forgotten first."""
    if not left:
        return None
    if after is not None and after.name == left[0]:
        return after
    for name in left:
        found.pop(name, None)
    return Position(left[0])


def orders(name: str) -> Keys:
    """Return the keys of a name in every order that a server may have in mind.

    AWS: labels reversed, a dot behind each, escapes as they are written; ``-`` sorts before that dot (API Reference,
    ListResourceRecordSets). Emulators leave out the last dot, or undo the escapes. A name counts as missing only where
    all of them agree; that costs a look-up now and then, and saves from taking for missing what is there.
    """
    reversed_name = ".".join(reversed(name.split(".")))
    escaped = escape(reversed_name)
    return escaped + ".", escaped, reversed_name + ".", reversed_name


def escape(name: str) -> str:
    r"""Write a name as Route 53 keeps it: what is no letter, digit, ``-``, ``_`` or dot as ``\052``."""
    if _PLAIN.fullmatch(name):
        return name
    return "".join(char if _PLAIN.fullmatch(char) or char == "\\" else f"\\{ord(char):03o}" for char in name)


def unescape(name: str) -> str:
    """Read a name of Route 53: lower case, no dot at the end, escapes undone where no dot or backslash comes of it."""
    name = name.lower()
    if name != ".":
        name = name.removesuffix(".")
    return _OCTAL.sub(_char, name) if "\\" in name else name


def _char(match: re.Match[str]) -> str:
    char = chr(int(match.group(1), 8))
    return match.group(0) if char in ".\\" else char.lower()
