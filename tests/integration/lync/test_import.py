"""``import_lync.yml``: a deployment becomes an inventory, and that inventory finds nothing to change there.

Leans on guesses of the emulator: the type of what Get-CsSipDomain gives.
"""

from __future__ import annotations

from pathlib import Path

from ...emulators.lync import edge
from ...emulators.lync.deployment import VIEWER, Deployment
from ...emulators.lync.world import AccessPolicy, User, XmppPartner
from .edges import FIRST, NAMES, SECOND, Pool
from .imports import HOSTILE, SECRETS, TOKYO, Import, dns, done, full, imported, writes

__all__ = ["dns", "full", "imported"]  # fixtures


def test_there_and_back(imported: Import) -> None:
    rollout = done(imported.play())
    assert "not_accepted_yet: []" in rollout.output and "left_out: []" in rollout.output
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
    partners["bad.example.blocked.invalid"] = XmppPartner("bad.example.blocked.invalid", dialback=False)
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
    assert "It is no partner but blocks bad.example there" in text and "bad.example.blocked.invalid" not in read
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
    assert "by_hand" in imported.text("group_vars/tokyo/pool.yml")
    # Of the pool in London, the second server was not reached, and is not now.
    limited = done(imported.check("partners.yml", "--check", "--diff", "--limit", FIRST))
    assert not limited.named_changes()


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


def test_examples_run(full: Deployment, tmp_path: Path) -> None:
    imported = Import(full, tmp_path, [])
    playbook = ["-i", "localhost,", imported.examples("federation_import", "localhost")]
    planned = done(imported.run(playbook, "--check", "--diff", **imported.given))
    assert not imported.target.exists() and "group_vars/london/pool.yml" in planned.output
    done(imported.run(playbook, **imported.given))
    assert len(imported.read("group_vars/edges/partners.yml")["federation_partners"]) == 25
