# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""boto3 as its documentation would have it: one client, download_file in threads.

python boto3_download.py KEYS SHARE THREADS
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config


def main() -> None:
    bucket, *keys = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    share, threads = Path(sys.argv[2]), int(sys.argv[3])
    s3 = boto3.client("s3", config=Config(max_pool_connections=10 * threads))

    def copy(key: str) -> None:
        path = share / key.removeprefix("home/")
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(path))

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(copy, keys):
            pass


if __name__ == "__main__":
    main()
