"""Kills the install of a certificate on a real gateway at step after step, and looks each time what is served then.

Sent to the host together with the package; reads one JSON object from standard input: ``module`` (source text of
edge_certificate), ``params`` (without chain), ``chains`` (two, of two generations that are there), ``every`` (how
manyeth step). Writes a report as JSON. Runs on the host's own Python.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import traceback

#: What a module does to the host or asks of it, as Python's audit events name it; each is seen just before it happens.
FILES = {
    "open", "os.mkdir", "os.rename", "os.symlink", "os.chmod", "os.chown", "os.remove", "os.rmdir", "os.listdir",
    "os.scandir", "shutil.rmtree", "tempfile.mkdtemp",
}  # fmt: skip
CALLS = {"socket.connect", "subprocess.Popen", "fcntl.flock"}


def run(order, chain, *, check=False, die_at=0):
    """Run the module in a child. :returns: its result, None when it was killed."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        arrange_death(order["params"]["directory"], die_at)
        written = io.StringIO()
        with contextlib.redirect_stdout(written), contextlib.suppress(SystemExit):
            call(order, chain, check)
        os.write(writable, written.getvalue().encode())
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return None
    return json.loads(said.strip().splitlines()[-1])


def call(order, chain, check):
    import ansible.module_utils.basic as basic

    arguments = {**order["params"], "chain": chain, "_ansible_check_mode": check, "_ansible_diff": True}
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    try:
        exec(compile(order["module"], "module", "exec"), {"__name__": "__main__"})
    except Exception:
        print(json.dumps({"failed": True, "msg": traceback.format_exc()}))


def arrange_death(directory, die_at):
    count = 0

    def hook(event, arguments):
        nonlocal count
        if event in CALLS or (event in FILES and directory in str(arguments)):
            count += 1
            if count == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    if die_at:
        sys.addaudithook(hook)


def serving(params):
    """Return what is on disk and what is shown: the leaf of ``current``, whether its key fits, the leaf shown."""
    from ansible.module_utils.fedgate.certificates.generations import GenerationStore
    from ansible.module_utils.fedgate.certificates.seen import look
    from ansible.module_utils.fedgate.certificates.serving import Gateway
    from ansible.module_utils.fedgate.host.starttls import leaf_of

    store = GenerationStore(params["directory"], params["name"])
    seen = look(store, store.current() or 0)
    gateway = Gateway.of({"unit": "prosody.service", "config": "/etc/prosody/prosody.cfg.lua", "timeout": 10,
                          **params["gateway"]})  # fmt: skip
    shown = gateway.shown(gateway.domains[0])
    return leaf_of(seen.chain or ""), seen.problem, shown


def main():
    """Kill at every step until a run comes to its end; report."""
    order = json.load(sys.stdin)
    from ansible.module_utils.fedgate.host.starttls import leaf_of

    leaves = [leaf_of(chain) for chain in order["chains"]]
    report = {"kill_points": 0, "old": 0, "new": 0, "wrong": []}
    turn, step = 1, 1
    while True:
        wanted, former = order["chains"][turn], leaves[1 - turn]
        died = run(order, wanted, die_at=step) is None
        on_disk, problem, shown = serving(order["params"])
        if problem or on_disk not in leaves or shown not in leaves:
            report["wrong"].append(f"step {step}: problem {problem}, shown {shown in leaves}")
        report["old" if shown == former else "new"] += 1
        ended = run(order, wanted)
        again = run(order, wanted, check=True)
        on_disk, problem, shown = serving(order["params"])
        if ended.get("failed") or again.get("changed") or problem or on_disk != leaves[turn] or shown != leaves[turn]:
            report["wrong"].append(f"step {step}, the run after: {ended.get('msg')} {again.get('plan')} {problem}")
        if not died:
            break
        report["kill_points"] += 1
        turn, step = 1 - turn, step + order["every"]
    print(json.dumps(report))


main()
