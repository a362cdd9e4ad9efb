"""Recordings of a real server: what its cmdlets answered, cleaned of whose it was, for the emulator to give again.

``python -m tests.emulators.lync.record`` makes and cleans them; docs/lync-recordings.md says how. Only cmdlets that
look are called (``CALLS``).
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .shape import BOM, Fragments, Message

#: What a recording consists of: cmdlet, parameters (None as a value names a switch). Nothing of it changes anything.
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Get-CsXmppAllowedPartner", {}),
    ("Get-CsXmppGatewayConfiguration", {}),
    ("Get-CsExternalAccessPolicy", {}),
    ("Get-CsUser", {"Filter": "ExternalAccessPolicy -ne $Null"}),
    ("Get-CsAccessEdgeConfiguration", {}),
    ("Get-CsSite", {}),
    ("Get-CsService", {"EdgeServer": None}),
    ("Get-CsManagementStoreReplicationStatus", {}),
    # Errors: nobody of that name; a parameter and a cmdlet that there are not.
    ("Get-CsXmppAllowedPartner", {"Identity": "nowhere.invalid"}),
    ("Get-CsUser", {"Identity": "sip:nobody@nowhere.invalid"}),
    ("Get-CsXmppAllowedPartner", {"NoSuchParameter": "x"}),
    ("Get-CsNoSuchThing", {}),
)
#: Properties whose values are secrets: they are gone before anything is written.
_SECRET = re.compile(r'(<(\w+) N="[^"]*(?:Passphrase|Password|Secret)[^"]*"[^>]*>)[^<]+(</\2>)', re.IGNORECASE)
_PATTERNS = {
    "00000000-0000-4000-8000-{:012d}": r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
    "S-1-5-21-1-2-3-{}": r"\bS-1-5-21(?:-\d+){4}\b",
    "{:040X}": r"\b[0-9a-fA-F]{40}\b",
    "192.0.2.{}": r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
}
#: Names with dots and addresses, as they may be left after cleaning.
_NAMED = re.compile(r"[\w.+-]*@?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b")
#: What is nobody's: documentation names, types of .NET, Microsoft's own.
_HARMLESS = re.compile(
    r"\.(?:example|invalid)$|^(?:System|Microsoft|Deserialized)\.|^schemas\.|\.(?:dll|exe|ps1)$", re.I
)


@dataclass(frozen=True)
class Recorded:
    """One call and the messages that came of it.

    :ivar messages: (kind, CLIXML without byte-order mark), in their order.
    """

    cmdlet: str
    parameters: dict[str, Any]
    messages: list[tuple[str, str]]


@dataclass
class Recording:
    """What one server answered.

    :ivar protocol: version of PowerShell remoting that it speaks.
    """

    protocol: str = "2.2"
    calls: list[Recorded] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write it to a file that only its owner may read: until it is cleaned it is about somebody."""
        path.touch(0o600)
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Read one from a file."""
        given = json.loads(path.read_text())
        calls = [
            Recorded(call["cmdlet"], call["parameters"], [(kind, text) for kind, text in call["messages"]])
            for call in given["calls"]
        ]
        return cls(given["protocol"], calls)


def record(connection: Any, calls: Sequence[tuple[str, Mapping[str, Any]]] = CALLS) -> Recording:
    """Call cmdlets on a server and keep all that it answers. :param connection: ``lync.connection.Connection``."""
    from ansible.module_utils.fedgate.errors import FedgateError
    from ansible.module_utils.fedgate.lync.shell import Shell

    found = Recording()
    with _heard() as messages, Shell(connection) as shell:
        found.protocol = next(
            match[1] for message in messages if (match := re.search(r'"protocolversion">([\d.]+)', _text(message)))
        )
        for cmdlet, parameters in calls:
            messages.clear()
            try:
                shell.call(cmdlet, parameters)
            except FedgateError as error:
                print(f"{cmdlet}: {error.message[:150]}")
            kept = [(message.kind, _text(message)) for message in messages if message.of_pipeline]
            found.calls.append(Recorded(cmdlet, dict(parameters), kept))
    return found


def _text(message: Message) -> str:
    return _SECRET.sub(r"\1secret\3", message.content.removeprefix(BOM).decode())


@contextmanager
def _heard() -> Iterator[list[Message]]:
    """Listen to what pypsrp is answered."""
    from pypsrp.wsman import _TransportHTTP

    messages: list[Message] = []
    fragments = Fragments()
    send = _TransportHTTP.send

    def listening(self: Any, *args: Any, **options: Any) -> bytes:
        answer: bytes = send(self, *args, **options)
        messages.extend(fragments.messages(ET.fromstring(answer)))
        return answer

    _TransportHTTP.send = listening
    try:
        yield messages
    finally:
        _TransportHTTP.send = send


def clean(recording: Recording, names: Mapping[str, str]) -> Recording:
    """Return a recording with other names; identifiers, addresses and thumbprints are numbered anew.

    :param names: what is to be replaced, without regard to case, by what; longer ones go first.
    """
    numbers: dict[str, dict[str, str]] = {form: {} for form in _PATTERNS}

    def cleaned(text: str) -> str:
        for name in sorted(names, key=len, reverse=True):
            text = re.sub(re.escape(name), lambda _match, new=names[name]: new, text, flags=re.IGNORECASE)
        for form, pattern in _PATTERNS.items():
            known = numbers[form]
            text = re.sub(pattern, lambda match, f=form, k=known: k.setdefault(match[0], f.format(len(k) + 1)), text)
        return text

    calls = [
        Recorded(call.cmdlet, json.loads(cleaned(json.dumps(call.parameters))),
                 [(kind, cleaned(text)) for kind, text in call.messages])
        for call in recording.calls
    ]  # fmt: skip
    return Recording(recording.protocol, calls)


def left(recording: Recording) -> list[str]:
    """Return names with dots and addresses that look like somebody's: for a person to look at."""
    found: set[str] = set()
    for call in recording.calls:
        for _kind, text in call.messages:
            # Types and their assemblies are Microsoft's.
            for value in ET.fromstring(text).iter() if text else ():
                if not value.tag.endswith("}T") and value.tag != "T":
                    found.update(_NAMED.findall(value.text or ""))
    return sorted(name for name in found if not _HARMLESS.search(name))
