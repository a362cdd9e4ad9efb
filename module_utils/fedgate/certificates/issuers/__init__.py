"""Issuers, by the name that an inventory uses. A new one is a new file and one line here.

The table is made of static imports: what were looked up by name at run time would not travel with the module, and a
class named by an inventory would run with the controller's secrets.
"""

from __future__ import annotations

from .acme import Acme
from .base import Issuer
from .local_ca import LocalCa
from .manual import Manual

ISSUERS: dict[str, type[Issuer]] = {
    Acme.kind: Acme,
    LocalCa.kind: LocalCa,
    Manual.kind: Manual,
}
