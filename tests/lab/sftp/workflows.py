# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The managed workflow that a Transfer server runs after an upload, whole (OnUpload) or cut off (OnPartialUpload).

Steps and their inputs are those of the API (DescribeWorkflow); messages are those of the user guide ("Managing
logging for workflows"). DECRYPT needs PGP keys in Secrets Manager, which the lab has not: such a step fails.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError

# "The maximum number of steps in a workflow is 8" (user guide, managed workflows restrictions and limitations).
MAXIMUM_STEPS = 8
# How long a custom step may take that sets no TimeoutSeconds.
DEFAULT_TIMEOUT_SECONDS = 60
STEP_STATE_INTERVAL = 0.25

_ORIGINAL = "${original.file}"
_PREVIOUS = "${previous.file}"
_VARIABLE = re.compile(r"\$\{transfer:(username|uploaddate)\}", re.IGNORECASE)
_ERROR_TYPES = {400: "BAD_REQUEST", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 412: "NOT_FOUND", 503: "THROTTLED"}
_DETAILS = {
    "COPY": "CopyStepDetails",
    "TAG": "TagStepDetails",
    "DELETE": "DeleteStepDetails",
    "CUSTOM": "CustomStepDetails",
    "DECRYPT": "DecryptStepDetails",
}


@dataclass(frozen=True)
class File:
    """The object a step works on."""

    bucket: str
    key: str
    etag: str
    version_id: str | None

    @property
    def name(self) -> str:
        return self.key.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Uploader:
    """Who uploaded the file, and when (UTC)."""

    server_id: str
    user_name: str
    session_id: str
    uploaded: datetime


class StepError(Exception):
    """A step failed; `kind` is an ExecutionErrorType of the API."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Execution:
    """One run of one workflow for one file."""

    def __init__(
        self,
        clients: Mapping[str, Any],
        workflow_id: str,
        uploader: Uploader,
        log: Callable[[str, Mapping[str, object]], None],
        step_state: Callable[[str], str | None],
    ) -> None:
        """`clients` holds transfer, s3 and lambda; `step_state` is what SendWorkflowStepState said of a token."""
        self.execution_id = str(uuid.uuid4())
        self._clients = clients
        self._workflow_id = workflow_id
        self._uploader = uploader
        self._log_line = log
        self._step_state = step_state
        self._stream = f"{uploader.user_name}.{workflow_id}.{self.execution_id.replace('-', '')[:16]}"

    async def run(self, file: File) -> bool:
        """Run the steps, and the exception steps if one fails; whether all nominal steps succeeded."""
        location = {"bucket": file.bucket, "key": file.key, "versionId": file.version_id, "etag": file.etag}
        self._log("ExecutionStarted", {"input": {"initialFileLocation": location}})
        try:
            answer = await asyncio.to_thread(self._clients["transfer"].describe_workflow, WorkflowId=self._workflow_id)
        except (BotoCoreError, ClientError) as error:
            self._log("ExecutionErrored", {"errorMessage": f"Service failure on starting workflow: {error}"})
            return False
        workflow = answer["Workflow"]
        if await self._steps(workflow.get("Steps") or [], file):
            self._log("ExecutionCompleted", {})
            return True
        await self._steps(workflow.get("OnExceptionSteps") or [], file)
        self._log("ExecutionErrored", {})
        return False

    async def _steps(self, steps: Sequence[Mapping[str, Any]], original: File) -> bool:
        previous = original
        for step in steps[:MAXIMUM_STEPS]:
            details = step.get(_DETAILS[step["Type"]]) or {}
            about = {"stepType": step["Type"], "stepName": details.get("Name", "")}
            # "${previous.file} ... is the default" (API reference, SourceFileLocation).
            source = original if details.get("SourceFileLocation") == _ORIGINAL else previous
            location = {"backingStore": "S3", "bucket": source.bucket, "key": source.key}
            location |= {"versionId": source.version_id or "", "etag": source.etag}
            self._log("StepStarted", {"input": {"fileLocation": location}, **about})
            try:
                previous = await asyncio.to_thread(self._step, step["Type"], details, source)
            except StepError as error:
                self._log("StepErrored", {"errorType": error.kind, "errorMessage": str(error), **about})
                return False
            self._log("StepCompleted", {"output": {}, **about})
        return True

    def _step(self, kind: str, details: Mapping[str, Any], source: File) -> File:
        """Do one step; the file that the next one sees as `previous`."""
        try:
            if kind == "COPY":
                return self._copy(details, source)
            if kind == "TAG":
                self._tag(details, source)
            elif kind == "DELETE":
                self._delete(source)
            elif kind == "CUSTOM":
                self._custom(details, source)
            else:
                raise StepError("BAD_REQUEST", f"{kind} steps are not available in the lab")
        except ClientError as error:
            status = error.response["ResponseMetadata"].get("HTTPStatusCode", 500)
            raise StepError(_ERROR_TYPES.get(status, "INTERNAL_SERVER_ERROR"), str(error)) from error
        except BotoCoreError as error:
            raise StepError("INTERNAL_SERVER_ERROR", str(error)) from error
        return source

    def _copy(self, details: Mapping[str, Any], source: File) -> File:
        destination = (details.get("DestinationFileLocation") or {}).get("S3FileLocation") or {}
        bucket = destination.get("Bucket") or source.bucket
        key = destination_key(destination.get("Key") or "", source.name, self._uploader)
        s3 = self._clients["s3"]
        if details.get("OverwriteExisting") != "TRUE" and _exists(s3, bucket, key):
            raise StepError("ALREADY_EXISTS", f"s3://{bucket}/{key} exists and OverwriteExisting is FALSE")
        copied = s3.copy_object(
            Bucket=bucket,
            Key=key,
            CopySource=_versioned({"Bucket": source.bucket, "Key": source.key}, source),
            # The guide shows "ETag constraint not met" for a file that changed under a workflow.
            CopySourceIfMatch=source.etag,
        )
        return File(bucket, key, copied["CopyObjectResult"]["ETag"].strip('"'), copied.get("VersionId"))

    def _tag(self, details: Mapping[str, Any], source: File) -> None:
        tags = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in details.get("Tags") or []]
        target = _versioned({"Bucket": source.bucket, "Key": source.key}, source)
        self._clients["s3"].put_object_tagging(**target, Tagging={"TagSet": tags})

    def _delete(self, source: File) -> None:
        # The step's documented permissions are s3:DeleteObject and s3:DeleteObjectVersion: it removes the version
        # it was started for, so a whole file that the cut-off one replaced becomes the current one again.
        self._clients["s3"].delete_object(**_versioned({"Bucket": source.bucket, "Key": source.key}, source))

    def _custom(self, details: Mapping[str, Any], source: File) -> None:
        token = uuid.uuid4().hex
        answer = self._clients["lambda"].invoke(
            FunctionName=details.get("Target", ""),
            InvocationType="RequestResponse",
            Payload=json.dumps(self._event(token, source)).encode(),
        )
        if answer.get("FunctionError"):
            reason = answer["Payload"].read().decode(errors="replace")
            raise StepError("CUSTOM_STEP_FAILED", f"{details.get('Target')}: {answer['FunctionError']}: {reason}")
        deadline = time.monotonic() + float(details.get("TimeoutSeconds") or DEFAULT_TIMEOUT_SECONDS)
        while (state := self._step_state(token)) is None:
            if time.monotonic() > deadline:
                raise StepError("TIMEOUT", f"{details.get('Target')} did not call SendWorkflowStepState in time")
            time.sleep(STEP_STATE_INTERVAL)
        if state != "SUCCESS":
            raise StepError("CUSTOM_STEP_FAILED", f"{details.get('Target')} sent the status {state}")

    def _event(self, token: str, source: File) -> dict[str, object]:
        """The event of the guide's "Example events sent to AWS Lambda upon file upload"."""
        return {
            "token": token,
            "serviceMetadata": {
                "executionDetails": {"workflowId": self._workflow_id, "executionId": self.execution_id},
                "transferDetails": {
                    "sessionId": self._uploader.session_id,
                    "userName": self._uploader.user_name,
                    "serverId": self._uploader.server_id,
                },
            },
            "fileLocation": {
                "domain": "S3",
                "bucket": source.bucket,
                "key": source.key,
                "eTag": source.etag,
                "versionId": source.version_id,
            },
        }

    def _log(self, kind: str, details: Mapping[str, object]) -> None:
        self._log_line(
            self._stream,
            {
                "type": kind,
                "details": details,
                "workflowId": self._workflow_id,
                "executionId": self.execution_id,
                "transferDetails": {
                    "serverId": self._uploader.server_id,
                    "username": self._uploader.user_name,
                    "sessionId": self._uploader.session_id,
                },
            },
        )


def destination_key(key: str, name: str, uploader: Uploader) -> str:
    """Where a COPY step puts a file: a key that ends with "/" is a folder, any other is the file's new name."""
    values = {"username": uploader.user_name, "uploaddate": uploader.uploaded.strftime("%Y-%m-%d")}
    expanded = _VARIABLE.sub(lambda found: values[found[1].lower()], key)
    return expanded + name if not expanded or expanded.endswith("/") else expanded


def _versioned(target: dict[str, str], file: File) -> dict[str, str]:
    return {**target, "VersionId": file.version_id} if file.version_id else target


def _exists(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"].get("HTTPStatusCode") == 404:
            return False
        raise
    return True
