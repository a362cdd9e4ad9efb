"""Opens an order (RFC 8555 §7.4), and says which certificate it will replace (RFC 9773 §5)."""

from __future__ import annotations

import base64
from typing import Any, Optional

import acme.errors
import acme.messages
import josepy.json_util
from cryptography import x509

from ...errors import FedgateError
from ..issuers.base import Order
from . import kept, words
from .session import Session
from .state import State

#: How a CA may say that it does not want to hear of the certificate that is replaced.
_NOT_THIS_ONE = ("alreadyReplaced", "malformed", "unauthorized", "notFound", "serverInternal")


class NewOrder(acme.messages.NewOrder):
    """The library's message, with the field that it lacks."""

    replaces: Optional[str] = josepy.json_util.field("replaces", omitempty=True)


def open_order(session: Session, state: State, order: Order) -> Any:
    """Return the library's order as the CA has opened it, with its authorizations.

    A CA that gives renewal information is told what is replaced: many then count it towards no rate limit.

    :raises FedgateError: the CA refuses.
    """
    before = _replaced(session, state, order)
    if before is not None:
        try:
            with session.asking(f"the order for {order.name}"):
                return _ask(session, order, before)
        except FedgateError as error:
            cause = error.__cause__
            conflict = isinstance(cause, acme.errors.ConflictError)
            problem = isinstance(cause, acme.messages.Error) and words.code_of(cause) in _NOT_THIS_ONE
            if not conflict and not problem:
                raise
    with session.asking(f"the order for {order.name}"):
        return _ask(session, order, None)


def _ask(session: Session, order: Order, replaces: Optional[str]) -> Any:
    identifiers = [acme.messages.Identifier(typ=acme.messages.IDENTIFIER_FQDN, value=name) for name in order.names]
    directory = session.client.directory
    wanted = NewOrder(identifiers=identifiers, profile=session.settings.profile, replaces=replaces)
    answer = session.net.post(directory.newOrder, wanted, new_nonce_url=directory.newNonce)
    body = acme.messages.Order.from_json(answer.json())
    authorizations = [
        acme.messages.AuthorizationResource(
            uri=url, body=acme.messages.Authorization.from_json(session.fetch(url).json())
        )
        for url in body.authorizations
    ]
    return acme.messages.OrderResource(
        body=body,
        uri=answer.headers["Location"],
        authorizations=authorizations,
        csr_pem=order.asked().pem.encode(),
    )


def _replaced(session: Session, state: State, order: Order) -> Optional[str]:
    """Return the identifier of the certificate that serves now, if this CA issued it and wants to know."""
    if not order.replaces or not hasattr(session.client.directory, "renewalInfo"):
        return None
    for each in kept.of_directory(state, session.settings.directory_url, lambda text: None):
        if each.facts.serial == order.replaces.lower():
            return identifier(each.chain[0])
    return None


def identifier(certificate: x509.Certificate) -> Optional[str]:
    """Return what renewal information knows a certificate by (RFC 9773 §4.1); None when it names no authority key."""
    try:
        authority = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return None
    number = certificate.serial_number
    # As DER has it: with a leading zero where the first bit is set.
    serial = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return f"{_packed(authority)}.{_packed(serial)}" if authority else None


def _packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
