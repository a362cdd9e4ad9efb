"""Many names: zones read by transfer where that is cheaper, and how many messages of each kind it all takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.dns.provider import Observation
from ansible.module_utils.fedgate.dns.records import Key
from ansible.module_utils.fedgate.dns.rfc2136 import reading
from ansible.module_utils.fedgate.dns.rfc2136.provider import Rfc2136
from ansible.module_utils.fedgate.errors import InvalidValue, Refused

from .bind import KEYS, NAMED, Bind
from .dns_wire import Cut
from .dns_world import LONDON, SRV, TRANSFER, a, absent, reconciler, run, services, srv

pytestmark = pytest.mark.skipif(not Path(NAMED).exists(), reason="BIND is not installed (package bind9)")
ZONE, ASIA = "contoso.example", "contoso-asia.example"
#: A site in its zone's own records, and a zone that is kept elsewhere, one with an alias to all of another name.
LINES = [
    "*.wild A 192.0.2.66",
    "real.wild A 192.0.2.66",
    "alias CNAME www",
    "signed TXT one",
    "far NS ns.elsewhere.test.",
    "glue.far A 192.0.2.9",
    "moved DNAME elsewhere.test.",
    "UPPER A 192.0.2.7",
    *(f"domain-{number} A 192.0.2.{number % 250}" for number in range(300)),
]
HOSTS: list[Key] = [(f"domain-{number}.contoso.example", "A") for number in range(300)]
ODD: list[Key] = [
    *((f"{name}.contoso.example", "A") for name in ("www", "none", "alias", "real.wild", "made.wild", "upper")),
    ("www.contoso.example", "TXT"),
    ("alias.contoso.example", "CNAME"),
    ("www.contoso.example", "CNAME"),
    ("signed.contoso.example", "TXT"),
    ("far.contoso.example", "A"),
    ("glue.far.contoso.example", "A"),
    ("x.moved.contoso.example", "A"),
    ("contoso.example", "A"),
    ("edge.contoso-asia.example", "A"),
    ("edge.elsewhere.test", "A"),
]
Start = Callable[..., Bind]


@pytest.fixture(scope="module")
def bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bind]:
    """A server that the tests only read from; two of its zones may be transferred."""
    server = Bind(tmp_path_factory.mktemp("bind"), records=LINES, transfers="key transfer")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    servers: list[Bind] = []

    def one(**options: Any) -> Bind:
        servers.append(Bind(tmp_path, **options))
        servers[-1].start()
        return servers[-1]

    yield one
    for server in servers:
        server.stop()


def look(options: dict[str, Any], keys: list[Key]) -> tuple[Observation, dict[str, int], dict[str, Any]]:
    """Read; return what was seen, the requests, and the facts about the first zone."""
    provider = Rfc2136.from_options(options)
    seen, requests = provider.read(keys), dict(provider.requests)
    facts = provider.describe(ZONE)
    provider.close()
    return seen, requests, facts


def shown(seen: Observation) -> dict[Key, tuple[int, list[str], int]]:
    return {
        key: (found.ttl, [value.text for value in found.values], len(found.raw)) for key, found in seen.rrsets.items()
    }


def test_a_transfer_shows_what_questions_show(bind: Bind) -> None:
    keys = [*HOSTS, *ODD]
    plain, questions, facts = look(bind.provider(), keys)
    assert facts["read_by"] == "queries" and "AXFR" not in questions and questions["QUERY"] >= len(keys)
    moved, requests, facts = look(bind.provider(**TRANSFER), keys)
    assert facts["read_by"] == "transfer" and requests["AXFR"] == 1 and requests["QUERY"] < 60
    assert shown(moved) == shown(plain) and moved.zones == plain.zones
    assert {name: str(error) for name, error in moved.strangers.items()} == {
        name: str(error) for name, error in plain.strangers.items()
    }
    assert set(plain.strangers) == {"far.contoso.example", "glue.far.contoso.example", "edge.elsewhere.test"}
    assert ("made.wild.contoso.example", "A") not in moved.rrsets and ("real.wild.contoso.example", "A") in moved.rrsets


def test_few_names_are_asked_for(bind: Bind) -> None:
    _, requests, facts = look(bind.provider(**TRANSFER), HOSTS[: reading.LEAST])
    assert facts["read_by"] == "queries" and "transfer" not in facts and "AXFR" not in requests


def test_a_transfer_that_does_not_pay_is_given_up(bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "RECORDS_PER_QUESTION", 1)
    keys = HOSTS[:120]
    seen, requests, facts = look(bind.provider(**TRANSFER), keys)
    assert facts["read_by"] == "queries" and facts["transfer"] == "given up: more than 100 records"
    assert requests["AXFR"] == 1 and requests["QUERY"] == 120 and len(seen.rrsets) == 120


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({**TRANSFER, "transfer_tsig_name": "nobody"}, "refused: NOTAUTH (BADKEY)"),
        ({**TRANSFER, "transfer_tsig_algorithm": "hmac-sha256"}, "refused: NOTAUTH (BADKEY)"),
        ({**TRANSFER, "transfer_tsig_secret": "c29tZXRoaW5nIHdyb25n"}, "refused: NOTAUTH (BADSIG)"),
        (
            {
                "transfer_tsig_name": "editor",
                "transfer_tsig_algorithm": KEYS["editor"][0],
                "transfer_tsig_secret": KEYS["editor"][1],
            },
            "refused: REFUSED",
        ),
    ],
)
def test_a_transfer_that_is_refused(bind: Bind, options: dict[str, str], says: str) -> None:
    """Then the names are asked for, and the results say why."""
    seen, requests, facts = look(bind.provider(**options), HOSTS)
    assert facts["read_by"] == "queries" and facts["transfer"] == says
    assert len(seen.rrsets) == len(HOSTS) and requests["QUERY"] == len(HOSTS)


def test_a_transfer_that_is_cut_off(bind: Bind) -> None:
    """The wire lets the sample through and cuts what comes then; after that it is whole again."""
    wire = Cut(bind, allowed=20, cuts=1)
    seen, requests, facts = look(bind.provider(port=wire.port, **TRANSFER), HOSTS)
    assert len(seen.rrsets) == len(HOSTS) and requests["AXFR"] == 1
    assert facts["read_by"] == "queries" and "it ended the connection" in facts["transfer"]
    wire.close()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"transfer_tsig_name": "transfer"}, "a transfer_tsig_name but no transfer_tsig_secret"),
        ({"transfer_tsig_secret": "c2VjcmV0"}, "a transfer_tsig_secret but no transfer_tsig_name"),
        ({**TRANSFER, "transfer_tsig_secret": "not base64!"}, "the transfer_tsig_secret of transfer is not base64"),
        ({**TRANSFER, "transfer_tsig_algorithm": "hmac-md5"}, "transfer_tsig_algorithm 'hmac-md5' is not allowed"),
        ({**TRANSFER, "transfer_tsig_name": "a..b"}, "transfer_tsig_name 'a..b' is not a key name"),
    ],
)
def test_a_transfer_key_that_cannot_be_one(options: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidValue, match=says) as caught:
        Rfc2136.from_options({**Bind.options(53), **options})
    secret = options.get("transfer_tsig_secret", "\0")
    assert secret not in str(caught.value)


def test_what_a_transfer_told_is_changed_as_well(start: Start) -> None:
    bind = start(transfers="key transfer; any")
    plan, told = run(reconciler(bind.provider(**TRANSFER), services(200)))
    assert len(plan.changes) == 200 and told["zones"][ZONE]["read_by"] == "transfer"
    plan, told = run(reconciler(bind.provider(**TRANSFER), services(200)))
    assert not plan and told["requests"]["QUERY"] < 25 and told["requests"]["AXFR"] == 1
    assert len(run(reconciler(bind.provider(**TRANSFER), services(200, ttl=600)))[0].changes) == 200
    gone = [absent(one["name"], "SRV") for one in services(200)]
    assert len(run(reconciler(bind.provider(**TRANSFER), gone))[0].changes) == 200


def test_a_zone_further_down_that_is_not_delegated(start: Start) -> None:
    """The transfer of the upper zone does not show it, so nothing is changed there by mistake."""
    bind = start()
    deep = a("edge.deep.contoso.example", "192.0.2.1")
    many = [a(f"a{number}.contoso.example", "192.0.2.1") for number in range(200)]
    work = reconciler(bind.provider(**TRANSFER), [*many, deep])
    observed = work.observe()
    plan = work.plan(observed)
    before = bind.everything(ZONE)
    with pytest.raises(Refused) as caught:
        work.apply(plan, observed)
    assert "edge.deep.contoso.example lies in the zone deep.contoso.example" in str(caught.value)
    assert "NS records" in str(caught.value) and bind.everything(ZONE) == before


def test_messages_for_a_thousand_services(start: Start) -> None:
    """At most ten that change something or try to; each kind is counted."""
    bind = start()
    records = services(1000)
    created, told = run(reconciler(bind.provider(), records))
    assert len(created.changes) == 1000 and told["zones"][ZONE]["messages"] == 2
    assert told["requests"] == {"QUERY": 2001, "UPDATE": 3}
    _, told = run(reconciler(bind.provider(), records))
    assert told["requests"] == {"QUERY": 1001, "UPDATE": 1}
    replaced, told = run(reconciler(bind.provider(), services(1000, LONDON.replace("london", "tokyo"))))
    assert len(replaced.changes) == 1000 and told["requests"]["UPDATE"] <= 10, told
    gone, told = run(reconciler(bind.provider(), [absent(one["name"], "SRV") for one in records]))
    assert len(gone.changes) == 1000 and told["requests"]["UPDATE"] <= 10, told


def test_five_thousand_names(bind: Bind) -> None:
    keys: list[Key] = [(f"_xmpp-server._tcp.d{number}.contoso.example", "SRV") for number in range(5000)]
    seen, requests, _ = look(bind.provider(), keys)
    assert not seen.rrsets and len(seen.zones) == 5000 and requests == {"QUERY": 5000, "UPDATE": 1}


@pytest.mark.parametrize("real", [(), (0,), (40, 41, 700)], ids=["none is real", "the first", "some"])
def test_a_thousand_hosts_that_a_wildcard_makes_up(start: Start, real: tuple[int, ...]) -> None:
    lines = ["* A 192.0.2.66", *(f"host-{number} A 192.0.2.67" for number in real)]
    hosts: list[Key] = [(f"host-{number}.contoso.example", "A") for number in range(1000)]
    seen, requests, _ = look(start(records=lines).provider(), hosts)
    assert set(seen.rrsets) == {hosts[number] for number in real}
    assert requests["UPDATE"] < 25, requests


def test_a_service_and_its_host_share_a_message(start: Start) -> None:
    """Two thousand names in pairs: no pair is torn apart, however full the messages are."""
    bind = start()
    records = []
    for number in range(600):
        host = f"edge.domain-{number}.contoso.example"
        records += [a(host, "192.0.2.1"), srv(f"10 0 5269 {host}", name=f"_xmpp-server._tcp.domain-{number}.{ZONE}")]
    work = reconciler(bind.provider(), [*records, srv(f"10 0 5269 {LONDON}", name=SRV)])
    observed = work.observe()
    plan = work.plan(observed)
    work.apply(plan, observed)
    told = work.results(observed, plan)["providers"]["rfc2136"]
    assert told["zones"][ZONE]["messages"] <= 3 and not work.plan(work.observe_again(plan))
