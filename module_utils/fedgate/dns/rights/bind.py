"""What BIND must allow: ``update-policy`` by key, name and type (BIND 9 Administrator Reference Manual, "Dynamic Update
Policies"). A rule of type ``name`` holds for exactly that name, and what no rule grants is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .owned import Owned


def grants(key: str, held: Mapping[str, Sequence[str]]) -> list[str]:
    """Return one rule for each name of a zone.

    :param key: folded name of the TSIG key; :param held: name → types.
    """
    return [f"grant {key} name {name}. {' '.join(types)};" for name, types in held.items()]


def policies(keys: Sequence[tuple[str, Owned, str]]) -> dict[str, str]:
    """Return zone → the text of its ``update-policy``.

    :param keys: folded name of a TSIG key, what it may change, and a remark on what that is.
    """
    parts: dict[str, list[str]] = {}
    for key, owned, remark in keys:
        for zone, held in owned.items():
            parts.setdefault(zone, []).append("\n".join([f"    // {remark}", *(f"    {g}" for g in grants(key, held))]))
    return {zone: "\n".join(["update-policy {", *parts[zone], "};", ""]) for zone in sorted(parts)}
