# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private host keys of the tests, made anew at each run, in the forms that legacy servers have them in."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple


class LegacyKey(NamedTuple):
    """A private key as ``ssh-keygen`` writes it, with what ``ssh-keygen -l`` says of it."""

    text: str
    bits: int
    fingerprint: str
    public: str


@functools.cache
def legacy_key(type_: str, bits: int, form: str = "", passphrase: str = "", serial: int = 0) -> LegacyKey:
    """Another key for another serial; C(form) is ssh-keygen's -m, empty for OpenSSH's own."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "ssh_host_key")
        options = ["-m", form] if form else []
        subprocess.run(
            ["ssh-keygen", "-q", "-t", type_, "-b", str(bits), *options, "-N", passphrase, "-C", "", "-f", file],
            check=True,
        )
        shown = subprocess.run(["ssh-keygen", "-l", "-f", file], check=True, capture_output=True, text=True).stdout
        public = file.with_suffix(".pub").read_text()
        return LegacyKey(file.read_text(), int(shown.split()[0]), shown.split()[1], public)


def material(text: str) -> list[str]:
    """The lines that nobody may see."""
    return [line for line in text.split() if len(line) > 20]
