"""Any CA that speaks ACME (RFC 8555): certificates by dns-01, all orders of a run together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Optional

from ...errors import FedgateError, InvalidValue
from ...plan import KNOWN_AFTER_APPLY, Change
from .base import Issuer, Order, Outcome, issued

if TYPE_CHECKING:
    from ..acme.account import Key
    from ..acme.board import Board
    from ..acme.session import Session


class Acme(Issuer):
    """``{kind: acme, acme: {directory_url, state_directory, …}, trust_anchors}``.

    ``state_directory`` holds the account's key and URL, what was issued (``issued/<SHA-256 of the public key>.pem``),
    and notes of what is under way. Until something must be ordered, the CA is asked nothing.
    """

    kind = "acme"

    def __init__(self, settings: Mapping[str, Any], warn: Callable[[str], None]) -> None:
        super().__init__(settings, warn)
        from ..acme.library import require

        require()
        from ..acme.settings import AcmeSettings
        from ..acme.state import State

        self.wanted = AcmeSettings.of(settings)
        self.state = State(self.wanted.folder)
        self.anchors: Sequence[Any] = ()
        self.key: Optional[Key] = None
        self.board: Optional[Board] = None
        self.session: Optional[Session] = None

    def observe(self, now: datetime) -> None:
        """Look at what is kept on the controller. :raises FedgateError: settings, files or terms are not in order."""
        from .. import verification
        from ..acme import account
        from ..acme.board import Board

        if not self.wanted.dns_provider:
            raise InvalidValue(
                "the issuer acme has no DNS provider for its challenge records",
                path="issuer.acme.dns_provider",
                hint="Give acme.dns_provider, or federation_dns_provider for everything.",
            )
        self.state.check(self.warn)
        self.anchors = verification.load_anchors(self.wanted.trust_anchors)
        self.key = account.read_key(self.wanted, self.state)
        self.board = Board(self.wanted.dns_provider, self.wanted.resolvers, self.state, self.warn)
        if not self.wanted.agree_to_terms:
            raise self._terms()

    def _terms(self) -> InvalidValue:
        """Show what must be agreed to; where the CA cannot be asked, whose terms they are."""
        from ..acme import account
        from ..acme.session import Session

        session = Session(self.wanted)
        try:
            session.open()
            address = account.terms(session)
        except FedgateError:
            address = f"the CA {self.wanted.directory_url}"
        return InvalidValue(
            f"the terms of service of {self.wanted.directory_url} are not agreed to: {address}",
            path="issuer.acme.agree_to_terms",
            hint="Read them, and set federation_certificate.acme.agree_to_terms: true.",
        )

    def leftovers(self) -> Sequence[Change]:
        """Challenge records that a killed run may have left in DNS."""
        noted = self.board.noted() if self.board else {}
        return [
            Change("delete", "challenge_record", name, {"values": list(texts)}, None)
            for name, texts in sorted(noted.items())
        ]

    def tidy(self, now: datetime) -> None:
        """Remove them; what cannot be removed is warned about."""
        if self.board:
            self.board.clean()

    def preparations(self) -> Sequence[Change]:
        """One change when the account is yet to be found or created, or gets another contact."""
        from ..acme import account

        after = {"contact": list(self.wanted.contact)}
        noted = account.known(self.wanted, self.state, self.key)
        if noted is None:
            return (Change("create", "acme_account", self.wanted.directory_url, None, after),)
        before = {"contact": list(noted.get("contact", ()))}
        if before == after:
            return ()
        return (Change("update", "acme_account", self.wanted.directory_url, before, after),)

    def prepare(self, now: datetime) -> None:
        """Make the account's key, and find or create the account. :raises FedgateError: the CA does not let us."""
        from ..acme import account, profiles
        from ..acme.session import Session

        # An issuer with other settings may have made it a moment ago.
        self.key = account.read_key(self.wanted, self.state) or account.make_key(self.state)
        self.session = Session(self.wanted, self.key.jwk, self.key.alg)
        self.session.open()
        profiles.check(self.session)
        account.ensure(self.session, self.state, self.key)

    def look(self, order: Order, now: datetime) -> Outcome:
        """Return the certificate that this key already has, while it satisfies; otherwise plan to order one."""
        from ..acme import kept

        found = kept.of_order(self.state, order, self.warn)
        ours = found is not None and found.directory == self.wanted.directory_url
        if found and ours and kept.fault(found.chain, self.wanted, order, now, self.anchors) is None:
            return issued(found.chain)
        fields: dict[str, Any] = {
            "names": list(order.names),
            "issuer": self.wanted.directory_url,
            "not_after": KNOWN_AFTER_APPLY,
        }
        if self.wanted.profile:
            fields["profile"] = self.wanted.profile
        before = found.facts.as_fields() if found else None
        return Outcome(
            "planned",
            change=Change("update" if found else "create", "issued_certificate", order.name, before, fields),
        )

    def fulfil(self, order: Order, now: datetime) -> None:
        """Order one certificate; see :meth:`fulfil_all`."""
        for error in self.fulfil_all([order], now).values():
            raise error

    def fulfil_all(self, orders: Sequence[Order], now: datetime) -> dict[str, FedgateError]:
        """Order all certificates together; whatever happens, no challenge record of ours stays in DNS."""
        from ..acme import kept
        from ..acme.batch import Batch

        if self.session is None:
            self.prepare(now)
        assert self.session and self.key and self.board  # noqa: S101 - made by observe and prepare
        failed = Batch(self.session, self.key, self.board, self.state, self.anchors, self.warn).run(orders)
        kept.prune(self.state, now, self.warn)
        return failed

    def caa(self, names: Iterable[str]) -> list[dict[str, str]]:
        """Return CAA records for names, as soon as the account is known."""
        from ..acme import account, caa

        noted = account.known(self.wanted, self.state, self.key)
        return caa.records(names, noted) if noted else []
