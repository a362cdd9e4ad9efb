"""What goes wrong on the way to a server, told apart, each with what to do about it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import FedgateError, Refused, Unreachable
from .connection import Connection

#: WSMan fault of Windows: access denied. Logged in, yet no right to open a shell.
_ACCESS_DENIED = 5
#: The shell is not there (any more).
_NO_SHELL = 0x8033805B


class Untrusted(Refused):
    """The server's certificate is not accepted, or no version of TLS is common to both."""


class NotLoggedIn(Refused):
    """The account or its password was refused."""


class NotAuthorised(Refused):
    """Logged in, yet not allowed: the shell, or a cmdlet that the account's roles lack."""


class NotInstalled(Refused):
    """The server has no module of the product."""


class CmdletFailed(FedgateError):
    """A cmdlet reported an error.

    :ivar error_id: the first part of its FullyQualifiedErrorId, such as ``ItemNotFound``.
    """

    def __init__(self, message: str, *, error_id: str = "") -> None:
        super().__init__(message)
        self.error_id = error_id


class NotUnderstood(FedgateError):
    """What came back is no PowerShell remoting, or broke off in the middle."""


@contextmanager
def told(connection: Connection) -> Iterator[None]:
    """Turn what the libraries raise into errors of ours.

    :raises Unreachable: no connection, or it broke.
    :raises Untrusted: certificate or TLS.
    :raises NotLoggedIn: account or password.
    :raises NotAuthorised: no right to open a shell.
    :raises NotUnderstood: no PowerShell remoting there.
    """
    import pypsrp.exceptions
    import requests.exceptions
    import spnego.exceptions

    try:
        yield
    except FedgateError:
        raise
    except requests.exceptions.SSLError as error:
        raise _untrusted(connection, error) from None
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise Unreachable(
            f"{connection.url} cannot be reached: {_short(error)}",
            hint="Look at the name, the port, and the firewalls between the controller and this server.",
        ) from None
    except requests.exceptions.RequestException as error:
        raise NotUnderstood(f"{connection.url}: {_short(error)}") from None
    except (pypsrp.exceptions.AuthenticationError, spnego.exceptions.SpnegoError) as error:
        raise _not_logged_in(connection, error) from None
    except pypsrp.exceptions.WSManFaultError as error:
        raise _fault(connection, error) from None
    except pypsrp.exceptions.WinRMTransportError as error:
        raise _status(connection, error) from None
    except pypsrp.exceptions.WinRMError as error:
        raise NotUnderstood(f"{connection.url}: {_short(error)}") from None
    except OSError as error:
        raise Unreachable(f"{connection.url}: {_short(error)}") from None


def _short(error: BaseException) -> str:
    """Return the innermost reason in one line."""
    reason: Any = error
    while True:
        inner = getattr(reason, "reason", None) or (reason.args[0] if getattr(reason, "args", None) else None)
        if not isinstance(inner, BaseException):
            break
        reason = inner
    text = " ".join(str(reason).split()) or type(reason).__name__
    # urllib3 writes the connection object first: <…object at 0x…>: the reason
    return text.rsplit(">: ", 1)[-1][:300]


def _untrusted(connection: Connection, error: BaseException) -> Untrusted:
    text = _short(error)
    if "CERTIFICATE_VERIFY_FAILED" in text or isinstance(error, ssl.SSLCertVerificationError):
        reason = text.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or text
        return Untrusted(
            f"the certificate of {connection.url} is not accepted: {reason}",
            hint="Set the CA file of the deployment to the authority that signed it, and the host to the name in it.",
        )
    return Untrusted(
        f"no TLS with {connection.url}: {text}",
        hint="The server offers no version or cipher that is accepted here. Turn on TLS 1.2 there; Windows Server 2012 "
        "and older need updates for it.",
    )


def _not_logged_in(connection: Connection, error: BaseException) -> NotLoggedIn:
    text = str(error)
    if "did not response with" in text:
        return NotLoggedIn(
            f"{connection.url} offers no login by {connection.authentication}: {text.rpartition('actual: ')[2]}",
            hint=f"Set the authentication to one of {', '.join(connection.kind.authentications)} that is offered.",
        )
    return NotLoggedIn(
        f"{connection.url} refuses the login of {connection.username or 'the client certificate'} "
        f"by {connection.authentication}",
        hint="Look at the account and its password: wrong, expired and locked ones are refused alike.",
    )


def _fault(connection: Connection, error: Any) -> FedgateError:
    reason = " ".join(str(error.reason or error.provider_fault or "no reason given").split())
    if error.code == _ACCESS_DENIED:
        return NotAuthorised(
            f"{connection.username} is logged in at {connection.url} and may not open a session: {reason}",
            hint=_DENIED[connection.endpoint],
        )
    if error.code == _NO_SHELL:
        return NotUnderstood(f"{connection.url} has ended the session: {reason}", hint="Run again.")
    return NotUnderstood(f"{connection.url} answers with fault {error.code}: {reason}")


_DENIED = {
    "front_end": "The account needs an RBAC role such as CsAdministrator (Get-CsAdminRole).",
    "edge": "A local account needs an unfiltered token: it has to be the built-in Administrator, or the server's "
    "registry value LocalAccountTokenFilterPolicy has to be 1.",
}


def _status(connection: Connection, error: Any) -> FedgateError:
    hints = {404: "There is no PowerShell remoting under this path.", 503: "The service behind it is not running."}
    return NotUnderstood(f"{connection.url} answers with HTTP status {error.code}", hint=hints.get(error.code))
