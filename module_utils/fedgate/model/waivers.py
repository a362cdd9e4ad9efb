"""The rules that a kind of gateway may be unable to keep, by the names under which a partner waives them."""

from __future__ import annotations

from .suggest import did_you_mean, listed

#: Rule → what it asks for.
RULES: dict[str, str] = {
    "auto_approval": "subscriptions from a federated or public verified partner are approved without asking",
    "consent": "nothing from a public unverified partner passes until our user has added the contact",
    "private": "status notes and other private things do not reach a public partner",
    "host": "our hosts themselves answer a partner only what its type allows",
    "components": "components are closed to partners but for those that are opened to their type",
    "tls": "whether streams are encrypted",
    "sasl": "whether SASL EXTERNAL is demanded, allowed or left out",
    "dialback": "whether dialback is allowed",
    "dialback_certificate": "a partner who uses dialback shows a valid certificate",
    "keepalive": "idle streams are kept alive",
    "connection_limit": "the number of streams with the partner",
    "stanza_rate": "how many stanzas a second are read from the partner",
    "stanza_size": "how large a stanza of the partner may be",
    "proxy_fqdn": "the partner's own server instead of what DNS names",
    "limits": "the limits and time-outs that hold for all partners",
    "scope": "which of our users may federate",
}


def objection(name: str) -> tuple[str, str] | None:
    """Return what is wrong with a name in ``waive`` and how to mend it, or None."""
    if name in RULES:
        return None
    guess = did_you_mean(name, RULES)
    meant = f"Did you mean {guess}? " if guess else ""
    return f"{name!r} is not a rule that could be waived", f"{meant}Rules: {listed(RULES, 'and')}."
