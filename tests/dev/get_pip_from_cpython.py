# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts pip into the empty virtual environments that `ansible-test sanity` makes, in place of its get-pip download.

ansible-test looks for ``~/.ansible/test/cache/get_pip_<X_Y_Z>.py`` before it fetches one from its own file server,
which a machine that reaches package registries only cannot. sanity.py saves this file under that name. It takes the
pip that CPython bundles and, with it, the version that ansible-test pins.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys

wanted = pathlib.Path(__file__).stem.removeprefix("get_pip_").replace("_", ".")
# A child, because ensurepip turns pip's configuration (index, certificates) off in the process it runs in.
subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
subprocess.run(
    [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"pip=={wanted}"], check=True
)
