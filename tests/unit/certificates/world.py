"""CAs, certificates and module runs for the tests: real keys, real files, small and quick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Optional

from ansible.module_utils.fedgate.module import Reconciler
from ansible.module_utils.fedgate.plan import Plan
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POOL = "edge.london.contoso.example"
NAMES = ["contoso.example", "conference.contoso.example"]
NOW = datetime.now(timezone.utc).replace(microsecond=0)
DAY = timedelta(days=1)
ECDSA = {"type": "ecdsa", "curve": "p256"}


class Here:
    """Stands where AnsibleModule would: check mode or not, and what was warned about."""

    def __init__(self, check_mode: bool = False) -> None:
        self.check_mode = check_mode
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def walk(reconciler: Reconciler) -> tuple[Plan, dict[str, Any]]:
    """Do what ``module.run`` does, and hold it to its promise: applied, a plan is empty."""
    observed = reconciler.observe()
    plan = reconciler.plan(observed)
    if plan and not reconciler.context.check_mode:
        reconciler.apply(plan, observed)
        observed = reconciler.observe_again(plan)
        assert not reconciler.plan(observed), "applied, yet something is left"
    return plan, reconciler.results(observed, plan)


def changes(plan: Plan) -> list[tuple[str, str, str]]:
    """Return what check mode and the real run must agree on."""
    return [(change.action, change.kind, change.name) for change in plan.changes]


class Authority:
    """A CA for the tests, root or intermediate; its certificates may be as wrong as a test needs them."""

    def __init__(self, name: str, issuer: Optional[Authority] = None, ca: bool = True) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(
            self.name, issuer.name if issuer else self.name, self.key.public_key(), NOW - DAY, NOW + 900 * DAY
        )
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
        builder = builder.add_extension(_usage(signs=ca), critical=True)
        signer = issuer.key if issuer else self.key
        if issuer:
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False
            )
        self.certificate = builder.sign(signer, hashes.SHA256())

    def sign(
        self,
        public: Any,
        names: Sequence[str] = NAMES,
        *,
        start: datetime = NOW - DAY,
        end: datetime = NOW + 60 * DAY,
        purposes: Optional[Sequence[x509.ObjectIdentifier]] = (ExtendedKeyUsageOID.SERVER_AUTH,),
        digest: Optional[hashes.HashAlgorithm] = None,
    ) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0] if names else "nobody")])
        builder = _builder(subject, self.name, public, start, end)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False
            )
        if purposes is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        return builder.sign(self.key, digest or hashes.SHA256())


def pem(*certificates: x509.Certificate) -> str:
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in certificates)


def request_arguments(directory: Any, **other: Any) -> Mapping[str, Any]:
    """Arguments of edge_certificate_request, as its argument spec would make them."""
    return {
        "name": POOL,
        "directory": str(directory),
        "names": NAMES,
        "subject": {},
        "key": ECDSA,
        "friendly_name": "",
        "client_auth": False,
        "renew_before_days": None,
        "due": {},
        "force": False,
        "reuse_key": False,
        "make": True,
        "adopt": None,
        "report_missing_library": False,
        "gateway": None,
        **other,
    }


def install_arguments(directory: Any, chain: Optional[str], **other: Any) -> Mapping[str, Any]:
    return {
        "name": POOL,
        "directory": str(directory),
        "names": NAMES,
        "chain": chain,
        "request": None,
        "keep": 3,
        "gateway": None,
        **other,
    }


def _builder(
    subject: x509.Name, issuer: x509.Name, public: Any, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not signs, False, False, False, False, signs, signs, False, False)
