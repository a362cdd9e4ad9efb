"""The session on a server: what goes through, and how what goes wrong is told apart."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.errors import InvalidValue, Unreachable
from ansible.module_utils.fedgate.lync import values
from ansible.module_utils.fedgate.lync.connection import Connection, read_connection
from ansible.module_utils.fedgate.lync.faults import (
    CmdletFailed,
    NotAuthorised,
    NotLoggedIn,
    NotUnderstood,
    Untrusted,
)
from ansible.module_utils.fedgate.lync.shell import Shell

from ...emulators.lync.deployment import ADMIN, NOBODY, PASSWORD, VIEWER, Deployment, make_certificate
from ...emulators.lync.soap import Request
from .conftest import options_of

Connect = Callable[..., Connection]
GET, NEW, SET = (f"{verb}-CsXmppAllowedPartner" for verb in ("Get", "New", "Set"))


@pytest.mark.parametrize("way", ["ntlm", "negotiate", "basic"])
def test_ways_to_log_in(lync: Deployment, connect: Connect, way: str) -> None:
    with Shell(connect(authentication=way)) as shell:
        assert shell.call(GET) == []
    assert lync.shells.opened == lync.shells.closed == 1


@pytest.mark.parametrize("protocol", ["2.1", "2.2", "2.3"])
def test_protocol_versions(tmp_path: Path, protocol: str) -> None:
    deployment = Deployment(tmp_path, protocol=protocol)
    with Shell(read_connection(options_of(deployment))) as shell:
        shell.call(NEW, {"Identity": "fabrikam.example"})
        (item,) = shell.call(GET)
    deployment.stop()
    assert values.properties(item)["Domain"] == "fabrikam.example"


@pytest.mark.parametrize(
    "text",
    [
        "'; Remove-CsXmppAllowedPartner fabrikam.example; '",
        '$(Remove-Item C:\\ -Recurse) `"@{a=1}"@\n<S>&amp;</S>',
        "Größe, 日本語, \N{WAVING HAND SIGN}, _x000A_, \ttab",
        "",
    ],
)
def test_texts_stay_texts(lync: Deployment, connect: Connect, text: str) -> None:
    """Whatever a description holds: it is a value, never a line of script."""
    with Shell(connect()) as shell:
        shell.call(NEW, {"Identity": "fabrikam.example", "Description": text})
        (item,) = shell.call(GET)
    assert lync.world.partners["fabrikam.example"].description == text
    assert values.text(values.properties(item)["Description"]) == text


def test_types_of_parameters(lync: Deployment, connect: Connect) -> None:
    given = {
        "Identity": "fabrikam.example",
        "AdditionalDomains": ["a.example", "b.example"],
        "SupportDialbackNegotiation": False,
        "ConnectionLimit": values.UInt32(2**32 - 1),
    }
    with Shell(connect()) as shell:
        shell.call(NEW, given)
        shell.call(SET, {"Identity": "fabrikam.example", "AdditionalDomains": {"Add": ["c.example"]}})
        (item,) = shell.call(GET)
    found = values.properties(item)
    assert values.texts(found["AdditionalDomains"]) == ["a.example", "b.example", "c.example"]
    assert values.number(found["ConnectionLimit"]) == 2**32 - 1
    assert values.boolean(found["SupportDialbackNegotiation"]) is False


def test_a_large_answer_comes_in_fragments(lync: Deployment, connect: Connect) -> None:
    text = "x" * 200_000
    with Shell(connect()) as shell:
        shell.call(NEW, {"Identity": "fabrikam.example", "Description": text})
        (item,) = shell.call(GET)
    assert values.properties(item)["Description"] == text


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"password": "another"}, NotLoggedIn, "refuses the login of CONTOSO\\admin by ntlm"),
    ({"authentication": "basic", "password": "another"}, NotLoggedIn, "refuses the login of CONTOSO\\admin by basic"),
    ({"username": NOBODY}, NotAuthorised, "RBAC role such as CsAdministrator"),
    ({"ca_file": None}, Untrusted, "self-signed certificate"),
    ({"host": "127.0.0.1"}, Untrusted, "IP address mismatch"),
    ({"port": 1}, Unreachable, "Connection refused"),
    ({"host": "nowhere.invalid"}, Unreachable, "Failed to resolve 'nowhere.invalid'"),
    ({"endpoint": "edge"}, NotUnderstood, "HTTP status 404"),
]


@pytest.mark.parametrize(("changed", "error", "told"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_goes_wrong_is_told_apart(
    lync: Deployment, connect: Connect, changed: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error) as caught, Shell(connect(**changed)):
        pass
    assert type(caught.value) is error and told in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("way", ["ntlm", "negotiate", "basic"])
def test_an_expired_password(lync: Deployment, connect: Connect, way: str) -> None:
    """Windows does not say so over HTTP: it reads like a wrong one, and the message names both."""
    lync.front_end.expired.add(ADMIN)
    with pytest.raises(NotLoggedIn, match=r"refuses the login .*wrong, expired and locked") as caught:
        Shell(connect(authentication=way)).__enter__()
    assert PASSWORD not in str(caught.value) and lync.shells.opened == 0
    lync.front_end.expired.clear()
    with Shell(connect(authentication=way)) as shell:
        assert shell.call(GET) == []


@pytest.mark.parametrize("way", ["ntlm", "negotiate", "basic"])
def test_a_wrong_password_is_not_tried_again(lync: Deployment, connect: Connect, way: str) -> None:
    """A directory locks an account after a few attempts."""
    with pytest.raises(NotLoggedIn):
        Shell(connect(authentication=way, password="another")).__enter__()
    assert lync.front_end.refused == 1


def test_another_authority_is_not_trusted(lync: Deployment, connect: Connect, tmp_path: Path) -> None:
    other, _key = make_certificate(tmp_path, "other.example")
    with pytest.raises(Untrusted, match="certificate of https://localhost"), Shell(connect(ca_file=str(other))):
        pass


def test_a_server_with_old_tls_only(tmp_path: Path) -> None:
    def old(context: ssl.SSLContext) -> None:
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")

    deployment = Deployment(tmp_path, tls=old)
    with pytest.raises(Untrusted, match=r"Turn on TLS 1\.2 there"), Shell(read_connection(options_of(deployment))):
        pass
    deployment.stop()


def test_a_way_to_log_in_that_is_not_offered(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, methods=("Basic",))
    with pytest.raises(NotLoggedIn, match="offers no login by ntlm"), Shell(read_connection(options_of(deployment))):
        pass
    deployment.stop()


def test_a_cmdlet_that_the_roles_lack(lync: Deployment, connect: Connect) -> None:
    with Shell(connect(username=VIEWER)) as shell:
        assert shell.call(GET) == []
        with pytest.raises(NotAuthorised, match=f"no cmdlet {NEW}"):
            shell.call(NEW, {"Identity": "fabrikam.example"})
    assert not lync.world.partners


@pytest.mark.parametrize(
    ("cmdlet", "given", "told", "error_id"),
    [
        (GET, {"Identity": "nowhere.example"}, 'Cannot find item "nowhere.example"', "ItemNotFound"),
        (NEW, {"Identity": "a.example", "TlsNegotiation": "Never"}, "enumeration", "CannotConvertArgumentNoMessage"),
        (NEW, {"Identity": "a.example", "EnableKeepAlive": "True"}, "Boolean", "CannotConvertArgumentNoMessage"),
        (NEW, {"Identity": "a.example", "Domain": "b.example"}, "Parameter set", "AmbiguousParameterSet"),
        (NEW, {"Identity": "a.example", "Tls": "Required"}, "matches parameter name", "NamedParameterNotFound"),
        (NEW, {}, "missing mandatory parameters", "MissingMandatoryParameter"),
    ],
)
def test_errors_of_cmdlets(
    lync: Deployment, connect: Connect, cmdlet: str, given: dict[str, Any], told: str, error_id: str
) -> None:
    with Shell(connect()) as shell:
        with pytest.raises(CmdletFailed) as caught:
            shell.call(cmdlet, given)
        assert shell.call(GET) == [], "the session goes on"
    assert cmdlet in str(caught.value) and told in str(caught.value)
    assert caught.value.error_id == error_id


@pytest.mark.parametrize("trouble", ["drop", "refuse"])
def test_a_connection_that_breaks(lync: Deployment, connect: Connect, trouble: str) -> None:
    def once(request: Request) -> str | None:
        if request.action != "Command":
            return None
        lync.front_end.trouble = lambda request: None
        return trouble

    with Shell(connect()) as shell:
        lync.front_end.trouble = once
        with pytest.raises(Unreachable, match="localhost"):
            shell.call(NEW, {"Identity": "fabrikam.example"})
    assert lync.shells.opened == lync.shells.closed == 1


def test_an_answer_that_takes_longer_than_one_message(lync: Deployment, connect: Connect) -> None:
    """The server answers *timed out*, and the client asks again: a cmdlet may take as long as it needs."""
    with lync.world.lock:
        import threading

        shell = Shell(connect(operation_timeout=1)).__enter__()
        result: list[Any] = []
        asking = threading.Thread(target=lambda: result.append(shell.call(GET)))
        asking.start()
        asking.join(2.5)
        assert not result
    asking.join(10)
    shell.close()
    assert result == [[]]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"endpoint": "edge", "authentication": "kerberos"}, "Allowed: negotiate, ntlm, basic, certificate"),
        ({"authentication": "certificate"}, "Allowed: negotiate, ntlm, kerberos, basic"),
        ({"endpoint": "edge", "authentication": "certificate"}, "needs a client certificate"),
        ({"client_certificate": "/tmp/one.pem"}, "go together"),
        ({"username": None}, "needs a user name"),
        ({"password": None}, "needs a password"),
        ({"operation_timeout": 3600}, "Allowed: 1 to 600"),
    ],
)
def test_options_that_do_not_go_together(connect: Connect, changed: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        connect(**changed)
    assert told in str(caught.value)
