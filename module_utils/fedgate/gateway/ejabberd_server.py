"""A running ejabberd, seen and told by ``ejabberdctl``."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import tempfile
from dataclasses import dataclass
from typing import Optional

from ..errors import CheckFailed, MissingDependency
from ..module import Context
from .ejabberd_file import Running, running

USER = "ejabberd"
#: Routes of ejabberd's router: domain, and the virtual host that it belongs to.
_ROUTE = re.compile(r'\{route,\s*<<"([^"]+)">>,\s*<<"([^"]*)">>')


@dataclass(frozen=True)
class State:
    """What a server runs with.

    :ivar running: the part of its configuration that is about who federates.
    :ivar hosts: its virtual hosts.
    :ivar components: what else it serves: domain → the virtual host that it belongs to.
    """

    running: Running
    hosts: tuple[str, ...]
    components: dict[str, str]


class Server:
    """The ejabberd of this host."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def state(self) -> Optional[State]:
        """Look at the running server; None when there is none. :raises CheckFailed: when it does not tell."""
        code, out, _ = self.context.run(["ejabberdctl", "registered_vhosts"])
        if code != 0:
            return None
        hosts = tuple(out.split())
        return State(self.running(), hosts, self._components(hosts))

    def running(self) -> Running:
        """Return what the server runs with. :raises CheckFailed: when it does not tell."""
        try:
            return running(self._written("dump_config"))
        except CheckFailed as error:
            # It writes characters one by one as bytes.
            hint = "Characters beyond Latin-1 in its configuration cannot be dumped: write domains as A-labels (xn--)."
            raise CheckFailed(error.message, hint=hint if "bad argument" in error.message else None) from None

    def reload(self) -> None:
        """Let it read its configuration. :raises CheckFailed: when it refuses and keeps what it has."""
        self._do("reload_config")

    def close_streams(self) -> None:
        """Close all streams with other servers. ejabberd cannot close those of one domain only."""
        self._do("stop_s2s_connections")

    def _components(self, hosts: tuple[str, ...]) -> dict[str, str]:
        routes = dict(_ROUTE.findall(self._written("dump_table", "route")))
        found = {domain: owner for domain, owner in routes.items() if domain not in hosts}
        # Routes may be in another store; then nobody knows what there is.
        unknown = {f"*.{host}": host for host in hosts if host not in routes}
        return {**found, **unknown}

    def _do(self, *command: str) -> str:
        code, out, err = self.context.run(["ejabberdctl", *command])
        if code != 0:
            said = " ".join((err or out).split()).replace("Error: error Error: ", "")
            raise CheckFailed(f"ejabberdctl {command[0]}: {said[:600]}")
        return out

    def _written(self, command: str, *more: str) -> str:
        """Return what a command writes into a file. It may hold secrets: the folder is the server's user's alone."""
        try:
            user = pwd.getpwnam(USER)
        except KeyError:
            raise MissingDependency(f"this host has no user {USER!r}", hint="Install Debian's ejabberd.") from None
        # Not /tmp: the unit has one of its own.
        folder = tempfile.mkdtemp(prefix=".fedgate-", dir=user.pw_dir)
        try:
            os.chown(folder, user.pw_uid, user.pw_gid)
            path = os.path.join(folder, "dump")
            self._do(command, path, *more)
            with open(path, encoding="latin-1") as file:  # Erlang's, whatever the locale
                return file.read()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
