#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: s3_bucket_contents
version_added: 0.2.0
short_description: Empty an S3 bucket, or what lies under a prefix of it
description:
  - Deletes every version and delete marker, and aborts every unfinished upload, 1,000 at a time.
  - Prints how far it is while it works. An action plugin of the same name does that.
  - A run that was cut off is finished by the next one.
author:
  - The mft.aws project (!UNKNOWN)
options:
  bucket:
    description:
      - The name of the bucket. One that is not there is empty.
    type: str
    required: true
  prefix:
    description:
      - Only what has a key that begins with this.
    type: str
    default: ''
  state:
    description:
      - What there is to be of it.
    type: str
    choices: ['absent']
    required: true
  report_every:
    description:
      - How many seconds pass between two reports.
    type: int
    default: 10
attributes:
  check_mode:
    support: full
    description: Counts what would be deleted.
  diff_mode:
    support: none
    description: Millions of names are no help.
notes:
  - Needs the permissions C(s3:ListBucketVersions), C(s3:DeleteObject), C(s3:DeleteObjectVersion),
    C(s3:ListBucketMultipartUploads) and C(s3:AbortMultipartUpload).
  - What is under a retention or a legal hold of S3 Object Lock cannot be deleted, and is named.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Empty the bucket of a gateway that is taken down
  mft.aws.s3_bucket_contents:
    bucket: acme-123456789012-eu-central-1
    state: absent

- name: Delete what partners' broken uploads left
  mft.aws.s3_bucket_contents:
    bucket: acme-123456789012-eu-central-1
    prefix: quarantine/
    state: absent
"""

RETURN = r"""
versions:
  description: How many versions were deleted, or in check mode would be.
  returned: success
  type: int
  sample: 10000
delete_markers:
  description: How many delete markers.
  returned: success
  type: int
  sample: 12
uploads:
  description: How many unfinished uploads.
  returned: success
  type: int
  sample: 1
lines:
  description: How far it was, report by report.
  returned: success
  type: list
  elements: str
  sample: ["acme-123456789012-eu-central-1: 10000 versions, 12 delete markers and 1 unfinished upload deleted"]
finished:
  description: Whether nothing is left.
  returned: success
  type: bool
  sample: true
next:
  description: The options with which the next run goes on.
  returned: success
  type: dict
  sample: {}
"""

import typing

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._gateway.buckets import BATCHES_AT_A_TIME
from ansible_collections.mft.aws.plugins.module_utils._gateway.buckets import empty
from ansible_collections.mft.aws.plugins.module_utils._gateway.errors import AnsibleGatewayError
from ansible_collections.mft.aws.plugins.module_utils._gateway.region import exists

if typing.TYPE_CHECKING:
    from typing import Any


def said(bucket: str, counts: dict[str, int], check_mode: bool) -> str:
    def number(count: int, one: str) -> str:
        return f"{count} {one}" if count == 1 else f"{count} {one}s"

    return (
        f"{bucket}: {number(counts['versions'], 'version')}, {number(counts['delete_markers'], 'delete marker')} and "
        f"{number(counts['uploads'], 'unfinished upload')} {'would be deleted' if check_mode else 'deleted'}"
    )


def ensure_empty(module: AnsibleAWSModule) -> dict[str, Any]:
    options = module.params
    bucket = options["bucket"]
    client = module.client("s3", config={"max_pool_connections": BATCHES_AT_A_TIME})
    if not exists(client, bucket):
        counts, finished = {"versions": 0, "delete_markers": 0, "uploads": 0}, True
    else:
        counts, finished = empty(client, bucket, options["prefix"], options["report_every"], module.check_mode)
    changed = any(counts.values())
    lines = [said(bucket, counts, module.check_mode)] if changed else []
    return {**counts, "changed": changed, "finished": finished, "lines": lines, "next": {}}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "bucket": {"required": True},
            "prefix": {"default": ""},
            "state": {"choices": ["absent"], "required": True},
            "report_every": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    try:
        result = ensure_empty(module)
    except AnsibleGatewayError as error:
        module.fail_json_aws_error(error)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
