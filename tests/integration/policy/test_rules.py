"""The decision functions by themselves, in the Lua that Prosody runs on: all 18 rows of the specification."""

from __future__ import annotations

import itertools
import json

from .gateway import Gateway, row

SCRIPT = """
package.path = "/usr/lib/prosody/?.lua;" .. package.path
package.cpath = "/usr/lib/prosody/?.so;" .. package.cpath
pcall(require, "loader") -- 13.0 requires its own files by another name
local json = require "util.json"
local rules = dofile("/fedgate/modules/fedgate_rules.lib.lua")
local cases = json.decode(io.read("*a"))
local answers = require "util.array"()
for _, case in ipairs(cases) do
	local list = rules.parse({ format = 1, generation = 1, local_hosts = { "a.example" },
		partners = { ["b.example"] = case.row } })
	local found = list and rules.pair(list, "a.example", "b.example")
	answers:push(found and rules.accepts(found, case.facts) or false)
end
print(json.encode(answers))
"""
LEVELS = ("required", "optional", "not_supported")


def permitted(rules: dict[str, object], facts: dict[str, object]) -> bool:
    """Say it once more, from the specification: only TLS required; EXTERNAL and what dialback needs."""
    if rules["tls"] != "required" or not facts["secure"]:
        return False
    if facts["method"] == "external":
        return rules["sasl"] != "not_supported" and facts["certificate"] == "valid"
    if rules["sasl"] == "required" or not rules["dialback"]:
        return False
    return rules["dialback_certificate"] == "any" or facts["certificate"] == "valid"


def test_every_row_with_every_kind_of_stream(hosts: Gateway) -> None:
    hosts.folder.chmod(0o777)
    hosts.restore_modules()
    hosts.write("rules.lua", SCRIPT)
    cases = [
        {
            "row": row(tls, sasl, dialback, demanded),
            "facts": {"method": method, "secure": secure, "certificate": shown},
        }
        for tls, sasl, dialback, demanded, method, secure, shown in itertools.product(
            LEVELS, LEVELS, (True, False), ("any", "valid"), ("external", "dialback"), (True, False),
            ("valid", "invalid", "none"),
        )
    ]  # fmt: skip
    answers = json.loads(hosts.run("lua5.4", "/fedgate/rules.lua", stdin=json.dumps(cases)))
    wrong = [case for case, answer in zip(cases, answers) if answer != permitted(case["row"], case["facts"])]
    assert len(answers) == 432 and not wrong, wrong[:3]
