"""The shape of answers: which elements stand where, without what is in them; for holding ours against Windows' own.

``python -m tests.emulators.lync.shape FOLDER`` derives the shapes from the recordings that pypsrp's tests replay
(``tests/tests_pypsrp/responses`` in its repository, MIT licence) and prints them as JSON; see docs/lync-recordings.md.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from psrpcore.types import PSRPMessageType

from .soap import NS

_PREFIXES = {uri: prefix for prefix, uri in NS.items()}
_FRAGMENT_HEADER, _MESSAGE_HEADER = 21, 40
BOM = b"\xef\xbb\xbf"
SOURCE = "pypsrp 0.9.1 (MIT licence), tests/tests_pypsrp/responses/test_psrp_*.yml: answers of Windows to its tests"
#: The kinds of answers that the emulator gives too. Faults: nothing came in time; there is no such shell.
OF_OURS = {
    *("CommandResponse", "CreateResponse", "DeleteResponse", "ReceiveResponse", "SendResponse", "SignalResponse"),
    *("fault 2150858793", "fault 2150858843"),
    *("message SessionCapability", "message ApplicationPrivateData", "message RunspacePoolState 2"),
    *("message PipelineOutput", "message PipelineState 4", "message PipelineState 5"),
    *("message ErrorRecord", "message WarningRecord"),
}
#: Messages whose content is the cmdlet's, not the protocol's.
_FREE = ("PipelineOutput", "ApplicationPrivateData", "ProgressRecord")


@dataclass(frozen=True)
class Message:
    """One message of PowerShell remoting (MS-PSRP 2.2.1).

    :ivar kind: its type, by the name that psrpcore gives it; :ivar of_pipeline: whether it belongs to a pipeline.
    :ivar content: CLIXML, usually after a byte-order mark.
    """

    kind: str
    of_pipeline: bool
    content: bytes


class Fragments:
    """Puts the messages of a server together from the fragments in its answers (MS-PSRP 2.2.4)."""

    def __init__(self) -> None:
        self._waiting: dict[str, bytearray] = {}

    def messages(self, answer: ET.Element) -> Iterator[Message]:
        """Yield the messages that an answer completes."""
        for stream in answer.iterfind("s:Body/rsp:ReceiveResponse/rsp:Stream", NS):
            for data in self._whole(base64.b64decode(stream.text or "")):
                kind = PSRPMessageType(int.from_bytes(data[4:8], "little")).name
                yield Message(kind, any(data[24:_MESSAGE_HEADER]), data[_MESSAGE_HEADER:])

    def _whole(self, data: bytes) -> Iterator[bytes]:
        while data:
            identity, flags = data[:8].hex(), data[16]
            length = int.from_bytes(data[17:_FRAGMENT_HEADER], "big")
            part, data = data[_FRAGMENT_HEADER : _FRAGMENT_HEADER + length], data[_FRAGMENT_HEADER + length :]
            waiting = bytearray() if flags & 1 else self._waiting.pop(identity, bytearray())
            waiting += part
            if flags & 2:
                yield bytes(waiting)
            else:
                self._waiting[identity] = waiting


@dataclass
class Shape:
    """What was seen of one kind of answer.

    :ivar count: how many of them; :ivar always: what all of them have; :ivar ever: what any of them has.
    """

    count: int = 0
    always: set[str] = field(default_factory=set)
    ever: set[str] = field(default_factory=set)

    def add(self, paths: set[str]) -> None:
        """Note one more answer."""
        self.always = paths if not self.count else self.always & paths
        self.ever |= paths
        self.count += 1


@dataclass
class Shapes:
    """Shapes by kind: ``CreateResponse``, ``fault 2150858793``, ``message PipelineState``…"""

    kinds: dict[str, Shape] = field(default_factory=dict)
    _fragments: Fragments = field(default_factory=lambda: Fragments())

    def add(self, envelope: bytes) -> None:
        """Note one answer of a server, and the PowerShell messages that it completes."""
        root = ET.fromstring(envelope)
        self._note(_kind(root), set(_paths(root, envelope_name)))
        for message in self._fragments.messages(root):
            self._message(message)

    def _note(self, kind: str, paths: set[str]) -> None:
        self.kinds.setdefault(kind, Shape()).add(paths)

    def _message(self, message: Message) -> None:
        """Note one message; what cmdlets put out has no shape of the protocol's."""
        name, content = message.kind, message.content
        paths = {"BOM"} if content.startswith(BOM) else set()
        if name not in _FREE and content:
            paths |= set(_paths(ET.fromstring(content.removeprefix(BOM).decode()), serialized_name))
        state = _state(content) if name.endswith("State") else ""
        self._note(f"message {name}{state}", paths)

    def as_json(self) -> str:
        """Return the shapes for a file of test data."""
        plain = {
            kind: {"count": shape.count, "always": sorted(shape.always), "ever": sorted(shape.ever - shape.always)}
            for kind, shape in sorted(self.kinds.items())
            if kind in OF_OURS
        }
        return json.dumps({"source": SOURCE, "kinds": plain}, indent=1) + "\n"


def _kind(root: ET.Element) -> str:
    action = (root.findtext("s:Header/a:Action", "", NS)).rsplit("/", 1)[-1]
    fault = root.find("s:Body/s:Fault//f:WSManFault", NS)
    return f"fault {fault.get('Code')}" if fault is not None else action


def _state(content: bytes) -> str:
    found = re.search(rb'<I32 N="\w+State">(\d+)<', content)
    return f" {found[1].decode()}" if found else ""


def envelope_name(element: ET.Element) -> str:
    """Return an element's name with the usual prefix."""
    uri, _, name = element.tag.removeprefix("{").partition("}")
    return f"{_PREFIXES.get(uri, uri)}:{name}"


def serialized_name(element: ET.Element) -> str:
    """Return an element of CLIXML by its kind and the property that it is; a reference is what it refers to."""
    name = {"TNRef": "TN", "Ref": "Obj"}.get(tag := element.tag.rpartition("}")[2], tag)
    return f"{name}[{element.get('N')}]" if element.get("N") else name


def _paths(element: ET.Element, name_of: Callable[[ET.Element], str], above: str = "") -> Iterator[str]:
    path = f"{above}/{name_of(element)}" if above else name_of(element)
    yield path
    if name_of is envelope_name:
        yield from (f"{path}@{key.rpartition('}')[2]}" for key in element.attrib)
    if element.tag.endswith("TNRef"):
        yield f"{path}/T"
    for child in element:
        yield from _paths(child, name_of, path)


def of_answers(answers: Iterable[bytes]) -> Shapes:
    """Return the shapes of answers, in the order in which they came."""
    found = Shapes()
    for answer in answers:
        found.add(answer)
    return found


def _recorded(folder: Path) -> Iterator[bytes]:
    import yaml

    for path in sorted(folder.glob("test_psrp_*.yml")):
        for message in yaml.safe_load(path.read_text())["messages"]:
            if str(message.get("response") or "").startswith("<"):
                yield message["response"].encode()


if __name__ == "__main__":
    sys.stdout.write(of_answers(_recorded(Path(sys.argv[1]))).as_json())
