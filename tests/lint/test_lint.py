"""Static checks, each one test, so that ``bin/test lint`` ends with pytest's closing line like every other stage."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
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


#: What travels to edge hosts. Some of it runs on the controller only, yet none of it needs a newer Python.
ON_EDGES = ("module_utils/fedgate", "library")
#: Names that are types at run time: ``int | None`` is evaluated there, unless it is an annotation.
TYPES = {"bool", "bytes", "dict", "float", "frozenset", "int", "list", "object", "set", "str", "tuple", "type"}


def needs_no_newer_python_than_39(*places: str) -> None:
    """Fail with what Python 3.9 does not have: grammar, standard library, types joined by ``|`` at run time."""
    # Annotations count for nothing: no file of ours evaluates them. Grammar that cannot be read counts (pessimistic).
    clean("vermin", "--no-config-file", "--target=3.9-", "--violations", "--pessimistic", "--no-tips",
          "--no-eval-annotations", "--no-parse-comments", *places)  # fmt: skip
    files = [
        path for place in places for path in ([Path(place)] if Path(place).is_file() else (ROOT / place).rglob("*.py"))
    ]
    found = [f"{path}:{line}" for path in files for line in joined_types(ast.parse(path.read_text()))]
    assert not found, "types joined by | need Python 3.10, use Optional or Union: " + ", ".join(found)


def joined_types(node: ast.AST) -> Iterator[int]:
    """Yield the lines where types are joined by ``|`` outside annotations; vermin sees them only inside as well."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) and any(map(is_type, (node.left, node.right))):
        yield node.lineno
    for field, value in ast.iter_fields(node):
        if field not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from joined_types(child)


def is_type(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return is_type(node.value)
    return (isinstance(node, ast.Constant) and node.value is None) or (isinstance(node, ast.Name) and node.id in TYPES)


def test_python_39() -> None:
    needs_no_newer_python_than_39(*ON_EDGES)


@pytest.mark.parametrize(
    "code",
    [
        "zip([], [], strict=True)",
        "match 1:\n    case _:\n        pass",
        "(5).bit_count()",
        "import datetime\nprint(datetime.UTC)",
        "from datetime import UTC",
        "import tomllib",
        "from typing import Self",
        "from dataclasses import dataclass\n@dataclass(slots=True)\nclass A:\n    x: int",
        "try:\n    pass\nexcept* OSError:\n    pass",
        "Name = int | None",
        "Name = dict[str, int] | str",
        "isinstance(1, int | str)",
        "def broken(:",
    ],
)
def test_python_39_can_fail(tmp_path: Path, code: str) -> None:
    (tmp_path / "code.py").write_text(f"from __future__ import annotations\n{code}\n")
    with pytest.raises((AssertionError, SyntaxError)):
        needs_no_newer_python_than_39(str(tmp_path / "code.py"))


def test_python_39_lets_pass_what_it_has(tmp_path: Path) -> None:
    code = "def f(x: int | None) -> str | None:\n    y: int | None = x\n    return 'a'.removeprefix(str({1} | {y}))"
    (tmp_path / "code.py").write_text(f"from __future__ import annotations\n{code}\n")
    needs_no_newer_python_than_39(str(tmp_path / "code.py"))


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
