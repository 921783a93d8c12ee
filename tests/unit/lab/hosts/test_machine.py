# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `check` says about a machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.hosts import machine


def test_package_list_takes_comments_and_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("# all\n\nqemu-utils   # qemu-img\nmmdebstrap\n")
    assert machine.read_packages(tmp_path / "list") == ["qemu-utils", "mmdebstrap"]


def test_names_the_missing_packages_in_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "missing_packages", lambda: ["nfs-ganesha", "qemu-utils"])
    monkeypatch.setattr("lab.hosts.machine.os.geteuid", lambda: 0)
    monkeypatch.setattr("lab.hosts.machine.platform.machine", lambda: "x86_64")
    monkeypatch.setattr("lab.hosts.machine.shutil.which", lambda _: "/usr/bin/dpkg-query")
    assert machine.obstacles() == [
        "Debian packages are missing: run `apt-get install --no-install-recommends nfs-ganesha qemu-utils`."
    ]


def test_says_that_root_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "missing_packages", list)
    monkeypatch.setattr("lab.hosts.machine.os.geteuid", lambda: 1000)
    monkeypatch.setattr("lab.hosts.machine.platform.machine", lambda: "x86_64")
    monkeypatch.setattr("lab.hosts.machine.shutil.which", lambda _: "/usr/bin/dpkg-query")
    assert len(machine.obstacles()) == 1
    assert "need root" in machine.obstacles()[0]


def test_another_system_than_debian_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.hosts.machine.shutil.which", lambda _: None)
    assert "has no dpkg" in machine.obstacles()[0]


def test_without_kvm_the_emulator_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("lab.hosts.machine.os.access", lambda *_: False)
    assert machine.accelerator(tmp_path / "vmlinuz", tmp_path / "initrd.img", tmp_path) == "tcg"


@pytest.mark.parametrize(("runs", "expected"), [(True, "kvm"), (False, "tcg")])
def test_kvm_is_used_only_where_a_kernel_runs_and_is_probed_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, runs: bool, expected: str
) -> None:
    probes: list[object] = []

    def probe(*arguments: object) -> bool:
        probes.append(arguments)
        return runs

    monkeypatch.setattr("lab.hosts.machine.os.access", lambda *_: True)
    monkeypatch.setattr(machine, "qemu_version", lambda: "QEMU emulator version 7.2.22")
    monkeypatch.setattr(machine, "_kvm_runs", probe)
    for _ in range(2):
        assert machine.accelerator(tmp_path / "vmlinuz", tmp_path / "initrd.img", tmp_path) == expected
    assert len(probes) == 1
