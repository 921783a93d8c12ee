# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function that this project replaces: a client for each event, the first record's key as it stands, download_file.

    python source_design.py EVENTS SHARE [SECONDS]

With SECONDS the share is that far away (distance.py).
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3

SHARE = Path(sys.argv[2])


def handler(event: dict[str, Any], context: object) -> None:
    s3 = boto3.client("s3")
    record = json.loads(event["Records"][0]["Sns"]["Message"])["Records"][0]
    key = record["s3"]["object"]["key"]
    path = SHARE / key.removeprefix("home/")
    path.parent.mkdir(parents=True, exist_ok=True)
    s3.download_file(record["s3"]["bucket"]["name"], key, str(path))
    print(f"copied {key}")


def main() -> None:
    if len(sys.argv) > 3:
        import_module("distance").put_far_away(str(SHARE), float(sys.argv[3]))
    with Path(sys.argv[1]).open(encoding="utf-8") as events:
        for line in events:
            handler(json.loads(line), None)


if __name__ == "__main__":
    main()
