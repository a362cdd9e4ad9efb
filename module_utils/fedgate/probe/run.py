"""All targets of one call, several at a time; the module ``federation_probe`` is this and its documentation."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..errors import InvalidValue
from .conversation import look
from .values import PASSING_STEPS, Settings, Target, domain_name, ip_address

#: Looks at the same time; each waits for the network nearly all the time.
PARALLEL = 32
#: Seconds between two looks at a target that is waited for.
PAUSE = 2.0


def report(params: Mapping[str, Any], _context: Any = None) -> dict[str, Any]:
    """Look at all targets and return ``ok`` and ``results``, in the order of the targets.

    :param params: the arguments of ``federation_probe``.
    :raises InvalidValue: when an argument is not usable.
    :raises MissingDependency: when a library is missing where the probe runs.
    """
    targets = [_target(item, f"targets[{index}]") for index, item in enumerate(params["targets"])]
    results = _look_at_all(targets, _settings(params))
    return {"ok": all(result["ok"] for result in results), "results": results}


def probe(targets: Sequence[Target], **settings: Any) -> list[dict[str, Any]]:
    """Look at all targets; for programs other than the module.

    :param settings: the module's arguments of the same names, without ``targets``.
    :returns: one result for each target, in their order.
    :raises InvalidValue: when a setting is not usable.
    :raises MissingDependency: when a library is missing.
    """
    return _look_at_all(targets, _settings(settings))


def _look_at_all(targets: Sequence[Target], settings: Settings) -> list[dict[str, Any]]:
    if not targets:
        return []
    # One end for all: a hundred dead gateways are not waited for one after the other.
    end = time.monotonic() + settings.wait
    with ThreadPoolExecutor(max_workers=min(PARALLEL, len(targets))) as pool:
        return list(pool.map(lambda target: look_patiently(target, settings, end), targets))


def look_patiently(target: Target, settings: Settings, end: float) -> dict[str, Any]:
    """Look at one target; until ``end`` (monotonic seconds) again and again while it fails at a step that may heal."""
    looks = 1
    result = look(target, settings)
    while result["failed_step"] in PASSING_STEPS and time.monotonic() + PAUSE <= end:
        time.sleep(PAUSE)
        looks += 1
        result = look(target, settings)
    return {**result, "looks": looks}


def _target(item: Mapping[str, Any], path: str) -> Target:
    domain = domain_name(item["domain"], f"{path}.domain")
    address = item.get("address")
    expected, found_at = item.get("expect_target"), item.get("found_at")
    port = item.get("port") or 5269
    if not 1 <= port <= 65535:
        raise InvalidValue(f"{port} is not a TCP port", hint="It is between 1 and 65535.", path=f"{path}.port")
    return Target(
        name=item.get("name") or domain,
        domain=domain,
        address=ip_address(address, f"{path}.address") if address else None,
        port=port,
        expect_target=domain_name(expected, f"{path}.expect_target") if expected else None,
        expect_addresses=tuple(
            ip_address(value, f"{path}.expect_addresses") for value in item.get("expect_addresses") or []
        ),
        found_at=domain_name(found_at, f"{path}.found_at") if found_at else None,
    )


def _settings(params: Mapping[str, Any]) -> Settings:
    sender = params.get("from_domain")
    timeout = float(params.get("timeout") or 20)
    if timeout <= 0:
        raise InvalidValue(f"{timeout} seconds are no time", hint="Give a positive number.", path="timeout")
    return Settings(
        resolvers=tuple(ip_address(value, "resolvers") for value in params.get("resolvers") or []),
        anchors=_anchors(params.get("trust_anchors") or []),
        from_domain=domain_name(sender, "from_domain") if sender else None,
        timeout=timeout,
        wait=float(params.get("wait") or 0),
        dns_port=int(params.get("dns_port") or 53),
    )


def _anchors(values: Iterable[str]) -> str:
    """Return PEM text of all anchors, each given as text or as a path."""
    texts: list[str] = []
    for index, value in enumerate(values):
        if "-----BEGIN" in value:
            texts.append(value)
            continue
        try:
            with open(os.path.expanduser(value), encoding="utf-8") as file:
                texts.append(file.read())
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            raise InvalidValue(
                f"trust anchor {value} cannot be read: {why}",
                hint="Give a PEM file on the machine where the probe runs, or PEM text.",
                path=f"trust_anchors[{index}]",
            ) from error
    return "\n".join(texts)
