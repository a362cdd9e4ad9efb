"""PowerShell shells behind WSMan: the server's side of MS-PSRP, carried by psrpcore.

What psrpcore does otherwise than Windows is set right here: it has no way to fail a pipeline, says *Running*, which
Windows never sends, and leaves out the byte-order mark before each message (pypsrp's published recordings).
"""

from __future__ import annotations

import base64
import threading
import time
import uuid
import xml.etree.ElementTree as ET
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

import psrpcore
from psrpcore.types import PipelineState, PSInvocationState, PSVersion

from . import soap
from .console import Console
from .soap import NS, Fault, Request

CONFIGURATION = "http://schemas.microsoft.com/powershell/Microsoft.PowerShell"
#: Bytes of PSRP data in one answer; what is larger comes in several fragments.
FRAGMENT = 32 * 1024
_BOM = b"\xef\xbb\xbf"
_HEADER = 40
_FRAGMENT_HEADER = 21

#: Carries out the commands of one pipeline: who asks, the commands, where the output goes.
Execute = Callable[[str, list[Any], Console], None]


class Shell:
    """One runspace pool of one user.

    :param owner: the account that opened it.
    :param execute: carries out commands.
    :param protocol: the protocol version that this server speaks: 2.1, 2.2 (Server 2012) or 2.3.
    """

    def __init__(self, owner: str, execute: Execute, protocol: str) -> None:
        self.owner = owner
        self.pool = psrpcore.ServerRunspacePool()
        self.pool.our_capability.protocolversion = PSVersion(protocol)
        self.id = ""
        self.execute = execute
        self.ready = threading.Condition()
        self.waiting: dict[str | None, deque[bytes]] = defaultdict(deque)
        self.ended: set[str] = set()
        self.delivered: dict[str, bytes] = {}
        self.session: dict[str, Any] = {}

    def take(self, data: bytes) -> None:
        """Take data of the client; start the pipelines that it asks for."""
        with self.ready:
            self.pool.receive_data(psrpcore.PSRPPayload(data, psrpcore.StreamType.default, None))
            while (event := self.pool.next_event()) is not None:
                if isinstance(event, psrpcore.CreatePipelineEvent):
                    self._start(event)
            self._flush()

    def begin(self, data: bytes) -> None:
        """Take the first data of a pipeline, which names it: 24 bytes into the first message (MS-PSRP 2.2.1, 2.2.4)."""
        start = _FRAGMENT_HEADER + 24
        with self.ready:
            psrpcore.ServerPipeline(self.pool, uuid.UUID(bytes_le=bytes(data[start : start + 16])))
        self.take(data)

    def _start(self, event: Any) -> None:
        pipeline = self.pool.pipeline_table[event.pipeline_id]
        pipeline.state = PSInvocationState.Running  # without saying so
        thread = threading.Thread(target=self._run, args=(pipeline, event.pipeline), daemon=True)
        thread.start()

    def _run(self, pipeline: Any, asked: Any) -> None:
        console = Console(self.pool.their_capability.protocolversion, self.session)
        self.execute(self.owner, asked.commands, console)
        with self.ready:
            if pipeline.pipeline_id not in self.pool.pipeline_table:
                return  # stopped by the client
            pipeline.state = self._repeat(pipeline, console) if console.recorded else self._play(pipeline, console)
            pipeline.close()
            self._flush()
            self.ended.add(str(pipeline.pipeline_id).upper())
            self.ready.notify_all()

    def _play(self, pipeline: Any, console: Console) -> PSInvocationState:
        """Queue what a cmdlet said, and how it ended."""
        console.play(pipeline)
        state = PSInvocationState.Failed if console.failure is not None else PSInvocationState.Completed
        said = PipelineState(PipelineState=int(state))
        if console.failure is not None:
            said.ExceptionAsErrorRecord = console.failure
        pipeline.prepare_message(said)
        return state

    def _repeat(self, pipeline: Any, console: Console) -> PSInvocationState:
        """Queue recorded messages as they are; the last one says how it ended."""
        kinds = [kind for kind, _text in console.recorded or ()]
        for kind, text in console.recorded or ():
            pipeline.prepare_message(None)  # queues an empty message with the right numbers, which is filled here
            queued = self.pool._send_buffer[-1]
            queued.message_type = psrpcore.types.PSRPMessageType[kind]
            queued._data[4:8] = queued.message_type.value.to_bytes(4, "little")
            queued._data += text.encode()
        failed = kinds[-1] == "PipelineState" and '">5<' in (console.recorded or [("", "")])[-1][1]
        return PSInvocationState.Failed if failed else PSInvocationState.Completed

    def _flush(self) -> None:
        # All that is queued here is whole: the queue is emptied each time.
        for message in self.pool._send_buffer:
            if len(message._data) > _HEADER:
                message._data[_HEADER:_HEADER] = _BOM
        while (payload := self.pool.data_to_send(FRAGMENT)) is not None:
            key = str(payload.pipeline_id).upper() if payload.pipeline_id else None
            self.waiting[key].append(payload.data)
        self.ready.notify_all()

    def receive(self, command: str | None, timeout: float, message_id: str) -> tuple[bytes, bool]:
        """Wait for output: (data, whether the command has ended and nothing more comes).

        A client whose own time is out sends the very same message again: it gets the very same data again.

        :raises Fault: nothing came in time.
        """
        end = time.monotonic() + timeout
        with self.ready:
            if message_id in self.delivered:
                return self.delivered[message_id], command in self.ended
            while not self.waiting[command]:
                left = end - time.monotonic()
                if left <= 0 or not self.ready.wait(left):
                    raise soap.timed_out()
            data = self.waiting[command].popleft()
            self.delivered = {message_id: data}
            return data, command in self.ended and not self.waiting[command]

    def stop(self, command: str) -> None:
        """End a pipeline: a client that has all output sends this too."""
        with self.ready:
            pipeline = self.pool.pipeline_table.get(uuid.UUID(command))
            if pipeline is not None:
                pipeline.state = PSInvocationState.Stopped
                pipeline.close()
            self.waiting.pop(command, None)


class Shells:
    """All shells of one endpoint, and what WSMan asks of them.

    :param execute: carries out commands.
    :param may_open: tells whether an account may open a shell.
    :param configurations: names of the session configurations that there are.
    """

    def __init__(
        self,
        execute: Execute,
        may_open: Callable[[str], bool],
        configurations: tuple[str, ...] = ("Microsoft.PowerShell",),
        protocol: str = "2.2",
    ) -> None:
        self.execute = execute
        self.may_open = may_open
        self.configurations = configurations
        self.protocol = protocol
        self.open: dict[str, Shell] = {}
        self.opened = 0
        self.closed = 0

    def answer(self, owner: str, request: Request) -> bytes:
        """Answer one message. :raises Fault: as Windows would."""
        ask = getattr(self, f"_{request.action.lower()}", None)
        if ask is None:
            raise Fault(0x80338000 + 0x71, "a:ActionNotSupported", f"The action {request.action} is not supported.")
        return soap.answer(request, ask(owner, request))

    def _create(self, owner: str, request: Request) -> str:
        if request.resource.rsplit("/", 1)[-1] not in self.configurations:
            raise soap.no_configuration(request.resource)
        if not self.may_open(owner):
            raise soap.access_denied()
        shell = Shell(owner, self.execute, self.protocol)
        shell.id = str(_of(request).get("ShellId") or uuid.uuid4()).upper()
        shell.take(base64.b64decode(_of(request).findtext("ps:creationXml", "", NS)))
        self.open[shell.id] = shell
        self.opened += 1
        return (
            f"<x:ResourceCreated><a:Address>{request.to}</a:Address><a:ReferenceParameters><w:ResourceURI>{request.resource}</w:ResourceURI><w:SelectorSet>"
            f'<w:Selector Name="ShellId">{shell.id}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
            f"</x:ResourceCreated><rsp:Shell><rsp:ShellId>{shell.id}</rsp:ShellId><rsp:ResourceUri>{request.resource}"
            f"</rsp:ResourceUri><rsp:Owner>{owner}</rsp:Owner><rsp:IdleTimeOut>PT7200.000S</rsp:IdleTimeOut>"
            "<rsp:OutputStreams>stdout</rsp:OutputStreams></rsp:Shell>"
        )

    def _command(self, owner: str, request: Request) -> str:
        shell, line = self._shell(owner, request), _of(request)
        command = str(line.get("CommandId") or uuid.uuid4()).upper()
        shell.begin(base64.b64decode(line.findtext("rsp:Arguments", "", NS)))
        return f"<rsp:CommandResponse><rsp:CommandId>{command}</rsp:CommandId></rsp:CommandResponse>"

    def _send(self, owner: str, request: Request) -> str:
        shell = self._shell(owner, request)
        for stream in _of(request).iterfind("rsp:Stream", NS):
            shell.take(base64.b64decode(stream.text or ""))
        return "<rsp:SendResponse></rsp:SendResponse>"

    def _receive(self, owner: str, request: Request) -> str:
        shell = self._shell(owner, request)
        wanted = _of(request).find("rsp:DesiredStream", NS)
        command = (wanted.get("CommandId") or "").upper() or None if wanted is not None else None
        data, ended = shell.receive(command, request.timeout, request.message_id)
        about = f' CommandId="{command}"' if command else ""
        state = (
            f'<rsp:CommandState{about} State="{NS["rsp"]}/CommandState/Done"><rsp:ExitCode>0</rsp:ExitCode>'
            "</rsp:CommandState>"
            if ended and command
            else ""
        )
        stream = base64.b64encode(data).decode()
        return (
            f'<rsp:ReceiveResponse><rsp:Stream Name="stdout"{about}>{stream}</rsp:Stream>{state}</rsp:ReceiveResponse>'
        )

    def _signal(self, owner: str, request: Request) -> str:
        self._shell(owner, request).stop(str(_of(request).get("CommandId")).upper())
        return "<rsp:SignalResponse></rsp:SignalResponse>"

    def _delete(self, owner: str, request: Request) -> str:
        shell = self._shell(owner, request)
        del self.open[shell.id]
        self.closed += 1
        return ""

    def _shell(self, owner: str, request: Request) -> Shell:
        shell = self.open.get(request.shell_id or "")
        if shell is None or shell.owner != owner:
            raise soap.no_such_shell(request.shell_id)
        return shell


def _of(request: Request) -> ET.Element:
    if request.body is None:
        raise Fault(0x80338000 + 0x42, "w:SchemaValidationError", "The SOAP body is empty.")
    return request.body
