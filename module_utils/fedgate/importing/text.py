"""Writes variables as YAML with comments. What comes from a deployment is data: it can end no line and no quotation."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from .items import Item, Template, bare, counts

_WIDTH = 120
#: What needs no quotation marks anywhere: names, and neither numbers, dates nor words that YAML understands.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:[.@/][A-Za-z0-9_-]+)*")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
#: What Ansible would evaluate.
_TEMPLATE = re.compile(r"\{[{%#]")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


def scalar(value: Any) -> str:
    """Return one value on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, int):
        return "null" if value is None else str(value)
    text = str(value)
    if isinstance(value, Template):
        return _quoted(text)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return f"!unsafe {_quoted(text)}" if _TEMPLATE.search(text) else _quoted(text)


def _quoted(text: str) -> str:
    return f'"{"".join(_escaped(character) for character in text)}"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"


def shown(text: str) -> str:
    """Return a text as it may stand in a comment: in one line, whatever is in it."""
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def comment(text: str, indent: int = 0) -> list[str]:
    """Return the lines of a comment."""
    before = f"{' ' * indent}# "
    wrapped = textwrap.wrap(shown(text), _WIDTH - len(before), break_long_words=False, break_on_hyphens=False)
    return [before + line for line in wrapped] or [before.rstrip()]


def variable(name: str, value: Any) -> list[str]:
    """Return the lines of one variable; ``value`` may be or hold items."""
    return _pair(name, value, 0)


def _pair(key: str, value: Any, indent: int) -> list[str]:
    inner = bare(value)
    before = " " * indent
    if isinstance(inner, Mapping) and inner:
        lines = [f"{before}{key}:", *(line for name, one in inner.items() for line in _pair(name, one, indent + 2))]
    elif isinstance(inner, list) and inner:
        empty = not any(counts(item) for item in inner)
        lines = [f"{before}{key}: []" if empty else f"{before}{key}:"]
        lines += [line for item in inner for line in _element(item, indent + 2)]
    else:
        written = "{}" if isinstance(inner, Mapping) else "[]" if isinstance(inner, list) else scalar(inner)
        lines = [f"{before}{key}: {written}{_note(value)}"]
    return _around(value, lines, indent)


def _element(item: Any, indent: int) -> list[str]:
    inner = bare(item)
    if isinstance(inner, Mapping):
        lines = [line for key, value in inner.items() for line in _pair(key, value, indent + 2)]
        first = next(index for index, line in enumerate(lines) if not line.lstrip().startswith("#"))
        lines[first] = f"{' ' * indent}- {lines[first].lstrip()}"
        lines[:first] = [f"{' ' * indent}{line.lstrip()}" for line in lines[:first]]
    else:
        lines = [f"{' ' * indent}- {scalar(inner)}{_note(item)}"]
    return _around(item, lines, indent)


def _note(value: Any) -> str:
    return f"  # {shown(value.note)}" if isinstance(value, Item) and value.note else ""


def _around(value: Any, lines: list[str], indent: int) -> list[str]:
    """Put an item's comments above its lines; make all of it a comment when it is left out."""
    if not isinstance(value, Item):
        return lines
    above = [line for remark in value.remarks for line in comment(remark, indent)]
    if value.refused is None:
        return [*above, *lines]
    reason = comment(f"LEFT OUT: {value.refused}", indent)
    return [*reason, *above, *(f"{' ' * indent}# {line[indent:]}" for line in lines)]


def document(head: Iterable[str], variables: Iterable[tuple[str, Any]], tail: Iterable[str] = ()) -> str:
    """Return a file.

    :param head: comments at the top, one sentence or more each; :param tail: at the end, likewise.
    :param variables: names and values.
    """
    lines = ["---", *(line for text in head for line in comment(text))]
    for index, (name, value) in enumerate(variables):
        written = variable(name, value)
        lines += ["", *written] if len(written) > 1 or index == 0 else written
    below = [line for text in tail for line in comment(text)]
    return "\n".join([*lines, *(["", *below] if below else [])]) + "\n"
