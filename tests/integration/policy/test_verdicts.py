"""The memory before the gate's decision, by itself: it forgets when anything that a verdict rests on is another one."""

from __future__ import annotations

import json

from .gateway import Gateway

SCRIPT = """
local verdicts = dofile("/fedgate/modules/fedgate_verdicts.lib.lua")
local hosts = { ["a.example"] = {} }
local list, blocks, open = {}, {}, { ["b.example"] = true, ["c.example"] = true }
local asked, row = 0, { type = "federated" }
local pair = verdicts.remembering(function (host, remote)
	asked = asked + 1
	if open[remote] then return row end
	return nil, "not-a-partner"
end, hosts, function () return list, blocks end)

local said = {}
local function say(host, remote)
	local before = asked
	local found, reason = pair(host, remote)
	assert(found == nil or found == row)
	said[#said + 1] = (found and "let in" or tostring(reason)) .. (asked > before and ", decided" or ", remembered")
end

say("a.example", "b.example"); say("a.example", "b.example")
say("a.example", "c.example"); say("a.example", "b.example")
say("a.example", "d.example"); say("a.example", "d.example") -- a refusal is not kept
open["d.example"] = true; say("a.example", "d.example")
open["b.example"] = nil; list = {}; say("a.example", "b.example") -- another policy
open["b.example"] = true; say("a.example", "b.example")
open["b.example"] = nil; blocks = {}; say("a.example", "b.example") -- another block list
open["b.example"] = true; say("a.example", "b.example")
open["b.example"] = nil; hosts["a.example"] = {}; say("a.example", "b.example") -- another host of this name
open["b.example"] = true; say("a.example", "b.example")
open["b.example"] = nil; hosts["a.example"] = nil; say("a.example", "b.example") -- and none
hosts["a.example"] = {}; list = nil; open["b.example"] = true
say("a.example", "b.example"); say("a.example", "b.example")
list, blocks = {}, nil; say("a.example", "b.example"); say("a.example", "b.example")
print('["' .. table.concat(said, '","') .. '"]')
"""
LET_IN, REMEMBERED, REFUSED = "let in, decided", "let in, remembered", "not-a-partner, decided"


def test_a_verdict_is_remembered_for_one_policy_one_block_list_and_one_host(hosts: Gateway) -> None:
    assert json.loads(hosts.lua(SCRIPT)) == [
        LET_IN, REMEMBERED,
        LET_IN, REMEMBERED,
        REFUSED, REFUSED,
        LET_IN,
        REFUSED, LET_IN,
        REFUSED, LET_IN,
        REFUSED, LET_IN,
        REFUSED,
        LET_IN, LET_IN,
        LET_IN, LET_IN,
    ]  # fmt: skip
