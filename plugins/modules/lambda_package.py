#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lambda_package
version_added: 0.1.0
short_description: Build an AWS Lambda deployment package, the same bytes from the same sources
description:
  - Packs a directory of sources into a zip file that AWS Lambda accepts.
  - The same sources give the same bytes, and so the same hash, on every machine. Names are sorted. Times and modes are
    fixed. Nothing is compressed, since compressors differ from one release of their library to the next.
  - Wheels of compiled libraries can be put beside the sources. They lie in a directory and nothing is fetched, so the
    package is built without internet. Where the sources hold a C(requirements.txt) with hashes, the wheels are checked
    against it.
  - The package is replaced in one step and only when its bytes differ.
  - The module runs where the sources are. In a playbook for other hosts, delegate the task to C(localhost).
author:
  - The mft.aws project (!UNKNOWN)
options:
  source:
    description:
      - The directory to pack.
    type: path
    required: true
  dest:
    description:
      - The zip file to write. Its directory has to be there.
    type: path
    required: true
  prefix:
    description:
      - The directory within the package under which the sources stand.
      - Left out, they stand at the top of the package.
    type: str
    default: ''
  exclude:
    description:
      - Shell patterns of what is left out.
      - A file is left out when one of the patterns matches its name, or the name of a directory it is in.
    type: list
    elements: str
    default: ['.*', '__pycache__', '*.pyc', '*.pyo', 'tests']
  wheels:
    description:
      - A directory of wheels (C(.whl)). Those for O(architecture), and those of pure Python, are unpacked at the top of
        the package; others are left alone. Type stubs and the lists of installed files are left out.
      - Required if the sources hold a C(requirements.txt) that names a library.
    type: path
  architecture:
    description:
      - The processors that the function runs on, as AWS Lambda names them.
    type: str
    choices: [x86_64, arm64]
    default: x86_64
attributes:
  check_mode:
    description: Says what would change, and changes nothing.
    support: full
  diff_mode:
    description: Shows the files of the package, each with its size and hash, before and after.
    support: full
  platform:
    description: Where the module runs.
    support: full
    platforms: posix
seealso:
  - name: Deploy Python Lambda functions with .zip file archives
    description: What AWS Lambda expects of a package.
    link: https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
"""

EXAMPLES = r"""
- name: Pack the replicator
  mft.aws.lambda_package:
    source: files/replicator
    dest: /var/tmp/replicator.zip
    prefix: replicator
    wheels: files/wheels
    architecture: arm64
  delegate_to: localhost
  register: package

- name: Keep the package under its hash
  amazon.aws.s3_object:
    bucket: acme-artefacts
    object: "packages/{{ package.sha256 }}.zip"
    src: "{{ package.path }}"
    mode: put
    overwrite: never
"""

RETURN = r"""
path:
  description: The zip file.
  returned: success
  type: str
  sample: /var/tmp/replicator.zip
sha256:
  description: The SHA-256 of the package, as hexadecimal digits.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
size:
  description: The size of the package in bytes.
  returned: success
  type: int
  sample: 48213
files:
  description: The names of the files in the package, in their order.
  returned: success
  type: list
  elements: str
  sample:
    - replicator/__init__.py
    - replicator/handler.py
"""

import hashlib
import io
import os
import re
import tempfile
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

# What Lambda calls a processor, as the names of wheels for Linux do (PyPA, "Platform compatibility tags").
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
# True only of an installed package, or of no use to a running program. Licences stay.
LEFT_OUT_OF_WHEELS = ["RECORD", "*.pyi"]
REQUIREMENTS = "requirements.txt"
# The oldest time that a zip file can hold.
EPOCH = (1980, 1, 1, 0, 0, 0)
# Lambda needs files that everyone may read (Lambda developer guide, .zip file archives: 644); Python executes none.
MODE = 0o100644
UNIX = 3
# Lambda's limit for a package with everything in it, unzipped (Lambda quotas).
MAX_BYTES = 250 * 1024 * 1024


class PackageError(Exception):
    """The package cannot be built; the text names the value, the rule and the remedy."""


def collect(source: Path, patterns: list[str]) -> dict[str, Path]:
    """Find what belongs into the package: name within the source (with slashes) to path."""
    if not source.is_dir():
        raise PackageError(f"source is '{source}': no such directory. Give the directory that holds the sources.")
    found: dict[str, Path] = {}
    pending = [source]
    while pending:
        for path in pending.pop().iterdir():
            if any(fnmatchcase(path.name, pattern) for pattern in patterns):
                continue
            if path.is_symlink():
                raise PackageError(
                    f"'{path}' is a symbolic link, and a package holds plain files alone. "
                    "Put the file itself there, or leave the link out with exclude."
                )
            if path.is_dir():
                pending.append(path)
            elif path.is_file():
                found[path.relative_to(source).as_posix()] = path
            else:
                raise PackageError(f"'{path}' is not a plain file. Leave it out with exclude.")
    if not found:
        raise PackageError(f"source is '{source}': no file is left to pack. Look at the directory and at exclude.")
    return found


def required(requirements: Path) -> dict[str, set[str]]:
    """The libraries that the sources need: name to the SHA-256 of each wheel that may stand for it."""
    found: dict[str, set[str]] = {}
    if not requirements.is_file():
        return found
    text = re.sub(r"\s#.*|^#.*", "", requirements.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            name, pinned, _version = line.split()[0].partition("==")
            hashes = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
            if not pinned or not hashes:
                raise PackageError(
                    f"'{requirements}' names {line.split()[0]!r}: each library needs a version and the hashes of its "
                    "wheels. Write it like 'name==1.0 --hash=sha256:…'."
                )
            found[normalized(name)] = hashes
    return found


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def choose_wheels(directory: Path, architecture: str) -> dict[str, Path]:
    """The wheels that run there: library to wheel."""
    if not directory.is_dir():
        raise PackageError(f"wheels is '{directory}': no such directory. Give the directory that holds the wheels.")
    chosen: dict[str, Path] = {}
    for wheel in sorted(directory.glob("*.whl")):
        parts = wheel.stem.split("-")
        if len(parts) not in (5, 6):
            raise PackageError(f"'{wheel}' has not the name of a wheel. Take it out of the directory.")
        name, platforms = normalized(parts[0]), parts[-1].split(".")
        linux = f"linux.*_{MACHINES[architecture]}"
        if not any(platform == "any" or re.fullmatch(f"(many)?{linux}", platform) for platform in platforms):
            continue
        if name in chosen:
            raise PackageError(f"'{chosen[name]}' and '{wheel}' are the same library. Leave only one of them there.")
        chosen[name] = wheel
    return chosen


def fetching(requirements: Path, architecture: str, directory: Path) -> str:
    """The remedy for a wheel that is not there: the command, for any machine with internet."""
    return (
        "Fetch it: python3 -m pip download --require-hashes --no-deps --only-binary :all: --python-version 3.12 "
        f"--platform manylinux2014_{MACHINES[architecture]} --requirement {requirements} --dest {directory}"
    )


def read_wheels(
    directory: Path, architecture: str, pinned: dict[str, set[str]], requirements: Path
) -> dict[str, bytes]:
    """The files of the wheels; only the pinned ones, and all of these, if any are pinned."""
    chosen = choose_wheels(directory, architecture)
    fetch = fetching(requirements, architecture, directory)
    missing = sorted(set(pinned) - set(chosen))
    if missing:
        raise PackageError(f"'{directory}' has no wheel of {missing[0]} for {architecture}. {fetch}")
    contents: dict[str, bytes] = {}
    for name, wheel in chosen.items():
        content = wheel.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if pinned and digest not in pinned.get(name, set()):
            raise PackageError(f"'{wheel}' has the SHA-256 {digest}, which '{requirements}' does not name. {fetch}")
        unpacked = unpack(wheel, content)
        twice = sorted(set(unpacked) & set(contents))
        if twice:
            raise PackageError(f"'{wheel}' holds {twice[0]!r}, and so does another wheel. Leave one of them out.")
        contents.update(unpacked)
    return contents


def unpack(wheel: Path, content: bytes) -> dict[str, bytes]:
    """The files of a wheel."""
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                parts = entry.filename.split("/")
                if entry.is_dir() or any(fnmatchcase(parts[-1], pattern) for pattern in LEFT_OUT_OF_WHEELS):
                    continue
                if {"", ".", ".."} & set(parts) or "\\" in entry.filename or parts[0].endswith(".data"):
                    raise PackageError(f"'{wheel}' holds {entry.filename!r}, which cannot be unpacked at the top.")
                found[entry.filename] = archive.read(entry)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise PackageError(f"'{wheel}' is no wheel: {error}. Fetch it again.") from error
    return found


def directory_prefix(prefix: str) -> str:
    """Check the prefix; empty, or ending with one slash."""
    parts = prefix.rstrip("/").split("/")
    if prefix and ({"", ".", ".."} & set(parts) or "\\" in prefix):
        raise PackageError(
            f"prefix is {prefix!r}: it has to be a relative path without '.' and '..'. Write it like 'replicator'."
        )
    return "/".join(parts) + "/" if prefix else ""


def build(contents: dict[str, bytes]) -> bytes:
    """Make the zip file; equal contents give equal bytes."""
    total = sum(len(content) for content in contents.values())
    if total > MAX_BYTES:
        raise PackageError(f"the sources take {total} bytes, and Lambda takes {MAX_BYTES} at most. Leave files out.")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = UNIX
            entry.external_attr = MODE << 16
            archive.writestr(entry, contents[name], zipfile.ZIP_STORED)
    return buffer.getvalue()


def listing(package: bytes | None) -> str:
    """Describe a package for a diff: its files, or what it is when it is no zip file."""
    if package is None:
        return ""
    lines = []
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            for entry in sorted(archive.infolist(), key=lambda info: info.filename):
                digest = hashlib.sha256(archive.read(entry)).hexdigest()
                lines.append(f"{entry.filename}  {entry.file_size} bytes  sha256:{digest}")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        lines = ["(not a readable zip file)"]
    return "\n".join([*lines, f"package  {len(package)} bytes  sha256:{hashlib.sha256(package).hexdigest()}", ""])


def read_package(dest: Path) -> bytes | None:
    """The bytes of an existing package, if there is one."""
    if dest.is_dir():
        raise PackageError(f"dest is '{dest}': a directory is there. Give the path of the zip file itself.")
    if not dest.parent.is_dir():
        raise PackageError(f"dest is '{dest}': its directory is not there. Make '{dest.parent}' first.")
    return dest.read_bytes() if dest.exists() else None


def write_package(module: AnsibleModule, package: bytes, dest: Path) -> None:
    """Put the package into place in one step."""
    handle, temporary = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(handle, "wb") as file:
        file.write(package)
    module.atomic_move(temporary, str(dest))


def make_package(params: dict[str, Any], prefix: str) -> tuple[bytes, list[str]]:
    """The package and the names of its files."""
    source = Path(params["source"])
    contents = {prefix + name: path.read_bytes() for name, path in collect(source, params["exclude"]).items()}
    pinned = required(source / REQUIREMENTS)
    if params["wheels"]:
        wheels = read_wheels(Path(params["wheels"]), params["architecture"], pinned, source / REQUIREMENTS)
        twice = sorted(set(wheels) & set(contents))
        if twice:
            raise PackageError(f"sources and wheels both hold {twice[0]!r}. Give the sources a prefix.")
        contents.update(wheels)
    elif pinned:
        fetch = fetching(source / REQUIREMENTS, params["architecture"], source.parent / "wheels")
        raise PackageError(
            f"'{source / REQUIREMENTS}' names {sorted(pinned)[0]}, and wheels is not given. Give the directory of its "
            f"wheel. {fetch}"
        )
    return build(contents), sorted(contents)


def ensure_package(module: AnsibleModule) -> dict[str, Any]:
    """Build the package, and write it where it differs from what is there."""
    dest = Path(module.params["dest"])
    prefix = directory_prefix(module.params["prefix"])
    current = read_package(dest)
    package, names = make_package(module.params, prefix)
    changed = package != current
    if changed and not module.check_mode:
        write_package(module, package, dest)
    return {
        "changed": changed,
        "path": str(dest),
        "sha256": hashlib.sha256(package).hexdigest(),
        "size": len(package),
        "files": names,
        "diff": {"before": listing(current), "after": listing(package)},
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "path", "required": True},
            "dest": {"type": "path", "required": True},
            "prefix": {"type": "str", "default": ""},
            "exclude": {
                "type": "list",
                "elements": "str",
                "default": [".*", "__pycache__", "*.pyc", "*.pyo", "tests"],
            },
            "wheels": {"type": "path"},
            "architecture": {"type": "str", "choices": list(MACHINES), "default": "x86_64"},
        },
        supports_check_mode=True,
    )
    try:
        result = ensure_package(module)
    except (PackageError, OSError) as error:
        module.fail_json(msg=f"Cannot build the package: {error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
