"""XMPP clients for the demonstration and the tests: users log in on their own servers and write to each other.

As a program: ``python3 -m lab.chat alice@contoso.example bob@fabrikam.example`` prints JSON, one entry a direction.
Passwords and addresses come from the lab's state file, or as the same JSON on standard input with ``--state -``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import ssl
import sys
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import slixmpp

#: Which host of the lab serves the users of a domain.
HOSTS = {
    "contoso.example": "edge1.london",
    "contoso-asia.example": "edge1.tokyo",
    "fabrikam.example": "partner",
    "stranger.example": "stranger",
}
CLIENT_PORT = 5222
#: Both directions between partners, then both with the unlisted domain.
PARTNERS = (("alice@contoso.example", "bob@fabrikam.example"), ("bob@fabrikam.example", "alice@contoso.example"))
STRANGERS = (
    ("mallory@stranger.example", "alice@contoso.example"),
    ("alice@contoso.example", "mallory@stranger.example"),
)
#: Seconds that a refused message is still waited for at the receiver's.
GRACE = 1.0


class ChatError(Exception):
    """A user could not log in; the text says who, where and why."""


@dataclass(frozen=True)
class Delivery:
    """What became of one message.

    :ivar sender: JID that wrote it.
    :ivar receiver: JID it was for.
    :ivar delivered: whether the receiver's client got exactly this message.
    :ivar seconds: until it arrived, or until its fate was known.
    :ivar confirmed: whether the sender got the receiver's receipt (XEP-0184).
    :ivar error: what the error stanza said to the sender, ``condition: text``; None when none came.
    """

    sender: str
    receiver: str
    delivered: bool
    seconds: float
    confirmed: bool = False
    error: str | None = None


def exchange(
    state: Mapping[str, Any], pairs: Sequence[tuple[str, str]] = PARTNERS, timeout: float = 20.0
) -> list[Delivery]:
    """Log in all users named, and send one message for each (sender, receiver), one after the other.

    :param state: the lab's state: ``addresses``, ``users``, ``ca_certificate``.
    :param timeout: seconds for each log-in and each message.
    :raises ChatError: when a user cannot log in.
    """
    return asyncio.run(_exchange(state, pairs, timeout))


def deliver(state: Mapping[str, Any], sender: str, receiver: str, timeout: float = 20.0) -> Delivery:
    """Send one message; see ``exchange``."""
    return exchange(state, [(sender, receiver)], timeout)[0]


async def _exchange(state: Mapping[str, Any], pairs: Sequence[tuple[str, str]], timeout: float) -> list[Delivery]:
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    async with contextlib.AsyncExitStack() as stack:
        users = {name: await stack.enter_async_context(logged_in(state, name, timeout)) for name in names}
        return [await send(users[sender], users[receiver], timeout) for sender, receiver in pairs]


@contextlib.asynccontextmanager
async def logged_in(state: Mapping[str, Any], jid: str, timeout: float = 20.0) -> AsyncIterator[User]:
    """Log a user in, TLS verified against the lab's CA and the domain's name. :raises ChatError: when that fails."""
    user = User(jid, state["users"][jid], state["ca_certificate"])
    address = state["addresses"][HOSTS[jid.partition("@")[2]]]
    try:
        await user.log_in(address, timeout)
        yield user
    finally:
        await user.log_out()


class User(slixmpp.ClientXMPP):  # type: ignore[misc]
    """One logged-in user; keeps what comes in.

    :param jid: bare JID.
    :param authorities: path of the PEM file with the CA that signed the server's certificate.
    """

    def __init__(self, jid: str, password: str, authorities: str) -> None:
        super().__init__(f"{jid}/{uuid.uuid4().hex[:8]}", password)
        self.loop = asyncio.get_running_loop()
        self.ssl_context = ssl.create_default_context(cafile=authorities)
        self.enable_direct_tls = False
        self.name = jid
        self._ready: asyncio.Future[None] = self.loop.create_future()
        self._waiting: dict[tuple[str, str], asyncio.Future[str]] = {}
        self.register_plugin("xep_0184", {"auto_ack": True, "auto_request": True})
        self.add_event_handler("session_start", self._started)
        self.add_event_handler("presence_available", self._present)
        self.add_event_handler("message", self._message)
        self.add_event_handler("message_error", self._error)
        self.add_event_handler("receipt_received", self._receipt)
        for event in ("connection_failed", "failed_all_auth", "ssl_invalid_chain", "stream_error", "disconnected"):
            self.add_event_handler(event, self._failure(event))

    async def log_in(self, address: str, timeout: float) -> None:
        """Connect, authenticate, become available. :raises ChatError: when that fails."""
        self.connect(address, CLIENT_PORT)
        try:
            await asyncio.wait_for(self._ready, timeout)
        except asyncio.TimeoutError as error:
            raise ChatError(f"{self.name} cannot log in at {address}: no answer within {timeout:.0f} s") from error
        except ChatError as error:
            raise ChatError(f"{self.name} cannot log in at {address}: {error}") from error

    async def log_out(self) -> None:
        """Leave, whatever state the connection is in."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.disconnect(wait=1.0), 3)
        self.cancel_connection_attempt()

    def expect(self, kind: str, key: str) -> asyncio.Future[str]:
        """Return what will be set when something comes in.

        :param kind: ``message`` (key: its body), ``error`` or ``receipt`` (key: the id of the message sent).
        """
        return self._waiting.setdefault((kind, key), self.loop.create_future())

    async def _started(self, _event: Any) -> None:
        self.send_presence()

    def _present(self, stanza: Any) -> None:
        # The server shows us our own presence (RFC 6121 §4.2.2): only now does it know where messages for us go.
        if stanza["from"] == self.boundjid and not self._ready.done():
            self._ready.set_result(None)

    def _failure(self, event: str) -> Any:
        def failed(what: Any) -> None:
            if not self._ready.done():
                reason = what["condition"] if event == "stream_error" else what
                self._ready.set_exception(ChatError(f"{event.replace('_', ' ')}: {reason}"))
                self.cancel_connection_attempt()

        return failed

    def _message(self, stanza: Any) -> None:
        if stanza["type"] != "error":
            self._came("message", stanza["body"], str(stanza["from"].bare))

    def _error(self, stanza: Any) -> None:
        error = stanza["error"]
        text = f"{error['condition']}: {error['text']}" if error["text"] else str(error["condition"])
        self._came("error", stanza["id"], text)

    def _receipt(self, stanza: Any) -> None:
        self._came("receipt", stanza["receipt"], "received")

    def _came(self, kind: str, key: str, value: str) -> None:
        future = self.expect(kind, key)
        if not future.done():
            future.set_result(value)


async def send(sender: User, receiver: User, timeout: float = 20.0) -> Delivery:
    """Send one message with a body of its own and wait for its fate: arrival, error, or the end of the time."""
    body = f"fedgate {uuid.uuid4()}"
    message = sender.make_message(mto=receiver.name, mbody=body, mtype="chat")
    message["id"] = uuid.uuid4().hex
    arrival, error = receiver.expect("message", body), sender.expect("error", message["id"])
    receipt = sender.expect("receipt", message["id"])
    start = time.monotonic()
    message.send()
    await asyncio.wait({arrival, error}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    seconds = time.monotonic() - start
    if not arrival.done():
        # An error does not prove that nothing arrives.
        await asyncio.wait({arrival}, timeout=GRACE)
    if arrival.done():
        await asyncio.wait({receipt}, timeout=min(timeout, 5.0))
    return Delivery(
        sender.name,
        receiver.name,
        delivered=arrival.done() and arrival.result() == sender.name,
        seconds=round(seconds, 3),
        confirmed=receipt.done(),
        error=error.result() if error.done() else None,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program. :returns: 0 all as expected, 1 a message went astray, 2 nothing could be tried."""
    parser = argparse.ArgumentParser("lab.chat", description="Send messages between users of the lab, and print JSON.")
    parser.add_argument("jids", nargs="*", metavar="JID", help="sender and receiver; both directions of all, if none")
    parser.add_argument("--state", default="", help="the lab's lab.json; - reads it from standard input")
    parser.add_argument("--timeout", type=float, default=20.0, help="seconds for each message")
    options = parser.parse_args(arguments)
    if len(options.jids) not in (0, 2):
        parser.error("give a sender and a receiver, or none")
    logging.disable(logging.CRITICAL)
    pairs = [tuple(options.jids)] if options.jids else [*PARTNERS, *STRANGERS]
    try:
        deliveries = exchange(_state(options.state), pairs, options.timeout)
    except (ChatError, OSError, ValueError, KeyError) as error:
        print(f"lab.chat: {error}", file=sys.stderr)
        return 2
    print(json.dumps([asdict(delivery) for delivery in deliveries], indent=1))
    strangers = {pair for pair in pairs if any(jid.endswith("@stranger.example") for jid in pair)}
    good = all(item.delivered == ((item.sender, item.receiver) not in strangers) for item in deliveries)
    return 0 if good else 1


def _state(path: str) -> dict[str, Any]:
    name = os.environ.get("LAB_NAME", "lab")
    file = Path(path) if path else Path(__file__).parent / ".state" / name / "lab.json"
    state: dict[str, Any] = json.loads(sys.stdin.read() if path == "-" else file.read_text(encoding="utf-8"))
    return state


if __name__ == "__main__":
    sys.exit(main())
