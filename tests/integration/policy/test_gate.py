"""What tries to get past the rules: strangers, hosts that are not named, streams that lend a name or change it."""

from __future__ import annotations

import pytest

from ..pki import CLIENT, SERVER, Authority
from .client import Client
from .conftest import MakePeer
from .gateway import Gateway, row, wait_until
from .peer import Manners, Peer, closing
from .wire import DIALBACK, SASL, Closed
from .wire import SERVER as SERVER_NAMESPACE

HOST = "contoso.example"
SIBLING = "contoso-asia.example"
ROOMS = "conference.contoso.example"


@pytest.fixture(autouse=True)
def policy(gateway: Gateway) -> None:
    """Partners for each test; streams of the test before are closed by an empty policy first."""
    gateway.enforce({})
    gateway.enforce(
        {
            "fabrikam.example": row(sasl="required", dialback=False),
            "adatum.example": row(),
            "direct-good.example": row(),
            "direct-bad.example": row(sasl="required", dialback=False),
            "proseware.example": row(sasl="not_supported", certificate="valid"),
            "plain.example": row(tls="not_supported"),  # without the waiver nothing is left
        },
        [HOST],
    )


def refused_at_once(peer: Peer, to: str) -> Closed:
    stream = peer.connect()
    return closing(lambda: peer.greet(stream, to))


@pytest.mark.parametrize("domain", ["stranger.example", "plain.example"])
def test_who_is_no_partner_gets_nowhere(domain: str, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    stranger = peers(domain)
    error = refused_at_once(stranger, HOST)
    assert (error.condition, error.text) == ("policy-violation", "Federation is not permitted")
    gateway.refusal(domain, "incoming", "not-a-partner")
    condition, text = alice.bounce(alice.send(f"mallory@{domain}"))
    assert condition == "not-allowed" and text == f"{domain} is not a federation partner"
    gateway.refusal(domain, "outgoing", "not-a-partner")
    assert stranger.happened() == []


@pytest.mark.parametrize("to", [ROOMS, SIBLING])
def test_a_host_that_is_not_named_has_no_federation(to: str, gateway: Gateway, peers: MakePeer) -> None:
    fabrikam = peers("fabrikam.example")
    error = refused_at_once(fabrikam, to)
    assert (error.condition, error.text) == ("policy-violation", "Federation is not permitted")
    gateway.refusal("fabrikam.example", "incoming", "host-not-federated", to)
    gateway.shell(f'xmpp:ping("{to}", "fabrikam.example")')
    gateway.refusal("fabrikam.example", "outgoing", "host-not-federated", to)
    assert fabrikam.happened() == []


def test_a_named_component_federates(gateway: Gateway, peers: MakePeer) -> None:
    rules = row(sasl="required", dialback=False)
    gateway.enforce({"fabrikam.example": rules}, [HOST, ROOMS], components={"federated": [ROOMS]})
    fabrikam = peers("fabrikam.example")
    stream, _ = fabrikam.encrypted(ROOMS)
    fabrikam.external(stream, ROOMS)
    assert gateway.session("fabrikam.example", "incoming")["local"] == ROOMS


@pytest.mark.parametrize("to", [ROOMS, SIBLING])
def test_a_stream_to_one_host_is_none_to_another(to: str, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    fabrikam = peers("fabrikam.example")
    stream, _ = fabrikam.encrypted(HOST)
    fabrikam.external(stream, HOST)
    stream.send(f"<presence from='bob@fabrikam.example/x' to='room@{to}/bob'/>")
    fabrikam.send_message(stream, f"alice@{to}", "psst")
    fabrikam.send_message(stream, "alice@contoso.example", "hello")
    assert alice.message().findtext("{jabber:client}body") == "hello"
    gateway.refusal("fabrikam.example", "incoming", "host-not-federated", to)
    assert "room@" not in gateway.shell(f'muc:list("{ROOMS}")')


def test_authentication_aimed_at_another_host_than_the_stream(gateway: Gateway, peers: MakePeer) -> None:
    gateway.enforce({"fabrikam.example": row()}, [HOST, SIBLING])
    fabrikam = peers("fabrikam.example")
    stream, _ = fabrikam.encrypted(HOST)
    stream.send(f"<auth xmlns='{SASL}' mechanism='EXTERNAL' to='{SIBLING}'>=</auth>")
    assert closing(stream.read).condition == "not-authorized"
    assert not gateway.sessions("fabrikam.example")


def test_one_certificate_does_not_speak_for_a_second_domain(gateway: Gateway, peers: MakePeer) -> None:
    # proseware must show a valid certificate with dialback; the stream's is adatum's.
    adatum, proseware = peers("adatum.example"), peers("proseware.example")
    stream, _ = adatum.encrypted(HOST)
    adatum.external(stream, HOST)
    assert adatum.dialback(stream, HOST, proseware.domain) == "error"
    gateway.refusal("proseware.example", "incoming", "certificate")
    stream.send(f"<message from='x@proseware.example' to='alice@{HOST}'><body>forged</body></message>")
    assert closing(stream.read).condition == "not-authorized"
    assert not gateway.sessions("proseware.example")


def test_a_stream_may_carry_a_second_domain_by_its_own_right(
    gateway: Gateway, peers: MakePeer, alice: Client, authority: Authority
) -> None:
    shared = authority.issue("adatum.example", "proseware.example", purposes=(SERVER, CLIENT))
    adatum, proseware = peers("adatum.example", served=shared), peers("proseware.example", served=shared)
    stream, _ = adatum.encrypted(HOST)
    adatum.external(stream, HOST)
    assert adatum.dialback(stream, HOST, proseware.domain) == "valid"
    stream.send(f"<message from='x@proseware.example' to='alice@{HOST}' type='chat'><body>second</body></message>")
    assert alice.message().get("from") == "x@proseware.example"
    # One domain is withdrawn, the other one's stream stays, with its id.
    before = gateway.session("adatum.example", "incoming")["id"]
    assert gateway.session("proseware.example", "incoming")["id"] == before
    gateway.enforce({"adatum.example": row()}, [HOST])
    assert gateway.session("adatum.example", "incoming")["id"] == before
    assert not [item for item in gateway.sessions("proseware.example") if item["direction"] == "incoming"]
    stream.send(f"<message from='x@proseware.example' to='alice@{HOST}' type='chat'><body>late</body></message>")
    adatum.send_message(stream, "alice@contoso.example", "still here")
    assert alice.message().findtext("{jabber:client}body") == "still here"


def test_a_bidirectional_stream_lends_no_name(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    # adatum opens a stream in fabrikam's name, asks for both ways, and authenticates only itself.
    gateway.enforce({"fabrikam.example": row(), "adatum.example": row()}, [HOST])
    adatum, fabrikam = peers("adatum.example"), peers("fabrikam.example")
    stream = adatum.connect()
    adatum.greet(stream, HOST, "fabrikam.example")
    adatum.starttls(stream)
    adatum.greet(stream, HOST, "fabrikam.example")
    stream.send("<bidi xmlns='urn:xmpp:bidi'/>")
    assert adatum.dialback(stream, HOST, "adatum.example") == "valid"
    alice.send("bob@fabrikam.example", "for fabrikam only")
    fabrikam.wait("stanza")
    assert gateway.session("fabrikam.example", "outgoing")
    stream.connection.settimeout(0.5)
    with pytest.raises(TimeoutError):
        stream.expect(SERVER_NAMESPACE, "message")


def test_no_name_before_tls_is_decided_after_it(gateway: Gateway, peers: MakePeer) -> None:
    fabrikam = peers("fabrikam.example")
    stream = fabrikam.connect()
    assert fabrikam.greet(stream, HOST, "") == {"starttls"}
    fabrikam.starttls(stream)
    assert "external" in fabrikam.greet(stream, HOST)
    fabrikam.external(stream, HOST)
    assert gateway.session("fabrikam.example", "incoming")["method"] == "external"


def test_a_stranger_without_a_name_is_refused_after_tls(gateway: Gateway, peers: MakePeer) -> None:
    stranger = peers("stranger.example")
    stream = stranger.connect()
    assert stranger.greet(stream, HOST, "") == {"starttls"}
    stranger.starttls(stream)
    assert closing(lambda: stranger.greet(stream, HOST)).condition == "policy-violation"


def test_never_a_name_at_all(gateway: Gateway, peers: MakePeer) -> None:
    # Over TLS, still without a name: dialback names the domain, and its own row decides.
    stranger, fabrikam = peers("stranger.example"), peers("fabrikam.example")
    for peer, domain in ((stranger, "stranger.example"), (fabrikam, "fabrikam.example")):
        stream = peer.connect()
        peer.greet(stream, HOST, "")
        peer.starttls(stream)
        assert "external" not in peer.greet(stream, HOST, "")
        assert closing(lambda p=peer, s=stream, d=domain: p.dialback(s, HOST, d)).condition
        assert not gateway.sessions(domain)


def test_another_name_after_tls_gains_nothing(gateway: Gateway, peers: MakePeer) -> None:
    adatum = peers("adatum.example")
    stream = adatum.connect()
    adatum.greet(stream, HOST, "fabrikam.example")
    adatum.starttls(stream)
    assert closing(lambda: adatum.greet(stream, HOST)).condition == "improper-addressing"
    assert not gateway.sessions("adatum.example") + gateway.sessions("fabrikam.example")


def test_our_own_name_from_outside(gateway: Gateway, peers: MakePeer) -> None:
    liar = peers("stranger.example")
    for name in (HOST, ROOMS):
        stream = liar.connect()
        assert closing(lambda s=stream, n=name: liar.greet(s, HOST, n)).condition


def test_direct_tls_inbound(gateway: Gateway, peers: MakePeer) -> None:
    fabrikam, stranger = peers("fabrikam.example"), peers("stranger.example")
    stream = fabrikam.connect(direct=True)
    assert "external" in fabrikam.greet(stream, HOST)
    fabrikam.external(stream, HOST)
    assert gateway.session("fabrikam.example", "incoming")["tls"] == "TLSv1.3"
    stream = stranger.connect(direct=True)
    assert closing(lambda: stranger.greet(stream, HOST)).condition == "policy-violation"


def test_direct_tls_inbound_with_a_bad_certificate(gateway: Gateway, peers: MakePeer, authority: Authority) -> None:
    fabrikam = peers("fabrikam.example", served=authority.issue("other.example", purposes=(CLIENT,)))
    stream = fabrikam.connect(direct=True)
    assert closing(lambda: fabrikam.greet(stream, HOST)).condition == "not-authorized"


@pytest.mark.parametrize("domain", ["direct-good.example", "direct-bad.example"])
def test_direct_tls_outbound(
    domain: str, gateway: Gateway, peers: MakePeer, alice: Client, authority: Authority
) -> None:
    served = authority.issue("other.example") if "bad" in domain else None
    peer = peers(domain, Manners(direct=True), served)
    sent = alice.send(f"bob@{domain}")
    if served is None:
        peer.wait("stanza")
        assert gateway.session(domain, "outgoing")["method"] == "external"
    else:
        assert alice.bounce(sent)[0] == "not-allowed"
        gateway.refusal(domain, "outgoing", "certificate")


@pytest.mark.parametrize(("domain", "named"), [("fabrikam.example", True), ("adatum.example", False)])
def test_a_peer_that_hangs_up_after_tls(
    domain: str, named: bool, gateway: Gateway, peers: MakePeer, alice: Client
) -> None:
    peers(domain, Manners(hangs_up=True))
    _, text = alice.bounce(alice.send(f"bob@{domain}"))
    assert ("clientAuth" in text) == named
    if named:
        gateway.refusal(domain, "outgoing", "sasl")


def test_an_old_server_without_tls(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    adatum = peers("adatum.example", Manners(version=""))
    assert alice.bounce(alice.send("bob@adatum.example"))[0] == "not-allowed"
    gateway.refusal("adatum.example", "outgoing", "tls")
    assert "dialback" not in adatum.happened()


def test_old_stream_header_inbound_gets_no_dialback_in_the_clear(gateway: Gateway, peers: MakePeer) -> None:
    adatum = peers("adatum.example")
    stream = adatum.connect()
    stream.open(version="", from_=adatum.domain, to=HOST)
    stream.read_header()
    assert closing(lambda: adatum.dialback(stream, HOST)).condition == "policy-violation"


@pytest.mark.parametrize(
    "claim",
    [
        "<db:result from='adatum.example' to='contoso.example' type='valid'/>",
        f"<success xmlns='{SASL}'/>",
        f"<stream:features><mechanisms xmlns='{SASL}'><mechanism>EXTERNAL</mechanism></mechanisms></stream:features>",
    ],
)
def test_a_forger_claims_success_before_tls(claim: str, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    forger = peers("adatum.example", Manners(tls=False, rude=claim))
    alice.bounce(alice.send("bob@adatum.example", "secret"))
    assert not gateway.sessions("adatum.example")
    assert "stanza" not in forger.happened()


def test_a_forged_answer_in_the_clear_verifies_nobody(gateway: Gateway, peers: MakePeer, authority: Authority) -> None:
    # The forger owns the name's DNS: he opens a stream as adatum, and when asked whether the key is adatum's, he says
    # yes at once, before TLS.
    forger = peers("adatum.example", served=authority.issue("adatum.example", self_signed=True))
    stream, _ = forger.encrypted(HOST)
    identifier = stream.header["id"]
    forger.manners = Manners(
        tls=False, rude=f"<db:verify from='adatum.example' to='{HOST}' id='{identifier}' type='valid'/>"
    )
    stream.send(f"<db:result from='adatum.example' to='{HOST}'>key</db:result>")
    gateway.refusal("adatum.example", "outgoing", "tls")
    stream.connection.settimeout(0.5)
    with pytest.raises((TimeoutError, Closed)):
        stream.expect(DIALBACK, "result")
    assert not gateway.sessions("adatum.example")


@pytest.mark.parametrize("domain", ["adatum.example", "fabrikam.example", "stranger.example"])
def test_questions_about_our_keys(domain: str, gateway: Gateway, peers: MakePeer) -> None:
    question = f"<db:verify from='{domain}' to='{HOST}' id='1'>key</db:verify>"
    asker = peers(domain)
    stream = asker.connect()
    stream.open(from_=domain, to=HOST)
    stream.send(question)
    assert closing(lambda: stream.expect(DIALBACK, "verify")).condition == "policy-violation"  # never in the clear
    if domain == "stranger.example":
        return
    stream, _ = asker.encrypted(HOST)
    stream.send(question)
    if domain == "adatum.example":
        assert stream.expect(DIALBACK, "verify").get("type") == "invalid"
    else:
        assert closing(lambda: stream.expect(DIALBACK, "verify")).condition == "not-authorized"


def test_refusals_are_bounded(gateway: Gateway, alice: Client) -> None:
    for number in range(230):
        alice.send(f"x@n{number}.stranger.example")
    wait_until(lambda: any(i["remote"].startswith("n229.") for i in gateway.status()["refused"]), "the last is counted")
    assert len(gateway.status()["refused"]) == 200


def test_names_in_other_scripts_are_compared_as_a_labels(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    name = "bücher.example"
    ascii_name = name.encode("idna").decode()
    gateway.enforce({ascii_name: row(sasl="required", dialback=False)}, [HOST])
    peer = peers(ascii_name)
    alice.send(f"x@{name}")
    peer.wait("stanza")
    assert gateway.session(ascii_name, "outgoing")["method"] == "external"
