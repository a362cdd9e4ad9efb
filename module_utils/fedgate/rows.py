"""An argument that holds thousands of like things: checked in one pass, and sent to a target in one short text.

Ansible's own validation goes over such an argument ten times. Here it looks at those rows only that are not already as
the argument spec says; so what is accepted, what it becomes, and what is refused in which words stays Ansible's.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: Key among a module's arguments under which ``packed`` sends those that are large.
PACKED = "_fedgate_packed"
#: Rows whose faults are named; the others are counted.
_NAMED = 20
#: Rows that are shown among a module's arguments (``-vvv``); of more, only the number is.
_SHOWN = 100

#: Checks one row as Ansible does → what it becomes, and what is wrong with it.
Check = Callable[[Any], "tuple[Any, list[str]]"]
Test = Callable[[Any], bool]


def checked(
    name: str, rows: Sequence[Any], spec: Mapping[str, Mapping[str, Any]], check: Check
) -> tuple[list[Any], list[str]]:
    """Return the rows as the argument spec makes them, and what is wrong with them: a sentence each, without a stop.

    :param name: of the argument, for messages.
    :param spec: the suboptions.
    :param check: for rows that are not plainly right.
    """
    tests = {key: _test(option) for key, option in spec.items()}
    defaults = {key: option.get("default") for key, option in spec.items()}
    required = [key for key, option in spec.items() if option.get("required")]
    found, wrong = [], []
    for index, row in enumerate(rows):
        if type(row) is dict and _is_right(row, tests, required):
            found.append({**defaults, **row})
            continue
        value, problems = check(row)
        found.append(value)
        wrong += [f"{_place(name, index, row)}: {problem}" for problem in problems]
    left = [f"{len(wrong) - _NAMED} more errors in {name}"] if len(wrong) > _NAMED else []
    return found, [problem.rstrip(".") for problem in wrong[:_NAMED]] + left


def shown(rows: Sequence[Any]) -> Any:
    """Return what is shown of the argument where arguments are."""
    return rows if len(rows) <= _SHOWN else f"{len(rows)} items"


def packed(large: Mapping[str, str]) -> dict[str, str]:
    """Return one argument that stands for several large ones.

    :param large: their values, each as JSON, by their names.
    """
    return {PACKED: base64.b64encode(zlib.compress(json.dumps(dict(large)).encode(), 1)).decode()}


def unpacked(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a module's arguments with those that were packed, if any."""
    rest = {name: value for name, value in arguments.items() if name != PACKED}
    if PACKED not in arguments:
        return rest
    large = json.loads(zlib.decompress(base64.b64decode(arguments[PACKED])))
    return {**rest, **{name: json.loads(text) for name, text in large.items()}}


def _is_right(row: Mapping[Any, Any], tests: Mapping[str, Test], required: Sequence[str]) -> bool:
    for key, value in row.items():
        test = tests.get(key)
        if test is None or not test(value):
            return False
    return all(key in row for key in required)


def _test(option: Mapping[str, Any]) -> Test:
    """Return what tells whether a value stays as it is; what would be converted or refused is Ansible's affair."""
    kind, choices = option.get("type", "str"), option.get("choices")
    if set(option) - _KNOWN or kind not in _KINDS or (kind == "list" and option.get("elements") != "str"):
        return lambda _: False
    if kind == "raw":
        return lambda _: True
    wanted = _KINDS[kind]
    if kind == "list":
        return lambda value: type(value) is list and all(type(item) is str for item in value)
    if choices:
        return lambda value: type(value) is wanted and value in choices
    if option.get("required") or option.get("default") is not None:
        return lambda value: type(value) is wanted
    return lambda value: value is None or type(value) is wanted


#: What an option may say of itself for us to know what it means.
_KNOWN = {"type", "elements", "choices", "default", "required"}
_KINDS: dict[str, type] = {"str": str, "bool": bool, "int": int, "list": list, "raw": object}


def _place(name: str, index: int, row: Any) -> str:
    """Name a row by its place, and by its own name where it has one."""
    own = row.get("domain") or row.get("name") if isinstance(row, Mapping) else None
    return f"{name}[{index}] ({own})" if isinstance(own, str) else f"{name}[{index}]"
