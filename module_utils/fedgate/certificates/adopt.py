"""``edge_certificate_adopt``: take in a certificate and key that are on the host already, made by somebody else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

from ..errors import CheckFailed, InvalidValue
from ..module import Context, Reconciler
from ..plan import KNOWN_AFTER_APPLY, Change, Plan
from . import library
from . import names as name_rules
from .generations import CHAIN, DESCRIPTION, KEY, REQUEST, GenerationStore
from .prepare import describe
from .settings import RequestSettings

if TYPE_CHECKING:
    from .chains import CertificateFacts
    from .keys import PrivateKey

KIND = "certificate"


@dataclass(frozen=True)
class Found:
    """A key and its chain, read and checked. :ivar pem: the chain in order; :ivar facts: of its first certificate."""

    key: PrivateKey
    pem: str
    facts: CertificateFacts


@dataclass(frozen=True)
class Observed:
    """:ivar managed: whether there is a generation already; :ivar found: None where nothing was looked at."""

    managed: bool
    found: Optional[Found]


class AdoptReconciler(Reconciler):
    """The module's four steps; arguments as ``library/edge_certificate_adopt.py`` documents them."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.names = name_rules.normalise_all(params["names"])
        self.store = GenerationStore(params["directory"], params["name"])

    def observe(self) -> Observed:
        """Read and check the pair, unless this host has generations: then there is nothing left to adopt."""
        if self.store.numbers():
            return Observed(True, None)
        if not library.available() and self.context.check_mode:
            return Observed(False, None)
        library.require()
        return Observed(False, self._found())

    def _found(self) -> Found:
        """:raises FedgateError: what is wrong with the pair; both files are named."""
        from . import chains, checks, keys

        key_path, chain_path = self.params["key"], self.params["chain"]
        key = keys.from_pem(_read(key_path, "key"), key_path, self.params["key_passphrase"])
        own = keys.fingerprint(key.public_key())
        certificates = chains.parse(_read(chain_path, "chain"), chain_path)
        chain = chains.arrange(certificates, own)
        if not chain:
            theirs = keys.fingerprint(chains.arrange(certificates)[0].public_key())
            raise CheckFailed(
                f"{chain_path} is not for the key in {key_path}: it is for {theirs}, that key is {own}",
                hint="Name the files that belong together.",
            )
        facts = chains.describe(chain[0])
        checks.dates(facts, library.now(), chain_path)
        checks.names(facts, self.names, chain_path)
        checks.strength(chain[0], chain_path)
        checks.server_auth(facts, chain_path)
        return Found(key, chains.to_pem(chain), facts)

    def plan(self, observed: Observed) -> Plan:
        """One change where nothing is managed yet."""
        if observed.managed:
            return Plan()
        fields = observed.found.facts.as_fields() if observed.found else {"names": KNOWN_AFTER_APPLY}
        after = {**fields, "adopted_from": self.params["chain"]}
        return Plan.of([Change("create", KIND, self.params["name"], None, after, observed.found)])

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Copy the pair into the first generation, with a request of its own, and let it serve."""
        from . import keys, requests

        found: Found = plan.changes[0].subject
        settings = self._settings(found)
        description = {**json.loads(describe(settings)), "adopted_from": self.params["chain"]}
        number = self.store.prepare(
            {
                KEY: keys.to_pem(found.key),
                REQUEST: requests.build(found.key, settings),
                CHAIN: found.pem.encode(),
                DESCRIPTION: json.dumps(description, indent=1, sort_keys=True).encode() + b"\n",
            }
        )
        self.store.activate(number)
        self.store.note(f"adopted {self.params['chain']} as generation {number:04d}: serial {found.facts.serial}")

    def _settings(self, found: Found) -> RequestSettings:
        """Return what would ask for such a certificate: the wanted names, and the key as it is.

        So it serves until it is due, and is renewed at once only where the key is of another kind than wanted.
        """
        from . import keys

        return RequestSettings.of({**self.params, "key": keys.settings_of(found.key.public_key()).as_dict()})

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return adopted: whether this run took it in, or would."""
        return {"adopted": bool(plan)}


def _read(path: str, option: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InvalidValue(
            f"{path} cannot be read: {error.strerror}", path=option, hint="Name a PEM file on that host."
        ) from error
