"""An archive as ``Export-CsUserData`` writes it: the contact lists of users of ours, and whom they block.

What is published of the format, and what is guessed here:

- a ZIP file with a pair of XML documents (Microsoft's reference of Export-CsUserData). Scripts open it as an Open
  Packaging file with the part ``/DocItemSet.xml``, so the other document is ``[Content_Types].xml`` (guessed);
- ``DocItemSet/DocItem[@Name="urn:lcd:<user>"]/Data/HomedResource`` with ``ContactGroups/ContactGroup`` (``Number``,
  ``DisplayName``, ``ExternalUri``) and ``Contacts/Contact`` (``Buddy``, ``DisplayName``, ``Groups``: numbers with
  spaces between), names in Base64 of UTF-8; the group ``~`` (``fg==``) is shown as "Other Contacts" (C. A. Caragol,
  Lync 2013 Contact Backup and Restore Tool);
- ``SubscribePresence`` is 1 for a contact whose presence is subscribed to (R. Paix, UpdateLyncContacts.ps1; for what it
  means see [MS-SIP] 2.2.4.1, ``subscribed``);
- ``Containers/Container[@ContainerNumber]/UserMember[@Member]`` holds access levels, of which 32000 is "blocked"
  (teamsadmin.com, "Change Lync 2013 Privacy Relationships via Update-CSUserData"; Microsoft, "Blocked Contacts
  Container");
- ``HomedResources/HomedResource[@UserAtHost]`` in the namespace of ``DBIMPEXP``, in UTF-16, is what dbimpexp.exe writes
  (J. Guillet, LyncAddContacts.vbs; R. Paix, as above);
- guessed: the namespace of ``DocItemSet``, ``UserAtHost`` in it, the further documents (``urn:hrd:``),
  ``DomainMember``, Base64 in what dbimpexp.exe writes, and numbers and dates that nobody reads.

Interface: :func:`write`.
"""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Union
from xml.sax.saxutils import quoteattr

#: Guessed.
NAMESPACE = "urn:schema:Microsoft.Rtc.Management.Xds.AppLayer.2008"
DBIMPEXP = "http://schemas.microsoft.com/RtcServer/2002/11/dbimpexp"
BLOCKED = 32000
OTHER_CONTACTS = "~"
_TYPES = (
    '<?xml version="1.0" encoding="utf-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="text/xml" /></Types>'
)


@dataclass(frozen=True)
class Contact:
    """An entry of a contact list.

    :ivar address: ``user@domain``, in whatever case.
    :ivar name: the name that the user sees. :ivar groups: names of groups; none is "Other Contacts".
    :ivar subscribe: whether its presence is subscribed to.
    """

    address: str
    name: str = ""
    groups: Sequence[str] = ()
    subscribe: bool = True


@dataclass(frozen=True)
class UserData:
    """What the archive has of one user.

    :ivar contacts: the contact list. :ivar blocked: addresses, or domains (``@domain``), in the container 32000.
    :ivar levels: number of another container → addresses in it: 100 external, 200 colleagues, 300 workgroup,
        400 friends and family.
    """

    contacts: Sequence[Union[Contact, str]] = ()
    blocked: Sequence[str] = ()
    levels: Mapping[int, Sequence[str]] = field(default_factory=dict)


#: A user's data, or just the addresses of the contacts.
Given = Union[UserData, Sequence[Union[Contact, str]]]


def write(path: Path, users: Mapping[str, Given]) -> Path:
    """Write the archive of a pool; return its path.

    :param users: SIP address without ``sip:`` → what the archive has of this user.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr("DocItemSet.xml", document(users).encode("utf-8-sig"))
    return path


def document(users: Mapping[str, Given]) -> str:
    """Return the text of ``DocItemSet.xml``."""
    items = "".join(_documents(user, _data(given)) for user, given in users.items())
    return f'<?xml version="1.0" encoding="utf-8"?>\r\n<DocItemSet xmlns="{NAMESPACE}">{items}</DocItemSet>'


def legacy(users: Mapping[str, Given]) -> bytes:
    """Return what ``dbimpexp.exe`` and ``Export-CsUserData -LegacyFormat`` write: one XML document, in UTF-16."""
    items = "".join(_resource(user, _data(given)) for user, given in users.items())
    text = f'<?xml version="1.0" encoding="utf-16"?>\r\n<HomedResources xmlns="{DBIMPEXP}">{items}</HomedResources>'
    return text.encode("utf-16")


def encoded(text: str) -> str:
    """Return a name as the archive has it."""
    return base64.b64encode(text.encode()).decode()


def _data(given: Given) -> UserData:
    return given if isinstance(given, UserData) else UserData(given)


def _documents(user: str, data: UserData) -> str:
    item = f"<DocItem Name={quoteattr('urn:lcd:' + user)}><Data>{_resource(user, data)}</Data></DocItem>"
    other = f"<HomedResource UserAtHost={quoteattr(user)} />"
    return item + f"<DocItem Name={quoteattr('urn:hrd:' + user)}><Data>{other}</Data></DocItem>"


def _resource(user: str, data: UserData) -> str:
    contacts = [entry if isinstance(entry, Contact) else Contact(entry) for entry in data.contacts]
    numbers = _numbers(contacts)
    groups = "".join(
        f'<ContactGroup Number="{number}" DisplayName="{encoded(name)}" ExternalUri="{encoded("<groupExtension/>")}" />'
        for name, number in numbers.items()
    )
    listed = "".join(_contact(contact, numbers) for contact in contacts)
    containers = "".join(
        f'<Container ContainerNumber="{number}" ContainerVersion="1">{"".join(map(_member, members))}</Container>'
        for number, members in {100: (), 200: (), 300: (), 400: (), **data.levels, BLOCKED: data.blocked}.items()
    )
    return (
        f'<HomedResource UserAtHost={quoteattr(user)} LastUpdated="2026-10-01T08:00:00">'
        f"<ContactGroups>{groups}</ContactGroups><Contacts>{listed}</Contacts>"
        f"<Containers>{containers}</Containers></HomedResource>"
    )


def _numbers(contacts: Iterable[Contact]) -> dict[str, int]:
    names = [OTHER_CONTACTS, *(name for contact in contacts for name in contact.groups)]
    return {name: number for number, name in enumerate(dict.fromkeys(names), 1)}


def _contact(contact: Contact, numbers: Mapping[str, int]) -> str:
    groups = " ".join(str(numbers[name]) for name in contact.groups or (OTHER_CONTACTS,))
    return (
        f'<Contact Buddy={quoteattr(contact.address)} SubscribePresence="{int(contact.subscribe)}" Groups="{groups}" '
        f'DisplayName="{encoded(contact.name)}" />'
    )


def _member(member: str) -> str:
    if member.startswith("@"):
        return f"<DomainMember Member={quoteattr(member[1:])} />"
    return f"<UserMember Member={quoteattr(member)} />"
