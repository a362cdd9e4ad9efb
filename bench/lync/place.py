"""The server: an emulated Front End, which counts what arrives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.emulators.lync.deployment import ADMIN, PASSWORD, Deployment
from tests.emulators.lync.soap import Request

#: Setting → attribute of the server's partner.
_ENUMERATIONS = {"type": "partner_type", "tls": "tls", "sasl": "sasl"}


class FrontEnd:
    """A deployment without partners at first.

    :param folder: for its certificate and accounts.
    """

    def __init__(self, folder: Path) -> None:
        self._deployment = Deployment(folder)
        self._seen: Counter[str] = Counter()
        self._deployment.front_end.trouble = self._count

    def _count(self, request: Request) -> None:
        self._seen[request.action] += 1

    def reset(self) -> None:
        """Remove all partners."""
        self._deployment.world.partners.clear()
        self._deployment.engine.calls.clear()

    def clear(self) -> None:
        """Begin to count anew."""
        self._seen.clear()

    def counts(self) -> dict[str, float]:
        """Return what came since ``clear``: sessions, pipelines, and requests of any kind once logged in."""
        return {
            "sessions": float(self._seen["Create"]),
            "pipelines": float(self._seen["Command"]),
            "requests": float(sum(self._seen.values())),
        }

    @property
    def writes(self) -> int:
        """How often anything was changed."""
        return self._deployment.world.writes

    def wrong(self, wanted: Sequence[dict[str, Any]]) -> list[str]:
        """Return the domains of partners that are not as they were asked for."""
        found = {domain: asdict(partner) for domain, partner in self._deployment.world.partners.items()}
        asked = {item["domain"]: item for item in wanted}
        return [domain for domain in sorted({*found, *asked}) if not _same(found.get(domain), asked.get(domain))]

    def way(self) -> dict[str, Any]:
        """Return how it is reached: options of our modules."""
        return {
            "host": "localhost",
            "port": self._deployment.front_end.port,
            "username": ADMIN,
            "password": PASSWORD,
            "authentication": "ntlm",
            "ca_file": str(self._deployment.certificate),
        }

    def close(self) -> None:
        """End it."""
        self._deployment.stop()


def _same(found: dict[str, Any] | None, asked: dict[str, Any] | None) -> bool:
    if found is None or asked is None:
        return found is asked
    enumerations = all(
        found[attribute].lower() == str(asked[name]).replace("_", "") for name, attribute in _ENUMERATIONS.items()
    )
    return enumerations and all(found[name] == asked[name] for name in asked if name not in _ENUMERATIONS)
