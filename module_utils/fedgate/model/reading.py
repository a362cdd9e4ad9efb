"""Reads typed values out of what somebody typed; whatever is wrong is noted, and reading goes on."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, TypeVar

from ..errors import InvalidValue
from .domains import domain_name
from .problems import UNKNOWN, Problems, Where
from .suggest import did_you_mean, listed

T = TypeVar("T")
_YES_NO = {"yes", "no", "true", "false", "on", "off", "y", "n", "0", "1"}


def shown(value: Any) -> str:
    """Return a value as messages show it: its kind where that helps, shortened."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value!r}" if len(value) <= 80 else f"the text {value[:77]!r}…"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    return kind_of(value)


def kind_of(value: Any) -> str:
    """Return what kind of thing a value is, without the value."""
    if isinstance(value, Mapping):
        return "a mapping (key: value)"
    if isinstance(value, (list, tuple)):
        return "a list"
    kinds = {str: "a text", bool: "true or false", int: "a number", float: "a number", type(None): "nothing (null)"}
    return kinds.get(type(value), f"a value of type {type(value).__name__}")


class Reader:
    """Reads values at one place. Each method returns the checked value, or None after noting what is wrong.

    :param value: what was typed, as plain Python values.
    :param where: where it stands.
    """

    def __init__(self, value: Any, where: Where, problems: Problems) -> None:
        self.value = value
        self.where = where
        self.problems = problems

    def wrong(self, message: str, hint: str | None = None) -> None:
        """Note an error here, unless the value could not even be evaluated."""
        if self.value is UNKNOWN:
            return
        self.problems.error(self.where, message, hint)

    def items(self) -> list[Reader]:
        """Read a list; its items are read one by one."""
        if not isinstance(self.value, list):
            hint = "Begin each item with a hyphen, also a single one."
            self.wrong(f"a list is needed here, not {kind_of(self.value)}", hint)
            return []
        return [Reader(item, self.where.into(index), self.problems) for index, item in enumerate(self.value)]

    def fields(self, known: Iterable[str], required: Iterable[str] = ()) -> Fields | None:
        """Read a mapping with known keys."""
        allowed = tuple(known)
        if not isinstance(self.value, Mapping):
            # Only its kind: what stands in the wrong place may be a secret.
            self.wrong(f"a mapping is needed here, not {kind_of(self.value)}", f"Known keys: {listed(allowed, 'and')}.")
            return None
        return Fields(self, allowed, tuple(required))

    def text(self, limit: int | None = None) -> str | None:
        """Read a non-empty text of at most ``limit`` characters."""
        if not isinstance(self.value, str):
            hint = "Put it into quotation marks." if isinstance(self.value, (int, float)) else None
            self.wrong(f"a text is needed here, not {shown(self.value)}", hint)
        elif not self.value.strip():
            self.wrong("the text is empty", "Write it, or leave the key out.")
        elif limit is not None and len(self.value) > limit:
            self.wrong(f"the text is {len(self.value)} characters long", f"At most {limit} are allowed.")
        elif any(ord(character) < 32 and character not in "\n\t" for character in self.value):
            self.wrong("the text contains control characters", "Remove them.")
        else:
            return self.value
        return None

    def flag(self) -> bool | None:
        """Read true or false."""
        if isinstance(self.value, bool):
            return self.value
        hint = "Write true or false."
        if isinstance(self.value, str) and self.value.lower() in _YES_NO:
            hint = (
                "Write true or false without quotation marks; on the command line use JSON: "
                f"-e '{{\"{self.where.steps[0]}\": …}}'."
            )
        self.wrong(f"true or false is needed here, not {shown(self.value)}", hint)
        return None

    def whole_number(self, low: int, high: int, unit: str = "") -> int | None:
        """Read a whole number within bounds, both included."""
        bounds = f"Allowed are {low} to {high}{' ' + unit if unit else ''}."
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            if isinstance(self.value, str) and self.value.strip().isdigit():
                bounds = f"Remove the quotation marks. {bounds}"
            self.wrong(f"a whole number is needed here, not {shown(self.value)}", bounds)
        elif not low <= self.value <= high:
            self.wrong(f"{self.value} is out of bounds", bounds)
        else:
            return self.value
        return None

    def choice(self, allowed: Iterable[T]) -> T | None:
        """Read one of a few words or numbers."""
        choices = list(allowed)
        for choice in choices:
            if type(choice) is type(self.value) and choice == self.value:
                return choice
        words = [str(choice) for choice in choices]
        meant = did_you_mean(self.value, words) if isinstance(self.value, str) else None
        hint = f"Allowed are {listed(words, 'and')}."
        self.wrong(f"{shown(self.value)} is not allowed here", f"Did you mean {meant}? {hint}" if meant else hint)
        return None

    def domain(self) -> str | None:
        """Read a domain name, normalised."""
        if not isinstance(self.value, str):
            self.wrong(f"a domain name is needed here, not {shown(self.value)}", "Write it like contoso.example.")
            return None
        return self._checked(domain_name)

    def address(self) -> str | None:
        """Read an IP address that others can reach, in its canonical form."""
        if not isinstance(self.value, str):
            self.wrong(f"an IP address is needed here, not {shown(self.value)}")
            return None
        return self._checked(_reachable_address)

    def user(self, example: str) -> str | None:
        """Read the address of a user (a bare JID, RFC 7622 §3), in lower case, its domain normalised.

        :param example: an address that the hint shows.
        """
        text = self.text()
        if text is None:
            return None
        name, at, domain = text.partition("@")
        wrong = any(character.isspace() or character in "\"&'<>:" for character in name)
        if not name or not at or "/" in text or wrong:
            self.wrong(f"{text!r} is not an address of a user", f"Write it like {example}.")
            return None
        normalised = Reader(domain, self.where, self.problems).domain()
        # As nodeprep (RFC 3920, appendix A) folds names, for all that people are called.
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
        return f"{folded}@{normalised}" if normalised else None

    def day(self) -> date | None:
        """Read a day, written 2027-03-31."""
        try:
            if isinstance(self.value, str) and len(self.value) == 10:
                return date.fromisoformat(self.value)
        except ValueError:
            pass
        self.wrong(f"a day is needed here, not {shown(self.value)}", "Write it like 2027-03-31.")
        return None

    def secret(self, encoded: bool = False) -> bool:
        """Check that a secret is there (and in Base64); its value is neither kept nor ever shown."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.wrong("the secret is empty or not a text", "Give it by a vault_ variable.")
            return False
        try:
            if encoded:
                base64.b64decode(self.value, validate=True)
        except (binascii.Error, ValueError):
            self.wrong("the secret is not in Base64", "Copy it again, as tsig-keygen printed it.")
            return False
        return True

    def domains(self) -> list[str]:
        """Read a list of domain names, each at most once."""
        found: dict[str, Reader] = {}
        for item in self.items():
            name = item.domain()
            if name in found:
                first = self.problems.place(found[name].where)
                item.wrong(f"{name} is written twice", f"It stands at {first} already; case does not count.")
            elif name:
                found[name] = item
        return list(found)

    def texts(self) -> list[str]:
        """Read a list of texts."""
        return [text for text in (item.text() for item in self.items()) if text is not None]

    def addresses(self) -> list[str]:
        """Read a list of reachable IP addresses, each at most once."""
        return list(dict.fromkeys(found for found in (item.address() for item in self.items()) if found))

    def _checked(self, check: Callable[[str], str]) -> str | None:
        try:
            return check(self.value)
        except InvalidValue as error:
            self.wrong(error.message, error.hint)
            return None


class Fields:
    """Reads the keys of a mapping; unknown and missing ones are noted at once."""

    def __init__(self, reader: Reader, known: tuple[str, ...], required: tuple[str, ...]) -> None:
        self._values: Mapping[Any, Any] = reader.value
        self.reader = reader
        for key in self._values:
            if key not in known:
                self._unknown(str(key), known)
        for key in required:
            if self._values.get(key) is None:
                reader.wrong(f"the key {key} is missing", f"Add {key}: … here.")

    def _unknown(self, key: str, known: tuple[str, ...]) -> None:
        meant = did_you_mean(key, known)
        where = self.reader.where.into(key)
        hint = f"Known keys: {listed(known, 'and')}."
        hint = f"Did you mean {meant}? {hint}" if meant else hint
        self.reader.problems.error(where, f"the key {key} is not known", hint)

    def all_known(self) -> bool:
        """Tell whether every value could be evaluated."""
        return not any(value is UNKNOWN for value in self._values.values())

    def has(self, key: str) -> bool:
        """Tell whether a key is given and not null."""
        return self._values.get(key) is not None

    def at(self, key: str) -> Reader:
        """Return the reader of one key."""
        return Reader(self._values.get(key), self.reader.where.into(key), self.reader.problems)

    def read(self, key: str, how: Callable[[Reader], T | None], default: T) -> T:
        """Read one key with a method of Reader; the default where it is missing or wrong."""
        if not self.has(key):
            return default
        found = how(self.at(key))
        return default if found is None else found

    def read_all(self, key: str, how: Callable[[Reader], list[str]]) -> list[str]:
        """Read one key that holds a list; an empty list where it is missing."""
        return how(self.at(key)) if self.has(key) else []


def _reachable_address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise InvalidValue(
            f"{text!r} is not an IP address", hint="Write an IPv4 or IPv6 address, without prefix length or port."
        ) from None
    for wrong, kind in (
        (address.is_unspecified, "the unspecified address"),
        (address.is_loopback, "a loopback address"),
        (address.is_link_local, "a link-local address"),
        (address.is_multicast, "a multicast address"),
    ):
        if wrong:
            raise InvalidValue(f"{text} is {kind}", hint="Write the address under which others reach this host.")
    return str(address)
