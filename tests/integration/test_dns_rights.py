"""The rights that are derived let through what is ours, and nothing else: at a real BIND, and by IAM's rules."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import pytest
from ansible.module_utils.fedgate.dns.reconciler import DnsRecords
from ansible.module_utils.fedgate.dns.rights import report
from ansible.module_utils.fedgate.errors import Refused

from lab.route53 import iam
from lab.route53.asked import Request
from lab.route53.moto import Moto, client
from lab.route53.proxy import Proxy

from .bind import KEYS, NAMED, Bind
from .dns_world import Warnings
from .route53 import World, absent, record
from .test_route53_lab import change, refused

ZONE, DEEP = "contoso.example", "deep.contoso.example"
PIN = "3 1 1 " + "ab" * 32
EDGE = f"edge.{ZONE}"
#: (name, type, one value of it), as the model and an operator give them.
OURS = [
    (f"_xmpp-server._tcp.{ZONE}", "SRV", f"10 0 5269 {EDGE}."),
    (f"_xmpp-client._tcp.{ZONE}", "SRV", f"10 0 5222 {EDGE}."),
    (EDGE, "A", "192.0.2.10"),
    (EDGE, "AAAA", "2001:db8::10"),
    (f"*.wild.{ZONE}", "A", "192.0.2.11"),
    (f"im.{ZONE}", "CNAME", f"{EDGE}."),
    (f"note.{ZONE}", "TXT", '"hello"'),
    (EDGE, "CAA", '0 issue "ca.example"'),
    (f"_5269._tcp.{EDGE}", "TLSA", PIN),
    (f"_xmpp-server._tcp.{DEEP}", "SRV", f"10 0 5269 {EDGE}."),
]
CHALLENGES = [(f"_acme-challenge.{EDGE}", "TXT", '"token"'), (f"_acme-challenge.{DEEP}", "TXT", '"token"')]
#: What neither key may do: other names (above, below, beside), other types of our names, the apex, all types at once.
FOREIGN = [
    (f"www2.{ZONE}", "A", "192.0.2.66"),
    (f"x.{EDGE}", "A", "192.0.2.66"),
    (f"any.wild.{ZONE}", "A", "192.0.2.66"),
    (f"wild.{ZONE}", "A", "192.0.2.66"),
    (f"_xmpp-server._tcp.x.{ZONE}", "SRV", f"10 0 5269 {EDGE}."),
    (f"_acme-challenge.x.{EDGE}", "TXT", '"token"'),
    (EDGE, "TXT", '"token"'),
    (EDGE, "SRV", f"10 0 5269 {EDGE}."),
    (f"_xmpp-server._tcp.{ZONE}", "A", "192.0.2.66"),
    (f"_acme-challenge.{EDGE}", "CNAME", "elsewhere.example."),
    (f"note.{ZONE}", "CNAME", "elsewhere.example."),
    (ZONE, "A", "192.0.2.66"),
    (ZONE, "NS", "ns.elsewhere.example."),
    (ZONE, "MX", "10 mail.elsewhere.example."),
    (EDGE, "NS", "ns.elsewhere.example."),
    (f"edge.{DEEP}", "A", "192.0.2.66"),
]


def derived(ids: dict[str, str] | None = None) -> dict[str, Any]:
    return report.look(
        {
            "records": [{"name": name, "type": rtype} for name, rtype, _ in OURS],
            "view": "external",
            "challenge_names": [name for name, _, _ in CHALLENGES],
            "zones": ids or {ZONE: "", DEEP: ""},
            "tsig_name": "fedgate",
            "challenge_tsig_name": "challenge",
        },
        None,  # type: ignore[arg-type]
    )


class Narrow(Bind):
    """BIND with nothing but the policies that were derived."""

    def _configure(self) -> None:
        policies = derived()["bind"]
        keys = "".join(
            f'key "{key}" {{ algorithm {KEYS[key][0]}; secret "{KEYS[key][1]}"; }};\n'
            for key in ("fedgate", "challenge")
        )
        (self.folder / "named.conf").write_text(
            f'options {{ directory "{self.folder}"; pid-file none; session-keyfile none; lock-file none;\n'
            f"listen-on port {self.port} {{ {self.address}; }}; listen-on-v6 {{ none; }};\n"
            "recursion no; notify no; };\n"
            f"controls {{ }};\n{keys}" + "".join(self._zone(zone, policies[zone]) for zone in (ZONE, DEEP))
        )

    def update(self, key: str, *edits: tuple[str, ...]) -> str:
        """Send one update as a key. :returns: the answer's code."""
        name = edits[0][1]
        message = dns.update.UpdateMessage(DEEP if name.endswith(DEEP) else ZONE)
        message.use_tsig(dns.tsigkeyring.from_text({key: KEYS[key]}))
        for what, owner, *rest in edits:
            getattr(message, what)(f"{owner}.", *rest)
        answer = dns.query.tcp(message, self.address, port=self.port, timeout=10)
        return dns.rcode.to_text(answer.rcode())


@pytest.fixture(scope="module")
def bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Narrow]:
    if not Path(NAMED).exists():
        pytest.skip("BIND is not installed (package bind9)")
    server = Narrow(tmp_path_factory.mktemp("bind"))
    server.start()
    yield server
    server.stop()


def test_bind_lets_each_key_change_what_is_its_own(bind: Narrow) -> None:
    for key, other, sets in (("fedgate", "challenge", OURS), ("challenge", "fedgate", CHALLENGES)):
        for name, rtype, value in sets:
            added, deleted = ("add", name, "300", rtype, value), ("delete", name, rtype)
            assert bind.update(other, added) == "REFUSED", (other, name, rtype)
            assert bind.look(name, rtype) is None, (other, name, rtype)
            assert bind.update(key, added) == "NOERROR", (key, name, rtype)
            assert bind.look(name, rtype) is not None, (key, name, rtype)
            assert bind.update(other, deleted) == "REFUSED", (other, name, rtype)
            assert bind.update(key, deleted) == "NOERROR", (key, name, rtype)
            assert bind.look(name, rtype) is None, (key, name, rtype)


def test_bind_refuses_everything_else(bind: Narrow) -> None:
    before = [bind.look(name, rtype) for name, rtype, _ in FOREIGN]
    for key in ("fedgate", "challenge"):
        for name, rtype, value in FOREIGN:
            assert bind.update(key, ("add", name, "300", rtype, value)) == "REFUSED", (key, name, rtype)
        for owner, *rest in ((f"www.{ZONE}", "A"), (f"www.{ZONE}",), (ZONE, "SOA"), (ZONE, "NS")):
            edit = ("delete", owner, *rest)
            assert bind.update(key, edit) == "REFUSED", (key, edit)
    assert [bind.look(name, rtype) for name, rtype, _ in FOREIGN] == before
    assert bind.look(f"www.{ZONE}", "A") is not None
    mixed = [("add", EDGE, "300", "A", "192.0.2.10"), ("add", f"www.{ZONE}", "300", "A", "192.0.2.66")]
    assert bind.update("fedgate", *mixed) == "REFUSED"
    assert bind.look(EDGE, "A") is None


def test_bind_lets_the_module_do_its_work(bind: Narrow) -> None:
    """Also what it does before and after: conditions on CNAME at the names, and looking."""
    present = [
        {"name": name, "type": rtype, "ttl": 300, "values": [value], "state": "present"} for name, rtype, value in OURS
    ]
    changed = [{**record, "ttl": 600} for record in present]
    absent = [{"name": name, "type": rtype, "state": "absent"} for name, rtype, _ in OURS]
    for records in (present, changed, absent):
        given = {"providers": [bind.provider()], "records": records, "hold": [], "force": True, "wait": "provider"}
        work = DnsRecords(given, Warnings())  # type: ignore[arg-type]
        plan = work.plan(observed := work.observe())
        assert len(plan.changes) == len(OURS)
        work.apply(plan, observed)
        assert not work.plan(work.observe_again(plan))


@dataclass
class Aws:
    """Route 53 with our two zones, and another one of the same name; who asks has the policies of one role."""

    proxy: Proxy
    zones: dict[str, str]
    other: str
    api: Any
    policies: dict[str, Any]

    def become(self, role: str) -> None:
        self.proxy.policy = iam.allows(*self.policies[role])

    def zone_of(self, name: str) -> str:
        return self.zones[DEEP if name.endswith(DEEP) else ZONE]


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with Moto() as moto, Proxy(moto.url) as proxy:
        zones = {ZONE: moto.zone(ZONE), DEEP: moto.zone(DEEP)}
        yield Aws(proxy, zones, moto.zone(ZONE), client(proxy.url), derived(zones)["iam"])


def test_iam_lets_each_role_change_what_is_its_own(aws: Aws) -> None:
    for role, other, sets in (("records", "challenges", OURS), ("challenges", "records", CHALLENGES)):
        for name, rtype, value in sets:
            zone = aws.zone_of(name)
            for action in ("CREATE", "DELETE"):
                aws.become(other)
                said = refused("AccessDenied", change, aws.api, zone, (action, name, rtype, value))
                assert "no identity-based policy allows the route53:ChangeResourceRecordSets action" in said
                aws.become(role)
                change(aws.api, zone, (action, name, rtype, value))
            refused("AccessDenied", change, aws.api, zone, ("UPSERT", name, rtype, value))
            refused("AccessDenied", change, aws.api, aws.other, ("CREATE", name, rtype, value))


def test_iam_denies_everything_else(aws: Aws) -> None:
    for role in ("records", "challenges"):
        aws.become(role)
        for name, rtype, value in FOREIGN:
            refused("AccessDenied", change, aws.api, aws.zone_of(name), ("CREATE", name, rtype, value))
    own, foreign = ("CREATE", EDGE, "A", "192.0.2.10"), ("CREATE", f"www2.{ZONE}", "A", "192.0.2.66")
    zone = aws.zones[ZONE]
    aws.become("records")
    refused("AccessDenied", change, aws.api, zone, own, foreign)
    # One statement must allow all of a request: conditions do not tell which type belongs to which name.
    service = ("CREATE", f"_xmpp-server._tcp.{ZONE}", "SRV", f"10 0 5269 {EDGE}")
    refused("AccessDenied", change, aws.api, zone, own, service)
    change(aws.api, zone, own, ("CREATE", EDGE, "AAAA", "2001:db8::10"))
    change(aws.api, zone, service)


def test_iam_lets_both_look_at_their_zones_only(aws: Aws) -> None:
    for role in ("records", "challenges"):
        aws.become(role)
        aws.api.list_hosted_zones_by_name(DNSName=ZONE)
        aws.api.get_change(Id="C0123456789")
        for zone in aws.zones.values():
            aws.api.get_hosted_zone(Id=zone)
            aws.api.list_resource_record_sets(HostedZoneId=zone)
        refused("AccessDenied", aws.api.list_resource_record_sets, HostedZoneId=aws.other)
        refused("AccessDenied", aws.api.delete_hosted_zone, Id=aws.zones[ZONE])
        refused("AccessDenied", aws.api.list_hosted_zones)


def records_of(*sets: tuple[str, str, str]) -> list[dict[str, Any]]:
    return [record(name, rtype, value) for name, rtype, value in sets]


def test_iam_lets_the_module_do_its_work(route53: World) -> None:
    """What it sends at once is denied as a whole; it then sends what one statement allows, and gets all of it done."""
    zones = {ZONE: route53.moto.zone(ZONE), DEEP: route53.moto.zone(DEEP)}
    for role, sets in (("records", OURS), ("challenges", CHALLENGES)):
        route53.proxy.policy = iam.allows(*derived(zones)["iam"][role])
        present = records_of(*sets)
        for records in (present, [{**one, "ttl": 600} for one in present], [absent(n, t) for n, t, _ in sets]):
            assert len(route53.publish(records).changes) == len(sets)
            assert not route53.publish(records)
    assert route53.sets(zones[ZONE]) == {} == route53.sets(zones[DEEP])


def test_iam_denies_the_module_what_is_not_ours(route53: World) -> None:
    zones = {ZONE: route53.moto.zone(ZONE), DEEP: route53.moto.zone(DEEP)}
    route53.proxy.policy = iam.allows(*derived(zones)["iam"]["records"])
    more = [(f"www2.{ZONE}", "A", "192.0.2.66"), (f"_xmpp-server._tcp.x.{ZONE}", "SRV", f"10 0 5269 {EDGE}")]
    with pytest.raises(Refused, match="does not allow route53:ChangeResourceRecordSets") as caught:
        route53.publish(records_of(*OURS, *more))
    assert any(f"({name} {rtype})" in str(caught.value) for name, rtype, _ in more)
    for zone in zones.values():
        assert set(route53.sets(zone)) <= {(iam.stored(name), rtype) for name, rtype, _ in OURS}


def test_iam_lets_the_module_change_more_than_one_policy_holds(route53: World) -> None:
    zones = {ZONE: route53.moto.zone(ZONE)}
    records = [record(f"_xmpp-server._tcp.d{n:04}.{ZONE}", "SRV", f"10 0 5269 {EDGE}") for n in range(400)]
    given = {"records": records, "zones": zones, "challenge_names": [], "tsig_name": None, "challenge_tsig_name": None}
    documents = report.look({**given, "view": "external"}, None)["iam"]["records"]  # type: ignore[arg-type]
    assert len(documents) == 5
    route53.proxy.policy = iam.allows(*documents)
    route53.publish(records)
    assert len(route53.sets(zones[ZONE])) == 400
    assert route53.proxy.counts["ChangeResourceRecordSets"] <= 45


def test_iam_judges_as_aws_does() -> None:
    """The rules themselves: nothing is allowed unless it is said, a denial wins, an empty set fulfils ForAllValues."""
    look = Request("GET", "/2013-04-01/hostedzone/Z1", {}, b"")
    key = "route53:ChangeResourceRecordSetsRecordTypes"

    def decide(*statements: dict[str, Any]) -> bool:
        return iam.allows({"Version": "2012-10-17", "Statement": list(statements)})(look)

    allow = {"Effect": "Allow", "Action": "route53:Get*", "Resource": "arn:aws:route53:::hostedzone/Z?"}
    assert not decide() and decide(allow)
    assert not decide(allow, {**allow, "Effect": "Deny"})
    assert not decide({**allow, "Action": "route53:List*"})
    assert not decide({**allow, "Resource": "arn:aws:route53:::change/*"})
    assert decide({**allow, "Condition": {"ForAllValues:StringEquals": {key: ["SRV"]}}})
    assert not decide({**allow, "Condition": {"ForAnyValue:StringEquals": {key: ["SRV"]}}})
    assert not decide({**allow, "Condition": {"ForAllValues:StringEquals": {key: ["SRV"]}, "Null": {key: "false"}}})
    for unknown in ({"NotAction": "x"}, {"Condition": {"StringEquals": {key: "A"}}}, {"Effect": "allow"}):
        with pytest.raises(ValueError, match="not understood|condition operator"):
            decide({**allow, **unknown})


def test_the_playbook_writes_files(root: Path, tmp_path: Path) -> None:
    inventory = tmp_path / "production"
    shutil.copytree(root / "inventories" / "example" / "production", inventory)
    for sample in inventory.rglob("vault.yml.sample"):
        sample.rename(sample.with_suffix(""))
    argv = [
        str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), "playbooks/dns_rights.yml",
        "-e", f"dns_rights_folder={tmp_path / 'rights'}",
    ]  # fmt: skip
    environment = {**os.environ, "ANSIBLE_CONFIG": str(root / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    done = subprocess.run(argv, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    written = {path.name: path.read_text() for path in (tmp_path / "rights").iterdir()}
    zones = (ZONE, "contoso-asia.example", "contoso-labs.example")  # of the providers for the outside
    assert set(written) == {*(f"{zone}.update-policy" for zone in zones), "records-1.json", "challenges-1.json"}
    records = str(json.loads(written["records-1.json"]))
    assert f"_xmpp-server._tcp.{ZONE}" in records and "_acme-challenge" not in records
    assert f"grant fedgate name _xmpp-server._tcp.{ZONE}. SRV;" in written[f"{ZONE}.update-policy"]
    assert f"grant fedgate-challenge name _acme-challenge.{ZONE}. TXT;" in written[f"{ZONE}.update-policy"]
    assert "put the id of the hosted zone for HOSTED-ZONE-ID-OF-contoso-asia.example" in done.stdout
