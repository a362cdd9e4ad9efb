"""Explanations as text for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model.suggest import listed
from .knocking_text import knocking_text
from .pair_text import pair_text

_MARKS = {"opens": "OPENS ", "closes": "closes", "neither": "      "}


def text_of(found: Mapping[str, Any]) -> str:
    """Render the one explanation in ``found``: ``pair``, ``changes`` or ``knocking``."""
    if "pair" in found:
        return pair_text(found["pair"])
    return changes_text(found["changes"]) if "changes" in found else knocking_text(found["knocking"])


def changes_text(found: Mapping[str, Any]) -> str:
    """Render what ``explain_changes`` returned: a sentence a difference; what opens something is marked in capitals."""
    counts = found["counts"]
    if not any(counts.values()):
        return "Nothing changes: the same partners may do the same."
    lines = [f"Opens something: {counts['opens']}. Closes: {counts['closes']}. Does neither: {counts['neither']}."]
    for title, groups, name in (("Partners", found["partners"], _partner), ("Ours", found["ours"], _ours)):
        if groups:
            lines += ["", title]
            lines += [line for group in groups for line in _differences(name(group), group["differences"])]
    return "\n".join(lines)


def _partner(group: Mapping[str, Any]) -> str:
    domains = group["domains"]
    shown = listed(domains, "and") if len(domains) <= 4 else f"{', '.join(domains[:3])} and {len(domains) - 3} more"
    return shown if domains[0] == group["partner"] else f"{shown} (of {group['partner']})"


def _ours(group: Mapping[str, Any]) -> str:
    return str(group["name"])


def _differences(name: str, differences: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"  {_MARKS[item['effect']]}  {name}: {item['sentence']} ({item['source']})" for item in differences]
