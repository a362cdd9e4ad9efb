"""Small inventories whose values say where they stand."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.fedgate.explain.inventory import Inventory

from ..model.inventories import TODAY, Hosts, two_sites


def origin_of(_host: str, steps: tuple[str | int, ...]) -> str:
    """Name a file and a "line" that is the way to the value."""
    return f"inventory.yml:{'/'.join(str(step) for step in steps)}"


def inventory(hosts: Hosts | None = None, **shared: Any) -> Inventory:
    """An inventory of two sites; ``shared`` replaces or adds variables of all hosts."""
    return Inventory(hosts or two_sites(**shared), origin_of=origin_of, today=TODAY)


def with_partners(*partners: dict[str, Any]) -> Inventory:
    """The same with these partners; they say their type themselves."""
    return inventory(federation_partners=list(partners))
