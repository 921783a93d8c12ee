# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes that arrive out of order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.sftp.reorder import OrderError
from lab.sftp.reorder import ReorderBuffer


@st.composite
def shuffled_writes(draw: st.DrawFn) -> list[tuple[int, bytes]]:
    content = draw(st.binary(min_size=1, max_size=200))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(content) - 1)), max_size=12)))
    edges = [0, *[cut for cut in cuts if cut < len(content)], len(content)]
    writes = [(begin, content[begin:end]) for begin, end in zip(edges, edges[1:], strict=False)]
    return draw(st.permutations(writes))


@given(shuffled_writes())
def test_any_order_gives_the_file(writes: list[tuple[int, bytes]]) -> None:
    buffer = ReorderBuffer(limit=200)
    received = b"".join(piece for offset, data in writes for piece in buffer.add(offset, data))
    assert received == b"".join(data for _, data in sorted(writes))
    assert buffer.position == len(received)
    assert buffer.held == 0
    assert buffer.missing() is None


@given(shuffled_writes(), st.integers(0, 60))
def test_never_more_is_held_than_allowed(writes: list[tuple[int, bytes]], limit: int) -> None:
    buffer = ReorderBuffer(limit)
    for offset, data in writes:
        try:
            buffer.add(offset, data)
        except OrderError:
            assert buffer.held + len(data) > limit
            return
        assert buffer.held <= limit


def test_going_back_is_refused() -> None:
    buffer = ReorderBuffer(100)
    buffer.add(0, b"payments")
    with pytest.raises(OrderError, match="offset 3 goes back"):
        buffer.add(3, b"x")


def test_the_same_write_twice_ahead_is_refused() -> None:
    buffer = ReorderBuffer(100)
    buffer.add(8, b"orders")
    with pytest.raises(OrderError, match="offset 8 goes back"):
        buffer.add(8, b"orders")


def test_overlapping_writes_are_refused() -> None:
    buffer = ReorderBuffer(100)
    buffer.add(4, b"orders")
    with pytest.raises(OrderError, match="overlap at offset 4"):
        buffer.add(0, b"payments")


def test_a_hole_is_reported() -> None:
    buffer = ReorderBuffer(100)
    buffer.add(0, b"abc")
    buffer.add(10, b"def")
    assert buffer.missing() == (3, 10)


def test_empty_writes_change_nothing() -> None:
    buffer = ReorderBuffer(100)
    assert buffer.add(50, b"") == []
    assert buffer.missing() is None
