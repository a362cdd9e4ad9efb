"""What the outside world sees of an XMPP domain: DNS, TCP, stream, TLS, SASL, dialback. Looks only, changes nothing."""

from __future__ import annotations

from .run import probe, report
from .values import Settings, Target

__all__ = ["Settings", "Target", "probe", "report"]
