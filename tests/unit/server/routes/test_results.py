"""What is told of a run's mocks after the process that served them was killed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from maestro.domain.encoding import encode
from maestro.domain.run import Event, EventKind
from maestro.domain.values import RunId, StepId
from maestro.server.routes.results import served_mocks

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
WORK = StepId("work.frontend")


def event(number: int, kind: EventKind, **data: object) -> Event:
    return Event(
        run_id=RunId("run-1"),
        sequence=number,
        kind=kind,
        at=BEGIN + timedelta(seconds=number),
        step_id=WORK,
        attempt=number,
        data={"contract": "api", "consumer": "frontend_developer", **data},
    )


def told(mock: Mapping[str, object]) -> tuple[object, ...]:
    return mock["stopped_at"], mock["calls"], mock["lost"]


def test_a_mock_whose_process_died_is_lost_and_the_next_one_is_live() -> None:
    begun = [event(number, EventKind.MOCK_STARTED, url=f"http://{number}") for number in (1, 2)]
    during = served_mocks(begun, {WORK})["api"]
    assert [told(mock) for mock in during] == [(None, None, True), (None, None, False)]

    stopped = event(3, EventKind.MOCK_STOPPED, calls=7)
    after = served_mocks([*begun, stopped], set())["api"]
    assert [told(mock) for mock in after] == [
        (None, None, True),
        (encode(stopped.at), 7, False),
    ]


def test_a_mock_that_nobody_stopped_is_lost_once_its_step_has_ended() -> None:
    only = [event(1, EventKind.MOCK_STARTED, url="http://1")]
    assert told(served_mocks(only, set())["api"][0]) == (None, None, True)
