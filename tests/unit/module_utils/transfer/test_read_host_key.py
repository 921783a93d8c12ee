# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_key_options import read_host_key

from unit.module_utils.transfer import examples
from unit.module_utils.transfer.legacy_keys import legacy_key
from unit.module_utils.transfer.legacy_keys import material

FINGERPRINT = examples.ED25519.fingerprint


def options(**given: Any) -> dict[str, Any]:
    return {"server_id": examples.SERVER, "state": "present", "purge_tags": True, "force": False, **given}


def test_a_key_comes_from_the_options_or_from_a_file(tmp_path: Path) -> None:
    legacy = legacy_key("ed25519", 256)
    file = tmp_path / "ssh_host_ed25519_key"
    file.write_text(legacy.text)
    for given in ({"host_key_body": legacy.text}, {"host_key_path": str(file)}):
        wanted, problems = read_host_key(options(**given))
        assert problems == []
        assert wanted.body is not None
        assert wanted.body.fingerprint == legacy.fingerprint
        assert str(wanted) == legacy.fingerprint


def test_a_fingerprint_is_taken_with_its_padding_and_without() -> None:
    for fingerprint in (FINGERPRINT, FINGERPRINT + "="):
        wanted, problems = read_host_key(options(fingerprint=fingerprint))
        assert problems == []
        assert wanted.fingerprint == FINGERPRINT


def test_files_that_hold_no_key_are_named(tmp_path: Path) -> None:
    binary, huge, key = tmp_path / "binary", tmp_path / "huge", tmp_path / "damaged"
    binary.write_bytes(b"\xff\xfe\x00K7longoddsecret")
    huge.write_text("K" * 70_000)
    key.write_text(legacy_key("rsa", 2048).text[:500])
    expected = {
        tmp_path / "missing": f"host_key_path: cannot read {tmp_path}/missing: No such file or directory",
        tmp_path: f"host_key_path: cannot read {tmp_path}: Is a directory",
        binary: f"host_key_path: {binary} is no text",
        huge: f"host_key_path: {huge} has more than",
        key: "host_key_path: it is damaged or cut off",
    }
    for path, problem in expected.items():
        _wanted, problems = read_host_key(options(host_key_path=str(path)))
        assert len(problems) == 1
        assert problems[0].startswith(problem)
        assert not [line for line in material(key.read_text()) if line in problems[0]]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ssh_host_rsa_key"
    file.touch(mode=0)
    assert "Permission denied" in read_host_key(options(host_key_path=str(file)))[1][0]


def test_all_problems_are_found_at_once() -> None:
    given = options(
        server_id="s-acme",
        host_key_body="ssh-rsa AAAA acme",
        description="für acme",
        tags={"aws:x": "1"},
    )
    problems = "\n".join(read_host_key(given)[1])
    for expected in ("server_id 's-acme'", "host_key_body: this is a public key", "description 'für acme'", "'aws:x'"):
        assert expected in problems


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"fingerprint": "MD5:aa:bb"}, "fingerprint 'MD5:aa:bb' is no SHA256 fingerprint"),
        ({"fingerprint": f"256 {FINGERPRINT} acme (ED25519)"}, "is no SHA256 fingerprint"),
        ({"fingerprint": ""}, "fingerprint '' is no SHA256 fingerprint"),
        ({"host_key_id": "key-0123456789abcdef0"}, "expected hostkey- and 17 hexadecimal digits"),
        ({"host_key_id": "hostkey-0123456789abcdef0", "description": "x" * 201}, "description is 201 characters"),
    ],
)
def test_each_rule_is_checked(given: dict[str, Any], problem: str) -> None:
    problems = read_host_key(options(**given))[1]
    assert len(problems) == 1
    assert problem in problems[0]


def test_what_is_ignored_for_a_removal_is_not_checked() -> None:
    given = options(state="absent", host_key_id="hostkey-0123456789abcdef0", description="x" * 201)
    assert read_host_key(given)[1] == []


def test_an_option_without_a_value_names_no_key() -> None:
    _, problems = read_host_key(options(state="absent", host_key_id=None))
    assert problems == ["no key is named: give host_key_body, host_key_path, fingerprint or host_key_id"]
