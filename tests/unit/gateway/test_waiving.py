"""What is lost stops the run unless it was waived."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.errors import InvalidValue, SeveralErrors
from ansible.module_utils.fedgate.gateway.gates import partner_policy
from ansible.module_utils.fedgate.gateway.policy import Loss
from ansible.module_utils.fedgate.gateway.waiving import demand_waivers
from ansible.module_utils.fedgate.module import Context, Here


def demand(loss: list[Loss], *partners: dict[str, Any]) -> list[str]:
    warned: list[str] = []
    demand_waivers(loss, partners, "ejabberd", warned.append)
    return warned


def test_no_loss_and_no_waiver() -> None:
    assert demand([], {"domain": "a.example"}, {"domain": "b.example", "waive": None}) == []


def test_a_waiver_holds_for_its_partner_and_its_rule() -> None:
    loss = [Loss("a.example", "tls", "No."), Loss("a.example", "sasl", "No."), Loss("b.example", "tls", "No.")]
    assert (
        demand(loss, {"domain": "a.example", "waive": ["tls", "sasl"]}, {"domain": "b.example", "waive": ["tls"]}) == []
    )
    with pytest.raises(InvalidValue) as caught:
        demand(loss, {"domain": "a.example", "waive": ["tls"]}, {"domain": "b.example", "waive": ["sasl"]})
    left = [(item["partner"], item["rule"]) for item in caught.value.details["loss"]]
    assert left == [("a.example", "sasl"), ("b.example", "tls")]
    assert "sasl: No (a.example); tls: No (b.example). Where that is agreed" in str(caught.value)


def test_many_partners_are_counted() -> None:
    loss = [Loss(f"p{number}.example", "host", "It answers.") for number in range(1000)]
    with pytest.raises(InvalidValue) as caught:
        demand(loss)
    assert "p4.example and 995 more" in str(caught.value) and len(str(caught.value)) < 600
    assert len(caught.value.details["loss"]) == 1000


def test_nothing_to_waive_is_a_warning_by_rule() -> None:
    partners = [{"domain": f"p{number}.example", "waive": ["scope"]} for number in range(7)]
    assert demand([], *partners) == [
        "waive names scope for p0.example, p1.example, p2.example, p3.example, p4.example and 2 more, "
        "but ejabberd honours it: there is nothing to waive"
    ]


def test_an_unknown_rule_is_an_error_that_lists_them() -> None:
    with pytest.raises(InvalidValue, match="partner a.example: waive: 'all' is not a rule.*Rules: auto_approval, "):
        demand([], {"domain": "a.example", "waive": ["all"]})
    with pytest.raises(SeveralErrors):
        demand([], {"domain": "a.example", "waive": ["all", "everything"]})


@pytest.mark.parametrize("server", ["prosody", "ejabberd"])
def test_both_kinds_of_gateways_have_the_gate(server: str) -> None:
    """Before anything is looked at: the name of a rule that does not exist is enough to see the gate."""
    partners = [{"domain": "a.example", "waive": ["all"]}]
    params = {
        "server": server,
        "partners": partners,
        "local_hosts": [],
        "components": [],
        "limits": None,
        "scope": None,
        "directory": False,
        "path": None,
    }
    with pytest.raises(InvalidValue, match="'all' is not a rule that could be waived"):
        partner_policy(params, Context(Here(params, True, [])))
