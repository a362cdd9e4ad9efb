"""``edge_certificate_share``: how the private key of a pool's certificate reaches the other members.

The receiver offers a key of its own, the holder seals to it, the receiver opens: who carries it sees ciphertext only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

from ..errors import CheckFailed, FedgateError, InvalidValue, Refused
from ..module import Context, Reconciler
from ..plan import KNOWN_AFTER_APPLY, Change, Plan
from . import library
from .generations import CHAIN, DESCRIPTION, KEY, REQUEST, GenerationStore
from .offers import Offers
from .settings import RequestSettings

if TYPE_CHECKING:
    from .seen import Seen

#: Kind of the planned change; its name is the pool's FQDN.
KIND = "certificate_key"


def purpose(name: str) -> str:
    """Return what a key is sealed for, the ``info`` of RFC 9180: it can be opened as the key of this pool only."""
    return f"fedgate certificate key {name}"


def reconciler(params: Mapping[str, Any], context: Context) -> Reconciler:
    """Return the step that the arguments ask for; they are documented in ``library/edge_certificate_share.py``."""
    kinds = {"offer": OfferReconciler, "seal": SealReconciler, "receive": ReceiveReconciler}
    return kinds[params["step"]](params, context)


class OfferReconciler(Reconciler):
    """Make a pair of keys for one transfer. It lives in memory, so nothing of the host changes."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        # The name becomes a file's, here as there.
        GenerationStore(params["directory"], params["name"])

    def observe(self) -> None:
        """There is nothing to look at: an offer is always made anew."""

    def plan(self, observed: None) -> Plan:
        """Return the empty plan."""
        return Plan()

    def results(self, observed: None, plan: Plan) -> dict[str, Any]:
        """Make the offer, and return its public_key; None in check mode."""
        if self.context.check_mode:
            return {"public_key": None}
        library.require()
        from . import sealing

        private, public = sealing.new_pair()
        Offers(self.params["offers_directory"]).put(self.params["name"], private)
        return {"public_key": public}


class SealReconciler(Reconciler):
    """Seal the private key of one generation to each recipient. Only looks."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.store = GenerationStore(params["directory"], params["name"])
        if not params["request"] and not context.check_mode:
            raise InvalidValue(
                "there is no request to find the private key by",
                path="request",
                hint="Give the certificate request of the wanted generation as PEM; only check mode may do without.",
            )

    def observe(self) -> Optional[Seen]:
        """Find the generation. :raises CheckFailed: there is none, or its key is damaged; check mode goes on."""
        numbers = self.store.numbers()
        if numbers:
            library.require()
        seen = _with_request(self.store, numbers, self.params["request"])
        if seen or self.context.check_mode:
            return seen
        raise CheckFailed(
            f"no generation of {self.params['name']} has this request and its private key",
            hint="Let another member seal it, or make a new request with edge_certificate_request.",
        )

    def plan(self, observed: Optional[Seen]) -> Plan:
        """Return the empty plan."""
        return Plan()

    def results(self, observed: Optional[Seen], plan: Plan) -> dict[str, Any]:
        """Return sealed, description, chain. :raises Refused: the key is not exportable."""
        if observed is None:
            return {"sealed": {}, "description": None, "chain": None}
        description = self._description(observed)
        return {
            "sealed": {} if self.context.check_mode else self._sealed(observed),
            "description": description,
            # A chain that is damaged here must not spread.
            "chain": observed.chain if observed.certificate else None,
        }

    def _description(self, seen: Seen) -> dict[str, Any]:
        where = f"{DESCRIPTION} of generation {seen.number:04d} of {self.params['name']}"
        try:
            found = json.loads(self.store.read(seen.number, DESCRIPTION) or b"{}")
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise CheckFailed(
                f"{where} cannot be read, so nobody knows whether the key may leave this host",
                hint="Force a new certificate for this pool.",
            )
        # Whatever is not plainly true is no permission.
        if found.get("exportable", True) is not True:
            raise Refused(
                f"the private key of generation {seen.number:04d} of {self.params['name']} is not exportable",
                hint="A pool of several members needs federation_certificate.exportable: true when its key is made; "
                "change that, and force a new certificate.",
            )
        return found

    def _sealed(self, seen: Seen) -> dict[str, str]:
        from . import sealing

        secret = self.store.read(seen.number, KEY) or b""
        sealed = {}
        for host, public in (self.params["recipients"] or {}).items():
            try:
                sealed[host] = sealing.seal(str(public or ""), secret, purpose(self.params["name"]))
            except FedgateError as error:
                raise InvalidValue(error.message, path=f"recipients.{host}", hint=error.hint) from error
        return sealed


@dataclass(frozen=True)
class Received:
    """The generation that has the wanted key (None: not yet), and that key's fingerprint as far as it is known."""

    seen: Optional[Seen]
    fingerprint: Optional[str]


class ReceiveReconciler(Reconciler):
    """Open a sealed key and prepare it as a generation."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.store = GenerationStore(params["directory"], params["name"])
        self.where = f"the private key received for {params['name']}"
        # First of all: an offer serves once, whether or not anything comes of this run.
        offers = Offers(params["offers_directory"])
        self.offered = None if context.check_mode else offers.take(params["name"])
        if not params["request"] and not params["chain"] and not context.check_mode:
            raise InvalidValue(
                "there is neither a request nor a chain to know the key by",
                path="request",
                hint="Give the request of the holder's generation, or the chain that came with the key.",
            )

    def observe(self) -> Received:
        """Look for a generation with this request, or without one for the chain's key."""
        numbers = self.store.numbers()
        if numbers or not self.context.check_mode:
            library.require()
        fingerprint = self._fingerprint() if library.available() else self.params["key_fingerprint"]
        if self.params["request"]:
            return Received(_with_request(self.store, numbers, self.params["request"]), fingerprint)
        return Received(_with_key(self.store, numbers, fingerprint), fingerprint)

    def _fingerprint(self) -> Optional[str]:
        """Return that of the request's key, or of the key of the chain's first certificate; None: not known yet."""
        from . import chains, keys, requests

        expected: Optional[str] = self.params["key_fingerprint"]
        if self.params["request"]:
            found = requests.read(self.params["request"], f"the request of {self.params['name']}").fingerprint
        elif self.params["chain"]:
            certificates = chains.parse(self.params["chain"], f"the chain of {self.params['name']}")
            found = keys.fingerprint(chains.arrange(certificates)[0].public_key())
        else:
            return expected
        if expected and expected != found:
            raise CheckFailed(
                f"the key of {self.params['name']} was to be {expected}, but what came is for {found}",
                hint="Give request, chain and key_fingerprint of one generation.",
            )
        return found

    def plan(self, observed: Received) -> Plan:
        """One change when no generation has the key."""
        if observed.seen:
            return Plan()
        after = {
            "key_fingerprint": observed.fingerprint or KNOWN_AFTER_APPLY,
            "from": "another member" if self.params["request"] or not self.params["chain"] else "the authority",
        }
        return Plan.of([Change("create", KIND, self.params["name"], None, after)])

    def apply(self, plan: Plan, observed: Received) -> None:
        """Open, check, and prepare the next generation. :raises CheckFailed: no offer, not for it, or another key."""
        from . import keys

        key = keys.from_pem(self._opened(), self.where)
        found = keys.fingerprint(key.public_key())
        if found != observed.fingerprint:
            belongs = "request" if self.params["request"] else "chain"
            raise CheckFailed(
                f"{self.where} is another: it is {found}, the {belongs} is for {observed.fingerprint}",
                hint="Let the holder seal the key of the generation that has this request.",
            )
        self.store.prepare({**self._files(key), **self._chain(found)})

    def _opened(self) -> bytes:
        from . import sealing

        if self.offered is None:
            raise CheckFailed(
                f"this host has no offer open for the key of {self.params['name']}",
                hint="A killed run or a restart ends an offer, and it serves once: run again from the offer on.",
            )
        if not self.params["sealed"]:
            raise InvalidValue(
                f"no sealed key for {self.params['name']} was given",
                path="sealed",
                hint="Give what the holder returned for this host; only check mode may do without.",
            )
        return sealing.unseal(self.offered, self.params["sealed"], purpose(self.params["name"]))

    def _files(self, key: Any) -> dict[str, bytes]:
        from . import keys, requests

        description = dict(self.params["description"] or {})
        request: bytes = (self.params["request"] or "").encode()
        if not request:
            # What kind of key it is, is for the authority to say that sent it.
            asked = {field: value for field, value in description.items() if field != "key"}
            request = requests.build(key, RequestSettings.of({**asked, "names": asked.get("names") or []}))
        return {
            KEY: keys.to_pem(key),
            REQUEST: request,
            DESCRIPTION: json.dumps(description, indent=1, sort_keys=True).encode() + b"\n",
        }

    def _chain(self, fingerprint: str) -> dict[str, bytes]:
        """Return the chain as a generation holds it; one that does not fit is left for edge_certificate to judge."""
        from . import chains

        if not self.params["chain"]:
            return {}
        where = f"the chain of {self.params['name']}"
        try:
            arranged = chains.arrange(chains.parse(self.params["chain"], where), fingerprint)
        except InvalidValue as error:
            self.context.warn(f"{error} Only the key was received.")
            return {}
        if not arranged:
            self.context.warn(f"{where} is for another key than {fingerprint}; only the key was received.")
            return {}
        return {CHAIN: chains.to_pem(arranged).encode()}

    def results(self, observed: Received, plan: Plan) -> dict[str, Any]:
        """Return generation (None when it would be made) and key_fingerprint."""
        return {
            "generation": observed.seen.number if observed.seen else None,
            "key_fingerprint": observed.fingerprint,
        }


def _with_request(store: GenerationStore, numbers: list[int], request: Optional[str]) -> Optional[Seen]:
    """Return the newest generation with this very request and the key that belongs to it."""
    if not request:
        return None
    from .seen import look

    for number in reversed(numbers):
        seen = look(store, number)
        # ``settings`` are there when key and request are whole and belong together.
        if seen.settings and seen.csr and seen.csr.split() == request.split():
            return seen
    return None


def _with_key(store: GenerationStore, numbers: list[int], fingerprint: Optional[str]) -> Optional[Seen]:
    """Return the newest generation with this key and a request for it."""
    from .seen import look

    found = (look(store, number) for number in reversed(numbers)) if fingerprint else ()
    return next((seen for seen in found if seen.settings and seen.fingerprint == fingerprint), None)
