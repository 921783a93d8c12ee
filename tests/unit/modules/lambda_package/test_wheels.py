# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels beside the sources: the architecture's own, the pinned ones and no others, the same bytes each time."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.modules.lambda_package import PackageError
from ansible_collections.mft.aws.plugins.modules.lambda_package import make_package

if TYPE_CHECKING:
    from .conftest import Run

FILES = {
    "fastsum/__init__.py": b"from fastsum._native import sum\n",
    "fastsum/__init__.pyi": b"def sum(): ...\n",
    "fastsum-1.0.dist-info/RECORD": b"fastsum/__init__.py,,\n",
    "fastsum-1.0.dist-info/licenses/LICENSE": b"MIT\n",
}
X86 = "fastsum-1.0-cp313-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
ARM = "fastsum-1.0-cp313-abi3-manylinux2014_aarch64.manylinux_2_17_aarch64.whl"
Wheel = Callable[..., Path]
Pack = Callable[..., dict[str, Any]]


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    """Put a wheel into the directory ``wheels``."""
    directory = tmp_path / "wheels"
    directory.mkdir()

    def put(name: str, files: dict[str, bytes] | None = None) -> Path:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for file, content in (files or FILES | {"fastsum/_native.abi3.so": name.encode()}).items():
                archive.writestr(file, content)
        (directory / name).write_bytes(buffer.getvalue())
        return directory / name

    return put


@pytest.fixture
def pack(sources: Path, tmp_path: Path) -> Pack:
    """Build the package as the module does; its files, its hash, and what was said against it."""

    def call(**options: str) -> dict[str, Any]:
        params = {
            "source": str(sources),
            "exclude": ["tests", "__pycache__", ".*", "*.pyc"],
            "wheels": str(tmp_path / "wheels"),
            "architecture": "x86_64",
            **options,
        }
        try:
            package, names = make_package(params, "replicator/")
        except PackageError as error:
            return {"files": [], "msg": str(error)}
        return {"files": names, "msg": "", "sha256": hashlib.sha256(package).hexdigest()}

    return call


def content(tmp_path: Path, name: str) -> bytes:
    with zipfile.ZipFile(tmp_path / "p.zip") as archive:
        return archive.read(name)


@pytest.mark.parametrize(("architecture", "name"), [("x86_64", X86), ("arm64", ARM)])
def test_the_architectures_wheel_is_unpacked_at_the_top(
    run: Run, wheel: Wheel, sources: Path, architecture: str, name: str
) -> None:
    for each in (X86, ARM, X86.replace("many", "musl"), "fastsum-1.0-cp313-abi3-macosx_11_0_arm64.whl"):
        wheel(each)
    wheel("plain-2.0-py3-none-any.whl", {"plain.py": b""})
    options = {"prefix": "replicator", "wheels": str(sources.parent / "wheels"), "architecture": architecture}
    answer = run(source=str(sources), dest=str(sources.parent / "p.zip"), **options)
    assert answer["files"] == [
        "fastsum-1.0.dist-info/licenses/LICENSE",
        "fastsum/__init__.py",
        "fastsum/_native.abi3.so",
        "plain.py",
        "replicator/__init__.py",
        "replicator/handler.py",
        "replicator/lib/paths.py",
    ]
    assert content(sources.parent, "fastsum/_native.abi3.so").decode() == name
    assert run(source=str(sources), dest=str(sources.parent / "p.zip"), **options)["changed"] is False


def test_how_a_wheel_was_packed_does_not_matter(pack: Pack, wheel: Wheel) -> None:
    wheel(X86, FILES)
    before = pack()["sha256"]
    wheel(X86, dict(reversed(FILES.items())))
    assert pack()["sha256"] == before


def pin(sources: Path, *wheels: Path) -> None:
    hashes = " \\\n    ".join(f"--hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in wheels)
    (sources / "requirements.txt").write_text(f"# what it carries\nFastSum==1.0 \\\n    {hashes}\n")


def test_pinned_wheels(pack: Pack, wheel: Wheel, sources: Path) -> None:
    both = wheel(X86), wheel(ARM)
    pin(sources, *both)
    assert "fastsum/_native.abi3.so" in pack()["files"]
    wheel(X86, FILES | {"fastsum/_native.abi3.so": b"something else"})
    answer = pack()
    assert "which '" in answer["msg"]
    assert "does not name. Fetch it: python3 -m pip download --require-hashes" in answer["msg"]
    both[0].unlink()
    answer = pack()
    assert "has no wheel of fastsum for x86_64. Fetch it: python3 -m pip download" in answer["msg"]
    assert "--platform manylinux2014_x86_64 " in answer["msg"]
    assert "fastsum/_native.abi3.so" in pack(architecture="arm64")["files"]
    wheel("plain-2.0-py3-none-any.whl", {"plain.py": b""})
    assert "plain-2.0-py3-none-any.whl' has the SHA-256" in pack(architecture="arm64")["msg"]


def test_sources_that_need_wheels_are_not_packed_without(run: Run, wheel: Wheel, sources: Path, tmp_path: Path) -> None:
    pin(sources, wheel(X86))
    answer = run(source=str(sources), dest=str(tmp_path / "p.zip"))
    assert "names fastsum, and wheels is not given. Give the directory of its wheel. Fetch it: " in answer["msg"]


@pytest.mark.parametrize("line", ["fastsum", "fastsum>=1.0", "fastsum==1.0", "-r other.txt"])
def test_a_requirement_without_a_hash_is_refused(pack: Pack, wheel: Wheel, sources: Path, line: str) -> None:
    wheel(X86)
    (sources / "requirements.txt").write_text(line + "\n")
    assert "each library needs a version and the hashes of its wheels" in pack()["msg"]


def test_two_wheels_of_one_library(pack: Pack, wheel: Wheel) -> None:
    wheel(X86)
    wheel(X86.replace("-1.0-", "-1.1-"))
    assert "are the same library. Leave only one of them there." in pack()["msg"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a//b", "fastsum-1.0.data/scripts/x", "a\\b"])
def test_a_wheel_that_leaves_the_package(pack: Pack, wheel: Wheel, name: str) -> None:
    wheel(X86, {name: b"x"})
    assert "which cannot be unpacked at the top" in pack()["msg"]


def test_two_wheels_with_one_file_and_a_wheel_over_the_sources(pack: Pack, wheel: Wheel) -> None:
    wheel(X86, {"replicator/handler.py": b"x"})
    assert "sources and wheels both hold 'replicator/handler.py'" in pack()["msg"]
    wheel("plain-2.0-py3-none-any.whl", {"replicator/handler.py": b"y"})
    assert "holds 'replicator/handler.py', and so does another wheel" in pack()["msg"]


def test_what_is_no_wheel(pack: Pack, wheel: Wheel, tmp_path: Path) -> None:
    wheel(X86).write_bytes(b"<html>404</html>")
    assert "is no wheel" in pack()["msg"]
    wheel("fastsum.whl")
    assert "has not the name of a wheel" in pack()["msg"]
    assert "no such directory" in pack(wheels=str(tmp_path / "none"))["msg"]
