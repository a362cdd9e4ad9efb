"""Cmdlets of Windows itself, as far as certificates need them: files, the certificate provider, PFX.

Sources: Microsoft's reference of Microsoft.PowerShell.Management (Windows PowerShell 5.1) and of the module PKI. An
X509Certificate2 comes over remoting with RawData only (types.ps1xml, PropertySerializationSet), which is why
Select-Object is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from psrpcore.types import ErrorCategory

from .binder import Cmdlet, Parameter, number, one_of, secret, switch, text, texts
from .console import CmdletError, decorated
from .engine import Call
from .holdings import STORES, Entry, Holdings, chain_of, pfx_of
from .world import World

TYPE = "System.Security.Cryptography.X509Certificates.X509Certificate2"
_EDGE = frozenset({"edge"})
_STORE = "cert:\\localmachine\\"


def held_by(world: World, call: Call) -> Holdings:
    """Return what the computer holds that a cmdlet runs on.

    An Edge Server's names are its pool's external one and the XMPP domain, here the primary SIP domain.
    """
    if call.host.lower() not in world.holdings:
        pool = world.topology.computers().get(call.host)
        subject = (pool.external_fqdn or pool.fqdn) if pool else call.host
        world.holdings[call.host.lower()] = Holdings(call.host, subject, tuple(world.sip_domains[:1]))
    held: Holdings = world.holdings[call.host.lower()]
    return held


def _no_path(path: str) -> CmdletError:
    return CmdletError(
        f"Cannot find path '{path}' because it does not exist.",
        "PathNotFound",
        ErrorCategory.ObjectNotFound,
        "System.Management.Automation.ItemNotFoundException",
        target=path,
    )


def _content(value: Any) -> Any:
    """The value of Set-Content: lines, or bytes."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    return texts(value)


def _set_content(world: World, call: Call) -> Iterator[Any]:
    value, encoding = call["Value"], call["Encoding"]
    if encoding == "Byte":
        if not isinstance(value, bytes):
            raise CmdletError(
                "Cannot proceed with byte encoding. When using byte encoding the content must be of type byte.",
                "GetContentWriterArgumentError",
                ErrorCategory.InvalidOperation,
            )
        data = value
    elif isinstance(value, bytes):
        data = "".join(f"{byte}\r\n" for byte in value).encode()
    else:
        data = "".join(f"{line}\r\n" for line in value).encode("ascii" if encoding == "Ascii" else "utf-8", "replace")
    held_by(world, call).files[call["Path"].lower()] = data
    return iter(())


def _get_content(world: World, call: Call) -> Iterator[Any]:
    data = held_by(world, call).files.get(call["Path"].lower())
    if data is None:
        raise _no_path(call["Path"])
    if call["Encoding"] == "Byte":
        # With -ReadCount 0 all at once, as one array.
        yield from [bytes(data)] if call["ReadCount"] == 0 else list(data)
        return
    yield from data.decode("utf-8", "replace").splitlines()


def _test_path(world: World, call: Call) -> Iterator[Any]:
    yield call["Path"].lower() in held_by(world, call).files


def _remove_item(world: World, call: Call) -> Iterator[Any]:
    held, path = held_by(world, call), call["Path"]
    if not path.lower().startswith(_STORE):
        if held.files.pop(path.lower(), None) is None:
            raise _no_path(path)
        return iter(())
    store, _, thumbprint = path[len(_STORE) :].partition("\\")
    entries = held.stores.get(_proper(store), [])
    gone = [entry for entry in entries if entry.thumbprint == thumbprint.upper()]
    if not gone:
        raise _no_path(path)
    entries.remove(gone[0])
    return iter(())


def _proper(store: str) -> str:
    return {name.lower(): name for name in STORES}.get(store.lower(), store)


def _get_child_item(world: World, call: Call) -> Iterator[Any]:
    path = call["Path"]
    if not path.lower().startswith(_STORE) or _proper(path[len(_STORE) :]) not in STORES:
        raise _no_path(path)
    for entry in held_by(world, call).stores[_proper(path[len(_STORE) :])]:
        yield _as_object(entry)


def _as_object(entry: Entry) -> Any:
    """What Select-Object finds; without it the client gets RawData only."""
    raw = entry.certificate.public_bytes(Encoding.DER)
    shown = decorated([TYPE, "System.Object"], {"RawData": raw}, entry.certificate.subject.rfc4514_string())
    shown.PSObject.selectable = {
        "Thumbprint": entry.thumbprint,
        "FriendlyName": entry.friendly_name,
        "HasPrivateKey": entry.key is not None,
        "Subject": entry.certificate.subject.rfc4514_string(),
        "RawData": raw,
    }
    return shown


def _export_pfx(world: World, call: Call) -> Iterator[Any]:
    held = held_by(world, call)
    prefix, _, thumbprint = call["Cert"].rpartition("\\")
    entry = held.find(thumbprint) if prefix.lower() == f"{_STORE}my" else None
    if entry is None:
        raise _no_path(call["Cert"])
    if entry.key is None or not entry.exportable:
        # The text is Windows's for NTE_BAD_KEY_STATE at Export-PfxCertificate.
        raise CmdletError(
            "Cannot export non-exportable private key.",
            "System.ComponentModel.Win32Exception",
            ErrorCategory.NotSpecified,
            "System.ComponentModel.Win32Exception",
        )
    chain = [] if call["ChainOption"] == "EndEntityCertOnly" else list(chain_of(held, entry.certificate))
    held.files[call["FilePath"].lower()] = pfx_of(entry, chain, call["Password"])
    yield decorated(["System.IO.FileInfo", "System.Object"], {"FullName": call["FilePath"]}, call["FilePath"])


def _import_certificate(world: World, call: Call) -> Iterator[Any]:
    held = held_by(world, call)
    data = held.files.get(call["FilePath"].lower())
    store = _proper(call["CertStoreLocation"][len(_STORE) :])
    if data is None or store not in STORES:
        raise _no_path(call["FilePath"])
    for certificate in read_certificates(data):
        held.put(store, Entry(certificate))
        yield _as_object(Entry(certificate))


def read_certificates(data: bytes) -> list[x509.Certificate]:
    """Return the certificates of a file as CryptQueryObject reads it: PEM, DER, PKCS#7. :raises CmdletError: none."""
    readers = (
        x509.load_pem_x509_certificates,
        lambda raw: [x509.load_der_x509_certificate(raw)],
        pkcs7.load_der_pkcs7_certificates,
        pkcs7.load_pem_pkcs7_certificates,
    )
    for reader in readers:
        try:
            return list(reader(data))
        except ValueError:
            continue
    raise CmdletError(
        "The data is invalid. 0x8007000d (WIN32: 13 ERROR_INVALID_DATA)",
        "System.ComponentModel.Win32Exception",
        ErrorCategory.InvalidData,
        "System.ComponentModel.Win32Exception",
    )


_PATH = Parameter(text, mandatory=True)
_ENCODING = Parameter(one_of("Byte", "Ascii", "UTF8", "Unicode", "Default"))
CMDLETS = (
    Cmdlet(
        "Set-Content",
        {
            "Path": _PATH,
            "Value": Parameter(_content, mandatory=True),
            "Encoding": _ENCODING,
            "Force": Parameter(switch),
        },
        _set_content,
        where=_EDGE,
    ),
    Cmdlet(
        "Get-Content",
        {"Path": _PATH, "Encoding": _ENCODING, "ReadCount": Parameter(number(0, 2**31 - 1))},
        _get_content,
        where=_EDGE,
    ),
    Cmdlet("Test-Path", {"Path": _PATH}, _test_path, where=_EDGE),
    Cmdlet("Remove-Item", {"Path": _PATH, "Force": Parameter(switch)}, _remove_item, where=_EDGE),
    Cmdlet("Get-ChildItem", {"Path": _PATH}, _get_child_item, where=_EDGE),
    Cmdlet(
        "Export-PfxCertificate",
        {
            "Cert": _PATH,
            "FilePath": _PATH,
            "Password": Parameter(secret, mandatory=True),
            "ChainOption": Parameter(one_of("BuildChain", "EndEntityCertOnly", "PfxDataOnly")),
            "Force": Parameter(switch),
        },
        _export_pfx,
        where=_EDGE,
    ),
    Cmdlet(
        "Import-Certificate",
        {"FilePath": _PATH, "CertStoreLocation": _PATH},
        _import_certificate,
        where=_EDGE,
    ),
)
