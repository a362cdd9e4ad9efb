"""Certificates of a whole deployment in a lab of its own: by dns-01 from Pebble, renewed while people talk, undone."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rcode
import pytest

from lab.chat import Delivery, User, logged_in, send

from .gateway_host import lab, play, run_swaps, send_modules, shell, state
from .rollout import Rollout

pytestmark = pytest.mark.lab

HOSTS = ("edge1.london", "edge2.london", "edge1.tokyo")
LONDON, TOKYO = "edge.london.contoso.example", "edge.tokyo.contoso.example"
STORE = "/etc/fedgate/certificates"
#: An install is killed at every so manyeth step; 1 is all of them, more than fifty.
KILL_EVERY = int(os.environ.get("FEDGATE_SWAP_KILL_EVERY", "1" if os.environ.get("FEDGATE_REPEAT") == "1" else "4"))
RELOAD_BROKEN = "/run/systemd/system/prosody.service.d/zz-broken.conf"


def run(playbook: str, *arguments: str, limit: str = "edges", **variables: Any) -> Rollout:
    """Run a playbook against this lab, with its ACME server and its standby."""
    return play(playbook, *arguments, limit=limit, inventories=("lab", "lab-acme"), **variables)


@pytest.fixture(scope="module", autouse=True)
def own_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Bare gateways, Pebble, and a partner who trusts it; nothing of it left afterwards."""
    lab("up", "partner", "acme", *HOSTS)
    lab("reset", *HOSTS)
    lab("acme-root", "--write")
    found = state()
    shutil.rmtree(found["acme"]["state_directory"], ignore_errors=True)
    lab("trust", "partner", found["acme"]["root_file"])
    # Users look at the certificate of their server as well.
    authorities = tmp_path_factory.mktemp("authorities") / "all.pem"
    authorities.write_text(
        Path(found["ca_certificate"]).read_text() + Path(found["acme"]["root_file"]).read_text(), encoding="ascii"
    )
    yield {**found, "ca_certificate": str(authorities)}
    if not os.environ.get("FEDGATE_KEEP_LAB"):
        lab("down")


@pytest.fixture(scope="module")
def certified(own_lab: dict[str, Any]) -> dict[str, Rollout]:
    """From an empty start: what check mode says, what is done, what a second run does."""
    return {
        "checked": run("certificates.yml", "--check", "--diff"),
        "done": run("certificates.yml", "--diff"),
        "again": run("certificates.yml"),
    }


@pytest.fixture(scope="module")
def running(certified: dict[str, Rollout]) -> Rollout:
    """The gateways run and federate."""
    done = run("site.yml")
    assert done.code == 0, done.output[-5000:]
    return done


def generation(host: str, pool: str = LONDON) -> str:
    return shell(f"readlink {STORE}/{pool}/current", host=host).strip()


def fingerprint(host: str, file: str, pool: str = LONDON) -> str:
    return shell(f"sha256sum < {STORE}/{pool}/current/{file}", host=host).strip()


def shown(host: str, address: str = "127.0.0.1", domain: str = "contoso.example") -> str:
    """Return the serial number of the certificate that a gateway shows to servers."""
    return shell(
        f"openssl s_client -connect {address}:5269 -starttls xmpp-server -xmpphost {domain} -servername {domain}"
        " </dev/null 2>/dev/null | openssl x509 -noout -serial",
        host=host,
        check=False,
    ).strip()


def on_disk(host: str, pool: str = LONDON) -> str:
    return shell(f"openssl x509 -noout -serial -in {STORE}/{pool}/current/chain.pem", host=host).strip()


def sessions(host: str = "edge1.london") -> list[str]:
    """Return the stream ids of the gateway's server-to-server sessions."""
    time.sleep(1.2)
    status = json.loads(shell("cat /run/prosody/fedgate.json", host=host))
    return sorted(f"{entry['direction']} {entry['id']}" for entry in status["sessions"])


def challenges(own_lab: dict[str, Any]) -> list[str]:
    """Return what is left of challenge records in DNS."""
    left = []
    for domain in ("contoso.example", "contoso-asia.example"):
        query = dns.message.make_query(f"_acme-challenge.{domain}", "TXT")
        answer = dns.query.tcp(query, own_lab["addresses"]["dns"], timeout=10)
        left += [str(rrset) for rrset in answer.answer]
    return left


def test_from_an_empty_start(certified: dict[str, Rollout], own_lab: dict[str, Any]) -> None:
    checked, done, again = certified["checked"], certified["done"], certified["again"]
    assert checked.code == 0 and done.code == 0, done.output[-5000:]
    assert checked.named_changes() == done.named_changes()
    assert ("edge1.london", "acme_account", own_lab["acme"]["directory_url"], "create") in done.named_changes()
    assert again.code == 0 and again.changed() == dict.fromkeys(HOSTS, 0), again.output[-3000:]
    for file in ("key.pem", "chain.pem", "request.pem"):
        assert fingerprint("edge1.london", file) == fingerprint("edge2.london", file), file
    assert fingerprint("edge1.tokyo", "key.pem", TOKYO) != fingerprint("edge1.london", "key.pem")
    assert challenges(own_lab) == []
    assert "CERTIFICATES" in again.output and f"{LONDON}: 59 days left" in again.output


def test_the_controller_keeps_no_key(certified: dict[str, Rollout], own_lab: dict[str, Any]) -> None:
    secret = shell(f"sed -n 2p {STORE}/{LONDON}/current/key.pem").strip().encode()
    assert len(secret) > 40
    kept = Path(own_lab["acme"]["state_directory"])
    files = [path for path in kept.rglob("*") if path.is_file()]
    assert any(path.name == "account-key.pem" and path.stat().st_mode & 0o077 == 0 for path in files)
    assert not [path for path in files if secret in path.read_bytes()]


async def talk(own_lab: dict[str, Any], until: asyncio.Event, said: list[Delivery]) -> tuple[str, str]:
    """Write from the one to the other and back, all the time. :returns: alice's stream id at first and at the end."""
    async with logged_in(own_lab, "alice@contoso.example") as alice:
        async with logged_in(own_lab, "bob@fabrikam.example") as bob:
            first = stream_id(alice)
            while not until.is_set():
                said += await asyncio.gather(send(alice, bob), send(bob, alice))
                # As fast as it goes would take the processor that the renewal needs.
                await asyncio.sleep(0.05)
            return first, stream_id(alice)


def stream_id(user: User) -> str:
    """Return the id that the server gave this user's stream; another connection has another one."""
    return f"{user.stream_id} {user.transport.get_extra_info('sockname')}"


async def meanwhile(own_lab: dict[str, Any], work: Any) -> tuple[Any, list[Delivery], tuple[str, str]]:
    """Do something in a thread while people talk."""
    over, said = asyncio.Event(), list[Delivery]()
    talking = asyncio.create_task(talk(own_lab, over, said))
    await asyncio.sleep(2)
    result = await asyncio.to_thread(work)
    await asyncio.sleep(1)
    over.set()
    return result, said, await talking


def test_renewal_by_force_while_people_talk(running: Rollout, own_lab: dict[str, Any]) -> None:
    before = {host: on_disk(host) for host in HOSTS[:2]}
    streams: list[list[str]] = []

    def renew() -> Rollout:
        streams.append(sessions())
        done = run("renew.yml", edge_certificate_force=True)
        streams.append(sessions())
        return done

    done, said, (first, last) = asyncio.run(meanwhile(own_lab, renew))
    assert done.code == 0, done.output[-5000:]
    assert len(said) > 50 and all(delivery.delivered and delivery.confirmed for delivery in said), "a message was lost"
    assert first == last, "the client had to connect anew"
    assert streams[0] and streams[0] == streams[1], "a server-to-server stream was closed"
    for host in HOSTS[:2]:
        assert on_disk(host) != before[host]
        assert shown(host) == on_disk(host), f"{host} shows another certificate than the new one"
    assert shown("edge1.london") == shown("edge2.london"), "the standby would show another one"
    assert ("edge2.london", "service", "prosody.service", "run") in done.named_changes()
    assert challenges(own_lab) == []

    again = run("renew.yml")
    assert again.code == 0 and again.changed() == dict.fromkeys(HOSTS, 0), again.output[-3000:]
    after = run("site.yml")
    assert after.code == 0 and after.changed() == dict.fromkeys(HOSTS, 0), after.output[-3000:]


def test_the_same_key_on_request(running: Rollout) -> None:
    key, certificate = fingerprint("edge1.tokyo", "key.pem", TOKYO), on_disk("edge1.tokyo", TOKYO)
    done = run("renew.yml", limit="edge1.tokyo", edge_certificate_force=True, edge_certificate_reuse_key=True)
    assert done.code == 0, done.output[-3000:]
    assert fingerprint("edge1.tokyo", "key.pem", TOKYO) == key
    assert on_disk("edge1.tokyo", TOKYO) != certificate
    assert {host for host, *_ in done.named_changes()} == {"edge1.tokyo"}


@pytest.mark.parametrize("host", HOSTS[:2])
def test_a_gateway_that_does_not_take_it_keeps_the_one_before(running: Rollout, host: str) -> None:
    """Also a standby, which answers its own host only."""
    before = generation(host)
    shell(
        f"mkdir -p {Path(RELOAD_BROKEN).parent}; printf '[Service]\nExecReload=\nExecReload=/bin/true\n' > "
        f"{RELOAD_BROKEN}; systemctl daemon-reload",
        host=host,
    )
    refused = run("renew.yml", edge_certificate_force=True)
    assert refused.code == 2
    told = next(item["msg"] for item in refused.hosts[host]["failed"])
    assert "is still another one" in told and f"generation {before} serves again" in told, told
    assert generation(host) == before and shown(host) == on_disk(host)
    shell(f"rm {RELOAD_BROKEN}; systemctl daemon-reload", host=host)
    mended = run("renew.yml")
    assert mended.code == 0, mended.output[-3000:]
    assert generation(host) != before and shown(host) == on_disk(host)
    assert fingerprint("edge1.london", "chain.pem") == fingerprint("edge2.london", "chain.pem")
    assert run("renew.yml").changed() == dict.fromkeys(HOSTS, 0)


def test_going_back_and_forward(running: Rollout) -> None:
    newest = {host: generation(host) for host in HOSTS[:2]}
    planned = run("rollback.yml", "--check", limit="london")
    done = run("rollback.yml", limit="london")
    assert done.code == 0, done.output[-3000:]
    assert planned.named_changes() == done.named_changes() != set()
    for host in HOSTS[:2]:
        assert generation(host) < newest[host] and shown(host) == on_disk(host)
    back = {host: generation(host) for host in HOSTS[:2]}
    assert run("rollback.yml", limit="london").changed() == dict.fromkeys(HOSTS[:2], 0), "a second run goes no further"
    assert run("renew.yml").changed() == dict.fromkeys(HOSTS, 0), "what was gone back from does not come back by itself"
    assert {host: generation(host) for host in HOSTS[:2]} == back
    unknown = run("rollback.yml", limit="edge1.london", edge_certificate_rollback_to="77")
    assert unknown.code == 2 and "there is no generation 77. There are" in unknown.output
    forward = run("rollback.yml", limit="edge1.london", edge_certificate_rollback_to=str(int(newest["edge1.london"])))
    assert forward.code == 0 and generation("edge1.london") == newest["edge1.london"]
    assert run("renew.yml").code == 0
    assert fingerprint("edge1.london", "chain.pem") == fingerprint("edge2.london", "chain.pem")


@pytest.mark.soak
def test_killed_at_every_step_the_old_or_the_new_one_is_served(running: Rollout) -> None:
    send_modules()
    folder = f"{STORE}/{LONDON}"
    assert run("renew.yml", limit="london", edge_certificate_force=True).code == 0
    issued = shell(f"cd {folder}; ls -d [0-9]*/chain.pem").split()
    assert len(issued) >= 2
    chains = [shell(f"cat {folder}/{path}") for path in issued[-2:]]
    names = ["contoso.example"]
    params = {"name": LONDON, "directory": STORE, "names": names, "gateway": {"domains": names}, "keep": 9}
    # The first of the two serves when the first kill comes.
    play_back = run("rollback.yml", limit="edge1.london", edge_certificate_rollback_to=str(int(issued[-2][:4])))
    assert play_back.code == 0, play_back.output[-3000:]
    report = run_swaps({"params": params, "chains": chains, "every": KILL_EVERY})
    print(report)
    assert report["wrong"] == []
    least = 50 if KILL_EVERY == 1 else 40 // KILL_EVERY
    assert report["kill_points"] >= least, f"only {report['kill_points']} kill points"
    assert report["old"] and report["new"], report
    assert run("renew.yml").code == 0


def test_what_is_there_is_shown(running: Rollout, own_lab: dict[str, Any], tmp_path: Path) -> None:
    tasks = [
        {"edge_certificate_info": {"partners": "{{ federation_model.partners }}",
                                   "gateway": {"domains": ["contoso.example"]}}, "register": "inside"},
        {"edge_certificate_info": {"remote": [{"domain": "contoso.example",
                                               "address": own_lab["addresses"]["edge1.london"]}]},
         "delegate_to": "localhost", "become": False,
         "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}, "register": "outside"},
        {"ansible.builtin.copy": {"content": "{{ [inside, outside] | to_json }}", "dest": str(tmp_path / "found.json"),
                                  "mode": "0600"}, "delegate_to": "localhost", "become": False},
    ]  # fmt: skip
    from .gateway_host import environment
    from .rollout import BIN, ROOT

    play_ = [{"import_playbook": str(ROOT / "playbooks" / "prepare.yml")},
             {"hosts": "edge1.london", "gather_facts": False, "become": True, "tasks": tasks}]  # fmt: skip
    (tmp_path / "look.json").write_text(json.dumps(play_))
    command = [str(BIN / "ansible-playbook"), "-i", "inventories/lab", "-i", "inventories/lab-acme", "--limit"]
    done = subprocess.run(
        [*command, "edge1.london", str(tmp_path / "look.json")],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    inside, outside = json.loads((tmp_path / "found.json").read_text())
    pool = inside["certificates"][LONDON]
    current = next(each for each in pool["generations"] if each["generation"] == pool["current"])
    assert pool["served"] is True
    assert current["certificate"]["days_left"] in (58, 59)
    assert any("serves: serial" in line for line in pool["history"])
    assert pool["partners"][0]["partner"] == "fabrikam.example"
    assert outside["remote"][0]["certificate"]["serial"] == current["certificate"]["serial"]
