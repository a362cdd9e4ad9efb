"""What every issuer gives: one file an issuer, one line in the table of ``issuers/__init__.py``."""

from __future__ import annotations

import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Optional

from cryptography import x509

from ...errors import CheckFailed, FedgateError, InvalidValue
from ...plan import Change, Pending
from .. import chains
from ..chains import CertificateFacts
from ..requests import Request


@dataclass(frozen=True)
class Order:
    """One certificate wanted.

    :ivar name: whose request it is, unique in a run: the inventory hostname.
    :ivar pool: FQDN of its pool.
    :ivar names: what the model gives that pool, normalised; the only names that are ever certified.
    :ivar request: the request as read and checked; None in check mode, where it would first be made.
    :ivar client_auth: certify clientAuth too, where this issuer can.
    :ivar replaces: serial number (hex) of the certificate that serves now; it is never the answer again, also where the
        new request is for the same key.
    :ivar template: the template that the request names; empty where there is none.
    :ivar recipients: public keys (base64) of the hosts to which a key that comes with an answer is sealed, by host.
    """

    name: str
    pool: str
    names: tuple[str, ...]
    request: Optional[Request]
    client_auth: bool = False
    replaces: Optional[str] = None
    template: str = ""
    recipients: Mapping[str, str] = field(default_factory=dict)

    def is_replaced(self, certificate: x509.Certificate) -> bool:
        """Tell whether this is the certificate that serves now, and so no answer."""
        return self.replaces is not None and certificate.serial_number == serial_of(self.replaces, "requests.replaces")

    def asked(self) -> Request:
        """Return the request, where there must be one. :raises InvalidValue: there is none."""
        if self.request is None:
            raise InvalidValue(
                f"{self.name} gives no request", path="requests.csr", hint="Only check mode may do without."
            )
        return self.request


@dataclass(frozen=True)
class Outcome:
    """How one order stands.

    :ivar status: ``issued``, ``pending`` (someone else must act), ``planned`` (we would act now), ``failed``, or
        ``key_brought`` (there is a certificate, but its key came with it and has still to be handed over: the order
        needs recipients).
    :ivar chain: PEM, the edge's certificate first, when issued.
    :ivar facts: of that certificate.
    :ivar error: why it failed.
    :ivar change: what ``fulfil`` would do now, None when there is nothing to do.
    :ivar pending: what is waited for.
    :ivar sealed_keys: the private key that came with the answer (PKCS#8 PEM), sealed to each recipient, by host.
    """

    status: str
    chain: Optional[str] = None
    facts: Optional[CertificateFacts] = None
    error: Optional[str] = None
    change: Optional[Change] = None
    pending: Optional[Pending] = None
    sealed_keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def brings_key(self) -> bool:
        """Tell whether the certificate is for another key than the request's."""
        return self.status == "key_brought" or bool(self.sealed_keys)


class Issuer(ABC):
    """Someone who signs.

    :param settings: the module's ``issuer`` argument.
    :param warn: shows a warning in the run.
    """

    #: Its name in an inventory.
    kind: str
    #: Whether it has something to keep up (a revocation list) also when nobody orders anything.
    keeps_up = False

    def __init__(self, settings: Mapping[str, Any], warn: Callable[[str], None]) -> None:
        self.settings = settings
        self.warn = warn

    @abstractmethod
    def observe(self, now: datetime) -> None:
        """Look at the issuer itself. :raises FedgateError: it cannot serve any order; nothing was changed."""

    def preparations(self) -> Sequence[Change]:
        """Return what the issuer itself needs first, such as a CA to be created."""
        return ()

    def prepare(self, now: datetime) -> None:
        """Carry out the preparations; most issuers need none."""
        return

    def upkeep(self) -> Sequence[Change]:
        """Return what the issuer itself must renew now, orders or not; with orders it is part of ``prepare``."""
        return ()

    def leftovers(self) -> Sequence[Change]:
        """Return what a killed run left behind and must go, whether or not there is an order now."""
        return ()

    def tidy(self, now: datetime) -> None:
        """Remove the leftovers; what cannot be removed is warned about, and stops nobody."""
        return

    def caa(self, names: Iterable[str]) -> list[dict[str, str]]:
        """Return CAA records (name, value) that bind the names to this issuer; most issuers have none."""
        return []

    @abstractmethod
    def look(self, order: Order, now: datetime) -> Outcome:
        """Say how an order stands; changes nothing. :raises FedgateError: this order cannot be fulfilled."""

    @abstractmethod
    def fulfil(self, order: Order, now: datetime) -> None:
        """Do for one order what ``look`` planned. :raises FedgateError: it could not be done."""

    def fulfil_all(self, orders: Sequence[Order], now: datetime) -> dict[str, FedgateError]:
        """Do for all orders what ``look`` planned; one that fails never stops the others.

        :returns: what went wrong, by the order's name.
        """
        failed: dict[str, FedgateError] = {}
        for order in orders:
            try:
                self.fulfil(order, now)
            except FedgateError as error:
                failed[order.name] = error
        return failed


def issued(chain: Sequence[x509.Certificate]) -> Outcome:
    """Return the outcome of a verified chain."""
    return Outcome("issued", chain=chains.to_pem(chain), facts=chains.describe(chain[0]))


def serial_of(text: str, path: str) -> int:
    """Return a serial number written in hexadecimal, with or without colons. :raises InvalidValue: it is not."""
    try:
        return int(str(text).replace(":", "").strip(), 16)
    except ValueError as error:
        raise InvalidValue(
            f"'{text}' is not a serial number", path=path, hint="Write it in hexadecimal, as a text: '0a1b2c'."
        ) from error


def read_file(path: str) -> Optional[bytes]:
    """Return a file's bytes, None when there is none. :raises InvalidValue: it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidValue(
            f"{path} cannot be read: {error.strerror}", hint="Give the user that runs Ansible access."
        ) from error


def write_file(path: str, content: bytes, mode: int) -> None:
    """Write a file whole or not at all, with its folder (0700). :raises CheckFailed: the disk refused."""
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(prefix=".new-", dir=folder)
        try:
            with open(descriptor, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.rename(beside, path)
        except OSError:
            os.unlink(beside)
            raise
    except OSError as error:
        raise CheckFailed(
            f"{path} cannot be written: {error.strerror}", hint="Look at space and permissions on the controller."
        ) from error
