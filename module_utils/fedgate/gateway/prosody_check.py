"""Checks of a staged Prosody configuration, before it goes live.

``prosodyctl check config`` accepts a misspelt option and a configuration of components only (fatal at start), and a
reload reports success for a file that cannot be parsed; hence checks of our own beside it.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence

from ..errors import CheckFailed, MissingDependency
from ..module import Context
from .files import Wanted, group_id

#: Where staged sets are checked.
_CHECK_ROOT = "/run/fedgate"
_HOST = re.compile(r"""^\s*VirtualHost\s*\(?\s*(["'])(?P<name>[^"']+)\1""", re.MULTILINE)
_INCLUDE = re.compile(r"""^\s*[Ii]nclude\s*\(?\s*(["'])(?P<name>[^"']+)\1""", re.MULTILINE)
_LITERAL = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'")


def virtual_hosts(config: str) -> list[str]:
    """Return the names of the ``VirtualHost`` entries of a configuration text."""
    return [match["name"] for match in _HOST.finditer(without_comments(config))]


def without_comments(config: str) -> str:
    """Return a Lua text without its comments, as far as finding statements at line starts needs it."""
    without_blocks = re.sub(r"--\[(=*)\[.*?\]\1\]", "", config, flags=re.DOTALL)
    return re.sub(r"^\s*--.*$", "", without_blocks, flags=re.MULTILINE)


def secret_words(files: Iterable[Wanted]) -> list[str]:
    """Return the string literals of secret files, which no output may show; short ones tell nothing and are left."""
    words: set[str] = set()
    for file in files:
        if file.secret:
            for match in _LITERAL.finditer(file.data.decode(errors="replace")):
                words.update(word for word in match.groups() if word and len(word) >= 4)
    return sorted(words, key=len, reverse=True)


def scrub(text: str, words: Iterable[str]) -> str:
    """Return the text with each of the words replaced."""
    for word in words:
        text = text.replace(word, "********")
    return text


def check_contents(files: Sequence[Wanted], domains: Sequence[str], config_path: str) -> None:
    """Check what can be seen in the texts alone.

    :param domains: domains that the main configuration has to serve; not looked at when there is no such file.
    :param config_path: path of the main configuration.
    :raises CheckFailed: naming the file.
    """
    for file in files:
        if not file.data.strip():
            raise CheckFailed(f"{file.path} would be empty; nothing was changed")
    main = next((file for file in files if file.path == config_path), None)
    if main is None:
        return
    found = virtual_hosts(main.data.decode(errors="replace"))
    if not found:
        raise CheckFailed(
            f"{config_path} has no VirtualHost; nothing was changed",
            hint="Prosody does not start with components alone: give this host at least one XMPP domain.",
        )
    if sorted(found) != sorted(domains):
        raise CheckFailed(
            f"{config_path} serves {', '.join(found)}, expected {', '.join(domains)}; nothing was changed"
        )


def check_lua(context: Context, files: Sequence[Wanted]) -> None:
    """Compile each Lua file without running it. :raises CheckFailed: with the compiler's message."""
    sources = [file for file in files if file.path.endswith(".lua")]
    compiler = next((name for name in ("luac5.4", "luac", "luac5.3", "luac5.2") if context.program(name)), None)
    if sources and compiler is None:
        raise MissingDependency("no Lua compiler on this host", hint="Install the package lua5.4.")
    words = secret_words(files)
    for file in sources:
        code, out, err = context.run([str(compiler), "-p", "-"], stdin=file.data.decode(errors="replace"))
        if code != 0:
            message = scrub((err or out).strip(), words)
            raise CheckFailed(f"{file.path} is not valid Lua: {message}; nothing was changed")


def check_with_prosody(context: Context, files: Sequence[Wanted], config_path: str) -> None:
    """Let ``prosodyctl check config`` read the staged set in a copy of its own.

    :raises CheckFailed: with what it says. :raises MissingDependency: without Prosody.
    """
    if not any(file.path == config_path for file in files):
        return
    os.makedirs(_CHECK_ROOT, mode=0o755, exist_ok=True)
    for left_by_a_killed_run in glob.glob(os.path.join(_CHECK_ROOT, "check-*")):
        shutil.rmtree(left_by_a_killed_run, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="check-", dir=_CHECK_ROOT) as root:
        # prosodyctl becomes the user prosody; nobody else may read the copies.
        os.chown(root, 0, group_id("prosody"))
        os.chmod(root, 0o750)
        _copy_set(files, root)
        code, out, err = context.run(["prosodyctl", "--config", root + config_path, "check", "config"])
        message = scrub((out + err).replace(root, ""), secret_words(files)).strip()
    if code == 127:
        raise MissingDependency("prosodyctl is not installed on this host", hint="Install the package prosody.")
    if code != 0:
        raise CheckFailed(f"prosodyctl check config refuses the new configuration; nothing was changed:\n{message}")


def _copy_set(files: Sequence[Wanted], root: str) -> None:
    """Copy the set below ``root``, its files naming each other there."""
    names = {file.path for file in files} | {os.path.dirname(file.path) for file in files}
    paths = sorted(names, key=len, reverse=True)
    pattern = re.compile("|".join(re.escape(path) + r"(?=[\"'/])" for path in paths if path.count("/") > 2))
    for file in files:
        target = root + file.path
        _make_directories(root, os.path.dirname(target))
        data = file.data
        if file.path.endswith(".lua"):
            text = data.decode(errors="replace")
            # Only the syntax is checked here, so no secret need be copied.
            text = _LITERAL.sub('"********"', text) if file.secret else pattern.sub(lambda match: root + match[0], text)
            data = text.encode()
        with open(target, "wb", opener=lambda path, flags: os.open(path, flags, 0o640)) as copy:
            copy.write(data)
        os.chown(target, 0, group_id("prosody"))


def _make_directories(root: str, path: str) -> None:
    if path == root or os.path.isdir(path):
        return
    _make_directories(root, os.path.dirname(path))
    os.mkdir(path, 0o750)
    os.chown(path, 0, group_id("prosody"))


def includes(config_path: str, wanted: str) -> bool:
    """Whether a configuration on disk reads ``wanted`` through its Include statements, also through included files."""
    return _includes(config_path, wanted, set())


def _includes(config_path: str, wanted: str, seen: set[str]) -> bool:
    if config_path in seen:
        return False
    seen.add(config_path)
    try:
        with open(config_path, encoding="utf-8", errors="replace") as file:
            text = without_comments(file.read())
    except FileNotFoundError:
        return False
    for match in _INCLUDE.finditer(text):
        pattern = os.path.join(os.path.dirname(config_path), match["name"])
        if fnmatch.fnmatch(wanted, pattern) and os.path.dirname(wanted) == os.path.dirname(pattern):
            return True
        if any(_includes(found, wanted, seen) for found in glob.glob(pattern)):
            return True
    return False


def package_samples(context: Context, package: str) -> Mapping[str, str]:
    """Return path and MD5 of a package's configuration files as the package brought them; empty without dpkg."""
    code, out, _ = context.run(["dpkg-query", "--show", "--showformat", "${Conffiles}\n", package])
    if code != 0:
        return {}
    return {fields[0]: fields[1] for fields in map(str.split, out.splitlines()) if len(fields) == 2}
