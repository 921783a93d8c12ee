# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many keys at once: neighbours are looked at again by one listing, and what changed meanwhile is still found."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from replicator.converge import Convergence
from replicator.converge import Converger
from replicator.converge import neighbours
from replicator.deadline import Deadline
from replicator.errors import from_s3
from replicator.settings import read_settings
from replicator.share import Share
from unit.replicator.fakes import FakeBucket
from unit.replicator.function import Function
from unit.replicator.function import failures
from unit.replicator.test_events import notification
from unit.replicator.test_events import queued

NAMES = [f"acme/in/{number:03}" for number in range(200)]


@pytest.fixture
def steps(function: Function) -> Counter[str]:
    """How often the bucket was asked for what."""
    counted: Counter[str] = Counter()
    function.bucket.boundary = lambda step: counted.update([step])
    return counted


def put(function: Function, names: list[str]) -> dict[str, Any]:
    for name in names:
        function.bucket.put(f"home/{name}", name.encode())
    return queued(*[notification(f"home/{name}") for name in names])


def files(tree: Any) -> dict[str, bytes]:
    return {name: content for name, content in tree().items() if content is not None}


def test_neighbours_cost_one_listing(function: Function, steps: Counter[str], tree: Any) -> None:
    assert function.invoke(put(function, NAMES)) == failures()
    assert files(tree) == {name: name.encode() for name in NAMES}
    assert (steps["get"], steps["page"], steps["head"]) == (200, 1, 0)
    assert len(function.lines("converged")) == 200


def test_several_pages(function: Function, steps: Counter[str], tree: Any) -> None:
    function.bucket.page_size = 50
    assert function.invoke(put(function, NAMES)) == failures()
    assert files(tree) == {name: name.encode() for name in NAMES}
    assert (steps["page"], steps["head"]) == (4, 0)


def test_few_keys_are_asked_for_singly(function: Function, steps: Counter[str]) -> None:
    function.invoke(put(function, NAMES[:15]))
    assert (steps["page"], steps["head"]) == (0, 15)


def test_few_among_many_strangers_cost_no_more_than_one_listing(function: Function, steps: Counter[str]) -> None:
    for number in range(0, 20_000, 10):
        function.bucket.put(f"home/{number:05}x", b"")
    function.invoke(put(function, [f"{number:05}" for number in range(0, 20_000, 1000)]))
    assert (steps["page"], steps["head"]) == (1, 10)  # The page of 1,000 keys answered for ten.


def test_each_directory_has_its_listing_and_small_ones_share_one(function: Function, steps: Counter[str]) -> None:
    large = [f"acme/{directory}/{number:02}" for directory in "abc" for number in range(20)]
    small = [f"globex/{number:02}/in" for number in range(30)]
    assert function.invoke(put(function, large + small)) == failures()
    assert (steps["page"], steps["head"]) == (4, 0)


def test_deletions_are_looked_at_together_too(function: Function, steps: Counter[str], tree: Any) -> None:
    event = put(function, NAMES)
    function.invoke(event)
    for name in NAMES[:150]:
        function.bucket.delete(f"home/{name}")
    steps.clear()
    assert function.invoke(event) == failures()
    assert files(tree) == {name: name.encode() for name in NAMES[150:]}
    assert steps["page"] == 1


@pytest.mark.parametrize("change", ["overwritten", "deleted", "deleted and all after it"])
def test_what_changes_after_it_was_placed_is_found(function: Function, tree: Any, change: str) -> None:
    event, expected = put(function, NAMES), {name: name.encode() for name in NAMES}
    changes = [change]

    def before(step: str) -> None:
        if step == "page" and changes:
            changes.clear()
            if change == "overwritten":
                function.bucket.put("home/acme/in/150", b"newer")
                expected["acme/in/150"] = b"newer"
            for name in NAMES[150 : 151 if change == "deleted" else 200] if "deleted" in change else []:
                function.bucket.delete(f"home/{name}")
                del expected[name]

    function.bucket.boundary = before
    assert function.invoke(event) == failures()
    assert files(tree) == expected


def test_the_directories_take_turns(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, order = function.bucket.open, []

    def noted(key: str) -> Any:
        order.append(key.split("/")[2])
        return opened(key)

    monkeypatch.setattr(function.bucket, "open", noted)
    names = [f"acme/{directory}/{number}" for directory in "abc" for number in range(6)]
    assert function.invoke(put(function, names), MFT_CONCURRENCY="1") == failures()
    assert "".join(order) == "abc" * 6


def test_a_listing_that_fails_costs_only_requests(
    function: Function, steps: Counter[str], tree: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def page(prefix: str, after: str) -> list[Any]:
        raise from_s3("SlowDown", 503, "Please reduce your request rate.")

    monkeypatch.setattr(function.bucket, "page", page)
    assert function.invoke(put(function, NAMES)) == failures()
    assert files(tree) == {name: name.encode() for name in NAMES}
    assert steps["head"] == 200
    assert "SlowDown" in function.lines("listing failed")[0]["reason"]


def test_one_failure_among_many_is_its_own(function: Function, tree: Any) -> None:
    event = put(function, NAMES)
    function.bucket.refusals["home/acme/in/007"] = from_s3("InternalError", 500, "We encountered an internal error.")
    assert function.invoke(event) == failures("m7")
    assert len(files(tree)) == 199


KEYS = st.text(st.sampled_from("ab/é~\U0001f3e6\uffee\x00"), min_size=1, max_size=4)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.sets(KEYS, min_size=16, max_size=60), st.data())
def test_it_says_settled_only_of_what_is(share: Share, keys: set[str], data: st.DataObject) -> None:
    """Against the truth, for any keys in S3's order, any page size, and any changes before the look."""
    bucket = FakeBucket()
    bucket.page_size = data.draw(st.integers(1, 40), "page size")
    converger = Converger(bucket, share, read_settings({"MFT_BUCKET": "acme-landing"}), Deadline(60))
    acted = []
    for key in sorted(keys, key=lambda key: data.draw(st.integers(), "order")):
        kind = data.draw(st.sampled_from(["there", "gone", "overwritten", "deleted", "came"]), key)
        if kind not in ("gone", "came"):
            bucket.put(key, b"x")
        acted.append((key, Convergence(rounds=1, state=bucket.head(key))))
        if kind in ("overwritten", "came"):
            bucket.put(key, b"x")
        if kind == "deleted":
            bucket.delete(key)
    settled = set().union(*[converger.settled_among(group) for group in neighbours(acted)])
    for key, done in acted:
        if key in settled:
            assert bucket.head(key) == done.state
