"""What ``lync_certificate`` does on servers, one step each; every file that it leaves there meanwhile is removed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..certificates import chains
from ..certificates.settings import KeySettings
from ..errors import CheckFailed, FedgateError
from . import certificate_store as store
from . import values
from .certificate_answer import Answer, pfx
from .certificate_decision import check_request, friendly_name
from .certificate_orders import Order
from .certificate_store import Calls
from .faults import CmdletFailed

_CURVES = {"p256": "ECDH_P256", "p384": "ECDH_P384", "p521": "ECDH_P521"}
#: Of a one-time password.
_OCTETS = 32


class Paths:
    """Where the files of an order lie on a server.

    :param directory: a folder that is there, which nobody but administrators can read what they write to.
    """

    def __init__(self, directory: str) -> None:
        self.directory = store.demand_directory(directory)

    def request(self, order: Order) -> str:
        """The request; it stays, as what its answer is matched with."""
        return f"{self.directory}\\fedgate-{order.name}.csr"

    def answer(self, order: Order) -> str:
        """The answer, while it is imported."""
        return f"{self.directory}\\fedgate-{order.name}.cer"

    def issuers(self, order: Order) -> str:
        """The issuers' certificates, while they are imported."""
        return f"{self.directory}\\fedgate-{order.name}-issuers.cer"

    def key(self, order: Order) -> str:
        """Certificate and key under a one-time password, while they are on their way."""
        return f"{self.directory}\\fedgate-{order.name}.pfx"


def request(shell: Calls, order: Order, paths: Paths, former: str | None) -> None:
    """Have the server make a key and a request (``Request-CsCertificate -New``).

    :param former: thumbprint of the stand-in of an earlier request of ours that does not fit any more.
    """
    if former:
        store.remove(shell, f"{store.REQUEST}\\{former}")
    shell.call("Request-CsCertificate", {**_asked(order), **_receiver(order, paths)})


def check(shell: Calls, order: Order, paths: Paths, host: str) -> None:
    """Look at the request that was made. :raises Refused: it is for other names than the inventory has; it is gone."""
    pem = store.get_text(shell, paths.request(order)) or ""
    try:
        check_request(order, pem, host)
    except FedgateError:
        _take_back(shell, order, paths, pem)
        raise


def _take_back(shell: Calls, order: Order, paths: Paths, pem: str) -> None:
    from ..certificates import requests

    held = store.look_closely(shell, {}, online=False)
    waiting = held.waiting.get(requests.read(pem, order.name).fingerprint) if pem else None
    if waiting:
        store.remove(shell, f"{store.REQUEST}\\{waiting}")
    store.remove(shell, paths.request(order))


def _asked(order: Order) -> dict[str, Any]:
    """Return the wizard's fields as parameters; an empty one is left out."""
    wanted, subject = order.wanted, order.wanted.subject
    fields = {
        "ComputerFqdn": order.computer,
        "FriendlyName": friendly_name(order),
        "Template": wanted.template,
        "Organization": subject.organization,
        "OU": subject.organizational_unit,
        "City": subject.city,
        "State": subject.state,
        "Country": subject.country,
        "DomainName": ",".join(wanted.names),
    }
    switches = {"AllSipDomain": None} if order.all_sip_domains else {}
    return {
        "New": None,
        "Type": list(order.uses),
        **{name: value for name, value in fields.items() if value},
        **_key(wanted.key),
        "PrivateKeyExportable": wanted.exportable,
        "ClientEKU": wanted.client_auth,
        **switches,
        "Confirm": False,
    }


def _key(key: KeySettings) -> dict[str, Any]:
    if key.type == "rsa":
        return {"KeyAlg": "RSA", "KeySize": key.size}
    return {"KeyAlg": _CURVES[key.curve or "p256"]}


def _receiver(order: Order, paths: Paths) -> dict[str, Any]:
    if order.ca is None:
        return {"Output": paths.request(order)}
    account = {"CaAccount": order.ca.account, "CaPassword": order.ca.password} if order.ca.account else {}
    return {"CA": order.ca.name, **account}


def retrieve(shell: Calls, number: int) -> None:
    """Fetch what an enterprise CA has granted (``Request-CsCertificate -Retrieve``)."""
    shell.call("Request-CsCertificate", {"Retrieve": None, "RequestId": number, "Confirm": False})


def take(shell: Calls, order: Order, answer: Answer, paths: Paths) -> None:
    """Import an answer; its issuers first, so that the server can send the whole chain."""
    issuers(shell, order, answer.chain[1:], paths)
    if answer.key is not None:
        password = secrets.token_urlsafe(_OCTETS)
        bring(shell, order, pfx(answer, password), password, paths)
        return
    with _gone_afterwards(shell, paths.answer(order)) as path:
        store.put_text(shell, path, chains.to_pem(answer.chain[:1]))
        shell.call("Import-CsCertificate", {"Path": path, "Confirm": False})


def issuers(shell: Calls, order: Order, found: Any, paths: Paths) -> None:
    """Put the certificates of intermediate authorities where Windows looks for them."""
    for certificate in found:
        with _gone_afterwards(shell, paths.issuers(order)) as path:
            store.put_text(shell, path, chains.to_pem([certificate]))
            shell.call("Import-Certificate", {"FilePath": path, "CertStoreLocation": store.AUTHORITIES})


def share(source: Calls, receiver: Calls, order: Order, thumbprint: str, found: Any, paths: Paths) -> None:
    """Copy a certificate with its key to another member of the pool, under a password that serves once.

    The controller holds the copy in memory only; the password is nowhere but there and in the two sessions.

    :raises CheckFailed: the key may not leave the server that has it.
    """
    password = secrets.token_urlsafe(_OCTETS)
    with _gone_afterwards(source, paths.key(order)) as path:
        _export(source, order, thumbprint, path, password)
        data = store.get_bytes(source, path)
    issuers(receiver, order, found, paths)
    bring(receiver, order, data, password, paths)


def _export(source: Calls, order: Order, thumbprint: str, path: str, password: str) -> None:
    given = {
        "Cert": f"{store.MY}\\{thumbprint}",
        "FilePath": path,
        "Password": values.Secret(password),
        "ChainOption": "EndEntityCertOnly",
        "Force": True,
    }
    try:
        source.call("Export-PfxCertificate", given)
    except CmdletFailed as error:
        raise CheckFailed(
            f"the key of {order.name} cannot be copied to the other members of the pool: {error.message}",
            hint="A key that was made as not exportable stays so: have a new request made with force: true.",
        ) from None


def bring(shell: Calls, order: Order, data: bytes, password: str, paths: Paths) -> None:
    """Import a certificate with its key (PKCS#12)."""
    with _gone_afterwards(shell, paths.key(order)) as path:
        store.put_bytes(shell, path, data)
        shell.call(
            "Import-CsCertificate",
            {
                "Path": path,
                "Password": password,
                "PrivateKeyExportable": order.settings is None or order.wanted.exportable,
                "Confirm": False,
            },
        )


@contextmanager
def _gone_afterwards(shell: Calls, path: str) -> Iterator[str]:
    try:
        yield path
    finally:
        store.remove(shell, path)
