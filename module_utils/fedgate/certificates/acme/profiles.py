"""Profiles: kinds of certificates that a CA offers (draft-ietf-acme-profiles)."""

from __future__ import annotations

from ...errors import InvalidValue
from .session import Session


def check(session: Session) -> None:
    """Make sure that the CA offers the profile that is wanted. :raises InvalidValue: it does not; those that it has."""
    wanted = session.settings.profile
    if not wanted:
        return
    offered = session.meta.profiles or {}
    if wanted in offered:
        return
    said = "offers no profiles" if not offered else f"has no profile {wanted!r}"
    listed = "; ".join(f"{name} ({' '.join(str(text).split())})" for name, text in sorted(offered.items()))
    raise InvalidValue(
        f"the CA {session.settings.directory_url} {said}",
        path="issuer.acme.profile",
        hint=f"It offers: {listed}." if listed else "Take acme.profile out.",
    )
