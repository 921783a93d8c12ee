# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest's machine: what it can reach, and how paths get through qemu's and the shell's own syntax."""

from __future__ import annotations

from pathlib import Path

from lab.hosts import qemu

BOOT = qemu.Boot("tcg", Path("/c/vmlinuz"), Path("/c/initrd.img"), Path("/l/hosts/app1/disk.qcow2"))
NETWORK = qemu.Network(ssh_port=40022, nfs_port=42049, tls_port=42050)


def after(arguments: tuple[str, ...], option: str) -> str:
    return arguments[arguments.index(option) + 1]


def test_guest_reaches_nothing_but_the_share_and_loopback_reaches_ssh() -> None:
    network = after(qemu.command(BOOT, Path("/l/hosts/app1"), NETWORK), "-netdev").split(",")
    assert "restrict=on" in network
    assert [part for part in network if "fwd=" in part] == [
        "hostfwd=tcp:127.0.0.1:40022-:22",
        "guestfwd=tcp:10.0.2.100:2049-cmd:/bin/nc 127.0.0.1 42049",
        "guestfwd=tcp:10.0.2.101:2049-cmd:/bin/nc 127.0.0.1 42049",
        "guestfwd=tcp:10.0.2.102:2049-cmd:/bin/nc 127.0.0.1 42050",
    ]


def test_no_device_listens_elsewhere() -> None:
    arguments = qemu.command(BOOT, Path("/l/hosts/app1"), NETWORK)
    assert "-nodefaults" in arguments
    assert after(arguments, "-display") == "none"
    assert after(arguments, "-qmp").startswith("unix:/l/hosts/app1/monitor,")


def test_comma_in_a_path_does_not_end_the_option() -> None:
    boot = qemu.Boot("tcg", Path("/c/k"), Path("/c/i"), Path("/l,2/disk.qcow2"))
    assert "file=/l,,2/disk.qcow2,format=qcow2" in after(qemu.command(boot, Path("/l,2"), NETWORK), "-drive")


def test_saved_state_of_any_path_is_read_by_one_command() -> None:
    assert qemu.wake_arguments(Path("/c/it's here/memory")) == ("-incoming", "exec:cat '/c/it'\\''s here/memory'")


def test_saving_and_waking_use_the_same_machine() -> None:
    machine = qemu.machine("tcg")
    arguments = qemu.command(BOOT, Path("/l"), NETWORK)
    assert arguments[1 : 1 + len(machine)] == machine
