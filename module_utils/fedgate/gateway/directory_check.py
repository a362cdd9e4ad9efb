"""Whether the directory lets the gateway in, asked on the host before the configuration goes live.

Prosody starts with a directory that it cannot use, and then refuses every login; so the same library is asked with the
same settings first.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import CheckFailed, MissingDependency
from ..module import Context
from .files import Wanted

#: Reads its settings line by line, so that the password is in no command line. lualdap is what mod_auth_ldap uses.
_SCRIPT = """
local function line() return io.read("l") or "" end
local uri, dn, password, tls, base = line(), line(), line(), line() == "yes", line()
local ok, ldap = pcall(require, "lualdap")
if not ok then io.stderr:write("lua-ldap is not installed") os.exit(1) end
local connection, problem = ldap.open_simple(uri, dn, password, tls)
if not connection then io.stderr:write(tostring(problem)) os.exit(1) end
local found, count = pcall(function ()
  local n = 0
  for _ in connection:search({ base = base, scope = "base", sizelimit = 1 }) do n = n + 1 end
  return n
end)
if not found or count == 0 then io.stderr:write("the base " .. base .. " cannot be read") os.exit(1) end
"""


def check_directory(context: Context, directory: Mapping[str, Any], files: Sequence[Wanted]) -> None:
    """Log in to the directory and read its base.

    :param directory: uri, starttls, bind_dn, bind_password, base, ca (path on the host, perhaps still to be written).
    :param files: the staged set, which may hold that authority.
    :raises CheckFailed: with what the directory, or TLS, says.
    """
    interpreter = next((name for name in ("lua5.4", "lua") if context.program(name)), None)
    if interpreter is None:
        raise MissingDependency("no Lua interpreter on this host", hint="Install the package lua5.4.")
    lines = [
        directory["uri"],
        directory.get("bind_dn") or "",
        directory.get("bind_password") or "",
        "yes" if directory.get("starttls") else "no",
        directory["base"],
    ]
    authority = next((file.data for file in files if file.path == directory.get("ca")), None)
    with tempfile.TemporaryDirectory(prefix="fedgate-") as folder:
        path = directory.get("ca") or ""
        if authority is not None:
            path = os.path.join(folder, "ca.pem")
            with open(path, "wb") as file:
                file.write(authority)
        command = ["env", f"LDAPTLS_CACERT={path}", "LDAPTLS_REQCERT=demand", interpreter, "-e", _SCRIPT]
        code, _, err = context.run(command, stdin="\n".join(lines) + "\n")
    if code != 0:
        raise CheckFailed(
            f"the directory {directory['uri']} cannot be used: {err.strip() or 'no answer'}; nothing was changed",
            hint="Look at uri, ca, bind_dn, bind_password and base of xmpp_gateway_directory.",
        )
