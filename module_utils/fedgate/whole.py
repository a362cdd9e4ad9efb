"""A task's argument that holds thousands of things, taken by a plug-in without evaluating each of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: A template that is nothing but a variable, or a part of one.
_NAME = re.compile(r"\{\{\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*\}\}", re.ASCII)
#: A text with none of these is no template, whatever is trusted.
_BEGINS = ("{{", "{%", "{#", "#jinja2:")
#: Names that lead to names; of a circle Ansible says what is wrong.
_DEEPEST = 10


def whole(value: Any, variables: Mapping[str, Any], trusted: Callable[[Any], bool]) -> str | None:
    """Return as JSON what a template stands for, without asking each of thousands of texts whether it is one as well.

    That goes where names alone lead to the value, and no template begins anywhere in it.

    :param variables: as they are, nothing evaluated.
    :param trusted: tells whether Ansible would take a text for a template: ``is_trusted_as_template``.
    :returns: None where Ansible has to evaluate it.
    """
    found = _named(value, variables, trusted) if isinstance(value, str) else None
    text = _untouched(found) if isinstance(found, (list, dict)) else None
    return None if text is None or any(begin in text for begin in _BEGINS) else text


def _named(value: Any, variables: Mapping[str, Any], trusted: Callable[[Any], bool]) -> Any:
    """Return what a name, or a name of a name, stands for; None where that is not so simple."""
    for _ in range(_DEEPEST):
        if not isinstance(value, str):
            return value
        name = _NAME.fullmatch(value) if trusted(value) else None
        value = _part(variables, name[1].split(".")) if name else None
    return None


def _part(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        # What a mapping has by itself, such as ``items``, comes before what it holds.
        if not isinstance(value, Mapping) or key not in value or hasattr(dict, key):
            return None
        value = value[key]
    return value


def _untouched(value: Any) -> str | None:
    """Return a value as JSON; None when something in it is not simply a text, a number, a list or a mapping."""

    def other(_value: Any) -> Any:
        raise TypeError

    try:
        return json.dumps(value, default=other, ensure_ascii=False)
    except (TypeError, ValueError):
        return None
