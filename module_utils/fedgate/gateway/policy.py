"""The policy file: its canonical text, its generation, and what differs between two of them. Pure values."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: Version of the file's layout; the server's module refuses those that it does not know.
FORMAT = 2
#: Layouts that are read: a file of an earlier one is ours, and gets a successor. 1 had no ``allow_plaintext`` and no
#: ``digest``.
_READ = (1, FORMAT)
#: Keys of the file that are not rules.
_FRAME = ("format", "generation", "digest")
#: What stands in the digest's place while it is worked out.
_BLANK = "0" * 64
#: The top-level key in canonical text. A raw line break cannot stand inside a JSON string, and deeper keys are indented
#: more, so this is found once.
_DIGEST = re.compile(r'(?<=\n "digest": ")[0-9a-f]{64}(?=")')
_NUMBER = re.compile(r'\n "generation": ([0-9]+)')
_FLAT = json.JSONEncoder(sort_keys=True, separators=(",\n   ", ": "))
#: Makes a text of rules and a generation.
Write = Callable[[Mapping[str, Any], int], str]


@dataclass(frozen=True)
class Loss:
    """One rule that the server does not honour.

    :ivar partner: the partner's primary domain.
    :ivar rule: the rule's name in the model.
    :ivar meaning: what happens instead, in one sentence.
    """

    partner: str
    rule: str
    meaning: str

    def as_dict(self) -> dict[str, str]:
        """Return plain data: partner, rule, meaning."""
        return {"partner": self.partner, "rule": self.rule, "meaning": self.meaning}


@dataclass(frozen=True)
class Compiled:
    """A compiled policy.

    :ivar rules: the policy file's content but for format, generation and digest.
    :ivar loss: what the server does not honour.
    """

    rules: Mapping[str, Any]
    loss: tuple[Loss, ...] = ()


def text_of(rules: Mapping[str, Any], generation: int) -> str:
    """Return the file's text: canonical JSON, so that equal policies are equal bytes, with its own ``digest`` in it.

    That is the SHA-256 of the same text with 64 zeros in the digest's place. Nobody has to parse and order anything to
    check it, the server's module least of all. It shows accidents and edits by hand; it is no signature.
    """
    frame = {"format": FORMAT, "generation": generation, "digest": _BLANK}
    text = _canonical({**rules, **frame})
    return _DIGEST.sub(digest_of(text), text, count=1)


def _canonical(content: Mapping[str, Any]) -> str:
    """Return what ``json.dumps`` returns, with sorted keys, indented by one; much faster for thousands of rows."""
    values = {key: _rows(value) if key == "partners" else _inside(value) for key, value in content.items()}
    parts = [f"{json.dumps(key)}: {value}" for key, value in sorted(values.items())]
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def _rows(rows: Mapping[str, Mapping[str, Any]]) -> str:
    parts = [f"{json.dumps(domain)}: {_row(row)}" for domain, row in sorted(rows.items())]
    return "{\n  " + ",\n  ".join(parts) + "\n }" if parts else "{}"


def _row(row: Mapping[str, Any]) -> str:
    # json's encoder in C knows no indentation; where nothing is inside a row, a separator does as well.
    if row and not any(isinstance(value, (dict, list, tuple)) for value in row.values()):
        return "{\n   " + _FLAT.encode(row)[1:-1] + "\n  }"
    return _inside(row).replace("\n", "\n ")


def _inside(value: Any) -> str:
    # A raw line break cannot stand inside a JSON string.
    return json.dumps(value, sort_keys=True, indent=1).replace("\n", "\n ")


def is_intact(text: str | None, content: Mapping[str, Any] | None = None) -> bool:
    """Whether a policy file's text is as it was written: the digest in it is right, or it is older than digests.

    :param content: what ``parse`` said of the text, where that was asked already.
    """
    content = parse(text) if content is None else content
    if content is None or text is None:
        return False
    if content["format"] == 1:
        return "digest" not in content
    found = _DIGEST.findall(text)
    return found == [content.get("digest")] and digest_of(_DIGEST.sub(_BLANK, text)) == found[0]


def digest_of(text: str) -> str:
    """Return the SHA-256 (hex) of a file's text, as the server reports what it loaded."""
    return hashlib.sha256(text.encode()).hexdigest()


def parse(text: str | None) -> dict[str, Any] | None:
    """Return a policy file's content; None when there is none or when it is not one that we wrote."""
    if text is None:
        return None
    try:
        content = json.loads(text)
    except ValueError:
        return None
    if not isinstance(content, dict) or content.get("format") not in _READ:
        return None
    return content if isinstance(content.get("partners"), dict) else None


def generation_of(content: Mapping[str, Any] | None) -> int:
    """Return the generation of a parsed policy file; 0 when there is none."""
    number = content.get("generation") if content else None
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


def number_of(text: str) -> int:
    """Return the generation of a text that ``text_of`` made."""
    found = _NUMBER.search(text)
    return int(found[1]) if found else 0


def successor(present: Mapping[str, Any] | None, rules: Mapping[str, Any], write: Write = text_of) -> str:
    """Return the text that the file has to have.

    :param present: the parsed file as it is, intact; None when there is none.
    :param rules: the compiled policy.
    :param write: ``text_of``, or what remembers its texts.
    :returns: the present content, canonical, when it says the same; otherwise the next generation.
    """
    generation = generation_of(present)
    same = generation > 0 and present is not None and present.get("format") == FORMAT
    same = same and _rules_of(present or {}) == dict(rules)
    return write(rules, generation if same else generation + 1)


def _rules_of(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key not in _FRAME}


def mended(
    spoilt: Mapping[str, Any] | None,
    enforced: Mapping[str, Any] | None,
    rules: Mapping[str, Any],
    write: Write = text_of,
) -> str:
    """Return the text that has to take the place of a file which is not as it was written.

    :param spoilt: the file parsed, None when that cannot be done: what it says counts for nothing but its number.
    :param enforced: the running server's report when it enforces a policy, else None.
    :param rules: the compiled policy.
    :param write: ``text_of``, or what remembers its texts.
    :returns: the very text that the server enforces when the rules are these; otherwise the next generation.
    """
    generation = generation_of(enforced) or generation_of(spoilt)
    if enforced is not None:
        text = write(rules, generation)
        if digest_of(text) == enforced.get("digest"):
            return text
    return write(rules, generation + 1)


def partner_fields(content: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Return the fields of each domain's rule, for showing; the additional domains name their partner."""
    if not content:
        return {}
    rows = content["partners"].items()  # a file edited by hand may hold anything
    return {str(domain): dict(row) if isinstance(row, dict) else {"row": row} for domain, row in rows}
