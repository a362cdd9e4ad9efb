"""The probe against real servers on loopback, from honest to hostile; every finding names the cause."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from ansible.module_utils.fedgate.errors import FedgateError
from ansible.module_utils.fedgate.probe import Target, probe, report

from .far_side import HEADER, OFFER, PROCEED, STARTTLS, honest, linger, name_server, read_until, says, server
from .pki import CLIENT, SERVER, SRV_NAME, XMPP_ADDRESS, Authority, other_name

DOMAIN = "contoso.example"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def look(port: int, authority: Authority | None = None, **settings: Any) -> dict[str, Any]:
    """Probe the server on loopback by address."""
    anchors = [authority.pem] if authority else []
    settings = {"trust_anchors": anchors, "timeout": 5, **settings}
    return probe([Target("edge", DOMAIN, "127.0.0.1", port)], **settings)[0]


def failed(result: dict[str, Any], step: str, *words: str) -> None:
    """Demand that this step failed, and that its sentence has these words."""
    assert not result["ok"] and result["failed_step"] == step, result
    for word in words:
        assert word in result["message"], result["message"]


def step(result: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in result["steps"] if item["step"] == name)


class TestHonestServer:
    def test_every_step_passes_and_comes_with_a_sentence(self, authority: Authority) -> None:
        heard: list[str] = []
        with server(honest(authority.issue(DOMAIN, purposes=(SERVER, CLIENT)), heard=heard)) as port:
            result = look(port, authority, from_domain="fabrikam.example")
        assert result["ok"] and result["failed_step"] is None
        assert [item["step"] for item in result["steps"]] == [
            "srv", "address", "tcp", "stream", "starttls", "certificate", "features",
        ]  # fmt: skip
        assert all(item["detail"] for item in result["steps"])
        assert step(result, "srv")["skipped"] and step(result, "srv")["detail"] == "address given"
        assert result["mechanisms"] == ["EXTERNAL"] and result["dialback"] is True
        assert result["tls_version"] == "TLSv1.3" and result["tls_cipher"]
        assert step(result, "features")["limits"] == {"max-bytes": "524288"}
        assert result["certificate"]["names"] == [DOMAIN]
        assert result["certificate"]["client_auth"] and result["certificate"]["days_left"] == 90
        assert result["findings"] == []
        assert heard[0].count('from="fabrikam.example"') == 2 and f'to="{DOMAIN}"' in heard[0]

    def test_without_from_domain_none_is_claimed(self, authority: Authority) -> None:
        heard: list[str] = []
        with server(honest(authority.issue(DOMAIN), heard=heard)) as port:
            assert look(port, authority)["ok"]
        assert "from=" not in heard[0]

    def test_no_method_for_an_unknown_peer_is_said_but_no_failure(self, authority: Authority) -> None:
        with server(honest(authority.issue(DOMAIN), offer="<stream:features/>")) as port:
            result = look(port, authority)
        assert result["ok"] and "no method" in step(result, "features")["detail"]

    @pytest.mark.parametrize("sender", [None, "fabrikam.example"])
    def test_an_allow_list_turns_away_the_unnamed_but_must_not_turn_away_a_partner(
        self, authority: Authority, sender: str | None
    ) -> None:
        error = (
            "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
            "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>not on the list</text></stream:error></stream:stream>"
        )
        with server(honest(authority.issue(DOMAIN), offer=error)) as port:
            result = look(port, authority, from_domain=sender)
        if sender:
            failed(result, "features", "policy-violation", "not on the list")
        else:
            assert result["ok"] and "policy-violation" in step(result, "features")["detail"]

    def test_a_server_that_demands_a_certificate_is_no_failure(self, authority: Authority) -> None:
        error = (
            "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
        )
        with server(honest(authority.issue(DOMAIN), offer=error)) as port:
            result = look(port, authority, from_domain="fabrikam.example")
        assert result["ok"] and "without a certificate" in step(result, "features")["detail"]

    def test_byte_by_byte(self, authority: Authority) -> None:
        def slowly(connection: socket.socket) -> None:
            read_until(connection, b"xml:lang")
            for byte in (HEADER.format(domain=DOMAIN) + STARTTLS).encode():
                connection.sendall(bytes([byte]))
            linger(connection)

        with server(slowly) as port:
            result = look(port, timeout=2)
        failed(result, "starttls", "no answer in time")


class TestCertificates:
    def chain_problem(
        self, authority: Authority, trusted: Authority | None, *words: str, **options: Any
    ) -> dict[str, Any]:
        names = options.pop("names", (DOMAIN,))
        with server(honest(authority.issue(*names, **options))) as port:
            result = look(port, trusted)
        failed(result, "certificate", *words)
        # The look goes on, so that everything there is to mend is known at once.
        assert result["certificate"] is not None and result["mechanisms"] == ["EXTERNAL"]
        assert result["tls_version"] == "TLSv1.3"
        return result

    def test_expired(self, authority: Authority) -> None:
        result = self.chain_problem(authority, authority, "expired on", days=-3)
        assert result["message"].count("expired") == 1

    def test_wrong_name_says_both_names(self, authority: Authority) -> None:
        self.chain_problem(
            authority, authority, "does not name contoso.example", "fabrikam.example", names=("fabrikam.example",)
        )

    def test_the_common_name_counts_for_nothing(self, authority: Authority) -> None:
        self.chain_problem(authority, authority, "no domain at all", names=(), common_name=DOMAIN)

    def test_self_signed(self, authority: Authority) -> None:
        self.chain_problem(authority, authority, "self-signed", self_signed=True)

    def test_unknown_authority(self, authority: Authority) -> None:
        self.chain_problem(authority, None, "does not lead to a trusted authority")

    def test_a_client_certificate_is_no_server_certificate(self, authority: Authority) -> None:
        result = self.chain_problem(authority, authority, "serverAuth", purposes=(CLIENT,))
        assert result["message"].count("serverAuth") == 1

    def test_all_problems_at_once(self, authority: Authority) -> None:
        self.chain_problem(Authority("Other"), authority, "expired on", "does not name", names=("a.example",), days=-1)

    def test_intermediate_not_sent_and_sent(self, authority: Authority) -> None:
        middle = Authority("Intermediate", issuer=authority)
        self.chain_problem(middle, authority, "intermediate is not sent")
        with server(honest(middle.issue(DOMAIN, chain=middle.pem))) as port:
            assert look(port, authority)["ok"]

    @pytest.mark.parametrize(
        "kind,text", [(SRV_NAME, "_xmpp-server.contoso.example"), (XMPP_ADDRESS, "contoso.example")]
    )
    def test_other_names_are_identities_too(self, authority: Authority, kind: Any, text: str) -> None:
        with server(honest(authority.issue(others=[other_name(kind, text)]))) as port:
            assert look(port, authority)["ok"]

    def test_ends_soon_is_a_finding(self, authority: Authority) -> None:
        with server(honest(authority.issue(DOMAIN, days=5))) as port:
            result = look(port, authority)
        assert result["ok"] and any("ends in 5 days" in text for text in result["findings"])

    def test_no_purposes_means_all(self, authority: Authority) -> None:
        with server(honest(authority.issue(DOMAIN, purposes=None))) as port:
            result = look(port, authority)
        assert result["ok"] and result["certificate"]["client_auth"]


class TestBadServers:
    def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        result = look(port)
        failed(result, "tcp", "127.0.0.1", str(port), "connection refused")
        later = step(result, "certificate")
        assert later["skipped"] and not later["ok"] and "tcp failed" in later["detail"]

    def test_no_starttls(self) -> None:
        with server(says(HEADER.format(domain=DOMAIN) + OFFER)) as port:
            failed(look(port), "starttls", "no STARTTLS")

    def test_xmpp_before_1_0(self) -> None:
        header = HEADER.format(domain=DOMAIN).replace(" version='1.0' xml", " xml")
        with server(says(header)) as port:
            failed(look(port), "stream", "before 1.0")

    def test_host_unknown(self) -> None:
        error = (
            "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
        )
        with server(says(HEADER.format(domain="") + error)) as port:
            failed(look(port), "stream", "host-unknown")

    def test_wrong_from_is_a_finding(self, authority: Authority) -> None:
        with server(honest(authority.issue(DOMAIN), domain="other.example")) as port:
            result = look(port, authority)
        assert result["ok"] and any("other.example" in text for text in result["findings"])

    def test_silent(self) -> None:
        with server(linger) as port:
            start = time.monotonic()
            failed(look(port, timeout=1), "stream", "no answer in time")
            assert time.monotonic() - start < 3

    def test_silent_in_the_handshake(self) -> None:
        with server(says(HEADER.format(domain=DOMAIN) + STARTTLS, PROCEED)) as port:
            start = time.monotonic()
            failed(look(port, timeout=1), "starttls", "handshake")
            assert time.monotonic() - start < 3

    def test_drips_for_ever(self) -> None:
        def drip(connection: socket.socket) -> None:
            connection.sendall(b"<?xml version='1.0'?><stream:stream a='")
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)

        with server(drip) as port:
            start = time.monotonic()
            failed(look(port, timeout=1), "stream", "no answer in time")
            assert time.monotonic() - start < 3

    def test_closes_at_once(self) -> None:
        with server(lambda connection: None) as port:
            failed(look(port), "stream", "connection")

    @pytest.mark.parametrize(
        "text,words",
        [
            ("HTTP/1.1 400 Bad Request\r\n\r\n", "not well-formed XML"),
            ("<html><body>", "not an XMPP stream"),
            ("\x00\x01\x02\x03", "not well-formed XML"),
            ("<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "document type declaration"),
            (HEADER.format(domain=DOMAIN) + "<?php echo ?>", "processing instruction"),
            (HEADER.format(domain=DOMAIN) + "<a>" * 2000, "nested too deeply"),
            (HEADER.format(domain=DOMAIN) + "<stream:features>" + "<a/>" * 5000, "too many elements"),
            (HEADER.format(domain=DOMAIN) + "&undefined;", "not well-formed XML"),
        ],
    )
    def test_no_xmpp(self, text: str, words: str) -> None:
        with server(says(text)) as port:
            failed(look(port), "stream", words)

    def test_huge_header(self) -> None:
        def flood(connection: socket.socket) -> None:
            connection.sendall(b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams' a='")
            while True:
                connection.sendall(b"x" * 65536)

        with server(flood) as port:
            failed(look(port), "stream", "64 KiB")

    def test_billion_laughs(self) -> None:
        entities = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 30))
        bomb = f"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY a0 'ha'>{entities}]><a>&a29;</a>"
        with server(says(bomb)) as port:
            start = time.monotonic()
            failed(look(port), "stream", "document type declaration")
            assert time.monotonic() - start < 2

    def test_no_tls_after_proceed(self) -> None:
        def plain(connection: socket.socket) -> None:
            says(HEADER.format(domain=DOMAIN) + STARTTLS, PROCEED)(connection)

        def garbage(connection: socket.socket) -> None:
            read_until(connection, b"<stream:stream")
            connection.sendall((HEADER.format(domain=DOMAIN) + STARTTLS).encode())
            read_until(connection, b"starttls")
            connection.sendall(PROCEED.encode())
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        with server(garbage) as port:
            failed(look(port), "starttls", "TLS handshake fails")

    def test_injection_before_the_handshake(self) -> None:
        extra = PROCEED + "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:features>"
        with server(says(HEADER.format(domain=DOMAIN) + STARTTLS, extra)) as port:
            failed(look(port), "starttls", "in the clear")

    def test_starttls_failure(self) -> None:
        refusal = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>"
        with server(says(HEADER.format(domain=DOMAIN) + STARTTLS, refusal)) as port:
            failed(look(port), "starttls", "failure")

    def test_old_tls_only(self, authority: Authority) -> None:
        served = authority.issue(DOMAIN)
        context = served.context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        import ssl

        with pytest.warns(DeprecationWarning):
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        served.context = lambda: context  # type: ignore[method-assign]
        with server(honest(served)) as port:
            failed(look(port, authority), "starttls", "TLS handshake fails", "protocol")


class TestByDns:
    def look(self, records: dict[tuple[str, str], list[str]], port: int = 1, **options: Any) -> dict[str, Any]:
        target = {
            name: options.pop(name) for name in ("expect_target", "expect_addresses", "found_at") if name in options
        }
        with name_server(records, silent=options.pop("silent", False)) as dns_port:
            settings = {"resolvers": ["127.0.0.1"], "dns_port": dns_port, "timeout": 5, **options}
            return probe([Target("edge", DOMAIN, port=port, **target)], **settings)[0]

    def test_srv_leads_the_way(self, authority: Authority) -> None:
        with server(honest(authority.issue(DOMAIN))) as port:
            records = {
                (f"_xmpp-server._tcp.{DOMAIN}", "SRV"): [
                    f"20 0 {port} second.example.", f"10 0 {port} edge.contoso.example.",
                ],
                ("edge.contoso.example", "A"): ["127.0.0.1"],
                ("second.example", "A"): ["127.0.0.2"],
            }  # fmt: skip
            result = self.look(records, trust_anchors=[authority.pem])
        assert result["ok"], result
        assert result["server"] == {"host": "edge.contoso.example", "address": "127.0.0.1", "port": port}
        assert step(result, "srv")["records"] == [f"10 0 {port} edge.contoso.example", f"20 0 {port} second.example"]

    def test_the_next_server_is_tried_and_the_dead_one_is_a_finding(self, authority: Authority) -> None:
        with server(honest(authority.issue(DOMAIN))) as port:
            records = {
                (f"_xmpp-server._tcp.{DOMAIN}", "SRV"): ["1 0 1 dead.example.", f"2 0 {port} edge.contoso.example."],
                ("edge.contoso.example", "A"): ["127.0.0.1"],
                ("dead.example", "A"): ["127.0.0.1"],
            }
            result = self.look(records, trust_anchors=[authority.pem])
        assert result["ok"] and any("127.0.0.1 port 1: connection refused" in text for text in result["findings"])

    def test_fall_back_to_the_addresses_of_the_domain(self, authority: Authority) -> None:
        with server(honest(authority.issue(DOMAIN))) as port:
            result = self.look({(DOMAIN, "A"): ["127.0.0.1"]}, port, trust_anchors=[authority.pem])
        assert result["ok"] and any("no SRV record" in text for text in result["findings"])

    def test_no_service(self) -> None:
        result = self.look({(f"_xmpp-server._tcp.{DOMAIN}", "SRV"): ["0 0 0 ."], (DOMAIN, "A"): ["127.0.0.1"]})
        failed(result, "srv", "no XMPP service")

    def test_unknown_domain(self) -> None:
        failed(self.look({}), "address", "contoso.example has no address")

    def test_target_without_address(self) -> None:
        failed(
            self.look({(f"_xmpp-server._tcp.{DOMAIN}", "SRV"): ["0 0 5269 gone.example."]}), "address", "gone.example"
        )

    def test_target_is_an_alias(self, authority: Authority) -> None:
        with server(honest(authority.issue(DOMAIN))) as port:
            records = {
                (f"_xmpp-server._tcp.{DOMAIN}", "SRV"): [f"10 0 {port} www.example."],
                ("www.example", "CNAME"): ["real.example."],
                ("real.example", "A"): ["127.0.0.1"],
            }
            result = self.look(records, trust_anchors=[authority.pem])
        assert result["ok"] and any("alias of real.example" in text for text in result["findings"])

    def test_target_is_an_address(self) -> None:
        result = self.look({(f"_xmpp-server._tcp.{DOMAIN}", "SRV"): ["10 0 5269 192.0.2.1."]})
        failed(result, "address", "192.0.2.1")
        assert any("is an address" in text for text in result["findings"])

    def test_resolver_silent_is_not_no_record(self) -> None:
        failed(self.look({(DOMAIN, "A"): ["127.0.0.1"]}, silent=True, timeout=1), "srv", "could not be looked up")

    def test_leads_elsewhere(self) -> None:
        records = {
            (f"_xmpp-server._tcp.{DOMAIN}", "SRV"): ["10 0 5269 old.example."],
            ("old.example", "A"): ["127.0.0.1"],
        }
        failed(
            self.look(records, expect_target="edge.contoso.example"),
            "srv",
            "old.example",
            "not to edge.contoso.example",
        )
        failed(self.look(records, expect_target="old.example", expect_addresses=("192.0.2.7",)), "address", "192.0.2.7")

    def test_a_test_name_leads_to_the_domains_server(self, authority: Authority) -> None:
        test = f"xmpp-test.{DOMAIN}"
        with server(honest(authority.issue(DOMAIN))) as port:
            records = {
                (f"_xmpp-server._tcp.{DOMAIN}", "SRV"): ["10 0 5269 old.example."],
                (f"_xmpp-server._tcp.{test}", "SRV"): [f"10 0 {port} edge.contoso.example."],
                ("edge.contoso.example", "A"): ["127.0.0.1"],
            }
            found = self.look(
                records, found_at=test, expect_target="edge.contoso.example", trust_anchors=[authority.pem]
            )
            # The certificate has to stand for the domain, which it does not have to for the test name.
            assert found["ok"] and found["domain"] == DOMAIN, found["message"]
        # No falling back: neither to the domain's records nor to its addresses.
        del records[f"_xmpp-server._tcp.{test}", "SRV"]
        failed(self.look(records, found_at=test), "srv", f"_xmpp-server._tcp.{test} has no SRV record")

    def test_waits_for_records_that_come_late(self, authority: Authority) -> None:
        import threading

        with server(honest(authority.issue(DOMAIN))) as port:
            records: dict[tuple[str, str], list[str]] = {("edge.contoso.example", "A"): ["127.0.0.1"]}
            late = {(f"_xmpp-server._tcp.{DOMAIN}", "SRV"): [f"10 0 {port} edge.contoso.example."]}
            timer = threading.Timer(1, records.update, [late])
            timer.start()
            result = self.look(records, expect_target="edge.contoso.example", wait=10, trust_anchors=[authority.pem])
        assert result["ok"] and result["looks"] == 2

    def test_does_not_wait_for_a_certificate_to_mend_itself(self, authority: Authority) -> None:
        with server(honest(authority.issue("other.example"))) as port:
            assert look(port, authority, wait=30)["looks"] == 1


class TestArguments:
    def refused(self, *words: str, **params: Any) -> None:
        with pytest.raises(FedgateError) as caught:
            report({"targets": [{"domain": DOMAIN, "address": "127.0.0.1"}], **params})
        for word in words:
            assert word in str(caught.value), str(caught.value)

    def test_bad_domain(self) -> None:
        self.refused("targets[0].domain", "white space", targets=[{"domain": "con toso"}])
        self.refused("targets[0].domain", targets=[{"domain": "-a'/><x"}])

    def test_bad_address(self) -> None:
        self.refused("targets[0].address", "300.1.1.1", targets=[{"domain": DOMAIN, "address": "300.1.1.1"}])

    def test_bad_port(self) -> None:
        self.refused("targets[0].port", "70000", targets=[{"domain": DOMAIN, "address": "::1", "port": 70000}])

    def test_missing_anchor_file(self) -> None:
        self.refused("trust_anchors[0]", "/no/such.pem", trust_anchors=["/no/such.pem"])

    def test_anchor_is_no_certificate(self) -> None:
        self.refused("PEM", trust_anchors=["-----BEGIN CERTIFICATE-----\nnope\n-----END CERTIFICATE-----\n"])

    def test_several_at_once_come_back_in_order(self, authority: Authority) -> None:
        with server(linger) as silent, server(honest(authority.issue(DOMAIN))) as port:
            start = time.monotonic()
            targets = [Target(f"t{n}", DOMAIN, "127.0.0.1", silent) for n in range(8)]
            results = probe(
                [*targets, Target("good", DOMAIN, "127.0.0.1", port)], timeout=1, trust_anchors=[authority.pem]
            )
            assert time.monotonic() - start < 4
        assert [item["name"] for item in results] == [*(f"t{n}" for n in range(8)), "good"]
        assert [item["ok"] for item in results] == [False] * 8 + [True]

    def test_international_name_becomes_a_labels(self) -> None:
        result = report({"targets": [{"domain": "BÜCHER.example.", "address": "127.0.0.1", "port": 1}]})
        assert result["results"][0]["domain"] == "xn--bcher-kva.example" and result["ok"] is False
