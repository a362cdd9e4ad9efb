"""The same work in Ansible's own process and in the module's: what comes of it does not tell where it was done."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from .bind import KEYS, NAMED, Bind
from .test_dns_module import LONDON, SRV, TASK, Run, changes_of, module_play

pytestmark = pytest.mark.skipif(not Path(NAMED).exists(), reason="BIND is not installed (package bind9)")


def elsewhere(folder: Path) -> dict[str, Any]:
    """Keywords of a task by which the module runs in a process of its own: the same Python under another name."""
    other = folder / "python-of-another-name"
    if not other.exists():
        # A link would not find its environment.
        other.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        os.chmod(other, 0o700)
    return {"vars": {"ansible_python_interpreter": str(other)}}


def saved(root: Path, folder: Path, provider: dict[str, Any], task: dict[str, Any], *options: str, **more: Any) -> Any:
    play = module_play(folder, provider, **more)
    play[0]["tasks"][0].update(task)
    run = Run(root, folder, play, *options)
    result = run.saved(folder)
    result["modules run"] = f"Using module file {root / 'library' / 'dns_records.py'}" in run.text
    return result


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """Return what does not depend on the process: a module's result also repeats its arguments."""
    return {key: value for key, value in result.items() if key not in ("invocation", "modules run", "exception")}


def test_check_run_and_second_run_are_the_same(bind: Bind, root: Path, tmp_path: Path) -> None:
    before = bind.everything("contoso.example")
    seen = []
    for task in ({}, elsewhere(tmp_path)):
        checked = saved(root, tmp_path, bind.provider(), task, "--check", "-vvv")
        done = saved(root, tmp_path, bind.provider(), task, "-vvv")
        again = saved(root, tmp_path, bind.provider(), task, "-vvv")
        assert checked["changed"] and done["changed"] and not again["changed"] and again["plan"] == []
        assert changes_of(checked) == changes_of(done) and bind.look(SRV, "SRV")
        seen.append((checked, done))
        for name, rtype in ((SRV, "SRV"), (LONDON, "A"), ("edge.tokyo.contoso.example", "A")):
            bind.edit("contoso.example", ("delete", f"{name}.", rtype))
        assert bind.everything("contoso.example") == before
    here, there = seen
    assert not here[1]["modules run"] and there[1]["modules run"]
    for mine, theirs in zip(here, there):
        for each in (mine, theirs):  # serial numbers go on
            each["providers"]["rfc2136"]["zones"]["contoso.example"].pop("serial")
        assert comparable(mine) == comparable(theirs)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({"records": [{"name": "a..b", "type": "A", "ttl": 300, "values": ["192.0.2.1"]}]}, {}),
        ({"records": [{"name": LONDON, "type": "MX", "ttl": 300, "values": ["1 x.example"]}]}, {}),
        ({"wait": "for ever"}, {}),
        ({}, {"server": None}),
        ({}, {"tsig_secret": "c29tZXRoaW5nIHdyb25n"}),
    ],
    ids=["name", "type", "choice", "missing", "refused"],
)
def test_errors_are_the_same(
    bind: Bind, root: Path, tmp_path: Path, arguments: dict[str, Any], options: dict[str, Any]
) -> None:
    provider = {key: value for key, value in bind.provider(**options).items() if value is not None}
    here, there = (saved(root, tmp_path, provider, task, "-vvvv", **arguments) for task in ({}, elsewhere(tmp_path)))
    assert here["failed"] and there["failed"] and here.get("error") == there.get("error")
    assert here["msg"].removeprefix("Unsupported parameters") == there["msg"].removeprefix("Unsupported parameters")


@pytest.mark.parametrize("keyword", ["environment", "interpreter"])
def test_what_a_task_says_of_where_it_runs_is_heeded(bind: Bind, root: Path, tmp_path: Path, keyword: str) -> None:
    task = {"environment": {"LC_ALL": "C.UTF-8"}} if keyword == "environment" else elsewhere(tmp_path)
    assert saved(root, tmp_path, bind.provider(), task, "--check", "-vvv")["modules run"]
    assert not saved(root, tmp_path, bind.provider(), TASK, "--check", "-vvv")["modules run"]


def test_a_vaulted_secret_is_opened_and_not_shown(bind: Bind, root: Path, tmp_path: Path) -> None:
    from ansible.constants import DEFAULT_VAULT_ID_MATCH
    from ansible.parsing.vault import VaultLib, VaultSecret

    secret = KEYS["fedgate"][1]
    password = tmp_path / "password"
    password.write_text("open sesame")
    vault = VaultLib([(DEFAULT_VAULT_ID_MATCH, VaultSecret(b"open sesame"))])
    (tmp_path / "vaulted.yml").write_text(
        "vaulted: !vault |\n" + "".join(f"  {line}\n" for line in vault.encrypt(secret).decode().splitlines())
    )
    play = module_play(tmp_path, bind.provider(tsig_secret="{{ vaulted }}"))
    play[0]["vars_files"] = [str(tmp_path / "vaulted.yml")]
    run = Run(root, tmp_path, play, "-vvvv", "--vault-password-file", str(password))
    result = run.saved(tmp_path)
    assert result["changed"] and not result.get("failed"), result
    assert secret not in run.text and "open sesame" not in run.text
