"""Makes and cleans recordings: ``python -m tests.emulators.lync.record make|clean …``; see docs/lync-recordings.md."""

from __future__ import annotations

import argparse
import getpass
import os
import runpy
import sys
from pathlib import Path

from . import recording

ROOT = Path(__file__).resolve().parents[3]
#: In place of a question on the terminal.
PASSWORD = "FEDGATE_LYNC_PASSWORD"


def main(arguments: list[str] | None = None) -> int:
    """Do it. :returns: 0 done; 1 something looks like somebody's name yet; 2 it could not be done."""
    options = _parser().parse_args(arguments)
    done: int = options.do(options)
    return done


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("record", description="Record what a Lync Server answers, and clean it.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    make = commands.add_parser("make", help="call cmdlets that only look, and keep the answers")
    make.set_defaults(do=_make)
    make.add_argument("host", help="name of the server, as its certificate has it")
    make.add_argument("out", type=Path, metavar="FILE")
    make.add_argument("--username", required=True, help=f"the password is asked for, or taken from {PASSWORD}")
    make.add_argument("--authentication", default="negotiate")
    make.add_argument("--ca-file")
    make.add_argument("--port", type=int)
    clean = commands.add_parser("clean", help="replace names; say what is left that looks like one")
    clean.set_defaults(do=_clean)
    clean.add_argument("file", type=Path)
    clean.add_argument("out", type=Path)
    clean.add_argument(
        "--name", action="append", default=[], metavar="REAL=OTHER", help="for each name; case is nothing"
    )
    return top


def _make(options: argparse.Namespace) -> int:
    runpy.run_path(str(ROOT / "module_utils" / "fedgate" / "bootstrap.py"))
    from ansible.module_utils.fedgate.errors import FedgateError
    from ansible.module_utils.fedgate.lync.connection import read_connection

    password = os.environ.get(PASSWORD) or getpass.getpass(f"Password of {options.username}: ")
    names = ("host", "username", "authentication", "ca_file", "port")
    given = {name: getattr(options, name) for name in names}
    try:
        found = recording.record(read_connection({**given, "endpoint": "front_end", "password": password}))
    except FedgateError as error:
        print(f"record: {error}", file=sys.stderr)
        return 2
    found.write(options.out)
    print(f"{len(found.calls)} calls in {options.out}: it names your deployment until it is cleaned")
    return 0


def _clean(options: argparse.Namespace) -> int:
    wrong = [pair for pair in options.name if "=" not in pair[1:]]
    if wrong:
        print(f"record: {wrong[0]!r} is not REAL=OTHER", file=sys.stderr)
        return 2
    names = dict(pair.split("=", 1) for pair in options.name)
    found = recording.clean(recording.Recording.read(options.file), names)
    found.write(options.out)
    rest = recording.left(found)
    for name in rest:
        print(f"left: {name}")
    return 1 if rest else 0


if __name__ == "__main__":
    sys.exit(main())
