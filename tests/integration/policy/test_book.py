"""The packed rows of a policy, by themselves: every domain has its row, and nobody else has one."""

from __future__ import annotations

import json
import random
import string
from typing import Any

import pytest

from .gateway import Gateway, row

BOOK = """
local book = dofile("/fedgate/modules/fedgate_book.lib.lua")
"""
SCRIPT = """
local given = json.decode(io.read("*a"))
local packed = book.pack(given.rows)
local found, walked = {}, {}
for _, domain in ipairs(given.asked) do found[domain] = packed[domain] end
book.each(packed, function (domain, shape)
	assert(not walked[domain] and shape.partner == nil)
	walked[domain] = shape.type
end)
assert(packed[nil] == nil and packed[1] == nil)
assert(not pcall(function () packed["new.example"] = {} end))
print(json.encode({ found = found, walked = walked }))
"""
WRONG = """
for _, rows in ipairs({
	{ ["a.example\\n"] = { partner = "a.example" } }, { ["a.example"] = { partner = "a\\tb" } },
	{ ["a.example"] = { partner = 1 } }, { ["a.example"] = {} },
}) do assert(not pcall(book.pack, rows)) end
print("refused")
"""


def rows(count: int) -> dict[str, dict[str, Any]]:
    """Return rows of different shapes, some with partners that have other domains too."""
    chance = random.Random(count)
    found = {}
    for number in range(count):
        word = "".join(chance.choices(string.ascii_lowercase + string.digits + "-", k=chance.randint(1, 20)))
        domain = f"{word}.{chance.choice(('example', 'a.example', 'xn--b-1ga.example'))}"
        more: dict[str, Any] = chance.choice(({}, {"stanza_rate": 10}, {"keepalive": False}, {"proxy_fqdn": domain}))
        kind = chance.choice(("federated", "public_verified", "public_unverified"))
        partner = domain if number % 3 else "primary.example"
        found[domain] = {**row(sasl=chance.choice(("required", "optional")), kind=kind), **more, "partner": partner}
    return found


# Around the size of a block, and many of them.
@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 128, 129, 3000])
def test_every_domain_has_its_row_and_nobody_else_has_one(count: int, hosts: Gateway) -> None:
    given = rows(count)
    others = {"", "example", "zz.example", "primary", "\n", "\t1\t", "a.example\t1", "0", "~"}
    for domain in list(given)[:200]:
        others |= {domain[1:], domain[:-1], domain + "x", domain.upper(), "\n" + domain, domain + "\t", f"{domain}\t1"}
    asked = [*given, *(others - set(given))]
    answer = json.loads(hosts.lua(BOOK + SCRIPT, json.dumps({"rows": given, "asked": asked})))
    assert (answer["found"] or {}) == given
    assert (answer["walked"] or {}) == {domain: rules["type"] for domain, rules in given.items()}


def test_what_would_break_the_lines_is_not_packed(hosts: Gateway) -> None:
    assert hosts.lua(BOOK + WRONG) == "refused\n"


@pytest.mark.parametrize("domain", ["new\nline.example", "tab\t1\tfabrikam.example"])
def test_a_policy_with_such_a_name_is_not_loaded(domain: str, gateway: Gateway) -> None:
    gateway.enforce({"fabrikam.example": row()})
    before = gateway.status()["digest"]
    gateway.policy({domain: row()})
    status = gateway.hangup(lambda status: "malformed" in (status["reason"] or ""))
    assert status["digest"] == before
