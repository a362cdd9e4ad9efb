"""Request-, Import-, Set-, Get-, Remove-CsCertificate on the computer that they run on, with real keys and requests.

Source, where nothing else is said: Microsoft's reference of the cmdlet of that name. None of them returns anything but
Get-CsCertificate and Request-CsCertificate -List.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from cryptography.hazmat.primitives.serialization import pkcs12
from psrpcore.types import ErrorCategory

from . import requesting
from .binder import Cmdlet, Parameter, boolean, number, one_of, switch, text, texts
from .console import CmdletError, decorated
from .engine import Call
from .holdings import Entry, Holdings, is_trusted
from .windows import held_by, read_certificates
from .world import World

TYPE = "Microsoft.Rtc.Management.Deployment.CertificateReference"
USES = (
    "AccessEdgeExternal", "AudioVideoAuthentication", "DataEdgeExternal", "Default", "External", "Internal",
    "iPhoneAPNService", "iPadAPNService", "MPNService", "PICWebService", "ProvisionService", "WebServicesExternal",
    "WebServicesInternal", "WsFedTokenTransfer", "XMPPServer", "OAuthTokenIssuer",
)  # fmt: skip
_use = one_of(*USES)


def uses(value: Any) -> list[str]:
    """CertType[]."""
    return [_use(item) for item in texts(value)]


def failed(message: str, error_id: str, target: str = "") -> CmdletError:
    """An error of these cmdlets; wording and identifiers are guessed where nothing else is said."""
    return CmdletError(
        message,
        error_id,
        ErrorCategory.InvalidOperation,
        "Microsoft.Rtc.Management.Deployment.DeploymentException",
        target=target,
    )


def _import(world: World, call: Call) -> Iterator[Any]:
    held, path = held_by(world, call), call["Path"]
    data = held.files.get(path.lower())
    if data is None:
        raise failed(f'Cannot find file "{path}".', "FileNotFound", path)
    exportable = call["PrivateKeyExportable"] is True
    if call["Password"] is not None or path.lower().endswith((".pfx", ".p12")):
        _import_pfx(held, data, str(call["Password"] or ""), exportable)
        return iter(())
    leaf, *others = _leaf_first(read_certificates(data))
    if held.accept(leaf) is None:
        # guessed: what certreq -accept says too (CRYPT_E_NOT_FOUND)
        raise failed("Cannot find object or property. 0x80092004", "CertificateRequestNotFound", path)
    for each in others:
        held.put("Root" if each.issuer == each.subject else "CA", Entry(each))
    return iter(())


def _leaf_first(found: list[Any]) -> list[Any]:
    issuers = {each.issuer for each in found if each.issuer != each.subject}
    return sorted(found, key=lambda each: each.subject in issuers)


def _import_pfx(held: Holdings, data: bytes, password: str, exportable: bool) -> None:
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(data, password.encode())
    except ValueError:
        raise failed("The specified network password is not correct.", "CryptographicException") from None
    if certificate is None or key is None:
        raise failed("The file holds no certificate with a private key.", "CryptographicException")
    held.put("My", Entry(certificate, key, exportable))  # type: ignore[arg-type]
    for each in others:
        held.put("Root" if each.issuer == each.subject else "CA", Entry(each))


def _set(world: World, call: Call) -> Iterator[Any]:
    held, thumbprint = held_by(world, call), call["Thumbprint"]
    entry = held.find(thumbprint)
    if entry is None:
        raise failed(f'Cannot find the certificate with thumbprint "{thumbprint}".', "CertificateNotFound", thumbprint)
    if entry.key is None:
        raise failed(f'The certificate with thumbprint "{thumbprint}" has no private key.', "NoPrivateKey", thumbprint)
    if not is_trusted(held, entry.certificate):
        call.console.warnings.append(f'The chain of the certificate "{thumbprint}" is invalid.')  # guessed
    for use in call["Type"]:
        if use in held.assigned and held.assigned[use] != entry.thumbprint:
            held.previous[use] = held.assigned[use]
        held.assigned[use] = entry.thumbprint
        held.effective.pop(use, None)
        if "Roll" in call:
            held.effective[use] = call["EffectiveDate"] or datetime.now(timezone.utc)  # guessed: without a date, now
    return iter(())


def _get(world: World, call: Call) -> Iterator[Any]:
    """One object a use; only what Set-CsCertificate has assigned is shown.

    guessed: a successor by -Roll is shown at once as what is assigned, with EffectiveDate, and the one that it follows
    as PreviousThumbprint.
    """
    held = held_by(world, call)
    for use in USES:
        entry = held.find(held.assigned.get(use, ""))
        if entry is None or (call["Type"] and use not in call["Type"]):
            continue
        properties = {
            "Issuer": entry.certificate.issuer.rfc4514_string(),
            "NotAfter": entry.certificate.not_valid_after_utc.isoformat(),  # guessed: a DateTime is sent
            "SerialNumber": f"{entry.certificate.serial_number:X}",
            "Subject": entry.certificate.subject.rfc4514_string(),
            "SubjectAlternativeNames": requesting.names_of(entry.certificate),
            "Thumbprint": entry.thumbprint,
            "PreviousThumbprint": held.previous.get(use, ""),
            "EffectiveDate": held.effective[use].isoformat() if use in held.effective else None,
            "Use": use,
        }
        yield decorated([TYPE, "System.Object"], properties, TYPE)


def _remove(world: World, call: Call) -> Iterator[Any]:
    held = held_by(world, call)
    for use in call["Type"] or list(held.assigned):
        held.assigned.pop(use, None)
    return iter(())


def _moment(value: Any) -> datetime:
    """DateTime; a text of ISO 8601 is one too (PowerShell converts it, about_Type_Conversion)."""
    return datetime.fromisoformat(str(value).replace("Z", "+00:00"))


_TYPE = Parameter(uses)
_EDGE = frozenset({"edge"})
_NEW, _ASK = ("ByNew",), ("ByClear", "ByList", "ByRetrieve")


def _new(read: Any, mandatory: bool = False) -> Parameter:
    return Parameter(read, _NEW, mandatory)


CMDLETS = (
    Cmdlet(
        "Request-CsCertificate",
        {
            "New": _new(switch, True),
            "Clear": Parameter(switch, ("ByClear",), True),
            "List": Parameter(switch, ("ByList",), True),
            "Retrieve": Parameter(switch, ("ByRetrieve",), True),
            "Type": _new(uses, True),
            **{
                name: _new(text)
                for name in (
                    "CA",
                    "CaAccount",
                    "CaPassword",
                    "City",
                    "ComputerFqdn",
                    "Country",
                    "DomainName",
                    "FriendlyName",
                    "GlobalCatalog",
                    "GlobalSettingsDomainController",
                    "Organization",
                    "OU",
                    "Output",
                    "State",
                    "Template",
                )
            },
            "ClientEKU": _new(boolean),
            "PrivateKeyExportable": _new(boolean),
            "AllSipDomain": _new(switch),
            "KeyAlg": _new(one_of("RSA", "ECDH_P256", "ECDH_P384", "ECDH_P521")),
            "KeySize": _new(requesting.key_size),
            "RequestId": Parameter(number(0, 2**31 - 1), _ASK),
            "Report": Parameter(text),
            "Force": Parameter(switch),
        },
        requesting.run,
        where=_EDGE,
    ),
    Cmdlet(
        "Import-CsCertificate",
        {
            "Path": Parameter(text, mandatory=True),
            "Password": Parameter(text),
            "PrivateKeyExportable": Parameter(boolean),
            "Report": Parameter(text),
            "Force": Parameter(switch),
        },
        _import,
        where=_EDGE,
    ),
    Cmdlet(
        "Set-CsCertificate",
        {
            "Thumbprint": Parameter(text, mandatory=True),
            "Type": Parameter(uses, mandatory=True),
            "Roll": Parameter(switch),
            "EffectiveDate": Parameter(_moment),
            "Report": Parameter(text),
            "Force": Parameter(switch),
        },
        _set,
        where=_EDGE,
    ),
    Cmdlet(
        "Get-CsCertificate",
        {"Type": _TYPE, "Report": Parameter(text)},
        _get,
        frozenset({"CsAdministrator", "CsViewOnlyAdministrator"}),
        where=_EDGE,
    ),
    Cmdlet(
        "Remove-CsCertificate",
        {"Type": _TYPE, "Force": Parameter(switch), "Report": Parameter(text)},
        _remove,
        where=_EDGE,
    ),
)
