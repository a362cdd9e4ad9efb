"""A session on a server: cmdlets and typed parameters, never a line of script.

One pool for a task, one pipeline for a call, so that each error belongs to its call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from . import library
from .connection import Connection
from .faults import CmdletFailed, NotAuthorised, NotInstalled, told
from .values import Secret, UInt32, properties

#: Not part of the operation's own time: the answer's way back.
_READ_BEYOND = 30
#: FullyQualifiedErrorId of Import-Module when there is no such module.
_NO_MODULE = "Modules_ModuleNotFound"


class Shell:
    """An open session; a context manager. It is closed whatever happens: one left open blocks others on the server.

    :param connection: where, and as whom.
    :ivar calls: how many cmdlets were called.
    """

    def __init__(self, connection: Connection) -> None:
        library.require(kerberos=connection.authentication == "kerberos")
        self.connection = connection
        self.calls = 0
        self._wsman: Any = None
        self._pool: Any = None

    def __enter__(self) -> Shell:
        import pypsrp.powershell
        import pypsrp.wsman

        where = self.connection
        kind = where.kind
        options: dict[str, Any] = {"auth": where.authentication, "negotiate_service": kind.service}
        if where.client_certificate:
            options["certificate_pem"], options["certificate_key_pem"] = where.client_certificate
        try:
            with told(where):
                self._wsman = pypsrp.wsman.WSMan(
                    where.host,
                    port=where.port or kind.port,
                    path=kind.path,
                    ssl=True,
                    username=where.username,
                    password=where.password,
                    cert_validation=where.ca_file or True,
                    connection_timeout=where.connect_timeout,
                    operation_timeout=where.operation_timeout,
                    read_timeout=where.operation_timeout + _READ_BEYOND,
                    **options,
                )
                self._pool = pypsrp.powershell.RunspacePool(self._wsman, configuration_name="Microsoft.PowerShell")
                self._pool.open()
            self._import(kind.modules)
        except BaseException:
            self.close()
            raise
        return self

    def _import(self, names: Sequence[str]) -> None:
        """Load the product's module, by whichever of its names it has here."""
        for name in names:
            try:
                self.call("Import-Module", {"Name": name})
                return
            except CmdletFailed as error:
                if not error.error_id.startswith(_NO_MODULE):
                    raise
        if names:
            raise NotInstalled(
                f"{self.connection.url} has no PowerShell module {' or '.join(names)}",
                hint="Look whether it is an Edge Server of 2013 or 2015, with its management tools installed.",
            )

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the session; what goes wrong by then does not matter any more."""
        import pypsrp.exceptions
        import requests.exceptions

        try:
            if self._pool is not None:
                self._pool.close()
        except (pypsrp.exceptions.WinRMError, requests.exceptions.RequestException, OSError):
            pass
        finally:
            if self._wsman is not None:
                self._wsman.close()
            self._pool = self._wsman = None

    def call(
        self, cmdlet: str, parameters: Mapping[str, Any] | None = None, *, select: Sequence[str] = ()
    ) -> list[Any]:
        """Call one cmdlet and return its objects.

        :param cmdlet: its name.
        :param parameters: by name; ``None`` as a value names a switch.
        :param select: the properties that are wanted, by ``Select-Object`` on the server, where the objects of a type
            would come with others (X509Certificate2 comes with RawData only). Not to be had on a Front End.
        :raises CmdletFailed: it reported an error, of either kind.
        :raises NotAuthorised: the session has no such cmdlet.
        """
        import pypsrp.powershell

        self.calls += 1
        with told(self.connection):
            pipeline = pypsrp.powershell.PowerShell(self._pool)
            pipeline.add_cmdlet(cmdlet)
            # Errors that end nothing would be seen in the error stream only; this makes all of them one kind.
            given = {name: self._typed(value) for name, value in (parameters or {}).items()}
            pipeline.add_parameters({"ErrorAction": "Stop", **given})
            if select:
                pipeline.add_cmdlet("Select-Object")
                pipeline.add_parameter("Property", list(select))
            output = pipeline.invoke()
            records = list(pipeline.streams.error)
        failure = records[0] if records else None
        if failure is not None:
            raise _failed(self.connection, cmdlet, failure)
        return list(output or [])

    def _typed(self, value: Any) -> Any:
        """Return a value in the type that the cmdlet takes, where Python's own would become another one."""
        from pypsrp.complex_objects import ObjectMeta

        if isinstance(value, UInt32):
            return self._pool.serialize(int(value), ObjectMeta("U32"))
        if isinstance(value, Secret):
            self._pool.exchange_keys()
            return self._pool.serialize(str(value), ObjectMeta("SS"))
        return list(value) if isinstance(value, tuple) else value


def _failed(connection: Connection, cmdlet: str, record: Any) -> CmdletFailed | NotAuthorised:
    error_id = str(record.fq_error or "")
    said = " ".join(str(properties(record.exception).get("Message") or record).split())
    if error_id.startswith("CommandNotFoundException"):
        return NotAuthorised(
            f"the session of {connection.username} at {connection.url} has no cmdlet {cmdlet}",
            hint="The account's RBAC roles lack it (Get-CsAdminRole), or the product's module is not installed.",
        )
    return CmdletFailed(f"{cmdlet}: {said}", error_id=error_id.partition(",")[0])
