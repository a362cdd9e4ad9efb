"""A deployment that leaves Lync: emulated, imported, its inventory made a Linux one; DNS, host, partner of the lab."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import dns.query
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.zone
import yaml

from ...emulators.lync import userdata
from ...emulators.lync.deployment import PASSWORD, Deployment
from ...emulators.lync.world import XmppPartner
from ..rollout import Rollout
from .imports import LONDON, Import, done, fill

DOMAIN, PARTNER = "contoso.example", "fabrikam.example"
HOST, GATEWAY = "edge1.london", "xmpp.london.contoso.example"
SERVER = f"_xmpp-server._tcp.{DOMAIN}"
#: Of a public unverified partner.
STRANGER = "carol@partner2.example"
#: Seconds: what the records have at first, and around the move.
OLD, LOW = 90, 5


class Zone:
    """The domain's zone on the lab's name server."""

    def __init__(self, state: dict[str, Any]) -> None:
        tsig = state["tsig"]
        self._at = str(state["addresses"]["dns"])
        algorithm = dns.name.from_text(tsig["algorithm"])
        self._key = {"keyring": dns.tsigkeyring.from_text({tsig["name"]: tsig["secret"]}), "keyalgorithm": algorithm}

    def publish(self, *records: tuple[str, int, str, str]) -> None:
        """Set record sets: name, time to live (seconds), type, value; an empty value removes one."""
        update = dns.update.Update(DOMAIN, **self._key)
        for name, ttl, rtype, value in records:
            update.delete(f"{name}.", rtype)
            if value:
                update.add(f"{name}.", ttl, rtype, value)
        assert dns.query.tcp(update, self._at, timeout=10).rcode() == 0

    def records(self) -> dict[tuple[str, str], str]:
        """Return all record sets as they are sent, but for the zone's own, by name and type."""
        answer = dns.query.xfr(self._at, DOMAIN, lifetime=30, relativize=False, **self._key)
        zone = dns.zone.from_xfr(answer, relativize=False)
        found = {}
        for name, rdataset in zone.iterate_rdatasets():
            rtype = dns.rdatatype.to_text(rdataset.rdtype)
            if rtype not in ("SOA", "NS"):
                found[str(name).rstrip("."), rtype] = rdataset.to_text(name, relativize=False)
        return found

    def of_domain(self) -> dict[tuple[str, str], str]:
        """Return those by which the domain is found, and the Edge Server's."""
        return {key: text for key, text in self.records().items() if "xmpp-test" not in key[0] and key[0] != GATEWAY}


class Leaving:
    """The way from Lync to Linux.

    :ivar zone: what the world sees.
    """

    def __init__(self, lync: Deployment, folder: Path, state: dict[str, Any], edge: str) -> None:
        self.lync, self.state = lync, state
        self.zone = Zone(state)
        fill(lync)
        # Of the 25 partners one is a server that there is.
        del lync.world.partners["partner24.example"]
        lync.world.partners[PARTNER] = XmppPartner(PARTNER, partner_type="Federated", tls="Required", sasl="Optional")
        self.zone.publish(
            (LONDON, OLD, "A", edge),
            (SERVER, OLD, "SRV", f"5 0 5269 {LONDON}."),
            (f"_xmpp-client._tcp.{DOMAIN}", OLD, "SRV", ""),
        )
        # alice knows somebody at the real partner, and somebody whom only her consent lets through.
        self.archive = folder / "users.zip"
        userdata.write(self.archive, {f"alice@{DOMAIN}": [f"bob@{PARTNER}", STRANGER, "colleague@contoso.example"]})
        self.imported = Import(lync, folder, [state["addresses"]["dns"]])
        self.notes = Path(f"{self.imported.target}.migration.json")

    def prepare(self) -> None:
        """Import the deployment, and make its gateway a Linux one, as the guide says."""
        done(self.imported.play())
        target = self.imported.target
        shutil.rmtree(target / "group_vars" / "tokyo")
        (target / "hosts.yml").write_text(
            yaml.safe_dump({"edges": {"children": {"london": {"hosts": {HOST: self._way()}}}}}), encoding="utf-8"
        )
        pool = target / "group_vars" / "london" / "pool.yml"
        text = pool.read_text(encoding="utf-8").replace("edge_pool_backend: lync", "edge_pool_backend: prosody")
        text = text.replace(f"edge_pool_fqdn: {LONDON}", f"edge_pool_fqdn: {GATEWAY}")
        text = re.sub(r"edge_pool_lync:\n(  .*\n)+", "", text)
        pool.write_text(re.sub(r"ansible_\w+:.*\n", "", text), encoding="utf-8")
        (target / "group_vars" / "edges" / "linux.yml").write_text(yaml.safe_dump(self._linux()), encoding="utf-8")

    def _way(self) -> dict[str, Any]:
        state = self.state
        known = f"-o 'UserKnownHostsFile=\"{state['known_hosts']}\"' -o GlobalKnownHostsFile=/dev/null"
        return {
            "ansible_host": state["addresses"][HOST],
            "ansible_user": state["user"],
            "ansible_ssh_private_key_file": state["ssh_key"],
            "ansible_ssh_common_args": f"-F /dev/null -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes {known}",
            "ansible_python_interpreter": "/usr/bin/python3",
            "edge_published_addresses": [state["addresses"][HOST]],
        }

    def _linux(self) -> dict[str, Any]:
        state, tsig = self.state, self.state["tsig"]
        return {
            "federation_certificate": {
                "issuer": "local_ca",
                "ca_directory": state["ca_directory"],
                "client_auth": True,
            },
            "federation_trust_anchors": [state["ca_certificate"]],
            "federation_dns_provider": {
                "kind": "rfc2136",
                "server": state["addresses"]["dns"],
                "tsig_name": tsig["name"],
                "tsig_algorithm": tsig["algorithm"],
                "tsig_secret": tsig["secret"],
            },
            "federation_dns_resolvers": [state["addresses"]["dns"]],
            "federation_dns_ttl": 300,
            "xmpp_gateway_contacts_archive": str(self.archive),
            "xmpp_gateway_users": [
                {"jid": f"alice@{DOMAIN}", "password": state["users"][f"alice@{DOMAIN}"]},
            ],
        }

    def go(self, phase: str, *arguments: str, playbook: str = "migrate.yml", **variables: Any) -> Rollout:
        """Go one step; no secret may be in what is said."""
        given = {"migrate_ttl": LOW, "migrate_watch": 2, "migrate_watch_interval": 1}
        given |= {"vault_lync_password": PASSWORD, **({"migrate_phase": phase} if phase else {}), **variables}
        rollout = self.imported.run(
            ["-i", str(self.imported.target), f"playbooks/{playbook}"], *(arguments or ("--diff",)), **given
        )
        assert self.state["tsig"]["secret"] not in rollout.output
        return rollout

    def noted(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the notes by name and type."""
        content = json.loads(self.notes.read_text(encoding="utf-8"))
        return {(one["name"], one["type"]): one for one in content["records"]}


def address_towards(there: str) -> str:
    """Return this machine's address in the network of another one."""
    ways = subprocess.run(["ip", "route", "get", there], capture_output=True, text=True, check=True).stdout.split()
    return ways[ways.index("src") + 1]


def said(rollout: Rollout) -> str:
    """Return what was said, in one line."""
    return " ".join(rollout.output.split())
