# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each error that the API model has for each call about users: got over, or told; and the next run ends well."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer import converge
from ansible_collections.mft.aws.plugins.module_utils._transfer import retries
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import parse_public_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import WantedUser
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import plan_user
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

from unit.module_utils.transfer import examples
from unit.module_utils.transfer.fake_transfer import Transfer
from unit.module_utils.transfer.fake_transfer import refusal

OLD, NEW, RSA = (parse_public_key(e.line) for e in (examples.ED25519, examples.ED25519_NEW, examples.RSA_2048))
STEPS = (
    WantedUser("acme", role=examples.ROLE, tags={"unit": "old"}, ssh_public_keys=(OLD, RSA)),
    WantedUser(
        "acme",
        role=examples.ROLE + "-2",
        tags={"since": "2019"},
        ssh_public_keys=(NEW, RSA),
        purge_ssh_public_keys=True,
    ),
    WantedUser("acme", present=False),
)
OPERATIONS = (
    "CreateUser",
    "DeleteSshPublicKey",
    "DeleteUser",
    "DescribeServer",
    "DescribeUser",
    "ImportSshPublicKey",
    "TagResource",
    "UntagResource",
    "UpdateUser",
)
MODEL = ServiceModel(Loader().load_service_model("transfer", "service-2"), "transfer")
# What every call may meet besides (Common Errors of the API reference), and what the wire has for a broken constraint.
COMMON = ("AccessDeniedException", "ExpiredTokenException", "ThrottlingException", "ValidationException")
PASSING = {
    "InternalServiceError",
    "ResourceExistsException",
    "ResourceNotFoundException",
    "ServiceUnavailableException",
    "ThrottlingException",
}
FATAL = {"AccessDeniedException", "ExpiredTokenException", "InvalidRequestException", "ValidationException"}
CASES = sorted(
    (operation, code)
    for operation in OPERATIONS
    for code in {shape.name for shape in MODEL.operation_model(operation).error_shapes} | set(COMMON)
    # A read that finds nothing is an answer.
    if not (operation.startswith("Describe") and code == "ResourceNotFoundException")
)


def run(client: Any, wanted: WantedUser) -> converge.Outcome:
    current = converge.observe_user(client, examples.SERVER, "acme")
    converge.refuse_impossible(client, examples.SERVER, wanted, current)
    return converge.converge_user(client, examples.SERVER, wanted, current)


@pytest.mark.parametrize(("operation", "code"), CASES)
def test_each_error_of_each_call(monkeypatch: pytest.MonkeyPatch, operation: str, code: str) -> None:
    monkeypatch.setattr(retries.time, "sleep", lambda _seconds: None)
    client, name = Transfer(), xform_name(operation)
    answered, met = getattr(client, name), []

    def fail_once(**request: Any) -> Any:
        if not met:
            met.append(code)
            raise refusal(code, operation, 500 if code.startswith(("Internal", "ServiceUnavailable")) else 400)
        return answered(**request)

    monkeypatch.setattr(client, name, fail_once)
    for wanted in STEPS:
        before = len(met)
        try:
            outcome = run(client, wanted)
        except AnsibleTransferError as error:
            assert code in FATAL
            assert before != len(met)
            assert error.message is not None
            assert error.message.startswith("Failed to ")
            assert f"({code}) when calling the {operation} operation" in str(error.exception)
            outcome = run(client, wanted)
        else:
            assert before == len(met) or code in PASSING
        assert not plan_user(wanted, outcome.after)
        assert outcome.warnings == ()
        bodies = [key["SshPublicKeyBody"] for key in (client.user or {"SshPublicKeys": []})["SshPublicKeys"]]
        assert len(bodies) == len(set(bodies))
    assert met == [code]


def test_no_error_of_the_model_is_unheard_of() -> None:
    assert {code for _operation, code in CASES} == PASSING | FATAL
