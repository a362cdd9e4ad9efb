"""What keeps a benchmark from being carried out."""

from __future__ import annotations


class BenchError(Exception):
    """The comparison could not be made; the message says where and what to do."""
