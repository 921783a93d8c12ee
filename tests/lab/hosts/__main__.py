# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m lab.hosts check|build|start|stop|ssh|resolve|nfs-start|nfs-stop|tls-start|tls-stop|down`."""

import sys

from lab.hosts.cli import main

sys.exit(main())
