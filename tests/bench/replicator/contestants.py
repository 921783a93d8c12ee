# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is measured, and by which command. All get the same server and an empty share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from bench.replicator import events
from bench.replicator.catalog import BUCKET
from bench.replicator.catalog import PREFIX
from bench.replicator.catalog import Item

CHECKOUT = Path(__file__).resolve().parents[3]
ENVIRONMENT = CHECKOUT / ".venv-bench"
_CLIENTS = Path(__file__).resolve().parent / "clients"


@dataclass(frozen=True)
class Task:
    """One run's places: what is to be copied from where to where. ``whole`` says that this is all of the bucket."""

    items: list[Item]
    whole: bool
    orders: Path
    share: Path
    port: int
    certificate: Path | None = None
    environment: Path = ENVIRONMENT

    @property
    def endpoint(self) -> str:
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    def script(self, name: str, *arguments: object) -> list[str]:
        return [str(self.environment / "bin/python"), str(_CLIENTS / name), *map(str, arguments)]


@dataclass(frozen=True)
class Contestant:
    """``command`` is made for each task. Only ours sees what our package holds: boto3 would use its awscrt."""

    title: str
    command: Callable[[Task], list[str]]
    settings: dict[str, str] = field(default_factory=dict)
    is_ours: bool = False


def ours(batch: int, concurrency: int | None = None, distance: float | None = None) -> Contestant:
    """Our function, fed with batches of so many messages; ``distance`` is how far away the share is, in seconds."""

    def command(task: Task) -> list[str]:
        events.write_batches(task.orders, task.items, batch)
        return task.script("ours.py", task.orders, *([] if distance is None else [distance]))

    settings = {} if concurrency is None else {"MFT_CONCURRENCY": str(concurrency)}
    return Contestant(f"**ours**, batches of {batch:,}", command, settings, is_ours=True)


def source_design(distance: float | None = None) -> Contestant:
    def command(task: Task) -> list[str]:
        events.write_notifications(task.orders, task.items)
        return task.script("source_design.py", task.orders, task.share, *([] if distance is None else [distance]))

    return Contestant("the source design's function", command)


def _boto3(task: Task) -> list[str]:
    events.write_keys(task.orders, task.items)
    return task.script("boto3_download.py", task.orders, task.share, 8)


def _aws(task: Task) -> list[str]:
    parents = sorted({item.path.split("/")[-2] for item in task.items})
    some = [word for name in parents for word in ("--include", f"*/{name}/*")]
    only = [] if task.whole else ["--exclude", "*", *some]
    source = f"s3://{BUCKET}/{PREFIX}"
    program = str(task.environment / "bin/aws")
    return [program, "s3", "cp", "--recursive", "--only-show-errors", *only, source, str(task.share)]


def s5cmd(*options: str) -> Contestant:
    def command(task: Task) -> list[str]:
        # Not bin/s5cmd: that is a Python script, and would count as s5cmd's start.
        program = next(task.environment.glob("lib/python3*/site-packages/s5cmd/bin/s5cmd"))
        source = f"s3://{BUCKET}/{PREFIX}*"
        return [str(program), "--endpoint-url", task.endpoint, *options, "cp", source, f"{task.share}/"]

    return Contestant(" ".join(("s5cmd", *options, "cp")), command)


def rclone(transfers: int) -> Contestant:
    def command(task: Task) -> list[str]:
        remote = f":s3,provider=AWS,env_auth=true,region=eu-central-1,endpoint='{task.endpoint}':{BUCKET}/{PREFIX}"
        # Without --use-server-modtime it asks for each object's time as only rclone writes it: a HEAD each.
        flags = ["--use-server-modtime", "--config", "", "--transfers", str(transfers), "--checkers", str(transfers)]
        return [str(task.environment / "bin/rclone"), "copy", *flags, remote, str(task.share)]

    return Contestant(f"rclone copy --transfers {transfers}", command)


def _limit(task: Task) -> list[str]:
    events.write_keys(task.orders, task.items)
    return task.script("limit.py", task.orders, task.share, task.port)


CONTESTANTS = {
    "source": source_design(),
    "boto3": Contestant("boto3 download_file, 8 threads", _boto3),
    "aws": Contestant("aws s3 cp --recursive", _aws),
    "rclone": rclone(16),
    "s5cmd": s5cmd(),
    "ours-10": ours(10),
    "ours-1000": ours(1000),
    "limit": Contestant("limit: socket → file, no check, no fsync", _limit),
}


def variables(task: Task, contestant: Contestant, package: str, home: Path) -> dict[str, str]:
    """The environment of every client."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        # Lambda unpacks the function where nothing can be written: its modules are compiled at each cold start.
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        # As long as a role's.
        "AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2VjEXAMPLE" * 20,
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": task.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "MFT_BUCKET": BUCKET,
        "MFT_PREFIX": PREFIX,
        "MFT_SHARE": str(task.share),
        # Go and Python read the first, boto3 and aws-cli the second.
        **({"SSL_CERT_FILE": str(task.certificate)} if task.certificate else {}),
        **({"AWS_CA_BUNDLE": str(task.certificate)} if task.certificate else {}),
        **({"PYTHONPATH": package} if contestant.is_ours else {}),
        **contestant.settings,
    }
