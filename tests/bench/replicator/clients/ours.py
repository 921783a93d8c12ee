# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our function under Lambda's conditions: one process, batches of SQS messages, everything switched on.

    python ours.py EVENTS [SECONDS]

EVENTS holds one batch a line, as Lambda's runtime hands it over: JSON. What the function logs goes to standard output.
With SECONDS the share is that far away (distance.py).
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from typing import Any

# The package that PYTHONPATH names: what Lambda would run.
handle = import_module("replicator.handler").handle


class Context:
    """What Lambda tells of an invocation."""

    aws_request_id = "5b0c0b5e-1f4a-4c52-9c57-0f5d5a2b7a10"

    def __init__(self) -> None:
        self._end = time.monotonic() + 900

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end - time.monotonic()) * 1000)


def main() -> None:
    if len(sys.argv) > 2:
        import_module("distance").put_far_away(os.environ["MFT_SHARE"], float(sys.argv[2]))
    with open(sys.argv[1], encoding="utf-8") as batches:  # noqa: PTH123 (nothing imported that Lambda would not)
        for line in batches:
            answer: dict[str, Any] = handle(json.loads(line), Context())
            if answer["batchItemFailures"]:
                sys.exit(f"{len(answer['batchItemFailures'])} messages failed; the log says why")


if __name__ == "__main__":
    main()
