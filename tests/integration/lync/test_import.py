"""``import_lync.yml``: a deployment becomes an inventory, and that inventory finds nothing to change there.

Leans on guesses of the emulator: the type of what Get-CsSipDomain gives.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.fedgate.model import negotiation

from ...emulators.lync import edge
from ...emulators.lync.deployment import ADMIN, PASSWORD, VIEWER, Deployment
from ...emulators.lync.world import AccessPolicy, User, XmppPartner
from ..bind import NAMED, Bind
from ..rollout import BIN, ROOT, Rollout, environment
from .edges import FIRST, NAMES, SECOND, Pool
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


def test_there_and_back(imported: Import) -> None:
    done(imported.play())
    assert writes(imported.lync) == [] and imported.lync.world.writes == 0
    partners = imported.read("group_vars/edges/partners.yml")["federation_partners"]
    assert len(partners) == 25 and "LEFT OUT" not in imported.text("group_vars/edges/partners.yml")
    by_domain = {partner["domain"]: partner for partner in partners}
    for number in range(1, 25, 2):
        assert by_domain[f"partner{number}.example"]["description"] == HOSTILE[number % len(HOSTILE)]
    for path in imported.target.rglob("*.*"):
        for secret in SECRETS:
            assert secret not in path.read_text(encoding="utf-8")
    for playbook in ("partners.yml", "gateway.yml"):
        checked = done(imported.check(playbook))
        assert not checked.named_changes() and set(checked.changed().values()) == {0}
    # Not only in check mode.
    assert not done(imported.check("partners.yml", "--diff")).named_changes() and writes(imported.lync) == []


def test_the_whole_procedure_finds_nothing_to_do(imported: Import) -> None:
    done(imported.play())
    # Who takes DNS changes is the one thing that a deployment does not tell.
    provider = {"kind": "rfc2136", "server": "127.0.0.2", "tsig_name": "a.key", "tsig_secret": "c2VjcmV0"}
    how = ("--check", "--diff", "--tags", "certificate,gateway,policy")
    checked = done(imported.check("site.yml", *how, federation_dns_provider=provider))
    assert not checked.named_changes() and writes(imported.lync) == []


def test_what_the_model_refuses_is_left_out_with_its_reason(imported: Import) -> None:
    partners = imported.lync.world.partners
    partners["nothing.example"] = XmppPartner(
        "nothing.example", description="x\nfederation_partners: []", dialback=False
    )
    partners["nothing.example"].tls = "NotSupported"
    partners["zwei.example"] = XmppPartner("zwei.example", ["partner1.example", "more.zwei.example"])
    partners["contoso.example"] = XmppPartner("contoso.example")
    partners["control.example"] = XmppPartner("control.example", description="bell \x07")
    world = imported.lync.world
    world.access_policies["tag:what?"] = AccessPolicy("Tag:What?", {"EnableXmppAccess": True})
    world.access_policies["site:paris"] = AccessPolicy("Site:Paris")
    world.users["eve@other.example"] = User("eve@other.example", "Eve", "pool1.contoso.example", "Sales")
    world.users["gone@contoso.example"] = User("gone@contoso.example", "Gone", "pool1.contoso.example", "Former")
    rollout = done(imported.play())
    text = imported.text("group_vars/edges/partners.yml")
    read = {one["domain"]: one for one in imported.read("group_vars/edges/partners.yml")["federation_partners"]}
    assert len(read) == 27 and read["zwei.example"]["additional_domains"] == ["more.zwei.example"]
    assert "description" not in read["control.example"] and '# description: "bell \\x07"' in text
    assert "# LEFT OUT: partner1.example belongs to another partner already" in text
    assert "leaves no way to authenticate" in text and "  # - domain: nothing.example" in text
    assert "# LEFT OUT: contoso.example is one of our own" in text and "  # - domain: contoso.example" in text
    access = imported.text("group_vars/edges/access.yml")
    assert "'What?' is no name of a policy" in access and '  # - name: "What?"' in access
    assert '  # - name: "site:Paris"' in access and "there is no site" in access
    assert "      # - eve@other.example" in access and "eve@other.example is no user of ours" in access
    said = " ".join(rollout.output.split())
    for what in ("nothing.example", "partner1.example", "contoso.example", "What?", "site:Paris", "eve@other.example"):
        assert f": {what}" in said
    assert "gone@contoso.example has been granted Former, which is not there" in said
    assert "gone@contoso.example has been granted Former" in imported.text("group_vars/edges/dns.yml")
    # The model has no objection to what is left.
    done(imported.check("explain.yml", who="a@partner1.example", whom="alice@contoso.example"))


def test_files_that_are_there_are_kept(imported: Import) -> None:
    planned = done(imported.play("--check", "--diff"))
    assert not imported.target.exists() and "federation_partners" in planned.output
    done(imported.play())
    again = done(imported.play())
    assert again.changed()["localhost"] == 0
    (imported.target / "hosts.yml").write_text("all: {}\n")
    failed = imported.play()
    assert failed.code == 2 and imported.text("hosts.yml") == "all: {}\n"
    (failure,) = failed.hosts["localhost"]["failed"]
    assert "has files already that say something else: hosts.yml" in failure["msg"]
    assert "Name another folder" in failure["msg"]
    imported.given["import_lync_directory"] = str(imported.folder / "elsewhere")
    done(imported.play())
    assert (imported.folder / "elsewhere" / "group_vars" / "london" / "pool.yml").exists()


def test_certificates_of_the_servers_that_are_reached(imported: Import, tmp_path: Path) -> None:
    pool = Pool(imported.lync, tmp_path)
    pool.issued(names=[*NAMES, "old.contoso.example"])
    certificate = pool.held().find(pool.held().assigned["AccessEdgeExternal"])
    assert certificate is not None
    imported.given["import_lync_edge"] = {
        "username": edge.ADMINISTRATOR,
        "password": edge.PASSWORD,
        "authentication": "ntlm",
        "ca_file": str(imported.lync.certificate),
        "port": imported.lync.edge(FIRST).endpoint.port,
    }
    # The others have no port of that number: as where a perimeter lets nothing through.
    imported.given["import_lync_edge_addresses"] = {FIRST: "localhost", SECOND: "127.0.0.2", TOKYO: "127.0.0.2"}
    done(imported.play())
    london = imported.read("group_vars/london/pool.yml")
    assert london["edge_pool_additional_names"] == ["old.contoso.example"]
    assert (
        london["ansible_password"] == "{{ vault_edge_password }}"
        and london["edge_pool_lync"]["authentication"] == "ntlm"
    )
    text = " ".join(imported.text("group_vars/london/pool.yml").replace("# ", "").split())
    assert certificate.thumbprint in text and f"The certificates of {SECOND} were not read:" in text
    assert "vault_edge_password" in imported.text("group_vars/edges/vault.yml.sample")
    assert not done(imported.check("partners.yml")).named_changes()


def test_without_dns_it_says_what_is_open(full: Deployment, tmp_path: Path) -> None:
    imported = Import(full, tmp_path, ["127.0.0.2"])
    rollout = done(imported.play())
    assert imported.read("group_vars/edges/federation.yml")["federation_xmpp_domains"] == ["contoso.example"]
    assert "GUESSED: all SIP domains, for DNS could not be asked" in imported.text("group_vars/edges/federation.yml")
    assert "UNKNOWN: no address of" in imported.text("group_vars/london/pool.yml")
    assert "has no published address" in " ".join(rollout.output.split())


def test_who_may_not_read_everything_writes_nothing(full: Deployment, tmp_path: Path) -> None:
    full.world.roles["viewer"] = frozenset({"CsServerAdministrator"})
    imported = Import(full, tmp_path, ["127.0.0.2"])
    imported.given["federation_lync"]["username"] = VIEWER
    failed = imported.play()
    assert failed.code == 2 and not imported.target.exists()
    assert "Get-CsXmppAllowedPartner" in failed.hosts["localhost"]["failed"][0]["msg"]


def test_a_reader_s_role_is_enough(imported: Import) -> None:
    imported.given["federation_lync"]["username"] = VIEWER
    done(imported.play())


def test_five_thousand_partners(lync: Deployment, tmp_path: Path) -> None:
    for number in range(5000):
        name = f"partner{number}.example"
        lync.world.partners[name] = XmppPartner(name, [f"a.{name}"], HOSTILE[number % len(HOSTILE)])
    lync.world.partners["partner5.example"].additional_domains = ["a.partner4.example"]
    imported = Import(lync, tmp_path, ["127.0.0.2"])
    done(imported.play())
    assert len(imported.read("group_vars/edges/partners.yml")["federation_partners"]) == 5000
