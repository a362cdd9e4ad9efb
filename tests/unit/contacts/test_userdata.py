"""What an archive of Export-CsUserData says, and which files are none."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible.module_utils.fedgate.contacts import archive
from ansible.module_utils.fedgate.contacts.userdata import Contact, UserData, clear, read
from ansible.module_utils.fedgate.errors import InvalidValue

from ...emulators.lync import userdata as lync

ALICE = "Alice@Contoso.example"
USERS: dict[str, lync.Given] = {
    ALICE: lync.UserData(
        [
            lync.Contact("Bob@Partner.example", "Bob Bär", ("Suppliers", "Ürün & Co")),
            lync.Contact("carol@partner.example", 'C. "\U0001f600" <x>', (), subscribe=False),
        ],
        ["eve@partner.example", "@spam.example"],
        {400: ["dora@contoso.example"]},
    ),
    "dora@contoso.example": [],
}
EXPECTED = [
    UserData(
        ALICE,
        [
            Contact("Bob@Partner.example", "Bob Bär", ("Suppliers", "Ürün & Co"), True),
            Contact("carol@partner.example", 'C. "\U0001f600" <x>', (), False),
        ],
        ["eve@partner.example"],
        ["spam.example"],
    ),
    UserData("dora@contoso.example"),
]


def packed(path: Path, text: bytes, name: str = "DocItemSet.xml") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, text)
    return path


def test_the_archive(tmp_path: Path) -> None:
    assert read(str(lync.write(tmp_path / "users.zip", USERS))) == EXPECTED


def test_the_document_alone_and_the_format_of_dbimpexp(tmp_path: Path) -> None:
    for name, text in (("a.xml", lync.document(USERS).encode()), ("b.xml", lync.legacy(USERS))):
        (tmp_path / name).write_bytes(text)
        assert read(str(tmp_path / name)) == EXPECTED, name


def test_values_in_child_elements_count_as_well(tmp_path: Path) -> None:
    text = (
        "<DocItemSet><DocItem Name='urn:lcd:a@b.example'><Data><HomedResource><Contacts><Contact>"
        "<Buddy>c@d.example</Buddy><Groups>1</Groups></Contact></Contacts><ContactGroups><ContactGroup>"
        f"<Number>1</Number><DisplayName>{lync.encoded('G')}</DisplayName></ContactGroup></ContactGroups><Containers>"
        "<Container><ContainerNumber>32000</ContainerNumber><UserMember><Member>e@f.example</Member></UserMember>"
        "</Container></Containers></HomedResource></Data></DocItem></DocItemSet>"
    )
    found = read(str(packed(tmp_path / "x.zip", text.encode())))
    assert found == [UserData("a@b.example", [Contact("c@d.example", "", ("G",), True)], ["e@f.example"])]


def test_many_users(tmp_path: Path) -> None:
    users: dict[str, lync.Given] = {
        f"u{user}@contoso.example": [f"c{contact}@partner.example" for contact in range(5)] for user in range(500)
    }
    found = read(str(lync.write(tmp_path / "many.zip", users)))
    assert len(found) == 500 and {len(item.contacts) for item in found} == {5}


@pytest.mark.parametrize(
    ("text", "plain", "name"),
    [
        ("Qm9i", False, "Bob"), ("Bob Ross", False, "Bob Ross"), ("Anna", False, "Anna"), ("Qm9i", True, "Qm9i"),
        (lync.encoded(" a\tb\n\x00c "), False, "a b c"), (lync.encoded("x" * 300), False, ""), ("", False, ""),
    ],
)  # fmt: skip
def test_names(text: str, plain: bool, name: str) -> None:
    assert clear(text, plain) == name


def test_names_in_clear_throughout(tmp_path: Path) -> None:
    text = lync.document({"a@b.example": [lync.Contact("c@d.example", "Qm9i", ("Team",))]})
    for word in ("~", "Team", "Qm9i"):
        text = text.replace(f'DisplayName="{lync.encoded(word)}"', f'DisplayName="{word}"')
    assert read(str(packed(tmp_path / "x.zip", text.encode())))[0].contacts == [
        Contact("c@d.example", "Qm9i", ("Team",), True)
    ]


# What is none ---------------------------------------------------------------------------------------------------------

LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    '<DocItemSet><DocItem Name="urn:lcd:a@b.example">&b;</DocItem></DocItemSet>'
)
OUTSIDE = '<!DOCTYPE x SYSTEM "file:///etc/passwd"><DocItemSet/>'
CONFIGURATION = '<DocItemSet><DocItem Name="urn:xds:Policy"><Data/></DocItem></DocItemSet>'


def bad_files() -> dict[str, tuple[Callable[[Path], object], str]]:
    return {
        "missing": (lambda path: None, "does not exist"),
        "folder": (lambda path: path.mkdir(), "is no file"),
        "text": (lambda path: path.write_text("alice;bob\n"), "is not XML that can be read"),
        "empty": (lambda path: path.write_text(""), "is not XML that can be read"),
        "other archive": (lambda path: packed(path, b"x", "readme.txt"), "no DocItemSet.xml; it holds readme.txt"),
        "configuration": (lambda path: packed(path, CONFIGURATION.encode()), "has no user data"),
        "entities": (lambda path: packed(path, LAUGHS.encode()), "has a document type"),
        "external": (lambda path: packed(path, OUTSIDE.encode()), "has a document type"),
        "cut short": (lambda path: packed(path, lync.document(USERS).encode()[:-40]), "is not XML that can be read"),
        "bomb": (lambda path: packed(path, b" " * 40_000_000), "would unpack to 40000000 bytes"),
        "one element": (
            lambda path: path.write_bytes(b"<DocItemSet a='" + b"x" * (archive.LARGEST_ELEMENT + 200_000)),
            "an element of more than",
        ),
        "deep": (lambda path: path.write_text("<a>" * 100), "elements in more than 64 others"),
        "half an archive": (
            lambda path: path.write_bytes(lync.write(path.parent / "whole.zip", USERS).read_bytes()[:300]),
            "is not XML that can be read",
        ),
    }


@pytest.mark.parametrize("case", bad_files())
def test_what_is_no_archive(case: str, tmp_path: Path) -> None:
    make, message = bad_files()[case]
    path = tmp_path / "export.zip"
    make(path)
    with pytest.raises(InvalidValue) as caught:
        read(str(path))
    assert message in str(caught.value) and str(path) in str(caught.value), str(caught.value)
    assert "root:" not in str(caught.value)


def test_a_changed_byte_in_the_archive(tmp_path: Path) -> None:
    users: dict[str, lync.Given] = {f"u{i}@contoso.example": [f"c{i * 7919}@partner.example"] for i in range(300)}
    path = lync.write(tmp_path / "x.zip", users)
    whole = bytearray(path.read_bytes())
    for place in range(250, len(whole) - 400, 997):
        broken = bytearray(whole)
        broken[place] ^= 0x55
        path.write_bytes(bytes(broken))
        with pytest.raises(InvalidValue):
            read(str(path))


def test_a_document_that_grows_while_it_is_read(tmp_path: Path) -> None:
    path = lync.write(tmp_path / "x.zip", USERS)

    class Deaf:
        def start(self, name: str, attributes: dict[str, str]) -> None: ...

        def end(self, name: str, text: str) -> None: ...

    with pytest.raises(InvalidValue, match="more than 100 bytes of XML"):
        archive.walk(str(path), Deaf(), largest=100)


def test_an_encrypted_archive(tmp_path: Path) -> None:
    path = lync.write(tmp_path / "x.zip", USERS)
    whole = bytearray(path.read_bytes())
    start = whole.rindex(b"PK\x01\x02")
    whole[start + 8] |= 1  # the flag in the directory of the archive (APPNOTE 4.4.4)
    path.write_bytes(bytes(whole))
    with pytest.raises(InvalidValue, match="is encrypted"):
        read(str(path))
