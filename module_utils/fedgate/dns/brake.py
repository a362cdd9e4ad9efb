"""A brake on changes so large that they are more likely a mistake in the inventory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from . import names
from .changes import RRsetChange
from .records import Key, RRset

#: More than this share of what is ours and exists, in percent, is not changed or deleted in one run.
PERCENT = 30
#: So many sets may always change: of a handful of sets, one site's addresses are a third.
FREE = 2
#: Services without which a domain cannot be reached, by the first labels of the record's name.
_VITAL = ("_xmpp-server._tcp.", "_xmpp-client._tcp.", "_sipfederationtls._tcp.")


def reasons(existing: Collection[Key], changes: Sequence[RRsetChange]) -> list[str]:
    """Return why these changes need to be confirmed; nothing when they do not.

    :param existing: the record sets that are ours and exist, at one provider.
    :param changes: what would be done there.
    """
    touched = [change for change in changes if change.before is not None]
    found = []
    if len(touched) > FREE and len(touched) * 100 > len(existing) * PERCENT:
        share = round(len(touched) * 100 / len(existing))
        found.append(
            f"{len(touched)} of our {len(existing)} record sets there ({share} %) would be changed or deleted; "
            f"at most {PERCENT} % is done unasked"
        )
    for change in touched:
        vital = change.key[1] == "SRV" and change.key[0].startswith(_VITAL)
        if vital and _serves(change.before) and not _serves(change.after):
            found.append(f"the last SRV record of {change.key[0]} would go")
    return found


def _serves(rrset: RRset | None) -> bool:
    return rrset is not None and any(value.leads_to != names.ROOT for value in rrset.values)


def listed(lines: Iterable[str], most: int = 5) -> str:
    """Return the reasons as one text, the first few of many."""
    shown = list(lines)
    more = f"; and {len(shown) - most} more" if len(shown) > most else ""
    return "; ".join(shown[:most]) + more
