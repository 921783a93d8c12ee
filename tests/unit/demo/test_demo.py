# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo must fail when what it shows does not hold, and refuse to begin where it cannot end well."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from demo import __main__ as main
from demo import partner
from demo.share import DirectReader
from demo.timeline import DemoError
from demo.timeline import Timeline

ORDERS = b"id;order\n1;ACME-00001\n"
DIGEST = hashlib.sha256(ORDERS).hexdigest()


def test_a_file_with_other_content_is_not_the_file(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_bytes(ORDERS[:-5])

    assert not DirectReader(tmp_path).shows("orders.csv", DIGEST, 0.1)


def test_a_file_that_comes_late_is_seen(tmp_path: Path) -> None:
    late = threading.Timer(0.1, (tmp_path / "orders.csv").write_bytes, [ORDERS])
    late.start()

    assert DirectReader(tmp_path).shows("orders.csv", DIGEST, 10)


def test_a_file_that_stays_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_bytes(ORDERS)

    assert not DirectReader(tmp_path).shows("orders.csv", None, 0.1)


def test_one_check_that_does_not_hold_fails_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    timeline = Timeline()
    timeline.check(True, "uploaded")
    timeline.check(False, "on the share, equal SHA-256")

    assert timeline.verdict() == 1
    assert "1 checks held, 1 did not" in capsys.readouterr().out


def test_a_server_with_other_host_keys_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    partner.fresh_key(tmp_path / "host", "somebody else's server")
    public = (tmp_path / "host.pub").read_text().split()
    scan = tmp_path / "ssh-keyscan"
    scan.write_text(f"#!/bin/sh\necho '[127.0.0.1]:22 {public[0]} {public[1]}'\n")
    scan.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(DemoError, match="none of which the Transfer API lists"):
        partner.pin_host_keys("127.0.0.1", 22, {"SHA256:aG9zdCBrZXkgb2YgYWNtZQ"}, tmp_path / "known_hosts")

    assert not (tmp_path / "known_hosts").exists()


def test_no_openssh_client_is_found_before_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(DemoError, match="install the Debian package openssh-client"):
        main.before_anything(tmp_path / "lab")


def test_a_full_disk_is_found_before_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12, 5_000_000))

    with pytest.raises(DemoError, match="5 MB free"):
        main.before_anything(tmp_path / "lab")

    assert not (tmp_path / "lab").exists()
