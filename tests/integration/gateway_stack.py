# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's own template with the function's own package, deployed to the lab; what the role does, without Ansible
runs for each parameter."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.conftest import CHECKOUT
from integration.conftest import Lab

Aws = Callable[[str], Any]


@dataclass
class Gateway:
    """A deployed gateway."""

    aws: Aws
    outputs: dict[str, str]
    share: Path

    @property
    def bucket(self) -> str:
        return self.outputs["BucketName"]

    def put(self, key: str, content: bytes, **arguments: Any) -> None:
        self.aws("s3").put_object(Bucket=self.bucket, Key=key, Body=content, **arguments)

    def send(self, *bodies: str) -> None:
        """Messages of the test's own in the function's queue."""
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        answer = self.aws("sqs").send_message_batch(QueueUrl=self.outputs["QueueUrl"], Entries=entries)
        assert len(answer["Successful"]) == len(bodies)

    def files(self) -> dict[str, bytes]:
        """What an application sees; a file that goes in the meantime is not there."""
        found: dict[str, bytes] = {}
        for path in self.share.rglob("*"):
            name = path.relative_to(self.share)
            if name.parts[0] != ".mft-replicator" and path.is_file():
                with suppress(FileNotFoundError):
                    found[str(name)] = path.read_bytes()
        return found

    def waiting(self) -> int:
        """Messages that the queue still holds: delayed, visible, being handled, or hidden because they failed."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        answer = self.aws("sqs").get_queue_attributes(QueueUrl=self.outputs["QueueUrl"], AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def wait_for(self, what: Callable[[], bool], seconds: float = 30) -> None:
        until = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < until, f"not within {seconds} s"
            time.sleep(0.1)

    def dead_letters(self, count: int, seconds: float = 30) -> list[dict[str, Any]]:
        """That many letters, each by way of its notification in the dead-letter queue."""
        letters: list[dict[str, Any]] = []
        until = time.monotonic() + seconds
        while len(letters) < count:
            assert time.monotonic() < until, f"{len(letters)} of {count} dead letters within {seconds} s"
            answer = self.aws("sqs").receive_message(
                QueueUrl=self.outputs["DeadLetterQueueUrl"], MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            for message in answer.get("Messages", []):
                for record in json.loads(message["Body"]).get("Records", []):
                    key = record["s3"]["object"]["key"]
                    letters.append(json.load(self.aws("s3").get_object(Bucket=self.bucket, Key=key)["Body"]))
        return letters


def deploy(lab: Lab, aws: Aws, directory: Path, **parameters: str) -> Gateway:
    """Deploy under a new name; the lab goes as a whole, and the stack with it."""
    name = f"acme-{uuid.uuid4().hex[:8]}"
    artefacts = f"{name}-artefacts"
    aws("s3").create_bucket(Bucket=artefacts, CreateBucketConfiguration={"LocationConstraint": lab.region})
    aws("s3").put_object(Bucket=artefacts, Key="package.zip", Body=_package(lab, directory).read_bytes())
    template = (CHECKOUT / "files/cloudformation/gateway.yaml").read_bytes()
    aws("s3").put_object(Bucket=artefacts, Key="gateway.yaml", Body=template)
    given = {
        "FirstZone": f"{lab.region}a",
        "SecondZone": f"{lab.region}b",
        "BucketNamePrefix": name,
        "PackageBucket": artefacts,
        "PackageKey": "package.zip",
        "DeliveryDelaySeconds": "0",
        **parameters,
    }
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateURL=f"{lab.endpoint_url}/{artefacts}/gateway.yaml",
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    until = time.monotonic() + 60
    while (stack := cloudformation.describe_stacks(StackName=name)["Stacks"][0])["StackStatus"].endswith("PROGRESS"):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert stack["StackStatus"] == "CREATE_COMPLETE", _reasons(cloudformation, name)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    share = lab.efs_directory / outputs["FileSystemId"] / outputs["AccessPointPath"].strip("/")
    return Gateway(aws, outputs, share)


def _package(lab: Lab, directory: Path) -> Path:
    package = directory / "package.zip"
    options = {
        "source": str(CHECKOUT / "files/replicator"),
        "dest": str(package),
        "prefix": "replicator",
        "wheels": str(CHECKOUT / "files/wheels"),
    }
    completed = subprocess.run(
        ["ansible", "localhost", "-m", "mft.aws.lambda_package", "-a", json.dumps(options)],
        env=lab.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return package


def _reasons(cloudformation: Any, name: str) -> list[str]:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}" for event in events[:20]]
