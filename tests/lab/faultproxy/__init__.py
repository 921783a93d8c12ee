# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP proxy before an S3 server that answers as S3 and networks do when they fail, when a test says so.

with FaultProxy("http://127.0.0.1:4566") as proxy:
    proxy.strike("slow_down", method="GET", key="home/a", times=2)
    …  # clients of proxy.url
    assert [(request.method, request.fault) for request in proxy.requests] == […]
"""

from lab.faultproxy.faults import KINDS
from lab.faultproxy.faults import Fault
from lab.faultproxy.proxy import FaultProxy
from lab.faultproxy.proxy import Request

__all__ = ["KINDS", "Fault", "FaultProxy", "Request"]
