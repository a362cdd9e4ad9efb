"""The one library that certificates need, and what differs between its versions (36 on targets and later)."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ..errors import MissingDependency

if TYPE_CHECKING:
    from cryptography import x509

#: RHEL 9 has 36, Debian 12 has 38: older ones are untested.
OLDEST = 36
#: Issuing and verifying whole chains, on the controller only, needs the path builder of this version.
OLDEST_ON_CONTROLLER = 42


def require(oldest: int = OLDEST) -> None:
    """Make sure that python3-cryptography can be imported.

    :param oldest: the major version that will do.
    :raises MissingDependency: it is missing or too old; the hint names the package.
    """
    try:
        import cryptography
    except ImportError as error:
        raise MissingDependency(
            f"the Python library cryptography is not installed for {sys.executable}",
            hint="On an edge host install the package python3-cryptography; on the controller install requirements.txt "
            "into the environment that runs Ansible.",
        ) from error
    if int(cryptography.__version__.split(".")[0]) < oldest:
        raise MissingDependency(
            f"the Python library cryptography {cryptography.__version__} is too old",
            hint=f"Version {oldest} or later is needed here; on the controller, that of requirements.txt.",
        )


def available() -> bool:
    """Tell whether python3-cryptography can be imported in a version that is new enough."""
    try:
        require()
    except MissingDependency:
        return False
    return True


def not_before(certificate: x509.Certificate) -> datetime:
    """Return the start of validity, with time zone; the attribute that has one came with version 42."""
    if hasattr(certificate, "not_valid_before_utc"):
        return certificate.not_valid_before_utc
    return certificate.not_valid_before.replace(tzinfo=timezone.utc)


def not_after(certificate: x509.Certificate) -> datetime:
    """Return the end of validity, with time zone; the attribute that has one came with version 42."""
    if hasattr(certificate, "not_valid_after_utc"):
        return certificate.not_valid_after_utc
    return certificate.not_valid_after.replace(tzinfo=timezone.utc)


def now() -> datetime:
    """Return the present time, with time zone."""
    return datetime.now(timezone.utc)


def text_of(moment: datetime) -> str:
    """Return a moment as people read it: ``2027-02-21 06:00:00Z``."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
