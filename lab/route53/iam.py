"""Whether IAM policy documents allow a request to Route 53, by AWS's own rules as far as such documents need them.

IAM User Guide: "Policy evaluation logic" (all is denied unless some statement allows it and none denies it), "IAM JSON
policy elements: Action, Resource, Condition operators", "Single-valued vs. multivalued context keys". Amazon Route 53
Developer Guide: "Using IAM policy conditions for fine-grained access control". What is not understood is an error: a
test must not pass because a part of a policy was passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .asked import Request
from .names import stored

Context = Mapping[str, frozenset[str]]
_ELEMENTS = {"Sid", "Effect", "Action", "Resource", "Condition"}
_PREFIX = "route53:ChangeResourceRecordSets"


def allows(*documents: Mapping[str, Any]) -> Callable[[Request], bool]:
    """Return what a proxy asks: whether somebody with these policies, and no others, may do a request.

    Requests to STS are none of Route 53's policies' business, and pass.
    """
    statements = [statement for document in documents for statement in _statements(document)]

    def decide(request: Request) -> bool:
        if request.service != "route53":
            return True
        context = context_of(request)
        effects = {each["Effect"] for each in statements if _applies(each, request, context)}
        return effects == {"Allow"}

    return decide


def context_of(request: Request) -> Context:
    """Return the condition keys of a request; each is a set, so what belongs together in a change is not known."""
    if not request.changes:
        return {}
    return {
        f"{_PREFIX}NormalizedRecordNames": frozenset(stored(each.name).removesuffix(".") for each in request.changes),
        f"{_PREFIX}RecordTypes": frozenset(each.type for each in request.changes),
        f"{_PREFIX}Actions": frozenset(each.action for each in request.changes),
    }


def resource_of(request: Request) -> str:
    """Return the ARN that a request is about; ``*`` for operations that know no resources."""
    if "hostedzone/" in request.path:
        return f"arn:aws:route53:::hostedzone/{request.target}"
    return f"arn:aws:route53:::change/{request.target}" if request.operation == "GetChange" else "*"


def _statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if document["Version"] != "2012-10-17":
        raise ValueError(f"policy version {document['Version']!r}")
    statements = list(document["Statement"])
    for statement in statements:
        strange = set(statement) - _ELEMENTS
        if strange or statement["Effect"] not in ("Allow", "Deny"):
            raise ValueError(f"not understood in a policy statement: {sorted(strange) or statement['Effect']}")
        for operator in statement.get("Condition", {}):
            _operator(operator)
    return statements


def _applies(statement: Mapping[str, Any], request: Request, context: Context) -> bool:
    action = f"route53:{request.operation}".lower()
    if not any(_like(pattern.lower(), action) for pattern in _listed(statement["Action"])):
        return False
    if not any(_like(pattern, resource_of(request)) for pattern in _listed(statement["Resource"])):
        return False
    return all(
        _operator(operator)(context.get(key, frozenset()), _listed(values))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def _operator(text: str) -> Callable[[frozenset[str], list[str]], bool]:
    """Return what an operator does with the values of the request and those of the policy."""
    if text == "Null":
        return lambda found, allowed: (not found) == (allowed == ["true"])
    quantifier, _, comparison = text.rpartition(":")
    if quantifier not in _QUANTIFIERS or comparison not in _COMPARISONS:
        raise ValueError(f"condition operator {text!r}")
    matches = _COMPARISONS[comparison]
    every = _QUANTIFIERS[quantifier]
    return lambda found, allowed: every(any(matches(value, one) for one in allowed) for value in found)


def _like(pattern: str, text: str) -> bool:
    """Compare with ``*`` (any characters) and ``?`` (any one)."""
    parts = ({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


#: ForAllValues is true also when there is no value at all; the other one is not.
_QUANTIFIERS: Mapping[str, Callable[[Iterable[bool]], bool]] = {"ForAllValues": all, "ForAnyValue": any}
_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda found, allowed: found == allowed,
    "StringLike": lambda found, allowed: _like(allowed, found),
}
