"""What AWS must allow: IAM policy documents by hosted zone, record name, type and action.

Amazon Route 53 Developer Guide, "Using IAM policy conditions for fine-grained access control"; Service Authorization
Reference, "Actions, resources, and condition keys for Amazon Route 53"; IAM User Guide, "Single-valued vs. multivalued
context keys" and "IAM and AWS STS quotas".

Each condition is about all changes of one request: the set of their names, of their types, of their actions. Which type
belongs to which name is not seen. So each statement is about names that share their types, and a request passes only if
one statement allows all of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .owned import Owned

#: Characters of a managed policy, white space not counted; how many of them a role or user has, unless AWS allows more.
MAX_CHARACTERS = 6144
MAX_DOCUMENTS = 10
#: What is done to records; UPSERT, which overwrites whatever is there, is never sent.
ACTIONS = ("CREATE", "DELETE")
_VERSION = "2012-10-17"
_KEY = "route53:ChangeResourceRecordSets"
#: Zones in one statement: with the longest names there are, it still fits.
_GROUP = 16
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
Document = dict[str, Any]


def normalized(name: str) -> str:
    r"""Return a name as the condition key has it: lower case, no dot at the end, ``*`` and the like as ``\052``."""
    folded = name.removesuffix(".").lower()
    return "".join(char if char in _PLAIN else f"\\{ord(char):03o}" for char in folded)


def placeholder(zone: str) -> str:
    """Return what stands where the id of a hosted zone is not known; AWS takes no such id."""
    return f"HOSTED-ZONE-ID-OF-{zone}"


def documents(owned: Owned, ids: Mapping[str, str]) -> tuple[list[Document], list[str]]:
    """Return policy documents that allow to look, and to change what is owned, and nothing else.

    :param ids: zone → id of its hosted zone; empty if not known.
    :returns: the documents, none if nothing is owned, all of which are needed; and what has to be known about them.
    """
    if not owned:
        return [], []
    book = _Book()
    for statement in _reading(sorted(_arn(zone, ids) for zone in owned)):
        book.place(statement)
    notes = [f"{zone}: put the id of the hosted zone for {placeholder(zone)}" for zone in owned if not ids.get(zone)]
    for zone, held in owned.items():
        for types in sorted(set(held.values())):
            found = [normalized(name) for name in held if held[name] == types]
            parts = book.add(_arn(zone, ids), found, types)
            if parts > 1:
                notes.append(
                    f"{zone}: the {len(found)} names with {', '.join(types)} need {parts} statements; a request that "
                    "changes names of several of them is denied as a whole"
                )
    if len(book.documents) > 1:
        count = len(book.documents)
        notes.append(f"{count} policies, as one holds at most {MAX_CHARACTERS} characters; attach all of them")
    if len(book.documents) > MAX_DOCUMENTS:
        notes.append(f"a role has at most {MAX_DOCUMENTS} policies, unless AWS raises that quota (up to 20)")
    return book.documents, notes


def size(document: Document) -> int:
    """Return how many characters AWS counts; there is no white space within a value of ours."""
    return len(json.dumps(document, separators=(",", ":")))


class _Book:
    """Documents that are filled one after the other."""

    def __init__(self) -> None:
        self.documents: list[Document] = [_document([])]

    def place(self, statement: Document) -> None:
        """Add a statement that is small enough for a document of its own."""
        if not self._fits(statement):
            self.documents.append(_document([]))
        self._append(statement)

    def add(self, arn: str, names: Sequence[str], types: Sequence[str]) -> int:
        """Allow changes; in one statement if one document can hold it. :returns: how many statements it took."""
        whole = _changing(arn, names, types)
        if self._fits(whole):
            self._append(whole)
            return 1
        parts, start = 0, 0
        while start < len(names):
            self.documents.append(_document([]))
            end = self._most(arn, names, types, start)
            self._append(_changing(arn, names[start:end], types))
            parts, start = parts + 1, end
        return parts

    def _most(self, arn: str, names: Sequence[str], types: Sequence[str], start: int) -> int:
        """Return the end of the longest run of names that fits; one always does."""
        low, high = start + 1, len(names)
        while low < high:
            middle = (low + high + 1) // 2
            if self._fits(_changing(arn, names[start:middle], types)):
                low = middle
            else:
                high = middle - 1
        return low

    def _fits(self, statement: Document) -> bool:
        last = self.documents[-1]
        return size(_document([*last["Statement"], statement])) <= MAX_CHARACTERS

    def _append(self, statement: Document) -> None:
        self.documents[-1]["Statement"].append(statement)


def _document(statements: Sequence[Document]) -> Document:
    return {"Version": _VERSION, "Statement": list(statements)}


def _arn(zone: str, ids: Mapping[str, str]) -> str:
    return f"arn:aws:route53:::hostedzone/{ids.get(zone) or placeholder(zone)}"


def _reading(arns: Sequence[str]) -> list[Document]:
    """Return statements for what changes nothing. The ids of changes are not known before, and zones are found by name
    among all of the account: neither can be narrowed."""
    actions = ["route53:GetHostedZone", "route53:ListResourceRecordSets"]
    groups = [list(arns[start : start + _GROUP]) for start in range(0, len(arns), _GROUP)]
    return [
        *({"Effect": "Allow", "Action": actions, "Resource": group} for group in groups),
        {"Effect": "Allow", "Action": "route53:GetChange", "Resource": "arn:aws:route53:::change/*"},
        {"Effect": "Allow", "Action": "route53:ListHostedZonesByName", "Resource": "*"},
    ]


def _changing(arn: str, names: Sequence[str], types: Sequence[str]) -> Document:
    """Return the statement for names that share their types. An empty set fulfils ForAllValues, hence Null."""
    wanted = {"NormalizedRecordNames": list(names), "RecordTypes": list(types), "Actions": list(ACTIONS)}
    return {
        "Effect": "Allow",
        "Action": "route53:ChangeResourceRecordSets",
        "Resource": arn,
        "Condition": {
            "ForAllValues:StringEquals": {_KEY + name: values for name, values in wanted.items()},
            "Null": {_KEY + name: "false" for name in wanted},
        },
    }
