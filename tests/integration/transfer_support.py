# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the Transfer modules have in common: four runs, lost answers, users by the thousand."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from integration.conftest import Lab
from integration.support import Faults
from unit.module_utils.transfer import examples

Run = Callable[..., dict[str, Any]]

# How the answer to a call can fail to tell whether it had its effect.
LOST = ("reset_before", "reset_after", "server_error", "server_error_after")

# The results that are what the service describes.
_STATES = {"host_key", "server", "ssh_public_key", "ssh_public_keys", "user"}


def warnings(result: dict[str, Any]) -> list[str]:
    return [warning["event"]["msg"] for warning in result.get("warnings", [])]


def four_runs(run: Run, *given: Any, **arguments: Any) -> dict[str, Any]:
    """Check, run, check again, run again; gives the result of the run that changed something."""
    foreseen = run(*given, check=True, **arguments)
    done = run(*given, **arguments)
    checked = run(*given, check=True, **arguments)
    again = run(*given, **arguments)
    for result in (foreseen, done, checked, again):
        assert not result.get("failed"), result
    assert [result["changed"] for result in (foreseen, done, checked, again)] == [True, True, False, False]
    assert warnings(foreseen) == warnings(done)
    assert warnings(checked) == warnings(again) == []
    returned = set(done) - {"changed", "invocation", "warnings"}
    # Of what is there, a check does not know the ids and dates that the service gives.
    for name in returned - _STATES:
        assert foreseen[name] == done[name], name
    for name in returned & _STATES:
        assert checked[name] == again[name] == done[name], name
    assert done["diff"]["before"] != done["diff"]["after"]
    assert again["diff"]["before"] == again["diff"]["after"]
    assert checked["diff"] == again["diff"]
    if "operation" in done:
        assert done["operation"] != "none" == checked["operation"] == again["operation"]
    return done


def lose(faults: Faults, operation: str, kind: str, look: str) -> None:
    """The answer is lost, and the look that follows is refused for good, which is where a killed run would end, too."""
    denied = {"operation": look, "kind": "access_denied", "nth": 2, "times": 100}
    faults.set({"operation": operation, "kind": kind}, denied)


def database(lab: Lab) -> Path:
    return lab.directory / "state" / "transfer.sqlite"


def insert_users(lab: Lab, server_id: str, names: Iterable[str]) -> None:
    """Users written where the lab keeps them: creating thousands by the API takes minutes."""
    user = json.dumps({"HomeDirectoryType": "PATH", "Role": examples.ROLE})
    with closing(sqlite3.connect(database(lab))) as connection, connection:
        connection.executemany("INSERT INTO users VALUES (?, ?, 0, ?)", [(server_id, name, user) for name in names])
