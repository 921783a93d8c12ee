# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the emulator's parts together."""

from __future__ import annotations

import os

from lab.emulator import endpoints
from lab.emulator import functions
from lab.emulator import ministack
from lab.emulator.admin import Admin
from lab.emulator.cloudformation import properties
from lab.emulator.cloudformation import resolver
from lab.emulator.cloudformation import security_group_rules
from lab.emulator.cloudformation import transfer as transfer_types
from lab.emulator.filesystems import FileSystems
from lab.emulator.front import Application
from lab.emulator.front import Front
from lab.paths import LabDirectory
from lab.transfer import TransferError
from lab.transfer import TransferService


def build(directory: LabDirectory) -> Application:
    ministack.load()
    account_id, region = os.environ["MINISTACK_ACCOUNT_ID"], os.environ["MINISTACK_REGION"]
    file_systems = FileSystems(directory.efs)
    ministack.observe_file_systems(file_systems.created, file_systems.deleted)
    functions.enable_file_systems(file_systems)
    endpoints.register_actions()
    ministack.announce_object_tags()

    service = TransferService(
        directory.state / "transfer.sqlite", account_id, region, endpoints.VpcEndpoints(account_id, region)
    )
    properties.register(file_systems)
    resolver.register(account_id, region)
    security_group_rules.register()
    transfer_types.register(
        service, lambda error: isinstance(error, TransferError) and error.code == "ResourceNotFoundException"
    )
    return Front(ministack.application(), service.asgi, Admin(service))
