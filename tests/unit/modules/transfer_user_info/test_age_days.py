# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import datetime
from datetime import timezone

import pytest
from ansible_collections.mft.aws.plugins.modules.transfer_user_info import age_days

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("imported", "days"),
    [
        ("2026-03-02T12:00:00+00:00", 0),
        ("2026-03-01T12:00:01+00:00", 0),
        ("2026-03-01T12:00:00+00:00", 1),
        ("2025-03-02T12:00:00+00:00", 365),
        ("2026-03-01T14:00:00+02:00", 1),
    ],
)
def test_days_are_whole(imported: str, days: int) -> None:
    assert age_days(imported, NOW) == days


def test_a_clock_that_is_behind_makes_no_negative_age() -> None:
    assert age_days("2026-03-02T12:00:03+00:00", NOW) == 0
