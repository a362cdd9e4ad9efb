"""What a certificate is asked for, as values: names, subject, key, friendly name, purposes. Works on a bare host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ..errors import InvalidValue
from . import names as name_rules

RSA_SIZES = (2048, 3072, 4096)
CURVES = {"p256": "P-256", "p384": "P-384", "p521": "P-521"}
DEFAULT_SIZE = 2048
DEFAULT_CURVE = "p256"

#: Upper bounds of RFC 5280 appendix A.1, in characters.
_BOUNDS = {"organization": 64, "organizational_unit": 64, "city": 128, "state": 128}
#: Characters of a template's name; Windows allows no more either.
_LONGEST_TEMPLATE = 64
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class KeySettings:
    """The kind of private key.

    :ivar type: ``rsa`` or ``ecdsa``.
    :ivar size: bits of an RSA key, otherwise None.
    :ivar curve: ``p256``, ``p384`` or ``p521`` of an ECDSA key, otherwise None.
    """

    type: str = "rsa"
    size: Optional[int] = DEFAULT_SIZE
    curve: Optional[str] = None

    @classmethod
    def of(cls, values: Optional[Mapping[str, Any]]) -> KeySettings:
        """Read ``{type, size, curve}``; what does not belong to the type is ignored.

        :raises InvalidValue: unknown type, size or curve.
        """
        given = dict(values or {})
        kind = str(given.get("type") or "rsa").lower()
        if kind == "rsa":
            size = int(given.get("size") or DEFAULT_SIZE)
            if size not in RSA_SIZES:
                allowed = ", ".join(str(each) for each in RSA_SIZES)
                raise InvalidValue(
                    f"an RSA key of {size} bits is not allowed", path="key.size", hint=f"Allowed: {allowed}."
                )
            return cls("rsa", size, None)
        if kind == "ecdsa":
            curve = str(given.get("curve") or DEFAULT_CURVE).lower().replace("-", "")
            if curve not in CURVES:
                raise InvalidValue(
                    f"curve '{curve}' is not allowed", path="key.curve", hint=f"Allowed: {', '.join(CURVES)}."
                )
            return cls("ecdsa", None, curve)
        raise InvalidValue(f"'{kind}' is not a type of key", path="key.type", hint="Allowed: rsa, ecdsa.")

    def __str__(self) -> str:
        return f"RSA {self.size} bits" if self.type == "rsa" else f"ECDSA {CURVES.get(self.curve or '', self.curve)}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain data: type, and size or curve."""
        if self.type == "rsa":
            return {"type": self.type, "size": self.size}
        return {"type": self.type, "curve": self.curve}


@dataclass(frozen=True)
class Subject:
    """Who asks: the fields of the wizard's pages 8 and 9; an empty field is left out of the request."""

    organization: str = ""
    organizational_unit: str = ""
    city: str = ""
    state: str = ""
    country: str = ""

    @classmethod
    def of(cls, values: Optional[Mapping[str, Any]]) -> Subject:
        """Read the fields, None meaning empty. :raises InvalidValue: too long, or no country code."""
        given = {key: str(value).strip() for key, value in (values or {}).items() if value is not None}
        for key, longest in _BOUNDS.items():
            _check_text(key, given.get(key, ""), longest)
        country = given.get("country", "").upper()
        if country and not re.fullmatch(r"[A-Z]{2}", country):
            raise InvalidValue(
                f"'{given['country']}' is not a country code of two letters",
                path="subject.country",
                hint="Use the code of ISO 3166-1 alpha-2, such as GB, DE or JP.",
            )
        fields = {key: given.get(key, "") for key in _BOUNDS}
        return cls(country=country, **fields)

    def __str__(self) -> str:
        pairs = (
            ("C", self.country), ("ST", self.state), ("L", self.city),
            ("O", self.organization), ("OU", self.organizational_unit),
        )  # fmt: skip
        return ", ".join(f"{short}={value}" for short, value in pairs if value)

    def as_dict(self) -> dict[str, str]:
        """Return the fields that are set, as plain data."""
        every = {"country": self.country, "state": self.state, "city": self.city,
                 "organization": self.organization, "organizational_unit": self.organizational_unit}  # fmt: skip
        return {key: value for key, value in every.items() if value}


@dataclass(frozen=True)
class RequestSettings:
    """Everything that one certificate request says.

    :ivar names: dNSName values, normalised; the first is the common name where it fits (64 characters).
    :ivar friendly_name: shown to people only; kept beside the key, never part of the request.
    :ivar client_auth: ask for clientAuth beside serverAuth.
    :ivar template: name of the template that a Microsoft CA shall use; empty where there is none.
    :ivar exportable: whether the key may leave its host later; a note for people beside the friendly name.
    """

    names: tuple[str, ...]
    subject: Subject = Subject()
    key: KeySettings = KeySettings()
    friendly_name: str = ""
    client_auth: bool = False
    template: str = ""
    exportable: bool = True

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> RequestSettings:
        """Read the arguments of ``edge_certificate_request``. :raises InvalidValue: one of them is not allowed."""
        return cls(
            names=name_rules.normalise_all(params["names"]),
            subject=Subject.of(params.get("subject")),
            key=KeySettings.of(params.get("key")),
            friendly_name=str(params.get("friendly_name") or ""),
            client_auth=bool(params.get("client_auth")),
            template=template_name(params.get("template")),
            exportable=params.get("exportable") is not False,
        )

    def differences(self, wanted: RequestSettings) -> tuple[str, ...]:
        """Say in words what a request with ``wanted`` settings would change; empty when this one still fits.

        The order of the names, the friendly name and whether the key is exportable do not matter: none of them is worth
        a new certificate.
        """
        found = []
        lost, new = set(self.names) - set(wanted.names), set(wanted.names) - set(self.names)
        if new:
            found.append(f"new names: {', '.join(sorted(new))}")
        if lost:
            found.append(f"names no longer wanted: {', '.join(sorted(lost))}")
        if self.key != wanted.key:
            found.append(f"key: {wanted.key} instead of {self.key}")
        if self.subject != wanted.subject:
            found.append(f"subject: '{wanted.subject}' instead of '{self.subject}'")
        if self.client_auth != wanted.client_auth:
            found.append("clientAuth is now asked for" if wanted.client_auth else "clientAuth is no longer asked for")
        if self.template != wanted.template:
            found.append(f"template: '{wanted.template}' instead of '{self.template}'")
        return tuple(found)

    def as_fields(self) -> dict[str, Any]:
        """Return what people review: names, key, subject, purposes, template, friendly name, exportable."""
        return {
            "names": list(self.names),
            "key": str(self.key),
            "subject": str(self.subject),
            "purposes": ["serverAuth", "clientAuth"] if self.client_auth else ["serverAuth"],
            "template": self.template,
            "friendly_name": self.friendly_name,
            "exportable": self.exportable,
        }


def template_name(value: Optional[str]) -> str:
    """Return the name of a template, empty for none. :raises InvalidValue: too long, or no BMPString can hold it."""
    name = str(value or "").strip()
    if len(name) > _LONGEST_TEMPLATE:
        raise InvalidValue(
            f"'{name}' has {len(name)} characters", path="template", hint=f"At most {_LONGEST_TEMPLATE} are allowed."
        )
    if _CONTROL.search(name) or any(ord(character) > 0xFFFF for character in name):
        raise InvalidValue(
            f"{name!r} is no name of a template",
            path="template",
            hint="Write the template's name, such as WebServer, not what the console displays.",
        )
    return name


def _check_text(key: str, value: str, longest: int) -> None:
    if len(value) > longest:
        raise InvalidValue(
            f"'{value}' has {len(value)} characters",
            path=f"subject.{key}",
            hint=f"At most {longest} are allowed (RFC 5280).",
        )
    if _CONTROL.search(value):
        raise InvalidValue(
            f"{value!r} contains a control character", path=f"subject.{key}", hint="Write it on one line."
        )
