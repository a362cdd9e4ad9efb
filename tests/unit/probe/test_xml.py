"""Reading a stream: a cut anywhere does no harm, and nothing that comes in raises anything but ``StreamFault``."""

from __future__ import annotations

import contextlib

import pytest
from ansible.module_utils.fedgate.probe.xml import MAX_BYTES, SERVER, StreamFault, read_stream
from hypothesis import given
from hypothesis import strategies as st

HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
    b"xmlns:db='jabber:server:dialback' from='contoso.example' id='1' version='1.0'>"
)
FEATURES = (
    b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
)


def test_header_and_children() -> None:
    stream = read_stream(HEADER + FEATURES + b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    assert stream.header is not None and stream.header.attributes["from"] == "contoso.example"
    assert "jabber:server:dialback" in stream.declared
    features, proceed = stream.children
    starttls = features.child("urn:ietf:params:xml:ns:xmpp-tls", "starttls")
    assert starttls is not None and starttls.children[0].name == "required"
    assert proceed.name == "proceed" and not stream.closed


@pytest.mark.parametrize("child", [b"<a/>", b"<a></a>", b"<a b='1'/>", b"<a><b/></a>", b"<a>x</a >"])
@pytest.mark.parametrize("rest", [b"", b"more", b"<more"])
def test_what_comes_after_an_element_is_known_to_the_byte(child: bytes, rest: bytes) -> None:
    buffer = HEADER + child + rest
    assert buffer[read_stream(buffer).ends[-1] :] == rest


def test_closing_tag() -> None:
    assert read_stream(HEADER + b"</stream:stream>").closed


def test_text_and_default_namespace() -> None:
    child = read_stream(HEADER + b"<a>x&amp;<b/>y</a>").children[0]
    assert (child.namespace, child.name, child.text) == (SERVER, "a", "x&y")


@given(st.integers(0, len(HEADER + FEATURES)))
def test_a_cut_anywhere_is_incomplete_but_no_fault(cut: int) -> None:
    stream = read_stream((HEADER + FEATURES)[:cut])
    assert len(stream.children) == (1 if cut == len(HEADER + FEATURES) else 0)
    assert (stream.header is not None) == (cut >= len(HEADER))


@given(st.binary(max_size=300))
def test_noise_raises_nothing_else(noise: bytes) -> None:
    for buffer in (noise, HEADER + noise):
        with contextlib.suppress(StreamFault):
            read_stream(buffer)


@given(
    st.lists(
        st.sampled_from([b"<a>", b"</a>", b"<a/>", b"&amp;", b"<!DOCTYPE a>", b"<?a?>", b"]]>", b"<![CDATA[", b"x"])
    )
)
def test_mixed_markup_raises_nothing_else(parts: list[bytes]) -> None:
    with contextlib.suppress(StreamFault):
        read_stream(HEADER + b"".join(parts))


@pytest.mark.parametrize(
    "buffer,words",
    [
        (b"x" * (MAX_BYTES + 1), "64 KiB"),
        (b"<!DOCTYPE a><a/>", "document type"),
        (b"<?xml version='1.0'?><!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "document type"),
        (b"<a/>", "not an XMPP stream"),
        (b"<stream xmlns='jabber:server'>", "not an XMPP stream"),
        (HEADER + b"<?php?>", "processing instruction"),
        (HEADER + b"<a></b>", "not well-formed"),
        (HEADER + b"<a>" * 20, "nested"),
        (HEADER + b"<a/>" * 600, "too many"),
        (b"\xff\xfe<\x00a\x00", "not well-formed"),
    ],
)
def test_faults_say_what_is_wrong(buffer: bytes, words: str) -> None:
    with pytest.raises(StreamFault, match=words):
        read_stream(buffer)


def test_the_declared_encoding_is_not_believed() -> None:
    header = HEADER.replace(b"version='1.0'?", b"version='1.0' encoding='utf-16'?")
    assert read_stream(header + "<a>ü</a>".encode()).children[0].text == "ü"
