"""Trust anchors that come and go: the root of the lab's Pebble, and roots that a host of the lab shall trust."""

from __future__ import annotations

import hashlib
import ssl
import urllib.error
import urllib.request
from pathlib import Path

from .errors import LabError
from .identity import Host, Identity
from .peers.acme import MANAGEMENT_PORT
from .runtime import podman
from .shell import last_words, run
from .state import State, write_whole

#: role → how its server takes roots that were added to the host's store. Prosody looks for them at each handshake.
TAKE = {"partner": "ejabberdctl reload_config"}

# Done in full by every run unless the last step of an earlier one is newer than the store: it may have been killed.
_TRUST = """set -e
root=/usr/local/share/ca-certificates/fedgate-lab-{name}.crt
store=/etc/ssl/certs/ca-certificates.crt
taken=/run/fedgate-lab-trust
cat > "$root.new"
if cmp -s "$root.new" "$root"; then rm "$root.new"; else mv "$root.new" "$root"; fi
if ! [ "$store" -nt "$root" ]; then update-ca-certificates > /dev/null 2>&1; echo added; fi
if ! [ "$taken" -nt "$store" ]; then
    {take}
    touch "$taken"
fi
"""


def acme_certificate(state: State, what: str) -> str:
    """Return Pebble's present ``root`` or ``intermediate`` as PEM. :raises LabError: when it does not answer."""
    url = f"https://{state.address('acme')}:{MANAGEMENT_PORT}/{what}s/0"
    trusted = ssl.create_default_context(cafile=state.values["ca_certificate"])
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))
    try:
        with direct.open(url, timeout=10) as answer:
            return _certificate(answer.read(), url)
    except (urllib.error.URLError, OSError) as error:
        raise LabError(f"{url} does not answer ({error}); make the host: bin/lab up acme") from None


def write_acme_root(state: State, pem: str) -> bool:
    """Write the root where the inventory of the lab with ACME looks for it; return whether it was another before."""
    path = Path(state.values["acme"]["root_file"])
    if path.exists() and path.read_text() == pem:
        return False
    write_whole(path, pem)
    return True


def trust(identity: Identity, host: Host, file: Path) -> bool:
    """Make a host, and the server on it, trust a root; return whether its store was changed.

    :raises LabError: when the file holds no certificate of a CA, or the host does not take it.
    """
    try:
        pem = _certificate(file.read_bytes(), str(file))
    except OSError as error:
        raise LabError(f"{file}: {error.strerror}") from None
    name = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()[:12]
    script = _TRUST.format(name=name, take=TAKE.get(host.role, ":"))
    line = podman("exec", "--interactive", identity.container(host.name), "/bin/sh", "-c", script)
    done = run(line, stdin=pem.encode(), check=False, timeout=60)
    if done.returncode:
        raise LabError(f"{host.name} did not take {file}: {last_words(done.stderr, done.stdout)}")
    return done.stdout.strip() != b""


def _certificate(content: bytes, where: str) -> str:
    """Return the first certificate of a PEM text, without anything around it. :raises LabError: unless a CA's."""
    asked = run(["openssl", "x509", "-ext", "basicConstraints", "-outform", "PEM"], stdin=content, check=False)
    said = asked.stdout.decode(errors="replace")
    begin = said.find("-----BEGIN CERTIFICATE-----")
    if asked.returncode or begin < 0:
        raise LabError(f"{where}: no certificate in PEM")
    if "CA:TRUE" not in said[:begin]:
        raise LabError(f"{where}: the certificate in it is not that of an authority (basicConstraints CA:TRUE)")
    return said[begin:]
