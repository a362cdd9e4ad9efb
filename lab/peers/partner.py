"""The partner, fabrikam.example: an independent ejabberd with rules of its own, which Fedgate never touches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

from ..setup import File, Setup

DOMAIN = "fabrikam.example"
_FOLDER = "/etc/ejabberd"

CONFIGURATION = f"""
hosts: [{DOMAIN}]
loglevel: info
certfiles: [{_FOLDER}/{DOMAIN}.pem]
ca_file: /etc/ssl/certs/ca-certificates.crt
# Encrypted or not at all; who proves himself by certificate is let in, others by dialback.
s2s_use_starttls: required
s2s_cafile: /etc/ssl/certs/ca-certificates.crt
s2s_protocol_options: [no_sslv3, no_tlsv1, no_tlsv1_1]
auth_method: internal
auth_password_format: scram
language: en
listen:
  - {{port: 5222, ip: "0.0.0.0", module: ejabberd_c2s, starttls: true, starttls_required: true, access: c2s}}
  - {{port: 5269, ip: "0.0.0.0", module: ejabberd_s2s_in}}
acl:
  local: {{user_regexp: ""}}
access_rules:
  local: {{allow: local}}
  c2s: {{allow: all}}
  announce: {{deny: all}}
modules:
  mod_caps: {{}}
  mod_disco: {{}}
  mod_muc: {{host: "conference.@HOST@", access_create: local, default_room_options: {{persistent: false}}}}
  mod_offline: {{}}
  mod_ping: {{}}
  mod_pubsub: {{plugins: [flat, pep]}}
  mod_roster: {{}}
  mod_s2s_dialback: {{}}
  mod_stream_mgmt: {{}}
  mod_vcard: {{}}
  mod_version: {{show_os: false}}
"""

# ejabberd takes accounts from a file (XEP-0227), so no password is ever an argument. "started" comes before the
# accounts' store is ready: hence the retries.
_SCRIPT = f"""update-ca-certificates > /dev/null 2>&1
systemctl enable --quiet --now ejabberd
for attempt in $(seq 60); do
    if ejabberdctl status > /dev/null 2>&1; then break; fi
    sleep 0.5
done
ejabberdctl import_piefxis {_FOLDER}/accounts.xml
rm {_FOLDER}/accounts.xml
"""


def setup(state: Mapping[str, Any], certificates: Mapping[str, tuple[bytes, bytes]]) -> Setup:
    """Return ejabberd's configuration, certificate and account."""
    certificate, key = certificates[DOMAIN]
    name = f"bob@{DOMAIN}"
    return Setup(
        (
            File("/usr/local/share/ca-certificates/fedgate-lab.crt", certificates["ca"][0]),
            File(f"{_FOLDER}/ejabberd.yml", CONFIGURATION, 0o640, "root", "ejabberd"),
            File(f"{_FOLDER}/{DOMAIN}.pem", certificate + key, 0o640, "root", "ejabberd"),
            File(f"{_FOLDER}/accounts.xml", _accounts(name, state["users"][name]), 0o600, "ejabberd", "ejabberd"),
        ),
        _SCRIPT,
    )


def _accounts(jid: str, password: str) -> str:
    user, domain = jid.split("@")
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='urn:xmpp:pie:0'>"
        f"<host jid={quoteattr(domain)}><user name={quoteattr(user)} password={quoteattr(password)}/></host>"
        "</server-data>\n"
    )
