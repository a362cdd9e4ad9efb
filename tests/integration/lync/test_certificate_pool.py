"""``lync_certificate`` for a pool: one certificate with its key on all members, and an enterprise CA."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync import certificate_store
from ansible.module_utils.fedgate.lync.connection import read_connection
from ansible.module_utils.fedgate.lync.shell import Shell
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ...emulators.lync.authority import Authority
from ...emulators.lync.deployment import Deployment
from ...emulators.lync.holdings import Entry
from .conftest import options_of_edge
from .edges import FIRST, MEDIA, NAMES, POOL, PUBLIC, SECOND, Pool, actions, csr_of, thumbprint

CA = "ca1.contoso.example\\Contoso CA"
CA_PASSWORD = "Ca 'pass\" $word"


@pytest.fixture
def pool(lync: Deployment, tmp_path: Path) -> Pool:
    """The pool in London, without any certificate."""
    return Pool(lync, tmp_path)


def on_both(*kinds: str) -> list[tuple[str, str, str]]:
    return [("create", kind, f"external on {host}") for host in (FIRST, SECOND) for kind in kinds]


class TestPool:
    def test_all_members_get_it(self, pool: Pool) -> None:
        certificate = pool.sign(csr_of(pool.run(alone=False)))
        planned, done = pool.run(alone=False, check=True), pool.run(alone=False)
        assert actions(planned) == actions(done) == on_both("certificate", "certificate_assignment")
        assert planned["plan"] == done["plan"] and done["reassigned"] == [FIRST, SECOND]
        for name in (FIRST, SECOND):
            entry = pool.held(name).find(thumbprint(certificate))
            assert entry and entry.key and pool.held(name).assigned == dict.fromkeys(PUBLIC, thumbprint(certificate))
            assert pool.authority.issuer in [each.certificate for each in pool.held(name).stores["CA"]]
        assert not pool.run(alone=False)["changed"]

    def test_nothing_is_left_behind(self, pool: Pool, tmp_path: Path) -> None:
        pool.sign(csr_of(pool.run(alone=False)))
        done = pool.run(alone=False)
        (given,) = pool.calls("Import-CsCertificate", SECOND)
        password = given["Password"]
        assert len(password) >= 40 and pool.calls("Export-PfxCertificate")[0]["Password"] == password
        assert password not in repr(done)
        for name in (FIRST, SECOND):
            assert not [path for path in pool.held(name).files if path.endswith((".pfx", ".cer"))]
        for path in tmp_path.rglob("*"):
            assert not path.is_file() or password.encode() not in path.read_bytes(), path

    def test_a_new_password_each_time(self, pool: Pool) -> None:
        pool.sign(csr_of(pool.run(alone=False)))
        pool.run(alone=False)
        pool.held(SECOND).stores["My"].clear()
        again = pool.run(alone=False)
        assert actions(again) == on_both_second()
        first, second = (given["Password"] for given in pool.calls("Export-PfxCertificate"))
        assert first != second

    def test_a_member_that_joins_later(self, pool: Pool) -> None:
        certificate = pool.issued()
        done = pool.run(alone=False)
        assert actions(done) == on_both("certificate", "certificate_assignment")[2:]
        assert pool.held(SECOND).assigned == dict.fromkeys(PUBLIC, thumbprint(certificate))

    def test_a_member_on_which_somebody_assigned_another_one(self, pool: Pool) -> None:
        pool.sign(csr_of(pool.run(alone=False)))
        pool.run(alone=False)
        pool.held(SECOND).assigned["AccessEdgeExternal"] = "0" * 40
        done = pool.run(alone=False)
        assert actions(done) == [("update", "certificate_assignment", f"external on {SECOND}")]

    def test_a_key_that_may_not_leave(self, pool: Pool) -> None:
        certificate = pool.issued()
        entry = pool.held().find(thumbprint(certificate))
        assert entry
        entry.exportable = False
        result = pool.run(alone=False)
        assert result["failed"] and "non-exportable" in result["msg"] and "force: true" in result["msg"]
        assert not [path for path in pool.held().files if path.endswith(".pfx")]

    def test_an_order_for_a_key_that_may_not_leave(self, pool: Pool) -> None:
        result = pool.run(pool.order(exportable=False), alone=False)
        assert result["failed"] and "the 2 members of the pool share this certificate" in result["msg"]

    def test_a_member_named_twice(self, pool: Pool) -> None:
        result = pool.run(members=[{"host": "localhost", "name": FIRST}])
        assert result["failed"] and f"{FIRST} is named twice" in result["msg"]

    def test_a_member_that_is_away(self, pool: Pool) -> None:
        result = pool.run(members=[{"host": "localhost", "name": SECOND, "port": 1}])
        assert result["failed"] and "cannot be reached" in result["msg"] and not pool.held().stores["REQUEST"]

    def test_a_connection_that_breaks_in_between(self, pool: Pool) -> None:
        """The second run does what is left."""
        pool.sign(csr_of(pool.run(alone=False)))
        endpoint = pool.lync.edge(SECOND).endpoint
        seen = []

        def later(request: Any) -> str | None:
            seen.append(request.action)
            return "drop" if seen.count("Command") > 6 else None

        endpoint.trouble = later
        result = pool.run(alone=False)
        assert result["failed"] and len(result["applied"]) == 2 and result["left"]
        endpoint.trouble = lambda request: None
        assert actions(pool.run(alone=False)) == on_both("certificate", "certificate_assignment")[2:]
        assert not pool.run(alone=False)["changed"]
        pool.lync.edge(SECOND).shells.open.clear()


class TestEnterpriseCa:
    @pytest.fixture
    def ca(self, pool: Pool) -> Authority:
        """An enterprise CA whose root the servers trust."""
        authority = Authority(CA, accounts={"CONTOSO\\ca": CA_PASSWORD})
        pool.lync.world.authorities[CA.lower()] = authority
        for name in (FIRST, SECOND):
            pool.held(name).stores["Root"].append(Entry(authority.root))
        return authority

    @staticmethod
    def order(**more: Any) -> dict[str, Any]:
        return {"name": "external", "names": NAMES, "ca": CA, **more}

    def test_what_is_issued_at_once(self, pool: Pool, ca: Authority) -> None:
        order = self.order(ca_account="CONTOSO\\ca", ca_password=CA_PASSWORD, template="LyncEdge")
        planned, asked = pool.run(order, check=True), pool.run(order)
        assert actions(planned) == actions(asked) == [("create", "certificate_request", "external")]
        assert CA_PASSWORD not in repr(asked) and asked["plan"][0]["after"]["ca"] == CA
        planned, done = pool.run(order, check=True, alone=False), pool.run(order, alone=False)
        assert planned["plan"] == done["plan"]
        assert actions(done) == [("create", "certificate_assignment", f"external on {FIRST}"), *on_both_second()]
        assert not pool.run(order, alone=False)["changed"]

    def test_what_waits_for_a_manager(self, pool: Pool, ca: Authority) -> None:
        ca.decision = "Pending"
        order = self.order(friendly_name="External edge")
        pool.run(order)
        waiting = pool.run(order)
        assert not waiting["changed"] and f"{CA} to issue request 1" in waiting["pending"][0]["waiting_for"]
        ca.decision = "Issued"
        planned, done = pool.run(order, check=True), pool.run(order)
        assert actions(planned) == actions(done)
        assert actions(done)[0] == ("create", "certificate", f"external on {FIRST}")
        assert set(pool.held().assigned) == set(PUBLIC) and not pool.run(order)["changed"]

    def test_what_is_denied(self, pool: Pool, ca: Authority) -> None:
        ca.decision = "Pending"
        pool.run(self.order())
        ca.decision = "Denied"
        result = pool.run(self.order())
        assert result["failed"] and "has denied request 1" in result["msg"] and "-Clear -RequestId 1" in result["msg"]

    def test_a_wrong_account(self, pool: Pool, ca: Authority) -> None:
        result = pool.run(self.order(ca_account="CONTOSO\\ca", ca_password="wrong 'one"))
        assert result["failed"] and "unknown user name or bad password" in result["msg"]
        assert "wrong 'one" not in repr(result)

    def test_a_ca_that_is_away(self, pool: Pool) -> None:
        result = pool.run(self.order(ca="ca2.contoso.example\\Contoso CA"))
        assert result["failed"] and "RPC server is unavailable" in result["msg"]

    def test_a_root_that_the_server_does_not_know(self, pool: Pool, ca: Authority, tmp_path: Path) -> None:
        pool.run(self.order())
        other = tmp_path / "other.pem"
        other.write_bytes(pool.root.read_bytes())
        result = pool.run(self.order(trust_anchors=[str(other)]), check=True)
        assert "neither in the chain nor a trust anchor" in result["warnings"][0]
        assert actions(result) == [("create", "certificate_request", "external")]


def on_both_second() -> list[tuple[str, str, str]]:
    return on_both("certificate", "certificate_assignment")[2:]


def test_going_back_by_the_function(pool: Pool) -> None:
    """What other modules use where a service does not start."""
    first = pool.issued()
    asked = csr_of(pool.run(pool.order(force=True)))
    second = pool.authority.sign(x509.load_pem_x509_csr(asked.encode()), begins=timedelta(0))
    pool.held().accept(second)
    with Shell(read_connection(options_of_edge(pool.lync, FIRST))) as shell:
        certificate_store.assign(shell, thumbprint(second), PUBLIC)
        assert certificate_store.look(shell).assigned == dict.fromkeys(PUBLIC, thumbprint(second))
        certificate_store.assign(shell, thumbprint(first), PUBLIC)
    assert pool.held().assigned == dict.fromkeys(PUBLIC, thumbprint(first))


class TestRoll:
    """The successor for audio and video stands ready before it signs (guess: what Get-CsCertificate shows of it)."""

    def order(self, pool: Pool, **more: object) -> dict[str, object]:
        return pool.order(name="media", uses=[MEDIA], names=[POOL], **more)

    def served(self, pool: Pool, days: int) -> None:
        pool.sign(csr_of(pool.run(self.order(pool)), "media"), days=days)
        assert pool.run(self.order(pool))["reassigned"] == [FIRST]

    def test_it_follows_a_token_s_life_before_the_end(self, pool: Pool) -> None:
        self.served(pool, 400)
        present = pool.held().find(pool.held().assigned[MEDIA])
        more = {"force": True}
        pool.sign(csr_of(pool.run(self.order(pool, **more)), "media"), days=700)
        planned, rolled = pool.run(self.order(pool, **more), check=True), pool.run(self.order(pool, **more))
        assert planned["plan"] == rolled["plan"] and rolled["plan"][-1]["kind"] == "certificate_roll"
        assert present is not None
        moment = present.certificate.not_valid_after_utc - timedelta(hours=8)
        assert pool.held().effective[MEDIA] == moment and pool.held().previous[MEDIA] == present.thumbprint
        # Nothing is restarted for it, and nothing else is to be done.
        assert rolled["reassigned"] == [] and not pool.run(self.order(pool))["changed"]

    @pytest.mark.parametrize("hours", [-1, 15])
    def test_too_late_for_that(self, pool: Pool, hours: int) -> None:
        self.served(pool, 400)
        entry = pool.held().find(pool.held().assigned[MEDIA])
        assert entry is not None and entry.key is not None
        request = x509.CertificateSigningRequestBuilder().subject_name(entry.certificate.subject)
        names = x509.SubjectAlternativeName([x509.DNSName(POOL)])
        signed = request.add_extension(names, critical=False).sign(entry.key, hashes.SHA256())
        entry.certificate = pool.authority.sign(signed, days=30, begins=timedelta(days=30, hours=-hours))
        pool.held().assigned[MEDIA] = entry.thumbprint
        pool.answer.unlink()
        pool.sign(csr_of(pool.run(self.order(pool)), "media"), days=700)
        assert pool.run(self.order(pool))["reassigned"] == [FIRST] and not pool.held().effective

    def test_only_for_audio_and_video(self, pool: Pool) -> None:
        pool.issued()
        pool.sign(csr_of(pool.run(pool.order(force=True))))
        assert pool.run(pool.order(force=True))["reassigned"] == [FIRST] and not pool.held().effective


def test_other_uses_are_named_and_left_alone(pool: Pool) -> None:
    pool.issued()
    internal = next(iter(pool.held().assigned.values()))
    pool.held().assigned |= {"Internal": internal, MEDIA: internal}
    result = pool.run()
    assert result["unmanaged"] == {FIRST: {MEDIA: internal, "Internal": internal}} and not result["changed"]
