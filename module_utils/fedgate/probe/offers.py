"""What a server's features and errors mean; no connection here."""

from __future__ import annotations

from typing import Any, Optional

from .xml import STREAMS, Element, Stream

SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
DIALBACK_FEATURE = "urn:xmpp:features:dialback"
LIMITS = "urn:xmpp:stream-limits:0"
BIDI = "urn:xmpp:features:bidi"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"


def is_legacy(stream: Stream) -> bool:
    """Tell whether the server speaks XMPP before 1.0 and so will send no features."""
    return stream.header is not None and not stream.header.attributes.get("version", "").startswith("1.")


def features_of(stream: Stream) -> Optional[Element]:
    """Return the stream's features, None when it has none."""
    return next((item for item in stream.children if (item.namespace, item.name) == (STREAMS, "features")), None)


def stream_error(stream: Stream) -> Optional[tuple[str, str]]:
    """Return a stream error's condition and text (RFC 6120 §4.9), None when there is none."""
    error = next((item for item in stream.children if (item.namespace, item.name) == (STREAMS, "error")), None)
    if error is None:
        return None
    conditions = [item.name for item in error.children if item.namespace == STREAM_ERRORS and item.name != "text"]
    text = error.child(STREAM_ERRORS, "text")
    return (conditions or ["undefined-condition"])[0][:60], (text.text if text else "")[:200]


def offered_by(features: Element) -> dict[str, Any]:
    """Return mechanisms, dialback, bidirectional (XEP-0288) and limits (XEP-0478) as plain data, cut to size."""
    mechanisms = features.child(SASL, "mechanisms")
    limits = features.child(LIMITS, "limits")
    return {
        "mechanisms": sorted({item.text.strip()[:40] for item in (mechanisms.children if mechanisms else [])}),
        "dialback": features.child(DIALBACK_FEATURE, "dialback") is not None,
        "bidirectional": features.child(BIDI, "bidi") is not None,
        "limits": {item.name: item.text.strip()[:20] for item in (limits.children if limits else [])},
    }


def offer_sentence(offered: dict[str, Any]) -> str:
    """Say in one sentence by which methods a peer may authenticate."""
    methods = [f"SASL {name}" for name in offered["mechanisms"]] + (["dialback"] if offered["dialback"] else [])
    if methods:
        return f"offers {', '.join(methods)}"
    return "offers no method to a peer without a certificate (some servers show EXTERNAL only to one that they accept)"
