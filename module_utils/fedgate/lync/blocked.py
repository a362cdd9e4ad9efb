"""Blocks on Lync: kept in its own list of partners, so that every administrator and every later run sees them.

These products have no list of blocked XMPP domains. A block is an allowed partner whose name nobody can have: the
blocked domain below ``.blocked.invalid`` (RFC 6761 §6.4: no name below invalid exists, so no authority certifies one
and no DNS leads there), which only a certificate would let in. Its description says since when, why and by whom.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from ..errors import InvalidValue
from ..model.blocks import Block, Blocks
from . import partner as wire
from .partner import Allowed

SUFFIX = ".blocked.invalid"
#: RFC 1035 §2.3.4, as text and without the trailing dot.
_LONGEST = 253
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def split(partners: Mapping[str, Allowed]) -> tuple[Blocks, dict[str, Allowed]]:
    """Return the blocks in a server's list, and the partners in it."""
    blocks = {item.domain: item for item in partners.values() if item.domain.endswith(SUFFIX)}
    found = [_block(item) for item in blocks.values()]
    return {block.domain: block for block in found}, {key: one for key, one in partners.items() if key not in blocks}


def left(partner: Allowed, blocks: Iterable[Block]) -> Allowed | None:
    """Return what a partner keeps: all but its blocked domains; None when it has no other.

    An entry of the list has the name of its primary domain. Where that one is blocked, the first of the others takes
    its place, with the same settings.
    """
    covering = list(blocks)
    kept = [name for name in partner.domains if not any(block.covers(name) for block in covering)]
    if len(kept) == len(partner.domains):
        return partner
    if not kept:
        return None
    identity = partner.identity if kept[0] == partner.domain else kept[0]
    return Allowed(kept[0], tuple(kept[1:]), partner.settings, identity)


def entry(block: Block) -> Allowed:
    """Return a block as a partner. :raises InvalidValue: the domain is too long to be kept in this way."""
    name = f"{block.domain}{SUFFIX}"
    if len(name) > _LONGEST:
        raise InvalidValue(
            f"{block.domain} is too long to be blocked on Lync by its name",
            hint="Take the partner out of the inventory, or block a domain above it with subdomains: true.",
        )
    since = datetime.fromtimestamp(block.since, timezone.utc).strftime(_TIME)
    note = {"blocked_since": since, "by": block.by, "reason": block.reason, "subdomains": block.subdomains}
    partner = {"domain": name, "description": json.dumps(note), "type": "public_unverified", "tls": "required"}
    return wire.wanted({**partner, "sasl": "required", "dialback": False, "keepalive": False})


def _block(item: Allowed) -> Block:
    """Read a block. One whose note was edited holds as well, for all domains below it too."""
    domain = item.domain.removesuffix(SUFFIX)
    try:
        note = json.loads(item.settings["description"])
        since = datetime.strptime(note["blocked_since"], _TIME).replace(tzinfo=timezone.utc)
        reason, by, subdomains = note["reason"], note["by"], note["subdomains"]
        if isinstance(reason, str) and isinstance(by, str) and isinstance(subdomains, bool):
            return Block(domain, int(since.timestamp()), reason, by, subdomains)
    except (ValueError, KeyError, TypeError):
        pass
    return Block(domain, 0, "unknown: its description was edited", "unknown", True)


def told(blocks: Iterable[Block]) -> list[dict[str, Any]]:
    """Return blocks as plain data, in the order of their domains."""
    return [block.as_dict() for block in sorted(blocks, key=lambda block: block.domain)]
