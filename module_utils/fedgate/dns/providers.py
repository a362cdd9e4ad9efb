"""The table of DNS providers. A new kind is one file and one line here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InvalidValue, MissingDependency
from .options import KINDS
from .provider import Provider


def open_provider(options: Mapping[str, Any]) -> Provider:
    """Make the provider that the options describe.

    :param options: ``kind`` and what that kind needs.
    :raises MissingDependency: its library is missing on the controller.
    :raises InvalidValue: an unknown kind, or options that it does not understand.
    """
    kind = options["kind"]
    if kind not in _KINDS:  # the argument spec of modules says it first
        raise InvalidValue(f"DNS provider kind {kind!r} is unknown", hint=f"Allowed: {', '.join(KINDS)}.")
    return _KINDS[kind](options)


def _rfc2136(options: Mapping[str, Any]) -> Provider:
    try:
        import dns.version  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise _missing("dnspython") from error
    from .rfc2136.provider import Rfc2136

    return Rfc2136.from_options(options)


def _octodns(options: Mapping[str, Any]) -> Provider:
    try:
        import octodns  # noqa: F401 - only whether it is there
    except ImportError as error:
        from .octodns.services import missing

        raise missing("octodns") from error
    from .octodns.provider import OctoDns

    return OctoDns.from_options(options)


def _route53(options: Mapping[str, Any]) -> Provider:
    try:
        import botocore  # noqa: F401 - boto3's engine; the rest of it is not needed
    except ImportError as error:
        raise _missing("boto3") from error
    from .route53.provider import Route53

    return Route53.from_options(options)


def _missing(library: str) -> MissingDependency:
    return MissingDependency(
        f"the Python library {library} is missing for {sys.executable}",
        hint="Run Ansible from the environment where requirements.txt is installed, and give the task "
        '`ansible_python_interpreter: "{{ ansible_playbook_python }}"`.',
    )


#: A static table: what is looked up by name at run time would not travel with the module.
_KINDS: Mapping[str, Callable[[Mapping[str, Any]], Provider]] = {
    "rfc2136": _rfc2136,
    "route53": _route53,
    "octodns": _octodns,
}
