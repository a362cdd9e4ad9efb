"""The command line of ``bin/bench``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from lab.errors import LabError

from . import certificates
from .dns import cases as dns
from .errors import BenchError
from .lync import cases as lync
from .policy import cases as policy
from .report import Outcome, as_json, judge, table
from .sides import ISSUERS

#: What ``dns.records`` has names for.
MOST_RECORDS, MOST_OTHERS = 10_000, 100_000
#: Where small differences count, more of them.
ROUNDS = {policy.SUITE: 8}
EPILOG = """environment: FEDGATE_BENCH_VENV (of the peers);
    for certificates and policy LAB_NAME=bench, FEDGATE_KEEP_LAB=1 (leave the hosts)
exit code: 0 all targets met, 1 a target was missed, 2 it could not be measured"""


def main(arguments: list[str] | None = None) -> int:
    """Measure, report; return the exit code."""
    options = parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        if options.json:
            _demand_writable(options.json)
        outcome: Outcome = options.measure(options)
        if options.json:
            options.json.write_text(as_json(outcome.lines))
    except (BenchError, LabError, OSError) as error:
        print(f"bin/bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bin/bench: stopped", file=sys.stderr)
        return 2
    return conclude(outcome)


def conclude(outcome: Outcome) -> int:
    """Print the table, the notes and the verdicts. :returns: 0 when no target was missed, else 1."""
    print(table(outcome.lines))
    for note in outcome.notes:
        print(note)
    verdicts = judge(outcome.lines, outcome.targets)
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
    _certificates(suites.add_parser(certificates.SUITE, help="our role edge_certificate and community.crypto"))
    _dns(suites.add_parser(dns.SUITE, help="our module dns_records, amazon.aws.route53, nsupdate and octoDNS"))
    _lync(suites.add_parser(lync.SUITE, help="our module lync_xmpp_partner, and one session per partner"))
    _policy(suites.add_parser(policy.SUITE, help="our modules in Prosody, and Prosody without"))
    for name, suite in suites.choices.items():
        rounds = ROUNDS.get(name, 3)
        suite.add_argument("--json", type=Path, metavar="FILE", help="write the comparisons there too")
        suite.add_argument(
            "--repeat", type=_positive, default=rounds, metavar="N", help=f"rounds, for medians: {rounds}"
        )
    return top


def _certificates(suite: argparse.ArgumentParser) -> None:
    suite.set_defaults(measure=lambda options: certificates.run(options.issuers, options.hosts, options.repeat))
    suite.add_argument(
        "--hosts", type=_counts, default=[1, 10, 50], metavar="N,…", help="how many hosts: 1,10,50 (ACME: at most 10)"
    )
    suite.add_argument(
        "--issuers", type=_some_of("issuer", list(ISSUERS)), default=list(ISSUERS), metavar="NAME,…",
        help=f"which: {','.join(ISSUERS)}",
    )  # fmt: skip


def _dns(suite: argparse.ArgumentParser) -> None:
    suite.set_defaults(measure=_measure_dns)
    servers, peers = list(dns.SERVERS), list(dns.PEERS)
    suite.add_argument(
        "--servers", type=_some_of("server", servers), default=servers, metavar="NAME,…",
        help=f"which: {','.join(servers)}",
    )  # fmt: skip
    suite.add_argument(
        "--sizes", type=_sizes, default=[3, 10, 100, 1000], metavar="N,…", help="how many records: 3,10,100,1000"
    )
    suite.add_argument(
        "--zones", type=_zones, default=[0, 10000], metavar="N,…", help="how many others the zone holds: 0,10000"
    )
    suite.add_argument(
        "--rates", type=_rates, default=[dns.UNLIMITED, 5.0], metavar="N,…",
        help="requests a second that Route 53 allows: none,5",
    )  # fmt: skip
    suite.add_argument(
        "--peers", type=_some_of("peer", peers), default=peers, metavar="NAME,…", help=f"which: {','.join(peers)}"
    )


def _measure_dns(options: argparse.Namespace) -> Outcome:
    from .dns import suite

    return suite.run(options.servers, options.sizes, options.zones, options.rates, options.peers, options.repeat)


def _lync(suite: argparse.ArgumentParser) -> None:
    suite.set_defaults(measure=_measure_lync)
    suite.add_argument(
        "--partners", type=_lync_partners, default=[10, 100, 1000], metavar="N,…", help="how many: 10,100,1000"
    )


def _measure_lync(options: argparse.Namespace) -> Outcome:
    from .lync import suite

    return suite.run(options.partners, options.repeat)


def _policy(suite: argparse.ArgumentParser) -> None:
    suite.set_defaults(measure=_measure_policy)
    suite.add_argument(
        "--partners", type=_partners, default=[10, 1000, 10000], metavar="N,…", help="how many: 10,1000,10000"
    )
    suite.add_argument(
        "--kinds", type=_some_of("kind", list(policy.KINDS)), default=list(policy.KINDS), metavar="NAME,…",
        help=f"which: {','.join(policy.KINDS)}",
    )  # fmt: skip
    suite.add_argument("--stanzas", type=_positive, default=8000, metavar="N", help="of each kind in each round: 8000")


def _measure_policy(options: argparse.Namespace) -> Outcome:
    from .policy import suite

    return suite.run(options.partners, options.kinds, options.stanzas, options.repeat)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: use a whole number from 1 on")
    return int(text)


def _counts(text: str) -> list[int]:
    counts = [_positive(part) for part in text.split(",")]
    if max(counts) > 50:
        raise argparse.ArgumentTypeError(f"{max(counts)} hosts: the fleet has at most 50")
    return counts


def _some_of(what: str, known: Sequence[str]) -> Callable[[str], list[str]]:
    """Return what reads a list of names."""

    def names(text: str) -> list[str]:
        unknown = [part for part in text.split(",") if part not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"no such {what}: {', '.join(unknown)}; there are {', '.join(known)}")
        return text.split(",")

    return names


def _sizes(text: str) -> list[int]:
    sizes = [_positive(part) for part in text.split(",")]
    if max(sizes) > MOST_RECORDS:
        raise argparse.ArgumentTypeError(f"{max(sizes)} records: there are names for at most {MOST_RECORDS}")
    return sizes


def _partners(text: str) -> list[int]:
    counts = [_positive(part) for part in text.split(",")]
    if not all(len(policy.TYPES) <= count < policy.MOST_PARTNERS for count in counts):
        raise argparse.ArgumentTypeError(
            f"{text} partners: use {len(policy.TYPES)} (one of each type) to {policy.MOST_PARTNERS - 1}"
        )
    return counts


def _lync_partners(text: str) -> list[int]:
    counts = [_positive(part) for part in text.split(",")]
    if max(counts) > lync.MOST_PARTNERS:
        raise argparse.ArgumentTypeError(f"{max(counts)} partners: use at most {lync.MOST_PARTNERS}")
    return counts


def _zones(text: str) -> list[int]:
    zones = [0 if part == "0" else _positive(part) for part in text.split(",")]
    if max(zones) > MOST_OTHERS:
        raise argparse.ArgumentTypeError(f"{max(zones)} others: there are names for at most {MOST_OTHERS}")
    return zones


def _rates(text: str) -> list[dns.Rate]:
    return [dns.UNLIMITED if part == "none" else float(_positive(part)) for part in text.split(",")]


def _demand_writable(path: Path) -> None:
    """Fail before the work instead of after it. :raises BenchError: when there is no such folder to write to."""
    if path.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        raise BenchError(f"--json {path}: that file cannot be written; name a file in a folder that exists")


def _stop(_number: int, _frame: object) -> NoReturn:
    """End as if by the keyboard: the lab is taken down on the way."""
    raise KeyboardInterrupt
