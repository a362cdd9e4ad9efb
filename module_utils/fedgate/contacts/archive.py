"""Opens what ``Export-CsUserData`` or ``dbimpexp.exe`` wrote, and walks through its XML without keeping it.

Formats, with their sources:

- ``Export-CsUserData`` writes a ZIP file with a pair of XML documents (Microsoft's reference of the cmdlet); the one
  with the users is ``DocItemSet.xml``, as scripts that unpack it show (C. A. Caragol, Lync 2013 Contact Backup and
  Restore Tool; A. Graps). ``Update-CsUserData`` takes the document by itself as well, so this does.
- ``Export-CsUserData -LegacyFormat`` and ``dbimpexp.exe /hrxmlfile`` write one XML document, in UTF-16 (J. Guillet,
  LyncAddContacts.vbs).

Nothing is unpacked to disk. Document types and entities are refused, and what is larger than any real archive.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Optional, Protocol
from xml.parsers import expat

from ..errors import InvalidValue

DOCUMENT = "docitemset.xml"
#: Bytes of the document, unpacked: 100,000 users with 80 kB each are less.
LARGEST = 8 * 1024**3
#: Bytes between two elements: a single one with more is none that Lync writes.
LARGEST_ELEMENT = 8 * 1024**2
#: Unpacked bytes for one of the archive; user data is packed 10 to 50 times, a bomb 1,000 times.
MOST_PACKED = 300
DEEPEST = 64
_BLOCK = 64 * 1024
_HINT = "Give what Export-CsUserData -PoolFqdn … -FileName … wrote, as it is."


class Reader(Protocol):
    """Takes the elements of a document, in order; names without their namespaces."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str, text: str) -> None:
        """An element ends; ``text`` is what stood in it, but not in its children."""


def walk(path: str, reader: Reader, largest: int = LARGEST) -> None:
    """Read an archive, or the document alone.

    :param path: on this machine. :param largest: bytes of the document.
    :raises InvalidValue: naming the file: it is not there, is none of these formats, is broken, or too large.
    """
    try:
        with _opened(path) as file:
            _parse(path, file, reader, largest)
    except expat.ExpatError as error:
        raise InvalidValue(f"{path} is not XML that can be read: {error}", hint=_HINT) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise InvalidValue(f"{path} is a broken archive: {error}", hint=f"{_HINT} Was it copied whole?") from None
    except OSError as error:
        raise InvalidValue(f"{path} cannot be read: {error.strerror or error}", hint=_HINT) from None


@contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    """Open the document, in its archive or by itself."""
    if not os.path.isfile(path):
        reason = "is no file" if os.path.exists(path) else "does not exist"
        raise InvalidValue(f"{path} {reason}", hint=f"It lies on the controller. {_HINT}")
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive:
        with archive.open(_member(path, archive)) as file:
            yield file


def _member(path: str, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    found = [item for item in archive.infolist() if item.filename.lower() == DOCUMENT]
    if len(found) != 1:
        holds = ", ".join(item.filename for item in archive.infolist()[:5]) or "nothing"
        raise InvalidValue(f"{path} has {len(found) or 'no'} DocItemSet.xml; it holds {holds}", hint=_HINT)
    if found[0].flag_bits & 1:
        raise InvalidValue(f"{path} is encrypted", hint="Decrypt it first; Export-CsUserData does not encrypt.")
    if found[0].file_size > MOST_PACKED * max(found[0].compress_size, 1024):
        raise InvalidValue(
            f"{path} would unpack to {found[0].file_size} bytes from {found[0].compress_size}",
            hint="User data is never packed that much; this is another file, or made to fill a disk.",
        )
    return found[0]


class _Walker:
    """Hands elements on, and refuses what is not to be in such a document."""

    def __init__(self, path: str, reader: Reader) -> None:
        self._path, self._reader = path, reader
        self._texts: list[list[str]] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse

    def _refuse(self, *_: Any) -> None:
        raise InvalidValue(f"{self._path} has a document type (DTD)", hint=f"Lync writes none. {_HINT}")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._texts) >= DEEPEST:
            raise InvalidValue(f"{self._path} has elements in more than {DEEPEST} others", hint=_HINT)
        self._texts.append([])
        self._reader.start(_local(name), {_local(key): value for key, value in attributes.items()})

    def _end(self, name: str) -> None:
        self._reader.end(_local(name), "".join(self._texts.pop()).strip())

    def _text(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _parse(path: str, file: IO[bytes], reader: Reader, largest: int) -> None:
    walker = _Walker(path, reader)
    read = 0
    for block in iter(lambda: file.read(_BLOCK), b""):
        read += len(block)
        if read > largest:
            raise InvalidValue(f"{path} has more than {largest} bytes of XML", hint="Export the pools one by one.")
        walker.parser.Parse(block, False)
        if read - _done(walker) > LARGEST_ELEMENT:
            raise InvalidValue(f"{path} has an element of more than {LARGEST_ELEMENT} bytes", hint=_HINT)
    walker.parser.Parse(b"", True)


def _done(walker: _Walker) -> int:
    """Return how many bytes belong to what was handed on."""
    place: Optional[int] = walker.parser.CurrentByteIndex
    return max(place or 0, 0)
