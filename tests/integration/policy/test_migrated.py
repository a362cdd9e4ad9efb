"""25 partners of a Lync Server (emulated), imported as the migration does, on a real gateway: each by all the tables.

What each partner may do is taken from the server, not from what the import made of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.gateway.prosody_policy import compile_policy

from ...emulators.lync.deployment import PASSWORD as LYNC_PASSWORD
from ...emulators.lync.deployment import Deployment
from ...emulators.lync.world import XmppPartner
from ..lync.imports import Import, done, fill, linux
from ..pki import CLIENT, SERVER, Authority
from .client import Client
from .conftest import PASSWORD, MakePeer
from .gateway import Gateway, wait_until
from .names import Names
from .office import COLUMNS, HOST, MODULES, Contact, Office, Partner
from .peer import Manners, Peer
from .test_contacts_in import TABLE as INCOMING
from .test_contacts_out import CELLS as OUTGOING
from .test_contacts_out import TABLE as SAID
from .test_negotiation import PEERS, ROWS, attempt, gets_in, is_reached
from .wire import Stream

#: All 25 in a soak; each day every other one, which leaves all rows of the negotiation table and all types.
NUMBERS = range(0, 25, 1 if float(os.environ.get("FEDGATE_REPEAT", "0.1")) >= 1 else 2)
_TYPES = {
    "Federated": "federated", "PublicVerified": "public_verified", "PublicUnverified": "public_unverified"
}  # fmt: skip
#: A gateway that was migrated to has no rooms that partners reach.
_IN_ROOMS = ("invitation by a room of ours", "private message in a room of ours", "IQ in a room of ours")
#: What the import has of what Prosody gets; a playbook of its own writes it down, with the role's own defaults.
_WRITE = [
    {
        "hosts": "edges",
        "gather_facts": False,
        "tasks": [
            {"name": "Read the inventory", "federation_model": {}, "run_once": True},
            {
                "name": "Give it its short name",
                "ansible.builtin.set_fact": {"federation_model": "{{ ansible_facts.federation_model }}"},
                "run_once": True,
            },
            {
                "name": "Have what the role has",
                "ansible.builtin.include_vars": "{{ roles }}/xmpp_partner_policy/defaults/main.yml",
            },
            {
                "name": "Write it down",
                "ansible.builtin.copy": {
                    "content": "{{ {'partners': xmpp_partner_policy_partners, 'limits': xmpp_partner_policy_limits,"
                    " 'local_hosts': xmpp_partner_policy_local_hosts, 'components': xmpp_partner_policy_components,"
                    " 'scope': xmpp_partner_policy_scope} | to_json }}",
                    "dest": "{{ written }}",
                    "mode": "0600",
                },
                "run_once": True,
                "delegate_to": "localhost",
            },
        ],
    }
]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployment, Path]]:
    """The server with its 25 partners, and a folder."""
    folder = tmp_path_factory.mktemp("lync")
    deployment = Deployment(folder)
    fill(deployment)
    yield deployment, folder
    deployment.stop()


@pytest.fixture(scope="module")
def rules(there: tuple[Deployment, Path]) -> dict[str, Any]:
    """The policy that a gateway gets by the inventory that was imported, its pools made Linux ones."""
    deployment, folder = there
    imported = Import(deployment, folder, ["127.0.0.2"])
    done(imported.play())
    linux(imported)
    for number, group in enumerate(("london", "tokyo"), 31):
        with (imported.target / "group_vars" / group / "pool.yml").open("a", encoding="utf-8") as pool:
            pool.write(f"\nedge_published_addresses: [198.51.100.{number}]\n")
    playbook, written = folder / "write.json", folder / "policy.json"
    playbook.write_text(json.dumps(_WRITE))
    here = Path(__file__).resolve().parents[3]
    what = ["-i", str(imported.target), str(playbook)]
    done(imported.run(what, vault_lync_password=LYNC_PASSWORD, roles=str(here / "roles"), written=str(written)))
    given = json.loads(written.read_text(encoding="utf-8"))
    return dict(
        compile_policy(
            given["partners"], given["local_hosts"], given["components"], given["limits"], given["scope"]
        ).rules
    )


def enforce(gateway: Gateway, rules: dict[str, Any], **instead: dict[str, Any]) -> None:
    """Load the policy, with some partners' rows instead of those that they have."""
    more = {name: rules[name] for name in ("limits", "scope", "components") if name in rules}
    gateway.enforce({**rules["partners"], **instead}, rules["local_hosts"], **more)


@pytest.fixture(scope="module", autouse=True)
def policy(gateway: Gateway, rules: dict[str, Any]) -> Iterator[None]:
    """That policy on the gateway, at a server that leaves it all to the policy, as our own configuration does."""
    gateway.configure(strict=False, modules=MODULES)
    gateway.restart()
    enforce(gateway, rules)
    yield
    gateway.configure()
    gateway.restart()


@pytest.fixture
def partner(request: pytest.FixtureRequest, there: tuple[Deployment, Path], gateway: Gateway) -> XmppPartner:
    """One of the partners as the server has it; the streams of the test before are gone."""
    found: XmppPartner = there[0].world.partners[f"partner{request.param}.example"]
    wait_until(lambda: not gateway.sessions(found.domain.lower()), "the streams before are closed", 30)
    return found


def methods(partner: XmppPartner) -> list[str]:
    """Return the methods that the negotiation table leaves to a partner, the strongest first."""
    words = (partner.tls, partner.sasl, str(partner.dialback))
    return ROWS["-".join(word.lower() for word in words)][1]


@pytest.fixture
def find(partner: XmppPartner, names: Names, peers: MakePeer) -> Callable[[Manners], Peer]:
    """Let the partner's server be found: where its proxy is, if it has one, and nowhere else."""

    def made(manners: Manners) -> Peer:
        peer = peers(partner.domain.lower(), manners)
        if partner.proxy_fqdn:
            names.forget(peer.domain)
            names.put(partner.proxy_fqdn, peer.port)
        return peer

    return made


def each(name: str = "partner") -> pytest.MarkDecorator:
    return pytest.mark.parametrize(name, NUMBERS, indirect=True)


def test_all_kinds_are_there(there: tuple[Deployment, Path], rules: dict[str, Any]) -> None:
    partners = there[0].world.partners.values()
    assert len(partners) == 25 and {one.partner_type for one in partners} == set(_TYPES)
    assert len({(one.tls, one.sasl, one.dialback) for one in partners}) == 13
    named = {
        name for one in partners for name in (one.domain.lower(), *(each.lower() for each in one.additional_domains))
    }
    assert set(rules["partners"]) == named


def knows(alice: Client, contact: str) -> None:
    """Let alice add somebody, whom she would not hear otherwise."""
    alice.write(f"<iq type='set' id='add'><query xmlns='jabber:iq:roster'><item jid='{contact}'/></query></iq>")
    alice.drain()


@pytest.mark.parametrize("kind", PEERS)
@each()
@pytest.mark.soak
def test_gets_in(
    partner: XmppPartner, kind: str, gateway: Gateway, find: Callable[[Manners], Peer], alice: Client
) -> None:
    wanted = next((method for method in methods(partner) if method in PEERS[kind][0]), None)
    if partner.partner_type == "PublicUnverified":
        knows(alice, f"bob@{partner.domain}")
    gets_in(find(PEERS[kind][1]), kind, wanted, gateway, alice)


@pytest.mark.parametrize("kind", PEERS)
@each()
@pytest.mark.soak
def test_is_reached(
    partner: XmppPartner, kind: str, gateway: Gateway, find: Callable[[Manners], Peer], alice: Client
) -> None:
    wanted = next((method for method in methods(partner) if method in PEERS[kind][0]), None)
    is_reached(find(PEERS[kind][1]), wanted, gateway, alice)


class Migrated(Partner):
    """A partner's server that comes by the strongest method that the partner has."""

    def __init__(self, peer: Peer, kind: str) -> None:
        super().__init__(peer, rooms=False)
        self.unverified = kind == "public_unverified"

    def _open(self, host: str) -> Stream:
        got = attempt(self.peer, "all")
        assert got is not None, f"{self.domain} does not get in"
        return got[1]


@pytest.fixture
def office(
    partner: XmppPartner, gateway: Gateway, names: Names, authority: Authority, rules: dict[str, Any]
) -> Iterator[tuple[Office, dict[str, int]]]:
    """alice and that partner; and its columns of the tables. Her contacts are gone afterwards."""
    only_one = partner.connection_limit == 1
    if only_one:  # nothing comes back then, as on Lync Server; so here it may have two
        name = partner.domain.lower()
        enforce(gateway, rules, **{name: {**rules["partners"][name], "connection_limit": 2}})
    kind = _TYPES[partner.partner_type]
    peer = Peer(
        partner.domain.lower(), names.address, gateway.address,
        authority.issue(partner.domain.lower(), purposes=(SERVER, CLIENT)), Manners(),
    )  # fmt: skip
    names.put(partner.proxy_fqdn or peer.domain, peer.port)
    alice = Client(gateway.address, f"alice@{HOST}", PASSWORD)
    made = Kept(gateway, alice, {kind: Migrated(peer, kind)})
    yield made, {column: number for number, column in enumerate(COLUMNS) if COLUMNS[column][0] == kind}
    for contact in made.contacts:
        made.roster(contact.bare, "remove")
    alice.close()
    peer.close()
    names.forget(partner.proxy_fqdn or peer.domain)
    if only_one:
        enforce(gateway, rules)


class Kept(Office):
    """An office that remembers its contacts."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.contacts: list[Contact] = []

    def contact(self, column: str) -> Contact:
        self.contacts.append(super().contact(column))
        return self.contacts[-1]


@each()
@pytest.mark.soak
def test_what_it_may_do_to_ours(partner: XmppPartner, office: tuple[Kept, dict[str, int]]) -> None:
    here, columns = office
    wrong = {}
    for what, (act, expected) in INCOMING.items():
        for column, number in columns.items() if what not in _IN_ROOMS else ():
            bob = here.contact(column)
            here.alice.drain()
            got = act(bob)
            if got != expected[number]:
                wrong[what, column] = got, expected[number]
    assert not wrong


@each()
@pytest.mark.soak
def test_what_it_gets_of_ours(partner: XmppPartner, office: tuple[Kept, dict[str, int]]) -> None:
    here, columns = office
    cells = [cell for cell in OUTGOING if cell[1] in columns]
    assert cells
    got = {(what, column): SAID[what][0](here.contact(column)) for what, column, _wanted in cells}
    assert got == {(what, column): wanted for what, column, wanted in cells}
