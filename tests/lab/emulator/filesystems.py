# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EFS file systems as directories of this machine, and access points as EFS lets a client see them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.emulator import ministack


@dataclass(frozen=True)
class Mount:
    """What a client of an access point gets: a directory, and the identity that EFS puts in place of its own."""

    directory: Path
    posix_user: tuple[int, int, tuple[int, ...]] | None


class FileSystems:
    """Every file system is `<root>/<file system id>/`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def created(self, file_system_id: str) -> None:
        directory = self._root / file_system_id
        directory.mkdir(exist_ok=True)
        directory.chmod(0o755)

    def deleted(self, file_system_id: str) -> None:
        shutil.rmtree(self._root / file_system_id, ignore_errors=True)

    def mount(self, access_point_arn: str) -> Mount:
        """As a client that connects: a root directory that is not there is made then, and only then.

        EFS API reference, RootDirectory: "If the RootDirectory > Path specified does not exist, EFS creates the root
        directory using the CreationInfo settings when a client connects to an access point."
        """
        access_point = _access_point(access_point_arn)
        root = access_point.get("RootDirectory") or {}
        directory = self._root / access_point["FileSystemId"] / str(root.get("Path", "/")).strip("/")
        if not directory.is_dir():
            creation = root.get("CreationInfo")
            if not creation:
                raise ValueError(
                    f"EFSMountFailureException: the root directory {root.get('Path')} of {access_point_arn} does not "
                    "exist, and the access point has no CreationInfo"
                )
            _make(directory, creation)
        user = access_point.get("PosixUser") or None
        return Mount(directory, user and _posix_user(user))

    @staticmethod
    def check_reachable(access_point_arn: str, subnet_ids: Iterable[str]) -> None:
        """Refuse, as CreateFunction does, a function whose zones have no mount target.

        Lambda developer guide, "Configuring file system access": a mount target in each zone the function runs in.
        """
        access_point = _access_point(access_point_arn)
        targets = ministack.mount_targets().values()
        zones = {t["AvailabilityZoneName"] for t in targets if t["FileSystemId"] == access_point["FileSystemId"]}
        subnets = ministack.subnets()
        missing = {str(subnets[s]["AvailabilityZone"]) for s in subnet_ids if s in subnets} - zones
        if missing or not zones:
            where = ", ".join(sorted(missing)) or "any zone"
            raise ValueError(
                f"EFS file system {access_point['FileSystemId']} has no mount target in {where}: "
                "the function must depend on its mount targets (InvalidParameterValueException)"
            )


def _access_point(arn: str) -> dict[str, Any]:
    access_point = ministack.access_points().get(arn.rpartition("/")[2])
    if access_point is None or access_point["AccessPointArn"].split(":")[3:] != arn.split(":")[3:]:
        raise ValueError(f"The EFS access point {arn} does not exist (InvalidParameterValueException)")
    return access_point


def _make(directory: Path, creation: dict[str, Any]) -> None:
    """Make the directory and its missing parents; EFS gives the parents the same owner and mode."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir()
        path.chmod(int(str(creation["Permissions"]), 8))
        if os.geteuid() == 0:
            os.chown(path, int(creation["OwnerUid"]), int(creation["OwnerGid"]))


def _posix_user(user: dict[str, Any]) -> tuple[int, int, tuple[int, ...]]:
    return int(user["Uid"]), int(user["Gid"]), tuple(int(gid) for gid in user.get("SecondaryGids") or ())
