"""``xmpp_partner_policy`` on a running ejabberd: check, first run, second run, changes, broken and killed runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .ejabberd import ALLOWED, CLOSED, HOST, INCLUDED, ROOMS, SIBLING, Ejabberd

#: The note of a run that has streams to close.
OWED = "/run/fedgate/ejabberd.streams.owed"
#: All that ejabberd loses of a federated partner with the default rules, where its one component is closed.
USUAL = ["auto_approval", "host", "components"]


@pytest.fixture(autouse=True)
def closed(own: Ejabberd) -> None:
    """Nobody federates, and the configuration is in order."""
    own.configure("mod_muc", "mod_s2s_dialback")
    own.put(INCLUDED, CLOSED)
    own.host.run("rm", "-f", OWED)
    own.ctl("reload_config")


def partner(domain: str, **fields: Any) -> dict[str, Any]:
    return {"domain": domain, "type": "federated", "sasl": "optional", "waive": USUAL, **fields}


def policy(own: Ejabberd, *partners: dict[str, Any], **params: Any) -> dict[str, Any]:
    return own.module(partners=list(partners), **{"local_hosts": [HOST], **params})


def changes(result: dict[str, Any]) -> set[tuple[str, str, str]]:
    assert not result.get("failed"), result
    return {(change["action"], change["kind"], change["name"]) for change in result["plan"]}


def dump(own: Ejabberd) -> str:
    own.ctl("dump_config", "/var/lib/ejabberd/dump.yml")
    return own.host.run("cat", "/var/lib/ejabberd/dump.yml")


def test_check_first_and_second_run(own: Ejabberd) -> None:
    before = own.host.run("cat", INCLUDED)
    checked = policy(own, partner("fabrikam.example"), check=True)
    assert own.host.run("cat", INCLUDED) == before
    first = policy(own, partner("fabrikam.example", additional_domains=["fabrikam-asia.example"]))
    assert changes(checked) == {("create", "partner", "fabrikam.example"), ("run", "policy", INCLUDED)}
    assert changes(first) == changes(checked) | {("create", "partner", "fabrikam-asia.example")}
    assert first["diff"][0]["after"] == "partner: fabrikam.example\n"
    assert first["generation"] == 1
    assert first["loaded"] == {
        "state": "enforcing", "generation": 1, "digest": first["digest"], "reason": None,
    }  # fmt: skip
    assert {item["rule"] for item in first["loss"]} == set(USUAL)
    assert own.host.run("sha256sum", INCLUDED).split()[0] == first["digest"]
    assert own.host.run("stat", "-c", "%a %U %G", INCLUDED).strip() == "640 root ejabberd"
    second = policy(own, partner("fabrikam.example", additional_domains=["fabrikam-asia.example"]))
    assert changes(second) == set() and not second["changed"]


def test_a_partner_more_costs_no_stream_and_one_less_all(own: Ejabberd) -> None:
    policy(own, partner("fabrikam.example"))
    more = policy(own, partner("fabrikam.example"), partner("adatum.example"))
    assert changes(more) == {("create", "partner", "adatum.example"), ("run", "policy", INCLUDED)}
    assert more["generation"] == 2
    less = policy(own, partner("adatum.example"))
    assert changes(less) == {
        ("delete", "partner", "fabrikam.example"), ("run", "policy", INCLUDED), ("run", "streams", "ejabberd"),
    }  # fmt: skip
    assert changes(policy(own, partner("adatum.example"))) == set()
    nobody = policy(own)
    assert ("delete", "partner", "adatum.example") in changes(nobody) and nobody["loss"] == []
    assert changes(policy(own)) == set()


def test_streams_of_an_open_server_are_closed(own: Ejabberd) -> None:
    own.configure("mod_muc", "mod_s2s_dialback", include=None)
    own.ctl("reload_config")
    own.configure("mod_muc", "mod_s2s_dialback")
    assert ("run", "streams", "ejabberd") in changes(policy(own, partner("fabrikam.example")))


def test_what_is_not_waived_stops_the_run(own: Ejabberd) -> None:
    before = own.host.run("cat", INCLUDED)
    refused = policy(own, partner("fabrikam.example", waive=["host"]), partner("adatum.example"))
    assert refused["failed"] and refused["error"] == "InvalidValue"
    assert [(item["partner"], item["rule"]) for item in refused["loss"]] == [
        ("fabrikam.example", "auto_approval"), ("fabrikam.example", "components"),
    ]  # fmt: skip
    assert "auto_approval: Subscription requests of its users wait" in refused["msg"]
    assert f"components: It reaches {ROOMS}" in refused["msg"] and "(fabrikam.example)" in refused["msg"]
    assert "name the rule in the partner's waive (here auto_approval and components)" in refused["msg"]
    assert own.host.run("cat", INCLUDED) == before


def test_waivers_of_what_is_no_rule_or_not_lost(own: Ejabberd) -> None:
    unknown = policy(own, partner("fabrikam.example", waive=["auto_aproval"]))
    assert unknown["failed"] and "Did you mean auto_approval?" in unknown["msg"] and "scope" in unknown["msg"]
    needless = policy(own, partner("fabrikam.example", waive=[*USUAL, "tls"]))
    said = json.dumps(needless["warnings"])
    assert said.count("waive names tls for fabrikam.example, but ejabberd honours it: there is nothing to waive") == 1


@pytest.mark.parametrize("broken", ["modules: {mod_nothing: {}}\n", "s2s_access: all\n", "x: [\n"])
def test_a_broken_configuration_rolls_back(broken: str, own: Ejabberd) -> None:
    policy(own, partner("fabrikam.example"))
    before, running = own.host.run("cat", INCLUDED), dump(own)
    own.host.run("sh", "-c", "cat >> /etc/ejabberd/ejabberd.yml", stdin=broken)
    result = policy(own, partner("adatum.example"))
    assert result["failed"] and result["error"] == "CheckFailed"
    assert "the server did not load the new policy: ejabberdctl reload_config: " in result["msg"]
    assert "the former file is back; the server keeps what it runs with" in result["msg"]
    assert own.host.run("cat", INCLUDED) == before and dump(own) == running
    assert own.host.run("ls", "/run/fedgate", check=False) == ""


@pytest.mark.parametrize("include", [None, f"include_config_file: {{{INCLUDED}: {{allow_only: [acl]}}}}"])
def test_a_configuration_that_does_not_include_the_policy(include: str | None, own: Ejabberd) -> None:
    own.configure("mod_muc", "mod_s2s_dialback", include=include)
    result = policy(own, partner("fabrikam.example"))
    assert result["failed"] and f"its configuration does not include {INCLUDED}" in result["msg"]
    assert own.host.run("cat", INCLUDED) == CLOSED


def test_another_access_rule_of_the_operator(own: Ejabberd) -> None:
    """Not for a host of the policy, which would be a duplicate; for its sibling."""
    own.configure("mod_muc", "mod_s2s_dialback", include=f"""
host_config: {{{SIBLING}: {{s2s_access: all}}}}
include_config_file: {{{INCLUDED}: {{{ALLOWED}}}}}""")  # fmt: skip
    result = policy(own, partner("fabrikam.example"))
    assert result["failed"] and "another s2s_access is in its configuration: all" in result["msg"]
    assert own.host.run("cat", INCLUDED) == CLOSED


def test_options_of_the_same_host_stay(own: Ejabberd) -> None:
    own.configure("mod_muc", "mod_s2s_dialback", include=f"""
host_config: {{{HOST}: {{s2s_timeout: 100}}, {SIBLING}: {{s2s_timeout: 200}}}}
include_config_file: {{{INCLUDED}: {{{ALLOWED}}}}}""")  # fmt: skip
    assert changes(policy(own, partner("fabrikam.example")))
    assert changes(policy(own, partner("fabrikam.example"))) == set()
    assert "s2s_timeout: 100" in dump(own) and "s2s_timeout: 200" in dump(own)


def test_hosts_that_it_does_not_serve(own: Ejabberd) -> None:
    result = policy(own, partner("fabrikam.example"), local_hosts=[HOST, "other.example"])
    assert result["failed"] and "this ejabberd does not serve other.example" in result["msg"]


def test_a_changed_file_is_written_and_loaded_again(own: Ejabberd) -> None:
    policy(own, partner("fabrikam.example"))
    own.host.run("sed", "-i", "s/fabrikam/evil/", INCLUDED)
    own.ctl("reload_config")
    again = policy(own, partner("fabrikam.example"))
    assert ("run", "policy", INCLUDED) in changes(again) and ("run", "streams", "ejabberd") in changes(again)
    assert "evil" not in dump(own) and changes(policy(own, partner("fabrikam.example"))) == set()


def test_killed_on_the_way(own: Ejabberd) -> None:
    """Whatever a killed run left, the next one ends with the policy in force and the streams closed.

    A run that takes a partner away touches the host some ten times to look, and then some twenty times to change it;
    no state between two steps that matter is shorter than two of those.
    """
    both, one = [partner("fabrikam.example"), partner("adatum.example")], [partner("adatum.example")]
    left = set()
    for step in range(10, 60, 2):
        assert not policy(own, *both).get("failed")
        if policy(own, *one, die_at=step):
            break
        owed = own.host.run("sh", "-c", f"ls {OWED} 2>&1", check=False).strip() == OWED
        left.add((owed, "fabrikam" in own.host.run("cat", INCLUDED), "fabrikam" in dump(own)))
        changed = changes(policy(own, *one))
        assert not owed or ("run", "streams", "ejabberd") in changed
        assert "fabrikam" not in dump(own) and own.host.run("ls", "/run/fedgate", check=False) == ""
    assert left >= {(False, True, True), (True, True, True), (True, False, True), (True, False, False)}
    assert changes(policy(own, *one)) == set()
