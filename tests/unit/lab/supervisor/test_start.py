# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the supervisor says when a child does not come up."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.paths import LabDirectory
from lab.supervisor import Child
from lab.supervisor import Supervisor
from lab.supervisor import child_environment

# Nothing listens on the discard port of loopback: a connection is refused at once.
NOBODY = "http://127.0.0.1:9/_lab/health"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    directory = LabDirectory(tmp_path)
    directory.logs.mkdir()
    directory.log("emulator").write_text("Traceback: address of payments is gone\n")
    built = Supervisor(directory)
    yield built
    built.stop()


def child(supervisor: Supervisor, *words: str) -> Child:
    started = Child("emulator", subprocess.Popen(words))
    supervisor.children.append(started)
    return started


def test_a_child_that_dies_is_named_with_the_end_of_its_log(supervisor: Supervisor) -> None:
    dead = child(supervisor, "false")
    with pytest.raises(LabError, match=r"emulator ended with exit status 1.*\n.*payments is gone"):
        supervisor._wait_until_healthy(dead, NOBODY, "emulator", time.monotonic() + 5)


def test_a_child_that_never_serves_is_named_with_the_end_of_its_log(supervisor: Supervisor) -> None:
    slow = child(supervisor, "sleep", "60")
    with pytest.raises(LabError, match=r"emulator did not get ready in time.*\n.*payments is gone"):
        supervisor._wait_until_healthy(slow, NOBODY, "emulator", time.monotonic() + 0.1)


def test_watching_tells_a_request_to_stop_from_a_death(supervisor: Supervisor) -> None:
    reader, writer = os.pipe()
    victim = child(supervisor, "sleep", "60")
    os.write(writer, b"x")
    assert supervisor.watch(reader) is None
    os.read(reader, 1)
    victim.process.kill()
    assert supervisor.watch(reader) is victim
    for descriptor in (reader, writer):
        os.close(descriptor)


def test_a_childs_environment_has_the_labs_aws_settings_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "payments/Zk4+real/9sXw+long+and+odd/2Qd")
    monkeypatch.setenv("AWS_PROFILE", "payments-production")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.acme.example:3128")
    environment = child_environment(LabDirectory(tmp_path))
    assert not re.search("payments|acme", "\n".join(environment.values()))
    assert environment["MFT_LAB_DIR"] == str(tmp_path)
