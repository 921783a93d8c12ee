# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints how far a bucket is emptied while that goes on; see the module of the same name."""

from __future__ import annotations

from typing import Any

from ansible_collections.mft.aws.plugins.plugin_utils.following import FollowingAction

_COUNTS = ("versions", "delete_markers", "uploads")


class ActionModule(FollowingAction):
    module = "mft.aws.s3_bucket_contents"

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        result: dict[str, Any] = {}
        total = dict.fromkeys(_COUNTS, 0)
        lines: list[str] = []
        # It ends when the bucket is empty: as long as versions go, there is no reason to stop.
        for result in self.follow(task_vars, float("inf")):
            total = {name: total[name] + result.get(name, 0) for name in _COUNTS}
            lines += result.get("lines", [])
        if result.get("failed"):
            return {**result, **total}
        return {**result, **total, "lines": lines, "changed": any(total.values())}
