"""Taking in a certificate and key that are on the host already, made by somebody else, where nothing serves yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import CheckFailed, InvalidValue
from . import library
from .generations import CHAIN, DESCRIPTION, KEY, REQUEST, GenerationStore
from .settings import RequestSettings

if TYPE_CHECKING:
    from .keys import PrivateKey
    from .seen import Seen


@dataclass(frozen=True)
class Found:
    """A pair that was read and checked.

    :ivar seen: what it will be as a generation. :ivar key: its private key. :ivar source: where the chain lies.
    """

    seen: Seen
    key: PrivateKey
    source: str


def find(paths: Mapping[str, Any], wanted: RequestSettings, number: int) -> Found:
    """Read and check a pair. Whether its chain leads to a trust anchor is not asked: it serves already.

    :param paths: ``key``, ``chain`` and ``key_passphrase``, as the option ``adopt`` has them.
    :param wanted: what would be asked for; the names must be covered.
    :param number: of the generation that it becomes.
    :raises FedgateError: what is wrong with it; the file is named.
    """
    from . import chains, checks, keys, requests
    from .seen import Seen

    key_path, chain_path = paths["key"], paths["chain"]
    key = keys.from_pem(_read(key_path, "adopt.key"), key_path, paths.get("key_passphrase"))
    own = keys.fingerprint(key.public_key())
    certificates = chains.parse(_read(chain_path, "adopt.chain"), chain_path)
    chain = chains.arrange(certificates, own)
    if not chain:
        theirs = keys.fingerprint(chains.arrange(certificates)[0].public_key())
        raise CheckFailed(
            f"{chain_path} is not for the key in {key_path}: it is for {theirs}, that key is {own}",
            hint="Name the files that belong together.",
        )
    facts = chains.describe(chain[0])
    checks.dates(facts, library.now(), chain_path)
    checks.names(facts, wanted.names, chain_path)
    checks.strength(chain[0], chain_path)
    checks.server_auth(facts, chain_path)
    settings = _as_it_is(wanted, keys.settings_of(key.public_key()))
    csr = requests.build(key, settings).decode()
    seen = Seen(number, settings, own, csr, chains.to_pem(chain), facts, exportable=wanted.exportable)
    return Found(seen, key, chain_path)


def _as_it_is(wanted: RequestSettings, key: Any) -> RequestSettings:
    """Return what would ask for such a certificate: all that is wanted, and the key as it is.

    So it serves until it is due, and is renewed at once only where the key is of another kind than wanted.
    """
    return RequestSettings(
        names=wanted.names,
        subject=wanted.subject,
        key=key,
        friendly_name=wanted.friendly_name,
        client_auth=wanted.client_auth,
        template=wanted.template,
        exportable=wanted.exportable,
    )


def take_in(store: GenerationStore, found: Found, description: bytes) -> None:
    """Copy the pair into a generation, and let it serve. Its files themselves are not touched.

    :param description: ``generation.json`` for its settings.
    :raises CheckFailed: the disk refuses.
    """
    from . import keys

    described = {**json.loads(description), "adopted_from": found.source}
    number = store.prepare(
        {
            KEY: keys.to_pem(found.key),
            REQUEST: (found.seen.csr or "").encode(),
            CHAIN: (found.seen.chain or "").encode(),
            DESCRIPTION: json.dumps(described, indent=1, sort_keys=True).encode() + b"\n",
        }
    )
    store.activate(number)
    serial = found.seen.certificate.serial if found.seen.certificate else "unknown"
    store.note(f"adopted {found.source} as generation {number:04d}: serial {serial}")


def _read(path: str, option: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InvalidValue(
            f"{path} cannot be read: {error.strerror}", path=option, hint="Name a PEM file on that host."
        ) from error
