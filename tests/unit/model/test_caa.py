"""Who may certify our names: what may be written, and which names get it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.dns.values import parse

from .inventories import Hosts, only_error_of, read, two_sites

ACME = {
    "issuer": "acme",
    "acme": {"directory_url": "https://acme-v02.api.letsencrypt.org/directory", "state_directory": "/s"},
}
OURS = ["conference.contoso.example", "edge.london.contoso.example", "edge.tokyo.contoso.example"]


def caa(**value: Any) -> Hosts:
    return two_sites(federation_caa=value)


def sets(hosts: Hosts) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {one.name: (one.state, one.values) for one in read(hosts).records() if one.type == "CAA"}


def test_nothing_is_ours_unless_asked_for() -> None:
    assert sets(two_sites()) == {}


def test_names_that_nobody_else_has() -> None:
    values = ('0 issue "letsencrypt.org"', '0 issue "pki.goog"')
    assert sets(caa(issuers=["LetsEncrypt.org.", "pki.goog"])) == dict.fromkeys(OURS, ("present", values))


def test_a_main_domain_only_when_it_is_named() -> None:
    assert list(sets(caa(issuers=["ca.example"], names=["Contoso.example"]))) == ["contoso.example"]


def test_nobody() -> None:
    assert sets(caa(issuers=[]))[OURS[0]] == ("present", ('0 issue ";"',))


def test_removed() -> None:
    assert sets(caa(state="absent")) == dict.fromkeys(OURS, ("absent", ()))


def test_all_that_may_be_said() -> None:
    issuer = "ca.example ;accounturi=https://ca.example/acct/1;ValidationMethods = dns-01,http-01; policy=ev ;"
    found = sets(caa(issuers=[issuer], iodef="mailto:security@contoso.example"))[OURS[0]][1]
    assert found == (
        '0 issue "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01,http-01; policy=ev"',
        '0 iodef "mailto:security@contoso.example"',
    )
    assert [parse("CAA", text).text for text in found] == list(found)


WRONG: list[tuple[Any, list[str]]] = [
    ("letsencrypt.org", ["federation_caa: a mapping is needed here, not a text", "issuers"]),
    ({}, ["federation_caa: the key issuers is missing", "[] lets nobody certify"]),
    ({"issuer": ["ca.example"], "issuers": []}, ["the key issuer is not known", "Did you mean issuers?"]),
    ({"issuers": "ca.example"}, [".issuers: a list is needed"]),
    ({"issuers": ["Let's Encrypt"]}, [".issuers[0]", "contains white space"]),
    ({"issuers": ["ca.example", "CA.example"]}, [".issuers[1]: ca.example is written twice"]),
    ({"issuers": ['0 issue "ca.example"']}, [".issuers[0]: this is a whole CAA record", "letsencrypt.org"]),
    ({"issuers": ["ca.example; dns-01"]}, ["'dns-01' is not a parameter", "validationmethods=dns-01"]),
    ({"issuers": ['ca.example; a="b"']}, ["is not a parameter"]),
    ({"issuers": ["ca.example; validationmethod=dns-01"]}, ["validationmethod", "Did you mean validationmethods?"]),
    ({"issuers": ["ca.example; validationmethods=dns 01"]}, ["is not a parameter"]),
    ({"issuers": ["ca.example; validationmethods="]}, ["'' is not what validationmethods takes", "such as dns-01"]),
    ({"issuers": ["ca.example; accounturi=1234"]}, ["'1234' is not what accounturi takes", "run's summary"]),
    ({"issuers": ["x" * 256]}, [".issuers[0]: the text is 256 characters long"]),
    ({"issuers": [], "iodef": "security@contoso.example"}, [".iodef", "Write mailto:security@contoso.example."]),
    ({"issuers": [], "iodef": "contoso"}, [".iodef: 'contoso' is not where an authority can report"]),
    ({"issuers": [], "names": ["fabrikam.example"]}, [".names: fabrikam.example is none of our names", "Ours are"]),
    ({"issuers": [], "names": ["contoso.exmaple"]}, [".names: contoso.exmaple", "Did you mean contoso.example?"]),
    ({"issuers": [], "names": ["*.contoso.example"]}, [".names[0]", "is a wildcard"]),
    ({"issuers": [], "state": "gone"}, [".state", "Allowed are present and absent."]),
]


@pytest.mark.parametrize(("value", "parts"), WRONG, ids=lambda value: str(value)[:60])
def test_wrong(value: Any, parts: list[str]) -> None:
    error = only_error_of(two_sites(federation_caa=value))
    for part in parts:
        assert part in error, error


def test_our_own_authority_may_not_be_shut_out() -> None:
    hosts = two_sites(federation_certificate=ACME, federation_caa={"issuers": ["pki.goog"]})
    del hosts["edge1.tokyo"]
    for variables in hosts.values():
        variables["federation_xmpp_domains"] = ["contoso.example"]
    error = only_error_of(hosts)
    assert error.startswith("federation_caa.issuers: letsencrypt.org, the authority of edge.london.contoso.example")
    for variables in hosts.values():
        variables["federation_caa"] = {"issuers": ["letsencrypt.org; validationmethods=dns-01"]}
    assert sets(hosts)[OURS[0]][1] == ('0 issue "letsencrypt.org; validationmethods=dns-01"',)
    assert read(hosts).as_facts()["authorities"] == {
        "conference.contoso.example": ["letsencrypt.org"], "contoso.example": ["letsencrypt.org"]
    }  # fmt: skip
    assert read(two_sites()).as_facts()["authorities"] == {}


def test_no_follow_up_where_names_are_not_all_known() -> None:
    hosts = two_sites(federation_xmpp_components="x", federation_caa={"issuers": [], "names": ["a.example"]})
    assert only_error_of(hosts).startswith("federation_xmpp_components")
