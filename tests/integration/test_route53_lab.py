"""The Route 53 of the tests does what it says: seen with a plain boto3 client and plain DNS queries."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import botocore.exceptions
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from lab.route53.front import Front
from lab.route53.moto import Moto, client
from lab.route53.proxy import Proxy

ZONE = "contoso.example"


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with Moto() as server:
        yield server


@pytest.fixture(scope="module")
def running(moto: Moto) -> Iterator[Proxy]:
    with Proxy(moto.url) as server:
        yield server


@pytest.fixture
def proxy(running: Proxy) -> Proxy:
    running.reset()
    running.rate, running.limits, running.pending, running.policy = None, True, 0, None
    return running


@pytest.fixture
def api(proxy: Proxy) -> Any:
    return client(proxy.url)


@pytest.fixture
def zone(moto: Moto) -> str:
    moto.reset()
    return moto.zone(ZONE)


def change(api: Any, zone: str, *changes: tuple[str, ...], ttl: int = 60) -> Any:
    """Send a batch: (action, name, type, values…)."""
    batch = [
        {
            "Action": action,
            "ResourceRecordSet": {
                "Name": name,
                "Type": rtype,
                "TTL": ttl,
                "ResourceRecords": [{"Value": value} for value in values],
            },
        }
        for action, name, rtype, *values in changes
    ]
    return api.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": batch})["ChangeInfo"]


def refused(code: str, function: Any, *arguments: Any, **options: Any) -> str:
    """Call and return the message of the error, which must be this one."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        function(*arguments, **options)
    assert caught.value.response["Error"]["Code"] == code
    return str(caught.value.response["Error"]["Message"])


def test_moto_compares_as_route53_does(moto: Moto, zone: str) -> None:
    api = moto.client()
    name = f"*.a.{ZONE}"
    change(api, zone, ("CREATE", name, "A", "192.0.2.1"))
    kept = {"Name": rf"\052.a.{ZONE}.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    batch = [("CREATE", f"b.{ZONE}", "A", "192.0.2.2"), ("CREATE", name, "A", "192.0.2.2")]
    said = refused("InvalidChangeBatch", change, api, zone, *batch)
    assert said == rf"[Tried to create resource record set [name='\052.a.{ZONE}.', type='A'] but it already exists]"
    said = refused("InvalidChangeBatch", change, api, zone, ("DELETE", name, "A", "192.0.2.1"), ttl=61)
    assert "but the values provided do not match the current values" in said
    said = refused("InvalidChangeBatch", change, api, zone, ("DELETE", f"b.{ZONE}", "A", "192.0.2.2"))
    assert "but it was not found" in said
    said = refused("InvalidChangeBatch", change, api, zone, ("CREATE", name, "CNAME", "b.example"))
    assert "conflicts with other records" in said
    found = api.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert [each for each in found if each["Type"] not in ("NS", "SOA")] == [kept]
    change(api, zone, ("DELETE", name, "A", "192.0.2.1"), ("CREATE", name, "CNAME", "b.example"))


def test_moto_fills_and_lists_zones(moto: Moto) -> None:
    moto.reset()
    private, other = moto.zone(ZONE, private=True), moto.zone("example")
    public = moto.zone(ZONE, records=450)
    api = moto.client()
    found = api.list_hosted_zones_by_name(DNSName=ZONE, MaxItems="2")
    assert {each["Id"].rpartition("/")[2] for each in found["HostedZones"]} == {private, public}
    assert not found["IsTruncated"]
    assert api.list_hosted_zones_by_name(MaxItems="1")["NextDNSName"] == f"{ZONE}."
    assert api.list_hosted_zones_by_name()["HostedZones"][0]["Id"].endswith(other)
    start = api.list_resource_record_sets(HostedZoneId=public, StartRecordName=f"pc00100.{ZONE}")
    assert (start["ResourceRecordSets"][0]["Name"], start["NextRecordName"]) == (f"pc00100.{ZONE}.", f"pc00400.{ZONE}.")


def test_moto_tells_routing_policies_apart(moto: Moto, zone: str) -> None:
    api = moto.client()
    plain = {"Name": f"a.{ZONE}.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    sets = [{**plain, "SetIdentifier": identifier, "Weight": 1} for identifier in ("one", "two")]
    target = {"HostedZoneId": zone, "DNSName": f"a.{ZONE}.", "EvaluateTargetHealth": False}
    sets.append({"Name": f"b.{ZONE}.", "Type": "A", "AliasTarget": target})

    def send(action: str, *sets: dict[str, Any]) -> None:
        batch = [{"Action": action, "ResourceRecordSet": each} for each in sets]
        api.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": batch})

    send("CREATE", *sets)
    pages = api.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone, PaginationConfig={"PageSize": 1})
    found = [each for page in pages for each in page["ResourceRecordSets"]]
    assert [each for each in found if each["Type"] not in ("NS", "SOA")] == sets
    said = refused("InvalidChangeBatch", send, "CREATE", plain)
    assert "cannot be created as other RRSets exist with the same name and type" in said
    send("DELETE", *sets)


def test_proxy_counts(proxy: Proxy, api: Any, zone: str) -> None:
    change(
        api, zone, ("CREATE", f"a.{ZONE}", "A", "192.0.2.1", "192.0.2.22"), ("UPSERT", f"b.{ZONE}", "A", "192.0.2.3")
    )
    api.list_resource_record_sets(HostedZoneId=zone)
    api.list_hosted_zones_by_name(DNSName=ZONE)
    api.get_hosted_zone(Id=zone)
    import boto3

    sts = boto3.client(
        "sts", endpoint_url=proxy.url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    sts.assume_role(RoleArn="arn:aws:iam::111122223333:role/dns", RoleSessionName="fedgate")
    assert proxy.counts == {
        "ChangeResourceRecordSets": 1,
        "ListResourceRecordSets": 1,
        "ListHostedZonesByName": 1,
        "GetHostedZone": 1,
        "AssumeRole": 1,
    }
    assert proxy.largest == {"values": 4, "characters": 9 + 10 + 2 * 9}


def test_proxy_holds_the_rate(proxy: Proxy, api: Any, zone: str) -> None:
    proxy.rate = 5
    for _ in range(5):
        api.get_hosted_zone(Id=zone)
    assert refused("Throttling", api.get_hosted_zone, Id=zone) == "Rate exceeded"
    time.sleep(1.01)
    api.get_hosted_zone(Id=zone)
    assert (proxy.counts["GetHostedZone"], proxy.errors["Throttling"]) == (7, 1)


def test_proxy_holds_the_limits(proxy: Proxy, api: Any, zone: str) -> None:
    many = [("CREATE", f"a{number}.{ZONE}", "A", "192.0.2.1") for number in range(1001)]
    assert refused("InvalidChangeBatch", change, api, zone, *many) == "[Number of records limit of 1000 exceeded.]"
    upserts = [("UPSERT", *rest) for _, *rest in many[:501]]
    assert refused("InvalidChangeBatch", change, api, zone, *upserts) == "[Number of records limit of 1000 exceeded.]"
    long = [("CREATE", f"a{number}.{ZONE}", "TXT", f'"{"x" * 198}"') for number in range(161)]
    assert refused("InvalidChangeBatch", change, api, zone, *long) == "[RDATA character limit of 32000 exceeded.]"
    change(api, zone, *long[:160])
    assert proxy.largest == {"values": 1002, "characters": 161 * 200}


def test_proxy_answers_what_it_is_told(proxy: Proxy, api: Any, zone: str) -> None:
    proxy.fail("GetHostedZone", "PriorRequestNotComplete", "AccessDenied", "ExpiredToken", "", "ServiceUnavailable")
    proxy.fail("*", "InvalidClientTokenId")
    refused("PriorRequestNotComplete", api.get_hosted_zone, Id=zone)
    said = refused("AccessDenied", api.get_hosted_zone, Id=zone)
    assert "is not authorized to perform: route53:GetHostedZone on resource: arn:aws:route53:::hostedzone/" in said
    refused("ExpiredToken", api.get_hosted_zone, Id=zone)
    api.get_hosted_zone(Id=zone)
    refused("ServiceUnavailable", api.get_hosted_zone, Id=zone)
    refused("InvalidClientTokenId", api.list_hosted_zones)
    api.get_hosted_zone(Id=zone)


def test_proxy_cuts_and_loses(proxy: Proxy, api: Any, zone: str, moto: Moto) -> None:
    proxy.fail("ChangeResourceRecordSets", "cut", "lost")
    for _ in range(2):
        assert moto.client().get_hosted_zone(Id=zone)["HostedZone"]["ResourceRecordSetCount"] == 2
        with pytest.raises(botocore.exceptions.ConnectionClosedError):
            change(api, zone, ("CREATE", f"a.{ZONE}", "A", "192.0.2.1"))
    assert moto.client().get_hosted_zone(Id=zone)["HostedZone"]["ResourceRecordSetCount"] == 3
    assert proxy.errors == {"cut": 1, "lost": 1}


def test_proxy_lets_somebody_else_in(proxy: Proxy, api: Any, zone: str, moto: Moto) -> None:
    other = ("CREATE", f"a.{ZONE}", "A", "192.0.2.9")
    proxy.before("ChangeResourceRecordSets", lambda request: change(moto.client(), request.target, other))
    said = refused("InvalidChangeBatch", change, api, zone, ("CREATE", f"a.{ZONE}", "A", "192.0.2.1"))
    assert "already exists" in said
    change(api, zone, ("CREATE", f"b.{ZONE}", "A", "192.0.2.1"))


def test_proxy_keeps_changes_pending(proxy: Proxy, api: Any, zone: str) -> None:
    proxy.pending = 2
    first = change(api, zone, ("CREATE", f"a.{ZONE}", "A", "192.0.2.1"))
    second = change(api, zone, ("CREATE", f"b.{ZONE}", "A", "192.0.2.1"))
    assert first["Status"] == "PENDING" and first["Id"] != second["Id"]
    said = [api.get_change(Id=first["Id"])["ChangeInfo"] for _ in range(3)]
    assert [each["Status"] for each in said] == ["PENDING", "PENDING", "INSYNC"]
    assert said[0]["Id"] == first["Id"]
    assert api.get_change(Id=second["Id"])["ChangeInfo"]["Status"] == "PENDING"
    proxy.pending = math.inf
    assert api.get_change(Id=first["Id"])["ChangeInfo"]["Status"] == "PENDING"


def test_front_shows_what_the_api_holds(moto: Moto, zone: str) -> None:
    api = moto.client()
    change(
        api,
        zone,
        ("CREATE", f"_xmpp-server._tcp.{ZONE}", "SRV", "10 5 5269 edge.contoso.example"),
        ("CREATE", f"*.wild.{ZONE}", "TXT", r'"a\040b" "c"'),
        ("CREATE", f"alias.{ZONE}", "CNAME", f"edge.{ZONE}"),
        ("CREATE", f"big.{ZONE}", "TXT", *(f'"{number:03}{"x" * 200}"' for number in range(10))),
    )
    with Front(moto.url, server_address="192.0.2.53") as front:

        def ask(name: str, rtype: str) -> dns.message.Message:
            query = dns.message.make_query(name, rtype)
            return dns.query.udp_with_fallback(query, front.address, port=front.port, timeout=5)[0]

        def data(name: str, rtype: str) -> list[str]:
            return [rdata.to_text() for rrset in ask(name, rtype).answer for rdata in rrset]

        assert data(f"_xmpp-server._tcp.{ZONE}", "SRV") == [f"10 5 5269 edge.{ZONE}."]
        assert ask(ZONE, "SOA").flags & dns.flags.AA
        assert data(ZONE, "NS") == [f"ns.{ZONE}."] and data(f"ns.{ZONE}", "A") == ["192.0.2.53"]
        assert data(f"any.thing.wild.{ZONE}", "TXT") == ['"a b" "c"'] == data(f"*.wild.{ZONE}", "TXT")
        assert data(f"alias.{ZONE}", "A") == [f"edge.{ZONE}."]
        assert len(data(f"big.{ZONE}", "TXT")) == 10
        for name, rcode in ((f"_tcp.{ZONE}", dns.rcode.NOERROR), (f"none.{ZONE}", dns.rcode.NXDOMAIN)):
            answer = ask(name, "A")
            assert answer.rcode() == rcode and answer.authority[0].rdtype == dns.rdatatype.SOA
        assert ask("fabrikam.example", "A").rcode() == dns.rcode.REFUSED
        change(api, zone, ("CREATE", f"none.{ZONE}", "A", "192.0.2.1"))
        time.sleep(0.21)
        assert data(f"none.{ZONE}", "A") == ["192.0.2.1"]
        assert front.asked[f"none.{ZONE}", "A"] == 2


def test_front_tells_views_apart(moto: Moto) -> None:
    moto.reset()
    outside, inside = moto.zone(ZONE), moto.zone(ZONE, private=True)
    for zone, address in ((outside, "192.0.2.1"), (inside, "10.0.0.1")):
        change(moto.client(), zone, ("CREATE", f"edge.{ZONE}", "A", address))
    query = dns.message.make_query(f"edge.{ZONE}", "A")
    for private, address in ((False, "192.0.2.1"), (True, "10.0.0.1")):
        with Front(moto.url, private=private) as front:
            answer = dns.query.tcp(query, front.address, port=front.port, timeout=5)
            assert answer.answer[0][0].to_text() == address
