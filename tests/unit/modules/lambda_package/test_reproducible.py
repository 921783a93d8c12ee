# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same sources give the same bytes, whatever machine, clock, umask or directory order they come from."""

from __future__ import annotations

import io
import os
import shutil
import stat
import zipfile
from pathlib import Path

from ansible_collections.mft.aws.plugins.modules.lambda_package import build
from ansible_collections.mft.aws.plugins.modules.lambda_package import collect
from hypothesis import given
from hypothesis import strategies as st

DEFAULT_EXCLUDE = [".*", "__pycache__", "*.pyc", "*.pyo", "tests"]
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0", exclude_categories=["Cs"]), min_size=1)


def package(directory: Path) -> bytes:
    return build({name: path.read_bytes() for name, path in collect(directory, DEFAULT_EXCLUDE).items()})


@given(st.dictionaries(NAMES, st.binary(max_size=64), min_size=1, max_size=6), st.randoms())
def test_order_does_not_matter(contents: dict[str, bytes], random: object) -> None:
    shuffled = list(contents.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert build(dict(shuffled)) == build(contents)


def test_times_and_modes_do_not_matter(sources: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(sources, elsewhere)
    for path in elsewhere.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    assert package(elsewhere) == package(sources)


def test_contents_matter(sources: Path) -> None:
    before = package(sources)
    (sources / "handler.py").write_bytes(b"def handle(event, context):\n    return 1\n")
    assert package(sources) != before


def test_a_name_matters(sources: Path) -> None:
    before = package(sources)
    (sources / "handler.py").rename(sources / "main.py")
    assert package(sources) != before


def test_entries_can_be_loaded_by_lambda(sources: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(package(sources))) as archive:
        entries = archive.infolist()
        assert archive.testzip() is None
    assert [entry.filename for entry in entries] == ["__init__.py", "handler.py", "lib/paths.py"]
    for entry in entries:
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert entry.compress_type == zipfile.ZIP_STORED
        assert stat.filemode(entry.external_attr >> 16) == "-rw-r--r--"
