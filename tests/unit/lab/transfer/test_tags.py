# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags by ARN."""

from __future__ import annotations

from typing import Any

import pytest

from lab.transfer import TransferService
from unit.lab.transfer.support import Refused


def tags(**values: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


@pytest.fixture(params=["server", "user", "host key", "workflow"])
def arn(request: pytest.FixtureRequest, service: TransferService, user: dict[str, str]) -> str:
    server_id = user["ServerId"]
    host_key_id = service.call("ListHostKeys", {"ServerId": server_id})["HostKeys"][0]["HostKeyId"]
    steps = [{"Type": "DELETE", "DeleteStepDetails": {}}]
    return {
        "server": service.arns.server(server_id),
        "user": service.arns.user(**dict(zip(("server_id", "user_name"), user.values(), strict=True))),
        "host key": service.arns.host_key(server_id, host_key_id),
        "workflow": service.arns.workflow(service.call("CreateWorkflow", {"Steps": steps})["WorkflowId"]),
    }[request.param]


def test_tag_retag_untag(service: TransferService, arn: str) -> None:
    assert service.call("TagResource", {"Arn": arn, "Tags": tags(team="payments", stage="test")}) == {}
    service.call("TagResource", {"Arn": arn, "Tags": tags(stage="live", owner="acme")})
    assert service.call("ListTagsForResource", {"Arn": arn}) == {
        "Arn": arn,
        "Tags": tags(team="payments", stage="live", owner="acme"),
    }
    service.call("UntagResource", {"Arn": arn, "TagKeys": ["team", "not there"]})
    assert service.call("ListTagsForResource", {"Arn": arn})["Tags"] == tags(stage="live", owner="acme")
    service.call("UntagResource", {"Arn": arn, "TagKeys": ["stage", "owner"]})
    assert service.call("ListTagsForResource", {"Arn": arn}) == {"Arn": arn}


@pytest.mark.parametrize(
    "arn_of",
    [
        "arn:aws:transfer:eu-central-1:111122223333:server/s-0123456789abcdef0",
        "arn:aws:transfer:us-east-1:111122223333:server/{server}",
        "arn:aws:transfer:eu-central-1:444455556666:server/{server}",
        "arn:aws:transfer:eu-central-1:111122223333:user/{server}",
        "arn:aws:transfer:eu-central-1:111122223333:server/{server}/acme",
        "arn:aws:s3:::acme-bucket-of-payments",
    ],
)
def test_what_is_no_resource_of_ours(server_id: str, refused: Refused, arn_of: str) -> None:
    arn = arn_of.format(server=server_id)
    refused("ResourceNotFoundException", "TagResource", Arn=arn, Tags=tags(team="payments"))
    refused("ResourceNotFoundException", "UntagResource", Arn=arn, TagKeys=["team"])
    refused("ResourceNotFoundException", "ListTagsForResource", Arn=arn)


@pytest.mark.parametrize(
    "wanted",
    [
        [*tags(team="payments"), *tags(team="orders")],
        [{"Key": "aws:cloudformation:stack-name", "Value": "acme"}],
    ],
)
def test_tags_that_may_not_be(
    service: TransferService, server_id: str, refused: Refused, wanted: list[dict[str, Any]]
) -> None:
    arn = service.arns.server(server_id)
    refused("InvalidRequestException", "TagResource", Arn=arn, Tags=wanted)
    assert "Tags" not in service.call("ListTagsForResource", {"Arn": arn})


def test_fifty_tags_and_no_more(service: TransferService, server_id: str, refused: Refused) -> None:
    arn = service.arns.server(server_id)
    service.call("TagResource", {"Arn": arn, "Tags": tags(**{f"tag{number}": "x" for number in range(50)})})
    service.call("TagResource", {"Arn": arn, "Tags": tags(tag7="changed")})
    refused("InvalidRequestException", "TagResource", Arn=arn, Tags=tags(one_more="x", tag7="changed again"))
    stored = service.call("ListTagsForResource", {"Arn": arn})["Tags"]
    assert len(stored) == 50
    assert {"Key": "tag7", "Value": "changed"} in stored
