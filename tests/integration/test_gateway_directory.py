"""A gateway whose users are in a directory: a real OpenLDAP, by STARTTLS and by ldaps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from .gateway_host import HOST, bounced, lab, login, play, shell, state

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module", autouse=True)
def own_lab() -> Iterator[None]:
    """A lab with a directory and one gateway host with its certificate."""
    lab("up", HOST, "directory")
    lab("reset", HOST)
    certified = play("certificates.yml")
    assert certified.code == 0, certified.output[-3000:]
    yield
    if not os.environ.get("FEDGATE_KEEP_LAB"):
        lab("down")


def directory(**changes: Any) -> dict[str, Any]:
    known = state()["directory"]
    return {
        "kind": "ldap",
        "uri": "ldap://directory.lab.example",
        "base": known["base"],
        "bind_dn": known["bind_dn"],
        "bind_password": known["bind_password"],
        "ca": state()["ca_certificate"],
        **changes,
    }


@pytest.mark.parametrize("uri", ["ldap://directory.lab.example", "ldaps://directory.lab.example"])
def test_users_of_the_directory_log_in(uri: str) -> None:
    checked = play("gateway.yml", "--check", xmpp_gateway_directory=directory(uri=uri))
    done = play("gateway.yml", xmpp_gateway_directory=directory(uri=uri))
    assert done.code == 0, done.output[-3000:]
    assert checked.named_changes() == done.named_changes()
    assert login("carol@contoso.example", state()["users"]["carol@contoso.example"]) == "ok"
    assert login("carol@contoso.example", "wrong") == "refused"
    assert login("nobody@contoso.example", "wrong") == "refused"
    assert play("gateway.yml", xmpp_gateway_directory=directory(uri=uri)).changed() == {HOST: 0}


def test_members_of_a_group_of_the_directory_federate() -> None:
    """carol is in it, dave is not. The partner has no server: carol's message gets as far as looking for one."""
    known = state()
    policies = [
        {"name": "global", "xmpp_access": False},
        {"name": "staff", "xmpp_access": True, "groups": [f"cn=federated,ou=groups,{known['directory']['base']}"]},
    ]
    variables = {
        "xmpp_gateway_directory": directory(),
        "federation_partners": [{"domain": "nowhere.example", "type": "federated", "sasl": "optional"}],
        "federation_access_policies": policies,
    }
    for playbook in ("gateway.yml", "partners.yml"):
        done = play(playbook, **variables)
        assert done.code == 0, done.output[-3000:]
    answers = {
        user: bounced(f"{user}@contoso.example", known["users"][f"{user}@contoso.example"], "bob@nowhere.example")
        for user in ("carol", "dave")
    }
    assert "may not federate" in answers["dave"] and answers["dave"].startswith("not-allowed"), answers
    assert answers["carol"].startswith("remote-server-"), answers
    assert play("partners.yml", **variables).changed() == {HOST: 0}
    refused = play("partners.yml", **{**variables, "xmpp_gateway_directory": {}})
    assert refused.code != 0 and "no gateway asks a directory for its users" in refused.output


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bind_password": "canary-9f31-directory"}, "Invalid credentials"),
        ({"base": "dc=nowhere,dc=example"}, "cannot be read"),
        ({"ca": None}, "cannot be used"),
        ({"uri": "http://directory.lab.example"}, "needs kind (ldap or active_directory)"),
        ({"starttls": False}, "protected by starttls"),
    ],
)
def test_a_directory_that_cannot_be_used_changes_nothing(changes: dict[str, Any], message: str) -> None:
    before = shell("sha256sum /etc/prosody/prosody.cfg.lua; systemctl show -p MainPID prosody")
    settings = {key: value for key, value in directory(**changes).items() if value is not None}
    done = play("gateway.yml", "-vvvv", "--diff", xmpp_gateway_directory=settings)
    assert done.code != 0 and message in done.output
    assert "canary-9f31-directory" not in done.output
    assert shell("sha256sum /etc/prosody/prosody.cfg.lua; systemctl show -p MainPID prosody") == before


def test_the_directory_s_password_is_in_its_own_file_only() -> None:
    password = state()["directory"]["bind_password"]
    found = shell(f"grep -rlF -- '{password}' /etc /var/log /run /tmp /root /home", check=False).split()
    assert found == ["/etc/prosody/fedgate/secrets.cfg.lua"]
    assert shell("stat -c '%a %U %G' /etc/prosody/fedgate/secrets.cfg.lua").strip() == "640 root prosody"
    assert password not in shell("journalctl --no-pager")
