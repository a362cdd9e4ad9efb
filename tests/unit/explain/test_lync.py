"""What is said of a pair of addresses where Lync serves the domain: as far as the model knows it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.explain.pair import explain_pair
from ansible.module_utils.fedgate.explain.pair_text import pair_text

from ..model.inventories import lync_site
from .sources import inventory


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        ({}, "through pool1.contoso.example they are told what follows"),
        ({"federation_lync": None}, "its servers are not touched (federation_lync)"),
    ],
)
def test_it_says_whether_the_servers_are_told(shared: dict[str, Any], said: str) -> None:
    found = explain_pair(inventory(lync_site(**shared)), "carol@fabrikam.example", "alice@contoso.example")
    (gateway,) = found["gateways"]
    assert gateway["front_end"] == (None if shared else "pool1.contoso.example")
    text = pair_text(found)
    assert said in text and "access.contoso.example, lync" in text and "canary" not in text
