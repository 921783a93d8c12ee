# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong is told by role gateway in one sentence, before anything is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import boto3

from integration.gateway_runs import Play
from integration.gateway_runs import everything

if TYPE_CHECKING:
    from integration.conftest import Lab

# Many refusals in one run: starting ansible-playbook takes longer than refusing.
REFUSALS = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_tasks: refusal.yml
      loop: "{{ cases | dict2items }}"
"""
REFUSAL = """
- block:
    - ansible.builtin.include_role:
        name: mft.aws.gateway
      vars:
        gateway_stack_name: "{{ item.value.gateway_stack_name | default('acme-refused') }}"
        gateway_zones: "{{ item.value.gateway_zones | default([]) }}"
        gateway_sftp_client_cidr: "{{ item.value.gateway_sftp_client_cidr | default('') }}"
        gateway_bucket_prefix: "{{ item.value.gateway_bucket_prefix | default('acme-refused') }}"
        gateway_posix_uid: "{{ item.value.gateway_posix_uid | default(10000) }}"
        gateway_parameters: "{{ item.value.gateway_parameters | default({}) }}"
        gateway_artefact_bucket: "{{ item.value.gateway_artefact_bucket | default('') }}"
        gateway_tags: "{{ item.value.gateway_tags | default({}) }}"
  rescue:
    - ansible.builtin.copy:
        content: "{{ ansible_failed_result.msg | to_json }}"
        dest: "{{ refusals }}/{{ item.key }}.json"
        mode: "0600"
      check_mode: false
"""

BAD_INPUT: list[tuple[dict[str, Any], list[str]]] = [
    ({"gateway_stack_name": "acme_gateway"}, ["gateway_stack_name is 'acme_gateway'"]),
    (
        {"gateway_stack_name": "a" * 40, "gateway_bucket_prefix": "p" * 40},
        ["Choose a shorter one: gateway_artefact_bucket", "Choose a shorter one: gateway_bucket_prefix"],
    ),
    (
        {"gateway_zones": ["eu-central-1a", "eu-west-1a"]},
        ["there have to be two different ones of region eu-central-1"],
    ),
    (
        {"gateway_parameters": {"SecurityPolicyName": "TransferSecurityPolicy-1999-12"}},
        ["SecurityPolicyName is 'TransferSecurityPolicy-1999-12'", "It knows TransferSecurityPolicy-"],
    ),
    ({"gateway_artefact_bucket": "somebody-elses-artefacts"}, ["Bucket somebody-elses-artefacts belongs to another"]),
    ({"gateway_bucket_prefix": "acme-kept"}, ["there is a bucket acme-kept-", "gateway_teardown_data delete"]),
    (
        {
            "gateway_sftp_client_cidr": "192.0.2.0/33",
            "gateway_posix_uid": -1,
            "gateway_parameters": {"BatchWindow": 1},
            "gateway_tags": {"aws:owner": "payments"},
        },
        [
            "Nothing was changed, 4 problems found",
            "SftpClientCidr is '192.0.2.0/33': it must be an IPv4 range",
            "PosixUid is '-1': it must be 0 or more",
            "BatchWindow is no parameter of the template",
            "tag 'aws:owner'",
        ],
    ),
]


def test_bad_input_is_refused_before_anything_is_made(lab: Lab, aws: Callable[[str], Any], tmp_path: Path) -> None:
    play = Play(lab, tmp_path)
    (tmp_path / "refusal.yml").write_text(REFUSAL)
    location = {"LocationConstraint": lab.region}
    kept = f"acme-kept-{lab.account_id}-{lab.region}"
    aws("s3").create_bucket(Bucket=kept, CreateBucketConfiguration=location)
    stranger = boto3.client(
        "s3",
        endpoint_url=lab.endpoint_url,
        region_name=lab.region,
        aws_access_key_id="999988887777",
        aws_secret_access_key="not-of-this-account-0123456789",
    )
    stranger.create_bucket(Bucket="somebody-elses-artefacts", CreateBucketConfiguration=location)
    before = everything(aws)
    cases = {str(number): variables for number, (variables, _) in enumerate(BAD_INPUT)}
    play("--check", playbook=REFUSALS, refusals=str(tmp_path), cases=cases)
    for number, (variables, said) in enumerate(BAD_INPUT):
        message = json.loads((tmp_path / f"{number}.json").read_text())
        assert all(words in message for words in said), (variables, message)
    assert everything(aws) == before
