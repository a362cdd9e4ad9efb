"""Static checks, each one test, so that ``bin/test lint`` ends with pytest's closing line like every other stage."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def tracked(*patterns: str) -> list[str]:
    """Files under version control and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted({name for name in names if (ROOT / name).is_file()})


def clean(*argv: str, **environment: str) -> None:
    """Run a checker; its output is the failure."""
    if shutil.which(argv[0]) is None:
        pytest.fail(f"{argv[0]} is not installed; bin/test lint installs it")
    done = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(argv[:3])}…\n{done.stdout}\n{done.stderr}"


def test_ruff() -> None:
    clean("ruff", "check", "--output-format", "concise", ".")


def test_ruff_format() -> None:
    clean("ruff", "format", "--check", ".")


def test_mypy() -> None:
    clean(sys.executable, "-m", "mypy", "module_utils/fedgate")


def test_yamllint() -> None:
    clean("yamllint", "--strict", ".")


def test_ansible_lint() -> None:
    # It parses playbooks without an inventory, which our settings forbid to everyone else.
    clean("ansible-lint", "--offline", "--nocolor", ANSIBLE_INVENTORY_UNPARSED_FAILED="false")


def test_luacheck() -> None:
    files = tracked("*.lua")
    if not files:
        pytest.skip("no Lua files")
    clean("luacheck", "--no-color", "--no-cache", *files)


def test_shellcheck() -> None:
    shells = ("#!/bin/sh", "#!/usr/bin/env bash", "#!/bin/bash", "# shellcheck shell=")
    files = [name for name in tracked() if first_line(ROOT / name).startswith(shells)]
    clean("shellcheck", "--external-sources", "--source-path", "bin", "--severity", "warning", *files)


def test_locks_name_no_index() -> None:
    """Where packages come from is the user's own setting."""
    for name in ["requirements.txt", *tracked("requirements/*.txt")]:
        text = (ROOT / name).read_text()
        assert "://" not in text, name
        assert "--index" not in text and "--find-links" not in text, name
        pins = re.findall(r"^[a-z0-9][^\n]*==", text, re.M | re.I)
        assert pins and text.count("--hash=sha256:") >= len(pins), name


def test_no_private_paths() -> None:
    """Nothing of the machine on which this is written: neither its home folders nor where this checkout lies."""
    private = re.compile(rf"/root/\.|/Users/[a-z]+/|{re.escape(str(ROOT))}/")
    found = [f"{name}: {match[0]}" for name in tracked() for match in [private.search(text_of(ROOT / name))] if match]
    found = [line for line in found if not line.startswith("tests/lint/")]
    assert not found, "\n".join(found)


def test_text_files_are_tidy() -> None:
    untidy = []
    for name in tracked():
        text = text_of(ROOT / name)
        if text and (not text.endswith("\n") or "\r" in text or re.search(r"[ \t]+$", text, re.M)):
            untidy.append(name)
    assert not untidy, "trailing blanks, or no newline at the end: " + ", ".join(untidy)


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def first_line(path: Path) -> str:
    return text_of(path).partition("\n")[0]
