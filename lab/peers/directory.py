"""The directory of contoso.example: OpenLDAP with a few people and an account for the gateway to look them up with."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from ..identity import HOSTS
from ..setup import File, Setup

_CERTIFICATE = "/etc/ldap/directory.pem"
_KEY = "/etc/ldap/directory-key.pem"
_CA = "/usr/local/share/ca-certificates/fedgate-lab.crt"
PEOPLE = {"carol": "Carol Contoso", "dave": "Dave Contoso"}

_CONFIGURATION = """dn: cn=config
objectClass: olcGlobal
cn: config
olcPidFile: /var/run/slapd/slapd.pid
olcTLSCACertificateFile: {ca}
olcTLSCertificateFile: {certificate}
olcTLSCertificateKeyFile: {key}

dn: cn=module,cn=config
objectClass: olcModuleList
cn: module
olcModulePath: /usr/lib/ldap
olcModuleLoad: back_mdb

dn: cn=schema,cn=config
objectClass: olcSchemaConfig
cn: schema

include: file:///etc/ldap/schema/core.ldif
include: file:///etc/ldap/schema/cosine.ldif
include: file:///etc/ldap/schema/inetorgperson.ldif

dn: olcDatabase=config,cn=config
objectClass: olcDatabaseConfig
olcDatabase: config
olcAccess: to * by dn.exact=gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth manage by * none

dn: olcDatabase=mdb,cn=config
objectClass: olcDatabaseConfig
objectClass: olcMdbConfig
olcDatabase: mdb
olcDbDirectory: /var/lib/ldap
olcSuffix: {base}
olcDbIndex: objectClass,uid,mail eq
olcAccess: to * by dn.exact=gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth manage by * break
olcAccess: to attrs=userPassword by self write by anonymous auth by * none
olcAccess: to * by dn.exact="{bind_dn}" read by self read by * none

"""

# enable --now would not start it: Debian 12 has a script of the old kind for it.
_SCRIPT = """update-ca-certificates > /dev/null 2>&1
rm -rf /etc/ldap/slapd.d /var/lib/ldap; mkdir -p /etc/ldap/slapd.d /var/lib/ldap /run/slapd
slapadd -q -n 0 -F /etc/ldap/slapd.d -l /etc/ldap/lab-config.ldif
slapadd -q -n 1 -F /etc/ldap/slapd.d -l /etc/ldap/lab-data.ldif
rm /etc/ldap/lab-data.ldif
chown -R openldap:openldap /etc/ldap/slapd.d /var/lib/ldap /run/slapd
systemctl enable --quiet slapd
systemctl start slapd
"""


def setup(state: Mapping[str, Any], certificates: Mapping[str, tuple[bytes, bytes]]) -> Setup:
    """Return slapd's configuration and data: people of contoso.example, found by the service account only."""
    directory = state["directory"]
    certificate, key = certificates[HOSTS["directory"].fqdn]
    configuration = _CONFIGURATION.format(
        ca=_CA, certificate=_CERTIFICATE, key=_KEY, base=directory["base"], bind_dn=directory["bind_dn"]
    )
    services = 'SLAPD_CONF=\nSLAPD_USER="openldap"\nSLAPD_GROUP="openldap"\nSLAPD_PIDFILE=\nSLAPD_OPTIONS=""\n'
    services += 'SLAPD_SERVICES="ldap:/// ldapi:/// ldaps:///"\n'
    return Setup(
        (
            File(_CA, certificates["ca"][0]),
            File(_CERTIFICATE, certificate, 0o640, "root", "openldap"),
            File(_KEY, key, 0o640, "root", "openldap"),
            File("/etc/ldap/lab-config.ldif", configuration, 0o600),
            File("/etc/ldap/lab-data.ldif", data(directory, state["users"]), 0o600),
            File("/etc/default/slapd", services),
        ),
        _SCRIPT,
    )


def data(directory: Mapping[str, str], users: Mapping[str, str]) -> str:
    """Return the entries as LDIF."""
    base = directory["base"]
    entries = [
        f"dn: {base}\nobjectClass: dcObject\nobjectClass: organization\ndc: contoso\no: Contoso",
        *(
            f"dn: ou={unit},{base}\nobjectClass: organizationalUnit\nou: {unit}"
            for unit in ("people", "services", "groups")
        ),
        f"dn: {directory['bind_dn']}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: fedgate\n"
        f"userPassword: {hashed(directory['bind_password'])}",
        *(_person(uid, name, base, users[f"{uid}@contoso.example"]) for uid, name in PEOPLE.items()),
        f"dn: cn=federated,ou=groups,{base}\nobjectClass: groupOfNames\ncn: federated\n"
        f"member: uid=carol,ou=people,{base}",
    ]
    return "\n\n".join(entries) + "\n"


def _person(uid: str, name: str, base: str, password: str) -> str:
    given, family = name.split()
    return (
        f"dn: uid={uid},ou=people,{base}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {name}\ngivenName: {given}\n"
        f"sn: {family}\nmail: {uid}@contoso.example\nuserPassword: {hashed(password)}"
    )


def hashed(password: str) -> str:
    """Return a salted SHA-1 hash (RFC 2307 style, ``{SSHA}``), the best that slapd has without further modules.

    The salt comes from the password, so that the same state gives the same text: a lab's passwords are long and random.
    """
    salt = hashlib.sha256(b"lab" + password.encode()).digest()[:8]
    return "{SSHA}" + base64.b64encode(hashlib.sha1(password.encode() + salt).digest() + salt).decode()  # noqa: S324
