# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NFS server's configuration: it must be as strict as EFS, and serve loopback only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.hosts.nfs import configuration


def settings(text: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in re.findall(r"(\w+) = (\"[^\"]*\"|[\w./]+);", text)}


def test_serves_one_directory_by_nfs_4_1_on_loopback() -> None:
    found = settings(configuration(Path("/l/efs/fs-1"), Path("/l/hosts/nfs/recovery"), 42049))
    assert found["Path"] == "/l/efs/fs-1"
    assert found["Pseudo"] == "/"
    assert (found["Bind_addr"], found["NFS_Port"]) == ("127.0.0.1", "42049")
    assert (found["NFS_Protocols"], found["Minor_Versions"]) == ("4", "1")
    assert found["RecoveryRoot"] == "/l/hosts/nfs/recovery"


def test_does_not_answer_from_memory_what_others_write_below_it() -> None:
    found = settings(configuration(Path("/l/efs"), Path("/l/r"), 42049))
    assert (found["Attr_Expiration_Time"], found["Dir_Chunk"]) == ("0", "0")


def test_braces_are_balanced() -> None:
    text = configuration(Path("/l/efs"), Path("/l/r"), 42049)
    assert text.count("{") == text.count("}") > 0


@pytest.mark.parametrize("path", ['/l/e"fs', "/l/e\nfs"])
def test_refuses_a_path_that_would_break_out_of_its_quotes(path: str) -> None:
    with pytest.raises(LabError, match="cannot be exported"):
        configuration(Path(path), Path("/l/r"), 42049)
