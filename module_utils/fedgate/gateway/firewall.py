"""Our one rule in the host's nftables: the gateway's ports are open. Everything else there is left alone.

A table of our own could not open anything: another table's drop is final. So the rule goes first into the host's own
chain, and is known again by its comment. A file that the host's nftables.conf includes brings it back after a boot.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..errors import CheckFailed, InvalidValue
from ..module import Context

#: Known again by this.
COMMENT = "fedgate"


@dataclass(frozen=True)
class Rules:
    """Our rules in the chain: their handles, and the ports that they open."""

    handles: tuple[int, ...]
    ports: frozenset[int]


def observe_rules(context: Context, chain: str) -> Rules:
    """Return our rules of a chain (``family table chain``). :raises InvalidValue: when the host has no such chain."""
    code, out, err = context.run(["nft", "--json", "list", "chain", *chain.split()])
    if code != 0:
        raise InvalidValue(
            f"nftables chain {chain!r}: {err.strip().splitlines()[0] if err.strip() else 'cannot be read'}",
            hint="Set xmpp_gateway_nftables_chain to the chain for incoming packets, or xmpp_gateway_nftables: false.",
        )
    return parse_rules(out)


def parse_rules(text: str) -> Rules:
    """Read ``nft --json list chain``."""
    handles: list[int] = []
    ports: set[int] = set()
    for entry in json.loads(text).get("nftables", []):
        rule = entry.get("rule")
        if rule and rule.get("comment") == COMMENT:
            handles.append(rule["handle"])
            for expression in rule.get("expr", []):
                ports |= _ports_of(expression.get("match"))
    return Rules(tuple(handles), frozenset(ports))


def _ports_of(match: Optional[dict[str, Any]]) -> set[int]:
    if not match or match.get("left", {}).get("payload", {}).get("field") != "dport":
        return set()
    right = match.get("right")
    if isinstance(right, dict):
        right = right.get("set")
    values = right if isinstance(right, list) else [right]
    return {value for value in values if isinstance(value, int)}


def open_ports(context: Context, chain: str, ports: Sequence[int], present: Rules) -> None:
    """Replace our rules by one for these ports, in one step. :raises CheckFailed: when nftables refuses."""
    lines = [f"delete rule {chain} handle {handle}" for handle in present.handles]
    if ports:
        listed = ", ".join(str(port) for port in ports)
        lines.append(f'insert rule {chain} tcp dport {{ {listed} }} accept comment "{COMMENT}"')
    code, out, err = context.run(["nft", "--file", "-"], stdin="\n".join(lines) + "\n")
    if code != 0:
        raise CheckFailed(f"nftables refuses to open the ports: {(err or out).strip()}")
