"""What the modules' option ``records`` says, read and held against itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import InvalidValue
from . import names
from .records import Key, Wanted
from .values import Value, parse

_MAX_TTL = 2**31 - 1  # seconds (RFC 2181 §8)
#: RFC 2782: decidedly no such service.
_NO_SERVICE = "0 0 0 ."


def wanted_from(records: Iterable[Mapping[str, Any]]) -> list[Wanted]:
    """Read the records of the arguments and hold them against each other.

    :param records: name, type, view, state, ttl, values of each.
    :raises InvalidValue: naming the record by its index, ``records[3].values[0]``.
    """
    wanted: list[Wanted] = []
    seen: dict[str, dict[Key, int]] = {}
    for index, record in enumerate(records):
        one = _wanted(record, f"records[{index}]")
        before = seen.setdefault(one.view, {}).setdefault(one.key, index)
        if before != index:
            raise InvalidValue(
                f"{one.name} {one.type} stands already in records[{before}]",
                hint="Give all values of one name and type in one record.",
                path=f"records[{index}]",
            )
        wanted.append(one)
    for view, index_of in seen.items():
        _check_together([one for one in wanted if one.view == view], index_of)
    return wanted


def _wanted(record: Mapping[str, Any], path: str) -> Wanted:
    rtype = str(record["type"]).upper()
    name = names.at(f"{path}.name", str(record["name"]))
    state, view = record.get("state") or "present", record.get("view") or "external"
    if state == "absent":
        return Wanted(name, rtype, view=view)
    if state == "retired" and rtype != "SRV":
        raise InvalidValue(
            f"{name} {rtype} cannot be retired",
            hint="Only SRV records can say that there is no such service; use state: absent.",
            path=f"{path}.state",
        )
    texts = [_NO_SERVICE] if state == "retired" else record.get("values") or []
    values = _values(rtype, texts, path, name)
    ttl = record.get("ttl")
    if not isinstance(ttl, int) or isinstance(ttl, bool) or not 0 <= ttl <= _MAX_TTL:
        raise InvalidValue(
            f"the time to live of {name} {rtype} is {ttl!r}",
            hint="Give whole seconds, usually 300 to 900.",
            path=f"{path}.ttl",
        )
    return Wanted(name, rtype, ttl, values, view, state == "retired")


def _values(rtype: str, texts: Iterable[Any], path: str, name: str) -> tuple[Value, ...]:
    values = []
    for index, text in enumerate(texts):
        try:
            value = parse(rtype, text)
            if value.leads_to is not None and not (rtype == "SRV" and value.leads_to == names.ROOT):
                (names.host_name if rtype == "SRV" else names.owner_name)(value.leads_to)
        except InvalidValue as error:
            raise InvalidValue(
                f"{name} {rtype}: {error.message}", hint=error.hint, path=f"{path}.values[{index}]"
            ) from error
        values.append(value)
    found = tuple(sorted(set(values)))
    if not found:
        raise InvalidValue(
            f"{name} {rtype} shall be present but has no values",
            hint="Give values, or state: absent.",
            path=f"{path}.values",
        )
    alone = rtype == "CNAME" or any(rtype == "SRV" and value.leads_to == names.ROOT for value in found)
    if alone and len(found) > 1:
        raise InvalidValue(
            f"{name} {rtype} can have one value only, not {len(found)}",
            hint="A CNAME stands alone, and so does an SRV target '.' (no such service).",
            path=f"{path}.values",
        )
    return found


def _check_together(wanted: list[Wanted], index_of: Mapping[Key, int]) -> None:
    """What single records cannot tell: an alias stands alone, and SRV targets are hosts with addresses (RFC 2782)."""
    present = {one.key for one in wanted if one.values}
    mentioned = {one.key for one in wanted}
    aliases = {name for name, rtype in present if rtype == "CNAME"}
    for one in wanted:
        path = f"records[{index_of[one.key]}]"
        if one.values and one.type != "CNAME" and one.name in aliases:
            raise InvalidValue(
                f"{one.name} cannot be {one.type} and CNAME at once", hint="A CNAME stands alone.", path=path
            )
        for value in one.values if one.type == "SRV" else ():
            _check_target(value, aliases, present, mentioned, f"{path}.values")


def _check_target(value: Value, aliases: set[str], present: set[Key], mentioned: set[Key], path: str) -> None:
    target = value.leads_to or names.ROOT
    if target in aliases:
        raise InvalidValue(
            f"the SRV target {target} is a CNAME",
            hint="An SRV record leads to a host's own name (RFC 2782).",
            path=path,
        )
    addresses = {(target, "A"), (target, "AAAA")}
    if addresses & mentioned and not addresses & present:
        raise InvalidValue(
            f"the SRV target {target} has no address: its A and AAAA records shall be absent",
            hint="Give it addresses, or take it out of the SRV record.",
            path=path,
        )
