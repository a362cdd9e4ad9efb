"""The reconciler of ``federation_import``: files of a new inventory; what is there already is never overwritten."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..errors import InvalidValue, Refused
from ..module import Context, Reconciler
from ..plan import Change, Plan
from .draft import Draft
from .files import files

KIND = "file"
ARGUMENTS: dict[str, Any] = {
    "deployment": {"type": "dict", "required": True},
    "servers": {"type": "dict", "default": {}},
    "way": {"type": "dict", "default": {}},
    "login": {"type": "dict", "default": {}},
    "addresses": {"type": "dict", "default": {}},
    "resolvers": {"type": "list", "elements": "str", "default": []},
    "dest": {"type": "path", "required": True},
}

Observed = dict[str, "str | None"]


class ImportedInventory(Reconciler):
    """An inventory that says what a deployment has."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        today = datetime.now(timezone.utc).date()
        self.draft = Draft(
            params["deployment"],
            params["servers"],
            params["way"],
            params["login"],
            params["addresses"],
            params["resolvers"],
            today,
        )
        self.files = files(self.draft)
        self.folder = Path(params["dest"])

    def observe(self) -> Observed:
        """Read what is there of the files. :raises Refused: they cannot be read."""
        return {name: self._read(self.folder / name) for name in self.files}

    def _read(self, path: Path) -> str | None:
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"{path} cannot be read: {error}", hint="Name another folder (dest).") from error

    def plan(self, observed: Observed) -> Plan:
        """One change for each file that is not there. :raises InvalidValue: some are there and say something else."""
        others = [name for name, text in observed.items() if text is not None and text != self.files[name]]
        if others:
            raise InvalidValue(
                f"{self.folder} has files already that say something else: {', '.join(others)}",
                hint="Nothing was written. Name another folder (dest), and compare the two.",
            )
        return Plan.of(
            Change("create", KIND, name, None, {"path": str(self.folder / name), "text": self.files[name]})
            for name, text in observed.items()
            if text is None
        )

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Write the files. :raises Refused: one cannot be written, or somebody else has written it meanwhile."""
        for change in plan.changes:
            path = self.folder / change.name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("x", encoding="utf-8") as file:
                    file.write(self.files[change.name])
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise Refused(f"{path} cannot be written: {error}", hint="Name another folder (dest).") from error

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return what somebody has to look at."""
        draft = self.draft
        return {
            "files": [str(self.folder / name) for name in self.files],
            "left_out": draft.left_out(),
            "open": draft.open,
            "notes": [*([draft.dns.trouble] if draft.dns.trouble else []), *draft.notes],
            "partners": len([one for one in draft.shared["federation_partners"] if one.refused is None]),
        }
