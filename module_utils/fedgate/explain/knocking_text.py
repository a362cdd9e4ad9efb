"""Who is knocking, as text for people, with the entries for the inventory at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model.suggest import listed
from .knocking import KEPT


def knocking_text(found: Mapping[str, Any]) -> str:
    """Render what ``explain_knocking`` returned."""
    asked = found["gateways"] - len(found["silent"])
    lines = [f"{asked} of {found['gateways']} gateways answered."]
    if found["silent"]:
        lines.append(f"  Nothing is known from {listed(found['silent'], 'and')}.")
    if found["full"]:
        kept = f"{KEPT} refusals, as many as a gateway keeps: earlier ones are forgotten"
        lines.append(f"  {listed(found['full'], 'and')}: {kept}.")
    lines += _section("Not listed", found["strangers"], "domain") or ["", "Nobody who is not listed was refused."]
    lines += _section("Refused for another reason", found["partners"], "domain")
    lines += _section("No domain names: nothing to let in", found["invalid"], "name")
    if found["snippet"]:
        lines += ["", "For the inventory:", "", found["snippet"].rstrip()]
    return "\n".join(lines)


def _section(title: str, items: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    if not items:
        return []
    lines = ["", title]
    for item in items:
        lines.append(f"  {item[key]}: {item['count']}, last {item['last']}{_state(item)}")
        for each in item["refusals"]:
            lines.append(f"    {each['count']} {each['direction']}, {each['local']}: {each['reason']}")
    return lines


def _state(item: Mapping[str, Any]) -> str:
    found = ""
    if item.get("listed"):
        found = f"; {'listed, but expired' if item['expired'] else 'listed'} ({item['source']})"
    return f"{found}; blocked at a gateway" if item.get("blocked") else found
