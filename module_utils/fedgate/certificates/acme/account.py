"""Our account at a CA: its key, made once; found by it, or created (RFC 8555 §7.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

import acme.messages
import josepy.b64
import josepy.jwa
import josepy.jwk
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ...errors import FedgateError, InvalidValue, Refused
from .. import keys
from ..settings import KeySettings
from . import words
from .session import Session
from .settings import AcmeSettings
from .state import ACCOUNT_KEY, ACCOUNTS, State

#: ECDSA curve → signature algorithm (RFC 7518 §3.1).
_ECDSA = {"secp256r1": josepy.jwa.ES256, "secp384r1": josepy.jwa.ES384}


@dataclass(frozen=True)
class Key:
    """The account's key, as the library wants it."""

    jwk: josepy.jwk.JWK
    alg: Any

    @property
    def thumbprint(self) -> str:
        """What the key is recognised by (RFC 7638)."""
        return josepy.b64.b64encode(self.jwk.thumbprint()).decode()


def read_key(settings: AcmeSettings, state: State) -> Optional[Key]:
    """Return the account's key, from the settings or from its file; None where it is yet to be made.

    :raises InvalidValue: it cannot be read, or is of a kind that CAs do not take.
    """
    if settings.account_key:
        return _as_key(keys.from_pem(settings.account_key.encode(), "issuer.acme.account_key"))
    pem = state.read(ACCOUNT_KEY)
    return _as_key(keys.from_pem(pem, state.path(ACCOUNT_KEY))) if pem else None


def make_key(state: State) -> Key:
    """Make the account's key and keep it, readable by its owner only."""
    private = keys.generate(KeySettings("ecdsa", None, "p256"))
    state.write(ACCOUNT_KEY, keys.to_pem(private))
    return _as_key(private)


def _as_key(private: keys.PrivateKey) -> Key:
    weakness = keys.weakness(private.public_key())
    if weakness:
        raise InvalidValue(
            f"the account's key is of no use: {weakness}", path="issuer.acme.account_key", hint="Give another one."
        )
    if isinstance(private, rsa.RSAPrivateKey):
        return Key(josepy.jwk.JWKRSA(key=private), josepy.jwa.RS256)
    assert isinstance(private, ec.EllipticCurvePrivateKey)  # noqa: S101 - the other kind that there is
    return Key(josepy.jwk.JWKEC(key=private), _ECDSA[private.curve.name])


def known(settings: AcmeSettings, state: State, key: Optional[Key]) -> Optional[dict[str, Any]]:
    """Return what an earlier run noted of the account: url, contact, caa_identities; None when it is unknown."""
    noted = state.load(ACCOUNTS).get(settings.directory_url)
    if noted is None or key is None or noted.get("key") != key.thumbprint:
        return None
    return dict(noted)


def terms(session: Session) -> str:
    """Return the address of the CA's terms."""
    return str(session.meta.terms_of_service or "the CA's web site")


def ensure(session: Session, state: State, key: Key) -> None:
    """Find the account by its key, or create it; keep its contact as wanted; note its URL.

    :raises FedgateError: the CA wants an external account binding, or refuses for another reason.
    """
    settings = session.settings
    noted = known(settings, state, key)
    found = _find(session)
    if found is None:
        found = _create(session, key)
    elif noted is None or list(noted.get("contact", ())) != list(settings.contact):
        with session.asking("the account's contact"):
            session.client.update_registration(found, acme.messages.Registration(contact=settings.contact))
    session.net.account = found
    accounts = state.load(ACCOUNTS)
    now = {
        "key": key.thumbprint,
        "url": found.uri,
        "contact": list(settings.contact),
        "caa_identities": list(session.meta.caa_identities or ()),
    }
    if accounts.get(settings.directory_url) != now:
        state.save(ACCOUNTS, {**accounts, settings.directory_url: now})


def _find(session: Session) -> Any:
    """Return the account that has our key, or None. Without a change at the CA (RFC 8555 §7.3.1)."""
    asked = acme.messages.RegistrationResource(body=acme.messages.Registration(), uri="")
    try:
        with session.asking("the account"):
            return session.client.query_registration(asked)
    except FedgateError as error:
        cause = error.__cause__
        if isinstance(cause, acme.messages.Error) and words.code_of(cause) == "accountDoesNotExist":
            session.net.account = None
            return None
        raise


def _create(session: Session, key: Key) -> Any:
    settings = session.settings
    if session.client.external_account_required() and not settings.eab_kid:
        raise InvalidValue(
            f"the CA {settings.directory_url} takes accounts only with an external account binding, and none is given",
            path="issuer.acme.eab_kid",
            hint="Get a key id and an HMAC key from the CA, and give them as eab_kid and eab_hmac_key (a vault).",
        )
    wanted: dict[str, Any] = {"contact": settings.contact, "terms_of_service_agreed": True}
    with session.asking("a new account"):
        if settings.eab_kid:
            wanted["external_account_binding"] = acme.messages.ExternalAccountBinding.from_data(
                key.jwk.public_key(), settings.eab_kid, settings.eab_hmac_key or "", session.client.directory
            )
        try:
            return session.client.new_account(acme.messages.NewRegistration(**wanted))
        except acme.messages.Error as error:
            if settings.eab_kid and words.code_of(error) in ("unauthorized", "malformed", "externalAccountRequired"):
                raise Refused(
                    f"a new account at {settings.directory_url}: the CA refuses the external account binding of "
                    f"eab_kid {settings.eab_kid!r} ({words.problem_text(error)})",
                    hint="Check eab_kid and eab_hmac_key against what the CA gave out; some can be used once only.",
                ) from error
            raise
