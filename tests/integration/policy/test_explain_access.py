"""Who of our own users is told to federate does so, and nobody else: by the policy of the same inventory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible.module_utils.fedgate.explain.pair import explain_pair
from ansible.module_utils.fedgate.gateway.prosody_policy import compile_policy

from .client import Client
from .conftest import PASSWORD, MakePeer
from .explained import inventory
from .gateway import Gateway
from .office import HOST

USERS = ("alice", "bob", "dora")
GLOBAL = {"name": "global", "xmpp_access": False}
SALES = {"name": "sales", "xmpp_access": True, "users": [f"alice@{HOST}"]}
DENIED = {"name": "denied", "xmpp_access": False, "users": [f"bob@{HOST}"]}
CASES: dict[str, list[dict[str, Any]]] = {
    "no policies": [],
    "nobody": [GLOBAL],
    "a grant": [GLOBAL, SALES],
    "a refusal": [{**GLOBAL, "xmpp_access": True}, DENIED],
    "a site": [GLOBAL, {"name": "site:London", "xmpp_access": True}, DENIED],
}


@pytest.fixture(scope="module")
def users(gateway: Gateway) -> Iterator[dict[str, Client]]:
    """All users, online."""
    for name in USERS[1:]:
        gateway.user(f"{name}@{HOST}", PASSWORD)
    clients = {name: Client(gateway.address, f"{name}@{HOST}", PASSWORD) for name in USERS}
    yield clients
    for client in clients.values():
        client.close()


@pytest.mark.parametrize("case", CASES)
def test_who_may_write(case: str, gateway: Gateway, users: dict[str, Client], peers: MakePeer) -> None:
    domain = f"{case.replace(' ', '-')}.example"  # no test meets streams of another
    partner = {"domain": domain, "type": "federated", "sasl": "optional"}
    known = inventory([partner], [], federation_access_policies=CASES[case], edge_pool_site="London")
    facts = known.deployment.as_facts()
    rules = compile_policy(facts["partners"], [HOST], scope=facts["hosts"]["edge1"]["scope"]).rules
    rest = {key: value for key, value in rules.items() if key not in ("partners", "local_hosts")}
    gateway.enforce(rules["partners"], rules["local_hosts"], **rest)
    peer = peers(domain)
    for name, client in users.items():
        told = explain_pair(known, f"carol@{peer.domain}", f"{name}@{HOST}")
        sent = client.send(f"carol@{peer.domain}")
        if told["allowed"]:
            assert peer.stanzas.get(timeout=10).get("id") == sent
        else:
            assert told["reason"] == "no-access"
            assert client.bounce(sent)[0] == "not-allowed"
    assert peer.stanzas.empty()
