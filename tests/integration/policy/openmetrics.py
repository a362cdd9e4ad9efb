"""A strict reader of OpenMetrics text (version 1.0), as far as gauges and counters go."""

from __future__ import annotations

import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)")
_PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
_META = re.compile(rf"# (TYPE|HELP) ({_NAME}) (.+)")

Labels = frozenset[tuple[str, str]]
Samples = dict[tuple[str, Labels], float]


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found.group(1) == "n" else found.group(1), value)


def _labels(text: str | None) -> Labels:
    pairs = [(name, _unescaped(value)) for name, value in _PAIR.findall(text or "")]
    assert len({name for name, _ in pairs}) == len(pairs), f"a label twice: {text}"
    return frozenset(pairs)


def read(text: str) -> Samples:
    """Return all samples by name and labels.

    :raises AssertionError: for whatever the specification does not allow: a family in two places or without a type,
        counters without ``_total``, a sample twice, a negative counter, a blank line, no ``# EOF`` at the very end.
    """
    assert text.endswith("\n# EOF\n"), "the end is missing"
    types: dict[str, str] = {}
    current = ""
    samples: Samples = {}
    for line in text.removesuffix("# EOF\n").splitlines():
        meta = _META.fullmatch(line)
        if meta:
            kind, name, what = meta.groups()
            if kind == "TYPE":
                assert name not in types, f"{name} is in two places"
                assert what in ("gauge", "counter"), line
                types[name], current = what, name
            assert name == current, f"{line} stands in the family {current}"
            continue
        found = _SAMPLE.fullmatch(line)
        assert found, f"no sample: {line!r}"
        name, labels, value = found.group(1), _labels(found.group(2)), float(found.group(3))
        counter = types[current] == "counter"
        assert name == (f"{current}_total" if counter else current), f"{line} stands in the family {current}"
        assert not counter or value >= 0, line
        assert (name, labels) not in samples, f"twice: {line}"
        samples[name, labels] = value
    return samples


def value(samples: Samples, name: str, **labels: str) -> float | None:
    """Return one sample; None when there is none."""
    return samples.get((name, frozenset(labels.items())))
