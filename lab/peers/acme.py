"""The certificate authority with ACME, acme.lab.example: Debian's Pebble, with a new root at each start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..identity import HOSTS
from ..setup import File, Setup

PORT, MANAGEMENT_PORT = 14000, 15000
#: Let's Encrypt's `classic` comes close to it; renewal is due after two thirds.
VALIDITY_DAYS = 60
_FOLDER = "/etc/pebble"

# No pauses before it looks up a challenge. By itself it would refuse every twentieth request (RFC 8555 section 6.5) and
# take half of the former validations for new orders: neither happens here, so that runs are alike.
_UNIT = f"""[Unit]
Description=Pebble, an ACME server for tests
After=network.target

[Service]
User=pebble
Environment=PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0
ExecStart=/usr/bin/pebble -config {_FOLDER}/config.json -dnsserver {{dns}}:53
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""

# The package brings neither a user nor a unit.
_SCRIPT = f"""useradd --system --no-create-home --shell /usr/sbin/nologin pebble
chown pebble {_FOLDER}/key.pem
systemctl daemon-reload
systemctl enable --quiet --now pebble
for attempt in $(seq 100); do
    if ss -ltn | grep -q ':{PORT} ' && ss -ltn | grep -q ':{MANAGEMENT_PORT} '; then break; fi
    [ "$attempt" -lt 100 ] || {{ journalctl --unit pebble --lines 3 --output cat >&2; exit 1; }}
    sleep 0.1
done
"""


def setup(state: Mapping[str, Any], certificates: Mapping[str, tuple[bytes, bytes]]) -> Setup:
    """Return Pebble's configuration and service; its own interface has a certificate of the lab's CA."""
    certificate, key = certificates[HOSTS["acme"].fqdn]
    return Setup(
        (
            File(f"{_FOLDER}/config.json", configuration()),
            File(f"{_FOLDER}/certificate.pem", certificate),
            File(f"{_FOLDER}/key.pem", key, 0o600),
            File("/etc/systemd/system/pebble.service", _UNIT.format(dns=state["addresses"]["dns"])),
        ),
        _SCRIPT,
    )


def configuration() -> str:
    """Return Pebble's configuration: no OCSP, no external accounts, challenges on the ports of the real world."""
    settings = {
        "listenAddress": f"0.0.0.0:{PORT}",
        "managementListenAddress": f"0.0.0.0:{MANAGEMENT_PORT}",
        "certificate": f"{_FOLDER}/certificate.pem",
        "privateKey": f"{_FOLDER}/key.pem",
        "httpPort": 80,
        "tlsPort": 443,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
        "certificateValidityPeriod": VALIDITY_DAYS * 86400,
    }
    return json.dumps({"pebble": settings}, indent=2) + "\n"
