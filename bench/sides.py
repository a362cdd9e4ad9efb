"""What each side is given: the same hosts, names, keys and authority; only folders differ."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OURS_DIRECTORY = "/etc/fedgate/certificates"
PEER_DIRECTORY = "/etc/bench-peer"
#: The lab lets the update key write below it, so that challenges can be answered.
PARENT, ZONE = "edge.contoso.example", "contoso.example"
CA_FILES = ("ca.pem", "ca-key.pem")


@dataclass(frozen=True)
class Issuer:
    """One way to get certificates.

    :ivar title: what the cases are called after.
    :ivar most_hosts: it is not measured for more.
    :ivar needs: further hosts of the lab.
    """

    title: str
    peer_playbook: str
    most_hosts: int
    needs: tuple[str, ...] = ()


ISSUERS = {
    "private-ca": Issuer("private CA", "peer_private_ca.yml", 50),
    "acme": Issuer("ACME", "peer_acme.yml", 10, ("acme", "dns")),
}


@dataclass(frozen=True)
class Side:
    """One of the two that are compared.

    :ivar python: interpreter of its environment.
    :ivar chain: where its certificate lies on a host, as a template.
    """

    name: str
    python: Path
    playbook: str
    chain: str


def sides(issuer: Issuer, ours: Path, peer: Path) -> tuple[Side, Side]:
    """Return ours and the peer's.

    :param ours: interpreter of the environment of the project; likewise ``peer``.
    """
    pool = "{{ federation_model.hosts[inventory_hostname].pool }}"
    return (
        Side("ours", ours, "ours.yml", f"{OURS_DIRECTORY}/{pool}/current/chain.pem"),
        Side("peer", peer, issuer.peer_playbook, f"{PEER_DIRECTORY}/chain.pem"),
    )


def names_of(host: str) -> list[str]:
    """Return the names to certify for a host: its pool, and the components of an XMPP server."""
    return [f"{host}.{PARENT}", f"conference.{host}.{PARENT}", f"upload.{host}.{PARENT}"]


def variables(state: Mapping[str, Any], hosts: Sequence[str], side: Side, issuer: str, folder: Path) -> dict[str, Any]:
    """Return the inventory's variables.

    :param state: the lab's.
    :param folder: this side's own on the controller.
    """
    model = {
        name: {"backend": "prosody", "pool": names_of(name)[0], "certificate_names": names_of(name)} for name in hosts
    }
    shared = {
        "federation_model": {"hosts": model},
        "certificate_names": "{{ federation_model.hosts[inventory_hostname].certificate_names }}",
        "ours_directory": OURS_DIRECTORY,
        "peer_directory": PEER_DIRECTORY,
        "peer_controller_directory": str(folder),
        "ca_directory": str(folder),
        "chain": side.chain,
        "dns_zone": ZONE,
        "dns": _dns(state),
    }
    certificate: dict[str, Any] = {"organization": "Contoso", "key": {"type": "rsa", "size": 2048}}
    if issuer == "private-ca":
        certificate |= {"issuer": "local_ca", "ca_directory": str(folder)}
    else:
        shared |= {"acme_directory_url": state["acme"]["directory_url"], "acme_ca_file": state["acme"]["ca_file"]}
        certificate |= _acme(state, folder)
    return {**shared, "federation_certificate": certificate}


def _dns(state: Mapping[str, Any]) -> dict[str, Any]:
    tsig = state["tsig"]
    return {
        "kind": "rfc2136",
        "server": state["addresses"]["dns"],
        "port": 53,
        "tsig_name": tsig["name"],
        "tsig_algorithm": tsig["algorithm"],
        "tsig_secret": tsig["secret"],
    }


def _acme(state: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    return {
        "issuer": "acme",
        "trust_anchors": [state["acme"]["root_file"]],
        "acme": {
            "directory_url": state["acme"]["directory_url"],
            "state_directory": str(folder / "acme"),
            "contact": ["hostmaster@contoso.example"],
            "agree_to_terms": True,
            "ca_file": state["acme"]["ca_file"],
            "dns_provider": _dns(state),
            "resolvers": [state["addresses"]["dns"]],
        },
    }


def empty(folder: Path, authority: Path) -> None:
    """Make a side's folder on the controller as it is before a first run: the CA, and nothing that it issued."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    for name in CA_FILES:
        shutil.copy(authority / name, folder / name)
