# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lambda functions with a file system: the mount path becomes a host directory, the process the access point's user."""

from __future__ import annotations

import inspect
import logging
import os
from typing import Any

from lab.emulator import function_prelude
from lab.emulator import ministack
from lab.emulator.filesystems import FileSystems

logger = logging.getLogger(__name__)


def enable_file_systems(file_systems: FileSystems) -> None:
    ministack.prepare_workers(
        lambda configuration: mounted(configuration, file_systems), inspect.getsource(function_prelude)
    )


def mounted(configuration: dict[str, Any], file_systems: FileSystems) -> dict[str, Any]:
    """The configuration with which the function's process starts on this machine, which has no mount of its own."""
    configs = configuration.get("FileSystemConfigs") or []
    if not configs:
        return configuration
    mount = file_systems.mount(configs[0]["Arn"])
    path = str(configs[0]["LocalMountPath"]).rstrip("/")
    variables = {
        name: _moved(str(value), path, str(mount.directory))
        for name, value in ((configuration.get("Environment") or {}).get("Variables") or {}).items()
    }
    if mount.posix_user is not None and os.geteuid() == 0:
        uid, gid, groups = mount.posix_user
        variables[function_prelude.USER_VARIABLE] = ":".join([str(uid), str(gid), ",".join(map(str, groups))])
    elif mount.posix_user is not None:
        logger.warning("not root: %s writes as uid %d", configuration.get("FunctionName"), os.geteuid())
    return {**configuration, "Environment": {"Variables": variables}}


def _moved(value: str, path: str, directory: str) -> str:
    if value == path or value.startswith(path + "/"):
        return directory + value[len(path) :]
    return value
