"""Images: the base by debootstrap, roles on top of it. An image gets its name only when it is whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from . import recipes
from .apt import KEYRING, AptSetup
from .errors import LabError
from .locks import held
from .progress import say
from .runtime import limit_options, podman
from .shell import last_words, run, text

BUILDS = Path("/var/tmp")  # noqa: S108 - a private directory is made in it; /tmp may be too small
#: A build must not outlive us: the next run would have to wait for it.
TIED = ("setpriv", "--pdeathsig", "KILL")
BUILD_PREFIX = "fedgate-lab-build-"


def exists(tag: str) -> bool:
    """Tell whether an image is there."""
    return run(podman("image", "exists", tag), check=False).returncode == 0


def ensure(role: str, suite: str, apt: AptSetup) -> str:
    """Return the name of a role's image, building it, and the base below it, when it is not there.

    :raises LabError: when a build fails; nothing is left of it but its error.
    """
    tag = recipes.role_tag(role, suite, apt)
    if exists(tag):
        return tag
    if role != "edge":
        ensure("edge", suite, apt)
    with held(f"lab-image-{tag.rsplit('/', 1)[-1].replace(':', '-')}") as lock:
        if exists(tag):  # built by whom we waited for
            return tag
        began = time.monotonic()
        say(role if role != "edge" else "base", f"building image {tag} …")
        if role == "edge":
            _build_base(tag, suite, apt, lock)
        else:
            _build_role(tag, recipes.base_tag(suite, apt), role, lock)
        say(role if role != "edge" else "base", f"image built in {time.monotonic() - began:.0f} s")
    return tag


def remove_all() -> list[str]:
    """Remove every image of labs on this machine that no container uses; return their names."""
    listed = text(podman("images", "--format", "{{.Repository}}:{{.Tag}}")).split()
    ours = [name for name in listed if name.startswith(recipes.REPOSITORY + "-")]
    # Children before parents: podman refuses to remove an image that another one is built on.
    ours.sort(key=lambda name: name.startswith(f"{recipes.REPOSITORY}-base:"))
    return [name for name in ours if run(podman("rmi", name), check=False).returncode == 0]


def _build_base(tag: str, suite: str, apt: AptSetup, lock: int) -> None:
    with _scratch(tag.rsplit(":", 1)[-1]) as tree:
        mirror = [apt.mirror] if apt.mirror else []
        # Namespaces of its own: what it started and what it mounted in the tree go away with it, however it ends.
        run(
            [
                *TIED, "unshare", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child",
                "debootstrap", "--variant=minbase", f"--keyring={KEYRING}",
                f"--include={','.join(recipes.BASE_PACKAGES)}", suite, str(tree), *mirror,
            ],
            pass_fds=(lock,),
        )  # fmt: skip
        _furnish(tree, suite, apt)
        identifier = _import(tree)
    run(podman("tag", identifier, tag))


def _furnish(tree: Path, suite: str, apt: AptSetup) -> None:
    """Turn debootstrap's tree into a host: sources, masked units, the admin user; nothing unique to one host stays."""
    if apt.mirror:
        (tree / "etc/apt/sources.list").unlink(missing_ok=True)
        (tree / "etc/apt/sources.list.d/debian.sources").write_text(apt.sources(suite))
    (tree / "etc/apt/apt.conf.d/90lab").write_text(apt.configuration())
    for unit in recipes.MASKED_UNITS:
        link = tree / "etc/systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    for name, (content, mode) in recipes.BASE_FILES.items():
        path = tree / name
        path.write_text(content)
        path.chmod(mode)
    for command in recipes.BASE_COMMANDS:
        run(["chroot", str(tree), "/bin/sh", "-ec", command])


def _import(tree: Path) -> str:
    """Import a tree as an image without a name; return its identifier. :raises LabError: unless all of it arrived."""
    archive = subprocess.Popen(
        [
            "tar",
            "--one-file-system",
            "--numeric-owner",
            "--xattrs",
            "--xattrs-include=security.capability",
            "-C",
            str(tree),
            "-c",
            ".",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    imported = subprocess.run(
        podman("import", "--quiet", "--change", "CMD /lib/systemd/systemd", "-"),
        stdin=archive.stdout,
        capture_output=True,
        check=False,
    )
    _, complaint = archive.communicate()
    if archive.returncode or imported.returncode:
        raise LabError(f"importing the base image failed: {last_words(imported.stderr, complaint)}")
    return imported.stdout.decode().split()[-1]


def _build_role(tag: str, base: str, role: str, lock: int) -> None:
    recipe = recipes.ROLES[role]
    name = f"{BUILD_PREFIX}{role}-{os.getpid()}"
    _remove_stale_builders(role)
    try:
        options = ("--name", name, "--network", "host", *limit_options())
        started = podman("run", *options, base, "/bin/sh", "-c", recipes.role_script(recipe))
        run([*TIED, *started], pass_fds=(lock,))
        run(podman("commit", "--quiet", "--change", "CMD /lib/systemd/systemd", name, tag))
    finally:
        run(podman("rm", "--force", "--time", "0", name), check=False)


def _remove_stale_builders(role: str) -> None:
    """Remove what killed runs left; called with the role's lock held, so none of them is alive.

    Found by name: a label would pass into the image, and from there to every host made of it.
    """
    listed = text(podman("ps", "--all", "--quiet", "--filter", f"name=^{BUILD_PREFIX}{role}-")).split()
    if listed:
        run(podman("rm", "--force", "--time", "0", *listed), check=False)


@contextlib.contextmanager
def _scratch(version: str) -> Iterator[Path]:
    """Give a directory for a new tree; remove it afterwards, and those that killed runs left before."""
    prefix = f"{BUILD_PREFIX}{version}-"
    for left in BUILDS.glob(f"{prefix}*"):
        _remove_tree(left)
    tree = Path(tempfile.mkdtemp(prefix=prefix, dir=BUILDS))
    tree.chmod(0o755)
    try:
        yield tree
    finally:
        _remove_tree(tree)


def _remove_tree(tree: Path) -> None:
    """Remove a tree unless something is mounted below it: deleting there would reach into the machine itself."""
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    inside = sorted((place for place in mounted if place.startswith(f"{tree}/")), reverse=True)
    for place in inside:
        run(["umount", place])
    shutil.rmtree(tree, ignore_errors=True)
