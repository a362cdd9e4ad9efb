"""The decision functions by themselves, in the Lua that Prosody runs on: all 18 rows of the specification."""

from __future__ import annotations

import itertools
import json

from .gateway import Gateway, row

SCRIPT = """
local rules = dofile("/fedgate/modules/fedgate_rules.lib.lua")
local cases = json.decode(io.read("*a"))
local answers = require "util.array"()
for _, case in ipairs(cases) do
	local list = rules.parse({ format = 2, generation = 1, local_hosts = { "a.example" },
		partners = { ["b.example"] = case.row } })
	local found = list and rules.pair(list, "a.example", "b.example")
	answers:push(found and rules.accepts(found, case.facts) or false)
end
print(json.encode(answers))
"""
LEVELS = ("required", "optional", "not_supported")


def permitted(rules: dict[str, object], facts: dict[str, object]) -> bool:
    """Say it once more, from the specification: EXTERNAL needs TLS and a certificate, dialback what the row says."""
    if rules["tls"] == ("not_supported" if facts["secure"] else "required"):
        return False
    valid = facts["certificate"] == "valid"
    if facts["method"] == "external":
        return bool(facts["secure"]) and rules["sasl"] != "not_supported" and valid
    if not rules["dialback"] or (rules["tls"], rules["sasl"]) == ("required", "required"):
        return False
    if not facts["secure"] and not rules["allow_plaintext"]:
        return False
    return rules["dialback_certificate"] == "any" or (bool(facts["secure"]) and valid)


def test_every_row_with_every_kind_of_stream(hosts: Gateway) -> None:
    cases = [
        {
            "row": row(tls, sasl, dialback, demanded, plaintext=agreed),
            "facts": {"method": method, "secure": secure, "certificate": shown},
        }
        for tls, sasl, dialback, demanded, agreed, method, secure, shown in itertools.product(
            LEVELS, LEVELS, (True, False), ("any", "valid"), (True, False), ("external", "dialback"), (True, False),
            ("valid", "invalid", "none"),
        )
    ]  # fmt: skip
    answers = json.loads(hosts.lua(SCRIPT, json.dumps(cases)))
    wrong = [case for case, answer in zip(cases, answers) if answer != permitted(case["row"], case["facts"])]
    assert len(answers) == 864 and not wrong, wrong[:3]
