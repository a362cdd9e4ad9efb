"""Ours and the peer: what each is given, and the command that it is."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from .. import command, playbook
from .cases import PEER

OURS = "ours"
_USUAL = Path(__file__).with_name("usual.py")


class Side(Protocol):
    """One of the two that are compared."""

    name: str

    def run(self, folder: Path, way: Mapping[str, Any], partners: Sequence[Mapping[str, Any]],
            tell: Callable[[], object]) -> dict[str, float]:  # fmt: skip
        """Bring partners into line. :returns: ``wall`` and ``CPU`` seconds. :raises BenchError: when it fails."""


class Module:
    """``lync_xmpp_partner`` in a playbook, with Ansible's own start."""

    name = OURS

    def run(
        self, folder: Path, way: Mapping[str, Any], partners: Sequence[Mapping[str, Any]], tell: Callable[[], object]
    ) -> dict[str, float]:
        """Run it once; variables lie beside the inventory, as users have them."""
        (folder / "group_vars").mkdir(exist_ok=True)
        write(folder / "inventory.yml", json.dumps({"all": {"hosts": {"fe1.contoso.example": None}}}))
        write(folder / "group_vars" / "all.json", json.dumps({"way": way, "partners": partners}))
        inventory = folder / "inventory.yml"
        done = playbook.run(Path(sys.executable), "lync_ours.yml", inventory, 1, folder / "log", lambda _: tell(), {})
        return {"wall": done.figures["wall"], "CPU": done.figures["controller CPU"]}


class Usual:
    """A script with pypsrp that opens a session for each partner, without Ansible."""

    name = PEER

    def run(
        self, folder: Path, way: Mapping[str, Any], partners: Sequence[Mapping[str, Any]], tell: Callable[[], object]
    ) -> dict[str, float]:
        """Run it once."""
        write(folder / "given.json", json.dumps({"way": way, "partners": partners}))
        argv = [sys.executable, str(_USUAL), str(folder / "given.json")]
        used = command.run(_USUAL.name, argv, {}, folder / "log", tell)
        return {"wall": used["wall"], "CPU": used["cpu"]}


def peer_title() -> str:
    """Return the peer's name with the version of its library."""
    return f"{PEER} (pypsrp {importlib.metadata.version('pypsrp')})"


def write(path: Path, content: str) -> None:
    """Write a file that holds a password."""
    path.touch(0o600)
    path.write_text(content)
