"""The load generator: all streams of one start of a gateway, and bursts of stanzas over them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from types import TracebackType
from typing import Optional

from ..errors import BenchError
from . import streams
from .cases import ALICE, CONTACT, HOST, Kind
from .gateway import Gateway
from .making import PASSWORD

#: What a burst may take, in seconds.
PATIENCE = 120.0
#: So many stanzas are given to a connection at once.
BLOCK = 40
#: So many bytes of what arrives are kept, to be looked at.
SAMPLE = 4096
#: Seconds after the last stanza arrived until the meter is read: what the gateway still does belongs to the burst.
AFTERWARDS = 0.003
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Burst:
    """What a burst took.

    :ivar stanzas: how many there were.
    :ivar wall: seconds from the first byte sent to the last stanza received.
    :ivar gateway: CPU seconds of the gateway; :ivar generator: of this process.
    """

    stanzas: int
    wall: float
    gateway: float
    generator: float

    @classmethod
    def sum(cls, bursts: Sequence[Burst]) -> Burst:
        """Return what several took together."""
        return cls(*(sum(values) for values in zip(*map(astuple, bursts))))

    @property
    def figures(self) -> dict[str, float]:
        """Return the metrics of ``targets.UNITS``."""
        return {
            "CPU per stanza": self.gateway / self.stanzas * 1e6,
            "gateway busy": self.gateway / self.wall * 100,
            "generator busy": self.generator / self.wall * 100,
        }


class Tally:
    """Counts a marker in what arrives, whichever stream it comes over.

    :ivar seen: the first kilobytes of a burst that arrived.
    """

    def __init__(self) -> None:
        self._marker, self._left = b"\0", 0
        self.seen = b""
        self._done = asyncio.Event()

    def expect(self, marker: str, count: int) -> None:
        """Begin to count anew."""
        self._marker, self._left, self.seen = marker.encode(), count, b""
        self._done.clear()

    def ear(self) -> Callable[[bytes], None]:
        """Return what is told the bytes of one stream."""
        rest = b""

        def heard(data: bytes) -> None:
            nonlocal rest
            data = rest + data
            found = data.count(self._marker)
            if found:
                if len(self.seen) < SAMPLE:
                    self.seen += data
                self._left -= found
                if self._left <= 0:
                    self._done.set()
            rest = data[len(data) - len(self._marker) + 1 :]

        return heard

    async def complete(self, what: str) -> None:
        """Wait until all came. :raises BenchError: when they do not."""
        try:
            await asyncio.wait_for(self._done.wait(), PATIENCE)
        except TimeoutError as error:
            raise BenchError(f"{what}: {self._left} stanzas did not arrive within {PATIENCE:.0f} s") from error


class Partners:
    """The partners' servers, as the gateways find them: each gateway's streams go to its own generator.

    :param near: the address to listen at; :param context: TLS as a server.
    """

    def __init__(self, near: str, context: ssl.SSLContext) -> None:
        self._near, self._context = near, context
        self._ears: dict[str, Callable[[streams.Stream], None]] = {}

    async def __aenter__(self) -> Partners:
        """Listen."""
        self._listener = await asyncio.start_server(self._accept, self._near, 5269)
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        """Listen no more."""
        self._listener.close()

    def tell(self, address: str, hear: Callable[[streams.Stream], None]) -> None:
        """Give the streams that the gateway at an address opens to a function."""
        self._ears[address] = hear

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, stream = await streams.from_gateway(reader, writer, self._context)
        self._ears[writer.get_extra_info("peername")[0]](stream)


class Generator:
    """The load of one gateway: partners' streams to it and from it, and alice, online.

    :param host: the gateway.
    :param context: TLS as a client, with the partners' certificate.
    :param partners: who accept its streams.
    """

    def __init__(self, host: Gateway, context: ssl.SSLContext, partners: Partners) -> None:
        self._host, self._meter, self._client = host, host.meter(), context
        self._tally = Tally()
        self._streams: dict[str, streams.Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: list[streams.Stream] = []
        partners.tell(host.address, self._hear)

    async def __aenter__(self) -> Generator:
        """Log alice in."""
        self._alice = await streams.as_user(self._host.address, ALICE, PASSWORD, self._client)
        self._hear(self._alice)
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        """Drop everything."""
        for task in self._tasks:
            task.cancel()
        for stream in self._open:
            stream.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def connect(self, domains: Sequence[str]) -> None:
        """Open a stream for each partner. :raises streams.Refused: when one is not let in."""
        for domain in domains:
            stream = await streams.to_gateway(self._host.address, domain, HOST, self._client)
            self._streams[domain] = stream
            self._hear(stream)

    async def burst(self, side: str, kind: Kind, domains: Sequence[str], count: int) -> Burst:
        """Send ``count`` stanzas, evenly for all domains, and wait until every one has arrived.

        :raises BenchError: when one does not, or what arrives is not what this side shows.
        """
        each, marker = -(-count // len(domains)), f"m{next(_numbers)}-"
        self._tally.expect(marker, each * len(domains))
        began, busy, used = time.monotonic(), time.process_time(), self._meter()
        await asyncio.gather(*(self._send(kind, domain, kind.stanza(domain, marker), each) for domain in domains))
        await self._tally.complete(f"{kind.title} ({side})")
        wall = time.monotonic() - began
        await asyncio.sleep(AFTERWARDS)
        done = Burst(
            each * len(domains), wall, self._meter() - used, time.process_time() - busy
        )  # fmt: skip
        wrong = kind.wrong(side, self._tally.seen)
        if wrong:
            raise BenchError(f"{kind.title} ({side}): in what arrives, {wrong}: {self._tally.seen[:600]!r}")
        return done

    async def add(self, domains: Sequence[str]) -> None:
        """Let alice add the contact at each partner."""
        for domain in domains:
            self._alice.send(
                f"<iq type='set' id='add'><query xmlns='jabber:iq:roster'><item jid='{CONTACT}@{domain}'/></query></iq>"
            )
        await self._alice.writer.drain()

    async def _send(self, kind: Kind, domain: str, stanza: bytes, count: int) -> None:
        stream = self._streams[domain] if kind.inbound else self._alice
        block = stanza * BLOCK
        for left in range(count, 0, -BLOCK):
            stream.writer.write(block if left >= BLOCK else stanza * left)
            await stream.writer.drain()

    def _hear(self, stream: streams.Stream) -> None:
        async def hear() -> None:
            with contextlib.suppress(OSError, ssl.SSLError):
                await stream.listen(self._tally.ear())

        self._open.append(stream)
        task = asyncio.create_task(hear())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
