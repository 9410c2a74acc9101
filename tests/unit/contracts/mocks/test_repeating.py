"""What is remembered of requests that come again."""

from maestro.contracts.mocks.repeating import MAX_KNOWN, MAX_KNOWN_BYTES, KnownRequests


def answer() -> tuple[bytes, bytes]:
    return b"HTTP/1.1 200 OK\r\n", b"{}"


def test_a_request_is_remembered_when_it_comes_for_the_second_time() -> None:
    known = KnownRequests()
    known.remember(b"GET /a", answer)
    assert known.answers == {}
    known.remember(b"GET /b", answer)
    known.remember(b"GET /a", answer)
    assert known.answers == {b"GET /a": answer}
    known.forget()
    assert known.answers == {}
    known.remember(b"GET /a", answer)
    assert known.answers == {b"GET /a": answer}


def test_long_requests_and_more_than_there_is_room_for_are_not_remembered() -> None:
    known = KnownRequests()
    for length in (MAX_KNOWN_BYTES, MAX_KNOWN_BYTES + 1):
        for _ in range(2):
            known.remember(b"x" * length, answer)
    assert [len(data) for data in known.answers] == [MAX_KNOWN_BYTES]
    for number in range(2 * MAX_KNOWN):
        for _ in range(2):
            known.remember(b"%d" % number, answer)
        assert len(known.answers) <= MAX_KNOWN
