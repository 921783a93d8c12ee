# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a managed workflow, on an S3 and a Lambda that remember."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping
from datetime import datetime
from datetime import timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.sftp.workflows import Execution
from lab.sftp.workflows import File
from lab.sftp.workflows import Uploader
from lab.sftp.workflows import destination_key

UPLOADER = Uploader(
    "s-0123456789abcdef0", "acme", "9ca9a0e1cec6ad9d", datetime(2026, 2, 1, 23, 30, tzinfo=timezone.utc)
)
FILE = File("acme-files", "home/acme/payments.csv", "e7a9", "v2")
SOURCE = {"Bucket": "acme-files", "Key": "home/acme/payments.csv", "VersionId": "v2"}


def refusal(status: int) -> ClientError:
    answer: Any = {"Error": {"Code": str(status)}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "HeadObject")


class S3:
    def __init__(self, existing: set[str] | None = None, refuse_copy: int = 0) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._existing = existing or set()
        self._refuse_copy = refuse_copy

    def head_object(self, **parameters: Any) -> dict[str, Any]:
        if parameters["Key"] not in self._existing:
            raise refusal(404)
        return {}

    def copy_object(self, **parameters: Any) -> dict[str, Any]:
        if self._refuse_copy:
            raise refusal(self._refuse_copy)
        self.calls.append(("copy", parameters))
        return {"CopyObjectResult": {"ETag": '"copy"'}, "VersionId": "c1"}

    def put_object_tagging(self, **parameters: Any) -> None:
        self.calls.append(("tag", parameters))

    def delete_object(self, **parameters: Any) -> None:
        self.calls.append(("delete", parameters))


class Function:
    def __init__(self, service: Service, state: str | None = "SUCCESS", error: bool = False) -> None:
        self.events: list[dict[str, Any]] = []
        self._service = service
        self._state = state
        self._error = error

    def invoke(self, **parameters: Any) -> dict[str, Any]:
        event = json.loads(parameters["Payload"])
        self.events.append(event)
        if self._error:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "virus found"}')}
        if self._state:
            self._service.states[event["token"]] = self._state
        return {}


class Service:
    def __init__(self, workflow: Mapping[str, Any] | None) -> None:
        self.states: dict[str, str] = {}
        self._workflow = workflow

    def describe_workflow(self, **_: str) -> dict[str, Any]:
        if self._workflow is None:
            raise refusal(404)
        return {"Workflow": self._workflow}


class Run:
    """One execution and all that it did."""

    def __init__(self, workflow: Mapping[str, Any] | None, s3: S3 | None = None, **function: Any) -> None:
        self.s3 = s3 or S3()
        self.lines: list[Mapping[str, Any]] = []
        service = Service(workflow)
        self.function = Function(service, **function)
        clients = {"transfer": service, "s3": self.s3, "lambda": self.function}
        execution = Execution(
            clients, "w-0123456789abcdef0", UPLOADER, lambda _, line: self.lines.append(line), service.states.get
        )
        self.succeeded = asyncio.run(execution.run(FILE))

    @property
    def types(self) -> list[str]:
        return [str(line["type"]) for line in self.lines]

    @property
    def error(self) -> dict[str, Any]:
        return next(line["details"] for line in self.lines if line["type"] == "StepErrored")


def copy(key: str, **more: str) -> dict[str, Any]:
    location = {"S3FileLocation": {"Bucket": "acme-quarantine", "Key": key}}
    return {"Type": "COPY", "CopyStepDetails": {"Name": "keep", "DestinationFileLocation": location, **more}}


def tag(**more: str) -> dict[str, Any]:
    return {"Type": "TAG", "TagStepDetails": {"Name": "mark", "Tags": [{"Key": "state", "Value": "cut"}], **more}}


def delete(**more: str) -> dict[str, Any]:
    return {"Type": "DELETE", "DeleteStepDetails": {"Name": "drop", **more}}


def custom(**more: Any) -> dict[str, Any]:
    return {"Type": "CUSTOM", "CustomStepDetails": {"Name": "scan", "Target": "arn:aws:lambda:x", **more}}


def test_copy_then_delete_moves_the_version_that_was_uploaded() -> None:
    run = Run({"Steps": [copy("quarantine/${Transfer:UserName}/"), delete(SourceFileLocation="${original.file}")]})
    assert run.succeeded
    assert run.s3.calls == [
        (
            "copy",
            {
                "Bucket": "acme-quarantine",
                "Key": "quarantine/acme/payments.csv",
                "CopySource": SOURCE,
                "CopySourceIfMatch": "e7a9",
            },
        ),
        ("delete", SOURCE),
    ]
    assert run.types == [
        "ExecutionStarted",
        "StepStarted",
        "StepCompleted",
        "StepStarted",
        "StepCompleted",
        "ExecutionCompleted",
    ]


def test_the_previous_file_is_the_default_input() -> None:
    run = Run({"Steps": [copy("q/"), tag(), tag(SourceFileLocation="${original.file}")]})
    targets = [parameters["Key"] for kind, parameters in run.s3.calls if kind == "tag"]
    assert targets == ["q/payments.csv", "home/acme/payments.csv"]


def test_an_existing_copy_stops_the_workflow_unless_it_may_be_overwritten() -> None:
    refused = Run({"Steps": [copy("q/"), delete()], "OnExceptionSteps": [tag()]}, S3({"q/payments.csv"}))
    assert not refused.succeeded
    assert refused.error["errorType"] == "ALREADY_EXISTS"
    assert [kind for kind, _ in refused.s3.calls] == ["tag"]
    assert Run({"Steps": [copy("q/", OverwriteExisting="TRUE")]}, S3({"q/payments.csv"})).succeeded


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, "PERMISSION_DENIED"), (404, "NOT_FOUND"), (412, "NOT_FOUND"), (500, "INTERNAL_SERVER_ERROR")],
)
def test_errors_of_s3_have_the_apis_error_types(status: int, kind: str) -> None:
    assert Run({"Steps": [copy("q/")]}, S3(refuse_copy=status)).error["errorType"] == kind


def test_a_custom_step_gets_the_documented_event_and_waits_for_its_state() -> None:
    run = Run({"Steps": [custom(), delete()]})
    assert run.succeeded
    event = run.function.events[0]
    assert event["fileLocation"] == {
        "domain": "S3",
        "bucket": "acme-files",
        "key": "home/acme/payments.csv",
        "eTag": "e7a9",
        "versionId": "v2",
    }
    assert event["serviceMetadata"]["transferDetails"] == {
        "sessionId": "9ca9a0e1cec6ad9d",
        "userName": "acme",
        "serverId": "s-0123456789abcdef0",
    }
    assert event["serviceMetadata"]["executionDetails"]["workflowId"] == "w-0123456789abcdef0"


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        ({"error": True}, "CUSTOM_STEP_FAILED"),
        ({"state": "FAILURE"}, "CUSTOM_STEP_FAILED"),
        ({"state": None}, "TIMEOUT"),
    ],
)
def test_a_custom_step_that_fails_leads_to_the_exception_steps(function: dict[str, Any], kind: str) -> None:
    steps = [custom(TimeoutSeconds=0.01), delete()]
    run = Run({"Steps": steps, "OnExceptionSteps": [tag()]}, **function)
    assert not run.succeeded
    assert run.error["errorType"] == kind
    assert [name for name, _ in run.s3.calls] == ["tag"]
    assert run.types[-1] == "ExecutionErrored"


def test_decryption_says_that_it_is_missing() -> None:
    run = Run({"Steps": [{"Type": "DECRYPT", "DecryptStepDetails": {"Type": "PGP"}}]})
    assert run.error["errorMessage"] == "DECRYPT steps are not available in the lab"


def test_a_workflow_that_is_gone_is_an_error_in_the_log() -> None:
    run = Run(None)
    assert not run.succeeded
    assert run.types == ["ExecutionStarted", "ExecutionErrored"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("shared/bob/", "shared/bob/a.csv"),
        ("shared/today", "shared/today"),
        ("folder/${transfer:UserName}/${transfer:UploadDate}/", "folder/acme/2026-02-01/a.csv"),
        ("folder/${Transfer:UserName}-${Transfer:UploadDate}/", "folder/acme-2026-02-01/a.csv"),
        ("", "a.csv"),
    ],
)
def test_where_a_copy_goes(key: str, expected: str) -> None:
    assert destination_key(key, "a.csv", UPLOADER) == expected
