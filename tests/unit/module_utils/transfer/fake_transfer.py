# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Transfer service in memory, for one user, that loses answers where a test wants it to."""

from __future__ import annotations

from datetime import datetime
from datetime import timezone
from typing import Any

from botocore.exceptions import ClientError
from botocore.exceptions import ConnectionClosedError

ARN = "arn:aws:transfer:eu-central-1:123456789012:user/s-0123456789abcdef0/acme"
WHEN = datetime(2025, 11, 22, tzinfo=timezone.utc)


def refusal(code: str, operation: str, status: int = 400, text: str = "") -> ClientError:
    response = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, operation)  # type: ignore[arg-type]


class Transfer:
    """C(faults) are consumed by the writing calls, one each: "", "before", "after", "internal" or "throttle"."""

    def __init__(self, *faults: str) -> None:
        self.faults = list(faults)
        self.user: dict[str, Any] | None = None
        self.calls: list[str] = []
        self.keys_per_user = 50
        self._ids = 0

    def _existing(self, operation: str) -> dict[str, Any]:
        if self.user is None:
            raise refusal("ResourceNotFoundException", operation)
        return self.user

    def describe_server(self, ServerId: str) -> dict[str, Any]:  # noqa: N803
        return {"Server": {"ServerId": ServerId, "IdentityProviderType": "SERVICE_MANAGED", "Domain": "S3"}}

    def describe_user(self, ServerId: str, UserName: str) -> dict[str, Any]:  # noqa: N803
        self.calls.append("DescribeUser")
        user = self._existing("DescribeUser")
        return {"ServerId": ServerId, "User": {**user, "SshPublicKeys": list(user["SshPublicKeys"])}}

    def _write(self, operation: str, effect: Any) -> None:
        self.calls.append(operation)
        fault = self.faults.pop(0) if self.faults else ""
        cut = ConnectionClosedError(endpoint_url="https://transfer.example")
        if fault == "before":
            raise cut
        if fault == "internal":
            raise refusal("InternalServiceError", operation, 500)
        if fault == "throttle":
            raise refusal("ThrottlingException", operation)
        effect()
        if fault == "after":
            raise cut

    def create_user(self, ServerId: str, UserName: str, **settings: Any) -> None:  # noqa: N803
        def effect() -> None:
            if self.user is not None:
                raise refusal("ResourceExistsException", "CreateUser")
            body = settings.pop("SshPublicKeyBody", None)
            self.user = {"Arn": ARN, "UserName": UserName, "SshPublicKeys": [], **settings}
            if body:
                self._add_key(body)

        self._write("CreateUser", effect)

    def update_user(self, ServerId: str, UserName: str, **settings: Any) -> None:  # noqa: N803
        self._write("UpdateUser", lambda: self._existing("UpdateUser").update(settings))

    def delete_user(self, ServerId: str, UserName: str) -> None:  # noqa: N803
        def effect() -> None:
            self._existing("DeleteUser")
            self.user = None

        self._write("DeleteUser", effect)

    def _add_key(self, body: str) -> None:
        if len(self._existing("ImportSshPublicKey")["SshPublicKeys"]) >= self.keys_per_user:
            text = f"User acme has {self.keys_per_user} SSH public keys, which is the limit"
            raise refusal("InvalidRequestException", "ImportSshPublicKey", text=text)
        self._ids += 1
        key = {"SshPublicKeyId": f"key-{self._ids:017x}", "SshPublicKeyBody": body, "DateImported": WHEN}
        self._existing("ImportSshPublicKey")["SshPublicKeys"].append(key)

    def import_ssh_public_key(self, ServerId: str, UserName: str, SshPublicKeyBody: str) -> None:  # noqa: N803
        # Takes a key twice, which is worse than what the service does.
        self._write("ImportSshPublicKey", lambda: self._add_key(SshPublicKeyBody))

    def delete_ssh_public_key(self, ServerId: str, UserName: str, SshPublicKeyId: str) -> None:  # noqa: N803
        def effect() -> None:
            keys = self._existing("DeleteSshPublicKey")["SshPublicKeys"]
            left = [key for key in keys if key["SshPublicKeyId"] != SshPublicKeyId]
            if len(left) == len(keys):
                raise refusal("ResourceNotFoundException", "DeleteSshPublicKey")
            keys[:] = left

        self._write("DeleteSshPublicKey", effect)

    def tag_resource(self, Arn: str, Tags: list[dict[str, str]]) -> None:  # noqa: N803
        def effect() -> None:
            user = self._existing("TagResource")
            named = {tag["Key"]: tag for tag in [*user.get("Tags", []), *Tags]}
            user["Tags"] = list(named.values())

        self._write("TagResource", effect)

    def untag_resource(self, Arn: str, TagKeys: list[str]) -> None:  # noqa: N803
        def effect() -> None:
            user = self._existing("UntagResource")
            user["Tags"] = [tag for tag in user.get("Tags", []) if tag["Key"] not in TagKeys]

        self._write("UntagResource", effect)
