"""Guides name every variable and key that there is, and lead to files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible.module_utils.fedgate.model import acme_settings, dns_settings, lync, lync_edges, partner, settings
from ansible.module_utils.fedgate.model.variables import VARIABLES

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(ROOT.glob("roles/*/README.md")),
]


def test_inventory_guide_names_every_variable() -> None:
    text = (ROOT / "docs" / "inventory.md").read_text()
    names = [*VARIABLES, *partner.KEYS, *settings._CERTIFICATE_KEYS, *acme_settings.ACME_KEYS]
    names += [*dns_settings.COMMON, *(key for keys in dns_settings.KEYS.values() for key in keys)]
    names += [*lync.KEYS, *lync_edges.KEYS]
    assert not [name for name in names if f"`{name}" not in text]


def test_inventory_guide_names_no_other() -> None:
    text = (ROOT / "docs" / "inventory.md").read_text()
    named = set(re.findall(r"`((?:federation|edge_pool|edge)_[a-z_]+)`", text))
    assert not {name for name in named if name not in VARIABLES and not name.startswith("edge_certificate")}


def test_operations_guide_lists_every_playbook() -> None:
    rows = [line for line in (ROOT / "docs" / "operations.md").read_text().splitlines() if line.startswith("|")]
    named = set(re.findall(r"`playbooks/(\w+\.yml)[ `]", "\n".join(rows)))
    # The whole procedure has a chapter of its own.
    assert named | {"site.yml"} == {path.name for path in (ROOT / "playbooks").glob("*.yml")}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_in_guides_exist(guide: Path) -> None:
    text = guide.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    missing = [link for link in links if not (guide.parent / link).exists()]
    tops = "bench|bin|docs|inventories|lab|library|molecule|module_utils|playbooks|requirements|roles|tests"
    paths = re.findall(rf"(?<![\w./-])((?:{tops})/[\w./-]+)", text)
    missing += [
        path for path in paths if "<" not in path and not (ROOT / path.rstrip("./")).exists() and not built_later(path)
    ]
    assert not missing


def built_later(path: str) -> bool:
    """What exists only after a command was run, or in a later version."""
    return path.startswith(("lab/.state", "inventories/mine"))
