"""Several servers that keep the same zones, primaries that nobody names, and servers that will not or cannot."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.dns.rfc2136.provider import Rfc2136
from ansible.module_utils.fedgate.errors import InvalidValue, Refused, Unreachable, WorldMoved

from .acme_world import loopback
from .bind import KEYS, NAMED, Bind
from .dns_wire import Cut
from .dns_world import LONDON, SRV, TOKYO, a, names_of, publish, reconciler, run, srv, zones_of

pytestmark = pytest.mark.skipif(not Path(NAMED).exists(), reason="BIND is not installed (package bind9)")
ZONE = "contoso.example"
#: An address of the loopback network where nothing answers.
NOBODY = "127.0.0.77"
RECORDS = [srv(f"10 0 5269 {LONDON}"), a(LONDON, "192.0.2.10")]
Start = Callable[..., Bind]
needs_addresses = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root, and iproute2")


@pytest.fixture(scope="module")
def second_address() -> Iterator[str]:
    """An address of this machine's own, besides the usual one."""
    for addresses in loopback():
        yield addresses[0]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start servers with options of ``Bind``."""
    servers: list[Bind] = []

    def one(**options: Any) -> Bind:
        folder = tmp_path / f"bind{len(servers)}"
        folder.mkdir()
        servers.append(Bind(folder, **options))
        servers[-1].start()
        return servers[-1]

    yield one
    for server in servers:
        server.stop()


@pytest.mark.parametrize("missing", [NOBODY, "no-such-server.invalid", "x" * 300])
def test_the_next_server_is_asked_when_one_does_not_answer(start: Start, missing: str) -> None:
    bind = start()
    options = bind.provider(server=missing, fallback_servers=[missing, bind.address, NOBODY])
    plan, told = run(reconciler(options, RECORDS))
    assert names_of(plan) == [f"create {LONDON} A", f"create {SRV} SRV"]
    assert told["zones"][ZONE]["server"] == bind.address
    assert bind.look(LONDON, "A") == (300, {"192.0.2.10"})


def test_a_server_that_answers_is_not_left_for_another(start: Start) -> None:
    """It says that the key may not do it, and that is the answer."""
    bind = start()
    with pytest.raises(Refused, match="BADKEY"):
        publish(bind, RECORDS, tsig_name="nobody", fallback_servers=[NOBODY])


def test_when_none_answers_each_is_named(start: Start) -> None:
    bind = start()
    bind.stop()
    with pytest.raises(Unreachable) as caught:
        publish(bind, RECORDS, server="no-such-server.invalid", fallback_servers=[NOBODY, bind.address])
    assert all(word in str(caught.value) for word in ("none of the 3", "no-such-server.invalid", NOBODY, bind.address))
    assert "fallback_servers" in str(caught.value)


@needs_addresses
def test_silence_is_waited_for_once(start: Start, second_address: str) -> None:
    """A server that takes connections and says nothing."""
    bind = start(address=second_address)
    with socket.create_server(("127.0.0.1", bind.port)):
        plan, told = run(
            reconciler(bind.provider(server="127.0.0.1", fallback_servers=[second_address], timeout=1), RECORDS)
        )
    assert plan and told["zones"][ZONE]["server"] == second_address


@needs_addresses
def test_a_run_stays_with_the_server_that_it_looked_at(start: Start, second_address: str) -> None:
    """Another primary may not hold what was found; nothing is changed there."""
    first = start()
    second = start(address=second_address, port=first.port)
    before = second.everything(ZONE)
    work = reconciler(first.provider(fallback_servers=[second_address]), RECORDS)
    observed = work.observe()
    plan = work.plan(observed)
    first.stop()
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 port"):
        work.apply(plan, observed)
    assert second.everything(ZONE) == before
    # The next run looks at the second one from the beginning.
    _, told = run(reconciler(first.provider(fallback_servers=[second_address]), RECORDS))
    assert told["zones"][ZONE]["server"] == second_address and second.look(LONDON, "A")


@needs_addresses
def test_a_server_that_fails_in_the_midst_of_a_look(start: Start, second_address: str) -> None:
    """The whole look is made anew at the next one: nothing of the first is kept."""
    first = start()
    first.edit(ZONE, ("add", LONDON, "300", "A", "192.0.2.99"))
    cut = Cut(first, allowed=1)
    second = start(address=second_address, port=cut.port)
    second.edit(ZONE, ("add", TOKYO, "300", "A", "192.0.2.20"))
    provider = Rfc2136.from_options(first.provider(port=cut.port, fallback_servers=[second_address], timeout=1))
    seen = provider.read([(LONDON, "A"), (TOKYO, "A")])
    assert set(seen.rrsets) == {(TOKYO, "A")} and provider.describe(ZONE)["server"] == second_address
    provider.close()
    cut.close()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"server": "  "}, "empty `server`"),
        ({"fallback_servers": ["127.0.0.1", " "]}, r"fallback_servers\[1\]"),
    ],
)
def test_servers_without_a_name(start: Start, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidValue, match=says):
        reconciler({**Bind.options(53), **options}, RECORDS)


def test_a_hidden_primary(start: Start) -> None:
    """Its zones name other servers, also as their primary one; changes go to `server`."""
    bind = start(nameservers=("ns1.hoster.example.", "ns2.hoster.example."))
    plan = publish(bind, RECORDS)
    assert len(plan.changes) == 2 and bind.look(LONDON, "A") == (300, {"192.0.2.10"})
    assert not publish(bind, RECORDS)


def test_a_secondary_server_takes_no_changes(start: Start) -> None:
    primary = start()
    secondary = start(secondary_of=primary)
    with pytest.raises(Refused) as caught:
        publish(secondary, RECORDS)
    assert "contoso.example" in str(caught.value) and ("REFUSED" in str(caught.value) or "NOTAUTH" in str(caught.value))
    assert primary.look(LONDON, "A") is None


#: A look, and what came of it, in a process of its own.
_LOOK = """
import json, sys, ansible.module_utils
ansible.module_utils.__path__.append(sys.argv[1])
from ansible.module_utils.fedgate.dns.rfc2136.provider import Rfc2136
provider = Rfc2136.from_options(json.load(sys.stdin))
seen = provider.read([("edge.contoso.example", "A")])
print(*seen.obstacles.values())
"""


@pytest.mark.skipif(not shutil.which("faketime"), reason="needs the package faketime")
@pytest.mark.parametrize("clock", ["+10m", "-10m", "+1m"])
def test_clocks_that_differ(start: Start, root: Path, clock: str) -> None:
    """Ours is ten minutes fast, or slow; one minute is allowed for."""
    argv = ["faketime", "-f", clock, sys.executable, "-c", _LOOK, str(root / "module_utils")]
    options = json.dumps(start().provider())
    done = subprocess.run(argv, input=options, capture_output=True, text=True, timeout=60, check=True)
    if clock == "+1m":
        assert done.stdout.strip() == ""
    else:
        assert all(word in done.stdout for word in ("BADTIME", "5 minutes", "NTP", "zone contoso.example"))


def test_a_journal_that_cannot_be_written(start: Start) -> None:
    bind = start()
    (bind.folder / f"{ZONE}.zone.jnl").mkdir()
    work = reconciler(bind.provider(), RECORDS)
    observed = work.observe()
    with pytest.raises(Refused) as caught:
        work.apply(work.plan(observed), observed)
    assert all(word in str(caught.value) for word in ("SERVFAIL", ZONE, "journal", "log"))
    (bind.folder / f"{ZONE}.zone.jnl").rmdir()
    assert len(publish(bind, RECORDS).changes) == 2


def test_white_space_in_a_secret(start: Start) -> None:
    secret = KEYS["fedgate"][1]
    assert publish(start(), RECORDS, tsig_secret=f" {secret[:8]} {secret[8:20]}\n{secret[20:]}\n")


def test_texts_of_300_characters(start: Start) -> None:
    bind = start()
    note = {"name": "note.contoso.example", "type": "TXT", "ttl": 300, "values": ["x" * 300]}
    assert publish(bind, [note]) and not publish(bind, [note])
    assert bind.look("note.contoso.example", "TXT") == (300, {f'"{"x" * 255}" "{"x" * 45}"'})


@pytest.mark.parametrize(
    "record",
    [
        a(f"{'x' * 300}.contoso.example", "192.0.2.1"),
        a(".".join(["x" * 50] * 6), "192.0.2.1"),
        srv(f"10 0 5269 {'.'.join(['x' * 50] * 6)}"),
        srv(f"10 0 5269 {'x' * 300}.contoso.example"),
    ],
    ids=["label of an owner", "owner", "target", "label of a target"],
)
def test_names_of_300_characters(record: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match=r"records\[0\].*x{40}"):
        reconciler(Bind.options(53), [record])


def test_a_moved_world_at_one_server_only(start: Start) -> None:
    bind = start()
    work = reconciler(bind.provider(), RECORDS)
    observed = work.observe()
    plan = work.plan(observed)
    bind.edit(ZONE, ("add", LONDON, "300", "A", "203.0.113.1"))
    with pytest.raises(WorldMoved, match=f"somebody else changed {LONDON} "):
        work.apply(plan, observed)
    assert zones_of(work.results(observed, plan))[ZONE]["messages"] == 1 and bind.look(SRV, "SRV")


def test_a_connection_that_ends_in_the_midst_of_an_answer(start: Start) -> None:
    wire = Cut(start(), allowed=0)
    with pytest.raises(Unreachable, match=f"127.0.0.1 port {wire.port} does not answer over TCP: it ended the conn"):
        reconciler(Bind.options(wire.port), RECORDS).observe()
    wire.close()


def test_an_answer_to_an_update_that_is_cut(start: Start) -> None:
    """Whether it was carried out is not known; a second run finds out."""
    bind = start()
    wire = Cut(bind, allowed=1000)
    work = reconciler(Bind.options(wire.port), RECORDS)
    observed = work.observe()
    plan = work.plan(observed)
    wire.allowed = 0
    with pytest.raises(Unreachable, match="it ended the connection"):
        work.apply(plan, observed)
    wire.allowed = 1000
    assert not publish(bind, RECORDS) and bind.look(LONDON, "A") == (300, {"192.0.2.10"})
    wire.close()
