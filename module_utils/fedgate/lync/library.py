"""The libraries that PowerShell remoting needs, on the controller."""

from __future__ import annotations

import sys

from ..errors import MissingDependency


def require(kerberos: bool = False) -> None:
    """Make sure that pypsrp can be imported.

    :param kerberos: whether Kerberos is asked for, which needs libraries of its own.
    :raises MissingDependency: it is missing; the hint says what to install.
    """
    try:
        import pypsrp  # noqa: F401
    except ImportError as error:
        raise MissingDependency(
            f"the Python library pypsrp is not installed for {sys.executable}",
            hint="Install requirements/lync.txt into the environment that runs Ansible.",
        ) from error
    if not kerberos:
        return
    try:
        import gssapi  # noqa: F401
        import krb5  # noqa: F401
    except ImportError as error:
        raise MissingDependency(
            f"Kerberos is asked for, and the Python libraries gssapi and krb5 are not installed for {sys.executable}",
            hint="Install Debian's libkrb5-dev and gcc, then pypsrp[kerberos]; or set the authentication to ntlm.",
        ) from error
