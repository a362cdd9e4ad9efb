"""Where packages come from: read from the controller's own apt configuration, handed on to the hosts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .errors import LabError
from .shell import run

APT = Path("/etc/apt")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
CODENAMES = ("bookworm", "trixie", "forky", "sid", "stable", "oldstable", "testing", "unstable")
#: What a host needs to reach the same mirror the same way; everything else is the controller's own business.
COPIED_OPTIONS = re.compile(
    r"Acquire::(Check-Valid-Until|Check-Date|Retries|ForceIPv4|ForceIPv6|https?::(Proxy|Timeout)(::[\w.-]+)?)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Source:
    """One entry of the controller's sources: addresses, suites, components."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]


@dataclass(frozen=True)
class AptSetup:
    """What hosts are given.

    :ivar mirror: address of the main archive, None to leave it to debootstrap.
    :ivar security: address of the security archive, None when the controller has none.
    :ivar options: ``Acquire::…`` settings.
    """

    mirror: str | None
    security: str | None
    options: dict[str, str] = field(default_factory=dict)

    def host_names(self) -> list[str]:
        """Return the names that hosts must be able to resolve to install packages."""
        proxies = [value for name, value in self.options.items() if "proxy" in name.lower()]
        names = {urlsplit(address).hostname for address in [self.mirror or "", self.security or "", *proxies]}
        return sorted(name for name in names if name and re.search("[a-z]", name) and ":" not in name)

    def sources(self, suite: str) -> str:
        """Return the text of ``/etc/apt/sources.list.d/debian.sources`` for a suite."""
        stanzas = [_stanza(self.mirror, f"{suite} {suite}-updates")] if self.mirror else []
        if self.security:
            stanzas.append(_stanza(self.security, f"{suite}-security"))
        return "\n".join(stanzas)

    def configuration(self) -> str:
        """Return the text of an ``apt.conf.d`` file with the options."""
        options = {"Acquire::Languages": "none", **self.options}
        return "".join(f'{name} "{value}";\n' for name, value in sorted(options.items()))


def _stanza(uri: str, suites: str) -> str:
    return f"Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: main\nSigned-By: {KEYRING}\n"


def of_controller(folder: Path = APT) -> AptSetup:
    """Read this machine's apt configuration; LAB_MIRROR overrides the main archive.

    :raises LabError: when LAB_MIRROR is no web address.
    """
    sources = list(_sources(folder))
    mirror = os.environ.get("LAB_MIRROR") or _first(sources, security=False)
    if mirror and urlsplit(mirror).scheme not in ("http", "https"):
        raise LabError(f"LAB_MIRROR={mirror!r}: give the http or https address of a Debian archive")
    return AptSetup(mirror, _first(sources, security=True), _options())


def _first(sources: Iterable[Source], *, security: bool) -> str | None:
    for source in sources:
        if "main" not in source.components:
            continue
        for suite in source.suites:
            codename, _, pocket = suite.replace("/updates", "-security").partition("-")
            if codename in CODENAMES and (pocket == "security") == security and pocket in ("", "security"):
                return next((uri for uri in source.uris if uri.startswith("http")), None)
    return None


def _sources(folder: Path) -> Iterator[Source]:
    lists = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*.list"))]
    for path in [path for path in lists if path.is_file()]:
        yield from _one_line_entries(path.read_text(errors="replace"))
    for path in sorted((folder / "sources.list.d").glob("*.sources")):
        yield from _stanzas(path.read_text(errors="replace"))


def _one_line_entries(content: str) -> Iterator[Source]:
    for line in content.splitlines():
        found = re.match(r"\s*deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line)
        if found:
            yield Source(tuple(_addresses(found[1])), (found[2],), tuple(found[3].split()))


def _stanzas(content: str) -> Iterator[Source]:
    """Read deb822 text (sources.list(5)): stanzas of ``Field: value``, continued by indented lines."""
    uncommented = "\n".join(line for line in content.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", uncommented):
        unfolded = re.sub(r"\n[ \t]+", " ", stanza)
        fields = {
            name.lower(): value.split() for name, value in re.findall(r"^([\w-]+):[ \t]*(.*)$", unfolded, re.MULTILINE)
        }
        if "deb" in fields.get("types", []) and fields.get("enabled", ["yes"]) != ["no"]:
            uris = [address for uri in fields.get("uris", []) for address in _addresses(uri)]
            yield Source(tuple(uris), tuple(fields.get("suites", [])), tuple(fields.get("components", [])))


def _addresses(uri: str) -> list[str]:
    """Return the addresses behind one URI; cloud images list theirs in a file (``mirror+file:/path``)."""
    if not uri.startswith("mirror+file:"):
        return [uri]
    try:
        lines = Path(uri.removeprefix("mirror+file:")).read_text(errors="replace").splitlines()
    except OSError:
        return []
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def _options() -> dict[str, str]:
    dumped = (
        run(["apt-config", "dump", "--format", "%F%n%v%n"], check=False).stdout.decode(errors="replace").splitlines()
    )
    options = {}
    for name, value in zip(dumped[::2], dumped[1::2], strict=False):
        # A proxy on the controller's loopback means nothing to a host with an address of its own.
        local_proxy = "proxy" in name.lower() and urlsplit(value).hostname in ("localhost", "127.0.0.1", "::1")
        if value and COPIED_OPTIONS.match(name) and not local_proxy:
            options[name] = value
    return options
