"""The commands of ``bin/lab``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import anchors, authority, fleet, hosted, identity, images, making, network, preflight, seen
from .errors import LabError
from .identity import HOSTS, Identity
from .locks import held
from .lync import process as lync
from .progress import say
from .runtime import podman
from .shell import end_children_on_signals
from .state import State, forget, write_whole

DESCRIPTION = """A laboratory on this machine: hosts with systemd and sshd in podman; a name server, a partner,
a stranger, a directory; only when named: edge2.london (a standby), acme (an ACME server), fleet01 to fleet50.
Debian comes from the mirror in this machine's apt sources, without any image registry."""
EPILOG = """environment: LAB_NAME=lab (several labs side by side), LAB_SUITE=trixie|bookworm, LAB_MIRROR=http://…/debian
exit code: 0 done, 1 (status) not everything is up, 2 could not do it; ssh and exec: that of the command"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code."""
    options = parser().parse_args(arguments)
    try:
        preflight.check(options.command)
        end_children_on_signals()
        code: int = options.run(Identity.from_environment(), options)
        return code
    except LabError as error:
        sys.stdout.flush()
        sys.stderr.write(f"bin/lab: {error}\n")
        return 2


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    top = argparse.ArgumentParser(
        "bin/lab", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser(
        "up", help="make the usual hosts, or those named (and dns); repair what is broken; harmless to repeat"
    )
    up.add_argument("hosts", nargs="*", metavar="HOST", help=identity.names())
    up.add_argument("--with-lync", action="store_true", help="and an emulated Lync Server, for inventories/lab-lync")
    up.set_defaults(run=run_up)
    reset = commands.add_parser(
        "reset", help="make the hosts named anew, as bare as they were at first; the rest stays"
    )
    reset.add_argument("hosts", nargs="+", metavar="HOST", help=identity.names())
    reset.set_defaults(run=run_reset, with_lync=False)
    down = commands.add_parser("down", help="remove hosts, network, keys and passwords; images stay as a cache")
    down.add_argument("--images", action="store_true", help="remove the images too: nothing is left")
    down.set_defaults(run=run_down)
    many = commands.add_parser(
        "fleet", help="make fleet01 to fleetN for measurements and write their inventory; those beyond N are removed"
    )
    many.add_argument("count", metavar="N", type=int, help=f"0 to {identity.FLEET}")
    many.set_defaults(run=run_fleet)
    root = commands.add_parser("acme-root", help="print the ACME server's present root; each start makes a new one")
    root.add_argument("--intermediate", action="store_true", help="print the intermediate below it instead")
    root.add_argument("--write", action="store_true", help="put the root where inventories/lab-acme looks for it")
    root.set_defaults(run=run_acme_root)
    trust = commands.add_parser("trust", help="make a host, and the XMPP server of a peer, trust one more root")
    trust.add_argument("host", metavar="HOST")
    trust.add_argument("file", metavar="FILE", type=Path, help="the root, in PEM")
    trust.set_defaults(run=run_trust)
    elsewhere = commands.add_parser(
        "hosted", help="run what hosts zones elsewhere, for inventories/lab-dns, until Ctrl-C"
    )
    elsewhere.set_defaults(run=run_hosted)
    sign = commands.add_parser("sign", help="let the lab's authority sign a request; the answer is laid beside it")
    sign.add_argument("file", metavar="FILE", type=Path, help="the request: NAME.csr.pem; the answer is NAME.cer")
    sign.set_defaults(run=run_sign)
    status = commands.add_parser("status", help="show each host, its address and whether it is well")
    status.set_defaults(run=run_status)
    for name, action, text_ in (
        ("ssh", run_ssh, "log in to a host as admin, who may sudo; or run a command there"),
        ("exec", run_exec, "run a command in a host as root, without ssh"),
    ):
        command = commands.add_parser(name, help=text_)
        command.add_argument("host", metavar="HOST")
        command.add_argument("words", nargs=argparse.REMAINDER, metavar="CMD")
        command.set_defaults(run=action)
    return top


def run_up(lab: Identity, options: argparse.Namespace) -> int:
    """Make or repair the lab."""
    wanted = identity.pick(options.hosts)
    if options.with_lync:
        lync.check()
    state = making.up(lab, wanted)
    if options.with_lync:
        with held(f"lab-{lab.digest}"):
            started = lync.ensure(state)
        say("lync", f"{'started' if started else 'runs already'}; bin/lab status shows where")
    return 0


def run_reset(lab: Identity, options: argparse.Namespace) -> int:
    """Remove the hosts named and make them anew; the lab around them stays."""
    identity.pick(options.hosts)  # the names are known, or nothing is removed
    with held(f"lab-{lab.digest}"):
        making.remove(lab, sorted(set(options.hosts) & set(seen.listed(lab))))
    return run_up(lab, options)


def run_fleet(lab: Identity, options: argparse.Namespace) -> int:
    """Make the fleet exactly as large as was asked for."""
    inventory = fleet.resize(lab, options.count)
    say("fleet", f"{options.count} hosts: ansible -i {inventory} fleet -m ping")
    return 0


def run_down(lab: Identity, options: argparse.Namespace) -> int:
    """Remove the lab."""
    with held(f"lab-{lab.digest}"):
        stopped = lync.stop(lab)
        count, state = making.clear(lab), State.load(lab)
        network.remove(lab, state.values["subnet"] if state else None)
        forget(lab)
    say("lab", f"{lab.name} is down: {count} hosts removed{', the emulator of Lync Server ended' if stopped else ''}")
    if options.images:
        say("images", f"removed: {', '.join(images.remove_all()) or 'none'}")
    return 0


def run_status(lab: Identity, _options: argparse.Namespace) -> int:
    """Show the hosts; 0 when every host that was made is well."""
    state, there = State.load(lab), seen.listed(lab)
    if state is None:
        say("lab", f"{lab.name} is not up; run: bin/lab up" + (" (containers of it are left)" if there else ""))
        return 1
    print(f"lab {lab.name} ({state.values['suite']}), network {state.values['subnet']}, prefix {lab.prefix}")
    well = bool(there)
    for host in [host for host in HOSTS.values() if host.name in there or host.role != "fleet"]:
        words = seen.describe(host.name, there.get(host.name), state.address(host.name))
        well = well and words in ("up", "-")
        print(f"{host.name:<13} {state.address(host.name):<15} {words}")
    return 0 if _show_lync(state) and well else 1


def _show_lync(state: State) -> bool:
    """Print the emulator's line, and where it can be talked to; return whether nothing is wrong."""
    words = lync.describe(state)
    print(f"{'lync':<13} {state.values['lync']['address']:<15} {words}")
    for name, url, account in lync.endpoints(state) if words == "up" else []:
        print(f"  {name:<13} {url} as {account}")
    return words in ("up", "-")


def run_sign(lab: Identity, options: argparse.Namespace) -> int:
    """Sign a request as an authority outside does."""
    state = _state_of(lab, "dns")
    answer = options.file.with_name(options.file.name.removesuffix(".pem").removesuffix(".csr") + ".cer")
    write_whole(answer, authority.sign(Path(state.values["ca_directory"]), options.file).decode())
    say("authority", f"signed: {answer}")
    return 0


def run_acme_root(lab: Identity, options: argparse.Namespace) -> int:
    """Print, or write down, Pebble's root."""
    state = _state_of(lab, "acme")
    if not options.write:
        sys.stdout.write(anchors.acme_certificate(state, "intermediate" if options.intermediate else "root"))
        return 0
    changed = anchors.write_acme_root(state, anchors.acme_certificate(state, "root"))
    say("acme", f"{state.values['acme']['root_file']}: {'written' if changed else 'is the present root'}")
    return 0


def run_trust(lab: Identity, options: argparse.Namespace) -> int:
    """Add a root to a host's store."""
    _state_of(lab, options.host)
    if options.host not in seen.listed(lab):
        raise LabError(f"{options.host} is not there; run: bin/lab up {options.host}")
    changed = anchors.trust(lab, HOSTS[options.host], options.file)
    say(options.host, f"{'now trusts' if changed else 'trusted already'} {options.file}")
    return 0


def run_hosted(lab: Identity, _options: argparse.Namespace) -> int:
    """Run an emulator of Route 53 and a PowerDNS until this command is ended."""
    hosted.serve(_state_of(lab, "dns"))
    return 0


def run_ssh(lab: Identity, options: argparse.Namespace) -> int:
    """Log in, or run a command, as ssh does; this process becomes ssh."""
    state = _state_of(lab, options.host)
    target = f"{state.values['user']}@{state.address(options.host)}"
    os.execvp("ssh", ["ssh", *state.ssh_options(), "-o", "LogLevel=ERROR", target, *_command(options.words)])


def run_exec(lab: Identity, options: argparse.Namespace) -> int:
    """Run a command in a host as root; this process becomes podman."""
    _state_of(lab, options.host)
    words = _command(options.words) or ["/bin/bash"]
    terminal = ["--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    line = podman("exec", "--interactive", *terminal, lab.container(options.host), *words)
    os.execvp(line[0], line)


def _command(words: list[str]) -> list[str]:
    return words[1:] if words[:1] == ["--"] else words


def _state_of(lab: Identity, host: str) -> State:
    identity.pick([host])
    state = State.load(lab)
    if state is None:
        raise LabError(f"lab {lab.name} is not up; run: bin/lab up")
    return state
