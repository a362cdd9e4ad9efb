"""The certificates of Edge Servers, by the playbooks, run as administrators run them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509

from ...emulators.lync.authority import Authority as WindowsAuthority
from ...emulators.lync.machines import PROXY
from .by_hand import carry_out, restart
from .edges import pem, thumbprint
from .site import POOL, Site, done

#: Services of the emulator come and go at once.
FAST = {"xmpp_gateway_services_interval": 0.05, "xmpp_gateway_services_timeout": 2}
SOME_OTHER_DAY = (datetime.now(timezone.utc) + timedelta(days=3)).strftime("%a").lower()


class TestByHand:
    """By an authority that works by hand: the request is laid, and the answer taken by a later run."""

    @pytest.fixture
    def public(self, public: Site, tmp_path: Path) -> Site:
        """The same, with an authority that has not been asked yet."""
        self.authority = WindowsAuthority("Example CA")
        root = tmp_path / "root.pem"
        root.write_bytes(pem(self.authority.root))
        self.folder = tmp_path / "requests"
        public.shared["federation_certificate"] = {
            "issuer": "manual",
            "requests_directory": str(self.folder),
            "trust_anchors": [str(root)],
            "organization": "Contoso Ltd",
        }
        return public

    def answer(self) -> str:
        """Sign what was asked for, and lay the answer where the next run looks. :returns: its thumbprint."""
        request = x509.load_pem_x509_csr((self.folder / f"{POOL}.csr.pem").read_bytes())
        certificate = self.authority.sign(request)
        (self.folder / f"{POOL}.cer").write_bytes(pem(certificate, self.authority.issuer))
        return thumbprint(certificate)

    def test_from_request_to_what_partners_see(self, public: Site) -> None:
        planned = done(public.play("site.yml", "--check"))
        asked = done(public.play("site.yml"))
        assert planned.named_changes() == asked.named_changes()
        assert ("lync1", "certificate_request", POOL, "create") in asked.named_changes()
        assert f"waiting: {POOL}: the authority" in asked.output
        waits = done(public.play("site.yml"))
        assert waits.changed() == {"lync1": 0, "lync2": 0} and f"waiting: {POOL}" in waits.output

        expected = self.answer()
        planned = done(public.play("site.yml", "--check", **FAST))
        taken = done(public.play("site.yml", **FAST))
        assert planned.named_changes() == taken.named_changes()
        for host, name in (("lync1", "edge1"), ("lync2", "edge2")):
            edge = public.lync.edge(f"{name}.london")
            assert public.lync.world.holdings[edge.fqdn].assigned["AccessEdgeExternal"] == expected
            assert ("lync1", "certificate_assignment", f"{POOL} on {host}", "create") in taken.named_changes()
            # What partners and users connect to, and nothing else.
            assert {event.partition(" ")[2] for event in edge.machine.history} == {"RTCSRV", "RTCDATAPROXY", PROXY}
        again = done(public.play("site.yml", **FAST))
        assert again.changed() == {"lync1": 0, "lync2": 0}

    def test_one_that_is_assigned_and_not_yet_shown(self, public: Site) -> None:
        """The window was closed, or the run was killed: what is shown tells that a start is due."""
        del public.hosts["lync2"]
        done(public.play("certificates.yml"))
        self.answer()
        never = {"begin": "00:00", "end": "00:01", "days": [SOME_OTHER_DAY]}
        public.london["edge_pool_lync"]["window"] = never
        closed = done(public.play("certificates.yml", **FAST))
        assert "the maintenance window" in closed.output.replace("\n", " ")
        machine = public.lync.edge("edge1.london").machine
        assert machine.history == []
        del public.london["edge_pool_lync"]["window"]
        opened = done(public.play("certificates.yml", **FAST))
        assert opened.changed() == {"lync1": 1} and f"start {PROXY}" in machine.history
        assert done(public.play("certificates.yml", **FAST)).changed() == {"lync1": 0}

    def test_a_server_that_does_not_come_back_keeps_the_others_running(self, public: Site) -> None:
        done(public.play("certificates.yml"))
        self.answer()
        machine = public.lync.edge("edge1.london").machine
        machine.xmpp.refuses = True
        failed = public.play("certificates.yml", **FAST)
        assert failed.code == 2
        assert "lync2 was left alone, since lync1 did not come back" in failed.hosts["lync2"]["failed"][0]["msg"]
        assert public.lync.edge("edge2.london").machine.history == []

    def test_services_that_do_not_start_with_it(self, public: Site) -> None:
        """The one before serves again, on all servers, and stays until people have looked."""
        done(public.play("certificates.yml"))
        former = self.answer()
        done(public.play("certificates.yml", **FAST))
        public.london["edge_pool_additional_names"] = ["lync.contoso.example"]
        done(public.play("certificates.yml"))
        other = self.answer()
        edges = [public.lync.edge(f"{name}.london") for name in ("edge1", "edge2")]
        first, second = (edge.machine for edge in edges)
        held = [public.lync.world.holdings[edge.fqdn] for edge in edges]
        first.cannot_use.add(other)
        second.history.clear()
        failed = public.play("certificates.yml", **FAST)
        assert failed.code == 2
        (told,), (left_alone,) = (failed.hosts[host]["failed"] for host in ("lync1", "lync2"))
        for said in (other, former, "is assigned again, and they serve with it", f"fedgate-{POOL}.refused"):
            assert said in told["msg"], told["msg"]
        assert "The former certificate is assigned again" in left_alone["msg"] and second.history == []
        assert [one.assigned["AccessEdgeExternal"] for one in held] == [former, former]
        assert {5269, 23456} <= first.listening()

        again = done(public.play("certificates.yml", **FAST))
        assert again.changed() == {"lync1": 0, "lync2": 0} and f"did not start with {other}" in again.output

        # Killed before it could go back: the services do not run, and what was before is noted only.
        folder = "c:\\windows\\temp\\fedgate-" + POOL
        uses = ("AccessEdgeExternal", "DataEdgeExternal")
        held[0].assigned.update(dict.fromkeys(uses, other))
        held[0].files[f"{folder}.former"] = "\n".join(f"{use} {other} {former}" for use in uses).encode()
        first.xmpp.status = "Stopped"
        killed = public.play("certificates.yml", **FAST)
        assert other in killed.hosts["lync1"]["failed"][0]["msg"] and {5269, 23456} <= first.listening()
        assert [one.assigned["AccessEdgeExternal"] for one in held] == [former, former]


class TestIssuers:
    """Authorities that answer at once: one of the controller, and one of Windows."""

    PASSWORD = "canary of the authority"
    WINDOWS = "ca1.contoso.example\\Contoso CA"
    MEDIA = "AudioVideoAuthentication"

    def test_an_authority_on_the_controller(self, public: Site, tmp_path: Path) -> None:
        """One run from bare to served, for both certificates; it shows in check mode what it will do."""
        public.shared["federation_certificate"] = {
            "issuer": "local_ca",
            "ca_directory": str(tmp_path / "ca"),
            "ca_create": True,
        }
        public.london["federation_media_certificate"] = {
            "issuer": "local_ca",
            "ca_directory": str(tmp_path / "private"),
            "ca_create": True,
            "validity_days": 1000,
        }
        planned = done(public.play("certificates.yml", "--check", "--diff", **FAST))
        assert not any(held.stores["REQUEST"] or held.assigned for held in public.lync.world.holdings.values())
        taken = done(public.play("certificates.yml", **FAST))
        assert planned.named_changes() == taken.named_changes()
        for name in ("edge1", "edge2"):
            edge = public.lync.edge(f"{name}.london")
            held = public.lync.world.holdings[edge.fqdn]
            assert set(held.assigned) == {"AccessEdgeExternal", "DataEdgeExternal", self.MEDIA}
            media, shown = (held.find(held.assigned[use]) for use in (self.MEDIA, "AccessEdgeExternal"))
            assert media is not None and shown is not None and media.thumbprint != shown.thumbprint
            assert {"start RTCMRAUTH", f"start {PROXY}"} <= set(edge.machine.history)
        assert [len(list((tmp_path / name / "issued").iterdir())) for name in ("ca", "private")] == [1, 1]
        again = done(public.play("certificates.yml", **FAST))
        assert again.changed() == {"lync1": 0, "lync2": 0} and "waiting: edge" not in again.output

    def test_an_authority_of_windows(self, public: Site) -> None:
        """A first run asks, the next one takes it; the password shows nowhere."""
        authority = public.lync.world.authorities[self.WINDOWS.lower()]
        authority.accounts["CONTOSO\\ca"] = self.PASSWORD
        public.shared["federation_certificate"] = {
            "issuer": "enterprise_ca",
            "enterprise_ca": self.WINDOWS,
            "enterprise_ca_account": "CONTOSO\\ca",
            "enterprise_ca_password": self.PASSWORD,
        }
        asked = done(public.play("certificates.yml", **FAST))
        assert f"waiting: {POOL}" in asked.output and self.PASSWORD not in asked.output
        given = [
            call for name, call in public.lync.edge("edge1.london").engine.calls if name == "Request-CsCertificate"
        ]
        assert self.PASSWORD in [call.get("CaPassword") for call in given]
        taken = done(public.play("certificates.yml", **FAST))
        assert ("lync2", "service", PROXY, "run") in taken.named_changes() and self.PASSWORD not in taken.output
        held = public.lync.world.holdings[public.lync.edge("edge2.london").fqdn]
        assert set(held.assigned) == {"AccessEdgeExternal", "DataEdgeExternal"}
        assert done(public.play("certificates.yml", **FAST)).changed() == {"lync1": 0, "lync2": 0}


class TestHandedOver:
    """Edge Servers that no remote management reaches: people carry tasks there, and results back."""

    def test_from_request_to_what_partners_see(self, public: Site, tmp_path: Path) -> None:
        del public.hosts["lync2"]
        directory = tmp_path / "handover"
        public.london["edge_pool_lync"] = {"transport": "handover", "handover_directory": str(directory)}
        public.shared["federation_certificate"] = {
            "issuer": "local_ca",
            "ca_directory": str(tmp_path / "ca"),
            "ca_create": True,
        }
        edge = public.lync.edge("edge1.london")

        def carried() -> None:
            edge.engine.calls.clear()
            carry_out(public.lync, directory / "lync1", "edge1.london")

        looks = done(public.play("certificates.yml"))
        assert not edge.engine.calls, "nobody was there"
        assert "waiting: lync1: an administrator of lync1" in looks.output
        assert done(public.play("certificates.yml")).changed() == {"lync1": 0}
        carried()
        asks = done(public.play("certificates.yml"))
        assert ("lync1", "handover_task", "lync1", "update") in asks.named_changes()

        # What comes back was made from another plan.
        public.london["edge_pool_additional_names"] = ["lync.contoso.example"]
        old = (directory / "lync1" / "task.json").read_text()
        done(public.play("certificates.yml"))
        new = (directory / "lync1" / "task.json").read_text()
        (directory / "lync1" / "task.json").write_text(old)
        carried()
        (directory / "lync1" / "task.json").write_text(new)
        stopped = public.play("certificates.yml")
        assert stopped.code == 2 and "belongs to another plan" in stopped.hosts["lync1"]["failed"][0]["msg"]

        carried()
        signed = done(public.play("certificates.yml"))
        assert ("lync1", "issued_certificate", POOL, "create") in signed.named_changes()
        assert done(public.play("certificates.yml")).changed() == {"lync1": 0}, "the task lies ready"
        carried()
        assigned = done(public.play("certificates.yml"))
        assert assigned.changed() == {"lync1": 0} and "waiting: lync1" not in assigned.output
        held = public.lync.world.holdings[edge.fqdn]
        assert set(held.assigned) == {"AccessEdgeExternal", "DataEdgeExternal"} and edge.machine.history == []
        told = " ".join(assigned.output.split())
        assert "its administrator has to restart the services there" in told

        restart(public.lync, "edge1.london")
        restarted = done(public.play("certificates.yml"))
        assert "has to restart" not in restarted.output
