# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest's image: a Debian made once and kept by content, and its saved state from which guests wake in seconds."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab import processes
from lab.errors import LabError
from lab.hosts import machine
from lab.hosts import qemu
from lab.hosts.paths import cache_directory
from lab.hosts.paths import free_port
from lab.hosts.ssh import Connection

INGREDIENTS = Path(__file__).with_name("image")
# An image that this file builds in another way must not be taken for an older one.
RECIPE = "2"
DISK_SIZE = "1400M"
MINIMUM_FREE_BYTES = 3 * 1024**3
BOOT_SECONDS = 240.0
# A guest reads from its image as long as it runs; none runs for a day.
KEEP_SECONDS = 24 * 3600.0
DOCUMENTATION = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*", "/usr/share/info/*")

Report = Callable[[str], None]


@dataclass(frozen=True)
class Image:
    """A built guest. With `state` it wakes, without it boots; either way from a copy-on-write layer over `disk`."""

    directory: Path
    accelerator: str
    disk: Path
    state: Path | None

    @property
    def kernel(self) -> Path:
        return self.directory / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.directory / "initrd.img"

    @property
    def key(self) -> Path:
        return self.directory / "id"

    @property
    def host_key(self) -> Path:
        return self.directory / "host_key.pub"


def content_key(suite: str, ingredients: Path = INGREDIENTS) -> str:
    """Changes with everything that goes into the image's files."""
    digest = hashlib.sha256("\0".join((RECIPE, suite, DISK_SIZE, *DOCUMENTATION)).encode())
    for path in sorted(ingredients.iterdir()):
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def state_key(accelerator: str, qemu_version: str) -> str:
    """Changes with everything that makes qemu refuse, or misread, a state saved by another qemu."""
    return hashlib.sha256("\0".join((qemu_version, *qemu.machine(accelerator))).encode()).hexdigest()[:16]


def ensure(report: Report) -> Image:
    """The image for this machine, built if it is not there yet."""
    machine.require()
    suite = _suite()
    cache = cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    directory = cache / content_key(suite)
    with _lock(cache):
        if not directory.exists():
            _check_space(cache)
            prune(cache, time.time() - KEEP_SECONDS)
            with _draft(cache, directory) as draft:
                _build(suite, draft, report)
        os.utime(directory)
        accelerator = machine.accelerator(directory / "vmlinuz", directory / "initrd.img", directory)
        state = directory / state_key(accelerator, machine.qemu_version())
        image = Image(directory, accelerator, state / "disk.qcow2", state / "memory")
        if not state.exists():
            with _draft(directory, state) as draft:
                _save_state(image, draft, report)
    return (
        image if image.state is not None and image.state.exists() else Image(directory, accelerator, image.disk, None)
    )


def prune(cache: Path, before: float) -> list[str]:
    """Remove the images that nobody has asked for since: each takes a gigabyte, every change of a recipe makes one."""
    old = [path for path in cache.glob("[0-9a-f]" * 16) if path.stat().st_mtime < before]
    for path in old:
        shutil.rmtree(path)
    return sorted(path.name for path in old)


def _build(suite: str, draft: Path, report: Report) -> None:
    report(f"building the guest's image (Debian {suite}); this is done once")
    begin = time.monotonic()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "mft lab", "-f", draft / "id"], check=True)
    tree = draft / "tree"
    offered = " ".join(machine.read_packages(INGREDIENTS / "offered-packages.txt"))
    _run(
        draft / "build.log",
        *("mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory", "--skip=check/empty"),
        f"--include={','.join(machine.read_packages(INGREDIENTS / 'packages.txt'))}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in DOCUMENTATION),
        f'--essential-hook=sh {INGREDIENTS / "initramfs.sh"} "$1"',
        f'--customize-hook=sh {INGREDIENTS / "customize.sh"} "$1" {draft / "id.pub"} {offered}',
        *(suite, str(tree), str(_write_sources(draft / "sources.list"))),
    )
    for name in ("vmlinuz", "initrd.img"):
        shutil.copyfile(tree / name, draft / name)
    shutil.copyfile(tree / "etc/ssh/ssh_host_ed25519_key.pub", draft / "host_key.pub")
    features = "^has_journal,^metadata_csum"
    _run(draft / "build.log", "truncate", "--size", DISK_SIZE, str(draft / "root.img"))
    _run(draft / "build.log", "mke2fs", "-q", "-t", "ext4", "-d", str(tree), "-O", features, str(draft / "root.img"))
    shutil.rmtree(tree)
    report(f"the image is built ({time.monotonic() - begin:.0f} s)")


def _save_state(image: Image, draft: Path, report: Report) -> None:
    """Boot the image, save it as it waits for its first visitor, and see that the saved state wakes."""
    report(f"booting the image once ({image.accelerator}) to save its state")
    begin = time.monotonic()
    disk = draft / "disk.qcow2"
    create_layer(image.directory / "root.img", "raw", disk)
    with _running(image, draft, disk, ()) as connection:
        connection.wait(begin + BOOT_SECONDS)
        # What every role starts with: afterwards it is in memory, and so in the saved state.
        connection.run("systemctl is-system-running --wait; python3 -c 'import json, subprocess, tempfile'; sync")
        connection.close()
        with qemu.Monitor(draft / "monitor", time.monotonic() + 60) as monitor:
            monitor.save(draft / "memory")
            monitor.execute("quit")
    report(f"the state is saved ({time.monotonic() - begin:.0f} s)")
    begin = time.monotonic()
    trial = draft / "trial.qcow2"
    create_layer(disk, "qcow2", trial)
    try:
        with _running(image, draft, trial, qemu.wake_arguments(draft / "memory")) as connection:
            with qemu.Monitor(draft / "monitor", time.monotonic() + 30) as monitor:
                monitor.wait_until_awake()
            connection.wait(begin + 30)
    except LabError as error:
        (draft / "memory").unlink()
        report(f"a saved state does not wake on this machine, hosts will boot instead: {error}")
    else:
        report(f"a host wakes from it in {time.monotonic() - begin:.1f} s")
    finally:
        trial.unlink()


def create_layer(base: Path, base_format: str, layer: Path) -> None:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", base_format, "-b", base, layer], check=True)


@contextlib.contextmanager
def _running(image: Image, draft: Path, disk: Path, arguments: tuple[str, ...]) -> Iterator[Connection]:
    """A guest for the time of the build. Sockets have short names, so they live in a directory of their own."""
    with tempfile.TemporaryDirectory(prefix="mft-image-") as scratch:
        (draft / "monitor").unlink(missing_ok=True)
        (draft / "monitor").symlink_to(Path(scratch) / "monitor")
        network = qemu.Network(free_port(), free_port(), free_port())
        boot = qemu.Boot(image.accelerator, image.kernel, image.initrd, disk)
        command = qemu.command(boot, Path(scratch), network)
        process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=processes.die_with_parent(),  # noqa: PLW1509 -- no threads here
        )
        connection = Connection.create(Path(scratch), "image", network.ssh_port, image.key, image.host_key)
        try:
            yield connection
        finally:
            connection.close()
            processes.end([process.pid], grace=2.0)
            process.wait()
            (draft / "monitor").unlink(missing_ok=True)


def _write_sources(path: Path) -> Path:
    """The Debian archives this machine itself is set up for: they are the ones that can be reached from here."""
    answer = subprocess.run(
        [
            *("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)"),
            *("Created-By: Packages", "Origin: Debian"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = sorted({f"deb {line} " for line in answer.stdout.splitlines() if line.strip()})
    if not lines:
        raise LabError("apt knows no Debian archive on this machine: run `apt-get update` first.")
    path.write_text("".join(f"{line.strip()}\n" for line in lines), encoding="utf-8")
    return path


def _suite() -> str:
    """The guest is the Debian that this machine is: that one's archives are configured here."""
    release = platform.freedesktop_os_release()
    if release.get("ID") != "debian" or not release.get("VERSION_CODENAME"):
        raise LabError(f"application hosts need a Debian release here, this is {release.get('PRETTY_NAME')}.")
    return release["VERSION_CODENAME"]


def _check_space(cache: Path) -> None:
    free = shutil.disk_usage(cache).free
    if free < MINIMUM_FREE_BYTES:
        raise LabError(
            f"{cache} has {free // 2**20} MB free, building the guest's image needs {MINIMUM_FREE_BYTES // 2**20} MB: "
            "free some space, or set MFT_CACHE_DIR to a directory on another disk."
        )


def _run(log: Path, *command: str) -> None:
    with log.open("ab") as output:
        answer = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    if answer.returncode != 0:
        raise LabError(f"{command[0]} {processes.describe_exit(answer.returncode)}:\n{processes.tail(log)}")


@contextlib.contextmanager
def _draft(parent: Path, final: Path) -> Iterator[Path]:
    """A directory that gets its final name only when it is complete: a broken-off build leaves nothing to trust."""
    for leftover in parent.glob("draft-*"):
        shutil.rmtree(leftover)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=parent))
    # apt's own user reads the packages through it.
    draft.chmod(0o755)
    try:
        yield draft
        draft.rename(final)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


@contextlib.contextmanager
def _lock(cache: Path) -> Iterator[None]:
    """One build at a time; who comes second finds the image ready."""
    descriptor = os.open(cache / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
