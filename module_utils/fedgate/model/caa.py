"""``federation_caa``: who may certify our names (RFC 8659, RFC 8657)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .reading import Reader
from .records import ABSENT, PRESENT, Record
from .suggest import did_you_mean, listed

KEYS = ("state", "issuers", "iodef", "names")
#: RFC 8657 §3, §4; others are an authority's own.
_PARAMETERS = ("accounturi", "validationmethods")
# RFC 8659 §4.2; without the quotation mark and the backslash, which would end or change the text in a zone file.
_PARAMETER = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)[ \t]*=[ \t]*([!#-:<-\[\]-~]*)")
_METHODS = re.compile(r"[A-Za-z0-9-]+(,[A-Za-z0-9-]+)*")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+")
# RFC 8659 §4.4.
_IODEF = re.compile(r'mailto:[^@\s"\\]+@[^@\s"\\]+|https?://[^\s"\\/]+[^\s"\\]*')
_MAX_VALUE = 255


@dataclass(frozen=True)
class Caa:
    """Who may certify.

    :ivar present: false when the records shall be removed.
    :ivar issuers: in the form of RFC 8659 §4.2; none: nobody may.
    :ivar names: which names get the records.
    """

    present: bool
    issuers: tuple[str, ...]
    iodef: str | None
    names: tuple[str, ...]

    @property
    def authorities(self) -> tuple[str, ...]:
        """The authorities' own domain names, as they look for them in CAA records."""
        return tuple(dict.fromkeys(issuer.partition(";")[0].strip() for issuer in self.issuers))

    def records(self, ttl: int) -> list[Record]:
        """Return the record sets, one for each name."""
        values = tuple(f'0 issue "{issuer}"' for issuer in self.issuers or (";",))
        values += (f'0 iodef "{self.iodef}"',) if self.iodef else ()
        state = PRESENT if self.present else ABSENT
        return [Record(name, "CAA", ttl, state, values if self.present else ()) for name in sorted(self.names)]


def read_caa(reader: Reader, ours: Sequence[str], default: Sequence[str]) -> Caa | None:
    """Read the mapping.

    :param ours: every name that may get records: those that we certify, and the pools'; none when not all are known.
    :param default: those that get them when none are named. A record binds all names below its own, also those that
        other people certify; so these are only names that nobody else has.
    """
    before = len(reader.problems.errors)
    fields = reader.fields(KEYS)
    if fields is None:
        return None
    present = fields.read("state", lambda at: at.choice((PRESENT, ABSENT)), PRESENT) == PRESENT
    if present and not fields.has("issuers"):
        reader.wrong("the key issuers is missing", "Add issuers: with the authorities' names; [] lets nobody certify.")
    issuers = fields.read_all("issuers", _issuers)
    names = fields.read_all("names", Reader.domains) if fields.has("names") else list(default)
    for name in names if fields.has("names") else ():
        if ours and name not in ours:
            meant = did_you_mean(name, ours)
            hint = f"Did you mean {meant}?" if meant else f"Ours are {listed(sorted(ours), 'and')}."
            fields.at("names").wrong(f"{name} is none of our names", hint)
    iodef = fields.read("iodef", _iodef, None)
    if len(reader.problems.errors) != before:
        return None
    return Caa(present, tuple(issuers), iodef, tuple(names))


def _issuers(reader: Reader) -> list[str]:
    found: list[str] = []
    for item in reader.items():
        issuer = _issuer(item)
        if issuer in found:
            item.wrong(f"{issuer} is written twice", "Remove one of the two.")
        elif issuer:
            found.append(issuer)
    return found


def _issuer(reader: Reader) -> str | None:
    text = reader.text(_MAX_VALUE)
    if text is None:
        return None
    if re.match(r"[0-9]+\s+issue", text):
        reader.wrong("this is a whole CAA record", 'Write what stands in its quotation marks: "letsencrypt.org; …".')
        return None
    name, *rest = text.split(";")
    domain = Reader(name.strip(), reader.where, reader.problems).domain()
    parameters = [_parameter(part.strip(), reader) for part in rest if part.strip()]
    if domain is None or None in parameters:
        return None
    return "; ".join([domain, *(parameter for parameter in parameters if parameter)])


def _parameter(text: str, reader: Reader) -> str | None:
    match = _PARAMETER.fullmatch(text)
    if match is None:
        hint = "Write it like validationmethods=dns-01; semicolons stand between several."
        reader.wrong(f"{text!r} is not a parameter", hint)
        return None
    name, value = match.groups()
    meant = did_you_mean(name, _PARAMETERS, nearness=0.8)
    if meant and name.lower() != meant:
        # An authority passes over what it does not know, and the restriction would be none.
        reader.wrong(f"no parameter is called {name}", f"Did you mean {meant}?")
        return None
    for known, pattern, how in (
        ("accounturi", _URI, "Write the account's URL, as the run's summary shows it."),
        ("validationmethods", _METHODS, "Write methods between commas, such as dns-01."),
    ):
        if name.lower() == known and not pattern.fullmatch(value):
            reader.wrong(f"{value!r} is not what {known} takes", how)
            return None
    return f"{name.lower()}={value}"


def _iodef(reader: Reader) -> str | None:
    text = reader.text(_MAX_VALUE)
    if text is None or _IODEF.fullmatch(text):
        return text
    hint = "Write mailto:<address> or https://…"
    if re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        hint = f"Write mailto:{text}."
    reader.wrong(f"{text!r} is not where an authority can report", hint)
    return None
