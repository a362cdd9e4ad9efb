"""Reads inventories for action plug-ins: variables as plain values, each with file and line. On the controller only."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

from .errors import InvalidValue
from .model.problems import UNKNOWN, Where
from .model.variables import DIRECTORY, concerns_us, place

try:  # ansible-core keeps it to itself; without it, errors name no file and line
    from ansible._internal._datatag._tags import Origin
except ImportError:
    Origin = None


def collect_from(paths: Sequence[str], group: str, loader: Any) -> Collected:
    """Read another inventory than that of the run, as ``ansible-playbook -i`` would.

    :param paths: files and folders; several are put together, as with several ``-i``.
    :param group: the group of all gateways.
    :param loader: of the run; its vault passwords open what is vaulted.
    :raises InvalidValue: when there is none, or it cannot be read.
    """
    said = ", ".join(paths)
    for path in paths:
        if not os.path.exists(path):
            hint = "Name its file or its folder, as after -i; paths are relative to where the command is started."
            raise InvalidValue(f"there is no inventory {path}", hint=hint)
    own = DataLoader()
    own.set_vault_secrets(loader._vault.secrets)
    try:
        inventory = InventoryManager(loader=own, sources=list(paths))
        variables = VariableManager(loader=own, inventory=inventory)
        found = inventory.groups.get(group)
        hosts = [host.name for host in found.get_hosts()] if found else []
        return Collected(HostVars(inventory, variables, own), own, hosts)
    except AnsibleError as error:
        hint = f"Try: ansible-inventory -i {paths[0]} --list"
        raise InvalidValue(f"the inventory {said} cannot be read: {error.message}", hint=hint) from error


class Collected:
    """The variables of all gateways as plain values, evaluated where they are templates.

    Only our own variables are looked at, so that a vaulted one that nothing refers to stays closed.

    :ivar hosts: values by host and variable; :ivar errors: templates that could not be evaluated.
    """

    def __init__(self, hostvars: Any, loader: Any, hosts: list[str]) -> None:
        self.hosts: dict[str, dict[str, Any]] = {}
        self.errors: list[InvalidValue] = []
        self._origins: dict[tuple[str, tuple[str | int, ...]], str] = {}
        self._seen: set[str] = set()
        self._templates = 0
        # Hosts share the values of their groups: those without templates are read once. By identity of the raw value:
        # (the value itself, which keeps the identity valid; its plain form; the host that it was read for).
        self._read: dict[int, tuple[Any, Any, str]] = {}
        self._read_for: dict[tuple[str, str | int], str] = {}
        for host in hosts:
            raw = hostvars.raw_get(str(host))
            self._templar = Templar(loader=loader, variables={**raw, "hostvars": hostvars})
            name = str.__str__(host)
            self.hosts[name] = {_bare(key): self._variable(key, raw[key], name) for key in raw if concerns_us(key)}
            self.hosts[name][DIRECTORY] = _has_directory(raw)

    def origin_of(self, host: str, steps: tuple[str | int, ...]) -> str | None:
        """Return file, line and column of a value, or of the nearest one around it that is known."""
        host = self._read_for.get((host, steps[0]), host)
        for length in range(len(steps), 0, -1):
            if (host, steps[:length]) in self._origins:
                return self._origins[host, steps[:length]]
        return None

    def _variable(self, key: str, value: Any, host: str) -> Any:
        name = _bare(key)
        known = self._read.get(id(value))
        if known and (known[2], (name,)) in self._origins:
            self._read_for[host, name] = known[2]
            return known[1]
        before = self._templates
        plain = self._plain(value, place(name, host), _origin(key))
        if self._templates == before and isinstance(value, (list, Mapping)):
            self._read[id(value)] = (value, plain, host)
        return plain

    def _plain(self, value: Any, where: Where, key_origin: str | None) -> Any:
        """Return a value without Ansible's wrappers; note where it comes from. A key's place is the better one."""
        origin = key_origin or _origin(value)
        if origin and where.seen_from:
            self._origins[where.seen_from, where.steps] = origin
        value = self._evaluated(value, where)
        if isinstance(value, Mapping):
            return {_bare(key): self._plain(item, where.into(_bare(key)), _origin(key)) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._plain(item, where.into(index), None) for index, item in enumerate(value)]
        return _bare(value)

    def _evaluated(self, value: Any, where: Where) -> Any:
        if isinstance(value, (bool, int, float, list, tuple, Mapping)) or value is None:
            return value
        try:
            result = self._templar.template(value)
            self._templates += result is not value
            return result
        except AnsibleError as error:
            self._templates += 1
            origin = self.origin_of(where.seen_from or "", where.steps)
            found = InvalidValue(f"this cannot be evaluated: {error.message}", path=str(where), origin=origin)
            if f"{origin}{error.message}" not in self._seen:
                self._seen.add(f"{origin}{error.message}")
                self.errors.append(found)
            return UNKNOWN


def _has_directory(variables: Mapping[str, Any]) -> bool:
    """Tell whether a gateway's users may be in a directory; its settings, which hold a secret, are not evaluated."""
    settings = variables.get(DIRECTORY)
    named = "kind" in settings if isinstance(settings, Mapping) else bool(settings)
    return named or variables.get("xmpp_gateway_mode") == "policy_only"


def _bare(value: Any) -> Any:
    """Return a scalar as Python's own type, without tags."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool) or value is None or value is UNKNOWN:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _origin(value: Any) -> str | None:
    """Return ``file:line:column`` of a value where Ansible kept it; files of this folder by their relative path."""
    tag = Origin.get_tag(value) if Origin else None
    if tag is None or not tag.path:
        return str(tag.description) if tag is not None and tag.description else None
    path = Path(tag.path)
    here = Path.cwd()
    name = str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
    return ":".join(str(part) for part in (name, tag.line_num, tag.col_num) if part)
