"""Values of an inventory that is being written, with what is to be said beside them, and those that are left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Optional


class Template(str):
    """A text that Ansible shall evaluate; every other text is written so that it never does."""


@dataclass
class Item:
    """An element of a list, or the value of a key.

    :ivar value: plain, or a list or mapping that may hold further items.
    :ivar remarks: comments above it; :ivar note: one at the end of its line.
    :ivar refused: why it is written commented out; None for what counts.
    """

    value: Any
    remarks: list[str] = field(default_factory=list)
    note: str = ""
    refused: Optional[str] = None


def counts(value: Any) -> bool:
    """Tell whether a value is not left out."""
    return not (isinstance(value, Item) and value.refused is not None)


def bare(value: Any) -> Any:
    """Return what stands in an item; anything else as it is."""
    return value.value if isinstance(value, Item) else value


def plain(value: Any) -> Any:
    """Return a tree as plain data, without what is left out: as it will be read from the file."""
    value = bare(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if counts(item)}
    if isinstance(value, list):
        return [plain(item) for item in value if counts(item)]
    return str(value) if isinstance(value, Template) else value


def along(tree: Any, steps: list[str | int]) -> Iterator[Item]:
    """Yield the items on the way to a place of ``plain(tree)``, the outermost first; it ends where there is no way."""
    here = tree
    for step in (*steps, None):
        if isinstance(here, Item):
            yield here
            here = here.value
        if isinstance(here, dict) and step in here:
            here = here[step]
        elif isinstance(here, list) and isinstance(step, int):
            live = [item for item in here if counts(item)]
            if step >= len(live):
                return
            here = live[step]
        else:
            return


def left_out(tree: Any) -> Iterator[Item]:
    """Yield what is left out, wherever it stands."""
    if isinstance(tree, Item) and tree.refused is not None:
        yield tree
        return
    inner = bare(tree)
    for item in inner.values() if isinstance(inner, dict) else inner if isinstance(inner, list) else ():
        yield from left_out(item)
