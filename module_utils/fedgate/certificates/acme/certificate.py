"""The certificate of a finished order, by the chain that is preferred (RFC 8555 §7.4.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Optional

import requests.utils
from cryptography import x509
from cryptography.x509.oid import NameOID

from ...errors import Refused
from .. import chains
from ..issuers.base import Order
from .session import Session


def download(session: Session, url: str, order: Order, warn: Callable[[str], None]) -> list[x509.Certificate]:
    """Return the chain for an order's key: the edge's certificate first, then its issuers.

    :raises FedgateError: it cannot be fetched, or is for another key.
    """
    with session.asking(f"the certificate of {order.name}"):
        answer = session.fetch(url)
        offered = [chains.parse(answer.text, url)]
        preferred = session.settings.preferred_chain
        if preferred and top_issuer(offered[0]) != preferred:
            offered += [chains.parse(session.fetch(link).text, link) for link in _alternates(answer)]
    everything = choose(offered, preferred, order.name, warn)
    chain = chains.arrange(everything, order.asked().fingerprint)
    if not chain:
        raise Refused(f"the CA gave a certificate for another key than {order.name}'s", hint="Run again.")
    return chain


def choose(
    offered: Sequence[list[x509.Certificate]], preferred: Optional[str], name: str, warn: Callable[[str], None]
) -> list[x509.Certificate]:
    """Return the chain whose top was issued by ``preferred``; the CA's own choice, with a warning, if there is none.

    :param offered: chains, the CA's own choice first.
    """
    if not preferred:
        return offered[0]
    for chain in offered:
        if top_issuer(chain) == preferred:
            return chain
    found = ", ".join(sorted({top_issuer(chain) for chain in offered}))
    warn(f"{name}: the CA offers no chain issued by '{preferred}', so its own choice is used; it offers: {found}")
    return offered[0]


def top_issuer(chain: Sequence[Any]) -> str:
    """Return the common name of who issued the last certificate of a chain."""
    names = chain[-1].issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else str(chain[-1].issuer.rfc4514_string())


def _alternates(answer: requests.Response) -> list[str]:
    links = requests.utils.parse_header_links(answer.headers.get("Link", ""))
    return [link["url"] for link in links if link.get("rel") == "alternate" and "url" in link]
