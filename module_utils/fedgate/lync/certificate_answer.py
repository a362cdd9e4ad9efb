"""The answer of an authority, on the controller: read, matched with the request that waits, and verified as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from ..certificates import chains, formats, keys, verification
from ..errors import CheckFailed, InvalidValue
from .certificate_orders import Order
from .certificate_store import Held, thumbprint_of


@dataclass(frozen=True)
class Answer:
    """A verified answer.

    :ivar chain: the certificate first, then its issuers, without the root.
    :ivar key: the private key that came with it (PKCS#12); None where the server has it.
    """

    chain: tuple[x509.Certificate, ...]
    key: keys.PrivateKey | None = field(default=None, repr=False)

    @property
    def thumbprint(self) -> str:
        """The name that Windows will have for it."""
        return thumbprint_of(self.chain[0])


def read(order: Order, held: Held, host: str, now: datetime) -> Answer | None:
    """Return the answer to what waits on a server; None: there is none yet, or the one there was taken long ago.

    :raises InvalidValue: it cannot be read.
    :raises CheckFailed: it answers another request, or is not good enough; nothing was changed.
    """
    data, where = _content(order)
    if data is None:
        return None
    key, certificates = _opened(order, data, where)
    if key is not None:
        return _of_own_key(order, held, certificates, key, where, now)
    for fingerprint in _waiting(order, held):
        chain = chains.arrange(certificates, fingerprint)
        if chain:
            verify(order, [*chain, *_above(chain, held)], fingerprint, now, where)
            return Answer(tuple(chain))
    leaf = chains.arrange(certificates)[0]
    if any(each.certificate == leaf for each in held.certificates):
        return None
    raise CheckFailed(
        f"{where} answers another request: it is for the key {keys.fingerprint(leaf.public_key())}, "
        f"{_waits(order, held, host)}",
        hint=f"It names {', '.join(chains.describe(leaf).names) or 'nobody'}. Put the answer to the present request of "
        f"{order.name} there.",
    )


def verify(order: Order, chain: Sequence[x509.Certificate], fingerprint: str, now: datetime, where: str) -> None:
    """Check key, dates, names, strength, purpose and the way to a root. :raises CheckFailed: the first thing wrong."""
    verification.verify(
        chain,
        anchors=verification.load_anchors(order.anchors),
        key_fingerprint=fingerprint,
        names=order.wanted.names,
        now=now,
        where=where,
    )


def verify_stored(order: Order, chain: Sequence[x509.Certificate], held: Held, now: datetime, where: str) -> None:
    """Check a certificate that the server has already; with an enterprise CA, its own roots are the measure."""
    anchors = verification.load_anchors(order.anchors) if order.anchors or order.ca is None else list(held.roots)
    verification.verify(
        chain,
        anchors=anchors,
        key_fingerprint=keys.fingerprint(chain[0].public_key()),
        names=order.wanted.names,
        now=now,
        where=where,
    )


def demand(thumbprint: str | None, name: str, host: str) -> None:
    """:raises CheckFailed: what the CA has issued cannot serve the order it was asked for."""
    if thumbprint is None:
        raise CheckFailed(
            f"what the enterprise CA has issued for {name} cannot serve on {host}",
            hint="See the warnings: names, key, dates, or the way to a root are not as wanted.",
        )


def _content(order: Order) -> tuple[bytes | None, str]:
    if order.chain:
        return order.chain.encode(), f"the chain of {order.name}"
    if not order.answer:
        return None, ""
    path = os.path.expanduser(order.answer)
    try:
        with open(path, "rb") as file:
            return file.read(), path
    except FileNotFoundError:
        return None, path
    except OSError as error:
        raise InvalidValue(
            f"{path} cannot be read: {error.strerror}", path="answer", hint="Give the user that runs Ansible access."
        ) from error


def _opened(order: Order, data: bytes, where: str) -> tuple[keys.PrivateKey | None, list[x509.Certificate]]:
    if formats.kind_of(data) == formats.PKCS12:
        return formats.pkcs12_of(data, order.password, where)
    return None, formats.certificates_of(data, where)


def _of_own_key(
    order: Order,
    held: Held,
    certificates: list[x509.Certificate],
    key: keys.PrivateKey,
    where: str,
    now: datetime,
) -> Answer | None:
    fingerprint = keys.fingerprint(key.public_key())
    chain = chains.arrange(certificates, fingerprint)
    stored = held.find(thumbprint_of(chain[0]))
    if stored is not None and stored.has_key:
        return None
    verify(order, [*chain, *_above(chain, held)], fingerprint, now, where)
    return Answer(tuple(chain), key)


def _above(chain: Sequence[x509.Certificate], held: Held) -> list[x509.Certificate]:
    """Return the issuers that the answer leaves out and the server has."""
    full = chains.arrange([*chain, *held.authorities], keys.fingerprint(chain[0].public_key()))
    return full[len(chain) :]


def _waiting(order: Order, held: Held) -> Iterable[str]:
    """Yield the keys that an answer may be for: that of our own request first, then those of others' wizards."""
    from ..certificates import requests

    others = set()
    for name, pem in held.requests.items():
        fingerprint = requests.read(pem, name).fingerprint
        if name == order.name and fingerprint in held.waiting:
            yield fingerprint
        others.add(fingerprint)
    yield from sorted(set(held.waiting) - others)


def _waits(order: Order, held: Held, host: str) -> str:
    waiting = list(_waiting(order, held))
    if not waiting:
        return f"and no request waits for an answer on {host}"
    return f"and what waits for an answer on {host} is the key {', '.join(waiting)}"


def pfx(answer: Answer, password: str) -> bytes:
    """Return PKCS#12 under another password, in the only protection that every supported Windows reads.

    3DES and SHA-1 (PKCS#12, RFC 7292 appendix C): Windows before Server 2019 opens nothing newer. What protects the key
    on its way is TLS; the password is random and serves once.
    """
    protection = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(10000)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303
        .build(password.encode())
    )
    leaf, *others = answer.chain
    return pkcs12.serialize_key_and_certificates(None, answer.key, leaf, others, protection)
