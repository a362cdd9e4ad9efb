"""The reconciler of ``xmpp_partner_policy`` for ejabberd: the included file, and that the server runs with it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ..errors import CheckFailed, FedgateError, InvalidValue, MissingDependency
from ..model.suggest import listed
from ..module import Context, Reconciler
from ..plan import Change, Plan, compared
from .ejabberd_file import Running, parse, successor, text_of
from .ejabberd_policy import compile_policy
from .ejabberd_server import Server, State
from .files import Seen, Wanted, discard, look, write
from .kinds import kind_of
from .policy import Compiled
from .waiving import demand_waivers, waivers_of

_MODE = 0o640
#: Says that streams must still be closed, for the run after one that was killed. In memory: a restart closes them too.
_OWED = "/run/fedgate/ejabberd.streams.owed"


@dataclass(frozen=True)
class Observed:
    """The policy on disk and in the running server.

    :ivar file: the included file; :ivar content: its rules and generation; None when it is none of ours.
    :ivar server: the running server; None when there is none.
    :ivar owed: whether a killed run left streams to be closed.
    """

    file: Seen
    content: Optional[tuple[dict[str, Any], int]]
    server: Optional[State]
    owed: bool


@dataclass(frozen=True)
class Wish:
    """What has to be.

    :ivar compiled: rules and loss; :ivar generation: of the policy; :ivar text: of the file.
    """

    compiled: Compiled
    generation: int
    text: str


class EjabberdPolicy(Reconciler):
    """The allow-list of one ejabberd: a partner that is not in it has no access."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.kind = kind_of("ejabberd")
        self.path: str = params["path"] or self.kind.policy_path
        self.server = Server(context)
        # What is wrong with the arguments is said before anything is looked at.
        self._compile(None)
        waivers_of(params["partners"])
        self._warned = False

    def observe(self) -> Observed:
        """Read the file, and ask the running server what it runs with."""
        file = look(self.path)
        text = None if file.data is None else file.data.decode(errors="replace")
        return Observed(file, parse(text), self.server.state(), os.path.exists(_OWED))

    def plan(self, observed: Observed) -> Plan:
        """One change for each domain, one for the policy, one for the streams where some have to go.

        :raises InvalidValue: when something that is lost was not waived, or the server cannot be held to the policy.
        """
        wish = self._wish(observed)
        self._demand_fit(observed, wish)
        old = observed.content[0]["partners"] if observed.content else {}
        changes = list(compared("partner", _fields(old), _fields(wish.compiled.rules["partners"])))
        if not self._is_written(observed, wish) or not _is_loaded(observed, wish):
            changes.append(self._load(observed, wish))
        if self._must_close(observed, wish):
            changes.append(Change("run", "streams", "ejabberd", {"closed": False}, {"closed": True}))
        return Plan.of(changes)

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Write, reload, look, close streams. :raises CheckFailed: after the former policy is back."""
        if observed.server is None:
            raise MissingDependency(
                "no ejabberd runs on this host (ejabberdctl status), so no policy can be loaded; nothing was changed",
                hint="Start ejabberd first.",
            )
        wish = self._wish(observed)
        closing = self._must_close(observed, wish)
        if closing:
            write(Wanted(_OWED, b"", 0o644, "root", "root"))
        try:
            write(Wanted(self.path, wish.text.encode(), _MODE, "root", self.kind.group))
            self.server.reload()
            self._demand_loaded(wish)
        except FedgateError as error:
            raise self._rolled_back(observed, error) from None
        if closing:
            self.server.close_streams()
            discard(_OWED)

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return generation, digest, what the server runs with, and what it does not honour."""
        wish = self._wish(observed)
        loaded = _is_loaded(observed, wish)
        digest = hashlib.sha256(wish.text.encode()).hexdigest()
        return {
            "generation": wish.generation,
            "digest": digest,
            "loaded": {
                "state": "enforcing" if loaded else None,
                "generation": wish.generation if loaded else None,
                "digest": digest if loaded else None,
                "reason": None if loaded else self._reason(observed.server.running if observed.server else None),
            },
            "loss": [loss.as_dict() for loss in wish.compiled.loss],
        }

    # What is wanted ---------------------------------------------------------------------------------------------

    def _compile(self, server: Optional[State]) -> Compiled:
        """Compile for this very server: with the components that it has, named or not."""
        named = self.params["components"]
        known = {component["domain"] for component in named}
        found = server.components if server else {}
        served = {name: host for host in server.hosts for name in _spellings_of(host)} if server else {}
        hosts = [served.get(host, host) for host in self.params["local_hosts"]]
        unnamed = [{"domain": name} for name, owner in sorted(found.items()) if name not in known and owner in hosts]
        dialback = server.running.dialback if server else True
        return compile_policy(
            self.params["partners"],
            hosts,
            [*named, *unnamed],
            self.params.get("limits"),
            self.params.get("scope"),
            dialback=dialback,
        )

    def _wish(self, observed: Observed) -> Wish:
        compiled = self._compile(observed.server)
        generation = successor(observed.content, compiled.rules)
        return Wish(compiled, generation, text_of(compiled.rules, generation))

    def _demand_fit(self, observed: Observed, wish: Wish) -> None:
        demand_waivers(wish.compiled.loss, self.params["partners"], "ejabberd", self._warn_once)
        self._warned = True
        if observed.server is None:
            return
        if observed.server.running.bidi:
            raise InvalidValue(
                "this ejabberd has mod_s2s_bidi, which sends to every server that opened a bidirectional stream, "
                "whatever s2s_access says",
                hint="Remove mod_s2s_bidi from its modules and restart it.",
            )
        missing = sorted(set(wish.compiled.rules["local_hosts"]) - set(observed.server.hosts))
        if missing:
            raise InvalidValue(
                f"local_hosts: this ejabberd does not serve {listed(missing, 'and')}",
                hint=f"It serves {listed(observed.server.hosts, 'and')}.",
            )

    def _warn_once(self, text: str) -> None:
        if not self._warned:
            self.context.warn(text)

    # What there is ----------------------------------------------------------------------------------------------

    def _is_written(self, observed: Observed, wish: Wish) -> bool:
        file = observed.file
        rights = (file.mode, file.owner, file.group) == (_MODE, "root", self.kind.group)
        return rights and file.data == wish.text.encode()

    def _must_close(self, observed: Observed, wish: Wish) -> bool:
        """Whether streams may be open that are not allowed: ejabberd asks its rules only when one is opened."""
        return observed.owed or observed.server is None or observed.server.running.exceeds(wish.compiled.rules)

    def _load(self, observed: Observed, wish: Wish) -> Change:
        rules, generation = observed.content or ({"local_hosts": [], "starttls": None}, 0)
        same = observed.content is not None and observed.server is not None
        before = {
            "generation": generation,
            "local_hosts": rules["local_hosts"],
            "starttls": rules["starttls"],
            "loaded": same and observed.server.running.enforces(rules, generation),  # type: ignore[union-attr]
        }
        after = {
            "generation": wish.generation,
            "local_hosts": wish.compiled.rules["local_hosts"],
            "starttls": wish.compiled.rules["starttls"],
            "loaded": True,
        }
        return Change("run", "policy", self.path, before, after)

    def _demand_loaded(self, wish: Wish) -> None:
        running = self.server.running()
        if not running.enforces(wish.compiled.rules, wish.generation):
            raise CheckFailed(self._reason(running))

    def _reason(self, running: Optional[Running]) -> str:
        """Return, in words, why the server does not enforce the policy that is written."""
        if running is None:
            return "the server does not run"
        if running.digest is None:
            return f"its configuration does not include {self.path} (include_config_file, see docs/ejabberd-policy.md)"
        if running.others:
            return f"another s2s_access is in its configuration: {listed(running.others, 'and')}"
        return f"it runs with another policy than {self.path}"

    def _rolled_back(self, observed: Observed, error: FedgateError) -> CheckFailed:
        if not observed.owed:
            discard(_OWED)
        file = observed.file
        if file.data is not None:
            write(Wanted(self.path, file.data, file.mode, file.owner, file.group))
        else:
            discard(self.path)
        state = "the former file is back"
        try:
            self.server.reload()
            state += ", and loaded"
        except FedgateError:
            state += "; the server keeps what it runs with"
        reason = str(error).rstrip(".")
        hint = f"Mend the server's configuration; {os.path.basename(self.path)} is what was before."
        return CheckFailed(f"the server did not load the new policy: {reason}; {state}", hint=hint)


def _spellings_of(host: str) -> tuple[str, str]:
    """Return a virtual host as the server writes it, and in A-labels, as the inventory does."""
    try:
        return host, host.encode("idna").decode()
    except UnicodeError:
        return host, host


def _is_loaded(observed: Observed, wish: Wish) -> bool:
    return observed.server is not None and observed.server.running.enforces(wish.compiled.rules, wish.generation)


def _fields(partners: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {domain: {"partner": partner} for domain, partner in partners.items()}
