"""What a server holds: certificates in its stores, what is assigned to which use, files. Cmdlets only, never a script.

Files come and go by ``Set-Content`` and ``Get-Content`` with the content as a typed parameter: text, or bytes with
``-Encoding Byte``. Windows PowerShell 3 to 5.1 have these; what libraries for file transfer do runs a script there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ..certificates import chains, keys, requests
from ..certificates.chains import CertificateFacts
from ..errors import InvalidValue
from . import values
from .faults import CmdletFailed

#: The stores of the local computer: certificates in use, requests that wait, intermediate authorities, roots.
MY, REQUEST, AUTHORITIES, ROOTS = (f"Cert:\\LocalMachine\\{name}" for name in ("My", "REQUEST", "CA", "Root"))
_PROPERTIES = ("Thumbprint", "FriendlyName", "HasPrivateKey", "RawData")
#: Errors of Get-Content and Remove-Item where there is no such file.
_ABSENT = ("PathNotFound", "ItemNotFound")


class Calls(Protocol):
    """What is needed of a session."""

    def call(
        self, cmdlet: str, parameters: Mapping[str, Any] | None = None, *, select: Sequence[str] = ()
    ) -> list[Any]:
        """Call one cmdlet; see ``shell.Shell.call``."""


@dataclass(frozen=True)
class Stored:
    """One certificate in a store.

    :ivar thumbprint: SHA-1 in capitals, as Windows writes it.
    :ivar has_key: whether its private key is there.
    """

    certificate: x509.Certificate
    facts: CertificateFacts
    has_key: bool
    friendly_name: str = ""

    @property
    def thumbprint(self) -> str:
        """SHA-1 of the certificate in capitals: only a name here, as everywhere on Windows."""
        return thumbprint_of(self.certificate)


@dataclass(frozen=True)
class OnlineRequest:
    """A request at an enterprise CA, as ``Request-CsCertificate -List`` shows it.

    :ivar status: Issued, Denied or Pending.
    """

    number: int
    friendly_name: str
    status: str


@dataclass(frozen=True)
class Held:
    """What one server holds at one moment.

    :ivar certificates: those of the store My.
    :ivar assigned: thumbprint by use.
    :ivar waiting: thumbprint of the stand-in by the fingerprint of the key: requests whose answer is not there yet.
    :ivar requests: the requests of ours that lie there as files, PEM by order.
    :ivar online: requests at an enterprise CA.
    :ivar authorities: certificates of intermediate authorities; :ivar roots: trusted roots.
    :ivar refused: thumbprints with which services did not start there.
    """

    certificates: tuple[Stored, ...] = ()
    assigned: Mapping[str, str] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)
    online: tuple[OnlineRequest, ...] = ()
    authorities: tuple[x509.Certificate, ...] = ()
    roots: tuple[x509.Certificate, ...] = ()
    refused: frozenset[str] = frozenset()

    def find(self, thumbprint: str | None) -> Stored | None:
        """Return the certificate with a thumbprint."""
        return next((each for each in self.certificates if each.thumbprint == thumbprint), None)


def thumbprint_of(certificate: x509.Certificate) -> str:
    """Return the name that Windows has for a certificate."""
    return certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303


def look(shell: Calls) -> Held:
    """Return what is in the store My and what is assigned. :raises FedgateError: it cannot be read."""
    return Held(tuple(_stored(shell, MY)), _assigned(shell))


def look_closely(shell: Calls, files: Mapping[str, str], online: bool) -> Held:
    """Return all that matters on the server that makes the requests.

    :param files: path of the request's file by order.
    :param online: whether an enterprise CA is asked.
    """
    first = look(shell)
    waiting = {each.facts.key_fingerprint: each.thumbprint for each in _stored(shell, REQUEST)}
    found = {name: get_text(shell, path) for name, path in files.items()}
    return Held(
        first.certificates,
        first.assigned,
        waiting,
        {name: requests.plain(text) for name, text in found.items() if text is not None},
        tuple(_online(shell)) if online else (),
        tuple(each.certificate for each in _stored(shell, AUTHORITIES)),
        tuple(each.certificate for each in _stored(shell, ROOTS)) if online else (),
    )


def _stored(shell: Calls, store: str) -> Iterable[Stored]:
    for item in shell.call("Get-ChildItem", {"Path": store}, select=_PROPERTIES):
        found = values.properties(item)
        try:
            certificate = x509.load_der_x509_certificate(values.octets(found.get("RawData")))
            facts = chains.describe(certificate)
        except ValueError:
            continue  # roots of other people's making, which no verifier here could use either
        name = values.text(found.get("FriendlyName")) or ""
        yield Stored(certificate, facts, values.boolean(found.get("HasPrivateKey")), name)


def _assigned(shell: Calls) -> dict[str, str]:
    assigned = {}
    for item in shell.call("Get-CsCertificate", select=("Use", "Thumbprint")):
        found = values.properties(item)
        for use in values.texts(found.get("Use")):
            assigned[use] = str(values.text(found.get("Thumbprint")) or "").upper()
    return assigned


def _online(shell: Calls) -> Iterable[OnlineRequest]:
    for item in shell.call("Request-CsCertificate", {"List": None}):
        found = {name.lower(): value for name, value in values.properties(item).items()}
        yield OnlineRequest(
            values.number(found.get("requestid")) or 0,
            values.text(found.get("friendlyname")) or "",
            values.text(found.get("status")) or "",
        )


def assign(shell: Calls, thumbprint: str, uses: Sequence[str]) -> None:
    """Assign a certificate of the store to uses; also to go back to the one before (``Set-CsCertificate``).

    It takes effect when the services are started the next time.

    :raises CmdletFailed: there is no such certificate, or it has no private key.
    """
    shell.call("Set-CsCertificate", {"Type": list(uses), "Thumbprint": thumbprint, "Confirm": False})


def roll(shell: Calls, thumbprint: str, uses: Sequence[str], effective: str) -> None:
    """Have a certificate of the store follow the present one at a moment (``Set-CsCertificate -Roll -EffectiveDate``).

    :param effective: ISO 8601, in UTC; the server reads it as its own time of the same moment.
    """
    given = {"Type": list(uses), "Thumbprint": thumbprint, "Roll": None, "EffectiveDate": effective, "Confirm": False}
    shell.call("Set-CsCertificate", given)


def restore(shell: Calls, previous: Mapping[str, str]) -> None:
    """Assign again what was assigned before, one call for each certificate; for where a service does not start.

    :param previous: thumbprint by use, as ``lync_certificate`` returns it.
    """
    for thumbprint in dict.fromkeys(previous.values()):
        assign(shell, thumbprint, [use for use, one in previous.items() if one == thumbprint])


def put_text(shell: Calls, path: str, text: str) -> None:
    """Write a text file of ASCII, with Windows line ends."""
    shell.call("Set-Content", {"Path": path, "Value": text.splitlines(), "Encoding": "Ascii"})


def put_bytes(shell: Calls, path: str, data: bytes) -> None:
    """Write a file."""
    shell.call("Set-Content", {"Path": path, "Value": data, "Encoding": "Byte"})


def get_text(shell: Calls, path: str) -> str | None:
    """Return a text file with Unix line ends, None where there is none."""
    try:
        lines = shell.call("Get-Content", {"Path": path})
    except CmdletFailed as error:
        if error.error_id in _ABSENT:
            return None
        raise
    return "".join(f"{values.text(line)}\n" for line in lines)


def get_bytes(shell: Calls, path: str) -> bytes:
    """Return a file. :raises CmdletFailed: there is none."""
    found = shell.call("Get-Content", {"Path": path, "Encoding": "Byte", "ReadCount": 0})
    return b"".join(values.octets(item) for item in found)


def remove(shell: Calls, path: str) -> None:
    """Remove a file, or a certificate from a store; what is not there is no error."""
    try:
        shell.call("Remove-Item", {"Path": path, "Force": True})
    except CmdletFailed as error:
        if error.error_id not in _ABSENT:
            raise


def fingerprint_of(certificate: x509.Certificate) -> str:
    """Return the SHA-256 (hex) of a certificate's public key."""
    return keys.fingerprint(certificate.public_key())


def demand_directory(path: str) -> str:
    """Return a folder on the server without the backslash at its end. :raises InvalidValue: no absolute path."""
    if len(path) < 3 or path[1:3] != ":\\" or any(character in path for character in '"*?<>|[]`'):
        raise InvalidValue(
            f"'{path}' is no folder on a Windows server", path="directory", hint=r"Write it as C:\Windows\Temp."
        )
    return path.rstrip("\\")
