"""``lync_certificate``: its arguments; the work is in ``certificate_reconciler``, which needs a library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..certificates import library
from ..errors import InvalidValue
from ..module import Context, Reconciler
from .certificate_orders import PUBLIC_USES, USES
from .reconciler import CONNECTION_ARGUMENTS

_SUBJECT = {name: {"type": "str"} for name in ("organization", "organizational_unit", "city", "state", "country")}
_KEY = {
    "type": {"type": "str", "choices": ["rsa", "ecdsa"], "default": "rsa"},
    "size": {"type": "int", "choices": [2048, 4096]},
    "curve": {"type": "str", "choices": ["p256", "p384", "p521"]},
}
_CERTIFICATE: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "uses": {"type": "list", "elements": "str", "choices": list(USES), "default": list(PUBLIC_USES)},
    "names": {"type": "list", "elements": "str", "default": []},
    "subject": {"type": "dict", "options": _SUBJECT},
    "key": {"type": "dict", "options": _KEY, "no_log": False},
    "friendly_name": {"type": "str", "default": ""},
    "exportable": {"type": "bool", "default": True},
    "template": {"type": "str", "default": ""},
    "client_auth": {"type": "bool", "default": False},
    "all_sip_domains": {"type": "bool", "default": False},
    "computer_fqdn": {"type": "str"},
    "renew_before_days": {"type": "int"},
    "force": {"type": "bool", "default": False},
    "request_file": {"type": "path"},
    "answer": {"type": "path"},
    "chain": {"type": "str"},
    "signed_now": {"type": "bool", "default": False},
    "pkcs12_password": {"type": "str", "no_log": True},
    "trust_anchors": {"type": "list", "elements": "path", "default": []},
    "ca": {"type": "str"},
    "ca_account": {"type": "str"},
    "ca_password": {"type": "str", "no_log": True},
    "thumbprint": {"type": "str"},
}
_MEMBER = {
    name: {**CONNECTION_ARGUMENTS[name], "default": None}
    for name in (
        "port",
        "username",
        "password",
        "authentication",
        "ca_file",
        "client_certificate",
        "client_key",
    )
}
ARGUMENTS: dict[str, Any] = {
    **CONNECTION_ARGUMENTS,
    "members": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"host": {"type": "str", "required": True}, "name": {"type": "str"}, **_MEMBER},
    },
    "name": {"type": "str"},
    "certificates": {"type": "list", "elements": "dict", "default": [], "options": _CERTIFICATE},
    "restore": {"type": "dict", "default": {}},
    "take_back": {"type": "list", "elements": "str", "default": []},
    "directory": {"type": "str", "default": r"C:\Windows\Temp"},
    "handover_directory": {"type": "path"},
    "handover_restart": {"type": "bool", "default": False},
}


def lync_certificate(params: Mapping[str, Any], context: Context) -> Reconciler:
    """Return the reconciler, where what it needs is installed. :raises MissingDependency: it is not."""
    library.require(library.OLDEST_ON_CONTROLLER)
    if params["endpoint"] != "edge":
        raise InvalidValue(
            "endpoint front_end has no certificates of an Edge Server",
            path="endpoint",
            hint="They are requested and assigned on the Edge Server itself: set endpoint: edge.",
        )
    if sum(bool(params[name]) for name in ("restore", "take_back", "certificates")) != 1:
        raise InvalidValue(
            "one of certificates, restore and take_back is needed",
            path="certificates",
            hint="Give the certificates that are wanted, or what was assigned before.",
        )
    if params.get("handover_directory"):
        from .certificate_handover import HandedOver

        return HandedOver(params, context)
    if params["restore"] or params["take_back"]:
        from .certificate_restore import Restoration

        return Restoration(params, context)
    from .certificate_reconciler import LyncCertificates

    return LyncCertificates(params, context)
