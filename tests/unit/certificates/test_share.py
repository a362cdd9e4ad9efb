"""The private key on its way to other members: a holder and two members, three stores, and whoever carries it."""

from __future__ import annotations

import base64
import grp
import json
import os
import re
import shutil
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates import keys, requests, sealing
from ansible.module_utils.fedgate.certificates.generations import CHAIN, DESCRIPTION, KEY, REQUEST, GenerationStore
from ansible.module_utils.fedgate.certificates.install import InstallReconciler
from ansible.module_utils.fedgate.certificates.prepare import RequestReconciler
from ansible.module_utils.fedgate.certificates.seen import look
from ansible.module_utils.fedgate.certificates.settings import KeySettings
from ansible.module_utils.fedgate.certificates.share import purpose, reconciler
from ansible.module_utils.fedgate.errors import CheckFailed, InvalidValue, Refused
from ansible.module_utils.fedgate.plan import KNOWN_AFTER_APPLY, Plan

from .test_kills import killed_at
from .world import NAMES, POOL, Authority, Here, changes, install_arguments, pem, request_arguments, walk

pytestmark = pytest.mark.edge
CA = Authority("Root")
CREATED = [("create", "certificate_key", POOL)]


class Member:
    """One host of the pool: its certificates and its memory."""

    def __init__(self, root: Path) -> None:
        self.certificates, self.offers = root / "certificates", root / "offers"
        self.store = GenerationStore(str(self.certificates), POOL)
        self.warnings: list[str] = []

    def prepare(self, **other: Any) -> str:
        """Return the request of a new generation."""
        _, result = walk(RequestReconciler(request_arguments(self.certificates, **other), Here()))  # type: ignore[arg-type]
        csr: str = result["csr"]
        return csr

    def install(self, chain: str) -> Plan:
        return walk(InstallReconciler(install_arguments(self.certificates, chain), Here()))[0]  # type: ignore[arg-type]

    def share(self, step: str, check_mode: bool = False, **arguments: Any) -> tuple[Plan, dict[str, Any]]:
        given = {
            "name": POOL, "directory": str(self.certificates), "offers_directory": str(self.offers), "step": step,
            "request": None, "recipients": {}, "sealed": None, "description": {}, "chain": None,
            "key_fingerprint": None, **arguments,
        }  # fmt: skip
        here = Here(check_mode)
        try:
            return walk(reconciler(given, here))  # type: ignore[arg-type]
        finally:
            self.warnings = here.warnings

    def offer(self) -> str:
        plan, result = self.share("offer")
        assert not plan
        public: str = result["public_key"]
        return public

    def private_half(self) -> str:
        return (self.offers / f"{POOL}.key").read_text()


@pytest.fixture
def holder(tmp_path: Path) -> Member:
    return Member(tmp_path / "holder")


@pytest.fixture
def member(tmp_path: Path) -> Member:
    return Member(tmp_path / "member")


@pytest.fixture
def other(tmp_path: Path) -> Member:
    return Member(tmp_path / "other")


def transfer(holder: Member, member: Member, csr: str, check_mode: bool = False) -> tuple[Plan, dict[str, Any]]:
    """Do what the role does for one member."""
    _, offer = member.share("offer", check_mode)
    _, sealed = holder.share("seal", check_mode, request=csr, recipients={"member": offer["public_key"]})
    return member.share(
        "receive", check_mode, request=csr, sealed=sealed["sealed"].get("member"),
        description=sealed["description"] or {}, chain=sealed["chain"],
    )  # fmt: skip


def signed(csr: str) -> str:
    return pem(CA.sign(requests.read(csr, "test").public))


def mode(path: Any) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


class TestRoundTrip:
    """What arrives, and what a second run makes of it."""

    def test_all_members_have_the_same(self, holder: Member, member: Member, other: Member) -> None:
        csr = holder.prepare(friendly_name="London")
        public = {"member": member.offer(), "other": other.offer()}
        plan, sealed = holder.share("seal", request=csr, recipients=public)
        assert not plan
        assert set(sealed["sealed"]) == {"member", "other"}
        for name, each in (("member", member), ("other", other)):
            plan, result = each.share(
                "receive", request=csr, sealed=sealed["sealed"][name], description=sealed["description"]
            )
            assert changes(plan) == CREATED
            fingerprint = requests.read(csr, "test").fingerprint
            assert plan.changes[0].after == {"key_fingerprint": fingerprint, "from": "another member"}
            assert result == {"generation": 1, "key_fingerprint": fingerprint}
            for file in (KEY, REQUEST, DESCRIPTION):
                assert each.store.read(1, file) == holder.store.read(1, file), file
            assert look(each.store, 1).problem is None
            assert not each.offers.exists(), "the offer is destroyed"

    def test_the_chain_comes_too_and_then_only_the_swap_is_left(self, holder: Member, member: Member) -> None:
        csr = holder.prepare()
        chain = signed(csr)
        holder.install(chain)
        transfer(holder, member, csr)
        assert member.store.read(1, CHAIN) == chain.encode()
        assert member.store.current() is None
        assert changes(member.install(chain)) == [("create", "certificate", POOL)]
        assert member.store.current() == 1

    def test_a_second_run_changes_nothing(self, holder: Member, member: Member) -> None:
        csr = holder.prepare()
        assert transfer(holder, member, csr)[0]
        before = look(member.store, 1)
        plan, result = transfer(holder, member, csr)
        assert not plan
        assert result["generation"] == 1
        assert (look(member.store, 1), member.store.numbers()) == (before, [1])
        assert not member.offers.exists()

    def test_line_ends_and_blanks_do_not_matter(self, holder: Member, member: Member) -> None:
        csr = holder.prepare()
        assert transfer(holder, member, csr)[0]
        assert not transfer(holder, member, csr.strip().replace("\n", "\r\n"))[0]

    def test_it_becomes_the_next_generation(self, holder: Member, member: Member) -> None:
        own = member.prepare()
        csr = holder.prepare()
        assert transfer(holder, member, csr)[1]["generation"] == 2
        assert member.store.read(1, REQUEST) == own.encode()

    def test_the_newest_with_that_request(self, holder: Member, member: Member) -> None:
        csr = holder.prepare()
        holder.prepare(client_auth=True)
        transfer(holder, member, csr)
        assert member.store.read(1, KEY) == holder.store.read(1, KEY) != holder.store.read(2, KEY)

    def test_a_damaged_copy_is_repaired(self, holder: Member, member: Member) -> None:
        csr = holder.prepare()
        transfer(holder, member, csr)
        Path(member.store.path(1), KEY).write_bytes(keys.to_pem(keys.generate(KeySettings("ecdsa", None, "p256"))))
        plan, result = transfer(holder, member, csr)
        assert changes(plan) == CREATED
        assert result["generation"] == 2

    def test_rsa_too(self, holder: Member, member: Member) -> None:
        csr = holder.prepare(key={"type": "rsa", "size": 2048})
        transfer(holder, member, csr)
        assert member.store.read(1, KEY) == holder.store.read(1, KEY)


class TestCheckMode:
    """What is said beforehand is what happens; nothing is made."""

    def test_before_anything_exists(self, holder: Member, member: Member) -> None:
        planned, result = member.share("receive", True)
        assert changes(planned) == CREATED
        assert planned.changes[0].after == {"key_fingerprint": KNOWN_AFTER_APPLY, "from": "another member"}
        assert result == {"generation": None, "key_fingerprint": None}
        assert holder.share("seal", True, recipients={"member": None})[1]["sealed"] == {}
        assert member.share("offer", True)[1] == {"public_key": None}
        assert not member.offers.exists() and not member.certificates.exists()
        csr = holder.prepare()
        assert changes(transfer(holder, member, csr)[0]) == changes(planned)

    def test_the_same_plan_as_the_run_that_follows(self, holder: Member, member: Member) -> None:
        csr = holder.prepare()
        planned, result = transfer(holder, member, csr, check_mode=True)
        assert result["generation"] is None
        assert not member.certificates.exists()
        plan, _ = transfer(holder, member, csr)
        assert plan.as_list() == planned.as_list()
        assert not transfer(holder, member, csr, check_mode=True)[0]

    def test_an_open_offer_stays(self, member: Member, holder: Member) -> None:
        csr = holder.prepare()
        member.offer()
        private = member.private_half()
        member.share("receive", True, request=csr)
        member.share("offer", True)
        assert member.private_half() == private


class TestNobodyElse:
    """The key is for who offered, for this pool, and for as long as the transfer takes."""

    def test_the_carrier_sees_ciphertext(self, holder: Member, member: Member) -> None:
        csr = holder.prepare()
        _, sealed = holder.share("seal", request=csr, recipients={"member": member.offer()})
        key = holder.store.read(1, KEY) or b""
        body = b"".join(key.splitlines()[1:-1])
        for carried in (base64.b64decode(sealed["sealed"]["member"]), json.dumps(sealed).encode()):
            assert b"PRIVATE" not in carried
            for start in range(0, len(body), 16):
                assert body[start : start + 16] not in carried
            assert base64.b64decode(body)[40:60] not in carried

    def test_another_member_cannot_open_it(self, holder: Member, member: Member, other: Member) -> None:
        csr = holder.prepare()
        other.offer()
        _, sealed = holder.share("seal", request=csr, recipients={"member": member.offer()})
        with pytest.raises(CheckFailed, match="the sealed key cannot be opened here"):
            other.share("receive", request=csr, sealed=sealed["sealed"]["member"])
        assert other.store.numbers() == []
        assert not other.offers.exists(), "the offer is destroyed all the same"

    def test_nor_as_the_key_of_another_pool(self, holder: Member, member: Member) -> None:
        csr = holder.prepare()
        public = member.share("offer", name="edge.tokyo.contoso.example")[1]["public_key"]
        _, sealed = holder.share("seal", request=csr, recipients={"member": public})
        with pytest.raises(CheckFailed, match="the sealed key cannot be opened here"):
            member.share("receive", name="edge.tokyo.contoso.example", request=csr, sealed=sealed["sealed"]["member"])

    def test_an_offer_serves_once(self, holder: Member, member: Member) -> None:
        csr = holder.prepare()
        _, sealed = holder.share("seal", request=csr, recipients={"member": member.offer()})
        arguments = {"request": csr, "sealed": sealed["sealed"]["member"]}
        member.share("receive", **arguments)
        shutil.rmtree(member.certificates)
        with pytest.raises(CheckFailed, match=r"no offer open for the key of edge\.london.*run again from the offer"):
            member.share("receive", **arguments)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({}, "neither a request nor a chain to know the key by"),
            ({"request": "rubbish"}, "the certificate request cannot be read"),
            ({"chain": "rubbish"}, f"the chain of {POOL} holds no certificate"),
            ({"request": "CSR"}, "sealed: no sealed key for"),
            ({"request": "CSR", "sealed": "%"}, "the sealed key is not base64"),
            ({"request": "CSR", "key_fingerprint": "00"}, "was to be 00, but what came is for"),
        ],
    )
    def test_bad_input_destroys_the_offer(
        self, holder: Member, member: Member, arguments: dict[str, Any], message: str
    ) -> None:
        member.offer()
        given = {key: holder.prepare() if value == "CSR" else value for key, value in arguments.items()}
        with pytest.raises((InvalidValue, CheckFailed), match=message):
            member.share("receive", **given)
        assert not member.offers.exists()
        assert not member.certificates.exists()

    def test_an_offer_that_lies_where_nobody_may_read(self, member: Member) -> None:
        os.umask(0o002)
        member.offers.mkdir(0o755, parents=True)
        first = member.offer()
        assert (mode(member.offers), mode(member.offers / f"{POOL}.key")) == (0o700, 0o600)
        assert os.listdir(member.offers) == [f"{POOL}.key"]
        assert member.offer() != first, "always a fresh pair"

    def test_old_offers_go_with_the_next(self, member: Member) -> None:
        for age, name in ((3700, "old.example"), (3500, "new.example")):
            member.share("offer", name=name)
            os.utime(member.offers / f"{name}.key", (time.time() - age,) * 2)
        (member.offers / f"{POOL}.key.new").write_text("half of a")
        member.offer()
        assert sorted(os.listdir(member.offers)) == [f"{POOL}.key", "new.example.key"]

    def test_a_name_that_is_no_folder(self, member: Member) -> None:
        for step in ("offer", "seal", "receive"):
            with pytest.raises(InvalidValue, match="name: '../x' cannot name a certificate"):
                member.share(step, name="../x")

    def test_no_place_for_offers(self, member: Member) -> None:
        member.offers.parent.mkdir()
        member.offers.write_text("a file")
        with pytest.raises(CheckFailed, match="offers cannot be used for the transfer of a key: "):
            member.offer()


class TestRefused:
    """What the holder does not give, and what a member does not take."""

    def test_not_exportable(self, holder: Member, member: Member) -> None:
        csr = holder.prepare()
        path = Path(holder.store.path(1), DESCRIPTION)
        for value in (False, "false", None):
            path.write_text(json.dumps({**json.loads(path.read_text()), "exportable": value}))
            for check_mode in (False, True):
                with pytest.raises(Refused, match=r"0001 of .* not exportable.*federation_certificate\.exportable"):
                    holder.share("seal", check_mode, request=csr, recipients={"member": member.offer()})
        path.write_text(json.dumps({**json.loads(path.read_text()), "exportable": True}))
        assert holder.share("seal", request=csr, recipients={"member": member.offer()})[1]["sealed"]

    def test_a_description_that_cannot_be_read_is_no_permission(self, holder: Member, member: Member) -> None:
        csr = holder.prepare()
        for content in ("{", "[]"):
            Path(holder.store.path(1), DESCRIPTION).write_text(content)
            with pytest.raises(CheckFailed, match=r"generation\.json of generation 0001 of .* cannot be read"):
                holder.share("seal", request=csr, recipients={"member": member.offer()})

    def test_a_request_that_is_not_here(self, holder: Member, other: Member) -> None:
        holder.prepare()
        with pytest.raises(CheckFailed, match=f"no generation of {POOL} has this request and its private key"):
            holder.share("seal", request=other.prepare())
        with pytest.raises(InvalidValue, match="request: there is no request to find the private key by"):
            holder.share("seal")

    def test_a_holder_whose_key_is_damaged(self, holder: Member) -> None:
        csr = holder.prepare()
        Path(holder.store.path(1), KEY).write_text("rubbish")
        with pytest.raises(CheckFailed, match="has this request and its private key"):
            holder.share("seal", request=csr)

    def test_a_damaged_chain_does_not_spread(self, holder: Member, member: Member) -> None:
        csr = holder.prepare()
        Path(holder.store.path(1), CHAIN).write_text("rubbish")
        transfer(holder, member, csr)
        assert member.store.read(1, CHAIN) is None

    @pytest.mark.parametrize("public", [None, "", "AAAA", base64.b64encode(bytes(32)).decode()])
    def test_no_public_key(self, holder: Member, public: Any) -> None:
        csr = holder.prepare()
        with pytest.raises(InvalidValue, match=r"recipients\.edge2: the public key"):
            holder.share("seal", request=csr, recipients={"edge2": public})

    def test_the_key_of_another_request(self, holder: Member, member: Member, other: Member) -> None:
        csr, wrong = holder.prepare(), other.prepare()
        _, sealed = holder.share("seal", request=csr, recipients={"member": member.offer()})
        with pytest.raises(CheckFailed) as caught:
            member.share("receive", request=wrong, sealed=sealed["sealed"]["member"])
        for text in (requests.read(csr, "").fingerprint, requests.read(wrong, "").fingerprint, "the request is for"):
            assert text in str(caught.value)
        assert member.store.numbers() == []

    @pytest.mark.parametrize(
        ("chain", "warning"),
        [("rubbish", "holds no certificate"), ("OTHER", "is for another key than [0-9a-f]{64}; only the key")],
    )
    def test_a_chain_that_does_not_fit_is_left_out(
        self, holder: Member, member: Member, chain: str, warning: str
    ) -> None:
        csr = holder.prepare()
        _, sealed = holder.share("seal", request=csr, recipients={"member": member.offer()})
        chain = pem(CA.certificate) if chain == "OTHER" else chain
        member.share("receive", request=csr, sealed=sealed["sealed"]["member"], chain=chain)
        assert len(member.warnings) == 1
        assert re.search(warning, member.warnings[0])
        assert member.store.read(1, CHAIN) is None


class TestWithoutRequest:
    """A key that an authority made, and sent in a PKCS#12 file."""

    def receive(
        self, member: Member, chain: str, key: Any, asked: dict[str, Any], check_mode: bool = False
    ) -> tuple[Plan, dict[str, Any]]:
        sealed = "" if check_mode else sealing.seal(member.offer(), keys.to_pem(key), purpose(POOL))
        return member.share("receive", check_mode, sealed=sealed, chain=chain, description=asked)

    def test_a_request_is_made_from_the_key(self, member: Member) -> None:
        key = keys.generate(KeySettings("ecdsa", None, "p384"))
        middle = Authority("Intermediate", CA)
        leaf = middle.sign(key.public_key())
        chain = pem(middle.certificate, leaf)
        asked = {"names": NAMES, "subject": {"organization": "Contoso"}, "client_auth": True, "key": {"type": "odd"}}
        planned, _ = self.receive(member, chain, key, asked, check_mode=True)
        plan, result = self.receive(member, chain, key, asked)
        assert plan.as_list() == planned.as_list()
        assert plan.changes[0].after["from"] == "the authority"
        assert result == {"generation": 1, "key_fingerprint": keys.fingerprint(key.public_key())}
        seen = look(member.store, 1)
        assert seen.problem is None
        assert seen.settings is not None
        assert seen.settings.names == tuple(NAMES)
        assert (seen.settings.client_auth, seen.settings.subject.organization) == (True, "Contoso")
        assert seen.chain == pem(leaf, middle.certificate)
        assert not self.receive(member, chain, key, asked)[0]

    def test_it_goes_on_from_there_to_a_member_that_joins_later(self, holder: Member, member: Member) -> None:
        key = keys.generate(KeySettings("ecdsa", None, "p256"))
        self.receive(holder, pem(CA.sign(key.public_key())), key, {"names": NAMES})
        transfer(holder, member, look(holder.store, 1).csr or "")
        assert [member.store.read(1, file) for file in (KEY, CHAIN)] == [keys.to_pem(key), holder.store.read(1, CHAIN)]

    def test_a_chain_for_another_key(self, member: Member) -> None:
        key, wrong = (keys.generate(KeySettings("ecdsa", None, "p256")) for _ in range(2))
        with pytest.raises(CheckFailed) as caught:
            self.receive(member, pem(CA.sign(wrong.public_key())), key, {"names": NAMES})
        for text in (keys.fingerprint(key.public_key()), keys.fingerprint(wrong.public_key()), "the chain is for"):
            assert text in str(caught.value)
        assert member.store.numbers() == []

    def test_no_names(self, member: Member) -> None:
        key = keys.generate(KeySettings("ecdsa", None, "p256"))
        with pytest.raises(InvalidValue, match="there is no name to certify"):
            self.receive(member, pem(CA.sign(key.public_key())), key, {})


def test_nobody_else_may_read(holder: Member, member: Member) -> None:
    os.umask(0o002)
    transfer(holder, member, holder.prepare())
    assert mode(member.store.path(1)) == 0o700
    assert {mode(Path(member.store.path(1), file)) for file in (KEY, REQUEST, DESCRIPTION)} == {0o600}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to another group")
def test_what_was_granted_to_the_server_is_handed_on(holder: Member, member: Member) -> None:
    group = grp.getgrnam("daemon").gr_gid
    csr = member.prepare()
    member.install(signed(csr))
    os.chown(member.store.path(1), 0, group)
    os.chmod(member.store.path(1), 0o750)
    transfer(holder, member, holder.prepare())
    assert (mode(member.store.path(2)), os.stat(member.store.path(2)).st_gid) == (0o750, group)
    assert (mode(Path(member.store.path(2), KEY)), os.stat(Path(member.store.path(2), KEY)).st_gid) == (0o640, group)


def test_killed_at_every_step(tmp_path: Path, holder: Member) -> None:
    """A killed run leaves no half of a generation and no offer for long; the next run ends it."""
    csr = holder.prepare()
    holder.install(signed(csr))

    def work(directory: Path) -> None:
        transfer(holder, Member(directory), csr)

    for step in range(1, 1000):
        directory = tmp_path / str(step)
        member = Member(directory)
        died = killed_at(step, directory, work)
        for number in member.store.numbers():
            seen = look(member.store, number)
            assert seen.problem is None and seen.certificate, f"half a generation after step {step}"
        work(directory)
        assert member.store.numbers() == [1], f"killed at step {step}"
        assert member.store.read(1, KEY) == holder.store.read(1, KEY)
        left = [name for _, folders, files in os.walk(directory) for name in (*folders, *files)]
        expected = ["certificates", POOL, "0001", KEY, REQUEST, DESCRIPTION, CHAIN]
        assert sorted(left) == sorted(expected), f"killed at step {step}"
        if not died:
            assert step > 30, f"only {step - 1} kill points"
            return
    pytest.fail("never came to its end")
