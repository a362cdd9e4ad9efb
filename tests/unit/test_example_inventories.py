"""The example inventories are in order as they stand, and show every variable that there is."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.fedgate.model.variables import VARIABLES

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "inventories" / "example"
#: Another name for the group of all gateways.
UNSHOWN = ("federation_edge_group",)
PLAYBOOK = """
- hosts: edges
  gather_facts: false
  tasks:
    - federation_model:
      run_once: true
    - ansible.builtin.copy:
        content: "{{ ansible_facts.federation_model | to_json }}"
        dest: "{{ playbook_dir }}/model.json"
        mode: "0600"
      delegate_to: localhost
      run_once: true
      vars:
        ansible_python_interpreter: "{{ ansible_playbook_python }}"
"""


@pytest.fixture(scope="module", params=["production", "staging"])
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of an example inventory whose samples of vaults were made vaults, as the comments tell users to."""
    copy = tmp_path_factory.mktemp("example") / request.param
    shutil.copytree(EXAMPLES / request.param, copy)
    for sample in copy.rglob("vault.yml.sample"):
        sample.rename(sample.with_suffix(""))
    return copy


def model_of(inventory: Path) -> dict[str, Any]:
    """What the action plug-in makes of an inventory. No host is contacted."""
    playbook = inventory.parent / "model.yml"
    playbook.write_text(PLAYBOOK)
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory / "hosts.yml"), str(playbook)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    model: dict[str, Any] = json.loads((inventory.parent / "model.json").read_text())
    return model


def test_is_in_order(example: Path) -> None:
    model = model_of(example)
    assert {pool["site"] for pool in model["pools"].values()} == {"london", "tokyo", "redmond"}
    assert {pool["backend"] for pool in model["pools"].values()} == {"prosody", "lync"}
    assert model["partners"] and model["records"]


def test_rehearsal_and_production_share_nothing_that_can_be_hit_by_mistake() -> None:
    def names(which: str) -> set[str]:
        found: set[str] = set()
        for path in (EXAMPLES / which).rglob("*.yml"):
            values = yaml.safe_load(path.read_text())
            found |= {str(values[key]) for key in ("edge_pool_fqdn", "edge_published_addresses") if key in values}
            found |= set(values.get("federation_xmpp_domains", []))
            for provider in [values.get("federation_dns_provider", {}), *values.get("federation_dns_providers", [])]:
                found |= {str(provider[key]) for key in ("server", "tsig_name", "profile") if key in provider}
        return found

    assert not names("production") & names("staging")


def test_production_shows_every_variable() -> None:
    text = "\n".join(path.read_text() for path in (EXAMPLES / "production").rglob("*.yml"))
    assert not [name for name in VARIABLES if f"{name}:" not in text and name not in UNSHOWN]


def test_no_example_holds_a_vault() -> None:
    assert not list(EXAMPLES.rglob("vault.yml"))
