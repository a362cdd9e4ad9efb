"""What is noted on a server of a certificate that no service has started with yet, and of those that none can use.

Two small files a certificate lie in the folder of its request. ``….former`` says what was assigned before, from the
assignment until the services serve; so a run that comes after one that was killed knows what to go back to.
``….refused`` has the thumbprints of certificates with which the services did not start; they are not assigned again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from . import certificate_store as store
from .certificate_store import Calls, Held

_THUMBPRINT = re.compile(r"[0-9A-F]{40}")
_NONE = "-"


@dataclass(frozen=True)
class Trial:
    """What is noted of one certificate.

    :ivar former: thumbprint before, by use; empty text where there was none.
    :ivar tried: thumbprint that was assigned then, by use.
    :ivar refused: thumbprints with which the services did not start.
    """

    former: Mapping[str, str] = field(default_factory=dict)
    tried: Mapping[str, str] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()

    def is_open(self, assigned: Mapping[str, str]) -> bool:
        """Tell whether what is assigned has not been served yet."""
        return any(assigned.get(use) == thumbprint for use, thumbprint in self.tried.items())

    def back(self, held: Held, now: datetime) -> dict[str, str]:
        """Return what can be assigned again, thumbprint by use: what is there with its key and has not expired."""
        found = {}
        for use, thumbprint in self.former.items():
            stored = held.find(thumbprint)
            current = held.assigned.get(use) == self.tried.get(use)
            if current and stored is not None and stored.has_key and now < stored.facts.not_after:
                found[use] = thumbprint
        return found


def paths(directory: str, name: str) -> tuple[str, str]:
    """Return where the notes of a certificate lie: what was before, what was refused."""
    stem = f"{directory}\\fedgate-{name}"
    return f"{stem}.former", f"{stem}.refused"


def look(shell: Calls, directory: str, name: str) -> Trial:
    """Return what is noted; a line that cannot be read counts as none."""
    before, refused = paths(directory, name)
    lines = [line.split() for line in (store.get_text(shell, before) or "").splitlines()]
    whole = [line for line in lines if len(line) == 3 and _THUMBPRINT.fullmatch(line[1])]
    found = (store.get_text(shell, refused) or "").split()
    return Trial(
        {use: former if former != _NONE else "" for use, _tried, former in whole},
        {use: tried for use, tried, _former in whole},
        frozenset(each for each in found if _THUMBPRINT.fullmatch(each)),
    )


def begin(
    shell: Calls, directory: str, name: str, thumbprint: str, uses: Sequence[str], held: Held, trial: Trial
) -> None:
    """Note what is assigned now, before another certificate is.

    What was assigned and never served is not what to go back to: then the note before it still counts.
    """
    lines = []
    for use in uses:
        present = held.assigned.get(use, "")
        former = trial.former[use] if present and trial.tried.get(use) == present else present
        if thumbprint != present:
            lines.append(f"{use} {thumbprint} {former or _NONE}")
    store.put_text(shell, paths(directory, name)[0], "\n".join(lines))


def refuse(shell: Calls, directory: str, name: str, trial: Trial, thumbprints: Iterable[str]) -> None:
    """Note certificates with which the services did not start."""
    store.put_text(shell, paths(directory, name)[1], "\n".join(sorted({*trial.refused, *thumbprints})))


def end(shell: Calls, directory: str, name: str) -> None:
    """Forget what was before: the services serve, or it is assigned again."""
    store.remove(shell, paths(directory, name)[0])
