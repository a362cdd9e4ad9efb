"""What a failure inside octoDNS, or in a library below it, means; without secrets."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from typing import Any

from ...errors import FedgateError, Refused, Unreachable

#: How much of a service's answer is shown.
_SHOWN = 300
#: Names of exceptions of libraries that are not imported here: no answer came.
_SILENT = {"ConnectionError", "ConnectTimeout", "ReadTimeout", "Timeout", "ServiceRequestError", "TransportError"}
_KEPT_OUT = ("unauthorized", "authentication", "forbidden", "credential", "invalidkey", "notcredential")


def explain(error: Exception, what: str, secrets: dict[str, str], status: int | None, timeout: float) -> FedgateError:
    """Return the error for an exception.

    :param what: what was done, where: the message's beginning.
    :param secrets: option → value; values are taken out of all text.
    :param status: the last HTTP answer's, where that is known.
    :param timeout: seconds that were waited.
    """
    if isinstance(error, FedgateError):
        return error
    chain = list(_chain(error))
    status = next((found for found in map(_status, chain) if found), None) or status
    keys = ", ".join(f"`secrets.{key}`" for key in secrets) or "the credentials"
    if status is None and any(_is_silence(one) for one in chain):
        return Unreachable(
            f"{what}: it does not answer: {_clean(_reason(chain, timeout), secrets.values())}",
            hint="Check the service's address under `settings` of the DNS provider, the way to it, and that it runs.",
        )
    if status in (401, 403) or any(word in type(one).__name__.lower() for one in chain for word in _KEPT_OUT):
        said = f"HTTP {status}" if status else _clean(str(error), secrets.values())
        return Refused(
            f"{what}: it does not accept the credentials, or they do not allow this ({said})",
            hint=f"Check {keys} of the DNS provider, and what is allowed with them.",
        )
    text = _clean(_answer(chain) or f"{type(error).__name__}: {error}", secrets.values())
    return Refused(f"{what}: {text}", hint="Look at the service's own log or console.")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and what led to it, the innermost last."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        inner = getattr(error, "reason", None) or next(iter(getattr(error, "args", ())), None)
        error = error.__cause__ or error.__context__ or (inner if isinstance(inner, BaseException) else None)


def _status(error: BaseException) -> int | None:
    answer = getattr(error, "response", None)
    status = getattr(answer, "status_code", None) or getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _is_silence(error: BaseException) -> bool:
    silent = isinstance(error, (ConnectionError, TimeoutError, socket.timeout, socket.gaierror))
    return silent or any(kind.__name__ in _SILENT for kind in type(error).__mro__)


def _reason(chain: list[BaseException], timeout: float) -> str:
    for one in reversed(chain):
        if isinstance(one, OSError) and one.strerror:
            return str(one.strerror)
    if any("timeout" in kind.__name__.lower() for one in chain for kind in type(one).__mro__):
        return f"nothing came within {timeout:g} s"
    return str(chain[-1])


def _answer(chain: list[BaseException]) -> str | None:
    """Return what the service itself said, where the exception holds its answer."""
    for one in chain:
        answer: Any = getattr(one, "response", None)
        if answer is not None and getattr(answer, "text", None):
            return f"HTTP {answer.status_code}: {answer.text}"
    return None


def _clean(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return " ".join(text.split())[:_SHOWN]
