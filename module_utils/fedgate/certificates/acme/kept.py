"""Certificates that were issued, kept on the controller: a run that is repeated asks the CA nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Optional

from ...errors import CheckFailed, FedgateError
from .. import chains, library, verification
from ..issuers.base import Order
from .settings import AcmeSettings
from .state import ISSUED, State

_FACT = re.compile(r"^# (directory|pool|name|profile): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Kept:
    """One certificate that is kept.

    :ivar directory: URL of the CA that issued it.
    :ivar chain: the edge's certificate first.
    """

    file: str
    directory: str
    pool: str
    name: str
    chain: Sequence[Any]

    @property
    def facts(self) -> chains.CertificateFacts:
        """The facts of the edge's certificate."""
        return chains.describe(self.chain[0])


def load(state: State, file: str) -> Optional[Kept]:
    """Read one file, None where there is none. :raises InvalidValue: it is damaged."""
    raw = state.read(file)
    if raw is None:
        return None
    said = dict(_FACT.findall(raw.decode("utf-8", "replace")))
    chain = chains.parse(raw, state.path(file))
    return Kept(file, said.get("directory", ""), said.get("pool", ""), said.get("name", ""), chain)


def of_order(state: State, order: Order, warn: Callable[[str], None]) -> Optional[Kept]:
    """Return what is kept for the key of an order's request; a damaged file is warned about, and of no use."""
    if order.request is None:
        return None
    try:
        return load(state, _file(order))
    except FedgateError as error:
        warn(f"not used: {error}")
        return None


def keep(state: State, settings: AcmeSettings, order: Order, chain: Sequence[Any]) -> None:
    """Keep what was issued for an order; what it belongs to stands above it, as PEM allows."""
    said = {"directory": settings.directory_url, "pool": order.pool, "name": order.name}
    lines = [f"# {key}: {' '.join(value.split())}" for key, value in said.items()]
    state.write(_file(order), ("\n".join(lines) + "\n" + chains.to_pem(chain)).encode(), 0o644)


def prune(state: State, now: datetime, warn: Callable[[str], None]) -> None:
    """Remove certificates that have expired: nobody asks for them any more."""
    for file in state.issued():
        try:
            found = load(state, file)
        except FedgateError as error:
            warn(f"not looked at: {error}")
            continue
        if found and found.facts.not_after < now:
            os.unlink(state.path(file))


def fault(
    found: Sequence[Any], settings: AcmeSettings, order: Order, now: datetime, anchors: Sequence[Any]
) -> Optional[FedgateError]:
    """Say why a chain is not what an order asks for, None when it is."""
    facts = chains.describe(found[0])
    if set(facts.names) != set(order.names):
        return CheckFailed(
            f"{order.name}: the CA certified other names than were asked for: {', '.join(facts.names)}",
            hint="Nothing was installed. Run again; ask the CA if it stays so.",
        )
    if order.replaces and facts.serial == order.replaces.lower():
        return CheckFailed(f"{order.name}: the CA gave the certificate that serves already", hint="Run again.")
    if now >= facts.not_after - (facts.not_after - facts.not_before) / 3:
        return CheckFailed(
            f"{order.name}: two thirds of the certificate's life are gone (it ends {library.text_of(facts.not_after)})",
            hint="Run again; check the clock of the controller.",
        )
    try:
        verification.verify(
            found,
            anchors=anchors,
            key_fingerprint=order.asked().fingerprint,
            names=order.names,
            now=now,
            where=f"the certificate of {order.name} from {settings.directory_url}",
        )
    except CheckFailed as error:
        return error
    return None


def _file(order: Order) -> str:
    return os.path.join(ISSUED, f"{order.asked().fingerprint}.pem")
