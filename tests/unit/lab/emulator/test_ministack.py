# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check at start: what is missing in another ministack is named, with the version that fits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.emulator import ministack
from lab.errors import LabError


def test_missing_names_and_modules_are_all_named() -> None:
    names = {"json": ("loads", "gone_one"), "no_such_module": ("x",), "os.path": ("join", "gone_two")}
    with pytest.raises(LabError) as caught:
        ministack.load(names)
    message = str(caught.value)
    assert "json.gone_one, no_such_module, os.path.gone_two" in message
    assert "json.loads" not in message
    assert "ministack==1.5.33" in message


def test_the_version_that_fits_is_the_one_that_is_installed() -> None:
    pins = Path(__file__).resolve().parents[3] / "requirements" / "lab.in"
    assert f"ministack=={ministack.FITTING_VERSION}" in pins.read_text()


def test_every_name_that_is_touched_is_in_the_table() -> None:
    source = Path(ministack.__file__).read_text()
    touched = set(re.findall(r'_[gs]et\((_\w+), "(\w+)"', source))
    modules = {name: value for name, value in vars(ministack).items() if name.isupper() and isinstance(value, str)}
    assert {(modules[module], name) for module, name in touched} == {
        (module, name) for module, names in ministack.NAMES.items() for name in names
    }


def test_nothing_else_of_the_lab_imports_ministack() -> None:
    lab = Path(ministack.__file__).parents[1]
    importing = [
        path.relative_to(lab)
        for path in lab.rglob("*.py")
        if re.search(r"^\s*(import|from) ministack\b", path.read_text(), re.MULTILINE)
    ]
    assert importing == []


def test_an_ec2_error_is_raised_with_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"<Response><Errors><Error><Code>InvalidGroup.NotFound</Code><Message>no sg-1</Message></Error></Errors>"
    monkeypatch.setattr(ministack, "ec2_actions", lambda: {"Revoke": lambda _: (400, {}, body)})
    with pytest.raises(ministack.ServiceError, match="no sg-1") as caught:
        ministack.call_ec2("Revoke", {"GroupId": "sg-1"})
    assert caught.value.code == "InvalidGroup.NotFound"
