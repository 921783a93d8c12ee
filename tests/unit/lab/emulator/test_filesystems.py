# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems, access points and functions that mount them, on directories of this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lab.emulator import functions
from lab.emulator import ministack
from lab.emulator.filesystems import FileSystems
from lab.emulator.function_prelude import USER_VARIABLE

FILE_SYSTEM = "fs-0123456789abcdef0"
ARN = "arn:aws:elasticfilesystem:eu-central-1:111122223333:access-point/fsap-1"


@pytest.fixture
def access_point(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    record: dict[str, Any] = {
        "AccessPointArn": ARN,
        "FileSystemId": FILE_SYSTEM,
        "PosixUser": {"Uid": os.getuid(), "Gid": os.getgid(), "SecondaryGids": [7, 8]},
        "RootDirectory": {
            "Path": "/sftp/home",
            "CreationInfo": {"OwnerUid": os.getuid(), "OwnerGid": os.getgid(), "Permissions": "2770"},
        },
    }
    monkeypatch.setattr(ministack, "access_points", lambda: {"fsap-1": record})
    return record


@pytest.fixture
def file_systems(tmp_path: Path) -> FileSystems:
    built = FileSystems(tmp_path)
    built.created(FILE_SYSTEM)
    return built


def test_a_file_system_comes_and_goes_with_its_directory(file_systems: FileSystems, tmp_path: Path) -> None:
    root = tmp_path / FILE_SYSTEM
    assert root.stat().st_mode & 0o777 == 0o755
    (root / "a.csv").write_text("1")
    file_systems.deleted(FILE_SYSTEM)
    assert not root.exists()


def test_the_first_mount_makes_the_root_directory(
    file_systems: FileSystems, access_point: dict[str, Any], tmp_path: Path
) -> None:
    assert not (tmp_path / FILE_SYSTEM / "sftp").exists(), "not before a client connects"
    mount = file_systems.mount(ARN)
    assert mount.directory == tmp_path / FILE_SYSTEM / "sftp" / "home"
    assert mount.posix_user == (os.getuid(), os.getgid(), (7, 8))
    for made in (mount.directory, mount.directory.parent):
        assert made.stat().st_mode & 0o7777 == 0o2770


def test_a_root_directory_that_is_there_is_left_as_it_is(
    file_systems: FileSystems, access_point: dict[str, Any], tmp_path: Path
) -> None:
    there = tmp_path / FILE_SYSTEM / "sftp" / "home"
    there.mkdir(parents=True)
    there.chmod(0o700)
    file_systems.mount(ARN)
    assert there.stat().st_mode & 0o777 == 0o700


def test_without_creation_info_a_missing_root_directory_fails_the_mount(
    file_systems: FileSystems, access_point: dict[str, Any]
) -> None:
    del access_point["RootDirectory"]["CreationInfo"]
    with pytest.raises(ValueError, match=r"EFSMountFailureException.*/sftp/home"):
        file_systems.mount(ARN)


def test_an_access_point_without_settings_is_the_whole_file_system_and_no_identity(
    file_systems: FileSystems, access_point: dict[str, Any], tmp_path: Path
) -> None:
    access_point.update(PosixUser={}, RootDirectory={"Path": "/"})
    mount = file_systems.mount(ARN)
    assert (mount.directory, mount.posix_user) == (tmp_path / FILE_SYSTEM, None)


@pytest.mark.parametrize("arn", [ARN.replace("fsap-1", "fsap-2"), ARN.replace("111122223333", "444455556666")])
def test_an_access_point_that_is_not_there(arn: str, file_systems: FileSystems, access_point: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        file_systems.mount(arn)


def test_each_zone_of_a_function_needs_a_mount_target(
    monkeypatch: pytest.MonkeyPatch, access_point: dict[str, Any]
) -> None:
    zones = {"subnet-a": "eu-central-1a", "subnet-b": "eu-central-1b"}
    targets: dict[str, Any] = {}
    monkeypatch.setattr(ministack, "subnets", lambda: {s: {"AvailabilityZone": zone} for s, zone in zones.items()})
    monkeypatch.setattr(ministack, "mount_targets", lambda: targets)
    with pytest.raises(ValueError, match="no mount target in eu-central-1a, eu-central-1b"):
        FileSystems.check_reachable(ARN, zones)
    targets["other"] = {"FileSystemId": "fs-other", "AvailabilityZoneName": "eu-central-1b"}
    targets["a"] = {"FileSystemId": FILE_SYSTEM, "AvailabilityZoneName": "eu-central-1a"}
    with pytest.raises(ValueError, match="no mount target in eu-central-1b"):
        FileSystems.check_reachable(ARN, zones)
    targets["b"] = {"FileSystemId": FILE_SYSTEM, "AvailabilityZoneName": "eu-central-1b"}
    FileSystems.check_reachable(ARN, zones)


def configuration(**variables: str) -> dict[str, Any]:
    return {
        "FunctionName": "replicator",
        "FileSystemConfigs": [{"Arn": ARN, "LocalMountPath": "/mnt/sftp"}],
        "Environment": {"Variables": variables},
    }


def test_values_that_are_or_begin_with_the_mount_path_are_moved(
    file_systems: FileSystems, access_point: dict[str, Any], tmp_path: Path
) -> None:
    given = configuration(A="/mnt/sftp", B="/mnt/sftp/acme/in", C="/mnt/sftp2", D="x/mnt/sftp", E="home/")
    home = str(tmp_path / FILE_SYSTEM / "sftp" / "home")
    variables = functions.mounted(given, file_systems)["Environment"]["Variables"]
    variables.pop(USER_VARIABLE, None)
    assert variables == {"A": home, "B": f"{home}/acme/in", "C": "/mnt/sftp2", "D": "x/mnt/sftp", "E": "home/"}
    assert given["Environment"]["Variables"]["A"] == "/mnt/sftp", "what the API shows stays as it is"


@pytest.mark.parametrize(("euid", "expected"), [(0, "10042:10043:7,8"), (1000, None)])
def test_only_root_can_hand_over_the_identity(
    euid: int,
    expected: str | None,
    file_systems: FileSystems,
    access_point: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    access_point["RootDirectory"] = {"Path": "/"}
    access_point["PosixUser"].update(Uid=10042, Gid=10043)
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    variables = functions.mounted(configuration(), file_systems)["Environment"]["Variables"]
    assert variables.get(USER_VARIABLE) == expected


def test_a_function_without_a_file_system_is_left_alone(file_systems: FileSystems) -> None:
    given = {"FunctionName": "custom", "Environment": {"Variables": {"A": "/mnt/sftp"}}}
    assert functions.mounted(given, file_systems) is given
