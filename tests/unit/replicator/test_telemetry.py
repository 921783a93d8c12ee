# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that can be read by machines, whatever a key or a stranger's message holds."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replicator.telemetry import Telemetry
from unit.replicator.function import Function
from unit.replicator.test_events import notification
from unit.replicator.test_events import queued


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_good_news_is_gathered_and_bad_news_is_not(output: io.StringIO) -> None:
    telemetry = Telemetry("acme-landing", "r1", output)
    telemetry.log("INFO", "converged", key="a")
    assert not output.getvalue()
    telemetry.log("ERROR", "failed", key="b")
    assert [line["key"] for line in lines(output)] == ["a", "b"]
    for number in range(250):
        telemetry.log("INFO", "converged", key=str(number))
    assert len(lines(output)) == 202
    telemetry.flush()
    assert [line["key"] for line in lines(output) if "key" in line][2:] == [str(number) for number in range(250)]


def test_the_metrics_are_in_the_embedded_format(output: io.StringIO) -> None:
    telemetry = Telemetry("acme-landing", "r1", output)
    telemetry.count("Files", 3)
    for _ in range(250):
        telemetry.lag(1.5)
    telemetry.lag(-2)
    telemetry.flush()
    sums, *lags = lines(output)
    (directive,) = sums["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("mft.aws/replicator", [["Bucket"]])
    named = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert (named["Files"], named["Bytes"], sums["Files"], sums["Bucket"]) == ("Count", "Bytes", 3, "acme-landing")
    assert all(sums[name] == 0 for name in named if name != "Files")
    assert [len(line["LagSeconds"]) for line in lags] == [100, 100, 51]
    assert lags[-1]["LagSeconds"][-1] == 0  # Clocks differ; nothing arrives before it is sent.


@given(st.text(st.characters()), st.text(st.characters()))
def test_no_text_breaks_a_line(key: str, reason: str) -> None:
    output = io.StringIO()
    telemetry = Telemetry("acme-landing", None, output)
    telemetry.log("ERROR", "failed", key=key, reason=reason)
    (line,) = [json.loads(text) for text in output.getvalue().split("\n")[:-1]]
    assert line.get("key", "") == key
    assert line.get("reason", "") == reason
    assert output.getvalue().isascii()


def test_a_line_fits_into_a_log_event_whatever_a_stranger_sends(function: Function) -> None:
    long = "é" * 300_000
    foreign = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "s3": {"bucket": {"name": long}, "object": {"key": long}},
    }
    many = [notification("home/a")] * 5000
    function.invoke(queued({"Records": [foreign]}, {"Records": [{"eventSource": long}]}, long, *many))
    assert max(len(line) for line in function.output.getvalue().splitlines()) < 256 * 1024
    assert len(function.lines("failed")) == 3
    assert [line["key"][-20:] for line in function.lines("failed") if "key" in line] == ["… (300000 characters)"[-20:]]
    assert function.lines("converged")[0]["message_ids"][-1] == "… (5000 in all)"


def test_a_line_tells_what_was_done(function: Function) -> None:
    function.bucket.put("home/a", b"12345")
    function.invoke(queued(notification("home/a")))
    (line,) = function.lines("converged")
    assert line.pop("lag_seconds") > 0
    seconds = line.pop("seconds")
    assert set(seconds) == {"read", "copy", "place", "look", "total"}
    assert seconds["total"] >= max(seconds.values()) - 0.0001
    assert line == {
        "level": "INFO",
        "event": "converged",
        "bucket": "acme-landing",
        "request_id": "request-1",
        "outcome": "placed",
        "verified": "length",
        "key": "home/a",
        "version": "v1",
        "attempt": 3,
        "rounds": 1,
        "bytes": 5,
        "message_ids": ["m0"],
    }
