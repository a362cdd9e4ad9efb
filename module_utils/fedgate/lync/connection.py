"""How a server is reached: one description for OcsPowershell on a Front End and for WinRM on an Edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidValue

#: Ways to log in, by their names in the inventory.
AUTHENTICATIONS = ("negotiate", "ntlm", "kerberos", "basic", "certificate")


@dataclass(frozen=True)
class Endpoint:
    """A kind of server.

    :ivar path: of the URL.
    :ivar port: TCP.
    :ivar service: what Kerberos names the server by: ``HTTP`` for OcsPowershell, which runs in IIS.
    :ivar authentications: the ways to log in that it can have.
    :ivar modules: names that the product's PowerShell module may have, where a session begins without it.
    """

    path: str
    port: int
    service: str
    authentications: tuple[str, ...]
    modules: tuple[str, ...] = ()


ENDPOINTS = {
    "front_end": Endpoint("OcsPowershell", 443, "HTTP", ("negotiate", "ntlm", "kerberos", "basic")),
    # An Edge is in no domain: its accounts are its own, so Kerberos has nothing to say there.
    # Skype for Business Server 2015 and Lync Server 2013, in this order.
    "edge": Endpoint(
        "wsman", 5986, "WSMAN", ("negotiate", "ntlm", "basic", "certificate"), ("SkypeForBusiness", "Lync")
    ),
}


@dataclass(frozen=True)
class Connection:
    """A server and the account that is used there.

    :ivar host: name or address; the name that its certificate has to carry.
    :ivar endpoint: a key of ``ENDPOINTS``.
    :ivar username: ``DOMAIN\\name``, ``name@domain`` or a local name; None with a client certificate.
    :ivar password: secret; None with a client certificate or a Kerberos ticket.
    :ivar authentication: one of ``AUTHENTICATIONS``.
    :ivar ca_file: PEM file on the controller with the authorities that may have signed the server's certificate; None
        for the system's.
    :ivar client_certificate: PEM files on the controller: certificate, key.
    :ivar port: TCP.
    :ivar connect_timeout: seconds until the server answers at all.
    :ivar operation_timeout: seconds that the server holds one message; a cmdlet may take longer.
    """

    host: str
    endpoint: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    authentication: str = "negotiate"
    ca_file: str | None = None
    client_certificate: tuple[str, str] | None = None
    port: int = 0
    connect_timeout: int = 30
    operation_timeout: int = 60

    @property
    def kind(self) -> Endpoint:
        """What is known about this kind of server."""
        return ENDPOINTS[self.endpoint]

    @property
    def url(self) -> str:
        """The URL, for messages."""
        return f"https://{self.host}:{self.port or self.kind.port}/{self.kind.path}"


def read_connection(given: Mapping[str, Any]) -> Connection:
    """Return a connection as a module's options describe it.

    :param given: host, endpoint, username, password, authentication, ca_file, client_certificate, client_key, port,
        connect_timeout, operation_timeout.
    :raises InvalidValue: what does not go together; nothing was connected.
    """
    connection = Connection(
        host=given["host"],
        endpoint=given["endpoint"],
        username=given.get("username"),
        password=given.get("password"),
        authentication=given.get("authentication") or "negotiate",
        ca_file=given.get("ca_file"),
        client_certificate=_pair(given),
        port=given.get("port") or 0,
        connect_timeout=given.get("connect_timeout") or 30,
        operation_timeout=given.get("operation_timeout") or 60,
    )
    _check(connection)
    return connection


def _pair(given: Mapping[str, Any]) -> tuple[str, str] | None:
    certificate, key = given.get("client_certificate"), given.get("client_key")
    if not certificate and not key:
        return None
    if not certificate or not key:
        raise InvalidValue(
            "client_certificate and client_key go together, and only one of them is set",
            hint="Set both to PEM files on the controller.",
        )
    return certificate, key


def _check(connection: Connection) -> None:
    allowed = connection.kind.authentications
    way = connection.authentication
    if way not in allowed:
        raise InvalidValue(
            f"authentication {way!r} is not to be had at {connection.url}", hint=f"Allowed: {', '.join(allowed)}."
        )
    if way == "certificate" and connection.client_certificate is None:
        raise InvalidValue(
            "authentication certificate needs a client certificate", hint="Set client_certificate and client_key."
        )
    if way in ("basic", "ntlm", "negotiate") and not (connection.username and connection.password):
        missing = "user name" if not connection.username else "password"
        raise InvalidValue(
            f"authentication {way} at {connection.url} needs a {missing}",
            hint="Set the host's variables ansible_user and ansible_password (a vault_ variable), or the option.",
        )
    if not 1 <= connection.operation_timeout <= 600:
        raise InvalidValue(
            f"operation_timeout {connection.operation_timeout} is out of bounds", hint="Allowed: 1 to 600 seconds."
        )
