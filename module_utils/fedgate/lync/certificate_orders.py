"""What ``lync_certificate`` is told about each certificate, read and checked before any server is reached."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..certificates.renewal import Rules
from ..certificates.settings import RequestSettings
from ..errors import FedgateError, InvalidValue, raise_together

#: What an Edge Server uses certificates for (``-Type``); all but the last are shown to the outside.
USES = ("AccessEdgeExternal", "DataEdgeExternal", "AudioVideoAuthentication", "Internal")
#: One certificate of a public authority serves these two.
PUBLIC_USES = USES[:2]
MEDIA_USE = "AudioVideoAuthentication"
#: Request-CsCertificate, parameter KeySize; 1024 is too weak for anybody.
_SIZES = (2048, 4096)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_THUMBPRINT = re.compile(r"[0-9A-F]{40}")


@dataclass(frozen=True)
class EnterpriseCa:
    """A certification authority of Windows that is asked at once.

    :ivar name: ``<host>\\<name>``, as ``certutil`` shows it (Config).
    :ivar account: ``DOMAIN\\name`` that asks; None for the session's own.
    """

    name: str
    account: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Order:
    """One certificate wanted.

    :ivar name: which one; unique in a call, and part of file names on the server.
    :ivar uses: what it is to be assigned to; of ``USES``.
    :ivar settings: what it has to say; None where only ``thumbprint`` is given.
    :ivar rules: when it is due.
    :ivar all_sip_domains: let the server add ``sip.<domain>`` for each SIP domain of the topology.
    :ivar computer: FQDN of the computer in the topology; None for the one that is asked.
    :ivar ca: the enterprise CA; None for a request by file.
    :ivar answer: path of the authority's answer on the controller.
    :ivar chain: the answer itself, PEM.
    :ivar signed_now: whether the request is signed in the same run, so that nobody else is waited for.
    :ivar password: of an answer that is PKCS#12.
    :ivar anchors: PEM files on the controller with the roots that it may lead to.
    :ivar thumbprint: the certificate to assign, which is in the store already; nothing else is done then.
    :ivar request_file: where the request is laid on the controller.
    """

    name: str
    uses: tuple[str, ...]
    settings: RequestSettings | None
    rules: Rules
    all_sip_domains: bool = False
    computer: str | None = None
    ca: EnterpriseCa | None = None
    answer: str | None = None
    chain: str | None = None
    signed_now: bool = False
    password: str | None = field(default=None, repr=False)
    anchors: tuple[str, ...] = ()
    thumbprint: str | None = None
    request_file: str | None = None

    @property
    def wanted(self) -> RequestSettings:
        """What it has to say, where it is more than a thumbprint."""
        if self.settings is None:
            raise ValueError("an order by thumbprint says nothing about the certificate")
        return self.settings


def read_orders(given: Sequence[Mapping[str, Any]], members: int) -> list[Order]:
    """Read the option ``certificates``.

    :param members: how many servers share each certificate.
    :raises InvalidValue: what is not allowed, or does not go together; all of it at once.
    """
    errors: list[FedgateError] = []
    orders: list[Order] = []
    for index, item in enumerate(given):
        try:
            orders.append(_read(item, members))
        except InvalidValue as error:
            error.path = ".".join(filter(None, (f"certificates[{index}]", error.path)))
            errors.append(error)
    errors += _doubles(orders)
    raise_together(errors)
    return orders


def _read(item: Mapping[str, Any], members: int) -> Order:
    if not _NAME.fullmatch(item["name"]):
        raise InvalidValue(
            f"'{item['name']}' cannot name a file on the server",
            path="name",
            hint="Allowed are letters, digits, dots, hyphens and underscores.",
        )
    uses = tuple(dict.fromkeys(item["uses"]))
    if not uses:
        raise InvalidValue("a certificate without any use", path="uses", hint=f"Allowed: {', '.join(USES)}.")
    if item.get("thumbprint"):
        return Order(item["name"], uses, None, Rules(), thumbprint=_thumbprint(item))
    settings, ca = _settings(item, members), _ca(item)
    _refuse_together(item)
    return Order(
        item["name"],
        uses,
        settings,
        Rules.of(item),
        bool(item.get("all_sip_domains")),
        item.get("computer_fqdn"),
        ca,
        item.get("answer"),
        item.get("chain") or None,
        bool(item.get("signed_now")),
        item.get("pkcs12_password"),
        tuple(item.get("trust_anchors") or ()),
        request_file=item.get("request_file"),
    )


def _thumbprint(item: Mapping[str, Any]) -> str:
    found = re.sub(r"[\s:\u200e]", "", item["thumbprint"]).upper()  # as copied from the console, with its mark
    if not _THUMBPRINT.fullmatch(found):
        raise InvalidValue(
            f"'{item['thumbprint']}' is no thumbprint",
            path="thumbprint",
            hint="Write the 40 hexadecimal digits that Get-CsCertificate shows.",
        )
    return found


def _settings(item: Mapping[str, Any], members: int) -> RequestSettings:
    if not item.get("names"):
        raise InvalidValue(
            "there is no name to certify",
            path="names",
            hint="Give names, the Access Edge FQDN first, or thumbprint for a certificate that is there already.",
        )
    settings = RequestSettings.of(item)
    if settings.key.type == "rsa" and settings.key.size not in _SIZES:
        raise InvalidValue(
            f"Request-CsCertificate makes no RSA key of {settings.key.size} bits",
            path="key.size",
            hint="Allowed: 2048, 4096.",
        )
    if members > 1 and not settings.exportable:
        raise InvalidValue(
            f"the {members} members of the pool share this certificate, so its key must reach all of them",
            path="exportable",
            hint="Leave exportable out, or make each member a pool of its own.",
        )
    return settings


def _ca(item: Mapping[str, Any]) -> EnterpriseCa | None:
    name, account, password = item.get("ca"), item.get("ca_account"), item.get("ca_password")
    if not name:
        if account or password:
            raise InvalidValue("ca_account and ca_password need ca", path="ca", hint="Name the enterprise CA.")
        return None
    if not re.fullmatch(r"[^\\]+\\[^\\]+", name):
        raise InvalidValue(
            f"'{name}' names no enterprise CA",
            path="ca",
            hint=r"Write it as host\name, as certutil shows it (Config): ca1.contoso.example\Contoso CA.",
        )
    if bool(account) != bool(password):
        raise InvalidValue(
            "ca_account and ca_password go together, and only one of them is set",
            path="ca_account",
            hint="Set both, the password from a vault, or neither.",
        )
    return EnterpriseCa(name, account, password)


def _refuse_together(item: Mapping[str, Any]) -> None:
    if item.get("answer") and item.get("chain"):
        raise InvalidValue("answer and chain are the same thing", path="answer", hint="Give one of them.")
    for name in ("answer", "chain", "request_file", "signed_now"):
        if item.get("ca") and item.get(name):
            raise InvalidValue(
                f"{name} has no meaning with ca, which is asked without any file", path=name, hint="Leave one out."
            )


def _doubles(orders: Iterable[Order]) -> list[FedgateError]:
    found: list[FedgateError] = []
    names: dict[str, str] = {}
    for order in orders:
        if order.name.lower() in names:
            found.append(
                InvalidValue(f"two certificates are named {order.name}", path="certificates", hint="Name each once.")
            )
        for use in order.uses:
            if use in names:
                found.append(
                    InvalidValue(
                        f"both {names[use]} and {order.name} are to serve {use}",
                        path="certificates.uses",
                        hint="A use has one certificate.",
                    )
                )
            names[use] = order.name
        names[order.name.lower()] = order.name
    return found
