"""The documentation of each module says what its code takes and gives."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTED = sorted((ROOT / "library").glob("*.py"))
#: Action plug-ins are documented by a file of the same name in ``library/``, which may have no code.
MODULES = [path for path in DOCUMENTED if "import ARGUMENTS" in path.read_text() or "def main" in path.read_text()]
OURS = {path.stem for path in DOCUMENTED}
#: Keywords of a task, beside the module, that examples may use.
TASK_KEYWORDS = {
    "name", "register", "vars", "delegate_to", "become", "run_once", "no_log", "when", "check_mode", "diff",
    "ignore_errors", "failed_when", "changed_when", "notify", "environment", "tags",
}  # fmt: skip
#: Words in an option's name that mean that its value is secret.
SECRET = re.compile(r"(password|passphrase|secret)$")
#: What every changing module returns.
SHARED_RETURNS = {"plan", "plan_digest", "pending"}


def load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


FRAGMENTS: Any = load("fedgate_fragments", ROOT / "doc_fragments" / "fedgate.py")


@pytest.fixture(params=MODULES, ids=lambda path: path.stem)
def module(request: pytest.FixtureRequest) -> ModuleType:
    """Each module of ``library/``, loaded but not run."""
    path: Path = request.param
    loaded = load(f"library_{path.stem}", path)
    loaded.short_name = path.stem  # type: ignore[attr-defined]
    return loaded


def documented(module: ModuleType) -> dict[str, Any]:
    """The module's documentation, with the options of the fragments that it names beside the one of all modules."""
    text: dict[str, Any] = yaml.safe_load(module.DOCUMENTATION)
    for name in text.get("extends_documentation_fragment", []):
        if name not in ("fedgate", "fedgate.info"):
            fragment = yaml.safe_load(getattr(FRAGMENTS.ModuleDocFragment, name.partition(".")[2].upper()))
            text["options"] = {**text.get("options", {}), **fragment.get("options", {})}
    return text


def test_there_are_modules() -> None:
    assert MODULES


def test_options_are_the_argument_spec(module: ModuleType) -> None:
    wrong = list(differences(documented(module).get("options") or {}, module.ARGUMENTS, ""))
    assert not wrong, "\n".join(wrong)


def differences(options: dict[str, Any], arguments: dict[str, Any], path: str) -> Iterator[str]:
    """Yield one line for each way in which the documentation differs from the argument spec."""
    for name in sorted(set(options) ^ set(arguments)):
        yield f"{path}{name}: only in {'the documentation' if name in options else 'the argument spec'}"
    for name in sorted(set(options) & set(arguments)):
        option, argument, where = options[name], arguments[name], f"{path}{name}"
        if not option.get("description"):
            yield f"{where}: no description"
        for field, absent in (
            ("type", "str"),
            ("required", False),
            ("default", None),
            ("choices", None),
            ("elements", None),
        ):
            said, is_so = option.get(field, absent), argument.get(field, absent)
            if (list(said) if isinstance(said, tuple) else said) != (
                list(is_so) if isinstance(is_so, tuple) else is_so
            ):
                yield f"{where}: {field} is documented as {said!r}, in the argument spec it is {is_so!r}"
        if SECRET.search(name) and argument.get("no_log") is not True:
            yield f"{where}: a secret without no_log"
        yield from differences(option.get("suboptions") or {}, argument.get("options") or {}, f"{where}.")


def test_says_what_it_must(module: ModuleType) -> None:
    text = documented(module)
    assert text["module"] == module.short_name
    assert text["short_description"] and not text["short_description"].endswith(".")
    assert text["version_added"] == "0.1.0"
    assert text["author"] == "Fedgate authors" or text["author"] == ["Fedgate authors"]
    assert any(fragment in ("fedgate", "fedgate.info") for fragment in text.get("extends_documentation_fragment", []))


def test_examples_are_tasks_of_this_module(module: ModuleType) -> None:
    tasks = yaml.safe_load(module.EXAMPLES)
    assert isinstance(tasks, list) and tasks
    used = 0
    for task in tasks:
        actions = set(task) - TASK_KEYWORDS
        assert task.get("name"), f"an example without a name: {task}"
        assert len(actions) == 1, f"{task['name']}: one action a task, not {sorted(actions)}"
        action = actions.pop()
        if action == module.short_name:
            used += 1
            known = {*module.ARGUMENTS, "expect_plan"}
            assert set(task[action] or {}) <= known, f"{task['name']}: unknown options {set(task[action]) - known}"
        else:
            assert action in OURS or action.startswith("ansible.builtin."), f"{task['name']}: {action}"
    assert used, "no example uses the module"


def test_returns_are_described(module: ModuleType) -> None:
    returned = yaml.safe_load(module.RETURN)
    if "fedgate" in documented(module)["extends_documentation_fragment"]:
        assert set(returned) >= SHARED_RETURNS
        assert len(returned) > len(SHARED_RETURNS) or module.short_name == "xmpp_gateway_users"
    for name, value in returned.items():
        assert value.get("description") and value.get("type"), name


def test_only_calls_the_package() -> None:
    """Modules are documentation, arguments and one call; under 150 lines of code each."""
    for path in MODULES:
        tree = ast.parse(path.read_text())
        text_lines = sum(
            (node.value.end_lineno or 0) - node.value.lineno + 1
            for node in tree.body
            if isinstance(node, (ast.Assign, ast.Expr)) and isinstance(node.value, ast.Constant)
        )
        lines = sum(1 for line in path.read_text().splitlines() if line.strip()) - text_lines
        assert lines < 150, f"{path.name}: {lines} lines of code"
        calls = [
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        ]
        assert sorted(call for call in calls if call in ("run", "report")) in (["run"], ["report"]), path.name


def test_ansible_doc_shows_them() -> None:
    names = [path.stem for path in DOCUMENTED]
    command = [str(Path(sys.executable).parent / "ansible-doc"), "--json", "--type", "module", *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert sorted(shown) == names
    for name in names:
        assert "error" not in shown[name], shown[name]
        assert shown[name]["examples"] and shown[name]["return"], name
    assert "WARNING" not in done.stderr.replace("[WARNING]: No inventory", ""), done.stderr
