"""What the module warns of, on a real BIND: records that are allowed and yet will not work as they are meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .bind import NAMED, Bind
from .test_dns_module import LONDON, SRV, TOKYO, Run, module_play

pytestmark = pytest.mark.skipif(not Path(NAMED).exists(), reason="BIND is not installed (package bind9)")
OWNER = f"_5269._tcp.{LONDON}"


def warned(bind: Bind, root: Path, folder: Path, *options: str, **arguments: Any) -> list[str]:
    result = Run(root, folder, module_play(folder, bind.provider(), **arguments), *options).saved(folder)
    assert not result.get("failed"), result
    return [line.removeprefix("DNS provider rfc2136: ") for line in result.get("warnings", [])]


def test_what_is_in_the_way(bind: Bind, root: Path, tmp_path: Path) -> None:
    bind.edit(
        "contoso.example",
        ("add", "contoso.example", "300", "CAA", '0 issue "digicert.com"'),
        ("add", OWNER, "300", "TLSA", f"3 1 1 {'ab' * 32}"),
    )
    records = [{"name": SRV, "type": "SRV", "ttl": 30, "values": [f"10 0 5269 {LONDON}", f"10 0 5269 {TOKYO}"]}]
    records.append({"name": LONDON, "type": "A", "ttl": 300, "values": ["192.0.2.10"]})
    facts = {"caa_identities": {LONDON: ["letsencrypt.org"]}, "tlsa_keys": {OWNER: ["cd" * 32]}}
    planned = warned(bind, root, tmp_path, "--check", records=records, **facts)
    done = warned(bind, root, tmp_path, records=records, **facts)
    assert planned == done
    assert done == [
        f"{SRV} SRV has a time to live of 30 s; 60 to 86400 s are sound.",
        f"{SRV} SRV gives {LONDON} and {TOKYO} the same priority 10; give each one its own.",
        f"{SRV} SRV leads to {TOKYO}, which has no address.",
        f"contoso.example CAA keeps letsencrypt.org from certifying {LONDON}: it names digicert.com.",
        f"{OWNER} TLSA does not match the key that serves.",
    ]


def test_it_costs_nothing_unless_there_is_something_to_look_for(bind: Bind, root: Path, tmp_path: Path) -> None:
    records = [{"name": SRV, "type": "SRV", "ttl": 300, "values": [f"10 0 5269 {LONDON}"]}]
    result = Run(root, tmp_path, module_play(tmp_path, bind.provider(), records=records)).saved(tmp_path)
    few = result["providers"]["rfc2136"]["requests"]
    assert "warnings" not in result
    facts = {"caa_identities": {LONDON: ["letsencrypt.org"]}}
    again = Run(root, tmp_path, module_play(tmp_path, bind.provider(), records=records, **facts)).saved(tmp_path)
    assert again["warnings"] == [f"DNS provider rfc2136: {SRV} SRV leads to {LONDON}, which has no address."]
    assert not again["changed"] and few["QUERY"] > 0


def test_nothing_is_said_of_sound_records(bind: Bind, root: Path, tmp_path: Path) -> None:
    assert warned(bind, root, tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "path", "says"),
    [
        ({"caa_identities": {LONDON: "letsencrypt.org"}}, f"caa_identities.{LONDON}", "a list of texts is needed"),
        ({"tlsa_keys": {OWNER: [5]}}, f"tlsa_keys.{OWNER}", "a list of texts is needed"),
        ({"tlsa_keys": {"x y.example": []}}, "tlsa_keys.x y.example", "contains white space"),
    ],
)
def test_wrong_facts(bind: Bind, root: Path, tmp_path: Path, arguments: dict[str, Any], path: str, says: str) -> None:
    result = Run(root, tmp_path, module_play(tmp_path, bind.provider(), **arguments)).saved(tmp_path)
    assert result["failed"] and path in result["msg"] and says in result["msg"]
