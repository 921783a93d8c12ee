# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each alarm and each graph watches a metric that somebody really sends."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from replicator.telemetry import NAMESPACE
from replicator.telemetry import Telemetry
from unit.template.resolved import BEIJING
from unit.template.resolved import FRANKFURT
from unit.template.resolved import MODES
from unit.template.resolved import NAME
from unit.template.resolved import Stack

# Namespace, name and dimensions as the services' user guides give them.
DOCUMENTED = {
    ("AWS/EFS", "PercentIOLimit", ("FileSystemId",)),
    ("AWS/Lambda", "Errors", ("FunctionName",)),
    ("AWS/Lambda", "Throttles", ("FunctionName",)),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", ("QueueName",)),
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", ("QueueName",)),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", ("QueueName",)),
    ("AWS/Transfer", "BytesIn", ("ServerId",)),
    ("AWS/Transfer", "BytesOut", ("ServerId",)),
    ("AWS/Transfer", "FilesIn", ("ServerId",)),
    ("AWS/Transfer", "FilesOut", ("ServerId",)),
}
# Log lines as the Transfer Family user guide shows them ("Example CloudWatch log entries").
SESSION = {
    "CONNECTED": {
        "activity-type": "CONNECTED",
        "source-ip": "192.0.2.7",
        "user": "acme",
        "session-id": "9ca9a0e1cec6ad9d",
    },
    "PARTIAL_CLOSE": {"activity-type": "PARTIAL_CLOSE", "path": "/acme-files/home/acme/a.csv", "bytes-in": "121"},
    "AUTH_FAILURE": {"activity-type": "AUTH_FAILURE", "method": "publickey", "user": "mallory"},
}

Metric = tuple[str, str, tuple[str, ...]]


def sent_by_the_function() -> set[Metric]:
    """What one invocation of the replicator writes for CloudWatch."""
    output = io.StringIO()
    telemetry = Telemetry("acme-files", "request", output)
    telemetry.count("Files")
    telemetry.lag(1.5)
    telemetry.flush()
    return {
        (directive["Namespace"], metric["Name"], tuple(dimensions))
        for line in map(json.loads, output.getvalue().splitlines())
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", [])
        for metric in directive["Metrics"]
        for dimensions in directive["Dimensions"]
    }


def sent_by_filters(stack: Stack) -> set[Metric]:
    return {
        (transformation["MetricNamespace"], transformation["MetricName"], ())
        for filtered in stack.of_type("AWS::Logs::MetricFilter").values()
        for transformation in filtered["MetricTransformations"]
    }


def dimension_values(stack: Stack) -> dict[str, set[str]]:
    """What a dimension can be, of this stack's own resources."""
    names = {"QueueName": "AWS::SQS::Queue", "ServerId": "AWS::Transfer::Server"}
    own = {key: {stack.attribute(n, key) for n in stack.of_type(kind)} for key, kind in names.items()}
    references = {
        "Bucket": "AWS::S3::Bucket",
        "FileSystemId": "AWS::EFS::FileSystem",
        "FunctionName": "AWS::Lambda::Function",
    }
    return own | {key: {stack.reference(name) for name in stack.of_type(kind)} for key, kind in references.items()}


def graphs(stack: Stack) -> Iterator[tuple[str, str, dict[str, str], dict[str, Any]]]:
    """Namespace, metric, dimensions and options of every line in the dashboard, its abbreviations written out."""
    for widget in dashboard(stack)["widgets"]:
        previous: list[str] = []
        for entry in widget["properties"].get("metrics", []):
            words = [word for word in entry if isinstance(word, str)]
            options = next((word for word in entry if isinstance(word, dict)), {})
            if words == ["..."]:
                words = previous
            words = [previous[index] if word == "." else word for index, word in enumerate(words)]
            previous = words
            yield words[0], words[1], dict(zip(words[2::2], words[3::2], strict=True)), options


def dashboard(stack: Stack) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(stack.resources["Dashboard"]["DashboardBody"])
    return body


@pytest.fixture(
    params=[(mode, region) for mode in MODES for region in (FRANKFURT, BEIJING)], ids=lambda p: f"{p[0]} {p[1].name}"
)
def stack(request: pytest.FixtureRequest) -> Stack:
    mode, region = request.param
    return Stack(region, **MODES[mode])


def test_every_metric_is_sent_and_of_this_stack(stack: Stack) -> None:
    known = DOCUMENTED | sent_by_the_function() | sent_by_filters(stack)
    watched = [
        (alarm["Namespace"], alarm["MetricName"], {d["Name"]: d["Value"] for d in alarm.get("Dimensions", [])})
        for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()
    ]
    watched += [(namespace, name, dimensions) for namespace, name, dimensions, _ in graphs(stack)]
    assert watched
    values = dimension_values(stack)
    for namespace, name, dimensions in watched:
        assert (namespace, name, tuple(dimensions)) in known
        for key, value in dimensions.items():
            assert value in values[key], f"{namespace} {name}: {key} is {value}"


def test_alarms_reach_the_topic_that_admits_them(stack: Stack) -> None:
    """By name: the topic's and the key's policy let in alarms whose name begins with the stack's."""
    topic = stack.attribute("AlarmTopic", "Arn")
    for alarm in stack.of_type("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == [topic]
        assert alarm["AlarmName"].startswith(f"{NAME}-")
        # No news is no failure: what nobody uses sends no metric.
        assert alarm["TreatMissingData"] == "notBreaching"


def test_dashboard_shows_every_alarm_once(stack: Stack) -> None:
    [widget] = [widget for widget in dashboard(stack)["widgets"] if widget["type"] == "alarm"]
    made = [stack.attribute(name, "Arn") for name in stack.of_type("AWS::CloudWatch::Alarm")]
    assert sorted(widget["properties"]["alarms"]) == sorted(made)


def test_dashboard_shows_what_an_operator_asks_for(stack: Stack) -> None:
    shown = {(namespace, name, options.get("stat")) for namespace, name, _, options in graphs(stack)}
    wanted: set[tuple[str, str, str | None]]
    wanted = {("AWS/Transfer", f"{what}{way}", None) for what in ("Files", "Bytes") for way in ("In", "Out")}
    wanted |= {(NAMESPACE, "LagSeconds", "p50"), (NAMESPACE, "LagSeconds", "p99")}
    wanted |= {(NAMESPACE, name, None) for name in ("Files", "Bytes", "PermanentFailures", "TransientFailures")}
    wanted |= {("AWS/SQS", "ApproximateNumberOfMessagesVisible", None), (f"mft.aws/{NAME}", "FailedLogins", None)}
    assert wanted <= shown
    [logins] = [widget["properties"]["query"] for widget in dashboard(stack)["widgets"] if widget["type"] == "log"]
    assert f"SOURCE '{stack.reference('ServerLogGroup')}'" in logins
    assert "by user" in logins
    assert "'CONNECTED'" in logins


def test_widgets_do_not_overlap(stack: Stack) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in dashboard(stack)["widgets"]:
        cells = {(widget["x"] + x, widget["y"] + y) for x in range(widget["width"]) for y in range(widget["height"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24, "the width of a dashboard"
        taken |= cells


@pytest.mark.parametrize(("name", "counted"), [("FailedLogins", "AUTH_FAILURE"), ("TruncatedUploads", "PARTIAL_CLOSE")])
def test_filter_counts_its_line_and_no_other(name: str, counted: str) -> None:
    resolved = Stack()
    filtered = resolved.resources[name]
    assert filtered["LogGroupName"] == resolved.reference("ServerLogGroup")
    found = re.fullmatch(r'\{ \$\.([\w-]+) = "(\w+)" \}', filtered["FilterPattern"])
    assert found
    assert [kind for kind, line in SESSION.items() if line.get(found[1]) == found[2]] == [counted]


def test_oldest_message_alarm_goes_with_the_queue() -> None:
    assert "OldestMessageAlarm" in Stack().resources
    assert "OldestMessageAlarm" not in Stack(Delivery="topic").resources


def test_e_mail_is_for_whoever_asks() -> None:
    assert "AlarmSubscription" not in Stack().resources
    subscription = Stack(AlarmEmail="operations@example.com").resources["AlarmSubscription"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "operations@example.com")
