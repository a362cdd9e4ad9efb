"""Ours and the peers: what each is given, and the command that it is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .. import command, playbook
from ..errors import BenchError
from .cases import Case
from .records import PATTERN, ZONE, rows, wanted, zone_file

OURS = "ours"
#: Nothing of the user's own configuration counts.
ENVIRONMENT = {
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_DEFAULT_REGION": "us-east-1",
}
_OCTODNS_CLASSES = {"route53": "octodns_route53.Route53Provider", "bind": "octodns_bind.Rfc2136Provider"}
_OCTODNS_PACKAGES = {"route53": "octodns-route53", "bind": "octodns-bind"}
_COLLECTIONS = {"amazon.aws": "amazon.aws", "nsupdate": "community.general"}


@dataclass(frozen=True)
class Given:
    """What a side works with.

    :ivar provider: what ``dns_records`` is given.
    :ivar settings: address and credentials, as the place names them.
    """

    case: Case
    provider: Mapping[str, Any]
    settings: Mapping[str, Any]


class Playbook:
    """A playbook of ``bench/playbooks``, played on this machine.

    :param python: interpreter of the environment that it is run from.
    """

    def __init__(self, name: str, python: Path, file: str) -> None:
        self.name = name
        self._python = python
        self._file = file

    def prepare(self, folder: Path, given: Given) -> None:
        """Write its inventory; variables beside it, as users have them: in it they would be read three times."""
        local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        variables = {
            "zone": ZONE,
            "records": wanted(given.case.records),
            "provider": given.provider,
            "at": given.settings,
        }
        _write(folder / "inventory.yml", json.dumps({"all": {"hosts": {"localhost": local}}}))
        (folder / "group_vars").mkdir()
        _write(folder / "group_vars" / "all.json", json.dumps(variables))

    def run(self, folder: Path, tell: Callable[[], object]) -> dict[str, float]:
        """Run it once. :returns: ``wall`` and ``CPU`` seconds. :raises BenchError: when it fails."""
        done = playbook.run(
            self._python, self._file, folder / "inventory.yml", 1, folder / "log", lambda _: tell(), ENVIRONMENT
        )
        return {"wall": done.figures["wall"], "CPU": done.figures["controller CPU"]}


class Octodns:
    """``octodns-sync`` with a zone file and a filter, so that it minds the names that are ours and no others."""

    def __init__(self, python: Path, server: str) -> None:
        self.name = "octodns"
        self._program = python.with_name("octodns-sync")
        self._server = server

    def prepare(self, folder: Path, given: Given) -> None:
        """Write its configuration and its source."""
        _write(folder / "config.yml", yaml.safe_dump(octodns_config(self._server, folder, given.settings)))
        (folder / "zones").mkdir()
        _write(folder / "zones" / f"{ZONE}.", zone_file(rows(given.case.records)))
        _write(folder / "secrets.json", json.dumps(_octodns_environment(self._server, given.settings)))

    def run(self, folder: Path, tell: Callable[[], object]) -> dict[str, float]:
        """Run it once. :returns: ``wall`` and ``CPU`` seconds. :raises BenchError: when it fails."""
        argv = [str(self._program), "--config-file", str(folder / "config.yml"), "--doit"]
        environment = {**ENVIRONMENT, **json.loads((folder / "secrets.json").read_text())}
        used = command.run("octodns-sync", argv, environment, folder / "log", tell)
        return {"wall": used["wall"], "CPU": used["cpu"]}


def octodns_config(server: str, folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what its documentation shows for such a source and such a target."""
    target: dict[str, Any] = {"class": _OCTODNS_CLASSES[server]}
    if server == "route53":
        target |= {"access_key_id": "env/AWS_ACCESS_KEY_ID", "secret_access_key": "env/AWS_SECRET_ACCESS_KEY"}
        if settings["limited"]:
            # Without it three tries are made, and every tenth run or so fails: "Throttling: Rate exceeded".
            target["client_max_attempts"] = 10
    else:
        target |= {"host": settings["server"], "port": settings["port"], "key_name": settings["tsig_name"]}
        target |= {"key_algorithm": settings["tsig_algorithm"], "key_secret": "env/BENCH_TSIG_SECRET"}
    return {
        "providers": {
            "files": {
                "class": "octodns_bind.ZoneFileSource",
                "directory": str(folder / "zones"),
                "check_origin": False,
            },
            "target": target,
        },
        "processors": {
            "ours": {"class": "octodns.processor.filter.NameAllowlistFilter", "allowlist": [PATTERN]},
        },
        "zones": {f"{ZONE}.": {"sources": ["files"], "processors": ["ours"], "targets": ["target"]}},
    }


def _octodns_environment(server: str, settings: Mapping[str, Any]) -> dict[str, str]:
    if server == "bind":
        return {"BENCH_TSIG_SECRET": settings["tsig_secret"]}
    return {
        "AWS_ACCESS_KEY_ID": settings["access_key"],
        "AWS_SECRET_ACCESS_KEY": settings["secret_key"],
        "AWS_ENDPOINT_URL": settings["url"],
    }


Side = Playbook | Octodns


def ours(python: Path) -> Side:
    """Return our side."""
    return Playbook(OURS, python, "dns_ours.yml")


def peer(name: str, server: str, python: Path) -> Side:
    """Return a peer at a kind of server. :param python: interpreter of the environment of the peers."""
    if name == "octodns":
        return Octodns(python, server)
    return Playbook(name, python, "dns_amazon_aws.yml" if name == "amazon.aws" else "dns_nsupdate.yml")


def peer_names(server: str, python: Path) -> dict[str, str]:
    """Return peer → its name with its version, from its environment. :raises BenchError: when it is not there."""
    program = """
import importlib, importlib.metadata, json, pathlib, sys
found = {}
for key, name in json.loads(sys.argv[1]).items():
    folder = pathlib.Path(importlib.import_module("ansible_collections." + name).__path__[0])
    found[key] = name + " " + json.loads((folder / "MANIFEST.json").read_text())["collection_info"]["version"]
version = importlib.metadata.version
found["octodns"] = f"octoDNS {version('octodns')} ({sys.argv[2]} {version(sys.argv[2])})"
print(json.dumps(found))
"""
    argv = [str(python), "-c", program, json.dumps(_COLLECTIONS), _OCTODNS_PACKAGES[server]]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchError(f"the peers are not installed for {python}: {error}; bin/bench installs them") from error
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _write(path: Path, content: str) -> None:
    """Write a file that may hold secrets."""
    path.touch(0o600)
    path.write_text(content)
