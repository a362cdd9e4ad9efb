"""A private CA on the controller: for private networks and labs.

Of a request it takes the public key and nothing else; names and purposes are its own, from the model.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Optional

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from ...errors import CheckFailed, InvalidValue
from ...plan import KNOWN_AFTER_APPLY, Change
from .. import chains, library, requests, verification
from . import local_ca_authority as authority
from . import local_ca_revocation as revocation
from .base import Issuer, Order, Outcome, issued, read_file, serial_of, write_file

_DAYS = (1, 3650)


class LocalCa(Issuer):
    """``{kind: local_ca, directory, create, passphrase, organization, validity_days, client_auth, intermediate, ...}``.

    ``directory`` holds ``ca.pem``, ``ca-key.pem`` (0600) and ``issued/<SHA-256 of the public key>.pem``; with an
    intermediate also ``intermediate.pem`` and ``intermediate-key.pem``, with a revocation list ``crl.der``.
    """

    kind = "local_ca"
    keeps_up = True

    def __init__(self, settings: Mapping[str, Any], warn: Callable[[str], None]) -> None:
        super().__init__(settings, warn)
        self.directory = os.path.abspath(os.path.expanduser(settings["directory"]))
        self.life = timedelta(days=settings.get("validity_days") or 90)
        if not _DAYS[0] <= self.life.days <= _DAYS[1]:
            raise InvalidValue(
                f"{self.life.days} days of validity are not allowed",
                path="issuer.validity_days",
                hint=f"Allowed are {_DAYS[0]} to {_DAYS[1]}; 90 is the default.",
            )
        self.crl_url = _checked_url(settings.get("crl_url"))
        given = settings.get("revoked") or ()
        self.revoked = [serial_of(text, f"issuer.revoked[{index}]") for index, text in enumerate(given)]
        self.authority = authority.Authority(
            self.directory,
            settings.get("passphrase") or None,
            (settings.get("organization") or "").strip(),
            bool(settings.get("intermediate")),
            self.crl_url,
        )
        self.now = library.now()

    def observe(self, now: datetime) -> None:
        """Open the CA. :raises FedgateError: missing and not to be created, damaged, expired, wrong passphrase."""
        self.now = now
        self.authority.read(now, bool(self.settings.get("create")), self.warn)

    def preparations(self) -> Sequence[Change]:
        """One change for each of CA, intermediate and revocation list that is to be made."""
        return [*self.authority.lacking(), *self._list_changes()]

    def upkeep(self) -> Sequence[Change]:
        """Renew the revocation list of a CA that is there."""
        return self._list_changes() if self.authority.signer() else ()

    def prepare(self, now: datetime) -> None:
        """Create what is lacking, and write the revocation list."""
        if self.authority.lacking():
            self.observe(now)  # an issuer with other settings may have created it a moment ago
            self.authority.create(now)
        if self._list_changes():
            signer = self._signer()
            content = revocation.build(
                signer.certificate, signer.key, self.revoked, self._list(), now, now + revocation.LIFE
            )
            write_file(self.authority.path(revocation.FILE), content, 0o644)

    def _list(self) -> Optional[x509.CertificateRevocationList]:
        return revocation.read(read_file(self.authority.path(revocation.FILE)))

    def _list_changes(self) -> list[Change]:
        if not self.crl_url and not self.revoked:
            return []
        found, signer = self._list(), self.authority.signer()
        if signer and not revocation.due(found, signer.certificate, self.revoked, self.now):
            return []
        return [revocation.change(self.authority.path(revocation.FILE), found, self.revoked)]

    def look(self, order: Order, now: datetime) -> Outcome:
        """Return the certificate that this key already has, while it satisfies; otherwise plan to sign."""
        kept = self._kept(order)
        if kept and self._satisfies(kept, order, now):
            return issued(kept)
        signer = self.authority.signer()
        kind = "Issuing CA" if self.authority.intermediate else "CA"
        fields = {
            "names": list(order.names),
            "issuer": (signer.certificate.subject if signer else self.authority.subject(kind)).rfc4514_string(),
            "purposes": ["serverAuth", "clientAuth"] if order.client_auth else ["serverAuth"],
            "not_after": KNOWN_AFTER_APPLY,
        }
        before = chains.describe(kept[0]).as_fields() if kept else None
        action = "update" if kept else "create"
        return Outcome("planned", change=Change(action, "issued_certificate", order.name, before, fields))  # type: ignore[arg-type]

    def fulfil(self, order: Order, now: datetime) -> None:
        """Sign, verify, keep."""
        chain = [self._sign(order, now), *self.authority.above()]
        self._verify(chain, order, now)
        write_file(self._kept_path(order.asked()), chains.to_pem(chain).encode(), 0o644)

    def _sign(self, order: Order, now: datetime) -> x509.Certificate:
        signer = self._signer()
        public = order.asked().public
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH] + [ExtendedKeyUsageOID.CLIENT_AUTH] * order.client_auth
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name(requests.common_name(order.names)))
            .issuer_name(signer.certificate.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(now - authority.BACKDATED, library.not_before(signer.certificate)))
            .not_valid_after(min(now + self.life, library.not_after(signer.certificate)))
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(authority.usage(encipherment=isinstance(public, rsa.RSAPublicKey)), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            # Without a subject, the names must be critical (RFC 5280 §4.2.1.6).
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name) for name in order.names]),
                critical=not requests.common_name(order.names),
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(revocation.identifier_of(signer.certificate), critical=False)
        )
        if self.crl_url:
            builder = builder.add_extension(authority.distribution(self.crl_url), critical=False)
        return builder.sign(signer.key, hashes.SHA256())

    def _signer(self) -> authority.Signer:
        signer = self.authority.signer()
        if signer is None:
            raise InvalidValue(f"there is no CA in {self.directory}", path="issuer.directory", hint="Create it first.")
        return signer

    def _satisfies(self, kept: Sequence[x509.Certificate], order: Order, now: datetime) -> bool:
        facts = chains.describe(kept[0])
        if order.is_replaced(kept[0]) or kept[0].serial_number in self.revoked:
            return False
        if set(facts.names) != set(order.names) or facts.client_auth != order.client_auth:
            return False
        if now >= facts.not_after - (facts.not_after - facts.not_before) / 3:
            return False
        try:
            self._verify(kept, order, now)
        except CheckFailed:  # another CA lies there now
            return False
        return True

    def _verify(self, chain: Sequence[x509.Certificate], order: Order, now: datetime) -> None:
        verification.verify(
            chain,
            anchors=[self.authority.root] if self.authority.root else [],
            key_fingerprint=order.asked().fingerprint,
            names=order.names,
            now=now,
            where=order.name,
        )

    def _kept(self, order: Order) -> Sequence[x509.Certificate]:
        if order.request is None or self.authority.root is None:
            return ()
        path = self._kept_path(order.request)
        pem = read_file(path)
        return chains.parse(pem, path) if pem else ()

    def _kept_path(self, request: requests.Request) -> str:
        return self.authority.path(os.path.join("issued", f"{request.fingerprint}.pem"))


def _checked_url(url: Optional[str]) -> Optional[str]:
    if url and not url.startswith("http://"):
        raise InvalidValue(
            f"'{url}' is no address of a revocation list",
            path="issuer.crl_url",
            hint="It must begin with http://; by https it could not be judged without itself.",
        )
    return url or None
