# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception whose message is meant for the person at the terminal."""

from __future__ import annotations


class LabError(Exception):
    """Something the user can put right; the message names the value, the rule and the remedy."""
