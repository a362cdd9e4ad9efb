"""The server that shows a certificate to others: does it use ours, which one does it show, let it take another one.

Works on a bare host: what is shown is compared byte by byte, with the standard library.
"""

from __future__ import annotations

import contextlib
import glob
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ..errors import CheckFailed, FedgateError, Unreachable
from ..host.listening import reachable_address
from ..host.starttls import CLIENT, SERVER, served_certificate
from ..host.systemd import Unit
from ..module import Context

SERVER_PORT = 5269
CLIENT_PORT = 5222
#: Seconds between two looks after a reload; Prosody shows the new certificate within a fraction of one.
_INTERVAL = 0.2

#: The argument ``gateway``; documented in the fragment ``fedgate.gateway``.
ARGUMENT: dict[str, Any] = {
    "type": "dict",
    "options": {
        "unit": {"type": "str", "default": "prosody.service"},
        "config": {"type": "path", "default": "/etc/prosody/prosody.cfg.lua"},
        "addresses": {"type": "list", "elements": "str", "default": []},
        "domains": {"type": "list", "elements": "str", "required": True},
        "timeout": {"type": "int", "default": 15},
    },
}


@dataclass(frozen=True)
class Gateway:
    """The gateway of this host, as the argument ``gateway`` describes it.

    :ivar unit: its service. :ivar config: its main configuration file; those beside and below it count as well.
    :ivar address: where this host itself can ask it. :ivar domains: the domains whose certificate is looked at.
    :ivar timeout: seconds that it may take to show another certificate.
    """

    unit: str
    config: str
    address: str
    domains: tuple[str, ...]
    timeout: float

    @classmethod
    def of(cls, values: Optional[Mapping[str, Any]]) -> Optional[Gateway]:
        """Read the argument; None where no gateway is to be looked at."""
        if not values or not values.get("domains"):
            return None
        return cls(
            values["unit"],
            values["config"],
            reachable_address(values.get("addresses") or ()),
            tuple(values["domains"]),
            float(values["timeout"]),
        )

    def uses(self, base: str) -> bool:
        """Tell whether its configuration names the live generation below ``base``: only then is it ours to reload."""
        folder = os.path.dirname(self.config)
        wanted = f"{base}/current/"
        for path in (self.config, *sorted(glob.glob(os.path.join(folder, "**", "*.cfg.lua"), recursive=True))):
            with contextlib.suppress(OSError):
                with open(path, encoding="utf-8", errors="replace") as file:
                    if wanted in file.read():
                        return True
        return False

    def shown(self, domain: str) -> Optional[bytes]:
        """Return the certificate (DER) that is shown for a domain, None when none is shown to anybody.

        Servers are answered on 5269. A closed gateway ends their streams before TLS: there it is asked as by a client;
        a closed standby shows nothing.
        """
        with contextlib.suppress(FedgateError):
            return served_certificate(self.address, SERVER_PORT, domain, SERVER)
        with contextlib.suppress(FedgateError):
            return served_certificate(self.address, CLIENT_PORT, domain, CLIENT)
        return None

    def shows(self, leaf: bytes, *, quick: bool = False) -> Optional[bool]:
        """Tell whether this certificate is shown; None when nothing is shown at all.

        :param quick: ask for the first domain that answers only; all of them have the same certificate.
        """
        verdict: Optional[bool] = None
        for domain in self.domains:
            found = self.shown(domain)
            if found is None:
                continue
            if found != leaf:
                return False
            verdict = True
            if quick:
                break
        return verdict

    def take(self, leaf: bytes, context: Context) -> None:
        """Reload, and wait until the certificate is shown for every domain that answered before.

        :raises CheckFailed: another one is still shown, or nothing any more.
        """
        answering = [domain for domain in self.domains if self.shown(domain) is not None]
        Unit(context, self.unit).do("reload")
        end = time.monotonic() + self.timeout
        for domain in answering:
            while self.shown(domain) != leaf:
                if time.monotonic() > end:
                    raise CheckFailed(self._complaint(domain), hint=f"Look at the log of {self.unit} on this host.")
                time.sleep(_INTERVAL)

    def _complaint(self, domain: str) -> str:
        try:
            served_certificate(self.address, SERVER_PORT, domain, SERVER)
        except Unreachable as error:
            return f"after the reload nobody answers: {error}"
        except FedgateError as error:
            return f"after the reload {error}"
        return f"after the reload the certificate served for {domain} on port {SERVER_PORT} is still another one"
