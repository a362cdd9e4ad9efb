"""Renewal by force, keys that stay, generations that go, the way back, and certificates that others made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible.module_utils.fedgate.certificates import keys, requests
from ansible.module_utils.fedgate.certificates.generations import GenerationStore
from ansible.module_utils.fedgate.certificates.info import inspect
from ansible.module_utils.fedgate.certificates.install import InstallReconciler
from ansible.module_utils.fedgate.certificates.prepare import RequestReconciler
from ansible.module_utils.fedgate.certificates.rollback import RollbackReconciler
from ansible.module_utils.fedgate.certificates.settings import KeySettings
from ansible.module_utils.fedgate.errors import CheckFailed, InvalidValue
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .world import DAY, NAMES, NOW, POOL, Authority, Here, changes, install_arguments, pem, request_arguments, walk

pytestmark = pytest.mark.edge

CA = Authority("Root")


def request(directory: Path, check_mode: bool = False, **other: Any) -> tuple[Any, dict[str, Any]]:
    return walk(RequestReconciler(request_arguments(directory, **other), Here(check_mode)))  # type: ignore[arg-type]


def install(directory: Path, csr: str, check_mode: bool = False, **other: Any) -> tuple[Any, dict[str, Any]]:
    chain = pem(CA.sign(requests.read(csr, "test").public))
    arguments = install_arguments(directory, chain, **{"request": csr, **other})
    return walk(InstallReconciler(arguments, Here(check_mode)))  # type: ignore[arg-type]


def renewed(directory: Path, times: int = 1, **other: Any) -> None:
    for _ in range(times):
        _, result = request(directory, force=True, **other)
        install(directory, result["csr"])


def back(directory: Path, to: str = "previous", check_mode: bool = False) -> tuple[Any, dict[str, Any]]:
    arguments = {"name": POOL, "directory": str(directory), "names": NAMES, "to": to, "gateway": None}
    return walk(RollbackReconciler(arguments, Here(check_mode)))  # type: ignore[arg-type]


def store(directory: Path) -> GenerationStore:
    return GenerationStore(str(directory), POOL)


class TestRenewal:
    """What makes a certificate due, and what becomes of the key."""

    def test_by_force_each_time_but_what_is_prepared_is_used(self, tmp_path: Path) -> None:
        renewed(tmp_path)
        assert not request(tmp_path)[1]["needed"]
        plan, result = request(tmp_path, force=True)
        assert plan.changes[0].after["because"] == ["renewal was asked for"]
        again, same = request(tmp_path, force=True)
        assert not again and same["csr"] == result["csr"]

    def test_on_the_issuers_advice(self, tmp_path: Path) -> None:
        renewed(tmp_path)
        serial = request(tmp_path)[1]["serial"]
        assert not request(tmp_path, due={"00ff": "it was another one's advice"})[1]["needed"]
        plan, _ = request(tmp_path, due={serial: "the authority wants it renewed"})
        assert plan.changes[0].after["because"] == ["the authority wants it renewed"]

    def test_a_new_key_unless_it_is_to_stay(self, tmp_path: Path) -> None:
        renewed(tmp_path)
        first = request(tmp_path)[1]["key_fingerprint"]
        plan, kept = request(tmp_path, force=True, reuse_key=True)
        assert plan.changes[0].after["new_key"] is False
        assert kept["key_fingerprint"] == first
        install(tmp_path, kept["csr"])
        assert store(tmp_path).current() == 2, "the generation of the new request serves, not that of the same key"
        renewed(tmp_path)
        assert request(tmp_path)[1]["key_fingerprint"] != first

    def test_a_key_of_another_kind_does_not_stay(self, tmp_path: Path) -> None:
        renewed(tmp_path)
        wanted = {"type": "ecdsa", "curve": "p384"}
        plan, _ = request(tmp_path, key=wanted, reuse_key=True)
        assert plan.changes[0].after["new_key"] is True

    def test_members_of_a_pool_only_look(self, tmp_path: Path) -> None:
        plan, result = request(tmp_path, make=False)
        assert not plan and result["needed"] and result["csr"] is None
        assert result["holdings"] == {"request": None, "issued": False, "not_before": None, "requests": [],
                                      "rejected": []}  # fmt: skip
        assert not list(tmp_path.iterdir())


class TestOldGenerations:
    """Some are kept to go back to."""

    def test_three_stay(self, tmp_path: Path) -> None:
        renewed(tmp_path, 3)
        request(tmp_path, names=NAMES[:1])  # never answered
        _, result = request(tmp_path, force=True)
        planned, _ = install(tmp_path, result["csr"], check_mode=True)
        plan, _ = install(tmp_path, result["csr"])
        assert changes(plan) == changes(planned) == [
            ("update", "certificate", POOL),
            ("delete", "certificate_generation", f"{POOL} 0001"),
            ("delete", "certificate_generation", f"{POOL} 0004"),
        ]  # fmt: skip
        assert store(tmp_path).numbers() == [2, 3, 5]

    def test_at_least_two(self, tmp_path: Path) -> None:
        _, result = request(tmp_path)
        with pytest.raises(InvalidValue, match="keep: 1 generations are too few. At least 2"):
            install(tmp_path, result["csr"], keep=1)

    def test_everything_that_happens_is_noted(self, tmp_path: Path) -> None:
        renewed(tmp_path, 4)
        back(tmp_path)
        history = [line.split(" ", 2)[2] for line in store(tmp_path).history()]
        assert history[0] == "requested generation 0001 with a new key: there is no certificate yet"
        assert history[1].startswith("generation 0001 serves: serial ")
        assert "removed generations 0001" in history
        assert history[-1] == "went back to generation 0003 on demand"
        assert not [line for line in history if "KEY" in line]


class TestRollback:
    """edge_certificate_rollback."""

    def test_one_back_and_no_further(self, tmp_path: Path) -> None:
        renewed(tmp_path, 3)
        planned, _ = back(tmp_path, check_mode=True)
        plan, result = back(tmp_path)
        assert changes(plan) == changes(planned) == [("update", "certificate", POOL)]
        assert (result["generation"], store(tmp_path).current()) == (2, 2)
        assert not back(tmp_path)[0]

    def test_what_was_left_does_not_come_back_by_itself(self, tmp_path: Path) -> None:
        renewed(tmp_path, 2)
        back(tmp_path)
        assert not request(tmp_path)[1]["needed"]
        _, result = request(tmp_path, force=True)
        assert result["generation"] == 3, "neither is it used when the next renewal comes"
        assert len(result["holdings"]["rejected"]) == 1

    def test_forward_again_by_number(self, tmp_path: Path) -> None:
        renewed(tmp_path, 2)
        back(tmp_path)
        assert back(tmp_path, "2")[1]["generation"] == 2
        assert request(tmp_path)[1]["holdings"]["rejected"] == []

    @pytest.mark.parametrize(
        ("to", "message"),
        [
            ("9", "there is no generation 9. There are 1, 2."),
            ("yesterday", "'yesterday' is no generation. Write its number"),
            ("-1", "'-1' is no generation"),
        ],
    )
    def test_what_is_not_there(self, tmp_path: Path, to: str, message: str) -> None:
        renewed(tmp_path, 2)
        with pytest.raises(InvalidValue, match=message):
            back(tmp_path, to)

    def test_nothing_to_go_back_to(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidValue, match="no certificate serves"):
            back(tmp_path)
        renewed(tmp_path)
        with pytest.raises(InvalidValue, match="has no earlier generation to go back to.*edge_certificate_force"):
            back(tmp_path)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [({"start": NOW - 9 * DAY, "end": NOW - DAY}, "has expired"), ({"names": NAMES[:1]}, "does not cover")],
    )
    def test_what_cannot_serve_is_refused(self, tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
        renewed(tmp_path, 2)
        csr = store(tmp_path).read(1, "request.pem") or b""
        public = requests.read(csr.decode(), "test").public
        store(tmp_path).put(1, "chain.pem", pem(CA.sign(public, **wrong)).encode())
        with pytest.raises(CheckFailed, match=f"generation 0001 of {POOL}.*{message}"):
            back(tmp_path, "1")
        assert store(tmp_path).current() == 2


class TestAdopt:
    """The option adopt of edge_certificate_request."""

    @pytest.fixture
    def pair(self, tmp_path: Path) -> dict[str, Any]:
        key = keys.generate(KeySettings("ecdsa", None, "p256"))
        (tmp_path / "key").write_bytes(keys.to_pem(key))
        (tmp_path / "chain").write_text(pem(CA.certificate, CA.sign(key.public_key())))
        return {"key": str(tmp_path / "key"), "chain": str(tmp_path / "chain")}

    def adopt(self, pair: dict[str, Any], check_mode: bool = False, passphrase: Any = None, **other: Any) -> Any:
        paths = {**pair, "key_passphrase": passphrase}
        return request(Path(pair["key"]).parent / "store", check_mode, adopt=paths, **other)[0]

    def test_it_serves_until_it_is_due(self, pair: dict[str, Any], tmp_path: Path) -> None:
        planned = self.adopt(pair, check_mode=True)
        plan = self.adopt(pair)
        assert plan.as_list() == planned.as_list()
        assert changes(plan) == [("create", "certificate", POOL)]
        assert not self.adopt(pair)
        _, result = request(tmp_path / "store")
        assert not result["needed"]
        assert (tmp_path / "store" / POOL / "current" / "key.pem").stat().st_mode & 0o777 == 0o600
        assert "PRIVATE" not in json.dumps(plan.as_list())

    def test_it_is_renewed_where_another_kind_of_key_is_wanted(self, pair: dict[str, Any], tmp_path: Path) -> None:
        wanted = {"type": "rsa", "size": 2048}
        planned = self.adopt(pair, check_mode=True, key=wanted)
        plan = self.adopt(pair, key=wanted)
        assert (
            changes(plan)
            == changes(planned)
            == [("create", "certificate", POOL), ("update", "certificate_request", POOL)]
        )
        assert plan.changes[1].after["because"] == ["key: RSA 2048 bits instead of ECDSA P-256"]
        assert (store(tmp_path / "store").numbers(), store(tmp_path / "store").current()) == ([1, 2], 1)

    def test_killed_before_it_serves_it_is_taken_in_again(self, pair: dict[str, Any], tmp_path: Path) -> None:
        self.adopt(pair)
        (tmp_path / "store" / POOL / "current").unlink()
        assert changes(self.adopt(pair)) == [("create", "certificate", POOL)]
        assert store(tmp_path / "store").current() == 2

    def test_nothing_is_adopted_where_something_is_managed(self, pair: dict[str, Any], tmp_path: Path) -> None:
        renewed(tmp_path / "store")
        (tmp_path / "key").write_text("rubbish")
        assert not self.adopt(pair)

    def test_an_encrypted_key(self, pair: dict[str, Any], tmp_path: Path) -> None:
        key = keys.from_pem((tmp_path / "key").read_bytes(), "test")
        (tmp_path / "key").write_bytes(keys.to_pem(key, "canary"))
        with pytest.raises(InvalidValue, match="is encrypted, and no passphrase is given"):
            self.adopt(pair)
        with pytest.raises(InvalidValue, match="the passphrase given does not open") as caught:
            self.adopt(pair, passphrase="canary-wrong")
        assert "canary" not in str(caught.value)
        assert self.adopt(pair, passphrase="canary")

    @pytest.mark.parametrize(
        ("case", "message"),
        [
            ("pair", "chain is not for the key in .*key: it is for [0-9a-f]{64}, that key is [0-9a-f]{64}"),
            ("names", "does not cover conference.contoso.example"),
            ("expired", "the certificate has expired on"),
            ("early", "is not yet valid"),
            ("weak", "its RSA key has 1024 bits"),
            ("missing", "cannot be read: No such file"),
            ("rubbish", "holds no certificate"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_is_taken(
        self, pair: dict[str, Any], tmp_path: Path, case: str, message: str
    ) -> None:
        spoil(case, tmp_path)
        with pytest.raises((CheckFailed, InvalidValue), match=message):
            self.adopt(pair)
        assert not (tmp_path / "store").exists()


def spoil(case: str, folder: Path) -> None:
    key: Any = keys.from_pem((folder / "key").read_bytes(), "test")
    if case == "weak":
        key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        (folder / "key").write_bytes(keys.to_pem(key))
    public: Any = ec.generate_private_key(ec.SECP256R1()).public_key() if case == "pair" else key.public_key()
    wrong: dict[str, Any] = {
        "names": {"names": NAMES[:1]},
        "expired": {"start": NOW - 9 * DAY, "end": NOW - DAY},
        "early": {"start": NOW + DAY},
    }.get(case, {})
    content: Optional[str] = "rubbish" if case == "rubbish" else pem(CA.sign(public, **wrong))
    if case == "missing":
        (folder / "chain").unlink()
    elif content:
        (folder / "chain").write_text(content)


class TestInfo:
    """edge_certificate_info on a host."""

    def look(self, directory: Path, **other: Any) -> dict[str, Any]:
        arguments = {"name": None, "directory": str(directory), "partners": [], "remote": [], "gateway": None, **other}
        return inspect(arguments, Here())  # type: ignore[arg-type]

    def test_nothing_there(self, tmp_path: Path) -> None:
        assert self.look(tmp_path / "nowhere") == {"certificates": {}, "remote": []}

    def test_all_pools_and_generations(self, tmp_path: Path) -> None:
        renewed(tmp_path, 2)
        back(tmp_path)
        (tmp_path / POOL / "0002" / "key.pem").write_bytes(b"rubbish")
        partner = {"domain": "strict.example", "tls": "required", "sasl": "required", "dialback": False}
        found = self.look(tmp_path, partners=[partner])["certificates"][POOL]
        assert (found["current"], found["served"]) == (1, None)
        first, second = found["generations"]
        assert first["certificate"]["names"] == NAMES and 58 <= first["certificate"]["days_left"] <= 60
        assert "holds no private key" in second["problem"] and second["rejected"].startswith("somebody went back")
        assert found["partners"] == [{"partner": "strict.example", "methods": ["sasl_over_tls"],
                                      "with_strict_server": []}]  # fmt: skip
        assert "PRIVATE" not in json.dumps(found)
