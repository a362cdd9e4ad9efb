"""What lies in the folder of a CA that works by hand: every file read once, whatever its name and format."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Optional

from cryptography import x509

from ...errors import FedgateError, InvalidValue
from .. import chains, formats, keys
from .base import Order, read_file
from .manual_waiting import LETTER_HEAD, REQUEST

#: A chain has a few kilobytes; what is larger was put there by mistake.
_LARGEST = 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """One file of the folder.

    :ivar path: where it lies.
    :ivar written: when it was last written, in seconds since 1970.
    :ivar certificates: all that it holds, none when it cannot be used.
    :ivar key: the private key that it brings (PKCS#12 only).
    :ivar problem: why it cannot be used.
    """

    path: str
    written: float
    certificates: tuple[x509.Certificate, ...] = ()
    key: Optional[keys.PrivateKey] = field(default=None, repr=False)
    problem: Optional[FedgateError] = None

    @property
    def leaf(self) -> x509.Certificate:
        """Return the certificate for which the file was sent; of PKCS#12 with a key, that of the key."""
        return self.certificates[0] if self.key else chains.arrange(self.certificates)[0]

    def is_named_for(self, order: Order) -> bool:
        """Tell whether the file's name says that it is for this order: ``<name>.<ending>``, or ``<name>.crt.pem``."""
        stem = os.path.splitext(os.path.basename(self.path))[0]
        return order.name in (stem, os.path.splitext(stem)[0])


def read_all(directory: str, ignored: Iterable[str], password: Optional[str]) -> list[Answer]:
    """Read every file of a folder; one that cannot be used has its ``problem``, and stops nothing.

    :param ignored: paths of our own files, which hold no certificate; what else we wrote is known by its content.
        Hidden files and folders are left out too.
    :param password: for PKCS#12.
    :raises InvalidValue: the folder cannot be read. That there is none is no error.
    """
    try:
        entries = sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InvalidValue(
            f"{directory} cannot be read: {error.strerror}", path="issuer.requests_directory", hint="Name a folder."
        ) from error
    ours = set(ignored)
    paths = [os.path.join(directory, entry) for entry in entries if not entry.startswith(".")]
    found = [_read(path, password, path in ours or path.endswith(REQUEST)) for path in paths]
    return [each for each in found if each]


def _read(path: str, password: Optional[str], ours: bool) -> Optional[Answer]:
    written = 0.0
    try:
        facts = os.stat(path)
        written = facts.st_mtime
        if not stat.S_ISREG(facts.st_mode):
            return None
        if facts.st_size > _LARGEST:
            raise InvalidValue(f"{path} has {facts.st_size} bytes, too many for a certificate", hint="Move it away.")
        data = read_file(path) or b""
        kind = formats.kind_of(data)
        # Who saves an answer over the request gets it installed all the same.
        if (ours and kind not in formats.ANSWERS) or data.startswith(LETTER_HEAD.encode()):
            return None
        if kind != formats.PKCS12:
            return Answer(path, written, tuple(formats.certificates_of(data, path)))
        key, certificates = formats.pkcs12_of(data, password, path)
        return Answer(path, written, tuple(certificates), key)
    except FileNotFoundError:  # taken away while we looked
        return None
    except FedgateError as error:
        return Answer(path, written, problem=error)


def chains_for(answers: Sequence[Answer], fingerprint: str, order: Order) -> list[list[x509.Certificate]]:
    """Return the chains that answer a key, the newest certificate first; what serves already is none.

    All files together are the pool from which a chain is built: intermediates may lie in files of their own.
    """
    everything = list(dict.fromkeys(each for answer in answers for each in answer.certificates))
    for_key = [each for each in everything if keys.fingerprint(each.public_key()) == fingerprint]
    others = [each for each in everything if each not in for_key]
    fitting = [each for each in for_key if not order.is_replaced(each)]
    fitting.sort(key=lambda each: chains.describe(each).not_before, reverse=True)
    return [chains.arrange([each, *others], fingerprint) for each in fitting]


def brought_for(answers: Sequence[Answer], order: Order, named: Iterable[str]) -> list[Answer]:
    """Return the answers with a private key of their own whose names are exactly the order's, the newest first.

    :param named: names of all orders that are known. Pools of one domain may have the same names; then the name of
        the file says for which of them it is, where it does.
    """
    fitting = []
    for answer in answers:
        if answer.key is None or order.is_replaced(answer.leaf):
            continue
        stem = os.path.basename(answer.path)
        theirs = [name for name in named if name != order.name and stem.startswith(name + ".")]
        if not theirs and set(chains.describe(answer.leaf).names) == set(order.names):
            fitting.append(answer)
    return sorted(fitting, key=lambda each: chains.describe(each.leaf).not_before, reverse=True)
