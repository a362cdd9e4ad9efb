"""A CA that works by hand: the request is laid ready in a folder; the answer is picked up from there by a later run."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Optional

from cryptography import x509

from ...errors import CheckFailed, FedgateError, InvalidValue
from ...plan import KNOWN_AFTER_APPLY, Change, Pending
from .. import chains, keys, requests, verification
from .base import Issuer, Order, Outcome, issued, read_file, write_file

#: Endings of files in which an answer is looked for.
ENDINGS = (".pem", ".crt", ".cer")
_REQUEST = ".csr.pem"
_SUMMARY = ".txt"
_NAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")


class Manual(Issuer):
    """``{kind: manual, requests_directory, trust_anchors}``.

    For each order ``<name>.csr.pem`` and ``<name>.txt`` are written; an answer is any PEM file in the same folder with
    a certificate for that key. Intermediates may lie in files of their own.
    """

    kind = "manual"

    def __init__(self, settings: Mapping[str, Any], warn: Callable[[str], None]) -> None:
        super().__init__(settings, warn)
        self.directory = os.path.abspath(os.path.expanduser(settings["requests_directory"]))
        self.answers: dict[str, list[x509.Certificate]] = {}
        self.warned: set[str] = set()
        self._anchors: Optional[list[x509.Certificate]] = None

    def observe(self, now: datetime) -> None:
        """Read every answer that lies in the folder; a file that cannot be read is warned about and skipped."""
        self.answers = {}
        try:
            entries = sorted(os.listdir(self.directory))
        except FileNotFoundError:
            return
        except OSError as error:
            raise InvalidValue(
                f"{self.directory} cannot be read: {error.strerror}",
                path="issuer.requests_directory",
                hint="Name a folder.",
            ) from error
        for entry in entries:
            if entry.lower().endswith(ENDINGS) and not entry.endswith(_REQUEST) and not entry.startswith("."):
                self._read_answer(entry)

    def _read_answer(self, entry: str) -> None:
        path = os.path.join(self.directory, entry)
        try:
            self.answers[entry] = chains.parse(read_file(path) or b"", path)
        except FedgateError as error:
            if entry not in self.warned:  # the folder is read twice in a run
                self.warn(f"not used as an answer: {error}")
            self.warned.add(entry)

    def look(self, order: Order, now: datetime) -> Outcome:
        """Return the answer if it is there, otherwise hand over the request (once) and wait."""
        if not _NAME.match(order.name):
            raise InvalidValue(f"'{order.name}' cannot name a file", path="requests.name", hint="Use the host's name.")
        if order.request is not None:
            chain = self._answer(order.request)
            if chain:
                return self._verified(chain, order, now)
            self._refuse_other_key(order)
        return Outcome("pending", change=self._hand_over(order), pending=self._waiting(order))

    def fulfil(self, order: Order, now: datetime) -> None:
        """Write the summary, then the request: the request is the one that says whether it was done."""
        for path, content in reversed(self._files(order.asked(), order)):
            write_file(path, content, 0o644)

    def _verified(self, chain: Sequence[x509.Certificate], order: Order, now: datetime) -> Outcome:
        if self._anchors is None:
            self._anchors = verification.load_anchors(self.settings.get("trust_anchors") or ())
        verification.verify(
            chain,
            anchors=self._anchors,
            key_fingerprint=order.asked().fingerprint,
            names=order.names,
            now=now,
            where=f"answer for {order.name} in {self.directory}",
        )
        return issued(chain)

    def _answer(self, request: requests.Request) -> list[x509.Certificate]:
        """Return the chain for a key; all files together are the pool from which it is built."""
        everything = [certificate for found in self.answers.values() for certificate in found]
        return chains.arrange(everything, request.fingerprint) if everything else []

    def _refuse_other_key(self, order: Order) -> None:
        """An answer under this order's name, put there after the request, that is for another key, is a mistake.

        An older one belongs to the previous request; it stays until the new answer comes.
        """
        for entry in (f"{order.name}.crt.pem", *(f"{order.name}{ending}" for ending in ENDINGS)):
            if entry in self.answers and self._newer_than_request(entry, order):
                found = keys.fingerprint(chains.arrange(self.answers[entry])[0].public_key())
                raise CheckFailed(
                    f"{os.path.join(self.directory, entry)}: certificate for another key: it is for {found}, "
                    f"the request was made with {order.asked().fingerprint}",
                    hint=f"Send {self._path(order, _REQUEST)} to the CA and put its answer there.",
                )

    def _newer_than_request(self, entry: str, order: Order) -> bool:
        try:
            asked = os.stat(self._path(order, _REQUEST)).st_mtime
            return os.stat(os.path.join(self.directory, entry)).st_mtime > asked
        except FileNotFoundError:
            return False

    def _hand_over(self, order: Order) -> Optional[Change]:
        path = self._path(order, _REQUEST)
        exists = os.path.exists(path)
        if order.request is not None and all(
            read_file(file) == content for file, content in self._files(order.request, order)
        ):
            return None
        fingerprint = order.request.fingerprint if order.request else KNOWN_AFTER_APPLY
        after = {"file": path, "names": list(order.names), "key_fingerprint": fingerprint}
        return Change(
            "update" if exists else "create", "request_file", order.name, {"file": path} if exists else None, after
        )

    def _waiting(self, order: Order) -> Pending:
        return Pending(
            "certificate",
            order.name,
            f"the CA: send it {self._path(order, _REQUEST)} and put the answer as {order.name}.crt.pem beside it, "
            "then run again",
        )

    def _files(self, request: requests.Request, order: Order) -> list[tuple[str, bytes]]:
        text = (
            f"Certificate request of {order.name} for {order.pool}\n\n{requests.summary(request)}\n"
            "Send the text below to the certification authority. Put its answer (PEM, with the intermediates)\n"
            f"into this folder as {order.name}.crt.pem and run the playbook again.\n\n{request.pem}"
        )
        return [(self._path(order, _REQUEST), request.pem.encode()), (self._path(order, _SUMMARY), text.encode())]

    def _path(self, order: Order, ending: str) -> str:
        return os.path.join(self.directory, order.name + ending)
