"""SOAP envelopes as WinRM reads and writes them (MS-WSMV 2.2, 3.1.4).

The shape of the answers is that of genuine Windows ones, as pypsrp's published recordings show them.
"""

from __future__ import annotations

import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "f": "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault",
    "ps": "http://schemas.microsoft.com/powershell",
}
TRANSFER = NS["x"] + "/"
SHELL = NS["rsp"] + "/"
_DETAIL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/"
_DECLARED = " ".join(f'xmlns:{prefix}="{NS[prefix]}"' for prefix in ("s", "a", "x", "w", "rsp", "p"))


class Malformed(Exception):
    """The request is no WSMan message."""


@dataclass(frozen=True)
class Request:
    """One WSMan message.

    :ivar action: what is asked, without its address: Create, Command, Send, Receive, Signal, Delete, Get.
    :ivar message_id: ``uuid:…``; a message that is sent again has the same one.
    :ivar resource: the resource URI.
    :ivar shell_id: of the selector set; None where it has none.
    :ivar timeout: OperationTimeout, seconds.
    :ivar to: the URL that it is for.
    :ivar body: the first element of the body; None for an empty one.
    """

    action: str
    message_id: str
    resource: str
    shell_id: str | None
    timeout: float
    body: ET.Element | None
    to: str = ""
    options: dict[str, str] = field(default_factory=dict)


def read(data: bytes) -> Request:
    """Read a message. :raises Malformed: it is none."""
    try:
        envelope = ET.fromstring(data)
    except ET.ParseError as error:
        raise Malformed(str(error)) from error
    header, body = envelope.find("s:Header", NS), envelope.find("s:Body", NS)
    if header is None or body is None:
        raise Malformed("no header or no body")
    selectors = {item.get("Name"): item.text for item in header.iterfind("w:SelectorSet/w:Selector", NS)}
    return Request(
        action=(header.findtext("a:Action", "", NS)).rsplit("/", 1)[-1],
        message_id=header.findtext("a:MessageID", "", NS),
        resource=header.findtext("w:ResourceURI", "", NS),
        shell_id=(selectors.get("ShellId") or "").upper() or None,
        timeout=float((header.findtext("w:OperationTimeout", "PT60S", NS)).removeprefix("PT").removesuffix("S")),
        body=next(iter(body), None),
        to=escape(header.findtext("a:To", "", NS)),
        options={str(item.get("Name")): item.text or "" for item in header.iterfind("w:OptionSet/w:Option", NS)},
    )


def answer(request: Request, body: str) -> bytes:
    """Return the answer to a message; ``body`` is XML with the prefixes of ``NS``."""
    base = TRANSFER if request.action in ("Create", "Delete", "Get") else SHELL
    return _envelope(f"{base}{request.action}Response", request.message_id, body)


def _envelope(action: str, relates_to: str, body: str) -> bytes:
    text = (
        f'<s:Envelope xml:lang="en-US" {_DECLARED}><s:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>"
        f"<p:ActivityId>{str(uuid.uuid4()).upper()}</p:ActivityId>"
        "<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>"
        f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
    return text.encode()


@dataclass
class Fault(Exception):
    """A WSMan fault (MS-WSMV 2.2.4.43), HTTP status 500.

    :ivar code: the number that Windows gives in ``WSManFault``.
    :ivar subcode: the qualified name of the standard.
    :ivar text: the sentence of Windows.
    :ivar detail: name of the standard's fault detail, where Windows gives one.
    """

    code: int
    subcode: str
    text: str
    detail: str = ""

    def envelope(self, relates_to: str) -> bytes:
        """Return it as an answer to a message."""
        code = self.code & 0xFFFFFFFF
        detail = f"<w:FaultDetail>{_DETAIL}{self.detail}</w:FaultDetail>" if self.detail else ""
        body = (
            f"<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>{self.subcode}</s:Value></s:Subcode>"
            f'</s:Code><s:Reason><s:Text xml:lang="en-US">{escape(self.text)}</s:Text></s:Reason><s:Detail>'
            f'{detail}<f:WSManFault xmlns:f="{NS["f"]}" Code="{code}" Machine={quoteattr("fe1.contoso.example")}>'
            f"<f:Message>{escape(self.text)}</f:Message></f:WSManFault></s:Detail></s:Fault>"
        )
        return _envelope("http://schemas.dmtf.org/wbem/wsman/1/wsman/fault", relates_to, body)


def timed_out() -> Fault:
    """Return what a Receive gets when nothing came within its time: the client asks again (MS-WSMV 3.1.4.14)."""
    return Fault(
        0x80338029,
        "w:TimedOut",
        "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.",
    )


def access_denied() -> Fault:
    """Return what a logged-in account without the right to open a shell gets, a filtered token among them."""
    return Fault(5, "w:AccessDenied", "Access is denied. ")


def no_such_shell(shell_id: str | None) -> Fault:
    """Return what a message for a shell gets that is not there (any more)."""
    return Fault(
        0x8033805B,
        "w:InvalidSelectors",
        "The WS-Management service cannot process the request because the request contained invalid selectors for "
        f"the resource. (ShellId {shell_id})",
        "UnexpectedSelectors",
    )


def no_configuration(resource: str) -> Fault:
    """Return what a configuration name gets that the endpoint does not have."""
    return Fault(
        0x80338000 + 0x9D,
        "w:InvalidResourceURI",
        f"The WS-Management service cannot process the request. Cannot find the {resource} session configuration.",
    )
