"""Record sets as octoDNS has them, and as we have them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import InvalidValue
from .. import names, txt
from ..records import RRset
from ..values import TYPES, Value, parse


def rrset_of(record: Any, escaped: bool) -> RRset:
    """Return our form of a record of octoDNS; a type that we do not know comes without its data.

    :param escaped: see ``services.Service``.
    :raises InvalidValue: data that cannot be read.
    """
    name, rtype = names.fold(record.fqdn), str(record._type)
    if rtype not in TYPES:
        return RRset.of(name, rtype, int(record.ttl), [], record)
    values = [record.value] if rtype == "CNAME" else record.values
    return RRset.of(name, rtype, int(record.ttl), [_READ[rtype](value, escaped) for value in values], record)


def data_of(rrset: RRset, escaped: bool, meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return what octoDNS's ``Record.new`` takes for a record set.

    :param meta: what octoDNS keeps beside the data, from the record that this one replaces.
    :raises InvalidValue: data that this service's provider cannot hold.
    """
    values = [_WRITE[rrset.type](value, escaped) for value in rrset.values]
    data: dict[str, Any] = {"type": rrset.type, "ttl": rrset.ttl}
    if meta:
        data["octodns"] = meta
    if rrset.type == "CNAME":
        return {**data, "value": values[0]}
    return {**data, "values": values}


def meta_of(record: Any) -> dict[str, Any]:
    """Return what a service keeps beside a record's data, such as comments, to be kept when the record is changed.

    A time to live that the service chooses goes: ours is given.
    """
    beside = record.octodns if hasattr(record, "octodns") else getattr(record, "_octodns", None)  # before octoDNS 1.15
    meta = copy.deepcopy(dict(beside or {}))
    for part in meta.values():
        if isinstance(part, dict):
            part.pop("auto-ttl", None)
    return {key: part for key, part in meta.items() if part}


def special(record: Any) -> str | None:
    """Tell why a record must not be changed by us: it is more than its values. None for an ordinary one."""
    if getattr(record, "dynamic", None):
        return "a dynamic record of octoDNS (pools and rules)"
    if getattr(record, "geo", None):
        return "a record that answers by place (geo)"
    if any(isinstance(part, dict) and part.get("proxied") for part in meta_of(record).values()):
        return "served by the service's own proxy"
    return None


def _plain(data: bytes) -> str:
    """Return data for a provider of which is not known how it escapes."""
    shown = txt.quoted(data)[1:-1]
    if shown.encode() != data:
        raise InvalidValue(
            f"{shown!r} holds quotes, backslashes or characters beyond ASCII, which this service's provider of octoDNS "
            "does not carry unchanged",
            hint="Leave them out, or manage this record set by hand.",
        )
    return shown


def _txt_read(value: Any, escaped: bool) -> Value:
    text = str(value)
    # octoDNS escapes each semicolon, which in a zone file means the same as the bare one.
    return parse("TXT", f'"{text}"' if escaped else txt.quoted(text.replace("\\;", ";").encode()))


def _txt_write(value: Value, escaped: bool) -> str:
    (data,) = value.order
    return (txt.quoted(data)[1:-1] if escaped else _plain(data)).replace(";", "\\;")


def _caa_read(value: Any, escaped: bool) -> Value:
    data = f'"{value.value}"' if escaped else txt.quoted(str(value.value).encode())
    return parse("CAA", f"{value.flags} {value.tag} {data}")


def _caa_write(value: Value, escaped: bool) -> dict[str, Any]:
    flags, tag, data = value.order
    return {"flags": flags, "tag": tag, "value": txt.quoted(data)[1:-1] if escaped else _plain(data)}


def _srv_write(value: Value, escaped: bool) -> dict[str, Any]:
    priority, weight, port, target = value.order
    return {"priority": priority, "weight": weight, "port": port, "target": _absolute(target)}


def _tlsa_read(value: Any, escaped: bool) -> Value:
    numbers = f"{value.certificate_usage} {value.selector} {value.matching_type}"
    return parse("TLSA", f"{numbers} {value.certificate_association_data}")


def _tlsa_write(value: Value, escaped: bool) -> dict[str, Any]:
    parts = ("certificate_usage", "selector", "matching_type", "certificate_association_data")
    return dict(zip(parts, value.order))


def _absolute(name: str) -> str:
    return name if name == names.ROOT else f"{name}."


_READ: Mapping[str, Callable[[Any, bool], Value]] = {
    "SRV": lambda value, escaped: parse("SRV", f"{value.priority} {value.weight} {value.port} {value.target}"),
    "A": lambda value, escaped: parse("A", str(value)),
    "AAAA": lambda value, escaped: parse("AAAA", str(value)),
    "CNAME": lambda value, escaped: parse("CNAME", str(value)),
    "TXT": _txt_read,
    "CAA": _caa_read,
    "TLSA": _tlsa_read,
}
_WRITE: Mapping[str, Callable[[Value, bool], Any]] = {
    "SRV": _srv_write,
    "A": lambda value, escaped: value.text,
    "AAAA": lambda value, escaped: value.text,
    "CNAME": lambda value, escaped: _absolute(value.leads_to or names.ROOT),
    "TXT": _txt_write,
    "CAA": _caa_write,
    "TLSA": _tlsa_write,
}
