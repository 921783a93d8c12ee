# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ministack's settings. It reads them from the environment while it is imported, so they come first."""

from __future__ import annotations

import os

from lab.paths import LabDirectory


def prepare(directory: LabDirectory, port: int) -> None:
    """Loopback only, no listener but ours, no Docker, nothing outside the lab's directory."""
    os.environ.update(
        {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": os.environ["AWS_REGION"],
            "MINISTACK_ACCOUNT_ID": os.environ["AWS_ACCESS_KEY_ID"],
            # Its own listeners: MQTT on 8883 of all addresses, and an SFTP server that writes past S3's events.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # At start it removes the containers of other ministacks: a socket that is not there keeps it from looking.
            "DOCKER_HOST": f"unix://{directory.state}/no-docker",
            "LAMBDA_EXECUTOR": "local",
            "LAMBDA_STRICT": "0",
            "PERSIST_STATE": "0",
            "S3_PERSIST": "0",
            "STATE_DIR": str(directory.state / "ministack"),
            "LOG_LEVEL": "INFO",
        }
    )
    # A function's environment is this process's with its own added: it must not find the lab's modules.
    os.environ.pop("PYTHONPATH", None)
