# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""S3's XML documents and the dates of its answers."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from functools import lru_cache
from urllib.parse import unquote_plus

_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: str(number) for number, name in enumerate(_NAMES, start=1)}


class UnreadableError(ValueError):
    """What came is not what the S3 API reference describes."""


@lru_cache(maxsize=4096)
def http_date(text: str) -> float:
    """Seconds since 1970 of a date like ``Wed, 12 Oct 2009 17:50:00 GMT`` (RFC 9110, 5.6.7)."""
    try:
        _, day, month, year, clock, zone = text.split(" ")
        hour, minute, second = clock.split(":")
        if zone != "GMT":
            raise UnreadableError(f"the date {text!r} is not in GMT")
        return _seconds([year, _MONTHS[month], day, hour, minute, second])
    except (ValueError, KeyError):
        raise UnreadableError(f"{text!r} is no HTTP date") from None


def error(body: bytes) -> tuple[str, str]:
    """Code and message of an error document; "?" for what is none."""
    try:
        found = _entries(body, "Error", "Error")
    except UnreadableError:
        found = []
    if not found:
        return "?", body[:200].decode("latin-1")
    return found[0].get("Code", "?"), found[0].get("Message", "")


def tags(body: bytes) -> dict[str, str]:
    """GetObjectTagging's answer."""
    return {entry.get("Key", ""): entry.get("Value", "") for entry in _entries(body, "Tagging", "Tag")}


def listing(body: bytes) -> list[tuple[str, str, int, float]]:
    """Key, ETag, size and time of each object in ListObjectsV2's answer with ``encoding-type=url``."""
    try:
        return [
            (unquote_plus(entry["Key"]), entry["ETag"], int(entry["Size"]), _iso_date(entry["LastModified"]))
            for entry in _entries(body, "ListBucketResult", "Contents")
        ]
    except (KeyError, ValueError) as problem:
        raise UnreadableError(f"an entry of a listing cannot be read: {problem!r}") from None


def _entries(body: bytes, root: str, name: str) -> list[dict[str, str]]:
    """The texts of each element of that name in a document of that root, by the names of the elements in it.

    One pass over a page of 1,000 objects; a tree of elements costs three times as much.
    """
    from xml.parsers import expat  # noqa: PLC0415 (most invocations have no document to read)

    found: list[dict[str, str]] = []
    roots: list[str] = []
    text: list[str] = []

    def start(tag: str, _: object) -> None:
        text.clear()
        if not roots:
            roots.append(_local(tag))
        if _local(tag) == name:
            found.append({})

    def end(tag: str) -> None:
        if found:
            # Of elements within elements (an Owner's ID) the first of a name counts.
            found[-1].setdefault(_local(tag), "".join(text))
        text.clear()

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text.append
    try:
        parser.Parse(body, True)
    except expat.ExpatError as problem:
        raise UnreadableError(f"no XML: {problem}") from None
    if roots != [root]:
        # S3 can begin with a 200 and end with an error (S3 API reference, "Error responses").
        raise UnreadableError(f"a document {roots[0]!r} came instead of {root!r}")
    return found


def _local(tag: str) -> str:
    return tag.rpartition(":")[2] if ":" in tag else tag


@lru_cache(maxsize=4096)
def _iso_date(text: str) -> float:
    # Like 2009-10-12T17:50:30.000Z. GET and HEAD state whole seconds, so what is behind the point is left out.
    date, _, clock = text.partition("T")
    return _seconds([*date.split("-"), *clock[:8].split(":")])


def _seconds(parts: list[str]) -> float:
    year, month, day, hour, minute, second = map(int, parts)
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
