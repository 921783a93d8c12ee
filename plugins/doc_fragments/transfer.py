# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules for AWS Transfer Family have in common, to be documented once."""

    DOCUMENTATION = r"""
options: {}
notes:
  - Retries are the module's own, V(retries) in O(aws_config) adds to them.
"""

    SERVER_ID = r"""
options:
  server_id:
    description:
      - The id of the server. It has to be there, whatever is asked for.
    type: str
    required: true
"""

    SSH_KEYS = r"""
options: {}
requirements:
  - cryptography >= 3.1
"""

    CHANGES = r"""
attributes:
  check_mode:
    support: full
    description: Reports the same change, diff and warnings as a real run.
"""

    INFO = r"""
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: none
    description: Changes nothing.
"""
