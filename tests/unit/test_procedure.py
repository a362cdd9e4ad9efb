"""docs/lync-procedure.md leaves no step out, and names variables, modules and tests that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.certificates import ARGUMENTS
from ansible.module_utils.fedgate.model import partner, settings
from ansible.module_utils.fedgate.model.variables import VARIABLES, concerns_us, is_partner_list

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "lync-procedure.md"
#: The columns that every table has, whatever it has before them.
VARIABLE, MODULE, SEEN, LYNC = COLUMNS = ("variable", "module", "how to see it done", "on Lync")
#: The numbered steps of the procedure, by chapter.
STEPS = {
    "Before all that": [],
    "The certificate of the Edge": [str(number) for number in range(1, 18)],
    "The partner": ["1–3", *(str(number) for number in range(4, 11))],
    "DNS": ["1"],
    "Checking": [],
}
#: Where a name of a file stands for it.
FOLDER = "tests/integration/lync"
MODULES = {path.stem for path in (ROOT / "library").glob("*.py")}
ROLES = {path.name for path in (ROOT / "roles").iterdir()}


@dataclass(frozen=True)
class Row:
    """One row of a table.

    :ivar chapter: the heading above it; :ivar cells: by the columns' names; :ivar files: tests that its chapter names.
    """

    chapter: str
    cells: Mapping[str, str]
    files: tuple[Path, ...]

    def __str__(self) -> str:
        return f"{self.chapter}: {next(iter(self.cells.values()))} {list(self.cells.values())[1][:40]}"


def chapters() -> Iterator[tuple[str, str]]:
    """Yield heading and text of each chapter that has a table."""
    for text in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        heading, _, body = text.partition("\n")
        if "|" in body:
            yield heading, body


def files_in(text: str) -> tuple[Path, ...]:
    """Return the files of tests that a text names, by path or, in the folder of Lync's tests, by name."""
    found = re.findall(r"`((?:tests/[\w/]+/)?test_\w+\.py)`", text)
    return tuple(ROOT / (name if "/" in name else f"{FOLDER}/{name}") for name in found)


def rows() -> Iterator[Row]:
    for heading, body in chapters():
        lines = [line for line in body.splitlines() if line.startswith("|")]
        names = cells_of(lines[0])
        for line in lines[2:]:
            cells = cells_of(line)
            assert len(cells) == len(names), f"{heading}: {len(cells)} cells in {line[:80]}"
            yield Row(heading, dict(zip(names, cells)), files_in(body))


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


ROWS = list(rows())
EACH = pytest.mark.parametrize("row", ROWS, ids=str)


def names_in(text: str) -> list[str]:
    """Return what a text gives in the type of code and is one name."""
    return re.findall(r"`(\w+)`", text)


def defined(path: Path) -> set[str]:
    """Return the names of the tests in a file, and of their classes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def test_every_step_has_its_row() -> None:
    found: dict[str, list[str]] = {}
    for row in ROWS:
        step = row.cells.get("step", "")
        found.setdefault(row.chapter, []).extend([step] if step[:1].isdigit() else [])
    assert found == STEPS


def test_every_table_is_one() -> None:
    """A blank line would end it, and the rows after it would be shown as text."""
    for heading, body in chapters():
        blocks = re.findall(r"(?:^\|.*\n?)+", body, re.MULTILINE)
        assert len(blocks) == 1 and set(blocks[0].splitlines()[1]) <= set("|-"), heading


@EACH
def test_every_cell_says_something(row: Row) -> None:
    assert tuple(row.cells)[-4:] == COLUMNS
    assert all(row.cells[column].strip(" –-") for column in COLUMNS), row.cells


@EACH
def test_its_variables_exist(row: Row) -> None:
    """It names one, or says ``none``; keys are those of a partner or, with a dot, of ``federation_certificate``."""
    text = row.cells[VARIABLE]
    dotted = re.findall(r"`\.(\w+)", text)
    assert not [key for key in dotted if key not in settings._CERTIFICATE_KEYS]
    ours = [name for name in names_in(text) if concerns_us(name)]
    assert not [name for name in ours if name not in VARIABLES and not is_partner_list(name)]
    of_roles = [name for name in names_in(text) if name.startswith("xmpp_gateway")]
    defaults = (ROOT / "roles" / "xmpp_gateway" / "defaults" / "main.yml").read_text(encoding="utf-8")
    assert not [name for name in of_roles if f"\n{name}:" not in defaults]
    keys = [name for name in names_in(text) if name in partner.KEYS] if row.chapter == "The partner" else []
    assert text.startswith("none") or ours or dotted or of_roles or keys, text


@EACH
def test_its_modules_exist(row: Row) -> None:
    named = [name for name in names_in(row.cells[MODULE]) if name in MODULES]
    assert named or row.cells[MODULE].startswith("none"), row.cells[MODULE]
    like_ours = re.compile(r"`((?:lync|edge_certificate|federation|dns|xmpp)_\w+)`")
    every = {name for column in (MODULE, SEEN, LYNC) for name in like_ours.findall(row.cells[column])}
    assert every <= MODULES | ROLES | VARIABLES.keys() | {"dns_srv_wait"}


@EACH
def test_its_tests_exist(row: Row) -> None:
    """At least one, on Lync; each is defined in a file that its chapter names."""
    text = row.cells[LYNC]
    files = files_in(text)
    assert all(path.exists() for path in {*files, *row.files})
    known = set().union(*(defined(path) for path in row.files))
    cited = re.findall(r"`((?:test_|Test(?=[A-Z]))\w+)`", text)
    assert not [name for name in cited if name not in known], f"unknown: {set(cited) - known}"
    assert files or cited, f"no test is named: {text}"


@EACH
def test_its_options_exist(row: Row) -> None:
    """What stands in italics on Lync, in the chapter of certificates, is an option of ``lync_certificate``."""
    if row.chapter == "The certificate of the Edge":
        known = set(options(ARGUMENTS))
        assert not {name for name in re.findall(r"(?<!\*)\*(\w+)\*", row.cells[LYNC]) if name not in known}


def options(arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of all options, at any depth."""
    for name, argument in arguments.items():
        yield name
        yield from options(argument.get("options") or {})
