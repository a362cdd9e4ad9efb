"""The lab's emulated Lync Server, without starting it: its settings, its record, its inventory, what the demo says."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("psrpcore", reason="the emulator runs where the tests' own requirements are")

from ..emulators.lync.deployment import FRONT_END_POOL
from ..emulators.lync.topology import usual

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lab import authority, demo_lync  # noqa: E402 - the checkout has to be on the path first
from lab.errors import LabError  # noqa: E402
from lab.identity import Identity  # noqa: E402
from lab.lync import process  # noqa: E402
from lab.shell import run, text  # noqa: E402
from lab.state import LYNC_SECRETS, State  # noqa: E402


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State.prepare(Identity("lab", "trixie", tmp_path), "10.1.2.0/24")


def test_passwords_are_each_labs_own_and_kept(state: State, tmp_path: Path) -> None:
    again = State.prepare(state.identity, "10.1.3.0/24").values["lync"]
    other = State.prepare(Identity("other", "trixie", tmp_path), "10.1.4.0/24").values["lync"]
    for name in LYNC_SECRETS:
        assert again[name] == state.values["lync"][name] != other[name]
    assert (state.values["lync"]["address"], again["address"]) == ("10.1.2.1", "10.1.3.1")
    assert stat.S_IMODE((state.identity.directory / "lab.json").stat().st_mode) == 0o600


def test_a_lab_without_it_is_well(state: State) -> None:
    assert process.describe(state) == "-"
    assert process.stop(state.identity) is False


def test_a_process_that_is_gone_is_told_from_another_with_its_number(state: State) -> None:
    folder = state.identity.directory / "lync"
    folder.mkdir()
    # This very process, as if its number had been that of an emulator that began at another time.
    (folder / "process.json").write_text(json.dumps({"pid": os.getpid(), "started": "1", "settings": ""}))
    assert process.describe(state).startswith("gone; bin/lab up --with-lync")
    assert process.stop(state.identity) is False, "and it is not killed, or this line would not be reached"
    assert process.describe(state) == "-"


def test_one_that_was_started_for_another_network_is_not_well(state: State) -> None:
    folder = state.identity.directory / "lync"
    folder.mkdir()
    record = {"pid": os.getpid(), "started": process._started(os.getpid()), "settings": "other"}
    (folder / "process.json").write_text(json.dumps(record))
    assert process.describe(state).startswith("of another network or authority")


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    process.check()
    monkeypatch.setattr(process, "LIBRARIES", ("json", "no_such_library"))
    with pytest.raises(LabError, match="the Python library no_such_library is missing; run bin/test lint once"):
        process.check()


def test_servers_are_those_of_the_emulated_topology(state: State) -> None:
    lync, topology = state.values["lync"], usual()
    (pool,) = [pool for pool in topology.pools.values() if pool.external_fqdn == lync["edge_pool"]]
    assert {f"{name}.contoso.example" for name in lync["edge_ports"]} == set(pool.computers)
    assert lync["registrar_pool"] == FRONT_END_POOL and FRONT_END_POOL in topology.pools


def test_the_inventory_moves_london_and_nothing_else(state: State) -> None:
    folder = ROOT / "inventories"
    hosts = yaml.safe_load((folder / "lab-lync" / "hosts.yml").read_text())["edges"]["children"]
    assert hosts.keys() == {"london"} and hosts["london"]["hosts"].keys() == state.values["lync"]["edge_ports"].keys()
    usual_ones = yaml.safe_load((folder / "lab/group_vars/all/federation.yml").read_text())["federation_partners"]
    partners = yaml.safe_load((folder / "lab-lync/group_vars/all/lync.yml").read_text())["federation_partners"]
    assert [{k: v for k, v in each.items() if k != "echo_address"} for each in partners] == usual_ones


def test_a_request_is_signed_as_it_asks(state: State, tmp_path: Path) -> None:
    request, answer = tmp_path / "a.csr.pem", tmp_path / "a.cer"
    run(
        [
            "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", "/CN=a", "-keyout", str(tmp_path / "key.pem"), "-out", str(request),
            "-addext", "subjectAltName=DNS:a.example,DNS:b.example",
        ]
    )  # fmt: skip
    directory = Path(state.values["ca_directory"])
    answer.write_bytes(authority.sign(directory, request))
    names = text(["openssl", "x509", "-in", str(answer), "-noout", "-ext", "subjectAltName"])
    assert "DNS:a.example, DNS:b.example" in names
    run(["openssl", "verify", "-CAfile", state.values["ca_certificate"], str(answer)])
    request.write_text("hello\n")
    with pytest.raises(LabError, match="openssl x509 -req failed"):
        authority.sign(directory, request)


GOOD: dict[str, Any] = {
    "listening": [5269, 23456],
    "certificates": {
        "AccessEdgeExternal": {"issuer": "CN=Fedgate lab CA lab", "has_key": True, "names": ["a.example"]}
    },
}


@pytest.mark.parametrize(
    ("front_end", "edge", "failed"),
    [
        ({"partners": [{"domain": "fabrikam.example"}]}, GOOD, []),
        ({"partners": []}, GOOD, ["partners"]),
        ({"partners": [{"domain": "fabrikam.example"}, {"domain": "other.example"}]}, GOOD, ["partners"]),
        ({"partners": [{"domain": "fabrikam.example"}]}, {**GOOD, "listening": [23456]}, ["ports"]),
        ({"partners": [{"domain": "fabrikam.example"}]}, {**GOOD, "certificates": {}}, ["certificate"]),
        ({}, {}, ["partners", "ports", "certificate"]),
    ],
)
def test_the_demonstration_finds_what_is_wrong(front_end: Any, edge: Any, failed: list[str]) -> None:
    found = [check.what.rpartition(" ")[2] for check in demo_lync.london_checks(front_end, edge) if not check.passed]
    assert found == failed
