"""Comparisons with what people would use otherwise; see ``docs/benchmarks.md``."""
