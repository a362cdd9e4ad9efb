"""How the Edge Servers of a Lync pool are reached: ``edge_pool_lync``. Their accounts are ordinary host variables."""

from __future__ import annotations

from .reading import Reader

EDGES = "edge_pool_lync"
KEYS = ("port", "authentication", "ca_file", "client_certificate", "client_key")
#: An Edge is in no domain, so Kerberos has nothing to say there.
AUTHENTICATIONS = ("negotiate", "ntlm", "basic", "certificate")


def check_edges(reader: Reader, backend: str) -> bool:
    """Check ``edge_pool_lync`` of one pool. :returns: whether it says something that can be used."""
    if backend != "lync":
        reader.wrong("it has a meaning on Lync pools only", "Remove it, or set edge_pool_backend: lync.")
        return False
    fields = reader.fields(KEYS)
    if fields is None:
        return False
    fields.read("port", lambda at: at.whole_number(1, 65535), 0)
    way = fields.read("authentication", lambda at: at.choice(AUTHENTICATIONS), AUTHENTICATIONS[0])
    for key in ("ca_file", "client_certificate", "client_key"):
        fields.read(key, Reader.text, "")
    for key in ("client_certificate", "client_key"):
        if (way == "certificate") != fields.has(key):
            hint = "authentication: certificate needs client_certificate and client_key: PEM files on the controller."
            message = f"{key} is missing" if way == "certificate" else f"{key} has no meaning with {way}"
            reader.wrong(message, hint)
    return True
