"""The kinds of gateways that Fedgate knows. A new one is one file and one line in this table.

The table is static on purpose: what is looked up by name at run time would not travel to the target.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import InvalidValue
from . import ejabberd_policy, prosody_policy
from .policy import Compiled


@dataclass(frozen=True)
class Kind:
    """What has to be known of one kind of gateway.

    :ivar compile: partners, local hosts, components and what else the model publishes to the policy that this server
        honours, with the loss report.
    :ivar unit: the systemd unit.
    :ivar group: the group that the server runs as.
    :ivar policy_path: where the policy lies unless another place is named.
    """

    compile: Callable[..., Compiled]
    unit: str
    group: str
    policy_path: str


KINDS: dict[str, Kind] = {
    "prosody": Kind(prosody_policy.compile_policy, "prosody.service", "prosody", "/etc/prosody/fedgate/policy.json"),
    "ejabberd": Kind(ejabberd_policy.compile_policy, "ejabberd.service", "ejabberd", "/etc/ejabberd/fedgate.yml"),
}


def kind_of(name: str) -> Kind:
    """Return the kind of gateway of that name. :raises InvalidValue: when there is none."""
    if name not in KINDS:
        raise InvalidValue(f"unknown gateway {name!r}", hint=f"Known: {', '.join(sorted(KINDS))}.", path="server")
    return KINDS[name]
