"""Servers that take signed dynamic updates (RFC 2136)."""
