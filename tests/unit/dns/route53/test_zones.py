"""Hosted zones as the API describes them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.dns.route53.zones import Zone
from ansible.module_utils.fedgate.errors import Refused

FOUND: dict[str, Any] = {"Id": "/hostedzone/Z1", "Name": "Contoso.example.", "CallerReference": "x"}


@pytest.mark.parametrize(("config", "private"), [({}, False), ({"PrivateZone": True}, True), ({"Comment": "c"}, False)])
def test_a_zone(config: dict[str, Any], private: bool) -> None:
    zone = Zone.of({**FOUND, "Config": config})
    assert (zone.id, zone.name, zone.private) == ("Z1", "contoso.example", private)
    assert zone.obstacle() is None and str(zone) == "contoso.example (Z1)"


def test_a_zone_that_an_aws_service_keeps() -> None:
    """GetHostedZone, LinkedService: such a zone can neither be edited nor deleted through Route 53."""
    zone = Zone.of({**FOUND, "LinkedService": {"ServicePrincipal": "servicediscovery.amazonaws.com"}})
    why = zone.obstacle()
    assert isinstance(why, Refused) and "contoso.example (Z1) belongs to the AWS service servicediscovery" in str(why)
    assert Zone.of({**FOUND, "Name": "\\052.example."}).name == "*.example"
