# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs the module, and what looks at its server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Server = Callable[..., dict[str, Any]]
Described = Callable[[], dict[str, Any]]
