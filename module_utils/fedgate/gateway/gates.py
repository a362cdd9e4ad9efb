"""The reconcilers of ``xmpp_partner_policy``, one for each kind of gateway. A new one is one line in this table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..module import Context, Kind, Reconciler
from .ejabberd_gate import EjabberdPolicy
from .policy_gate import PartnerPolicy

GATES: dict[str, Kind] = {"prosody": PartnerPolicy, "ejabberd": EjabberdPolicy}


def partner_policy(params: Mapping[str, Any], context: Context) -> Reconciler:
    """Return the reconciler for the server that the arguments name."""
    return GATES[params["server"]](params, context)
