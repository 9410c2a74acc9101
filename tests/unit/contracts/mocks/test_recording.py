"""The record of calls: bounded, complete in its file, and without credentials."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from maestro.contracts.mocks import recording
from maestro.contracts.mocks.messages import MockReply, MockRequest
from maestro.contracts.mocks.pact import pact_of
from maestro.contracts.mocks.recording import (
    AnsweredRequest,
    CallOrigin,
    CallRecorder,
    call_of,
    line_of,
    read_calls,
)
from maestro.errors import InvalidInput, StorageUnavailable
from maestro.ports import RecordedCall

THINGS = CallOrigin(
    contract="things",
    consumer="",
    base="/api",
    secrets=frozenset({("query", "key"), ("header", "x-own")}),
)


def raw(number: int = 0, *, body: bytes = b"") -> AnsweredRequest:
    headers = {
        b"authorization": b"Bearer s3cret",
        b"cookie": b"a=s3cret",
        b"x-own": b"s3cret",
        b"x-api-key": b"s3cret",
        b"accept": b"*/*",
    }
    query = "key=s3cret&a=1&Access_Token=s3cret"
    request = MockRequest("POST", "/api/things", query, headers, body)
    reply = MockReply(status=201, body=b'{"id":1}', content_type="application/json")
    return AnsweredRequest(request, reply, "POST /things", True, "", {"n": number})


def told(number: int = 0) -> RecordedCall:
    return raw(number).told(1_900_000_000.0 + number, THINGS)


def test_credentials_are_left_out() -> None:
    call = told()
    assert call.request_headers == {"accept": "*/*"}
    assert call.query == "key=&a=1&Access_Token="
    assert (call.request_body, call.reply_body) == ({"n": 0}, {"id": 1})
    assert b"s3cret" not in line_of(call)


def test_a_line_is_read_back_as_the_same_call() -> None:
    call = told()
    assert call_of(line_of(call)) == call


@pytest.mark.parametrize(
    "line", ["", "[]", "{}", '{"at": "x"}', '{"at": "2030-01-01", "b": 1}', "["]
)
def test_what_is_no_recorded_call(line: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        call_of(line)
    file = tmp_path / "calls.jsonl"
    file.write_bytes(line_of(told()) + b"\n" + (line or "x").encode())
    with pytest.raises(InvalidInput, match="line 3"):
        read_calls(file)


def test_memory_is_bounded_by_number_and_size() -> None:
    recorder = CallRecorder()
    for number in range(recording.MAX_CALLS + 10):
        recorder.defer(THINGS, raw(number))
    calls = recorder.calls()
    assert (len(calls), recorder.total) == (recording.MAX_CALLS, recording.MAX_CALLS + 10)
    assert calls[0].request_body == {"n": 10}
    large = b"x" * (recording.MAX_KEPT_BYTES // 20 - 1_000)
    for number in range(10):
        recorder.defer(THINGS, raw(number, body=large))
    assert len(recorder.calls()) == 4
    recorder.defer(THINGS, raw(99, body=8 * large))
    assert [call.request_body for call in recorder.calls()] == [{"n": 99}]


def test_calls_told_of_other_protocols_count_what_they_hold() -> None:
    """As gRPC and WebSocket tell them: already decoded."""
    recorder = CallRecorder()
    large = "x" * (recording.MAX_KEPT_BYTES // 6)
    for number in range(8):
        body = {"number": number, "texts": [large, {large[:-1]: number}]}
        recorder(replace(told(), protocol="grpc", request_body=body, reply_body=None))
    kept = [call.request_body["number"] for call in recorder.calls()]
    assert (kept, recorder.total) == ([6, 7], 8)
    recorder(replace(told(), protocol="websocket", reply_body="y" * recording.MAX_KEPT_BYTES))
    assert [call.protocol for call in recorder.calls()] == ["websocket"]


def test_one_consumer_is_told_and_forgotten_alone() -> None:
    recorder = CallRecorder()
    for number, name in enumerate(("a", "b", "a")):
        recorder.defer(replace(THINGS, consumer=name), raw(number))
    recorder(RecordedCall(
        at=datetime.now(UTC), method="GET", path="/", operation="", status=404, valid=False,
        consumer="b",
    ))  # fmt: skip
    assert len(recorder.calls(consumer="a")) == 2
    recorder.forget(consumer="a")
    assert [call.consumer for call in recorder.calls()] == ["b", "b"]
    recorder.forget()
    assert recorder.calls() == []


def test_the_file_has_what_memory_has_lost(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    recorder = CallRecorder(file)
    large = b"x" * (recording.MAX_KEPT_BYTES // 50)
    for number in range(12_345):
        recorder.defer(THINGS, raw(number, body=large))
    recorder.close()
    assert [call.request_body["n"] for call in read_calls(file)] == list(range(12_345))


def test_a_full_disk_is_told() -> None:
    recorder = CallRecorder(Path("/dev/full"))
    recorder.defer(THINGS, raw())
    with pytest.raises(StorageUnavailable, match="calls are missing"):
        recorder.close()


def test_a_pact_has_every_different_valid_call_once() -> None:
    calls = [told(n) for n in (1, 1, 2)]
    pact = pact_of(calls, consumer="web", provider="things")
    assert (pact["consumer"], pact["provider"]) == ({"name": "web"}, {"name": "things"})
    assert pact["metadata"]["pactSpecification"] == {"version": "4.0"}
    first, second = pact["interactions"]
    assert first["type"] == "Synchronous/HTTP"
    assert first["request"] == {
        "method": "POST",
        "path": "/things",
        "query": {"key": [""], "a": ["1"], "Access_Token": [""]},
        "headers": {"accept": ["*/*"]},
        "body": {"content": {"n": 1}, "contentType": "application/json", "encoded": False},
    }
    assert second["request"]["body"]["content"] == {"n": 2}
    assert first["response"]["status"] == 201
    assert list(first["response"]["matchingRules"]["body"]) == ["$.id"]
    assert first["key"] != second["key"]


def test_paths_are_told_as_the_contract_has_them() -> None:
    request = MockRequest("GET", "/caf%C3%A9/things", "", {}, b"")
    call = AnsweredRequest(request, MockReply(status=200))
    assert call.told(0.0, replace(THINGS, base="/café")).path == "/things"
    assert call.told(0.0, THINGS).path == "/caf%C3%A9/things"
