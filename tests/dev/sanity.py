# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ``ansible-test sanity`` on what the collection ships and proves that it looked at something.

ansible-test wants a real directory ``ansible_collections/mft/aws`` (it refuses the link that .venv has), so the files
that git would commit are copied into one, with the collections they import beside them. tests/ stays out: it is not
shipped, and ansible-test's rules for plugins (no name ``_``, for one) would only make it harder to read; ruff, mypy
--strict and ansible-lint judge it. The environments that
ansible-test makes for its tools are kept under ``.cache/sanity``, so that a second run is quick and the user's home
stays as it is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace

CHECKOUT = Path(__file__).resolve().parents[2]
WORK = CHECKOUT / ".cache" / "sanity"
COLLECTION = WORK / "ansible_collections" / "mft" / "aws"
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
ANSIBLE_TEST = str(Path(sys.executable).with_name("ansible-test"))
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

# Each of these must report that it really ran on files of ours. "All targets skipped" and exit status 0 is what
# ansible-test says when it finds none, for example inside a folder that git ignores.
MUST_RUN = ("ansible-doc", "compile", "import", "pep8", "pylint", "validate-modules", "yamllint")


def copy_tree() -> int:
    """Copy what git would commit (tracked files, and new ones that are not ignored) but the tests; return how many."""
    shutil.rmtree(WORK / "ansible_collections", ignore_errors=True)
    COLLECTION.mkdir(parents=True)
    for namespace in ("amazon", "community", "ansible"):
        (WORK / "ansible_collections" / namespace).symlink_to(SITE_PACKAGES / "ansible_collections" / namespace)
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    copied = 0
    for name in filter(None, listing.split("\0")):
        source = CHECKOUT / name
        if name.startswith("tests/") and not name.startswith("tests/sanity/"):
            continue
        if not source.is_symlink() and not source.is_file():
            continue  # deleted in the working tree
        destination = COLLECTION / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, destination, follow_symlinks=False)
        copied += 1
    # ansible-test finds the collection's files through git.
    subprocess.run(["git", "init", "--quiet", "."], cwd=COLLECTION, check=True)
    return copied


def offer_pip(home: Path) -> None:
    """Put our stand-in where ansible-test looks before it downloads get-pip (see get_pip_from_cpython.py)."""
    sys.path.insert(0, str(SITE_PACKAGES))
    from ansible_test._internal.python_requirements import get_venv_packages

    version = get_venv_packages(SimpleNamespace(version=PYTHON_VERSION))["pip"]
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    shutil.copy2(Path(__file__).with_name("get_pip_from_cpython.py"), cache / f"get_pip_{version.replace('.', '_')}.py")


def main() -> int:
    home = WORK / "home"
    count = copy_tree()
    offer_pip(home)
    environment = dict(os.environ, HOME=str(home), PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    environment.pop("PYTHONPATH", None)
    process = subprocess.Popen(
        [ANSIBLE_TEST, "sanity", "--local", "--python", PYTHON_VERSION, "--color", "no", *sys.argv[1:]],
        cwd=COLLECTION,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    output: list[str] = []
    for line in process.stdout:
        print(line, end="", flush=True)
        output.append(line)
    status = process.wait()
    text = "".join(output)
    ran = set(re.findall(r'^Running sanity test "([\w-]+)"', text, flags=re.MULTILINE))
    missing = [] if sys.argv[1:] else [name for name in MUST_RUN if name not in ran]
    if missing or not ran:
        print(f"error: ansible-test sanity did not run {', '.join(missing) or 'any test'} on the {count} files copied.")
        return status or 1
    listed = re.search(r"The (\d+) sanity test\(s\) listed below", text)
    failed = int(listed.group(1)) if listed else int(status != 0)
    print(f"{len(ran) - failed} passed, {failed} failed")
    return status


if __name__ == "__main__":
    sys.exit(main())
