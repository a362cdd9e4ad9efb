"""The two modules of an edge host, against real files: needed or not, prepared once, installed or refused."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates import chains, keys, requests
from ansible.module_utils.fedgate.certificates.generations import GenerationStore
from ansible.module_utils.fedgate.certificates.install import InstallReconciler
from ansible.module_utils.fedgate.certificates.prepare import RequestReconciler
from ansible.module_utils.fedgate.certificates.renewal import Observed, Rules, decide
from ansible.module_utils.fedgate.certificates.seen import Seen
from ansible.module_utils.fedgate.certificates.settings import RequestSettings
from ansible.module_utils.fedgate.errors import CheckFailed, InvalidValue
from ansible.module_utils.fedgate.plan import KNOWN_AFTER_APPLY
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from .world import (
    DAY,
    NAMES,
    NOW,
    POOL,
    Authority,
    Here,
    changes,
    install_arguments,
    pem,
    request_arguments,
    walk,
)

pytestmark = pytest.mark.edge

CA = Authority("Root")


def request(directory: Any, check_mode: bool = False, **other: Any) -> tuple[Any, dict[str, Any]]:
    return walk(RequestReconciler(request_arguments(directory, **other), Here(check_mode)))  # type: ignore[arg-type]


def install(directory: Any, chain: Any, check_mode: bool = False, **other: Any) -> tuple[Any, dict[str, Any]]:
    return walk(InstallReconciler(install_arguments(directory, chain, **other), Here(check_mode)))  # type: ignore[arg-type]


def signed(csr: str, **wrong: Any) -> str:
    return pem(CA.sign(requests.read(csr, "test").public, **wrong))


def served(directory: Path, **wrong: Any) -> dict[str, Any]:
    """Bring a host to where a certificate serves; ``wrong`` is what will be due about it."""
    _, result = request(directory)
    return install(directory, signed(result["csr"], **wrong))[1]


class TestRequest:
    """edge_certificate_request."""

    def test_a_bare_host(self, tmp_path: Path) -> None:
        planned, result = request(tmp_path, check_mode=True)
        assert changes(planned) == [("create", "certificate_request", POOL)]
        assert (result["needed"], result["csr"], result["generation"]) == (True, None, None)
        assert os.listdir(tmp_path) == []

        done, result = request(tmp_path)
        assert done.as_list() == planned.as_list()
        assert result["generation"] == 1
        assert requests.read(result["csr"], "test").settings.names == tuple(NAMES)
        assert "PRIVATE" not in json.dumps(result)

        again, repeated = request(tmp_path)
        assert not again
        assert (repeated["needed"], repeated["csr"]) == (True, result["csr"])

    def test_what_serves_and_fits_is_left_alone(self, tmp_path: Path) -> None:
        served(tmp_path)
        plan, result = request(tmp_path)
        assert not plan
        assert (result["needed"], result["generation"]) == (False, 1)
        assert result["chain"].startswith("-----BEGIN CERTIFICATE-----")

    @pytest.mark.parametrize(
        ("other", "reason"),
        [
            ({"names": [*NAMES, "sip.contoso.example"]}, "new names: sip.contoso.example"),
            ({"names": NAMES[:1]}, "names no longer wanted: conference.contoso.example"),
            ({"key": {"type": "ecdsa", "curve": "p384"}}, "key: ECDSA P-384 instead of ECDSA P-256"),
            ({"subject": {"organization": "Contoso"}}, "subject: 'O=Contoso' instead of ''"),
            ({"client_auth": True}, "clientAuth is now asked for"),
        ],
    )
    def test_each_difference_is_a_reason(self, tmp_path: Path, other: dict[str, Any], reason: str) -> None:
        served(tmp_path)
        planned, _ = request(tmp_path, check_mode=True, **other)
        plan, result = request(tmp_path, **other)
        assert plan.as_list() == planned.as_list()
        assert changes(plan) == [("update", "certificate_request", POOL)]
        assert plan.changes[0].after["because"] == [reason]
        assert result["generation"] == 2
        assert GenerationStore(str(tmp_path), POOL).current() == 1
        assert not request(tmp_path, **other)[0]

    def test_the_friendly_name_is_no_reason(self, tmp_path: Path) -> None:
        served(tmp_path)
        assert not request(tmp_path, friendly_name="another")[0]

    def test_what_was_prepared_for_other_names_is_not_used(self, tmp_path: Path) -> None:
        request(tmp_path)
        plan, result = request(tmp_path, names=NAMES[:1])
        assert changes(plan) == [("create", "certificate_request", POOL)]
        assert result["generation"] == 2
        _, result = request(tmp_path)
        assert result["generation"] == 1, "the first one fits again"

    def test_renewal_makes_a_new_key(self, tmp_path: Path) -> None:
        served(tmp_path, end=NOW + 10 * DAY, start=NOW - 80 * DAY)
        before = request(tmp_path, check_mode=True)[1]
        plan, result = request(tmp_path)
        assert plan.changes[0].after["because"][0].startswith("it expires on ")
        assert result["generation"] == 2
        assert result["key_fingerprint"] != before["key_fingerprint"]
        assert install(tmp_path, signed(result["csr"]))[1]["generation"] == 2
        assert not request(tmp_path)[1]["needed"]

    def test_a_kill_before_the_swap_ends_with_the_same_generation(self, tmp_path: Path) -> None:
        _, result = request(tmp_path)
        chain = signed(result["csr"])
        GenerationStore(str(tmp_path), POOL).put(1, "chain.pem", chain.encode())
        plan, again = request(tmp_path)
        assert not plan
        assert (again["needed"], again["csr"]) == (True, result["csr"])
        assert install(tmp_path, chain)[1]["generation"] == 1

    @pytest.mark.parametrize("file", ["key.pem", "request.pem", "chain.pem"])
    @pytest.mark.parametrize("content", [None, b"rubbish"])
    def test_damage_is_repaired_by_a_new_generation(self, tmp_path: Path, file: str, content: Any) -> None:
        served(tmp_path)
        path = tmp_path / POOL / "0001" / file
        path.unlink() if content is None else path.write_bytes(content)
        plan, result = request(tmp_path)
        assert changes(plan) == [("update", "certificate_request", POOL)]
        assert install(tmp_path, signed(result["csr"]))[1]["generation"] == 2
        assert not request(tmp_path)[1]["needed"]

    def test_bad_arguments(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidValue, match="'GBR' is not a country code of two letters"):
            request(tmp_path, subject={"country": "GBR"})
        with pytest.raises(InvalidValue, match="renew_before_days: a number of days cannot be negative"):
            request(tmp_path, renew_before_days=-1)


@given(life=st.integers(1, 400), age=st.integers(0, 500), renew_before=st.integers(0, 400))
def test_a_certificate_is_due_in_its_last_third_at_the_earliest(life: int, age: int, renew_before: int) -> None:
    """Otherwise a short-lived certificate would be renewed at every run."""
    wanted = RequestSettings.of({"names": NAMES})
    facts = replace(chains.describe(CA.certificate), not_before=NOW - age * DAY, not_after=NOW - age * DAY + life * DAY)
    decision = decide(Observed(NOW, Seen(1, wanted, "ff", "", "", facts)), wanted, Rules(timedelta(days=renew_before)))
    left = life - age
    assert decision.needed == (left <= min(renew_before, life / 3) or left <= 0)
    assert bool(decision.reasons) == decision.needed


class TestInstall:
    """edge_certificate."""

    def test_check_mode_before_anything_exists(self, tmp_path: Path) -> None:
        plan, result = install(tmp_path, None, check_mode=True)
        assert changes(plan) == [("create", "certificate", POOL)]
        assert result == {"names": NAMES} | dict.fromkeys(
            ("issuer", "serial", "not_after", "generation"), KNOWN_AFTER_APPLY
        )

    def test_first_then_nothing_to_do(self, tmp_path: Path) -> None:
        _, result = request(tmp_path)
        chain = signed(result["csr"])
        planned, _ = install(tmp_path, chain, check_mode=True)
        plan, facts = install(tmp_path, chain)
        assert plan.as_list() == planned.as_list()
        assert changes(plan) == [("create", "certificate", POOL)]
        assert (facts["generation"], facts["names"], facts["issuer"]) == (1, NAMES, "CN=Root")
        assert os.readlink(tmp_path / POOL / "current") == "0001"
        assert not install(tmp_path, chain)[0]

    def test_any_shape_is_stored_in_one(self, tmp_path: Path) -> None:
        middle = Authority("Intermediate", CA)
        _, result = request(tmp_path)
        leaf = middle.sign(requests.read(result["csr"], "test").public)
        wrong = "\ufeff" + pem(CA.certificate, middle.certificate, leaf).replace("\n", "\r\n") + "regards"
        install(tmp_path, wrong)
        assert (tmp_path / POOL / "current" / "chain.pem").read_text() == pem(leaf, middle.certificate)
        assert not install(tmp_path, pem(leaf, middle.certificate))[0]

    def test_an_update_shows_both(self, tmp_path: Path) -> None:
        served(tmp_path)
        _, result = request(tmp_path, client_auth=True)
        plan, _ = install(tmp_path, signed(result["csr"]))
        assert changes(plan) == [("update", "certificate", POOL)]
        assert (plan.changes[0].before["generation"], plan.changes[0].after["generation"]) == (1, 2)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"start": NOW - 9 * DAY, "end": NOW - DAY}, "the certificate has expired on"),
            ({"start": NOW + DAY}, "the certificate is not yet valid; it begins on"),
            ({"names": NAMES[:1]}, "does not cover conference.contoso.example"),
        ],
    )
    def test_what_is_refused_leaves_what_serves(self, tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
        served(tmp_path)
        _, result = request(tmp_path, client_auth=True)
        with pytest.raises(CheckFailed, match=rf"certificate offered for {POOL}: .*{message}"):
            install(tmp_path, signed(result["csr"], **wrong))
        assert os.readlink(tmp_path / POOL / "current") == "0001"
        assert not (tmp_path / POOL / "0002" / "chain.pem").exists()

    def test_a_certificate_for_another_key(self, tmp_path: Path) -> None:
        _, result = request(tmp_path)
        other = ec.generate_private_key(ec.SECP256R1()).public_key()
        with pytest.raises(CheckFailed) as caught:
            install(tmp_path, pem(CA.sign(other)))
        for text in (
            "certificate for another key",
            keys.fingerprint(other),
            f"keys here: 0001 {result['key_fingerprint']}",
        ):
            assert text in str(caught.value)

    def test_nothing_prepared(self, tmp_path: Path) -> None:
        with pytest.raises(CheckFailed, match=r"keys here: none.*edge_certificate_request"):
            install(tmp_path, pem(CA.sign(CA.key.public_key())))

    def test_no_chain(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidValue, match="there is no chain to install"):
            install(tmp_path, " ")
