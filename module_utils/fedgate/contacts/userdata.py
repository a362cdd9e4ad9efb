"""What an archive of ``Export-CsUserData`` says of each user: contacts, their groups, and whom the user blocks.

Of the document, with their sources (``DocItemSet/DocItem/Data/HomedResource``, or ``HomedResources/HomedResource``):

- ``DocItem`` ``Name="urn:lcd:<user>"``; ``ContactGroups/ContactGroup`` with ``Number`` and ``DisplayName``;
  ``Contacts/Contact`` with ``Buddy``, ``DisplayName`` and ``Groups`` (numbers with spaces between); names are Base64
  of UTF-8, and the group ``~`` is "Other Contacts", which is none: C. A. Caragol, Lync 2013 Contact Backup and Restore
  Tool.
- ``UserAtHost`` of ``HomedResource`` and ``Buddy`` as an attribute: J. Guillet, LyncAddContacts.vbs.
  ``SubscribePresence`` and the namespace: R. Paix, UpdateLyncContacts.ps1. What it means: [MS-SIP] 2.2.4.1,
  ``subscribed``: "merely stored as an offline contact, or whether the client subscribes to its presence".
- ``Containers/Container`` ``ContainerNumber="32000"`` with ``UserMember`` ``Member``: who is blocked (teamsadmin.com,
  "Change Lync 2013 Privacy Relationships via Update-CSUserData"; Microsoft, "Blocked Contacts Container").
- Guessed: values may also stand in child elements of these names; ``DomainMember`` ``Member`` is a domain that is
  blocked as a whole; where a group is called ``~`` without Base64, no name of that user is in Base64.

Who may see the user without being a contact (other containers, lists of subscribers) is not read: its format is
published nowhere, and a contact is all that consent needs.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional

from ..errors import InvalidValue
from . import archive

BLOCKED = "32000"
OTHER_CONTACTS = "~"
_ITEM = "urn:lcd:"
#: What Lync lets one user have is 1,000.
MOST_CONTACTS = 10_000
MOST_USERS = 1_000_000
LONGEST_NAME = 256
_FIELDS = {
    "ContactGroup": ("Number", "DisplayName"),
    "Contact": ("Buddy", "DisplayName", "Groups", "SubscribePresence"),
    "UserMember": ("Member",),
    "DomainMember": ("Member",),
}


@dataclass(frozen=True)
class Contact:
    """An entry of a contact list.

    :ivar address: as the archive has it. :ivar name: what the user sees; empty where it is not known.
    :ivar groups: without "Other Contacts". :ivar subscribed: whether the user subscribes to its presence.
    """

    address: str
    name: str
    groups: tuple[str, ...]
    subscribed: bool


@dataclass
class UserData:
    """What the archive says of one user.

    :ivar user: address, as the archive has it.
    :ivar blocked: addresses; :ivar blocked_domains: domains.
    """

    user: str
    contacts: list[Contact] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    blocked_domains: list[str] = field(default_factory=list)


def read(path: str) -> list[UserData]:
    """Return what an archive says of its users.

    :raises InvalidValue: naming the file, when it cannot be read or has no user data.
    """
    reader = _Users(path)
    archive.walk(path, reader)
    if not reader.users:
        raise InvalidValue(
            f"{path} has no user data (no HomedResource)",
            hint="Export-CsConfiguration writes an archive of the same form; this needs the one of Export-CsUserData.",
        )
    return reader.users


class _Users:
    """Collects users while a document goes by."""

    def __init__(self, path: str) -> None:
        self.users: list[UserData] = []
        self._path = path
        self._item = ""
        self._resource: Optional[_Resource] = None
        self._container = ""
        self._entry: Optional[tuple[str, dict[str, str]]] = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """See ``archive.Reader``."""
        if name == "DocItem":
            self._item = attributes.get("Name", "")
        elif name == "HomedResource":
            self._resource = _Resource(self._user(attributes))
        elif name == "Container":
            self._container = attributes.get("ContainerNumber", "")
        elif name in _FIELDS and self._resource is not None:
            self._entry = name, {key: attributes[key] for key in _FIELDS[name] if key in attributes}

    def end(self, name: str, text: str) -> None:
        """See ``archive.Reader``."""
        if self._entry is not None and name != self._entry[0]:
            if name in _FIELDS[self._entry[0]]:
                self._entry[1].setdefault(name, text)
        elif self._entry is not None and self._resource is not None:
            self._keep(self._resource, *self._entry)
            self._entry = None
        elif name == "ContainerNumber":
            self._container = text
        elif name == "Container":
            self._container = ""
        elif name == "HomedResource" and self._resource is not None:
            self._finish(self._resource)
            self._resource = None

    def _user(self, attributes: Mapping[str, str]) -> str:
        if self._item.lower().startswith(_ITEM):
            return self._item[len(_ITEM) :]
        return "" if self._item else attributes.get("UserAtHost", "")

    def _keep(self, resource: _Resource, name: str, values: dict[str, str]) -> None:
        if name == "ContactGroup":
            resource.groups.append(values)
        elif name == "Contact":
            resource.contacts.append(values)
            if len(resource.contacts) > MOST_CONTACTS:
                raise InvalidValue(f"{self._path}: {resource.user} has more than {MOST_CONTACTS} contacts")
        elif self._container == BLOCKED and values.get("Member"):
            (resource.blocked if name == "UserMember" else resource.domains).append(values["Member"])

    def _finish(self, resource: _Resource) -> None:
        if resource.user:
            self.users.append(resource.result())
        if len(self.users) > MOST_USERS:
            raise InvalidValue(f"{self._path} has more than {MOST_USERS} users")


@dataclass
class _Resource:
    """A ``HomedResource`` as it is written."""

    user: str
    groups: list[dict[str, str]] = field(default_factory=list)
    contacts: list[dict[str, str]] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    domains: list[str] = field(default_factory=list)

    def result(self) -> UserData:
        """Return it with names in clear, and groups by their names."""
        plain = any(group.get("DisplayName") == OTHER_CONTACTS for group in self.groups)
        names = {group.get("Number", ""): clear(group.get("DisplayName", ""), plain) for group in self.groups}
        contacts = [
            Contact(
                values["Buddy"],
                clear(values.get("DisplayName", ""), plain),
                _groups(values.get("Groups", ""), names),
                values.get("SubscribePresence", "1").lower() not in ("0", "false"),
            )
            for values in self.contacts
            if values.get("Buddy")
        ]
        return UserData(self.user, contacts, self.blocked, self.domains)


def _groups(numbers: str, names: Mapping[str, str]) -> tuple[str, ...]:
    found = (names.get(number, "") for number in numbers.split())
    return tuple(dict.fromkeys(name for name in found if name not in ("", OTHER_CONTACTS)))


def clear(text: str, plain: bool = False) -> str:
    """Return a name as people read it; empty for one that cannot be.

    :param plain: it is not in Base64.
    """
    if not plain:
        # Else it is a name in clear: nobody has published that there are none.
        with contextlib.suppress(binascii.Error, UnicodeDecodeError, ValueError):
            text = base64.b64decode(text, validate=True).decode()
    name = " ".join("".join(" " if unicodedata.category(char) in ("Cc", "Cs") else char for char in text).split())
    return name if len(name) <= LONGEST_NAME else ""
