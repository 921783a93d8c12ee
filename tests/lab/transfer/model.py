# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""botocore's model of the API: what decides which requests and responses are well formed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel

API_VERSION = "2018-11-05"
TARGET_PREFIX = "TransferService"


@lru_cache(maxsize=1)
def service_model() -> Any:
    """Return the service model that the installed botocore carries."""
    return ServiceModel(Loader().load_service_model("transfer", "service-2", API_VERSION), "transfer")
