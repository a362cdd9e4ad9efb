"""The block list of a Linux gateway: its file, and the server's report on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Optional

from ..model.blocks import Block, Blocks

#: Version of the file's layout; the server's module refuses those that it does not know.
FORMAT = 1


def text_of(blocks: Mapping[str, Block]) -> str:
    """Return the file's text: canonical JSON, so that equal lists are equal bytes."""
    entries = {domain: block.fields() for domain, block in blocks.items()}
    return json.dumps({"format": FORMAT, "blocked": entries}, sort_keys=True, indent=1) + "\n"


def parse(data: bytes) -> Optional[Blocks]:
    """Return the list that a file's bytes say; None when it is none that the server would take."""
    try:
        content = json.loads(data.decode())
    except ValueError:
        return None
    if not isinstance(content, dict) or content.get("format") != FORMAT or not isinstance(content.get("blocked"), dict):
        return None
    found = {domain.lower(): _block(domain.lower(), entry) for domain, entry in content["blocked"].items()}
    return None if None in found.values() else {domain: block for domain, block in found.items() if block}


def reported(status: Optional[Mapping[str, Any]]) -> Optional[Blocks]:
    """Return the list that a running server says is in force; None when it says nothing of one."""
    blocking = (status or {}).get("blocking")
    if not isinstance(blocking, Mapping) or not isinstance(blocking.get("domains"), (list, Mapping)):
        return None
    entries = [entry for entry in blocking["domains"] if isinstance(entry, Mapping)]  # Lua writes {} for an empty list
    found = [_block(str(entry.get("domain")), entry) for entry in entries]
    return {block.domain: block for block in found if block}


def _block(domain: str, entry: Any) -> Optional[Block]:
    """Read one entry; None when the server would not take it."""
    if not isinstance(entry, Mapping):
        return None
    since, reason, by, subdomains = (entry.get(key) for key in ("since", "reason", "by", "subdomains"))
    if isinstance(since, bool) or not isinstance(since, (int, float)):
        return None
    if not isinstance(reason, str) or not isinstance(by, str) or not isinstance(subdomains, bool):
        return None
    return Block(domain, int(since), reason, by, subdomains)
