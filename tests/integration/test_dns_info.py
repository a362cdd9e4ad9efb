"""Looking at records, and the inventory that says what they say, at a real BIND."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.fedgate.dns.found import look
from ansible.module_utils.fedgate.errors import InvalidValue

from .bind import KEYS, NAMED, Bind

pytestmark = pytest.mark.skipif(not Path(NAMED).exists(), reason="BIND is not installed (package bind9)")
LONDON, TOKYO = "edge.london.contoso.example", "edge.tokyo.contoso.example"
PIN = "3 1 1 " + "ab" * 32


@pytest.fixture(scope="module")
def bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bind]:
    server = Bind(tmp_path_factory.mktemp("bind"))
    server.start()
    zone = "contoso.example"
    for service, port in (("_xmpp-server", 5269), ("_xmpp-client", 5222)):
        owner = f"{service}._tcp.{zone}"
        server.edit(zone, ("add", owner, "300", "SRV", f"10 5 {port} {LONDON}."))
        server.edit(zone, ("add", owner, "300", "SRV", f"20 0 {port} {TOKYO}."))
    server.edit(zone, ("add", f"_xmpps-server._tcp.{zone}", "300", "SRV", f"10 0 5270 {LONDON}."))
    server.edit(zone, ("add", LONDON, "300", "A", "192.0.2.10"), ("add", LONDON, "300", "AAAA", "2001:db8::10"))
    server.edit(zone, ("add", TOKYO, "900", "A", "192.0.2.20"), ("add", LONDON, "300", "CAA", '0 issue "ca.example"'))
    server.edit(zone, ("add", f"_5269._tcp.{LONDON}", "300", "TLSA", PIN))
    asia = "contoso-asia.example"
    server.edit(asia, ("add", f"_xmpp-server._tcp.{asia}", "300", "SRV", f"10 0 5299 {TOKYO}."))
    server.edit("deep.contoso.example", ("add", "_xmpp-server._tcp.deep.contoso.example", "300", "SRV", "0 0 0 ."))
    yield server
    server.stop()


def found(bind: Bind, **arguments: Any) -> dict[str, Any]:
    return look({"providers": [bind.provider()], "records": [], "domains": [], **arguments}, None)  # type: ignore[arg-type]


def test_shows_what_is_asked_for(bind: Bind) -> None:
    asked = [{"name": name, "type": "A", "view": "external"} for name in (LONDON.upper(), "no.example.org")]
    seen = found(bind, records=asked)
    assert seen["records"] == [
        {"provider": "rfc2136", "view": "external", "zone": "contoso.example", "name": LONDON, "type": "A", "ttl": 300,
         "values": ["192.0.2.10"]}
    ]  # fmt: skip
    assert seen["unknown"] == ["no.example.org"] and "inventory" not in seen and "rfc2136" in seen["requests"]


def test_a_name_that_is_none(bind: Bind) -> None:
    with pytest.raises(InvalidValue, match=r"domains\[1\]: "):
        found(bind, domains=["contoso.example", "192.0.2.1"])
    with pytest.raises(InvalidValue, match=r"records\[0\]\.name: "):
        found(bind, records=[{"name": "a..b", "type": "A", "view": "external"}])


def test_the_inventory_says_what_the_records_say(bind: Bind) -> None:
    domains = ["contoso.example", "contoso-asia.example", "deep.contoso.example", "static.example"]
    inventory = found(bind, domains=domains)["inventory"]
    assert inventory["all"] == {
        "federation_xmpp_domains": ["contoso.example", "contoso-asia.example"],
        "federation_retired_xmpp_domains": ["deep.contoso.example"],
        "federation_publish_xmpp_client": True,
        "federation_dns_ttl": 300,
    }
    assert list(inventory["pools"]) == [LONDON, TOKYO]
    assert inventory["pools"][LONDON] == {
        "edge_pool_fqdn": LONDON,
        "edge_pool_xmpp_domains": ["contoso.example"],
        "edge_pool_priority": 10,
        "edge_pool_weight": 5,
        "edge_published_addresses": ["192.0.2.10", "2001:db8::10"],
    }
    assert "edge_pool_xmpp_domains" not in inventory["pools"][TOKYO]
    notes = "\n".join(inventory["notes"])
    for words in (
        "static.example has no _xmpp-server._tcp record",
        f"contoso-asia.example has another priority at {TOKYO} (10) than other domains (20)",
        "_xmpp-server._tcp.contoso-asia.example leads to port 5299",
        f"{TOKYO} A (900 s)",
        f'{LONDON} CAA: 0 issue "ca.example"',
        f"_5269._tcp.{LONDON} TLSA: {PIN}",
        f"_xmpps-server._tcp.contoso.example SRV: 10 0 5270 {LONDON}",
    ):
        assert words in notes


def test_two_views(bind: Bind, tmp_path: Path) -> None:
    inside = Bind(tmp_path)
    inside.start()
    try:
        inside.edit("contoso.example", ("add", LONDON, "300", "A", "10.0.0.10"))
        providers = [bind.provider(name="out"), inside.provider(name="in", view="internal")]
        seen = found(bind, providers=providers, domains=["contoso.example"])
    finally:
        inside.stop()
    pools = seen["inventory"]["pools"]
    assert pools[LONDON]["edge_published_addresses"] == ["192.0.2.10", "2001:db8::10"]
    assert "edge_internal_addresses" not in pools[LONDON]  # nothing inside leads there


def test_the_playbook_writes_an_inventory(bind: Bind, root: Path, tmp_path: Path) -> None:
    (tmp_path / "import.json").write_text(
        json.dumps({"import_dns_providers": [bind.provider()], "import_dns_domains": ["contoso.example"]})
    )
    written = tmp_path / "hosts.yml"
    argv = [
        str(Path(sys.executable).parent / "ansible-playbook"), "-vvvv", "-i", "localhost,",
        str(root / "playbooks" / "import_dns.yml"),
        "-e", f"@{tmp_path / 'import.json'}", "-e", f"import_dns_file={written}",
    ]  # fmt: skip
    environment = {**os.environ, "ANSIBLE_CONFIG": str(root / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    for expected in (0, 2):
        done = subprocess.run(argv, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == expected, done.stdout + done.stderr
        assert KEYS["fedgate"][1] not in done.stdout + done.stderr
    assert "exists already and is left as it is" in done.stdout
    text = written.read_text()
    inventory = yaml.safe_load(text)["edges"]
    assert inventory["vars"]["federation_xmpp_domains"] == ["contoso.example"]
    pools = inventory["children"]
    assert pools["edge_london_contoso_example"]["vars"]["edge_pool_priority"] == 10
    assert pools["edge_tokyo_contoso_example"]["vars"]["edge_published_addresses"] == ["192.0.2.20"]
    assert f"# Look at: _5269._tcp.{LONDON} TLSA" in text
