"""The shape of the project: which part may lean on which, and how long a file may be."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "module_utils" / "fedgate"
SOURCES = sorted(PACKAGE.rglob("*.py"))
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
MODULE_NAMES = {path.stem for path in (ROOT / "library").glob("*.py")}
LONGEST = 320

#: Folder → the other folders of the package that it may import. Files at the top may be imported by all but ``model``.
ALLOWED: dict[str, set[str]] = {
    "model": set(),
    "host": set(),
    # The issuer acme publishes its challenge records through the DNS providers.
    "certificates": {"model", "dns", "host"},
    "dns": {"model"},
    "gateway": {"model", "certificates", "host"},
    # The certificates of an Edge Server are judged by the same rules as those of a Linux gateway.
    "lync": {"model", "certificates"},
    "probe": {"model"},
    "contacts": {"model"},
    "explain": {"model"},
    # Of its own it reads DNS only; of ``lync`` it knows how blocks are kept there.
    "importing": {"model", "dns", "explain", "gateway", "lync"},
    "migration": {"dns"},
    # For plug-ins only: the controller's reader of inventories.
    "inventory.py": {"model"},
}
#: Folders of providers: one file each; none may import another.
PROVIDERS = {
    "certificates/issuers": {"local_ca", "manual", "acme"},
    "dns": {"rfc2136", "route53", "octodns"},
}


def imports(path: Path) -> Iterator[str]:
    """Yield what a file of the package imports from the package, as dotted names from its top."""
    here = list(path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                base = here[: len(here) - node.level + 1]
                module = node.module.split(".") if node.module else []
                yield from (".".join([*base, *module, alias.name]) for alias in node.names)
            elif (node.module or "").startswith("ansible.module_utils.fedgate"):
                yield "ABSOLUTE " + (node.module or "")


def tasks_of(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all tasks of a task file, also those inside blocks."""
    for task in value or []:
        if isinstance(task, dict):
            yield task
            for part in ("block", "rescue", "always"):
                yield from tasks_of(task.get(part))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_dependencies_point_downwards(path: Path) -> None:
    folder = path.relative_to(PACKAGE).parts[0]
    for name in imports(path):
        assert not name.startswith("ABSOLUTE"), f"imports inside the package are relative: {name}"
        target = name.split(".")[0]
        if (PACKAGE / target).is_dir():
            assert target == folder or target in ALLOWED.get(folder, set()), f"{folder} must not lean on {name}"
        elif folder == "model":
            assert target == "errors", f"the model leans on nothing but errors, not on {name}"
        if path.name == "plan.py":
            pytest.fail(f"plan imports nothing, yet {name}")


@pytest.mark.parametrize("folder", PROVIDERS)
def test_providers_do_not_know_each_other(folder: str) -> None:
    for path in (PACKAGE / folder).glob("*.py"):
        if path.stem in PROVIDERS[folder]:
            others = PROVIDERS[folder] - {path.stem}
            assert not [name for name in imports(path) if others & set(name.split("."))], path.name


def test_only_one_place_knows_ansible() -> None:
    knowing = {
        str(path.relative_to(PACKAGE))
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("ansible."))
        or (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "ansible" for alias in node.names))
    }
    # bootstrap.py tells Ansible where the package is, for plug-ins and commands; inventory.py reads inventories.
    assert knowing <= {"module.py", "arguments.py", "bootstrap.py", "inventory.py"}


def test_nothing_is_imported_by_name_at_run_time() -> None:
    """It would not travel to the target, and an inventory could name what runs with the controller's secrets."""
    for path in SOURCES:
        assert not re.search(r"importlib|__import__|import_module|load_provider", path.read_text()), path


@pytest.mark.edge
def test_modules_load_on_a_bare_host() -> None:
    """Whatever library is missing is said in one line by the module, so it must get as far as running."""
    program = """
import importlib.util, pathlib, sys
MISSING = {"cryptography", "dns", "acme", "josepy", "boto3", "octodns", "pypsrp", "yaml", "jinja2"}
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in MISSING:
            raise ImportError(f"{name} is not here")
import ansible.module_utils.basic
sys.meta_path.insert(0, Missing())
ansible.module_utils.__path__.append(sys.argv[1])
for path in sorted(pathlib.Path(sys.argv[2]).glob("*.py")):
    spec = importlib.util.spec_from_file_location("library_" + path.stem, path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
"""
    command = [sys.executable, "-c", program, str(ROOT / "module_utils"), str(ROOT / "library")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_targets_need_no_newer_python_than_39(path: Path) -> None:
    text = path.read_text()
    ast.parse(text, feature_version=(3, 9))
    assert "from __future__ import annotations" in text or "def " not in text, path


def test_files_are_short() -> None:
    files = [*SOURCES, *role_files("*.lua"), *role_files("*.yml")]
    files += [path for folder in ("lab", "bench") for path in (ROOT / folder).rglob("*.py")]
    files += [path for folder in ("action_plugins", "callback_plugins") for path in (ROOT / folder).glob("*.py")]
    long = {
        str(path.relative_to(ROOT)): count for path in files if (count := len(path.read_text().splitlines())) > LONGEST
    }
    assert not long, f"more than {LONGEST} lines: {long}"


def role_files(pattern: str) -> list[Path]:
    return sorted((ROOT / "roles").rglob(pattern))


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_roles_are_complete(role: Path) -> None:
    for part in ("README.md", "meta/argument_specs.yml", "meta/main.yml", "tasks/main.yml", "defaults/main.yml"):
        assert (role / part).is_file(), f"{role.name}/{part}"
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text())
    options = specs["argument_specs"]["main"]["options"]
    for name in yaml.safe_load((role / "defaults/main.yml").read_text()) or {}:
        assert name in options or name.startswith("_"), f"{role.name}: {name} is not in its argument specs"
    for name, option in options.items():
        assert option.get("description"), f"{role.name}: {name} is not described"


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_roles_have_a_scenario(role: Path) -> None:
    assert (ROOT / "molecule" / role.name / "molecule.yml").is_file()


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_no_loops_over_our_modules(role: Path) -> None:
    """Everything that a module owns is done in one call."""
    for path in (role / "tasks").rglob("*.yml"):
        for task in tasks_of(yaml.safe_load(path.read_text())):
            ours = MODULE_NAMES & set(task)
            assert not (ours and ("loop" in task or any(key.startswith("with_") for key in task))), (
                f"{path}: {task.get('name')}"
            )
