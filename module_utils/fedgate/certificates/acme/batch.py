"""All orders of a run, together: each step is taken for all of them before the next (RFC 8555 §7.1.6)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

import acme.challenges
import acme.errors
import acme.messages

from ...errors import CheckFailed, FedgateError, Refused, Unreachable
from .. import library
from ..issuers.base import Order
from . import kept, notes, words
from .account import Key
from .board import Board, Proof
from .certificate import download
from .session import Session
from .state import State

#: Seconds between two looks at what the CA is at: the first, and the longest.
_PAUSES = (0.25, 5.0)
_PENDING = acme.messages.STATUS_PENDING


@dataclass
class Running:
    """One order on its way.

    :ivar resource: the library's order, once the CA has opened it.
    :ivar error: why it ended without a certificate.
    :ivar unfinished: our time was over before the CA's work was.
    """

    order: Order
    resource: Any = None
    done: bool = False
    error: Optional[FedgateError] = None
    unfinished: bool = False

    @property
    def alive(self) -> bool:
        """Whether something is still to be done for it."""
        return not self.done and self.error is None

    @property
    def over(self) -> bool:
        """Whether the CA will do nothing more for it; otherwise a later run may pick up what it does."""
        return not self.alive and not self.unfinished and not isinstance(self.error, Unreachable)


@dataclass
class Waiting:
    """One authorization that is to be proven; orders with the same name may share it.

    :ivar resource: the library's authorization.
    :ivar challenge: its dns-01 challenge.
    """

    resource: Any
    challenge: Any
    domain: str
    text: str
    orders: list[Running] = field(default_factory=list)
    proof: Optional[Proof] = None
    proven: bool = False

    def fail(self, error: FedgateError) -> None:
        """End all orders that need it."""
        for running in self.orders:
            running.error = running.error or error

    @property
    def alive(self) -> bool:
        """Whether any order still needs it."""
        return not self.proven and any(running.alive for running in self.orders)


class Batch:
    """The orders of one issuer in one run.

    :param session: open, with the account.
    :param anchors: what chains must lead to.
    """

    def __init__(
        self,
        session: Session,
        key: Key,
        board: Board,
        state: State,
        anchors: Sequence[Any],
        warn: Callable[[str], None],
    ) -> None:
        self._session = session
        self._key = key
        self._board = board
        self._state = state
        self._anchors = anchors
        self._warn = warn
        self._deadline = time.monotonic() + session.settings.timeout

    def run(self, orders: Sequence[Order]) -> dict[str, FedgateError]:
        """Carry all orders through. :returns: what went wrong, by the order's name."""
        running = [Running(order) for order in orders]
        try:
            for each in running:
                self._each(each, self._open)
            self._prove(running)
            self._finalize(running)
        finally:
            self._tidy([each.order for each in running if each.over])
        return {each.order.name: each.error for each in running if each.error}

    def _tidy(self, over: Sequence[Order]) -> None:
        try:
            self._board.clean()
            notes.forget(self._state, over)
        except FedgateError as error:  # what was issued is issued
            self._warn(f"not tidied up, a later run tries again: {error}")
        finally:
            self._board.close()

    def _each(self, running: Running, step: Callable[[Running], None]) -> None:
        """Take a step of one order, if it is alive; what goes wrong ends that order only."""
        if running.alive:
            try:
                step(running)
            except FedgateError as error:
                running.error = error

    # Opening

    def _open(self, running: Running) -> None:
        """Go on with an order that a killed run has brought far enough; otherwise open a new one."""
        order = running.order
        running.resource = notes.resume(self._session, self._state, order)
        if running.resource is None:
            with self._session.asking(f"the order for {order.name}"):
                running.resource = self._session.client.new_order(
                    order.asked().pem.encode(), self._session.settings.profile
                )
            notes.note(self._state, self._session.settings.directory_url, order, running.resource.uri)

    # Proving

    def _prove(self, running: Sequence[Running]) -> None:
        """Show that all names are ours: all records at once, then all challenges."""
        waiting = self._waiting(running)
        for each in waiting:
            try:
                each.proof = Proof(each.domain, self._board.locate(each.domain), each.text)
            except FedgateError as error:
                each.fail(error)
        self._shown(waiting, self._board.publish)
        seconds = min(self._session.settings.propagation_timeout, self._left())
        self._shown(waiting, lambda proofs: self._board.wait(proofs, seconds))
        for each in waiting:
            if each.alive:
                self._guarded(each, self._answer)
        for _ in self._rounds(f"{len(waiting)} authorizations"):
            for each in waiting:
                if each.alive:
                    self._guarded(each, self._poll)
            if not any(each.alive for each in waiting):
                return
        for each in waiting:
            if each.alive:
                each.fail(self._too_slow(f"the authorization of {each.domain}"))

    def _waiting(self, running: Sequence[Running]) -> list[Waiting]:
        """Return the authorizations that are still to be proven, each once."""
        found: dict[str, Waiting] = {}
        for each in running:
            for resource in each.resource.authorizations if each.alive else ():
                if resource.body.status == acme.messages.STATUS_VALID:
                    continue
                if resource.uri not in found:
                    try:
                        found[resource.uri] = self._chosen(resource)
                    except FedgateError as error:
                        each.error = error
                        break
                found[resource.uri].orders.append(each)
        return list(found.values())

    def _chosen(self, resource: Any) -> Waiting:
        domain = resource.body.identifier.value
        if resource.body.status != _PENDING:
            raise Refused(
                f"the authorization of {domain} is {resource.body.status.name} before it was tried",
                hint="Run again: a new order gets a new one.",
            )
        for challenge in resource.body.challenges:
            if isinstance(challenge.chall, acme.challenges.DNS01):
                text = challenge.chall.validation(self._key.jwk)
                return Waiting(resource, challenge, domain, text)
        raise Refused(
            f"the CA offers no dns-01 challenge for {domain}", hint="Use a CA that does; no other way is known here."
        )

    def _shown(self, waiting: Sequence[Waiting], step: Callable[[list[Proof]], dict[str, FedgateError]]) -> None:
        """Take a step with the records of all authorizations that are alive."""
        alive = [each for each in waiting if each.alive and each.proof]
        failed = step([each.proof for each in alive if each.proof])
        for each in alive:
            error = failed.get(each.proof.target) if each.proof else None
            if error is not None:
                each.fail(error)

    def _guarded(self, waiting: Waiting, step: Callable[[Waiting], None]) -> None:
        try:
            step(waiting)
        except FedgateError as error:
            waiting.fail(error)

    def _answer(self, waiting: Waiting) -> None:
        with self._session.asking(f"the challenge for {waiting.domain}"):
            self._session.client.answer_challenge(waiting.challenge, waiting.challenge.response(self._key.jwk))

    def _poll(self, waiting: Waiting) -> None:
        with self._session.asking(f"the authorization of {waiting.domain}"):
            waiting.resource, _ = self._session.client.poll(waiting.resource)
        body = waiting.resource.body
        if body.status == acme.messages.STATUS_VALID:
            waiting.proven = True
        elif body.status != _PENDING:
            raise self._not_proven(waiting, body)

    def _not_proven(self, waiting: Waiting, body: Any) -> Refused:
        """Show the CA's reason, and what DNS answers now, while the record is still there."""
        problems = [each.error for each in body.challenges if each.error is not None]
        reason = "; ".join(words.problem_text(each) for each in problems) or f"it is {body.status.name}"
        proof = waiting.proof
        return Refused(
            f"the CA does not accept the challenge for {waiting.domain}: {reason}. It looked at {proof} for "
            f'"{waiting.text}"; our resolvers answer there now: {self._board.seen(proof) if proof else "nothing"}',
            hint="Look whether the CA sees another zone than we do (name servers, a view, DNSSEC); then run again.",
        )

    # Finalizing

    def _finalize(self, running: Sequence[Running]) -> None:
        """Hand over the requests, and fetch what is issued."""
        for _ in self._rounds("the orders"):
            for each in running:
                self._each(each, self._advance)
            if not any(each.alive for each in running):
                return
        for each in running:
            if each.alive:
                each.unfinished = True
                each.error = self._too_slow(f"the order for {each.order.name}")

    def _advance(self, running: Running) -> None:
        """Take the next step of one order, whatever that is."""
        session, what = self._session, f"the order for {running.order.name}"
        with session.asking(what):
            body = acme.messages.Order.from_json(session.fetch(running.resource.uri).json())
            running.resource = running.resource.update(body=body)
            if body.status == acme.messages.STATUS_READY:
                running.resource = session.client.begin_finalization(running.resource)
                body = running.resource.body
        if body.status == acme.messages.STATUS_INVALID:
            raise _invalid(what, body)
        if body.status == acme.messages.STATUS_VALID and body.certificate:
            self._take(running, body.certificate)

    def _take(self, running: Running, url: str) -> None:
        chain = download(self._session, url, running.order, self._warn)
        fault = kept.fault(chain, self._session.settings, running.order, library.now(), self._anchors)
        if fault is not None:
            raise fault
        kept.keep(self._state, self._session.settings, running.order, chain)
        running.done = True

    # Time

    def _left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _rounds(self, what: str) -> Iterator[None]:
        """Yield until the time is over, with growing pauses between; as long as the CA asks for, if it does."""
        pause = _PAUSES[0]
        while True:
            yield
            if self._left() < pause:
                return
            time.sleep(min(max(pause, self._asked_pause()), self._left()))
            pause = min(pause * 1.5, _PAUSES[1])

    def _asked_pause(self) -> float:
        asked: Optional[str] = None
        with contextlib.suppress(AttributeError):
            asked = self._session.net.last.headers.get("Retry-After")
        return float(asked) if asked and asked.isdigit() else 0.0

    def _too_slow(self, what: str) -> CheckFailed:
        return CheckFailed(
            f"{what} at {self._session.settings.directory_url} did not come to its end within "
            f"{self._session.settings.timeout} s",
            hint="Run again: what the CA has issued meanwhile is picked up; or raise acme.timeout.",
        )


def _invalid(what: str, body: Any) -> FedgateError:
    """Say why an order will come to nothing."""
    if body.error is not None:
        return words.explain(body.error, what)
    if body.expires is not None and body.expires <= library.now():
        return Refused(f"{what} has expired ({library.text_of(body.expires)})", hint="Run again: a new order is made.")
    return Refused(f"{what} is invalid; the CA gives no reason", hint="Run again: a new order is made.")
