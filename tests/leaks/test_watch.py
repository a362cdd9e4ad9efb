"""The hunt for secrets finds what a module leaks on purpose, and nothing where none leaks."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import pytest

from .watch import Watch, forms

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-5f2d09c1e7ab4430"
PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Leak
      leaky:
        secret: "{{ canary }}"
        way: "{{ way }}"
"""
SEEN_IN = {
    "none": "",
    "result": "standard output",
    "diff": "standard output",
    "warning": "standard output",
    "arguments": "command line of sh",
    "file": "file tmp/",
}


def leaks_of(way: str, folder: Path) -> list[str]:
    (folder / "playbook.yml").write_text(PLAYBOOK)
    # The canary comes from the environment: given with -e it would be in the command line, by our own hand.
    (folder / "vars.yml").write_text("canary: \"{{ lookup('ansible.builtin.env', 'CANARY') }}\"\n")
    watched = folder / "watched"
    with Watch(watched) as watch:
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-vvvv", "--diff"]
        command += [
            "-e",
            f"ansible_python_interpreter={sys.executable}",
            "-e",
            f"@{folder / 'vars.yml'}",
            "-e",
            f"way={way}",
            str(folder / "playbook.yml"),
        ]
        done = watch.run(command, ROOT, CANARY=CANARY, ANSIBLE_LIBRARY=str(ROOT / "tests" / "leaks" / "library"))
    assert done.returncode == 0, done.stdout
    assert watch.looks > 50
    return watch.find({"canary": CANARY})


@pytest.mark.parametrize("way", SEEN_IN)
def test_finds_each_way_of_leaking(way: str, tmp_path: Path) -> None:
    found = leaks_of(way, tmp_path)
    if way == "none":
        assert found == []
    else:
        assert any(SEEN_IN[way] in place for place in found), found


def test_knows_other_ways_of_writing_it() -> None:
    assert any(form in base64.b64encode(CANARY.encode()) for form in forms(CANARY))
    assert b"a%2Fb" in forms("a/b")
