"""How servers of Lync are reached, and what is managed there: ``federation_lync`` and ``edge_pool_lync``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from .access import GLOBAL, SITE, AccessPolicy
from .domains import is_address
from .limits import DEFAULTS, MAX_CONNECTIONS, Limits
from .lync_issuing import check_ways
from .partner import Partner
from .pools import Pool
from .problems import Problems, Where
from .reading import Fields, Reader
from .sharing import Shared
from .suggest import listed

FRONT_END = "federation_lync"
KEYS = (
    "front_end", "port", "username", "password", "authentication", "ca_file", "registrar_pool", "purge",
    "open_sip_federation", "ignore_groups", "ignore_pools",
    "subscription_refresh_interval", "log_message_bodies", "dialback_passphrase",
)  # fmt: skip
AUTHENTICATIONS = ("negotiate", "ntlm", "kerberos", "basic")
#: Settings of a partner that these products have no parameter for → the value that asks for nothing.
NOT_HONOURED: Mapping[str, Any] = {"dialback_certificate": "any", "stanza_rate": None, "stanza_size": None}


@dataclass(frozen=True)
class FrontEnd:
    """The deployment's Front End, without its account: that stays with the variable.

    :ivar front_end: FQDN (or address) of the Front End Server or pool whose OcsPowershell is used.
    :ivar registrar_pool: FQDN of the pool that tests are made through (``-TargetFqdn``).
    :ivar purge: whether partners that are not in the inventory are removed.
    :ivar open_sip_federation: whether federation is turned on at the Access Edge, which opens it for SIP too.
    :ivar ignore_pools: internal FQDN of pools whose users need not reach partners.
    :ivar ignore_groups: whether policies that are granted to groups may go without them there.
    :ivar subscription_refresh_interval: seconds; None to leave it as it is. :ivar log_message_bodies: likewise.
    """

    front_end: str
    registrar_pool: str
    purge: bool = False
    open_sip_federation: bool = False
    ignore_groups: bool = False
    ignore_pools: tuple[str, ...] = ()
    subscription_refresh_interval: int | None = None
    log_message_bodies: bool | None = None

    def as_facts(self) -> dict[str, Any]:
        """Return it as plain data; no secret is in it."""
        return {**asdict(self), "ignore_pools": list(self.ignore_pools)}


def read_front_end(reader: Reader) -> FrontEnd | None:
    """Read ``federation_lync``; its password and passphrase are looked at, never kept."""
    fields = reader.fields(KEYS, required=["front_end"])
    if fields is None:
        return None
    front_end = fields.read("front_end", _server, "")
    fields.read("port", lambda at: at.whole_number(1, 65535), 0)
    fields.read("ca_file", Reader.text, "")
    _check_account(fields)
    if fields.has("dialback_passphrase"):
        fields.at("dialback_passphrase").secret()
    bodies = fields.read("log_message_bodies", Reader.flag, None)
    if bodies:
        where = reader.where.into("log_message_bodies")
        reader.problems.warn(where, "the bodies of all messages are logged on the servers: they are private data")
    return FrontEnd(
        front_end=front_end,
        registrar_pool=fields.read("registrar_pool", Reader.domain, front_end),
        purge=fields.read("purge", Reader.flag, False),
        open_sip_federation=fields.read("open_sip_federation", Reader.flag, False),
        ignore_groups=fields.read("ignore_groups", Reader.flag, False),
        ignore_pools=tuple(fields.read_all("ignore_pools", Reader.domains)),
        subscription_refresh_interval=fields.read(
            "subscription_refresh_interval", lambda at: at.whole_number(1, MAX_CONNECTIONS, "seconds"), None
        ),
        log_message_bodies=bodies,
    )


def _server(reader: Reader) -> str | None:
    """Read what leads to a server, and what its certificate carries: mostly a name, possibly an address."""
    plain = isinstance(reader.value, str) and (is_address(reader.value) or reader.value == "localhost")
    return reader.value if plain else reader.domain()


def _check_account(fields: Fields) -> None:
    way = fields.read("authentication", lambda at: at.choice(AUTHENTICATIONS), AUTHENTICATIONS[0])
    fields.read("username", Reader.text, "")
    if fields.has("password"):
        fields.at("password").secret()
    for key in ("username", "password"):
        if way != "kerberos" and not fields.has(key):
            hint = f"Add {key}: here (a secret by a vault_ variable), or authentication: kerberos with a ticket."
            fields.reader.wrong(f"authentication {way} needs {key}", hint)


def policies_there(
    policies: Iterable[AccessPolicy], pools: Iterable[Pool], sip_domains: Iterable[str]
) -> list[AccessPolicy]:
    """Return the access policies that concern Lync: of its sites and users, and the global one.

    A site or user of a Linux pool is not in Lync's topology; what is granted to neither is not made there.
    """
    lync = [pool for pool in pools if not pool.linux]
    sites = {f"{SITE}{pool.site}" for pool in lync}
    domains = {*sip_domains, *(domain for pool in lync for domain in pool.xmpp_domains)}
    found = []
    for policy in policies:
        users = tuple(user for user in policy.users if user.partition("@")[2] in domains)
        if policy.name in sites or policy.name == GLOBAL:
            found.append(policy)
        elif not policy.name.startswith(SITE) and (users or not (policy.users or policy.groups)):
            found.append(replace(policy, users=users))
    return found


def check_lync(
    shared: Shared,
    pools: Iterable[Pool],
    front_end: FrontEnd | None,
    partners: Sequence[tuple[Partner, Reader]],
    limits: Limits,
) -> None:
    """Check what only Lync pools ask for: a way to their Front End, and no rule that they have no setting for.

    :param partners: the current ones, each with the place where it stands.
    """
    lync = [pool for pool in pools if not pool.linux]
    reader = shared.reader(FRONT_END)
    if not lync:
        if reader:
            reader.problems.warn(reader.where, "no pool is a Lync pool (edge_pool_backend: lync), so it is not used")
        return
    problems = shared.problems
    if front_end is None:
        if not problems.noted_about(FRONT_END):
            fqdns = listed([pool.fqdn for pool in lync], "and")
            message = f"the servers of {fqdns} are not touched: {FRONT_END} does not say how they are reached"
            problems.warn(Where(("edge_pool_backend",), None, lync[0].members[0].name), message)
        return
    for partner, at in partners:
        _demand_honoured(partner, at, lync)
    _warn_of_limits(shared, limits, problems)
    _demand_no_groups(shared, front_end)
    for pool in lync:
        check_ways(pool, problems)


def _demand_honoured(partner: Partner, reader: Reader, lync: Sequence[Pool]) -> None:
    for rule, nothing in NOT_HONOURED.items():
        if getattr(partner, rule) != nothing and rule not in partner.waive:
            reader.problems.error(
                reader.where.into(rule),
                f"{partner.domain}: Lync Server has no such setting, and {listed([pool.fqdn for pool in lync], 'and')} "
                "would let the partner in without it",
                f"Remove it, or agree to its loss there: waive: [{rule}] on this partner. Linux gateways keep it.",
            )


def _demand_no_groups(shared: Shared, front_end: FrontEnd) -> None:
    reader = shared.reader("federation_access_policies")
    items = reader.items() if reader else []
    granted = [item for item in items if isinstance(item.value, Mapping) and item.value.get("groups")]
    if granted and not front_end.ignore_groups:
        granted[0].problems.error(
            granted[0].where.into("groups"),
            "Lync grants policies to users only, so on its pools nobody would have it by a group",
            "Name the users; or agree to that: federation_lync.ignore_groups: true. Linux gateways keep the groups.",
        )


def _warn_of_limits(shared: Shared, limits: Limits, problems: Problems) -> None:
    reader = shared.reader("federation_limits")
    for name in ("stanza_rate", "stanza_size"):
        if reader and getattr(limits, name) != getattr(DEFAULTS, name):
            problems.warn(reader.where.into(name), "Lync Server has no such limit; it holds on Linux gateways only")
