"""A federated partner: the settings of Lync's XMPP allowed partner, and a few of our own."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from typing import Any

from . import negotiation
from .domains import domain_name
from .limits import read_own
from .problems import Problems, Where
from .reading import Fields, Reader
from .suggest import listed
from .variables import PARTNERS
from .waivers import objection

TYPES = ("federated", "public_verified", "public_unverified")
#: Microsoft's default of PartnerType.
DEFAULT_TYPE = "public_unverified"
#: Of all partners together, additional ones included: Prosody reads a policy of that many in two seconds, in which it
#: does nothing else.
MAX_DOMAINS = 100_000
KEYS = (
    "domain", "additional_domains", "description", "type", "tls", "sasl", "dialback", "dialback_certificate",
    "keepalive", "connection_limit", "stanza_rate", "stanza_size", "proxy_fqdn", "allow_plaintext", "waive",
    "echo_address", "expires",
)  # fmt: skip


@dataclass(frozen=True)
class Partner:
    """One partner; defaults are those of ``New-CsXmppAllowedPartner`` where it has the setting.

    :ivar domain: primary domain, normalised; :ivar additional_domains: its other domains, same rules.
    :ivar type: what its users may do: federated, public_verified, public_unverified.
    :ivar tls, sasl: required, optional, not_supported; :ivar dialback: whether dialback is allowed.
    :ivar dialback_certificate: ``valid`` demands a valid certificate of a partner that uses dialback.
    :ivar keepalive: whether idle connections with it get signs of life.
    :ivar connection_limit, stanza_rate, stanza_size: what it may use, None for what ``federation_limits`` says.
    :ivar proxy_fqdn: server to connect to instead of what the partner's SRV record names.
    :ivar allow_plaintext: somebody agreed that unencrypted connections may be left.
    :ivar waive: rules whose loss on this kind of gateway somebody agreed to.
    :ivar echo_address: address at the partner that answers test messages.
    :ivar expires: last day on which the partner is let in.
    """

    domain: str
    additional_domains: tuple[str, ...] = ()
    description: str | None = None
    type: str = DEFAULT_TYPE
    tls: negotiation.Level = "required"
    sasl: negotiation.Level = "required"
    dialback: bool = True
    dialback_certificate: str = "any"
    keepalive: bool = True
    connection_limit: int | None = None
    stanza_rate: int | None = None
    stanza_size: int | None = None
    proxy_fqdn: str | None = None
    allow_plaintext: bool = False
    waive: tuple[str, ...] = ()
    echo_address: str | None = None
    expires: date | None = None

    @property
    def domains(self) -> tuple[str, ...]:
        """All domains, the primary one first."""
        return (self.domain, *self.additional_domains)

    @property
    def row(self) -> tuple[negotiation.Level, negotiation.Level, bool]:
        """The combination of TLS, SASL and dialback."""
        return self.tls, self.sasl, self.dialback

    def as_facts(self) -> dict[str, Any]:
        """Return the partner as plain data, with what its combination leaves."""
        facts: dict[str, Any] = {key: getattr(self, key) for key in KEYS}
        facts["additional_domains"] = list(self.additional_domains)
        facts["waive"] = list(self.waive)
        facts["expires"] = self.expires.isoformat() if self.expires else None
        facts["methods"] = list(negotiation.methods(*self.row))
        facts["verdict"] = negotiation.verdict(*self.row)
        return facts


#: What a partner is where nothing else is said, by key: also the defaults of ``xmpp_partner_policy``.
DEFAULTS: dict[str, Any] = {
    item.name: item.default for item in dataclasses.fields(Partner) if item.default is not dataclasses.MISSING
}


def read_partner(reader: Reader, linux: bool) -> Partner | None:
    """Read one partner and judge it by itself.

    :param linux: whether a Linux gateway must enforce its rules.
    :returns: None when so much is wrong that it cannot be compared with other partners.
    """
    noted = len(reader.problems.errors)
    fields = reader.fields(KEYS, required=["domain"])
    if fields is None:
        return None
    domain = fields.at("domain").domain() if fields.has("domain") else None
    additional = fields.read_all("additional_domains", Reader.domains)
    partner = Partner(
        # A partner whose domain cannot be read is checked on, so that its other mistakes are reported as well.
        domain=domain or "invalid.invalid",
        additional_domains=tuple(name for name in additional if name != domain),
        description=fields.read("description", Reader.text, None),
        type=fields.read("type", lambda at: at.choice(TYPES), DEFAULTS["type"]),
        tls=fields.read("tls", lambda at: at.choice(negotiation.LEVELS), DEFAULTS["tls"]),
        sasl=fields.read("sasl", lambda at: at.choice(negotiation.LEVELS), DEFAULTS["sasl"]),
        dialback=fields.read("dialback", Reader.flag, DEFAULTS["dialback"]),
        dialback_certificate=fields.read(
            "dialback_certificate", lambda at: at.choice(("any", "valid")), DEFAULTS["dialback_certificate"]
        ),
        keepalive=fields.read("keepalive", Reader.flag, DEFAULTS["keepalive"]),
        connection_limit=read_own(fields, "connection_limit"),
        stanza_rate=read_own(fields, "stanza_rate"),
        stanza_size=read_own(fields, "stanza_size"),
        proxy_fqdn=fields.read("proxy_fqdn", Reader.domain, None),
        allow_plaintext=fields.read("allow_plaintext", Reader.flag, DEFAULTS["allow_plaintext"]),
        waive=tuple(dict.fromkeys(fields.read_all("waive", Reader.texts))),
        echo_address=fields.read("echo_address", lambda at: at.user("echo@fabrikam.example"), None),
        expires=fields.read("expires", Reader.day, None),
    )
    if domain in additional:
        fields.at("additional_domains").wrong(f"{domain} is the partner's primary domain already", "Remove it here.")
    _judge_echo(partner, fields)
    _judge_waivers(partner, fields)
    if len(reader.problems.errors) == noted and fields.all_known():
        _judge(partner, fields, linux)
    return partner if domain else None


def _judge_echo(partner: Partner, fields: Fields) -> None:
    address = partner.echo_address
    if address and address.partition("@")[2] not in partner.domains and partner.domain != "invalid.invalid":
        fields.at("echo_address").wrong(
            f"{address} is not at a domain of this partner", f"Its domains are {listed(partner.domains, 'and')}."
        )


def _judge_waivers(partner: Partner, fields: Fields) -> None:
    for rule in partner.waive:
        wrong = objection(rule)
        if wrong:
            fields.at("waive").wrong(*wrong)


def _judge(partner: Partner, fields: Fields, linux: bool) -> None:
    """Note what is wrong with the partner's combination: the first of no method, plaintext, no certificate."""
    combination = f"tls: {partner.tls}, sasl: {partner.sasl}, dialback: {str(partner.dialback).lower()}"
    allowed = negotiation.methods(*partner.row)
    if not allowed:
        fields.reader.wrong(
            f"{partner.domain}: {combination} leaves no way to authenticate", negotiation.dead_end(*partner.row)
        )
    elif negotiation.PLAINTEXT in allowed and not partner.allow_plaintext:
        fields.reader.wrong(
            f"{partner.domain}: {combination} leaves unencrypted connections (tcp_dialback)",
            "Set tls: required; or, if that is agreed, allow_plaintext: true on this partner.",
        )
    elif not negotiation.certain(allowed, partner.dialback_certificate):
        fields.at("dialback_certificate").wrong(
            f"{partner.domain}: dialback_certificate: valid leaves no way to authenticate where TLS is not supported",
            "Allow TLS, or set dialback_certificate: any.",
        )
    doubt = negotiation.doubt(*partner.row)
    if allowed and doubt and partner.row != negotiation.DEFAULT_ROW:
        fields.reader.problems.warn(fields.reader.where, f"{partner.domain}: {doubt}")


def current_partners(partners: list[tuple[Partner, Reader]], today: date) -> list[tuple[Partner, Reader]]:
    """Leave out partners whose last day has passed, with a warning each."""
    current = []
    for partner, reader in partners:
        if partner.expires and partner.expires < today:
            message = f"{partner.domain} is left out: it expired after {partner.expires.isoformat()}"
            reader.problems.warn(reader.where.into("expires"), message)
        else:
            current.append((partner, reader))
    return current


def check_ownership(partners: list[tuple[Partner, Reader]], own: dict[str, str], problems: Problems) -> None:
    """A domain belongs to one partner only, and never to one when it is ours.

    :param own: our domains, each with the place where it stands.
    """
    owner: dict[str, Reader] = {}
    for partner, reader in partners:
        if partner.proxy_fqdn in own:
            at = Reader(partner.proxy_fqdn, reader.where.into("proxy_fqdn"), problems)
            at.wrong(
                f"{partner.proxy_fqdn} is one of our own ({own[partner.proxy_fqdn]})", "Name the partner's server."
            )
        for domain in partner.domains:
            if domain in own:
                at = _reader_of(reader, domain)
                at.wrong(f"{domain} is one of our own ({own[domain]})", "A partner is somebody else; remove it here.")
            elif domain in owner:
                first = problems.place(_reader_of(owner[domain], domain).where)
                at = _reader_of(reader, domain)
                at.wrong(f"{domain} belongs to another partner already, at {first}", "Keep it in one of them.")
            else:
                owner[domain] = reader
    too_many = excess(len(owner))
    if too_many:
        problems.error(Where((PARTNERS,)), *too_many)


def excess(count: int) -> tuple[str, str] | None:
    """Return what is wrong with a number of partners' domains, and what to do; None when it is within bounds."""
    if count <= MAX_DOMAINS:
        return None
    return (
        f"the partners have {count} domains; at most {MAX_DOMAINS} are allowed",
        "A gateway stands still for seconds while it reads more. Leave out partners that nobody needs.",
    )


def _reader_of(partner: Reader, domain: str) -> Reader:
    """Return the reader of the item that names a domain."""
    value = partner.value
    if _same(value.get("domain"), domain):
        return Reader(value["domain"], partner.where.into("domain"), partner.problems)
    for index, item in enumerate(value.get("additional_domains") or []):
        if _same(item, domain):
            return Reader(item, partner.where.into("additional_domains", index), partner.problems)
    return partner


def _same(typed: Any, domain: str) -> bool:
    try:
        return domain_name(typed) == domain
    except Exception:  # an error of its own, noted already
        return False
