"""The explanation of a pair as text for people: one line a fact, with the line of the inventory that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_TRANSPORTS = {"starttls": "STARTTLS", "direct_tls": "direct TLS", "plaintext": "TCP"}
_DIRECTIONS = {"incoming": "in ", "outgoing": "out"}


def pair_text(found: Mapping[str, Any]) -> str:
    """Render what ``explain_pair`` returned."""
    lines = [f"{found['who']} and {found['whom']}: {'they may federate' if found['allowed'] else 'no federation'}"]
    lines += [f"  because {found['because']}", f"  {found['ours']['value']} is ours ({found['ours']['source']})", ""]
    lines += _gateways(found["gateways"])
    if found["settings"]:
        lines += ["", f"What is said of {found['partner']['domain']}"]
        lines += _table([(item["name"], _value(item["value"]), item["source"]) for item in found["settings"]])
    lines += _methods(found["methods"]) + _rights(found["rights"])
    if found["access"] and found["access"]["policy"]:
        lines += ["", "Who of ours may federate"]
        lines += _table([_policy(found["access"]["because"]), *map(_group, found["access"]["otherwise"])])
    if found["components"]:
        lines += ["", "Services of ours"]
        lines += _table([_component(item) for item in found["components"]])
    if found["further"]:
        lines += ["", "Limits"]
        lines += _table([(item["name"], _value(item["value"]), item["source"]) for item in found["further"]])
    return "\n".join(lines)


def _gateways(gateways: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["Gateways"]
    for item in gateways:
        serves = "serves now" if item["carries"] else "takes over when it has the lowest priority"
        standbys = f", standby {', '.join(item['standbys'])}" if item["standbys"] else ""
        lines.append(
            f"  {item['host']}{standbys} ({item['pool']}, {item['backend']}): {serves}, "
            f"priority {item['priority']['value']} ({item['priority']['source']}), "
            f"domains {', '.join(item['domains']['value'])} ({item['domains']['source']})"
        )
        if item["backend"] == "lync":
            lines.append(f"    {_lync(item['front_end'])}")
    return lines


def _lync(front_end: str | None) -> str:
    if front_end is None:
        return "its servers are not touched (federation_lync): what follows is what they must be told"
    return f"through {front_end} they are told what follows, but for grants to groups and what is waived"


def _methods(methods: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    if not methods["incoming"]:
        return []
    lines = ["", "Authentication, the strongest first"]
    for direction, items in methods.items():
        for number, item in enumerate(items):
            transports = " or ".join(_TRANSPORTS[name] for name in item["transports"])
            lines.append(f"  {_DIRECTIONS[direction]}  {number + 1}. over {transports}: {item['meaning']}")
    return lines


def _rights(found: Sequence[Mapping[str, Any]]) -> list[str]:
    if not found:
        return []
    because = found[0]["because"]
    lines = ["", f"What passes, as the type is {because['value']} ({because['source']})"]
    rows = [(item["what"], _DIRECTIONS[item["direction"]], item["verdict"], item["meaning"]) for item in found]
    return lines + _table(rows)


def _policy(said: Mapping[str, Any]) -> tuple[str, str, str]:
    return f"policy {said['name']}", "may" if said["value"] else "may not", said["source"]


def _group(said: Mapping[str, Any]) -> tuple[str, str, str]:
    name, word, source = _policy(said)
    return name, word, f"only members of its groups, as the directory says ({source})"


def _component(item: Mapping[str, Any]) -> tuple[str, str, str]:
    opened = ", ".join(item["types"]) or "nobody"
    return item["domain"], "open" if item["open"] else "closed", f"for {opened} ({item['because']['source']})"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value) or "none"
    return "none" if value is None else str(value)


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return [
        "  " + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]]).rstrip() for row in rows
    ]
