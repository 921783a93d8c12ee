# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m lab up|down|status|env`."""

# No `from __future__` and no annotation here: an old Python must get as far as the message below.
import sys

if sys.version_info < (3, 12):
    sys.exit(
        "lab: error: Python %d.%d is too old for the lab, it needs 3.12 or newer. "  # noqa: UP031
        "Run it with the interpreter of .venv-lab (`make` builds it)." % sys.version_info[:2]
    )

from lab.cli import main

sys.exit(main())
