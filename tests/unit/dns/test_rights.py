"""What servers must allow: exactly what is ours, whatever the order, the number and the spelling."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.fedgate.dns.rights import bind, iam, owned, report
from ansible.module_utils.fedgate.errors import InvalidValue
from hypothesis import given
from hypothesis import strategies as st

ZONE = "contoso.example"
RECORDS = [
    {"name": f"_xmpp-server._tcp.{ZONE}", "type": "SRV", "state": "present", "view": "external"},
    {"name": "Edge.Contoso.Example.", "type": "AAAA", "state": "absent"},
    {"name": f"edge.{ZONE}", "type": "A", "state": "present"},
    {"name": f"edge.deep.{ZONE}", "type": "a", "state": "retired"},
    {"name": f"inside.{ZONE}", "type": "A", "view": "internal"},
]


def look(**params: Any) -> dict[str, Any]:
    given = {"records": RECORDS, "view": "external", "challenge_names": [], "zones": {ZONE: ""}}
    return report.look({**given, "tsig_name": None, "challenge_tsig_name": None, **params}, None)  # type: ignore[arg-type]


def pairs(documents: list[iam.Document]) -> set[tuple[str, str, str]]:
    """Return what documents allow to change: (zone's ARN, name, type); a statement allows each type at each name."""
    found = set()
    for document in documents:
        for statement in document["Statement"]:
            if statement["Action"] == "route53:ChangeResourceRecordSets":
                condition = statement["Condition"]["ForAllValues:StringEquals"]
                for name in condition["route53:ChangeResourceRecordSetsNormalizedRecordNames"]:
                    for rtype in condition["route53:ChangeResourceRecordSetsRecordTypes"]:
                        assert (statement["Resource"], name, rtype) not in found
                        found.add((statement["Resource"], name, rtype))
    return found


def test_zones_views_and_spelling() -> None:
    zones = [ZONE, f"deep.{ZONE}"]
    assert owned.of_records(RECORDS, zones) == {
        ZONE: {f"_xmpp-server._tcp.{ZONE}": ("SRV",), f"edge.{ZONE}": ("A", "AAAA")},
        f"deep.{ZONE}": {f"edge.deep.{ZONE}": ("A",)},
    }
    assert owned.of_records(RECORDS, zones, "internal") == {ZONE: {f"inside.{ZONE}": ("A",)}}
    assert owned.of_records(RECORDS[::-1], zones) == owned.of_records(RECORDS, zones)


def test_bind_names_each_key_name_and_type() -> None:
    seen = look(
        zones={"Contoso.Example.": ""},
        challenge_names=[f"_acme-challenge.{ZONE}"],
        tsig_name="fedgate.",
        challenge_tsig_name="acme",
    )
    assert seen["bind"] == {
        ZONE: "update-policy {\n"
        "    // records\n"
        f"    grant fedgate name _xmpp-server._tcp.{ZONE}. SRV;\n"
        f"    grant fedgate name edge.{ZONE}. A AAAA;\n"
        f"    grant fedgate name edge.deep.{ZONE}. A;\n"
        "    // challenges of ACME\n"
        f"    grant acme name _acme-challenge.{ZONE}. TXT;\n"
        "};\n"
    }
    assert look()["bind"] == {}
    assert bind.policies([]) == {}


def test_a_zone_without_an_id_stays_readable() -> None:
    seen = look()
    resources = {resource for resource, _, _ in pairs(seen["iam"]["records"])}
    assert resources == {f"arn:aws:route53:::hostedzone/HOSTED-ZONE-ID-OF-{ZONE}"}
    assert seen["notes"] == [f"{ZONE}: put the id of the hosted zone for HOSTED-ZONE-ID-OF-{ZONE}"]
    seen = look(zones={ZONE: "/hostedzone/Z0EXAMPLE"})
    assert {resource for resource, _, _ in pairs(seen["iam"]["records"])} == {"arn:aws:route53:::hostedzone/Z0EXAMPLE"}
    assert seen["notes"] == [] and seen["iam"]["challenges"] == []


def test_names_are_written_as_the_condition_key_has_them() -> None:
    assert iam.normalized("*.Edge_1.Contoso.example.") == r"\052.edge_1.contoso.example"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["*.", "", "_xmpp-server._tcp.", "a.", "b.a.", "deep.", "x.deep."]),
            st.sampled_from(["SRV", "A", "AAAA", "TXT", "CAA"]),
        ),
        max_size=20,
    )
)
def test_iam_allows_each_name_its_own_types(chosen: list[tuple[str, str]]) -> None:
    ids = {ZONE: "Z1", f"deep.{ZONE}": "Z2"}
    found = owned.of_records([{"name": f"{label}{ZONE}", "type": rtype} for label, rtype in chosen], ids)
    documents, notes = iam.documents(found, ids)
    wanted = {
        (f"arn:aws:route53:::hostedzone/{'Z2' if 'deep.' in label else 'Z1'}", iam.normalized(label + ZONE), rtype)
        for label, rtype in chosen
    }
    assert pairs(documents) == wanted and not notes
    assert bool(documents) == bool(chosen)


def test_large_policies_are_split_and_it_is_said() -> None:
    records = [{"name": f"_xmpp-server._tcp.d{number:04}.{ZONE}", "type": "SRV"} for number in range(1500)]
    records += [{"name": f"edge{number}.{ZONE}", "type": rtype} for number in range(5) for rtype in ("A", "AAAA")]
    seen = look(records=records, zones={ZONE: "Z1"})
    documents = seen["iam"]["records"]
    sizes = [len("".join(json.dumps(document).split())) for document in documents]
    assert max(sizes) <= 6144 and min(sizes[1:-1]) > 6000
    arn = "arn:aws:route53:::hostedzone/Z1"
    assert pairs(documents) == {(arn, str(record["name"]), str(record["type"])) for record in records}
    assert seen["notes"] == [
        f"{ZONE}: the 1500 names with SRV need {len(documents) - 1} statements; a request that changes names of "
        "several of them is denied as a whole",
        f"{len(documents)} policies, as one holds at most 6144 characters; attach all of them",
        "a role has at most 10 policies, unless AWS raises that quota (up to 20)",
    ]


def test_many_zones_fit_too() -> None:
    label = "x" * 57
    zones = {f"{number:03}{label}.{label}.{label}.example": "" for number in range(60)}
    seen = look(records=[{"name": f"a.{zone}", "type": "A"} for zone in zones], zones=zones)
    assert max(map(iam.size, seen["iam"]["records"])) <= 6144
    assert len(pairs(seen["iam"]["records"])) == 60


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"zones": {}}, rf"records: in none of the zones: .*edge\.{ZONE}.* Name their zones; given are: none"),
        ({"zones": {ZONE: "Z1", "CONTOSO.example.": "Z2"}}, "zones: the zone contoso.example stands there twice"),
        ({"zones": {"conto so": ""}}, r"zones\[conto so\]: "),
        ({"zones": {ZONE: "*"}}, r"zones\[contoso\.example\]: '\*' is not the id of a hosted zone"),
        ({"zones": {ZONE: "Z1,Z2"}}, r"'Z1,Z2' is not the id of a hosted zone"),
        ({"records": [{"name": f"a.{ZONE}", "type": "NS"}]}, r"records\[0\]\.type: record type 'NS' is not supported"),
        ({"records": [{"name": f"a.{ZONE}", "type": "SOA"}]}, r"record type 'SOA' is not supported"),
        ({"records": [{"type": "A"}]}, r"records\[0\]\.name: None is not a domain name"),
        ({"records": [{"name": f"a b.{ZONE}", "type": "A"}]}, r"records\[0\]\.name: "),
        ({"challenge_names": ["_acme-challenge.fabrikam.example"]}, "challenge_names: in none of the zones: _acme-"),
        ({"challenge_names": [f"*; }}; x.{ZONE}"]}, r"challenge_names\[0\]: "),
        ({"tsig_name": "fedgate zonesub ANY; //"}, "tsig_name: 'fedgate zonesub ANY; //' is not the name of a key"),
        ({"challenge_tsig_name": "*"}, r"challenge_tsig_name: '\*' is not the name of a key"),
    ],
)
def test_bad_input(params: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        look(**params)
