"""One look at one server: connect, open a stream, STARTTLS, certificate, what is offered (RFC 6120 §4 to §6)."""

from __future__ import annotations

import ssl
from typing import Any, Optional
from xml.sax.saxutils import quoteattr  # only writes

from .lookup import Endpoint, find_servers
from .offers import features_of, is_legacy, offer_sentence, offered_by, stream_error
from .tls import judge, looking, verifying
from .values import Deadline, Record, Settings, StepFailed, Target
from .wire import Wire, reason
from .xml import DIALBACK, SERVER, STREAMS, Element, Stream, StreamFault

STARTTLS = "urn:ietf:params:xml:ns:xmpp-tls"
#: Stream errors by which a server with an allow-list turns away a peer that names no domain.
POLICY_ERRORS = frozenset({"policy-violation", "improper-addressing", "invalid-from"})


def look(target: Target, settings: Settings) -> dict[str, Any]:
    """Look at one target once, within ``settings.timeout``; return the result as plain data.

    :raises MissingDependency: when a library is missing.
    :raises InvalidValue: when the trust anchors cannot be read.
    """
    record = Record(target)
    this = _Look(target, settings, record)
    try:
        this.walk()
    except StepFailed as failure:
        record.failed(failure.step, failure.detail, failure.data)
    finally:
        this.close()
    return record.result()


class _Look:
    def __init__(self, target: Target, settings: Settings, record: Record) -> None:
        self._target = target
        self._settings = settings
        self._record = record
        self._wires: list[Wire] = []
        self._deadline = Deadline(settings.timeout)

    def close(self) -> None:
        for wire in self._wires:
            wire.close()

    def walk(self) -> None:
        context = verifying(self._settings.anchors)
        endpoint, wire = self._connect(find_servers(self._target, self._settings, self._record, self._deadline))
        offer = self._starttls_offer(self._stream(wire))
        self._proceed(wire)
        chain_problem: Optional[str] = None
        try:
            secured = self._secure(wire, context)
        except ssl.SSLCertVerificationError as error:
            # OpenSSL breaks off at a chain it does not trust; a second connection shows what was served.
            chain_problem = error.verify_message
            wire = self._again(endpoint)
            secured = self._secure(wire, looking())
        self._record.passed("starttls", "STARTTLS is required" if offer else "STARTTLS is offered", required=offer)
        judge(secured, self._target.domain, chain_problem, self._record)
        self._features(wire)

    def _connect(self, endpoints: list[Endpoint]) -> tuple[Endpoint, Wire]:
        refused: list[str] = []
        for endpoint in endpoints:
            try:
                wire = self._open(endpoint)
            except OSError as error:
                refused.append(f"{endpoint.address} port {endpoint.port}: {reason(error)}")
                continue
            for text in refused:
                self._record.find(f"partners lose time here: {text}")
            server = {"host": endpoint.host, "address": endpoint.address, "port": endpoint.port}
            self._record.facts["server"] = server
            self._record.passed("tcp", f"{endpoint.address} port {endpoint.port} answers", refused=refused, **server)
            return endpoint, wire
        raise StepFailed("tcp", "; ".join(refused), {"refused": refused})

    def _open(self, endpoint: Endpoint) -> Wire:
        wire = Wire(endpoint.address, endpoint.port, self._deadline)
        self._wires.append(wire)
        return wire

    def _header(self) -> str:
        sender = self._settings.from_domain
        return (
            f"<?xml version='1.0'?><stream:stream xmlns={quoteattr(SERVER)} xmlns:stream={quoteattr(STREAMS)}"
            f" xmlns:db={quoteattr(DIALBACK)} to={quoteattr(self._target.domain)}"
            + (f" from={quoteattr(sender)}" if sender else "")
            + " version='1.0' xml:lang='en'>"
        )

    def _greet(self, wire: Wire, step: str) -> Stream:
        """Send our header, read the server's and its features or error. :raises StepFailed: when that fails."""
        try:
            wire.begin(self._header())
            return wire.read(children=1)
        except (OSError, StreamFault) as error:
            raise StepFailed(step, f"the server {_clause(error)}") from error

    def _stream(self, wire: Wire) -> Stream:
        stream = self._greet(wire, "stream")
        attributes = stream.header.attributes if stream.header else {}
        sender = (attributes.get("from") or "").lower()
        data = {"version": attributes.get("version"), "id": attributes.get("id"), "from": sender or None}
        self._refuse_error(stream, "stream", data)
        if is_legacy(stream):
            raise StepFailed("stream", "the server speaks XMPP before 1.0, so it offers no TLS", data)
        if not data["id"]:
            raise StepFailed("stream", "the server gives its stream no id (RFC 6120 §4.7.3)", data)
        if sender != self._target.domain:
            named = sender or "no domain"
            self._record.find(f"the stream header names {named} instead of {self._target.domain} as its sender")
        self._record.passed("stream", f"XMPP {data['version']} stream of {sender or 'an unnamed server'}", **data)
        return stream

    def _refuse_error(self, stream: Stream, step: str, data: dict[str, Any]) -> None:
        error = stream_error(stream)
        if error is not None:
            condition, text = error
            said = f"{condition} ({text})" if text else condition
            raise StepFailed(step, f"the server refuses the stream: {said}", {**data, "error": condition})

    def _starttls_offer(self, stream: Stream) -> bool:
        """Return whether STARTTLS is required. :raises StepFailed: when it is not even offered."""
        features = features_of(stream)
        offer = features.child(STARTTLS, "starttls") if features else None
        if offer is None:
            raise StepFailed("starttls", "the server offers no STARTTLS, so everything would go in the clear")
        return offer.child(STARTTLS, "required") is not None

    def _proceed(self, wire: Wire) -> None:
        try:
            wire.send(f"<starttls xmlns={quoteattr(STARTTLS)}/>")
            stream = wire.read(children=2)
        except (OSError, StreamFault) as error:
            raise StepFailed("starttls", f"after STARTTLS the server {_clause(error)}") from error
        answer = stream.children[1] if len(stream.children) > 1 else Element("", "nothing")
        if (answer.namespace, answer.name) != (STARTTLS, "proceed"):
            raise StepFailed("starttls", f"the server answers STARTTLS with {answer.name[:40]}")
        if len(stream.children) > 2 or wire.after(stream):
            # What comes in before the handshake could be taken for something that came by TLS.
            raise StepFailed("starttls", "the server sends more in the clear after it agreed to TLS")

    def _secure(self, wire: Wire, context: ssl.SSLContext) -> ssl.SSLSocket:
        try:
            return wire.secure(context, self._target.domain)
        except ssl.SSLCertVerificationError:
            raise
        except OSError as error:
            raise StepFailed("starttls", f"the TLS handshake fails: {reason(error)}") from error

    def _again(self, endpoint: Endpoint) -> Wire:
        try:
            wire = self._open(endpoint)
        except OSError as error:
            text = f"its chain is not trusted, and the server gives no second look: {reason(error)}"
            raise StepFailed("certificate", text) from error
        self._greet(wire, "certificate")
        self._proceed(wire)
        return wire

    def _features(self, wire: Wire) -> None:
        stream = self._greet(wire, "features")
        refusal = self._fair_refusal(stream)
        if refusal:
            self._record.passed("features", refusal)
            return
        self._refuse_error(stream, "features", {})
        features = features_of(stream)
        if features is None:
            raise StepFailed("features", "the server sends no stream features after TLS")
        offered = offered_by(features)
        self._record.facts.update(mechanisms=offered["mechanisms"], dialback=offered["dialback"])
        self._record.passed("features", offer_sentence(offered), **offered)

    def _fair_refusal(self, stream: Stream) -> Optional[str]:
        """Return what to say of a refusal that only concerns us, who show no certificate and may name no domain."""
        error = stream_error(stream)
        if error and error[0] in POLICY_ERRORS and not self._settings.from_domain:
            return f"the server turns away a peer that names no domain ({error[0]}), as an allow-list does"
        if error and error[0] == "not-authorized":
            return "the server turns away a peer without a certificate (not-authorized), as a strict one does"
        return None


def _clause(error: BaseException) -> str:
    """Say what the server did, after the words "the server"."""
    if isinstance(error, StreamFault):
        text = str(error)
        return text if text.startswith(("closed", "sends", "sent")) else f"does not speak XMPP: {text}"
    return f"does not go on: {reason(error)}"
