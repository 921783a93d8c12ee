# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSH algorithms that a server's security policy allows, as far as this SSH implementation has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs


class PolicyError(Exception):
    """A security policy that leaves nothing to negotiate."""


def allowed(policy: dict[str, Any]) -> dict[str, list[str]]:
    """A policy of DescribeSecurityPolicy as options of asyncssh.listen()."""
    return {
        "encryption_algs": _common(policy, "SshCiphers", get_encryption_algs()),
        "kex_algs": _common(policy, "SshKexs", get_kex_algs()),
        "mac_algs": _common(policy, "SshMacs", get_mac_algs()),
    }


def _common(policy: dict[str, Any], member: str, available: Iterable[bytes]) -> list[str]:
    known = {name.decode("ascii") for name in available}
    common = [name for name in policy.get(member) or [] if name in known]
    if not common:
        raise PolicyError(f"{policy.get('SecurityPolicyName')} has no {member} that asyncssh knows")
    return common
