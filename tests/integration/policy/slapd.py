"""An OpenLDAP beside the gateway, in its container: people, and groups of every kind that Linux directories have."""

from __future__ import annotations

from collections.abc import Sequence

from .gateway import Gateway, podman, wait_until

BASE = "dc=contoso,dc=example"
READER = f"cn=gateway,{BASE}"
SECRET = "canary-4c1f-reader"
URI = "ldap://127.0.0.1"
CONFIGURATION = f"""
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile /tmp/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "{BASE}"
rootdn "cn=admin,{BASE}"
rootpw {SECRET}
directory /tmp/slapd
access to dn.exact="cn=secret,ou=groups,{BASE}" by * none
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{READER}" read by * none
"""


def group(name: str) -> str:
    """Return a group's distinguished name."""
    return f"cn={name},ou=groups,{BASE}"


def person(name: str) -> str:
    """Return a user's distinguished name."""
    return f"uid={name},ou=people,{BASE}"


def entries(people: Sequence[str], password: str) -> str:
    """Return people, and the groups sales (member), unique (uniqueMember), posix (memberUid), secret, as LDIF."""
    first = person(people[0])
    parts = [
        f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: contoso\no: Contoso",
        *(f"dn: ou={unit},{BASE}\nobjectClass: organizationalUnit\nou: {unit}" for unit in ("people", "groups")),
        f"dn: {READER}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: gateway\n"
        f"userPassword: {SECRET}",
        *(
            f"dn: {person(name)}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: {name}\n"
            f"userPassword: {password}"
            for name in people
        ),
        f"dn: {group('sales')}\nobjectClass: groupOfNames\ncn: sales\nmember: {first}",
        f"dn: {group('unique')}\nobjectClass: groupOfUniqueNames\ncn: unique\nuniqueMember: {first}",
        f"dn: {group('posix')}\nobjectClass: posixGroup\ncn: posix\ngidNumber: 100\nmemberUid: {people[0]}",
        f"dn: {group('empty')}\nobjectClass: groupOfNames\ncn: empty\nmember: {READER}",
        f"dn: {group('secret')}\nobjectClass: groupOfNames\ncn: secret\nmember: {first}",
    ]
    return "\n\n".join(parts) + "\n"


class Directory:
    """The directory.

    :param gateway: whose container has the program.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def fill(self, people: Sequence[str], password: str) -> None:
        """Begin anew with these people."""
        self.gateway.write("slapd.conf", CONFIGURATION)
        self.gateway.write("data.ldif", entries(people, password))
        self._sh("rm -rf /tmp/slapd; mkdir /tmp/slapd; slapadd -q -f /fedgate/slapd.conf -l /fedgate/data.ldif")

    def start(self) -> None:
        """Start it and wait until it answers."""
        podman("exec", "-d", self.gateway.name, "slapd", "-d", "0", "-f", "/fedgate/slapd.conf", "-h", f"{URI}/")
        ask = f"ldapsearch -x -H {URI} -D {READER} -w {SECRET} -b {BASE} -s base dn"
        wait_until(lambda: "numEntries: 1" in self._sh(ask, check=False), "the directory answers")

    def stop(self) -> None:
        """End it: connections are refused from then on."""
        self._sh("p=$(cat /tmp/slapd.pid) && kill $p; while kill -0 $p 2>/dev/null; do sleep 0.05; done", check=False)

    def freeze(self) -> None:
        """Let it take connections and answer nothing."""
        self._sh("kill -STOP $(cat /tmp/slapd.pid)")

    def thaw(self) -> None:
        """Let it go on."""
        self._sh("kill -CONT $(cat /tmp/slapd.pid)", check=False)

    def change(self, name: str, verb: str, attribute: str, value: str) -> None:
        """Add or delete a value of a group's attribute."""
        ldif = f"dn: {group(name)}\nchangetype: modify\n{verb}: {attribute}\n{attribute}: {value}\n"
        self.gateway.run("ldapmodify", "-x", "-H", URI, "-D", f"cn=admin,{BASE}", "-w", SECRET, stdin=ldif)

    def _sh(self, script: str, check: bool = True) -> str:
        return self.gateway.run("sh", "-c", script, check=check)
