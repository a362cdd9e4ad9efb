"""The lab's pure parts: what is read from the machine, what is chosen, what is written."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lab import anchors, apt, authority, fleet, identity, network, resolver, runtime, zones  # noqa: E402 - the checkout has to be on the path first
from lab.errors import LabError  # noqa: E402
from lab.identity import HOSTS, Identity  # noqa: E402
from lab.peers import directory  # noqa: E402
from lab.resolver import Outside  # noqa: E402
from lab.state import State  # noqa: E402

USUAL = ["dns", "edge1.london", "edge1.tokyo", "partner", "stranger", "directory"]


@pytest.mark.parametrize(
    ("mode", "available", "chosen"),
    [
        ("hybrid", {"crun", "runc"}, "runc"),
        ("hybrid", {"crun"}, None),
        ("v1", {"crun"}, "crun"),
        ("v2", {"crun"}, "crun"),
        ("v2", {"runc"}, "runc"),
        ("v2", set(), None),
    ],
)
def test_the_runtime_is_one_that_takes_these_control_groups(mode: str, available: set[str], chosen: str | None) -> None:
    assert runtime.choose_runtime(mode, available) == chosen


@pytest.mark.parametrize(("made", "mode"), [("cgroup.controllers", "v2"), ("unified/x", "hybrid"), ("memory/x", "v1")])
def test_control_groups_are_told_apart(tmp_path: Path, made: str, mode: str) -> None:
    (tmp_path / made).parent.mkdir(exist_ok=True)
    (tmp_path / made).touch()
    assert runtime.cgroup_mode(tmp_path) == mode


DEB822 = """# a remark
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm
 bookworm-updates
Components: main contrib

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: trixie
Components: main

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""
ONE_LINE = """# deb http://remark.example/debian trixie main
deb [arch=amd64 signed-by=/k.gpg] http://other.example/product stable extra
deb [ arch=amd64 ] http://mirror.example/debian trixie main non-free-firmware # remark
deb http://mirror.example/debian-security trixie-security main
"""
UBUNTU = "deb http://ubuntu.example/ubuntu noble main\n"


@pytest.mark.parametrize(
    ("name", "content", "mirror", "security"),
    [
        (
            "sources.list.d/debian.sources",
            DEB822,
            "http://mirror.example/debian",
            "http://mirror.example/debian-security",
        ),
        ("sources.list", ONE_LINE, "http://mirror.example/debian", "http://mirror.example/debian-security"),
        ("sources.list", UBUNTU, None, None),
    ],
)
def test_the_mirror_is_read_from_apts_sources(
    tmp_path: Path, name: str, content: str, mirror: str | None, security: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAB_MIRROR", raising=False)
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / name).write_text(content)
    setup = apt.of_controller(tmp_path)
    assert (setup.mirror, setup.security) == (mirror, security)


def test_a_mirror_list_in_a_file_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_MIRROR", raising=False)
    (tmp_path / "list").write_text("# remark\nhttp://mirror.example/debian\tpriority:1\n")
    (tmp_path / "sources.list").write_text(f"deb mirror+file:{tmp_path}/list trixie main\n")
    assert apt.of_controller(tmp_path).mirror == "http://mirror.example/debian"


def test_names_that_hosts_need_are_those_of_mirrors_and_proxies() -> None:
    setup = apt.AptSetup(
        "http://mirror.example/debian",
        "http://192.0.2.9/security",
        {"Acquire::http::Proxy": "http://proxy.example:3128"},
    )
    assert setup.host_names() == ["mirror.example", "proxy.example"]


def test_a_stub_resolver_is_passed_over_for_the_real_ones(tmp_path: Path) -> None:
    stub, real = tmp_path / "stub", tmp_path / "real"
    stub.write_text("# x\nnameserver 127.0.0.53\nnameserver ::1\n")
    real.write_text("nameserver 192.0.2.53\n")
    assert resolver.controllers_resolvers([stub, tmp_path / "absent", real]) == ["192.0.2.53"]


def test_the_same_lab_gets_the_same_subnet_and_another_when_it_is_taken() -> None:
    first = network.choose("0000002a", [])
    assert first == network.choose("0000002a", [])
    taken = [ipaddress.IPv4Network(first)]
    second = network.choose("0000002a", taken)
    assert not ipaddress.IPv4Network(second).overlaps(taken[0])
    assert network.choose("0000002a", [], remembered=second) == second
    assert network.choose("0000002a", taken, remembered=first) == second


def test_a_machine_without_a_free_subnet_is_told_so() -> None:
    with pytest.raises(LabError, match="no free subnet"):
        network.choose("00000000", [ipaddress.IPv4Network("10.0.0.0/8")])


def test_names_and_checkouts_do_not_meet() -> None:
    labs = [Identity(name, "trixie", Path(place)) for name in ("lab", "test") for place in ("/srv/a", "/srv/b")]
    assert len({lab.prefix for lab in labs}) == len({lab.mac(HOSTS["dns"]) for lab in labs}) == 4
    macs = {labs[0].mac(host) for host in HOSTS.values()}
    assert len(macs) == len(HOSTS)
    assert all(int(mac[:2], 16) & 3 == 2 for mac in macs), "locally administered, unicast"
    assert len({host.number for host in HOSTS.values()}) == len(HOSTS), "each has an address of its own"


def test_without_names_the_usual_hosts_are_made_and_no_optional_one() -> None:
    assert [host.name for host in identity.pick([])] == USUAL
    assert [host.name for host in identity.pick(["acme", "edge2.london"])] == ["dns", "edge2.london", "acme"]


def test_an_unknown_host_is_told_which_there_are() -> None:
    with pytest.raises(LabError, match=r"no such host: fleet51; hosts are dns, .*, fleet01 to fleet50$"):
        identity.pick(["fleet51"])


def test_the_inventory_of_a_fleet_logs_in_as_to_the_edges(tmp_path: Path) -> None:
    lab = Identity("lab", "trixie", tmp_path)
    values = {
        "addresses": {"fleet01": "10.1.2.101", "fleet02": "10.1.2.102"},
        "user": "admin",
        "ssh_key": "/k e y",
        "known_hosts": "/known hosts",
    }
    (group,) = yaml.safe_load(fleet.inventory(State(lab, values), ["fleet01", "fleet02"])).values()
    assert group["hosts"]["fleet02"] == {"ansible_host": "10.1.2.102"}
    edges = yaml.safe_load((ROOT / "inventories/lab/group_vars/edges/connection.yml").read_text())
    assert group["vars"].keys() == edges.keys() - {"ansible_host"}
    common = edges["ansible_ssh_common_args"].replace("{{ lab.known_hosts }}", "/known hosts").split()
    assert group["vars"]["ansible_ssh_common_args"].split() == common


def test_the_world_outside_is_forwarded_or_pinned_and_nothing_else() -> None:
    outside = Outside(("192.0.2.53",), ("mirror.example",), {"alias.example": ("192.0.2.80",)})
    files = zones.outside_files(outside, "10.1.2.2")
    assert "mirror.example. NS" in files["/var/lib/bind/root"]
    assert "alias.example" not in files["/var/lib/bind/root"]
    assert "forwarders { 192.0.2.53; };" in files[zones.OUTSIDE_FILE]
    assert "@ A 192.0.2.80" in files["/var/lib/bind/alias.example"]
    other = zones.outside_files(Outside((), (), {}), "10.1.2.2")
    assert other["/var/lib/bind/root"].splitlines()[1] != files["/var/lib/bind/root"].splitlines()[1], (
        "its serial moves"
    )


def test_the_key_for_challenges_may_do_nothing_else() -> None:
    state = lab_state()
    lines = [line.strip() for line in zones.named_conf(state).splitlines() if "grant acme." in line]
    names = [each for domain in zones.DYNAMIC for each in (domain, f"conference.{domain}")]
    assert lines == [f"grant acme. name _acme-challenge.{name}. TXT;" for name in names]


def test_zones_that_others_host_are_asked_for_there() -> None:
    lines = zones.named_conf(lab_state()).splitlines()
    for domain in zones.HOSTED:
        assert f'zone "{domain}" {{ type forward; forward only; forwarders {{ 10.1.2.1 port 5301; }}; }};' in lines
        assert f"{domain}. NS " in zones.outside_files(Outside((), (), {}), "10.1.2.2")["/var/lib/bind/root"]


def lab_state() -> dict[str, Any]:
    hosted = {name: {"address": "10.1.2.1", "dns_port": 5301} for name in zones.HOSTED.values()}
    keys = {"tsig": tsig("fedgate."), "acme": {"tsig": tsig("acme.")}}
    return {"subnet": "10.1.2.0/24", "addresses": {}, "hosted": hosted, **keys}


def tsig(name: str) -> dict[str, str]:
    return {"name": name, "algorithm": "hmac-sha256", "secret": "c2VjcmV0"}


def test_a_certificate_follows_the_address_that_it_names(tmp_path: Path) -> None:
    authority.ensure_authority(tmp_path, "lab")
    first = authority.ensure_certificate(tmp_path, "acme.lab.example", ("10.1.2.24",))
    assert authority.ensure_certificate(tmp_path, "acme.lab.example", ("10.1.2.24",)) == first
    assert authority.ensure_certificate(tmp_path, "acme.lab.example", ("10.1.3.24",)) != first


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        ("hello\n", "no certificate in PEM"),
        ("leaf", r"not that of an authority \(basicConstraints CA:TRUE\)"),
    ],
)
def test_only_a_root_is_put_into_a_store(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "root.pem"
    if content == "leaf":
        authority.ensure_authority(tmp_path, "lab")
        file.write_bytes(authority.ensure_certificate(tmp_path, "a.example")[0])
    elif content:
        file.write_text(content)
    with pytest.raises(LabError, match=f"root.pem: .*{said}"):
        anchors.trust(Identity("lab", "trixie", tmp_path), HOSTS["partner"], file)


def test_directory_hashes_are_steady_and_salted() -> None:
    assert directory.hashed("a") == directory.hashed("a") != directory.hashed("b")
    assert directory.hashed("a").startswith("{SSHA}")
