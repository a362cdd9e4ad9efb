"""The issuer acme against a real CA and a real name server: orders, accounts, chains, delegation, rights."""

from __future__ import annotations

import json
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates import keys
from ansible.module_utils.fedgate.certificates.acme.certificate import top_issuer
from ansible.module_utils.fedgate.certificates.settings import KeySettings

from .acme_ca import BINDINGS, Message, Pebble, Wire
from .acme_world import (
    LONDON,
    LONDON_NAMES,
    TOKYO,
    TOKYO_NAMES,
    World,
    loopback,
    needs_servers,
    order,
    request,
    servers,
)
from .bind import Bind

pytestmark = needs_servers


@pytest.fixture(scope="module")
def addresses() -> Iterator[tuple[str, str]]:
    yield from loopback()


@pytest.fixture(scope="module")
def running(addresses: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bind, Wire]]:
    yield from servers(tmp_path_factory.mktemp("acme"), addresses[0], PEBBLE_ALTERNATE_ROOTS="1")


@pytest.fixture
def world(running: tuple[Bind, Wire], tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path, *running)
    yield found
    assert not found.challenges(), "something of ours is left in DNS"


class TestOrders:
    def test_several_pools_at_once_and_then_no_question(self, world: World) -> None:
        orders = [order(), order(TOKYO, TOKYO_NAMES)]
        planned = world.issue(*orders, check_mode=True)
        assert not world.wire.messages and not world.state.exists()
        before = world.serial("contoso.example"), world.serial("contoso-asia.example")
        done = world.issue(*orders)
        assert planned.changes == done.changes
        assert done.changes == [("create", "acme_account"), *[("create", "issued_certificate")] * 2]
        assert [each.subject for each in done.chain()[1:]] and done.chain(TOKYO)
        assert done.results["certificates"][LONDON]["names"] == LONDON_NAMES
        # One change of each zone puts all records there, one takes them away.
        after = world.serial("contoso.example"), world.serial("contoso-asia.example")
        assert [late - early for early, late in zip(before, after)] == [2, 2]
        world.wire.forget()
        again = world.issue(*orders)
        assert again.changes == [] and again.status() == "issued"
        assert not world.wire.messages

    def test_what_is_kept(self, world: World) -> None:
        world.issue(order())
        assert stat.S_IMODE(world.state.stat().st_mode) == 0o700
        assert stat.S_IMODE((world.state / "account-key.pem").stat().st_mode) == 0o600
        assert sorted(path.name for path in world.state.iterdir()) == ["account-key.pem", "accounts.json", "issued"]

    def test_a_new_key_gets_a_new_certificate_from_the_same_account(self, world: World) -> None:
        world.issue(order())
        world.wire.forget()
        assert world.issue(order()).changes == [("create", "issued_certificate")]
        accounts = [message for message in world.wire.messages if message.kind == "newAccount"]
        assert [message.payload["onlyReturnExisting"] for message in accounts] == [True]

    def test_the_certificate_that_serves_is_not_the_answer(self, world: World) -> None:
        first = order()
        serial = world.issue(first).results["certificates"][LONDON]["serial"]
        second = world.issue({**first, "replaces": serial})
        assert second.changes == [("update", "issued_certificate")]
        assert second.results["certificates"][LONDON]["serial"] != serial

    def test_two_orders_with_the_same_name(self, world: World) -> None:
        done = world.issue(order(), order(TOKYO, [*TOKYO_NAMES, LONDON_NAMES[0]]))
        assert done.status() == done.status(TOKYO) == "issued"

    def test_one_that_fails_stops_nobody(self, world: World) -> None:
        # closed.example takes no updates from us, other.example is nowhere.
        done = world.issue(
            order(),
            order("closed", ["closed.example"]),
            order("nowhere", ["nowhere.example"]),
            order(TOKYO, TOKYO_NAMES),
        )
        assert done.status() == done.status(TOKYO) == "issued"
        assert "closed.example" in done.error("closed") and "REFUSED" in done.error("closed")
        assert "docs/certificates.md" in done.error("closed")
        assert "_acme-challenge.nowhere.example" in done.error("nowhere")

    def test_many_names(self, world: World) -> None:
        names = [
            f"{label}.{zone}"
            for zone in ("contoso.example", "contoso-asia.example")
            for label in ("edge", "edge2", "many")
        ]
        assert sorted(world.issue(order(names=names)).results["certificates"][LONDON]["names"]) == sorted(names)


class TestAccounts:
    def test_the_contact_is_kept_as_wanted(self, world: World) -> None:
        world.issue(order())
        world.wire.forget()
        done = world.issue(order(), contact=["admin@contoso.example"])
        assert done.changes[0] == ("update", "acme_account") and done.status() == "issued"
        said = [message.payload.get("contact") for message in world.wire.messages if message.kind == "account"]
        assert said == [["mailto:admin@contoso.example"]]
        assert world.issue(order(), contact=["admin@contoso.example"]).changes == [("create", "issued_certificate")]

    @pytest.mark.parametrize("kind", [{"type": "rsa", "size": 2048}, {"type": "ecdsa", "curve": "p384"}], ids=str)
    def test_a_key_from_a_vault(self, world: World, kind: dict[str, Any]) -> None:
        pem = keys.to_pem(keys.generate(KeySettings.of(kind))).decode()
        assert world.issue(order(), account_key=pem).status() == "issued"
        assert not (world.state / "account-key.pem").exists()
        assert "PRIVATE" not in "".join(path.read_text() for path in world.state.glob("*.json"))

    def test_a_key_that_others_can_read_is_refused(self, world: World) -> None:
        world.issue(order())
        (world.state / "account-key.pem").chmod(0o640)
        error = world.issue(order()).error()
        assert "account-key.pem can be read by others" in error and "chmod 600" in error

    def test_an_open_folder_is_warned_about(self, world: World) -> None:
        world.issue(order())
        world.state.chmod(0o755)
        (world.folder / ".git").mkdir()
        warnings = world.issue(order()).warnings
        assert any(f"chmod 700 {world.state}" in text for text in warnings)
        assert any("lies in the repository" in text for text in warnings)

    def test_a_key_that_is_none(self, world: World) -> None:
        error = world.issue(order(), account_key="canary").error()
        assert "issuer.acme.account_key holds no private key" in error and "canary" not in error

    def test_terms_must_be_agreed_to(self, world: World) -> None:
        error = world.issue(order(), agree_to_terms=False).error()
        assert "data:text/plain,Do%20what%20thou%20wilt" in error
        assert "set federation_certificate.acme.agree_to_terms: true" in error
        assert world.wire.count("newAccount") == 0
        error = world.issue(order(), agree_to_terms=False, directory_url="https://localhost:1/dir").error()
        assert "the terms of service of https://localhost:1/dir are not agreed to" in error

    def test_a_ca_that_lost_the_account_gets_it_again(self, world: World, running: tuple[Bind, Wire]) -> None:
        world.issue(order())
        pebble = world.wire.pebble
        pebble.stop()
        pebble.start()
        assert world.issue(order()).status() == "issued"


@pytest.fixture(scope="module")
def bound(running: tuple[Bind, Wire], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A CA that takes accounts only with an external account binding, and lets what was proven count again."""
    pebble = Pebble(tmp_path_factory.mktemp("bound"), f"{running[0].address}:53", binding=True, PEBBLE_AUTHZREUSE="100")
    pebble.start()
    wire = Wire(pebble)
    yield wire
    wire.close()
    pebble.stop()


class TestBinding:
    """External account binding, at a CA that demands it."""

    @pytest.fixture
    def demanding(self, running: tuple[Bind, Wire], bound: Wire, tmp_path: Path) -> World:
        return World(tmp_path, running[0], bound)

    def test_good(self, demanding: World) -> None:
        kid, key = next(iter(BINDINGS.items()))
        assert demanding.issue(order(), eab_kid=kid, eab_hmac_key=key).status() == "issued"
        # It is needed once only.
        assert demanding.issue(order()).status() == "issued"

    def test_names_that_are_proven_already_need_no_record(self, demanding: World) -> None:
        kid, key = next(iter(BINDINGS.items()))
        demanding.issue(order(), eab_kid=kid, eab_hmac_key=key)
        demanding.wire.forget()
        serial = demanding.serial("contoso.example")
        assert demanding.issue(order()).status() == "issued"
        assert demanding.wire.count("challenge") == 0 and demanding.serial("contoso.example") == serial

    def test_missing(self, demanding: World) -> None:
        error = demanding.issue(order()).error()
        assert "takes accounts only with an external account binding, and none is given" in error
        assert "eab_kid and eab_hmac_key" in error

    @pytest.mark.parametrize(
        ("kid", "key"), [("kid-9", BINDINGS["kid-1"]), ("kid-1", "Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5")]
    )
    def test_wrong(self, demanding: World, kid: str, key: str) -> None:
        error = demanding.issue(order(), eab_kid=kid, eab_hmac_key=key).error()
        assert f"the CA refuses the external account binding of eab_kid '{kid}'" in error
        assert key not in error and not demanding.wire.count("newOrder")

    def test_half(self, demanding: World) -> None:
        assert "eab_kid is given without eab_hmac_key" in demanding.issue(order(), eab_kid="kid-1").error()
        error = demanding.issue(order(), eab_kid="kid-1", eab_hmac_key="canary+/!").error()
        assert "is not in base64url" in error and "canary" not in error


class TestChains:
    def test_the_preferred_one_is_chosen(self, world: World) -> None:
        roots = [world.wire.pebble.root(number) for number in (0, 1)]
        from ansible.module_utils.fedgate.certificates import chains

        names = [chains.parse(pem, "root")[0].subject.rfc4514_string().removeprefix("CN=") for pem in roots]
        for number, name in enumerate(names):
            # Only the root of the chosen chain is trusted, so the other one would be refused.
            done = world.issue(order(), issuer=world.issuer(anchor=number, preferred_chain=name))
            assert top_issuer(done.chain()) == name and not done.warnings

    def test_without_a_match_the_default_is_used(self, world: World) -> None:
        done = world.issue(order(), preferred_chain="ISRG Root X9")
        assert done.status() == "issued"
        (warning,) = done.warnings
        assert "no chain issued by 'ISRG Root X9'" in warning and "Pebble Root CA" in warning

    def test_a_chain_that_leads_to_no_anchor_is_not_used(self, world: World) -> None:
        error = world.issue(
            order(), issuer={**world.issuer(), "trust_anchors": [str(world.wire.pebble.ca_file)]}
        ).error()
        assert "neither in the chain nor a trust anchor" in error


class TestDns:
    def test_delegation_by_cname(self, world: World) -> None:
        name = "_acme-challenge.contoso.example."
        world.bind.edit("contoso.example", ("add", name, 60, "CNAME", "delegated.contoso-asia.example."))
        try:
            before = world.serial("contoso.example"), world.serial("contoso-asia.example")
            done = world.issue(order(names=LONDON_NAMES[:1]))
            assert done.status() == "issued"
            after = world.serial("contoso.example"), world.serial("contoso-asia.example")
            assert after == (before[0], before[1] + 2)
        finally:
            world.bind.edit("contoso.example", ("delete", name))

    def test_two_names_delegated_to_one(self, world: World) -> None:
        names = [f"_acme-challenge.{name}." for name in LONDON_NAMES]
        target = "delegated.contoso-asia.example."
        world.bind.edit("contoso.example", *[("add", name, 60, "CNAME", target) for name in names])
        try:
            assert world.issue(order()).status() == "issued"
        finally:
            world.bind.edit("contoso.example", *[("delete", name) for name in names])

    def test_values_of_others_stay(self, world: World) -> None:
        name = "_acme-challenge.contoso.example."
        world.bind.edit("contoso.example", ("add", name, 120, "TXT", '"of somebody else"', '"and one more"'))
        seen: list[Any] = []
        world.wire.instead = lambda message: (
            seen.append(world.bind.look(name, "TXT")) if message.kind == "challenge" else None
        )
        try:
            assert world.issue(order()).status() == "issued"
            assert len(seen[0][1]) == 3 and seen[0][0] == 120
            assert world.bind.look(name, "TXT") == (120, {'"of somebody else"', '"and one more"'})
        finally:
            world.bind.edit("contoso.example", ("delete", name))

    def test_somebody_changes_the_same_name_meanwhile(self, world: World) -> None:
        """Each change is made only if nothing changed since the look, and anew if it did."""
        name, begun = "_acme-challenge.contoso.example.", threading.Event()

        def busy() -> None:
            begun.wait(20)
            for turn in range(1, 6):
                world.bind.edit("contoso.example", ("add", name, 60, "TXT", f'"turn {turn}"'))
                world.bind.edit("contoso.example", ("delete", name, "TXT", f'"turn {turn - 1}"'))
                time.sleep(0.03)

        def begin(message: Message) -> None:
            if message.kind == "authorization":
                begun.set()

        world.wire.instead = begin
        thread = threading.Thread(target=busy)
        thread.start()
        try:
            assert world.issue(order()).status() == "issued"
            thread.join()
            assert world.bind.look(name, "TXT") == (60, {'"turn 5"'})
        finally:
            thread.join()
            world.bind.edit("contoso.example", ("delete", name))

    def test_a_key_without_the_right(self, world: World) -> None:
        error = world.issue(order(), provider=world.bind.provider("limited")).error()
        assert (
            "_acme-challenge.contoso.example TXT" in error or "_acme-challenge.conference.contoso.example TXT" in error
        )
        assert "REFUSED: it does not allow this key to change these records" in error
        assert "needs the right to add and remove TXT at that name" in error

    def test_the_key_for_challenges_can_change_nothing_else(self, world: World) -> None:
        """What docs/certificates.md shows for BIND."""
        from ansible.module_utils.fedgate.dns.changes import RRsetChange
        from ansible.module_utils.fedgate.dns.providers import open_provider
        from ansible.module_utils.fedgate.dns.records import RRset
        from ansible.module_utils.fedgate.dns.values import parse
        from ansible.module_utils.fedgate.errors import Refused

        provider = open_provider(world.bind.provider("challenge"))
        for name, rtype, value in (
            ("www.contoso.example", "A", "192.0.2.1"),
            ("_acme-challenge.contoso.example", "A", "192.0.2.1"),
            ("contoso.example", "TXT", "x"),
        ):
            after = RRset.of(name, rtype, 60, [parse(rtype, value)])
            with pytest.raises(Refused):
                provider.apply("contoso.example", [RRsetChange((name, rtype), None, after)])

    def test_an_unknown_key(self, world: World) -> None:
        error = world.issue(order(), provider=world.bind.provider("challenge", tsig_name="nobody")).error()
        assert "BADKEY: the server does not know the key nobody" in error

    def test_no_provider(self, world: World) -> None:
        error = world.issue(order(), issuer=world.issuer(dns_provider=None)).error()
        assert "no DNS provider for its challenge records" in error and "federation_dns_provider" in error

    def test_resolvers_that_do_not_answer(self, world: World) -> None:
        error = world.issue(order(), resolvers=["127.0.0.99"]).error()
        assert "cannot be looked up at" in error and "127.0.0.99" in error and "federation_dns_resolvers" in error

    def test_a_name_server_that_lags(self, world: World, addresses: tuple[str, str], tmp_path: Path) -> None:
        """It is waited for; and if it does not follow in time, it is named."""
        late = Bind(tmp_path, address=addresses[1], port=53)
        late.start()
        zone = "contoso-asia.example"
        server = ("add", f"ns2.{zone}.", 60, "A", addresses[1])
        world.bind.edit(zone, ("add", f"{zone}.", 60, "NS", f"ns2.{zone}."), server)
        try:
            done = world.issue(order(), order(TOKYO, TOKYO_NAMES), propagation_timeout=2)
            error = done.error(TOKYO)
            assert (
                f"the challenge record _acme-challenge.{zone} is not at every name server of {zone} after 2 s" in error
            )
            assert f"ns2.{zone} ({addresses[1]}): lacks 1 of 1 values" in error and f"ns.{zone}" not in error
            assert "acme.propagation_timeout" in error
            assert done.status() == "issued"
            late.stop()
            assert "does not answer" in world.issue(order(TOKYO, TOKYO_NAMES), propagation_timeout=2).error(TOKYO)
        finally:
            late.stop()
            world.bind.edit(zone, ("delete", f"{zone}.", "NS", f"ns2.{zone}."), ("delete", f"ns2.{zone}."))


def test_two_issuers_share_a_folder(world: World) -> None:
    issuers = [{**world.issuer(), "name": "one"}, {**world.issuer(timeout=60), "name": "two"}]
    done = world.issue(order(issuer="one"), order(TOKYO, TOKYO_NAMES, issuer="two"), issuer=issuers)
    assert done.status() == done.status(TOKYO) == "issued"
    assert done.changes.count(("create", "acme_account")) == 1
    assert len(json.loads((world.state / "accounts.json").read_text())) == 1


def test_the_same_key_as_before(world: World) -> None:
    """Renewal with the same key: what is kept under it is old, and another one is wanted."""
    key = keys.generate(KeySettings.of({"type": "ecdsa", "curve": "p256"}))
    first = world.issue(order(csr=request(LONDON_NAMES, key)))
    serial = first.results["certificates"][LONDON]["serial"]
    second = world.issue(order(csr=request(LONDON_NAMES, key), replaces=serial))
    assert second.results["certificates"][LONDON]["serial"] != serial
