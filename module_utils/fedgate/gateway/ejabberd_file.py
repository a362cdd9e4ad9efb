"""The policy as ejabberd's YAML: the file that is included, and the same policy in a dump of what the server runs with.

Pure values. Nothing here needs a YAML library: the file is ours and canonical, and ``ejabberdctl dump_config`` has one
form as well (``fast_yaml:encode``).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Optional

_HEAD = "# Who federates, written by Fedgate: what is changed here is overwritten.\n# generation: {generation}\n"
_GENERATION = re.compile(r"^# generation: (\d+)$", re.M)
_PARTNER = re.compile(r'^      - "([^"]+)" # (\S+)$', re.M)
_HOST = re.compile(r'^  "([^"]+)":\n    s2s_access: \S+\n    s2s_use_starttls: (\S+)$', re.M)
_STARTTLS = re.compile(r"^# starttls: (\S+)$", re.M)


@dataclass(frozen=True)
class Running:
    """What a server runs with, as far as it is about who federates.

    :ivar digest: of the policy that names itself there, as in ``digest_of``; None when there is none of ours.
    :ivar partners: the domains that it lets in, and patterns of such, as ``in_addresses`` makes them.
    :ivar hosts: our virtual hosts → their ``s2s_use_starttls``.
    :ivar others: values of ``s2s_access`` that are not ours; ``all`` when the server has none for all hosts.
    :ivar dialback: whether some host has ``mod_s2s_dialback``; :ivar bidi: the same of ``mod_s2s_bidi``.
    """

    digest: Optional[str]
    partners: frozenset[str]
    hosts: Mapping[str, str]
    others: tuple[str, ...]
    dialback: bool
    bidi: bool

    def enforces(self, rules: Mapping[str, Any], generation: int) -> bool:
        """Whether this is exactly that policy, and no other rule lets anybody in."""
        hosts = dict.fromkeys(rules["local_hosts"], rules["starttls"])
        return (self.digest, self.partners, dict(self.hosts), self.others) == (
            digest_of(rules, generation),
            _spelled(rules["partners"]),
            hosts,
            (),
        )

    def exceeds(self, rules: Mapping[str, Any]) -> bool:
        """Whether streams may be open that these rules do not allow, or not as they are."""
        loose = {"false": 0, "true": 1, "required": 2}
        return bool(
            self.others
            or self.partners - _spelled(rules["partners"])
            or (self.partners and set(self.hosts) - set(rules["local_hosts"]))
            or any(loose.get(value, 0) < loose[rules["starttls"]] for value in self.hosts.values() if self.partners)
        )


def in_addresses(domain: str) -> Optional[str]:
    """Return a pattern, as YAML, of how a domain is written in addresses (RFC 7622: U-labels) where that differs.

    ejabberd compares domains as they were written. A pattern is ASCII: it cannot dump other characters.
    """
    if "xn--" not in domain:
        return None
    # The model takes only names that the old and the new IDNA rules encode alike.
    text = domain.encode().decode("idna")
    return (
        "^" + "".join(r"\\." if one == "." else one if one.isascii() else rf"\\x{{{ord(one):x}}}" for one in text) + "$"
    )


def _spelled(domains: Iterable[str]) -> frozenset[str]:
    return frozenset(domains) | frozenset(filter(None, map(in_addresses, domains)))


def digest_of(rules: Mapping[str, Any], generation: int) -> str:
    """Return the name that a policy bears in the server: 16 hexadecimal digits of a SHA-256."""
    text = json.dumps({"generation": generation, **rules}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def text_of(rules: Mapping[str, Any], generation: int) -> str:
    """Return the file's text; equal policies are equal bytes.

    ``s2s_access: none`` closes all virtual hosts that are not named. The rule's name has the digest, so that a dump
    tells which policy it holds, and no other part of the configuration can have a rule of that name.
    """
    digest = digest_of(rules, generation)
    lines = [f"# starttls: {rules['starttls']}"]
    if rules["partners"]:
        lines += ["acl:", f"  fedgate_partners_{digest}:", "    server:"]
        lines += [f'      - "{domain}" # {partner}' for domain, partner in sorted(rules["partners"].items())]
        patterns = [pattern for pattern in map(in_addresses, sorted(rules["partners"])) if pattern]
        lines += ["    server_regexp:", *(f'      - "{pattern}"' for pattern in patterns)] if patterns else []
    lines += ["access_rules:", f"  fedgate_{digest}:"]
    lines += [f"    - allow: fedgate_partners_{digest}"] if rules["partners"] else []
    lines += ["    - deny: all", "s2s_access: none"]
    if rules["local_hosts"]:
        lines.append("host_config:")
    for host in sorted(rules["local_hosts"]):
        lines += [f'  "{host}":', f"    s2s_access: fedgate_{digest}", f"    s2s_use_starttls: {rules['starttls']}"]
    return _HEAD.format(generation=generation) + "\n".join(lines) + "\n"


def parse(text: Optional[str]) -> Optional[tuple[dict[str, Any], int]]:
    """Return rules and generation of a file; None when it is not, byte for byte, what we write."""
    generation, starttls = _GENERATION.search(text or ""), _STARTTLS.search(text or "")
    if text is None or generation is None or starttls is None:
        return None
    rules = {
        "local_hosts": [host for host, _ in _HOST.findall(text)],
        "partners": dict(_PARTNER.findall(text)),
        "starttls": starttls.group(1),
    }
    number = int(generation.group(1))
    return (rules, number) if text_of(rules, number) == text else None


def successor(present: Optional[tuple[Mapping[str, Any], int]], rules: Mapping[str, Any]) -> int:
    """Return the generation that a policy has to have: the present one when it says the same, else the next."""
    if present is None:
        return 1
    return present[1] if dict(present[0]) == dict(rules) else present[1] + 1


def running(dump: str) -> Running:
    """Read a server's configuration in the form of ``ejabberdctl dump_config``."""
    found = re.search(r"^  fedgate_([0-9a-f]{16}): *$", dump, re.M)
    digest = found.group(1) if found else None
    ours = f"fedgate_{digest}"
    access = re.findall(r"^( *)s2s_access:(.*)$", dump, re.M)
    others = [value.strip() or "a list of rules" for indent, value in access if value.strip() not in (ours, "none")]
    if not any(indent == "" for indent, _ in access):
        others.append("all")
    return Running(
        digest if digest and _has_rule(dump, digest) else None,
        frozenset(_members(dump, f"fedgate_partners_{digest}")),
        {host: starttls for host, rule, starttls in _hosts(dump) if rule == ours},
        tuple(others),
        _has_module(dump, "mod_s2s_dialback"),
        _has_module(dump, "mod_s2s_bidi"),
    )


def _has_rule(dump: str, digest: str) -> bool:
    """Whether the rule lets in those partners, or nobody, and ends there."""
    allow = rf"(?:    - *\n? *allow: fedgate_partners_{digest}\n)?"
    return bool(re.search(rf"^  fedgate_{digest}: *\n{allow}    - *\n? *deny: all(?:\n(?!    )|\Z)", dump, re.M))


def _members(dump: str, acl: str) -> list[str]:
    lists = r"(?:    server(?:_regexp)?: *\n(?:      - .*(?:\n|\Z))+)+"
    found = re.search(rf"^  {acl}: *\n({lists})(?!    )", dump, re.M)
    return [line.strip()[2:].strip('" ') for line in found.group(1).splitlines() if "- " in line] if found else []


def _hosts(dump: str) -> list[tuple[str, str, str]]:
    """Return (host, s2s_access, s2s_use_starttls) for each host of ``host_config``; missing ones are empty."""
    section = re.search(r"^host_config: *\n((?: .*\n?)+)", dump, re.M)
    found = []
    for name, body in re.findall(r"^  (\S+): *\n((?:    .*\n?)+)", section.group(1) if section else "", re.M):
        options = dict(re.findall(r"^    (s2s_access|s2s_use_starttls): *(\S*)", body, re.M))
        found.append((name.strip('"'), options.get("s2s_access", ""), options.get("s2s_use_starttls", "")))
    return found


def _has_module(dump: str, name: str) -> bool:
    return bool(re.search(rf"^ +{name}:", dump, re.M))
