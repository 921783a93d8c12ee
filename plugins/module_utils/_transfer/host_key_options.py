# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns the options of transfer_host_key into a wanted host key, and finds everything that is wrong with them.

The limits are those of the API model transfer/2018-11-05 unless a comment says otherwise.
"""

from __future__ import annotations

import re
import typing
from pathlib import Path
from typing import Any

from .fingerprints import read_fingerprint
from .host_key_bodies import MAX_BODY
from .host_key_bodies import parse_host_key
from .host_keys import WantedHostKey
from .options import read_tags
from .options import server_id_problems
from .options import tag_problems
from .ssh_keys import SshKeyError

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

    from .host_key_bodies import HostKeyBody

_HOST_KEY_ID = re.compile(r"hostkey-[0-9a-f]{17}")
_MAX_DESCRIPTION = 200
_DESCRIPTION = re.compile(r"[\x20-\x7E]*")  # [\p{Print}]*
# Far more than any key file; keeps a path given by mistake (a device, a disk image) from filling memory.
_MAX_FILE = 16 * MAX_BODY


def _read_file(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise SshKeyError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > _MAX_FILE:
        raise SshKeyError(f"{path} has more than {_MAX_FILE} bytes: it is no key file")
    try:
        return content.decode()
    except UnicodeDecodeError:
        # "from None": the error quotes the bytes.
        raise SshKeyError(f"{path} is no text: give a private key in OpenSSH's form or PEM") from None


def _read_body(options: Mapping[str, Any]) -> tuple[HostKeyBody | None, list[str]]:
    for option, read in (("host_key_body", str), ("host_key_path", _read_file)):
        if options.get(option) is not None:
            try:
                return parse_host_key(read(options[option])), []
            except SshKeyError as error:
                return None, [f"{option}: {error}"]
    return None, []


def _description_problems(description: str | None) -> list[str]:
    if description is None:
        return []
    if len(description) > _MAX_DESCRIPTION:
        return [f"description is {len(description)} characters: {_MAX_DESCRIPTION} is the most"]
    if not _DESCRIPTION.fullmatch(description):
        return [f"description {description!r} has characters that Transfer refuses: keep to printable ASCII"]
    return []


def read_host_key(options: Mapping[str, Any]) -> tuple[WantedHostKey, list[str]]:
    """The wanted host key and every problem of its options; of use only when there are none."""
    problems = server_id_problems(options["server_id"])
    body, body_problems = _read_body(options)
    fingerprint, key_id = options.get("fingerprint"), options.get("host_key_id")
    problems += body_problems
    if fingerprint is not None:
        fingerprint, fingerprint_problems = read_fingerprint(fingerprint)
        problems += fingerprint_problems
    if key_id is not None and not _HOST_KEY_ID.fullmatch(key_id):
        problems.append(f"host_key_id {key_id!r} is no host key id: expected hostkey- and 17 hexadecimal digits")
    # An option may be there and have no value, for which Ansible's own check has no eye.
    if all(options.get(name) is None for name in ("host_key_body", "host_key_path", "fingerprint", "host_key_id")):
        problems.append("no key is named: give host_key_body, host_key_path, fingerprint or host_key_id")
    present = options["state"] == "present"
    tags = read_tags(options)
    if present:
        problems += _description_problems(options.get("description")) + tag_problems(tags)
    wanted = WantedHostKey(
        present=present,
        body=body,
        fingerprint=fingerprint,
        key_id=key_id,
        description=options.get("description"),
        tags=tags,
        purge_tags=options["purge_tags"],
        force=options["force"],
    )
    return wanted, problems
