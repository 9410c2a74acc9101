"""What is remembered of requests that come again."""

from maestro.contracts.mocks.repeating import MAX_KNOWN, MAX_KNOWN_BYTES, KnownRequests


def answer(date: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ndate: %s\r\n\r\n{}" % date


def test_a_request_returns_when_it_comes_for_the_second_time() -> None:
    known = KnownRequests()
    assert [known.returns(b"GET /a") for _ in range(3)] == [False, True, True]
    assert not KnownRequests().returns(b"GET /a")
    known.remember(b"GET /a", answer)
    answers = known.answers
    assert answers == {b"GET /a": answer}
    known.forget()
    assert answers == {}
    assert known.returns(b"GET /a")


def test_long_requests_and_more_than_there_is_room_for_are_not_remembered() -> None:
    known = KnownRequests()
    for length, expected in ((MAX_KNOWN_BYTES, True), (MAX_KNOWN_BYTES + 1, False)):
        known.returns(b"x" * length)
        assert known.returns(b"x" * length) is expected
    for number in range(2 * MAX_KNOWN):
        known.remember(b"%d" % number, answer)
        assert len(known.answers) <= MAX_KNOWN
