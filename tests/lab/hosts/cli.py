# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of `python -m lab.hosts`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lab.errors import LabError
from lab.hosts import guest
from lab.hosts import image
from lab.hosts import machine
from lab.hosts import qemu
from lab.hosts.guest import Guest
from lab.hosts.nfs import Server
from lab.hosts.paths import HostsDirectory
from lab.hosts.tls import Front


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    command: Callable[[HostsDirectory, argparse.Namespace], int] = arguments.function
    try:
        return command(HostsDirectory.from_environment(), arguments)
    except LabError as error:
        print(f"lab.hosts: error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab.hosts", description="Application hosts for the lab.")
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str, function: Callable[..., int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        return command

    add("check", check, "say whether application hosts can run here; exit status 0 only if so")
    add("build", build, "build the guest's image, unless it is there already")
    add("start", start, "start a host and return when it takes ssh").add_argument("name")
    add("stop", stop, "stop a host and remove it").add_argument("name")
    remote = add("ssh", ssh, "log in to a host, or run a command there")
    remote.add_argument("name")
    remote.add_argument("remote", nargs=argparse.REMAINDER, metavar="command")
    resolve = add("resolve", resolve_name, "give a host an answer for a DNS name, by default the NFS server's address")
    resolve.add_argument("name")
    resolve.add_argument("host_name")
    resolve.add_argument("address", nargs="?", default=qemu.MOUNT_TARGET)
    add("nfs-start", nfs_start, "export a directory by NFSv4.1").add_argument("export", type=Path)
    add("nfs-stop", nfs_stop, "stop the NFS server; mounts stay and wait for it")
    add("tls-start", tls_start, "take TLS in front of the NFS server, with a certificate for a name").add_argument(
        "certified_name", metavar="name"
    )
    add("tls-stop", tls_stop, "stop taking TLS")
    add("down", down, "stop every host and the NFS server and remove what they left")
    return parser


def check(_: HostsDirectory, __: argparse.Namespace) -> int:
    if found := machine.obstacles():
        print("Application hosts cannot run here:")
        for line in found:
            print(f"  - {line}")
        return 1
    print("Application hosts can run here.")
    return 0


def build(_: HostsDirectory, __: argparse.Namespace) -> int:
    built = image.ensure(_progress)
    print(f"{built.directory} ({built.accelerator}, {'wakes' if built.state else 'boots'})")
    return 0


def start(directory: HostsDirectory, arguments: argparse.Namespace) -> int:
    host = Guest(directory, arguments.name)
    built = image.ensure(_progress)
    begin = time.monotonic()
    host.start(built)
    print(
        f"The host {host.name} is up after {time.monotonic() - begin:.1f} s: ssh -F {directory.ssh_config} {host.name}"
    )
    return 0


def stop(directory: HostsDirectory, arguments: argparse.Namespace) -> int:
    host = Guest(directory, arguments.name)
    print(f"The host {host.name} is stopped." if host.stop() else f"No host {host.name} runs.")
    return 0


def ssh(directory: HostsDirectory, arguments: argparse.Namespace) -> int:
    host = _running(directory, arguments.name)
    remote = arguments.remote[1:] if arguments.remote[:1] == ["--"] else arguments.remote
    command = host.connection.command(*remote)
    sys.stdout.flush()
    os.execvp(command[0], command)  # noqa: S606 -- ssh takes this process's place and terminal


def resolve_name(directory: HostsDirectory, arguments: argparse.Namespace) -> int:
    _running(directory, arguments.name).resolve(arguments.host_name, arguments.address)
    return 0


def nfs_start(directory: HostsDirectory, arguments: argparse.Namespace) -> int:
    machine.require()
    server = Server(directory)
    server.start(arguments.export)
    print(f"{arguments.export} is exported on 127.0.0.1:{server.port()}; hosts see it at {qemu.MOUNT_TARGET}:/")
    return 0


def nfs_stop(directory: HostsDirectory, _: argparse.Namespace) -> int:
    print("The NFS server is stopped." if Server(directory).stop() else "No NFS server runs.")
    return 0


def tls_start(directory: HostsDirectory, arguments: argparse.Namespace) -> int:
    machine.require()
    front = Front(directory)
    front.start(arguments.certified_name)
    print(
        f"Hosts reach {arguments.certified_name} by TLS at {qemu.TLS_MOUNT_TARGET}:2049; authority: {front.authority}"
    )
    return 0


def tls_stop(directory: HostsDirectory, _: argparse.Namespace) -> int:
    print("The TLS front is stopped." if Front(directory).stop() else "No TLS front runs.")
    return 0


def down(directory: HostsDirectory, _: argparse.Namespace) -> int:
    Front(directory).stop()
    Server(directory).stop()
    guest.remove_all(directory)
    print(f"No host of the lab in {directory.lab} is left.")
    return 0


def _running(directory: HostsDirectory, name: str) -> Guest:
    host = Guest(directory, name)
    if host.pid() is None:
        raise LabError(f"no host {name} runs in the lab {directory.lab}: say `start {name}` first.")
    return host


def _progress(line: str) -> None:
    print(f"lab.hosts: {line}", file=sys.stderr, flush=True)
