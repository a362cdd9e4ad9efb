"""Malformed openings of server-to-server streams and dialback, each made of its number alone: it can be repeated."""

from __future__ import annotations

import random

from .wire import DIALBACK, SASL, STREAMS, TLS

#: Names that a forger would try: ours, a component of ours, partners, strangers, none, and what is no name.
NAMES = (
    "contoso.example", "contoso-asia.example", "conference.contoso.example", "fabrikam.example", "adatum.example",
    "stranger.example", "CONTOSO.EXAMPLE", "contoso.example.", "xn--fsq.example", "例.example", "fabrikam.example/x",
    "bob@fabrikam.example", "", " ", "a" * 1100, "..", "[::1]", "fabrikam.example\u200b", "&#0;", "*",
    "fabrikam%00.example",
)  # fmt: skip
_HEADERS = (
    "<?xml version='1.0'?><stream:stream xmlns='{ns}' xmlns:stream='{streams}' xmlns:db='{db}'{attributes}>",
    "<stream:stream xmlns='{ns}' xmlns:stream='{streams}'{attributes}>",
    "<stream xmlns='{ns}'{attributes}>",
    "<!DOCTYPE x [<!ENTITY a 'aaaa'>]><stream:stream xmlns='{ns}' xmlns:stream='{streams}'{attributes}>",
    "<stream:stream xmlns:stream='{streams}' xmlns='{ns}'{attributes}/>",
    "",
)
_NAMESPACES = ("jabber:server", "jabber:client", "jabber:component:accept", "", "urn:nothing")
_VERSIONS = ("1.0", "", "0.9", "9999999999", "-1", "x", "1.0.0", "1e309")
_TYPES = ("valid", "invalid", "error", "", "VALID", "unknown")
_BODIES = (
    "<db:result{attributes}>{junk}</db:result>",
    "<db:verify{attributes}>{junk}</db:verify>",
    "<db:result xmlns:db='{db}'{attributes}/>",
    "<db:verify xmlns:db='{db}'{attributes}/>",
    "<message{attributes}><body>{junk}</body></message>",
    "<presence{attributes}/>",
    "<iq{attributes}><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
    "<auth xmlns='{sasl}' mechanism='EXTERNAL'>{junk}</auth>",
    "<success xmlns='{sasl}'/>",
    "<failure xmlns='{sasl}'><not-authorized/></failure>",
    "<starttls xmlns='{tls}'>{junk}</starttls>",
    "<proceed xmlns='{tls}'/>",
    "<stream:features><mechanisms xmlns='{sasl}'><mechanism>EXTERNAL</mechanism></mechanisms></stream:features>",
    "<bidi xmlns='urn:xmpp:bidi'/>",
    "<enable xmlns='urn:xmpp:sm:3'/>",
    "<stream:error><host-gone xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
    "</stream:stream>",
    "<db:result{attributes}",
    "<a>" * 40,
    "<![CDATA[{junk}]]>",
    "<!-- {junk} -->",
    "<?php {junk} ?>",
)
_JUNK = ("", "key", "=", "Y29udG9zby5leGFtcGxl", "&lt;&amp;", "&a;", "]]>", "\x00", "?",
         "x" * 20000, "\u202e", "%s%n")  # fmt: skip


def _attributes(chance: random.Random) -> str:
    found = []
    for key, values in (("from", NAMES), ("to", NAMES), ("id", ("1", "", "x" * 300)), ("type", _TYPES),
                        ("version", _VERSIONS)):  # fmt: skip
        for _ in range(chance.choice((0, 1, 1, 1, 1, 1, 2))):  # twice is not well-formed
            found.append(f" {key}='{chance.choice(values)}'")
    chance.shuffle(found)
    return "".join(found)


def _fill(template: str, chance: random.Random) -> str:
    return template.format(
        ns=chance.choice(_NAMESPACES) if chance.random() < 0.3 else "jabber:server", streams=STREAMS, db=DIALBACK,
        sasl=SASL, tls=TLS, attributes=_attributes(chance), junk=chance.choice(_JUNK),
    )  # fmt: skip


def _polite(chance: random.Random) -> str:
    """Return a header without a fault, so that what follows is looked at."""
    sender, to = chance.choice(NAMES[3:6]), chance.choice(NAMES[:3])
    return (
        f"<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='{STREAMS}' xmlns:db='{DIALBACK}' "
        f"from='{sender}' to='{to}' version='{chance.choice(('1.0', '0.9'))}'>"
    )


def malformed(number: int) -> bytes:
    """Return all that one connection sends."""
    chance = random.Random(number)
    head = _polite(chance) if chance.random() < 0.6 else _fill(chance.choice(_HEADERS), chance)
    body = "".join(_fill(chance.choice(_BODIES), chance) for _ in range(chance.randrange(1, 6)))
    data = bytearray((head + body).encode())
    if chance.random() < 0.3:
        for _ in range(chance.randrange(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
    if chance.random() < 0.1:
        del data[chance.randrange(len(data)) :]
    return bytes(data)
