# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host keys of a legacy server, and what runs the module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unit.module_utils.transfer.legacy_keys import legacy_key

RSA, RSA_NEW = legacy_key("rsa", 2048), legacy_key("rsa", 2048, serial=1)
ECDSA, ED25519 = legacy_key("ecdsa", 384), legacy_key("ed25519", 256)
TAGS = {"origin": "sftp.acme.example", "unit": "payments"}

HostKey = Callable[..., dict[str, Any]]
