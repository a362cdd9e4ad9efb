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
from .. import chains, keys, library, requests, sealing, verification
from . import manual_answers, manual_waiting
from .base import Issuer, Order, Outcome, issued, read_file, write_file
from .manual_answers import Answer
from .manual_waiting import Entry, WaitingList

_NAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")
#: What a private key that came with an answer is sealed for; ``edge_certificate`` says the same.
SEALED_FOR = "fedgate certificate key {pool}"


class Manual(Issuer):
    """``{kind: manual, requests_directory, request_file, trust_anchors, pkcs12_password, validity_days}``.

    For each order ``<name>.csr.pem`` and ``<name>.txt`` are written, and ``WAITING.txt`` lists what waits; an answer is
    any file in the same folder with a certificate for that key.
    """

    kind = "manual"

    def __init__(self, settings: Mapping[str, Any], warn: Callable[[str], None]) -> None:
        super().__init__(settings, warn)
        self.directory = os.path.abspath(os.path.expanduser(settings["requests_directory"]))
        self.waiting = WaitingList(self.directory)
        self.answers: list[Answer] = []
        self.taken: dict[str, str] = {}
        self._anchors: Optional[list[x509.Certificate]] = None

    def observe(self, now: datetime) -> None:
        """Read the list and every answer in the folder; a file that cannot be used is warned about and skipped."""
        self.waiting.read()
        self.taken = {}
        self.answers = []
        password = self.settings.get("pkcs12_password") or None
        for answer in manual_answers.read_all(self.directory, self._own_files(), password):
            if answer.problem:
                self.warn(f"not used as an answer: {answer.problem}")
            self.answers.append(answer)
        self._warn_of_strangers()

    def look(self, order: Order, now: datetime) -> Outcome:
        """Return the answer if it is there, otherwise hand over the request (once) and wait."""
        if not _NAME.match(order.name):
            raise InvalidValue(
                f"'{order.name}' cannot name a file", path="requests.name", hint="Use the name of the host or pool."
            )
        path = manual_waiting.request_path(self.directory, order, self.settings.get("request_file"))
        manual_waiting.refuse_other(path, order.name, self.taken)
        answered = self._answered(order, now) or self._brought(order, now)
        if answered:
            return self._off_the_list(answered, order)
        self._refuse_named(order, path)
        return Outcome("pending", change=self._hand_over(order, path), pending=self._waits(order, path))

    def fulfil(self, order: Order, now: datetime) -> None:
        """Write the summary, the request and the list; or take from the list what was answered."""
        if self._answered(order, now) or self._brought(order, now):
            self.waiting.with_entry(order.name, None)
            return
        path = manual_waiting.request_path(self.directory, order, self.settings.get("request_file"))
        request = order.asked()
        # The request comes last of the two: it is what a killed run is judged by.
        for file, content in reversed(self._files(request, order, path)):
            write_file(file, content, 0o644)
        old = self.waiting.entries.get(order.name)
        since = old.since if old and old.fingerprint == request.fingerprint else library.text_of(now)
        self.waiting.with_entry(order.name, Entry(order.pool, path, request.fingerprint, since))

    def _answered(self, order: Order, now: datetime) -> Optional[Outcome]:
        """Return the newest good answer to the request. :raises FedgateError: there are answers, and none is good."""
        if order.request is None:
            return None
        first: Optional[FedgateError] = None
        for chain in manual_answers.chains_for(self.answers, order.request.fingerprint, order):
            try:
                self._verify(
                    chain, order, order.request.fingerprint, now, f"answer for {order.name} in {self.directory}"
                )
            except CheckFailed as error:
                first = first or error
                continue
            self._warn_of_own_key(order)
            return issued(chain)
        if first:
            raise first
        return None

    def _brought(self, order: Order, now: datetime) -> Optional[Outcome]:
        """Return an answer that comes with a private key of its own, for exactly the names of the order."""
        first: Optional[FedgateError] = None
        for answer in manual_answers.brought_for(self.answers, order, self.waiting.entries):
            key = answer.key
            assert key is not None  # noqa: S101 - that is what was asked for
            fingerprint = keys.fingerprint(key.public_key())
            chain = manual_answers.chains_for([answer, *self.answers], fingerprint, order)[0]
            try:
                self._verify(chain, order, fingerprint, now, f"{answer.path} for {order.name}")
            except CheckFailed as error:
                first = first or error
                continue
            self.warn(
                f"{answer.path} brings the private key of {order.pool}: somebody else has made that key and knows it. "
                "Better have a request signed; delete the file once the certificate is installed."
            )
            return self._sealed(issued(chain), keys.to_pem(key), order)
        if first:
            raise first
        return None

    def _sealed(self, outcome: Outcome, pem: bytes, order: Order) -> Outcome:
        sealed = {}
        for host, public in order.recipients.items():
            try:
                sealed[host] = sealing.seal(public, pem, SEALED_FOR.format(pool=order.pool))
            except InvalidValue as error:  # one member that offers nonsense stops no other
                self.warn(f"{host} gets no key: {error}")
        if order.recipients and not sealed:
            raise InvalidValue(f"no member of {order.pool} offers a key to which its private key could be sealed")
        status = "issued" if sealed else "key_brought"
        return Outcome(status, chain=outcome.chain, facts=outcome.facts, sealed_keys=sealed)

    def _off_the_list(self, outcome: Outcome, order: Order) -> Outcome:
        entry = self.waiting.entries.get(order.name)
        if entry is None and self.waiting.is_written():
            return outcome
        before = {"file": entry.file if entry else self.waiting.directory}
        change = Change("delete", "waiting_request", order.name, before, None)
        return Outcome(
            outcome.status, chain=outcome.chain, facts=outcome.facts, change=change, sealed_keys=outcome.sealed_keys
        )

    def _verify(
        self, chain: Sequence[x509.Certificate], order: Order, fingerprint: str, now: datetime, where: str
    ) -> None:
        if self._anchors is None:
            self._anchors = verification.load_anchors(self.settings.get("trust_anchors") or ())
        verification.verify(
            chain, anchors=self._anchors, key_fingerprint=fingerprint, names=order.names, now=now, where=where
        )

    def _warn_of_own_key(self, order: Order) -> None:
        for answer in self.answers:
            if answer.key and keys.fingerprint(answer.key.public_key()) == order.asked().fingerprint:
                self.warn(
                    f"{answer.path} holds the private key of {order.pool}, which was never to leave its host. It is "
                    "not taken from there; delete the file, and find out who exported the key."
                )

    def _warn_of_strangers(self) -> None:
        """Name the files that answer nothing here, as soon as there is something to compare with."""
        requested = [_request_in(entry.file) for entry in self.waiting.entries.values()]
        known = {name for request in requested if request for name in request.settings.names}
        for answer in self.answers:
            if not known or answer.problem or _is_authority(answer.leaf):
                continue
            found = chains.describe(answer.leaf).names
            if not known & set(found):
                self.warn(
                    f"{answer.path} is a certificate for {', '.join(found) or 'no name'}: nobody here waits for it. "
                    "Once it is of no use, delete it."
                )

    def _refuse_named(self, order: Order, path: str) -> None:
        """A file under this order's name, put there after the request, that does not answer it, is a mistake.

        An older one belongs to the previous request; it stays until the new answer comes.
        """
        handed_over = _request_in(path)
        if not handed_over or not order.request or handed_over.fingerprint != order.request.fingerprint:
            return
        for answer in self.answers:
            if not _is_newer(answer, path) or (answer.certificates and _is_authority(answer.leaf)):
                continue
            if not answer.is_named_for(order):
                self._warn_of_misfit(answer, order)
                continue
            if answer.problem:
                raise answer.problem
            if answer.key:
                self._refuse_names(answer, order)
            elif order.request and not order.is_replaced(answer.leaf):
                raise CheckFailed(_other_key(answer, order.request), hint=f"Send {path} to the CA for a new one.")

    def _refuse_names(self, answer: Answer, order: Order) -> None:
        found = set(chains.describe(answer.leaf).names)
        lacking, more = sorted(set(order.names) - found), sorted(found - set(order.names))
        said = [f"it lacks {', '.join(lacking)}"] if lacking else []
        said += [f"it has also {', '.join(more)}"] if more else []
        if said:
            raise CheckFailed(
                f"{answer.path} is not for exactly the names of {order.pool}: {'; '.join(said)}",
                hint="A certificate with a key of its own is taken for exactly these names only.",
            )

    def _warn_of_misfit(self, answer: Answer, order: Order) -> None:
        if answer.problem or order.request is None or order.is_replaced(answer.leaf):
            return
        if set(order.names) <= set(chains.describe(answer.leaf).names) and answer.key is None:
            self.warn(f"not used as an answer: {_other_key(answer, order.request)}")

    def _hand_over(self, order: Order, path: str) -> Optional[Change]:
        old = _request_in(path)
        fingerprint = order.request.fingerprint if order.request else KNOWN_AFTER_APPLY
        after = {"file": path, "names": list(order.names), "key_fingerprint": fingerprint}
        before = {"file": path, "names": list(old.settings.names), "key_fingerprint": old.fingerprint} if old else None
        if order.request is not None and self._is_handed_over(order, order.request, path):
            return None
        waits = self.waiting.entries.get(order.name)
        if waits and order.request and waits.fingerprint != order.request.fingerprint:
            self.warn(
                f"the request of {order.name} in {waits.file} was replaced by a new one, with another key. If the old "
                "one was sent already, send this one instead."
            )
        if before is None and os.path.exists(path):
            before = {"file": path}
        return Change("create" if before is None else "update", "request_file", order.name, before, after)

    def _is_handed_over(self, order: Order, request: requests.Request, path: str) -> bool:
        entry = self.waiting.entries.get(order.name)
        listed = entry is not None and (entry.pool, entry.file, entry.fingerprint) == (
            order.pool, path, request.fingerprint,
        )  # fmt: skip
        files = self._files(request, order, path)
        return listed and self.waiting.is_written() and all(read_file(file) == content for file, content in files)

    def _waits(self, order: Order, path: str) -> Pending:
        return Pending(
            "certificate",
            order.name,
            f"the CA: send it {path} ({os.path.basename(manual_waiting.summary_path(path))} is ready to send), "
            f"put the answer, any file, into {self.directory}, and run again",
        )

    def _files(self, request: requests.Request, order: Order, path: str) -> list[tuple[str, bytes]]:
        text = manual_waiting.letter(request, order, self.settings)
        return [(path, request.pem.encode()), (manual_waiting.summary_path(path), text.encode())]

    def _own_files(self) -> list[str]:
        files = [entry.file for entry in self.waiting.entries.values()]
        given = self.settings.get("request_file")
        if given:
            files.append(os.path.abspath(os.path.join(self.directory, os.path.expanduser(given))))
        return [os.path.join(self.directory, manual_waiting.LIST), *files]


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _is_newer(answer: Answer, request_file: str) -> bool:
    try:
        return answer.written > os.stat(request_file).st_mtime
    except FileNotFoundError:
        return False


def _other_key(answer: Answer, request: requests.Request) -> str:
    found = keys.fingerprint(answer.leaf.public_key())
    return (
        f"{answer.path}: certificate for another key: it is for {found}, "
        f"the request was made with {request.fingerprint}"
    )


def _request_in(path: str) -> Optional[requests.Request]:
    """Return the request that was handed over, None where there is none that can be read."""
    content = read_file(path)
    try:
        return requests.read(content.decode("ascii", "replace"), path) if content else None
    except FedgateError:
        return None
