"""The command line of ``bin/bench``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from lab.errors import LabError

from . import certificates
from .errors import BenchError
from .report import Comparison, Target, as_json, judge, table
from .sides import ISSUERS

EPILOG = """environment: LAB_NAME=bench, FEDGATE_KEEP_LAB=1 (leave the hosts), FEDGATE_BENCH_VENV (of the peers)
exit code: 0 all targets met, 1 a target was missed, 2 it could not be measured"""


def main(arguments: list[str] | None = None) -> int:
    """Measure, report; return the exit code."""
    options = parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        if options.json:
            _demand_writable(options.json)
        lines = certificates.run(options.issuers, options.hosts, options.repeat)
        if options.json:
            options.json.write_text(as_json(lines))
    except (BenchError, LabError, OSError) as error:
        print(f"bin/bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bin/bench: stopped", file=sys.stderr)
        return 2
    return conclude(lines, certificates.TARGETS)


def conclude(lines: Sequence[Comparison], targets: Sequence[Target]) -> int:
    """Print the table and the verdicts. :returns: 0 when no target was missed, else 1."""
    print(table(lines))
    verdicts = judge(lines, targets)
    for verdict in verdicts:
        print(f"{'met   ' if verdict.met else 'MISSED'}  {verdict.text}")
    return 0 if all(verdict.met for verdict in verdicts) else 1


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    top = argparse.ArgumentParser(
        "bin/bench", description="Compare with what people would use otherwise.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    suites = top.add_subparsers(dest="suite", required=True, metavar="SUITE")
    suite = suites.add_parser(certificates.SUITE, help="our role edge_certificate and community.crypto")
    suite.add_argument("--json", type=Path, metavar="FILE", help="write the comparisons there too")
    suite.add_argument(
        "--hosts", type=_counts, default=[1, 10, 50], metavar="N,…", help="how many hosts: 1,10,50 (ACME: at most 10)"
    )
    suite.add_argument("--repeat", type=_positive, default=3, metavar="N", help="rounds, for medians: 3")
    suite.add_argument(
        "--issuers", type=_issuers, default=list(ISSUERS), metavar="NAME,…", help=f"which: {','.join(ISSUERS)}"
    )
    return top


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: use a whole number from 1 on")
    return int(text)


def _counts(text: str) -> list[int]:
    counts = [_positive(part) for part in text.split(",")]
    if max(counts) > 50:
        raise argparse.ArgumentTypeError(f"{max(counts)} hosts: the fleet has at most 50")
    return counts


def _issuers(text: str) -> list[str]:
    unknown = [part for part in text.split(",") if part not in ISSUERS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such issuer: {', '.join(unknown)}; there are {', '.join(ISSUERS)}")
    return text.split(",")


def _demand_writable(path: Path) -> None:
    """Fail before the work instead of after it. :raises BenchError: when there is no such folder to write to."""
    if path.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        raise BenchError(f"--json {path}: that file cannot be written; name a file in a folder that exists")


def _stop(_number: int, _frame: object) -> NoReturn:
    """End as if by the keyboard: the lab is taken down on the way."""
    raise KeyboardInterrupt
