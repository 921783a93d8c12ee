# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store makes of S3's answers, good and bad, on a real socket."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from collections.abc import Iterator

import pytest

from replicator.deadline import Deadline
from replicator.endpoints import Endpoint
from replicator.errors import PermanentError
from replicator.errors import ReplicationError
from replicator.errors import TransientError
from replicator.s3client import Client
from replicator.sigv4 import Credentials
from replicator.store import ObjectChangedError
from replicator.store import ObjectStream
from replicator.store import Patience
from replicator.store import S3Store
from unit.replicator.scripted import STATE
from unit.replicator.scripted import Answer
from unit.replicator.scripted import ScriptedServer
from unit.replicator.scripted import a_part
from unit.replicator.scripted import an_object
from unit.replicator.scripted import head
from unit.replicator.scripted import refused

CONTENT = os.urandom(300_000)
QUICK = Patience(seconds=10, attempts=4, backoff=0.001)
SILENCE = 3.0  # of the server; a third of it is borne
SLOW_DOWN = refused(503, "SlowDown")
CUT = Answer(an_object(CONTENT)[:100_000], close=True)
Played = tuple[S3Store, ScriptedServer, list[int]]
Play = Callable[..., Played]


@pytest.fixture
def play() -> Iterator[Play]:
    servers: list[ScriptedServer] = []

    def start(*answers: Answer | bytes, seconds: float = 1e6, verify_etag: bool = False) -> Played:
        silent = any(isinstance(answer, Answer) and answer.silence for answer in answers)
        patience = QUICK._replace(seconds=SILENCE / 3) if silent else QUICK
        server = ScriptedServer(answers)
        servers.append(server)
        client = Client(
            Endpoint(False, "127.0.0.1", server.port, "/acme/", "eu-central-1"), lambda: Credentials("AKID", "secret")
        )
        retried: list[int] = []
        store = S3Store(client, Deadline(seconds), lambda: retried.append(1), verify_etag, patience)
        return store, server, retried

    yield start
    for server in servers:
        server.close()


def content(stream: ObjectStream | None) -> bytes:
    assert stream
    buffer, found = memoryview(bytearray(64 * 1024)), bytearray()
    while count := stream.readinto(buffer):
        found += buffer[:count]
    return bytes(found)


def test_an_object_arrives_with_its_state_and_checksum(play: Play) -> None:
    store, server, retried = play(an_object(CONTENT), head(200, len(CONTENT), **STATE))
    stream = store.open("home/a b+c/ü//..")
    assert content(stream) == CONTENT
    assert stream
    assert stream.checksum
    assert (stream.checksum.algorithm, retried) == ("CRC32", [])
    assert stream.state == store.head("home/a")
    assert (stream.state.modified, stream.state.version) == (1665597007.0, "v1")
    assert server.requests[0].startswith("GET /acme/home/a%20b%2Bc/%C3%BC//.. HTTP/1.1\r\n")
    assert "\r\nx-amz-checksum-mode: ENABLED\r\n" in server.requests[0]
    assert "SignedHeaders=host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date," in server.requests[0]
    assert server.connections == 1


@pytest.mark.parametrize(
    "trouble",
    [
        SLOW_DOWN,
        refused(500, "InternalError"),
        refused(400, "RequestTimeout"),
        head(503, 0),
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        Answer(b"", close=True),
        Answer(b"", silence=SILENCE),
        head(200, None, **STATE),
    ],
    ids=["SlowDown", "500", "RequestTimeout", "503 without a body", "cut head", "no HTTP", "cut", "stall", "no length"],
)
def test_what_can_pass_is_tried_again(play: Play, trouble: Answer | bytes) -> None:
    cut = trouble if isinstance(trouble, Answer) or b"200 OK" not in trouble else Answer(trouble, close=True)
    store, _, retried = play(cut, cut, an_object(CONTENT))
    if trouble == head(200, None, **STATE):
        with pytest.raises(TransientError, match="cannot be read"):
            store.open("a")
        return
    assert content(store.open("a")) == CONTENT
    assert len(retried) == 2


def test_what_does_not_pass_is_left_to_the_queue(play: Play) -> None:
    store, server, retried = play(*[SLOW_DOWN] * 9)
    with pytest.raises(TransientError, match=r"SlowDown \(503\): said the service"):
        store.open("a")
    assert (len(server.requests), len(retried)) == (4, 3)


def test_no_attempt_is_begun_that_the_time_does_not_allow(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    store, server, retried = play(*[SLOW_DOWN] * 9, seconds=2)
    monkeypatch.setattr("replicator.store.random.uniform", lambda shortest, longest: 5.0)
    begun = time.monotonic()
    with pytest.raises(TransientError, match="SlowDown"):
        store.head("a")
    assert time.monotonic() - begun < 1
    assert (len(server.requests), retried) == (1, [])


def test_the_pauses_double_and_are_drawn_at_random(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    longest: list[float] = []
    monkeypatch.setattr("replicator.store.random.uniform", lambda low, high: longest.append(high) or low)
    with pytest.raises(TransientError):
        play(*[SLOW_DOWN] * 9)[0].open("a")
    assert longest == [0.001, 0.002, 0.004]


@pytest.mark.parametrize("silence", [0.0, SILENCE], ids=["reset", "stall"])
def test_a_body_that_breaks_off_goes_on_where_it_stopped(play: Play, silence: float) -> None:
    first = an_object(CONTENT)[:100_000]
    arrived = len(first) - first.index(b"\r\n\r\n") - 4
    store, server, retried = play(Answer(first, silence, close=True), SLOW_DOWN, a_part(CONTENT, arrived))
    assert content(store.open("a")) == CONTENT
    assert f'\r\nrange: bytes={arrived}-\r\nif-match: "e1"\r\n' in server.requests[2]
    assert len(retried) == 2


@pytest.mark.parametrize(
    "answer",
    [
        refused(412, "PreconditionFailed"),
        refused(404, "NoSuchKey"),
        a_part(CONTENT, 5),
    ],
    ids=["changed", "deleted", "another part"],
)
def test_an_object_that_changed_is_not_mixed(play: Play, answer: bytes) -> None:
    with pytest.raises(ObjectChangedError):
        content(play(CUT, answer)[0].open("a"))


def test_a_server_without_ranges_is_no_source(play: Play) -> None:
    with pytest.raises(TransientError, match="with something else"):
        content(play(CUT, an_object(CONTENT))[0].open("a"))


def test_a_body_that_never_comes_fails_in_the_end(play: Play) -> None:
    store, server, _ = play(CUT, *[Answer(b"", close=True)] * 9)
    with pytest.raises(TransientError, match="could not be read: BrokenAnswerError"):
        content(store.open("a"))
    assert len(server.requests) == 4


def test_absence_and_a_missing_bucket_are_told_apart(play: Play) -> None:
    store, _, _ = play(refused(404, "NoSuchKey"), refused(404, "NoSuchBucket"), head(404, None))
    assert store.open("a") is None
    with pytest.raises(PermanentError, match="NoSuchBucket"):
        store.open("a")
    assert store.head("a") is None


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("Access Denied", "s3:GetObject"),
        ("User: x is not authorized to perform: kms:Decrypt on the resource", "kms:Decrypt"),
    ],
)
def test_denials_of_s3_and_of_kms_are_told_apart_even_by_head(play: Play, message: str, remedy: str) -> None:
    denial = refused(403, "AccessDenied", message)
    store, server, retried = play(denial, head(403, None), denial)
    for ask in (store.open, store.head):
        with pytest.raises(PermanentError) as refusal:
            ask("a")
        assert remedy in refusal.value.remedy
    assert [request.split(" ")[0] for request in server.requests] == ["GET", "HEAD", "GET"]
    assert retried == []


def test_a_refusal_of_a_head_that_has_passed_meanwhile_is_tried_again(play: Play) -> None:
    store, _, retried = play(head(403, None), a_part(b"x", 0), head(200, 1, **STATE))
    state = store.head("a")
    assert state
    assert (state.size, len(retried)) == (1, 1)


def test_an_idle_connection_that_s3_has_ended_costs_no_attempt(play: Play) -> None:
    store, server, retried = play(Answer(an_object(b"one"), close=True), an_object(b"two"))
    assert content(store.open("a")) == b"one"
    assert content(store.open("b")) == b"two"
    assert (server.connections, retried) == (2, [])


def test_a_stream_that_is_not_read_to_its_end_spoils_nothing(play: Play) -> None:
    store, _, _ = play(an_object(CONTENT), an_object(b"two"))
    stream = store.open("a")
    assert stream
    stream.readinto(memoryview(bytearray(10)))
    stream.close()
    assert content(store.open("b")) == b"two"


def test_the_etag_is_a_checksum_when_asked_for_and_when_it_is_one(play: Play) -> None:
    md5 = '"5d41402abc4b2a76b9719d911017c592"'
    answers = [
        an_object(b"hello", ETag=md5),
        an_object(b"hello", ETag=md5, x_amz_server_side_encryption="aws:kms"),
        an_object(b"hello", ETag=md5[:-1] + '-3"'),
    ]
    store, _, _ = play(*answers, verify_etag=True)
    found = []
    for _ in answers:
        stream = store.open("a")
        assert stream
        assert stream.checksum
        found.append(stream.checksum.algorithm)
        stream.close()
    assert found == ["ETag", "CRC32", "CRC32"]


def test_tags(play: Play) -> None:
    body = b"<Tagging><TagSet><Tag><Key>scan</Key><Value>clean &amp; fine</Value></Tag></TagSet></Tagging>"
    store, server, _ = play(head(200, len(body)) + body, refused(404, "NoSuchVersion"), refused(404, "NoSuchBucket"))
    assert store.tags("a", "v/1") == {"scan": "clean & fine"}
    assert server.requests[0].startswith("GET /acme/a?tagging=&versionId=v%2F1 ")
    assert store.tags("a", None) is None
    with pytest.raises(PermanentError):
        store.tags("a", None)


def test_a_page_of_a_listing(play: Play) -> None:
    entry = (
        "<Contents><Key>home/a+b%2F%2Fc%0A</Key><LastModified>2022-10-12T17:50:07.123Z</LastModified>"
        "<ETag>&quot;e1&quot;</ETag><ChecksumAlgorithm>CRC32</ChecksumAlgorithm><Size>3</Size>"
        "<Owner><ID>1</ID></Owner></Contents>"
    )
    namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    body = f'<ListBucketResult xmlns="{namespace}"><Name>acme</Name>{entry * 2}</ListBucketResult>'.encode()
    store, server, _ = play(head(200, len(body)) + body, head(200, 5) + b"<List", refused(200, "InternalError"))
    found = store.page("home/", "home/a b")
    assert [key for key, _ in found] == ["home/a b//c\n"] * 2
    assert (found[0][1].etag, found[0][1].size, found[0][1].modified, found[0][1].version) == (
        '"e1"',
        3,
        1665597007.0,
        None,
    )
    query = "encoding-type=url&list-type=2&prefix=home%2F&start-after=home%2Fa%20b"
    assert server.requests[0].startswith(f"GET /acme/?{query} ")
    with pytest.raises(TransientError, match="cannot be read"):
        store.page("", "")
    # A server that fails after its status line: an empty page would be taken for "no such objects".
    with pytest.raises(TransientError):
        store.page("", "")


def test_a_small_object_is_written(play: Play) -> None:
    store, server, _ = play(SLOW_DOWN, head(200, 0, ETag='"e"'), head(200, 0, ETag='"e"'))
    store.put("failed/1.json", b'{"key": "a"}')
    store.put("failed/empty", b"")
    assert server.requests[1].startswith("PUT /acme/failed/1.json HTTP/1.1\r\n")
    assert server.requests[1].endswith('\r\ncontent-length: 12\r\n\r\n{"key": "a"}')
    assert "\r\ncontent-length: 0\r\n" in server.requests[2]
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        head(200, 3, **STATE | {"Last_Modified": "yesterday"}) + b"abc",
        head(200, 3, **STATE | {"Last_Modified": "Wed, 12 Oct 2022 17:50:07 CET"}) + b"abc",
        head(200, 3, Last_Modified=STATE["Last_Modified"]) + b"abc",
        head(200, None, Transfer_Encoding="chunked", **STATE) + b"3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nETag: 1\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000 + b"\r\n\r\n",
        head(500, None, Transfer_Encoding="chunked") + b"zz\r\n",
        head(500, None, Transfer_Encoding="chunked") + b"2\r\nabc\r\n",
        head(500, None, Transfer_Encoding="chunked") + b"fffffffff\r\n",
        head(500, None, Transfer_Encoding="gzip") + b"2\r\nabc\r\n",
        head(500, 99_999_999_999),
    ],
)
def test_answers_that_are_none_are_transient(play: Play, answer: bytes) -> None:
    store, _, _ = play(*[Answer(answer, close=True)] * 4)
    with pytest.raises(TransientError):
        content(store.open("a"))


def test_an_interim_answer_and_a_small_buffer(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replicator.http1._BUFFER_BYTES", 400)
    store, _, _ = play(b"HTTP/1.1 100 Continue\r\n\r\n" + an_object(CONTENT), an_object(b"next"))
    assert content(store.open("a")) == CONTENT
    assert content(store.open("a")) == b"next"


def test_nothing_but_replication_errors_leaves_the_store(play: Play) -> None:
    store, server, _ = play()
    server.close()
    for ask in (store.open, store.head, lambda key: store.page(key, ""), lambda key: store.put(key, b"")):
        with pytest.raises(ReplicationError, match="could not be read"):
            ask("a")
