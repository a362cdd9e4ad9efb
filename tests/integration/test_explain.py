"""The playbook ``explain.yml`` as people run it: on files, without hosts; and who is knocking, in the lab."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from lab.chat import deliver

from .conftest import Lab
from .rollout import BIN, ROOT, lab, play

HOSTS = """\
edges:
  children:
    london:
      hosts:
        edge1.london:
          ansible_host: 192.0.2.11
          edge_published_addresses: [192.0.2.11]
"""
SHARED = """\
federation_xmpp_domains: [contoso.example]
federation_partners:
  - domain: fabrikam.example
    type: "{{ default_type }}"
    sasl: optional
  - domain: northwind.example
    expires: 2020-01-31
federation_dns_provider:
  kind: rfc2136
  server: 192.0.2.53
  tsig_name: fedgate.
  tsig_secret: "{{ vault_tsig_secret }}"
federation_certificate:
  issuer: local_ca
  ca_directory: /srv/ca
default_type: public_verified
"""
POOL = "edge_pool_fqdn: edge.london.contoso.example\n"


class Mine:
    """Inventories in a folder; nothing of theirs can be reached."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.make("main")

    def make(self, name: str, old: str = "", new: str = "", **files: str) -> None:
        """Write an inventory, with one text replaced by another."""
        assert old in SHARED
        texts = {"hosts.yml": HOSTS, "group_vars/edges.yml": SHARED.replace(old, new), "group_vars/london.yml": POOL}
        for file, text in {**texts, **files}.items():
            path = self.folder / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def explain(self, *options: str, inventory: str = "main", check: bool = True) -> str:
        """Run the playbook; return what it printed, as one line where it failed."""
        command = [str(BIN / "ansible-playbook"), "-i", inventory, str(ROOT / "playbooks" / "explain.yml")]
        command += [part for option in options for part in ("-e", option)]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert (done.returncode == 0) is check, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def mine(tmp_path: Path) -> Mine:
    """An inventory called main."""
    return Mine(tmp_path)


def line_of(text: str, start: str = SHARED) -> int:
    return next(number for number, line in enumerate(start.splitlines(), 1) if text in line)


def test_a_pair_with_the_lines_of_the_inventory(mine: Mine) -> None:
    output = mine.explain("who=carol@fabrikam.example", "whom=alice@contoso.example")
    assert "carol@fabrikam.example and alice@contoso.example: they may federate" in output
    kind = f"main/group_vars/edges.yml:{line_of('type:')}:5"
    assert f"What passes, as the type is public_verified ({kind})" in output
    assert f"fabrikam.example is a partner (main/group_vars/edges.yml:{line_of('- domain: fabrikam')}:5)" in output
    assert any(line.split() == ["tls", "required", "default"] for line in output.splitlines())
    assert "2. over STARTTLS: dialback over TLS, whatever certificate the partner shows" in output
    assert any(line.split()[:3] == ["note", "out", "no"] for line in output.splitlines())


def test_an_expired_and_an_unknown_partner(mine: Mine) -> None:
    output = mine.explain("who=northwind.example", "whom=contoso.example")
    assert f"expired after 2020-01-31 (main/group_vars/edges.yml:{line_of('expires')}:5)" in output
    output = mine.explain("who=a@fabrikam2.example", "whom=contoso.example")
    assert "fabrikam2.example stands in none of federation_partners (main/group_vars/edges.yml:2:1)" in output


def test_who_of_ours_may(mine: Mine) -> None:
    policies = "federation_access_policies:\n  - {name: global, xmpp_access: false}\n"
    granted = "  - name: sales\n    xmpp_access: true\n    users: [alice@contoso.example]\n"
    mine.make("branch", **{"group_vars/edges/access.yml": policies, "group_vars/edges/main.yml": SHARED})
    (mine.folder / "branch" / "group_vars" / "edges.yml").unlink()
    output = mine.explain("who=carol@fabrikam.example", "whom=alice@contoso.example", inventory="branch")
    assert "no federation" in output and "the access policy global (branch/group_vars/edges/access.yml:2:" in output
    mine.make("more", **{"group_vars/edges/access.yml": policies + granted, "group_vars/edges/main.yml": SHARED})
    (mine.folder / "more" / "group_vars" / "edges.yml").unlink()
    output = mine.explain("before=branch", "after=more", inventory="localhost,")
    assert "OPENS   alice@contoso.example: may federate now (more/group_vars/edges/access.yml:5:5)" in output


def test_what_a_branch_would_change(mine: Mine) -> None:
    mine.make("branch", "default_type: public_verified", "default_type: federated")
    output = mine.explain("before=main", "after=branch", inventory="localhost,")
    assert "Opens something: 1. Closes: 0. Does neither: 0." in output
    assert (
        "OPENS   fabrikam.example: its type becomes federated, from public_verified "
        f"(branch/group_vars/edges.yml:{line_of('type:')}:5)"
    ) in output
    output = mine.explain("before=branch", "after=main", inventory="localhost,")
    assert "closes  fabrikam.example: its type becomes public_verified, from federated" in output
    assert "Nothing changes" in mine.explain("before=main", "after=main", inventory="localhost,")


def test_a_worktree_of_git_beside_the_branch(mine: Mine) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=Ann", "-c", "user.email=ann@contoso.example"]
        subprocess.run(["git", *identity, *arguments], cwd=mine.folder / "repository", check=True, capture_output=True)

    shutil.copytree(mine.folder / "main", mine.folder / "repository" / "inventory")
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "Begin")
    git("worktree", "add", "-q", "--detach", "../before", "main")
    path = mine.folder / "repository" / "inventory" / "group_vars" / "edges.yml"
    path.write_text(SHARED.replace("    sasl: optional\n", "    sasl: optional\n    dialback: false\n"))
    output = mine.explain("before=before/inventory", "after=repository/inventory", inventory="localhost,")
    dialback = line_of("sasl") + 1
    assert "closes  fabrikam.example: loses dialback over TLS (repository/inventory/group_vars/edges.yml:" in output
    assert f"repository/inventory/group_vars/edges.yml:{dialback}:5)" in output


def test_several_sources_are_put_together(mine: Mine) -> None:
    (mine.folder / "more.yml").write_text(
        "edges:\n  vars:\n    federation_partners_more:\n      - domain: adatum.example\n"
    )
    output = mine.explain("before=main", "after=main,more.yml", inventory="localhost,")
    assert "OPENS   adatum.example: becomes a partner: public_unverified, by SASL EXTERNAL" in output
    assert "more.yml:4:9" in output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "nothing is asked. Give who and whom"),
        (("who=carol@fabrikam.example",), "who is given, whom is not."),
        (("who=a.example", "whom=contoso.example", "before=main"), "who, whom and before are different questions."),
        (("who=a.example", "whom=contoso.example", "knocking=true"), "who, whom and gateways are different questions."),
        (("who=carol", "whom=contoso.example"), "who: 'carol' is not an XMPP address: 'carol' has only one label."),
        (("who=a.example", "whom=contosso.example"), "contosso.example is none of our domains. Did you mean"),
        (("before=nowhere", "after=main"), "before (nowhere): there is no inventory nowhere. Name its file"),
        (("before=main", "after=main/group_vars"), "after (main/group_vars): "),
        (("before=main", "after=wrong"), "after (wrong): 1 error in the inventory"),
    ],
)  # fmt: skip
def test_one_clear_error(mine: Mine, options: tuple[str, ...], message: str) -> None:
    mine.make("wrong", "sasl: optional", "sasl: perhaps")
    output = mine.explain(*options, check=False)
    assert message in output
    assert "Internal error" not in output and "Traceback" not in output


def test_an_error_of_the_other_inventory_has_its_line(mine: Mine) -> None:
    mine.make("wrong", "sasl: optional", "sasl: perhaps")
    output = mine.explain("before=wrong", "after=main", inventory="localhost,", check=False)
    assert f"(wrong/group_vars/edges.yml:{line_of('sasl')}:5): the text 'perhaps' is not allowed here" in output


def test_no_secret_is_shown(mine: Mine) -> None:
    mine.make("branch", "{{ vault_tsig_secret }}", "Y2FuYXJ5LXRzaWc=")
    output = mine.explain("before=main", "after=branch", inventory="localhost,")
    output += mine.explain("who=carol@fabrikam.example", "whom=contoso.example", inventory="branch")
    assert "Y2FuYXJ5LXRzaWc=" not in output and "Nothing changes" in output


@pytest.mark.lab
def test_who_is_knocking(deployed_lab: Lab) -> None:
    deliver(deployed_lab.state, "mallory@stranger.example", "alice@contoso.example", 30)
    assert [item for item in deployed_lab.status()["refused"] if item["remote"] == "stranger.example"]
    done = play("explain.yml", "-e", "knocking=true")
    assert done.code == 0 and not done.named_changes(), done.output
    assert "2 of 2 gateways answered." in done.output
    shown = done.output.split("For the inventory:", 1)[1].split("PLAY RECAP")[0]
    lines = [line.strip() for line in shown.splitlines() if line.strip()]
    assert all(line.startswith("# ") for line in lines)
    entries = yaml.safe_load("\n".join(line.removeprefix("# ") for line in lines[1:]))
    assert "stranger.example" in [item["domain"] for item in entries["federation_partners_new"]]


@pytest.mark.lab
def test_a_silent_gateway_stops_nobody(deployed_lab: Lab) -> None:
    lab("exec", "edge1.tokyo", "systemctl", "stop", "prosody")
    try:
        output = play("explain.yml", "-e", json.dumps({"knocking": True})).output
    finally:
        lab("exec", "edge1.tokyo", "systemctl", "start", "prosody")
    assert "1 of 2 gateways answered." in output and "Nothing is known from edge1.tokyo." in output


@pytest.mark.lab
@pytest.mark.usefixtures("deployed_lab")
def test_an_unreachable_gateway_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "away.yml").write_text("edges:\n  hosts:\n    edge1.tokyo:\n      ansible_port: 1\n")
    done = play("explain.yml", "-i", str(tmp_path / "away.yml"), "-e", json.dumps({"knocking": True}))
    assert "UNREACHABLE" in done.output and done.code != 0
    assert "1 of 2 gateways answered." in done.output and "Nothing is known from edge1.tokyo." in done.output
