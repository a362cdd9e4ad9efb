"""One CA, spoken to through the ACME library; whatever goes wrong is said in words."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any, Optional

import acme.client
import acme.errors
import acme.messages
import josepy.errors
import josepy.jwa
import josepy.jwk
import requests

from ...errors import InvalidValue, Refused, Unreachable
from . import words
from .settings import AcmeSettings

#: Seconds for one answer of the CA.
_ANSWER = 45
#: How often a message is sent again because its nonce was not taken; the library does so once by itself.
_NONCES = 4
_AGENT = "fedgate (acme-python)"


class Network(acme.client.ClientNetwork):
    """The library's network, more patient with nonces; it keeps the last answer, whose headers errors do not carry.

    :ivar last: the last answer.
    """

    def __init__(self, key: Optional[josepy.jwk.JWK], alg: Any, ca_file: Optional[str]) -> None:
        super().__init__(
            key,
            alg=alg,
            verify_ssl=ca_file or True,  # type: ignore[arg-type] # a path is what the library underneath takes too
            user_agent=_AGENT,
            timeout=_ANSWER,
        )
        self.last: Optional[requests.Response] = None
        self.session.hooks["response"].append(self._keep)

    def _keep(self, response: requests.Response, *_: Any, **__: Any) -> None:
        self.last = response

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a signed message; see the base class."""
        for _ in range(_NONCES):
            try:
                return super().post(*args, **kwargs)
            except acme.messages.Error as error:
                if error.code != "badNonce":
                    raise
        return super().post(*args, **kwargs)


class Session:
    """A conversation with one CA.

    :param key: of the account; None where nothing is signed.
    :ivar client: the library's client, once :meth:`open` was called.
    """

    def __init__(
        self, settings: AcmeSettings, key: Optional[josepy.jwk.JWK] = None, alg: Any = josepy.jwa.ES256
    ) -> None:
        self.settings = settings
        self.key = key
        self._alg = alg
        self.client: Any = None
        self.net: Any = None

    def open(self) -> None:
        """Fetch the directory. :raises FedgateError: unreachable, not trusted, or no directory."""
        ca_file = self.settings.ca_file
        if ca_file and not os.path.isfile(ca_file):
            raise InvalidValue(
                f"{ca_file} is not there", path="issuer.acme.ca_file", hint="Name a PEM file with the CA's HTTPS root."
            )
        self.net = Network(self.key, self._alg, ca_file)
        with self.asking("the directory"):
            directory = acme.client.ClientV2.get_directory(self.settings.directory_url, self.net)
            lacking = [name for name in ("newNonce", "newAccount", "newOrder") if not hasattr(directory, name)]
        if lacking:
            raise InvalidValue(
                f"{self.settings.directory_url} is not an ACME directory: {lacking[0]} is missing",
                path="issuer.acme.directory_url",
                hint="The CA's documentation names its directory.",
            )
        self.client = acme.client.ClientV2(directory, self.net)

    @property
    def meta(self) -> Any:
        """What the CA says of itself."""
        return self.client.directory.meta

    def fetch(self, url: str) -> requests.Response:
        """Fetch something of ours (POST-as-GET, RFC 8555 §6.3)."""
        response: requests.Response = self.net.post(url, None, new_nonce_url=self.client.directory.newNonce)
        return response

    @contextlib.contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """Turn what the library raises inside into errors in words.

        :param what: what is asked: the message's beginning names it and the CA.
        """
        where = f"{what} at {self.settings.directory_url}"
        try:
            yield
        except acme.messages.Error as error:
            raise words.explain(error, where, self._retry_after()) from error
        except requests.exceptions.SSLError as error:
            raise self._not_trusted(where, error) from error
        except requests.exceptions.RequestException as error:
            raise Unreachable(
                f"{where}: the CA does not answer ({_reason(error)})",
                hint="Check acme.directory_url, the firewall, and the proxy (https_proxy) of the controller.",
            ) from error
        except (acme.errors.Error, josepy.errors.Error, OSError, ValueError, KeyError, TypeError) as error:
            raise Refused(f"{where}: {self._unreadable(error)}", hint=self._later()) from error

    def _retry_after(self) -> Optional[str]:
        return self.net.last.headers.get("Retry-After") if self.net.last is not None else None

    def _not_trusted(self, where: str, error: Exception) -> Refused:
        ca_file = self.settings.ca_file
        used = f"the roots in {ca_file}" if ca_file else "the public roots"
        return Refused(
            f"{where}: the CA's HTTPS certificate does not verify with {used} ({_reason(error)})",
            hint="For a private CA name the PEM file with the root of its HTTPS certificate in acme.ca_file.",
        )

    def _unreadable(self, error: Exception) -> str:
        last = self.net.last
        if last is not None and not last.ok:
            return f"HTTP {last.status_code} without a reason that could be read"
        return f"an answer that is not ACME ({type(error).__name__})"

    def _later(self) -> str:
        last = self.net.last
        if last is not None and last.status_code in (429, 503) and last.headers.get("Retry-After"):
            return f"Run again after {last.headers['Retry-After']} (Retry-After)."
        return "Check acme.directory_url; if it is right, run again later."


def _reason(error: BaseException) -> str:
    """Return the innermost reason: the library underneath wraps it several times."""
    text = str(error)
    for cause in getattr(error, "args", ()):
        inner = getattr(cause, "reason", None)
        if inner is not None:
            return _reason(inner) if isinstance(inner, BaseException) else str(inner)
    text = text.rsplit(">: ", 1)[-1].rsplit(": [Errno", 1)[-1]
    return " ".join(text.split())[:200] or type(error).__name__
