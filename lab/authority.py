"""The lab's certificate authority, by the openssl program: it signs for the peers, and Fedgate signs with it too."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from .shell import run, text

CA_DAYS = 3650
LEAF_DAYS = 825
#: A certificate with less than this left is replaced by the next ``up``.
RENEW_SECONDS = 30 * 86400

_CA = """
[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
O = Contoso
CN = Fedgate lab CA {lab}
[extensions]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""

# clientAuth: Debian's ejabberd refuses SASL EXTERNAL from a certificate without it, and falls back to dialback.
_LEAF = """
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


def ensure_authority(directory: Path, lab: str) -> None:
    """Create ``ca.pem`` and ``ca-key.pem`` (0600) unless both are there and valid.

    Certificates that an old authority signed go with it.
    """
    certificate, key = directory / "ca.pem", directory / "ca-key.pem"
    if key.exists() and _valid(certificate):
        return
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in directory.rglob("*.pem"):
        old.unlink()
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        settings = Path(scratch, "settings")
        settings.write_text(_CA.format(lab=lab))
        _new_key(Path(scratch, "key"))
        run(
            [
                "openssl", "req", "-x509", "-new", "-sha256", "-days", str(CA_DAYS), "-config", str(settings),
                "-key", f"{scratch}/key", "-out", f"{scratch}/certificate",
            ]
        )  # fmt: skip
        os.replace(f"{scratch}/key", key)
        os.replace(f"{scratch}/certificate", certificate)


def ensure_certificate(directory: Path, name: str, others: tuple[str, ...] = ()) -> tuple[bytes, bytes]:
    """Return certificate and key (PEM) for a server, from the store in ``directory``/peers; sign a new one when needed.

    :param name: its main DNS name, also its common name.
    :param others: further DNS names, or IPv4 addresses.
    """
    store = directory / "peers"
    store.mkdir(mode=0o700, exist_ok=True)
    certificate, key = store / f"{name}.pem", store / f"{name}-key.pem"
    names = [_alternative(each) for each in (name, *others)]
    if not (key.exists() and _valid(certificate) and _names(certificate) == set(names)):
        with tempfile.TemporaryDirectory(dir=store) as scratch:
            extensions, request, signed = (Path(scratch, part) for part in ("extensions", "request", "signed"))
            extensions.write_text(_LEAF.format(names=", ".join(names)))
            _new_key(Path(scratch, "key"))
            run(["openssl", "req", "-new", "-key", f"{scratch}/key", "-subj", f"/CN={name}", "-out", str(request)])
            run(
                [
                    "openssl", "x509", "-req", "-sha256", "-days", str(LEAF_DAYS), "-in", str(request),
                    "-CA", str(directory / "ca.pem"), "-CAkey", str(directory / "ca-key.pem"),
                    "-set_serial", f"0x{secrets.randbits(120):030x}", "-extfile", str(extensions), "-out", str(signed),
                ]
            )  # fmt: skip
            os.replace(f"{scratch}/key", key)
            os.replace(signed, certificate)
    return certificate.read_bytes(), key.read_bytes()


def sign(directory: Path, request: Path) -> bytes:
    """Return a certificate (PEM) for a request, with the names and uses that it asks for.

    :raises LabError: the file holds no request.
    """
    return run(
        [
            "openssl", "x509", "-req", "-sha256", "-days", str(LEAF_DAYS), "-in", str(request),
            "-copy_extensions", "copy", "-CA", str(directory / "ca.pem"), "-CAkey", str(directory / "ca-key.pem"),
            "-set_serial", f"0x{secrets.randbits(120):030x}",
        ]
    ).stdout  # fmt: skip


def _new_key(path: Path) -> None:
    # openssl makes the file 0600 itself.
    run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(path)])


def _alternative(name: str) -> str:
    """Return a name as openssl writes it in its settings."""
    return f"IP:{name}" if name.replace(".", "").isdigit() else f"DNS:{name}"


def _names(certificate: Path) -> set[str]:
    """Return a certificate's names: an address in it belongs to a lab's network, which may have become another."""
    said = text(["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", str(certificate)], check=False)
    entries = said.partition("\n")[2].replace("IP Address:", "IP:").split(",")
    return {entry.strip() for entry in entries}


def _valid(certificate: Path) -> bool:
    asked = ["openssl", "x509", "-noout", "-checkend", str(RENEW_SECONDS), "-in", str(certificate)]
    return certificate.exists() and run(asked, check=False).returncode == 0
