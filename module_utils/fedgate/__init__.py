"""Fedgate: XMPP federation gateways as code. All logic lives in this package; modules and plug-ins only call it."""
