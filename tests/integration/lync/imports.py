"""A deployment with something of everything, and the playbooks that make an inventory of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.fedgate.model import negotiation

from ...emulators.lync import edge
from ...emulators.lync.deployment import ADMIN, PASSWORD, Deployment
from ...emulators.lync.world import AccessPolicy, User, XmppPartner
from ..bind import NAMED, Bind
from ..rollout import BIN, ROOT, Rollout, environment
from ..test_examples import examples_of
from .site import resolver

PASSPHRASE = "canary of the dialback passphrase"
SECRETS = [PASSPHRASE, *(form for word in (PASSWORD, edge.PASSWORD) for form in (word, json.dumps(word)[1:-1]))]
HOSTILE = (
    "'; Remove-CsXmppAllowedPartner '",
    'a "quoted" \\ one: # no comment',
    "{{ lookup('pipe', 'false') }} {% raw %}",
    "- a list\n# federation_partners: []\n...\n---",
    "*anchor &anchor !unsafe |",
    "yes",
    "2031-12-31",
    "0x1F",
    "\u2028 separators \x85 \u00e9 \U0001f600",
    " spaces around ",
)
#: As the negotiation table has them, but for those that leave no method.
ROWS = [row for row in product(negotiation.LEVELS, negotiation.LEVELS, (True, False)) if negotiation.methods(*row)]
_WORDS = {"required": "Required", "optional": "Optional", "not_supported": "NotSupported"}
_TYPES = ("Federated", "PublicVerified", "PublicUnverified")
TOKYO = "edge1.tokyo.contoso.example"
LONDON = "edge.london.contoso.example"


def fill(lync: Deployment) -> None:
    """Give a deployment 25 partners of all types and combinations, policies of all scopes, limits."""
    world = lync.world
    for number in range(25):
        tls, sasl, dialback = ROWS[number % len(ROWS)]
        name = f"partner{number}.example"
        world.partners[name] = XmppPartner(
            name.upper() if number == 7 else name,
            [f"B.{name}", f"a.{name}"] if number % 3 == 0 else [],
            HOSTILE[number % len(HOSTILE)] if number % 2 else "",
            _TYPES[number % 3],
            _WORDS[tls],
            _WORDS[sasl],
            dialback,
            keepalive=number % 5 != 0,
            connection_limit=2**32 - 1 if number == 4 else number + 1 if number % 4 == 0 else None,
            proxy_fqdn="proxy.partner9.example" if number == 9 else "",
        )
    world.gateway.update(
        {
            "ConnectionLimit": 2000,
            "KeepAliveInterval": 120,
            "SubscriptionRefreshInterval": 14400,
            "DialbackPassphrase": PASSPHRASE,
        }
    )
    on = {"EnableXmppAccess": True, "EnableFederationAccess": True}
    for identity, settings in (
        ("Global", {"EnableOutsideAccess": True, "EnableFederationAccess": True}),
        ("Site:London", {**on, "Description": "London: everybody"}),
        ("Tag:Sales", {**on, "Description": HOSTILE[2]}),
        ("Tag:Nobody", {"EnableXmppAccess": False}),
    ):
        world.access_policies[identity.lower()] = AccessPolicy(identity, settings)
    world.users["dora@contoso.example"] = User("dora@contoso.example", "Dora", "pool1.contoso.example", "Nobody")
    world.users["alice@contoso.example"].policy = "Sales"
    world.users["bob@contoso.example"].policy = "sales"
    world.access_edge["AllowFederatedUsers"] = True
    world.writes = 0


@pytest.fixture
def full(lync: Deployment) -> Deployment:
    """A deployment with something of everything."""
    fill(lync)
    return lync


@pytest.fixture
def dns(tmp_path: Path) -> Iterator[str]:
    """The address of a resolver: an SRV record leads to London, which has two addresses; Tokyo has one."""
    if os.geteuid() != 0 or not Path(NAMED).exists():
        pytest.skip("needs root, for a name server on port 53 of the loopback, and BIND (package bind9)")
    folder = tmp_path / "bind"
    folder.mkdir()
    records = (
        f"_xmpp-server._tcp.contoso.example. 300 IN SRV 5 0 5269 {LONDON}.",
        f"{LONDON}. 300 IN A 198.51.100.31",
        f"{LONDON}. 300 IN A 198.51.100.32",
        "edge.tokyo.contoso.example. 300 IN A 203.0.113.31",
    )
    bind = Bind(folder, records=records)
    bind.start()
    try:
        # Of its own: several of these tests may run at once.
        with resolver(bind.port, f"127.85.{os.getpid() % 250 + 1}.53") as address:
            yield address
    finally:
        bind.stop()


class Import:
    """The playbook, as somebody runs it who has an account on the Front End."""

    def __init__(self, lync: Deployment, folder: Path, resolvers: list[str]) -> None:
        self.lync = lync
        self.folder = folder
        self.target = folder / "imported"
        self.given: dict[str, Any] = {
            "federation_lync": {
                "front_end": "localhost",
                "port": lync.front_end.port,
                "username": ADMIN,
                "password": PASSWORD,
                "authentication": "ntlm",
                "ca_file": str(lync.certificate),
                "dialback_passphrase": PASSPHRASE,
            },
            "import_lync_directory": str(self.target),
            "import_lync_resolvers": resolvers,
        }

    def play(self, *arguments: str, **more: Any) -> Rollout:
        """Import, as loudly as there is."""
        return self.run(["-i", "localhost,", "playbooks/import_lync.yml"], *arguments, **{**self.given, **more})

    def check(self, playbook: str, *arguments: str, **more: Any) -> Rollout:
        """Run a playbook with the inventory that was written, in check mode unless told otherwise."""
        given = {"vault_lync_password": PASSWORD, "vault_edge_password": edge.PASSWORD, **more}
        how = arguments or ("--check", "--diff")
        return self.run(["-i", str(self.target), f"playbooks/{playbook}"], *how, **given)

    def examples(self, module: str, hosts: str) -> str:
        """Write the examples of a module as a playbook, after what they build upon; return its path."""
        tasks = examples_of(module)
        if not any("lync_info" in task for task in tasks):
            tasks.insert(
                0, {"name": "Read the deployment", "lync_info": {}, "register": "deployment", "run_once": True}
            )
        playbook = self.folder / "examples.json"
        playbook.write_text(json.dumps([{"hosts": hosts, "gather_facts": False, "tasks": tasks}]))
        return str(playbook)

    def run(self, what: list[str], *arguments: str, **variables: Any) -> Rollout:
        given, results = self.folder / "given.json", self.folder / "results.json"
        given.write_text(json.dumps(variables))
        results.unlink(missing_ok=True)
        settings = environment(FEDGATE_RESULTS_FILE=str(results), ANSIBLE_LOCAL_TEMP=str(self.folder / "temporary"))
        command = [str(BIN / "ansible-playbook"), *what, "-e", f"@{given}", "-vvvv", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=settings, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=300,
        )  # fmt: skip
        for secret in SECRETS:
            assert secret not in done.stdout
        hosts = json.loads(results.read_text(encoding="utf-8"))["hosts"] if results.exists() else {}
        return Rollout(done.returncode, done.stdout, hosts)

    def text(self, name: str) -> str:
        return (self.target / name).read_text(encoding="utf-8")

    def read(self, name: str) -> Any:
        return yaml.load(self.text(name), Loader=_Loader)


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


@pytest.fixture
def imported(full: Deployment, tmp_path: Path, dns: str) -> Import:
    """A full deployment, ready to be imported."""
    return Import(full, tmp_path, [dns])


def done(rollout: Rollout) -> Rollout:
    assert rollout.code == 0, rollout.output[-6000:]
    return rollout


def writes(lync: Deployment) -> list[str]:
    return [name for name, _bound in lync.engine.calls if not name.startswith("Get-")]


def change(imported: Import, name: str, before: str, after: str) -> None:
    """Edit a file of the inventory that was written."""
    path = imported.target / name
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def linux(imported: Import) -> None:
    """Make all gateways of the inventory Linux ones, as the guide says."""
    for group in ("london", "tokyo"):
        name = f"group_vars/{group}/pool.yml"
        change(imported, name, "edge_pool_backend: lync", "edge_pool_backend: prosody")
        way = re.search(r"edge_pool_lync:\n(  .*\n)+", imported.text(name))
        assert way
        change(imported, name, way[0], "")
