"""What waits for a CA that works by hand: the files that are handed over, and the list of them for people."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Optional

from ...errors import CheckFailed, InvalidValue
from .. import requests
from ..requests import Request
from .base import Order, read_file, write_file

LIST = "WAITING.txt"
#: The same list for the next run; people read the other one.
_STATE = ".waiting.json"
REQUEST = ".csr.pem"
SUMMARY = ".txt"
#: First words of each summary, by which it is known again.
LETTER_HEAD = "Certificate request of "


@dataclass(frozen=True)
class Entry:
    """One request that was handed over and not answered yet.

    :ivar pool: FQDN of its pool.
    :ivar file: path of the request.
    :ivar fingerprint: of its key.
    :ivar since: when it was handed over, as text.
    """

    pool: str
    file: str
    fingerprint: str
    since: str


class WaitingList:
    """The requests that wait in a folder, by the names of their orders.

    :param directory: the folder; need not exist.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.entries: dict[str, Entry] = {}

    def read(self) -> None:
        """Read the list; who takes a request away takes it from the list too."""
        content = read_file(os.path.join(self.directory, _STATE))
        try:
            known = json.loads(content or b"{}")
            found = {name: Entry(**entry) for name, entry in known.items()}
        except (ValueError, TypeError, AttributeError):  # the requests are still there, and are listed anew
            found = {}
        self.entries = {name: entry for name, entry in found.items() if os.path.exists(entry.file)}

    def with_entry(self, name: str, entry: Optional[Entry]) -> None:
        """Put an entry onto the list, or take it off, and write both files."""
        self.read()  # others of the same folder may have written
        if entry is None:
            self.entries.pop(name, None)
        else:
            self.entries[name] = entry
        state = json.dumps({key: asdict(value) for key, value in sorted(self.entries.items())}, indent=1)
        write_file(os.path.join(self.directory, _STATE), state.encode() + b"\n", 0o644)
        path = os.path.join(self.directory, LIST)
        if self.entries:
            write_file(path, self.text().encode(), 0o644)
        else:
            _remove(path)

    def is_written(self) -> bool:
        """Tell whether the list for people says what waits; a killed run may have left an older one."""
        content = read_file(os.path.join(self.directory, LIST))
        return content == (self.text().encode() if self.entries else None)

    def text(self) -> str:
        """Return the list for people: pool, file, since when, what to do."""
        lines = [
            "Certificate requests that wait for an answer",
            "",
            "Send each request to the certification authority; the text file beside it is ready to send.",
            "Put the answer into this folder, under any name, as PEM, DER, PKCS#7 or PKCS#12, and run the",
            "playbook again. Intermediate certificates may lie in files of their own.",
            "Fedgate writes this list: what is answered leaves it. To give a request up, delete its file.",
        ]
        for name, entry in sorted(self.entries.items()):
            lines += [
                "",
                entry.pool if name == entry.pool else f"{entry.pool} ({name})",
                f"  waits since:     {entry.since}",
                f"  request:         {entry.file}",
                f"  text to send:    {summary_path(entry.file)}",
                f"  answer into:     {self.directory}",
                f"  key fingerprint: {entry.fingerprint}",
            ]
        return "\n".join(lines) + "\n"


def request_path(directory: str, order: Order, given: Optional[str]) -> str:
    """Return where an order's request is laid.

    :param given: the issuer's ``request_file``, absolute or relative to the folder; ``<name>.csr.pem`` without it.
    :raises InvalidValue: it would be the list, or its own summary.
    """
    if not given:
        return os.path.join(directory, order.name + REQUEST)
    path = os.path.abspath(os.path.join(directory, os.path.expanduser(given)))
    if given.endswith(os.sep) or os.path.isdir(path):
        raise InvalidValue(f"{given} is a folder", path="issuer.request_file", hint="Name a file.")
    if path.endswith(SUMMARY):
        raise InvalidValue(
            f"{given} is the name of a text file, which the summary beside the request gets",
            path="issuer.request_file",
            hint="Use another ending, such as .csr, .req or .pem.",
        )
    return path


def summary_path(request_file: str) -> str:
    """Return the path of the summary beside a request."""
    stem = request_file[: -len(REQUEST)] if request_file.endswith(REQUEST) else os.path.splitext(request_file)[0]
    return stem + SUMMARY


def letter(request: Request, order: Order, settings: Mapping[str, object]) -> str:
    """Return the text beside a request: the summary for review, then what can be sent as it is."""
    wanted = request.settings
    organization = ", ".join(part for part in (wanted.subject.organization, wanted.subject.organizational_unit) if part)
    days = settings.get("validity_days")
    purposes = ", ".join(wanted.as_fields()["purposes"])
    facts = [
        ("Organisation", organization),
        ("Server", f"{order.pool} (XMPP server-to-server federation)"),
        ("Product", "TLS server certificate, validated for every name below"),
        ("Template", wanted.template),
        ("Names", f"\n{' ' * 14}".join(wanted.names)),
        ("Key", f"{wanted.key} (SHA-256 of the public key {request.fingerprint})"),
        ("Purposes", purposes),
        ("Validity", f"{days} days" if days else "as long as you grant"),
    ]
    said = "".join(f"  {label + ':':<12}{value}\n" for label, value in facts if value)
    return (
        f"{LETTER_HEAD}{order.name} for {order.pool}\n\n"
        f"Review it:\n\n{_indented(requests.summary(request))}\n"
        "Then send what follows to the certification authority.\n"
        "------------------------------------------------------------\n"
        f"Subject: Certificate request for {order.pool}\n\n"
        "Dear Sir or Madam,\n\n"
        "please issue a certificate for the request at the end of this message:\n\n"
        f"{said}\n"
        "Each name must be certified as a subject alternative name (dNSName). Please send the certificate together\n"
        "with all intermediate certificates, as PEM or PKCS#7. Please do not make a key for us.\n\n"
        f"Kind regards\n{organization or order.pool}\n\n"
        f"{request.pem}"
    )


def refuse_other(path: str, name: str, taken: dict[str, str]) -> None:
    """Note who uses a request file. :raises CheckFailed: another order does already."""
    other = taken.setdefault(path, name)
    if other != name:
        raise CheckFailed(
            f"{path} is the request file of {other} too",
            path="issuer.request_file",
            hint="Give each pool a federation_certificate.request_file of its own, or none.",
        )


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" if line else "\n" for line in text.splitlines())


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise CheckFailed(
            f"{path} cannot be removed: {error.strerror}", hint="Look at the folder's permissions."
        ) from error
