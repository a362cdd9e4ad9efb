"""DNS that others host, on this machine: an emulator of Route 53 with a name server, and a PowerDNS.

They listen at the first address of the lab's network, so that the lab's name server can ask them. Needs the packages of
``requirements/test.txt`` and Debian's pdns-server.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import threading
from collections.abc import Iterator

from .errors import LabError
from .progress import say
from .state import State
from .zones import HOSTED

READY = "ready"


@contextlib.contextmanager
def running(state: State) -> Iterator[None]:
    """Run both, with one empty zone each.

    :raises LabError: something is not installed, or does not start.
    """
    try:
        from .powerdns import PowerDns
        from .route53.front import Front
        from .route53.moto import Moto
    except ImportError as error:
        raise LabError(
            f"the Python library {error.name} is missing; "
            "run bin/test lint once, then in its environment: . .venv/bin/activate && bin/lab hosted"
        ) from error
    if not PowerDns.installed():
        raise LabError("missing: pdns-server; install with: apt-get install pdns-server pdns-backend-sqlite3")
    hosted, zones = state.values["hosted"], {host: zone for zone, host in HOSTED.items()}
    cloud, power = hosted["route53"], hosted["powerdns"]
    folder = state.identity.directory / "powerdns"
    shutil.rmtree(folder, ignore_errors=True)  # both begin empty: the emulator remembers nothing either
    with contextlib.ExitStack() as stack:
        moto = stack.enter_context(Moto(int(cloud["endpoint_url"].rpartition(":")[2]), cloud["address"]))
        moto.zone(zones["route53"])
        stack.enter_context(Front(moto.url, cloud["address"], cloud["dns_port"]))
        say("route53", f"{zones['route53']}: {moto.url}, name server {cloud['address']} port {cloud['dns_port']}")
        server = PowerDns(
            folder, power["address"], port=power["dns_port"], api_port=power["api_port"], api_key=power["api_key"]
        )
        server.start()
        stack.callback(server.stop)
        server.make_zone(zones["powerdns"])
        say(
            "powerdns",
            f"{zones['powerdns']}: http://{power['address']}:{power['api_port']}, DNS port {power['dns_port']}",
        )
        yield


def serve(state: State) -> None:
    """Run both until this process is told to end. :raises LabError: see ``running``."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    with running(state):
        say("hosted", f"{READY}; ends with Ctrl-C")
        ended.wait()
