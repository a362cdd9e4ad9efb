"""Services that start with a certificate for the first time: when they do not, the one before is assigned again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..certificates import library
from ..errors import FedgateError
from . import certificate_store, certificate_trial
from .certificate_store import Calls


class CertificateRefused(FedgateError):
    """Services did not start with the certificate that was assigned to them."""


def served(shell: Calls, directory: str, names: Sequence[str]) -> None:
    """Note that services serve with these certificates."""
    for name in names:
        certificate_trial.end(shell, directory, name)


def go_back(
    shell: Calls, directory: str, names: Sequence[str], host: str, error: FedgateError, again: Callable[[], object]
) -> FedgateError:
    """Assign again what was assigned before, and have the services serve with it.

    Each step is noted before it is taken, so that a run that comes after one that was killed goes on from there.

    :param names: of certificates, as ``lync_certificate`` has them; :param error: why services do not serve.
    :param again: stops and starts the services, and waits until they serve.
    :returns: the error to raise: what happened, or ``error`` itself where there is nothing to go back to.
    """
    held = certificate_store.look(shell)
    now = library.now()
    trials = {name: certificate_trial.look(shell, directory, name) for name in names}
    former = {name: found for name, trial in trials.items() if (found := trial.back(held, now))}
    if not former:
        return error
    refused: list[str] = []
    for name, uses in former.items():
        tried = {trials[name].tried[use] for use in uses}
        certificate_trial.refuse(shell, directory, name, trials[name], tried)
        certificate_store.restore(shell, uses)
        refused += sorted(tried)
    before = {use: thumbprint for uses in former.values() for use, thumbprint in uses.items()}
    details = {"went_back": before, "refused": refused}
    said = (
        f"the services of {host} do not serve with the certificate {', '.join(refused)}: {error.message}. "
        f"{', '.join(dict.fromkeys(before.values()))}, which was assigned before, is assigned again"
    )
    try:
        again()
    except FedgateError as second:
        return CertificateRefused(
            f"{said}, and they do not serve with it either: {second.message}",
            hint="So the certificate may not be the reason. Look at the events of the product on that server.",
            details=details,
        )
    served(shell, directory, list(former))
    files = " and ".join(f"fedgate-{name}.refused" for name in former)
    return CertificateRefused(
        f"{said}, and they serve with it",
        hint="Look at the events of the product on that server. The other certificate is not assigned there again: "
        f"have another one made (force), or remove {files} in {directory} there and run again. Other servers of the "
        "pool were left alone.",
        details=details,
    )
