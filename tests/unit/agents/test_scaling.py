"""How many agents a pool gets: what must hold for any state, and a life that settles."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.agents.scaling import (
    LONGEST_BACKOFF_SECONDS,
    EndAgent,
    MemberState,
    PoolMember,
    PoolView,
    StartAgent,
    backoff_seconds,
    scale,
)
from maestro.domain.pool import Pool, check_pool
from maestro.errors import InvalidInput


def a_pool(**changes: object) -> Pool:
    plain = Pool(capability="build", personas=("backend_developer",), idle_seconds=10)
    return replace(plain, **changes)  # type: ignore[arg-type]


def ready(number: int, in_hand: int = 0, idle_since: float | None = None) -> PoolMember:
    idle = 0.0 if in_hand == 0 and idle_since is None else idle_since
    return PoolMember(number=number, state=MemberState.READY, in_hand=in_hand, idle_since=idle)


@st.composite
def states(draw: st.DrawFn) -> tuple[Pool, PoolView]:
    most = draw(st.integers(1, 8))
    pool = a_pool(min=draw(st.integers(0, most)), max=most, slots=draw(st.integers(1, 3)))
    numbers = draw(st.lists(st.integers(1, most), unique=True))
    members = []
    for number in numbers:
        in_hand = draw(st.integers(0, pool.slots))
        state = draw(st.sampled_from(MemberState))
        idle = state is MemberState.READY and in_hand == 0
        since = draw(st.floats(0, 100)) if idle else None
        members.append(PoolMember(number=number, state=state, in_hand=in_hand, idle_since=since))
    # Whoever kept the pool before may have had a larger one.
    others = [number for number in range(1, most + 3) if number not in numbers]
    view = PoolView(
        now=100.0,
        waiting=draw(st.integers(0, 40)),
        members=tuple(members),
        elsewhere=frozenset(draw(st.sets(st.sampled_from(others)))),
        failures=draw(st.integers(0, 3)),
        not_before=draw(st.sampled_from((0.0, 200.0))),
    )
    return pool, view


@given(states())
def test_never_more_than_max_and_never_fewer_than_min(case: tuple[Pool, PoolView]) -> None:
    pool, view = case
    commands = scale(pool, view)
    starts = [one.number for one in commands if isinstance(one, StartAgent)]
    ends = [one.number for one in commands if isinstance(one, EndAgent)]
    taken = {one.number for one in view.members} | view.elsewhere
    assert not taken & set(starts)
    assert len(set(starts)) == len(starts)
    assert all(1 <= number <= pool.max for number in starts)
    assert not starts or len(taken) + len(starts) <= pool.max
    staying = [one for one in view.members if one.state is not MemberState.LEAVING]
    if ends:
        assert view.waiting == 0
        assert len(staying) + len(view.elsewhere) - len(ends) >= pool.min
        idle = {one.number for one in staying if one.idle_since is not None}
        assert set(ends) <= idle
    assert not (starts and ends)
    if view.now < view.not_before:
        assert not starts
    if view.failures:
        assert len(starts) <= 1
    assert commands == scale(pool, view)


@given(states())
def test_what_waits_gets_agents_up_to_max(case: tuple[Pool, PoolView]) -> None:
    pool, view = case
    view = replace(view, failures=0, not_before=0.0)
    staying = [one for one in view.members if one.state is not MemberState.LEAVING]
    free = sum(pool.slots - one.in_hand for one in staying)
    short = math.ceil(max(0, view.waiting - free) / pool.slots)
    room = pool.max - len(view.members) - len(view.elsewhere)
    missing = pool.min - len(staying) - len(view.elsewhere)
    starts = [one for one in scale(pool, view) if isinstance(one, StartAgent)]
    assert len(starts) == max(0, min(room, max(short, missing)))


@given(st.integers(1, 6), st.integers(0, 60), st.integers(1, 3))
def test_a_pool_grows_with_the_work_and_shrinks_back(most: int, waiting: int, slots: int) -> None:
    pool, now = a_pool(min=1, max=most, slots=slots), 0.0
    members: dict[int, PoolMember] = {}
    seen = 0
    for _ in range(200):
        now += 1.0
        view = PoolView(now=now, waiting=waiting, members=tuple(members.values()))
        for command in scale(pool, view):
            if isinstance(command, StartAgent):
                members[command.number] = ready(command.number, idle_since=now)
            else:
                del members[command.number]
        for number, member in members.items():
            taken = min(slots, waiting)
            waiting -= taken
            since = member.idle_since if member.idle_since is not None else now
            members[number] = ready(number, taken, None if taken else since)
        seen = max(seen, len(members))
        assert len(members) <= most
    assert waiting == 0
    assert len(members) == 1


def test_after_a_failure_one_is_tried_at_a_time() -> None:
    view = PoolView(now=10.0, waiting=9, failures=1, not_before=5.0)
    assert scale(a_pool(), view) == (StartAgent(1),)
    starting = PoolMember(number=1, state=MemberState.STARTING)
    assert scale(a_pool(), replace(view, members=(starting,))) == ()
    assert scale(a_pool(), replace(view, not_before=11.0)) == ()


def test_the_agent_of_the_highest_number_is_ended_first() -> None:
    members = tuple(ready(number, idle_since=0.0) for number in (1, 2, 3))
    view = PoolView(now=10.0, waiting=0, members=members)
    ended = scale(a_pool(min=1), view)
    assert [one.number for one in ended] == [3, 2]
    assert scale(a_pool(min=1), replace(view, now=9.9)) == ()


def test_the_wait_after_failures_doubles_up_to_a_limit() -> None:
    assert [backoff_seconds(failures) for failures in (0, 1, 2, 3)] == [0.0, 1.0, 2.0, 4.0]
    assert backoff_seconds(10_000) == LONGEST_BACKOFF_SECONDS


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"capability": "Build"}, "capability 'Build': use a small letter"),
        ({"max": 0}, "max must lie in 1..1000, got 0"),
        ({"min": 5}, r"min must lie in 0..max \(4\), got 5"),
        ({"idle_seconds": -1.0}, "idle_seconds must be from 0, got -1.0"),
        ({"idle_seconds": math.nan}, "idle_seconds must be from 0, got nan"),
        ({"slots": 0}, "slots must be at least 1, got 0"),
        ({"personas": ()}, "personas is empty"),
    ],
)
def test_a_pool_that_cannot_be(changes: dict[str, object], rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule):
        check_pool(a_pool(**changes))


def test_which_agents_are_the_pools_own() -> None:
    pool = a_pool(capability="build-x")
    assert pool.number(pool.agent(7).id) == 7
    others = ("build-x", "build-x-0", "build-x-07", "build-1", "build-x-1-2", "build-x-٣")
    assert [pool.number(other) for other in others] == [None] * len(others)
