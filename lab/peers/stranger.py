"""The stranger, stranger.example: a Prosody as Debian ships it. It is on nobody's partner list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..setup import File, Setup

DOMAIN = "stranger.example"

_HOST = f"""VirtualHost "{DOMAIN}"
    ssl = {{ certificate = "/etc/prosody/certs/{DOMAIN}.crt"; key = "/etc/prosody/certs/{DOMAIN}.key"; }}
"""

# prosodyctl asks for the password twice and takes it from standard input: it is never an argument. Prosody 13's does
# nothing without a running server, whose socket appears a little after the start: hence the attempts.
_SCRIPT = f"""update-ca-certificates > /dev/null 2>&1
systemctl enable --quiet --now prosody
for attempt in $(seq 40); do
    if said=$(prosodyctl adduser mallory@{DOMAIN} < /etc/prosody/mallory 2>&1); then break; fi
    [ "$attempt" -lt 40 ] || {{ echo "$said" >&2; exit 1; }}
    sleep 0.25
done
rm /etc/prosody/mallory
"""


def setup(state: Mapping[str, Any], certificates: Mapping[str, tuple[bytes, bytes]]) -> Setup:
    """Return one virtual host beside the packaged configuration, its certificate and its account."""
    certificate, key = certificates[DOMAIN]
    password = state["users"][f"mallory@{DOMAIN}"]
    return Setup(
        (
            File("/usr/local/share/ca-certificates/fedgate-lab.crt", certificates["ca"][0]),
            File(f"/etc/prosody/conf.d/{DOMAIN}.cfg.lua", _HOST, 0o640, "root", "prosody"),
            File(f"/etc/prosody/certs/{DOMAIN}.crt", certificate, 0o640, "root", "prosody"),
            File(f"/etc/prosody/certs/{DOMAIN}.key", key, 0o640, "root", "prosody"),
            File("/etc/prosody/mallory", f"{password}\n{password}\n", 0o600),
        ),
        _SCRIPT,
    )
