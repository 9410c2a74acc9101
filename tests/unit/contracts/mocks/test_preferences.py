"""What callers may ask of a mock, and the faults they may plan."""

import pytest

from maestro.contracts.mocks.faults import Fault, FaultKind, FaultPlan, fault_of
from maestro.contracts.mocks.messages import Refused
from maestro.contracts.mocks.preferences import delay_of, preferences, wish_of
from maestro.contracts.mocks.replies import Wish


def test_preferences_are_read_and_unknown_ones_ignored() -> None:
    header = b'respond-async, code=404; example="a b", delay=5,Dynamic=true, xcode=5'
    assert preferences(header) == {
        "code": "404", "example": "a b", "delay": "5", "dynamic": "true",
    }  # fmt: skip
    assert wish_of(header) == Wish(status=404, example="a b", dynamic=True)
    assert wish_of(b"respond-async, delay=5") is None


@pytest.mark.parametrize("header", [b"code=99", b"code=x", b"code=2000", b"dynamic=1"])
def test_preferences_that_mean_nothing(header: bytes) -> None:
    with pytest.raises(Refused) as refused:
        wish_of(header)
    assert refused.value.status == 400


def test_waiting_is_bounded() -> None:
    assert delay_of({"delay": "250"}) == 0.25
    for text in ("30001", "-1", "1.5", "9" * 50, ""):
        with pytest.raises(Refused):
            delay_of({"delay": text})


@pytest.mark.parametrize(
    ("prefer", "kind", "status", "seconds"),
    [
        (b"fault=status:503", FaultKind.STATUS, 503, 0.0),
        (b"fault=latency:250", FaultKind.LATENCY, 500, 0.25),
        (b"fault=latency:99999", FaultKind.LATENCY, 500, 30.0),
        (b"delay=10", FaultKind.LATENCY, 500, 0.01),
        (b"fault=body, delay=10", FaultKind.BODY, 500, 0.01),
        (b"fault=cut", FaultKind.CUT, 500, 0.0),
    ],
)
def test_a_request_may_ask_for_its_own_fault(
    prefer: bytes, kind: FaultKind, status: int, seconds: float
) -> None:
    fault = FaultPlan().next_for("GET", "/a", prefer)
    assert fault is not None
    assert (fault.kind, fault.status, fault.seconds) == (kind, status, seconds)


@pytest.mark.parametrize(
    "prefer", [b"fault=status:200", b"fault=status", b"fault=cut:1", b"fault=latency:x"]
)
def test_faults_that_are_none(prefer: bytes) -> None:
    with pytest.raises(Refused):
        FaultPlan().next_for("GET", "/a", prefer)


def test_planned_faults_happen_so_often_and_only_where_they_fit() -> None:
    planned: list[int] = []
    plan = FaultPlan(lambda: planned.append(1))
    plan.add(Fault(kind=FaultKind.CUT, method="GET", path="/a/*", times=2))
    assert planned == [1]
    assert plan.next_for("POST", "/a/1", None) is None
    assert plan.next_for("GET", "/b/1", None) is None
    assert plan.next_for("GET", "/a/1", b"code=200") is not None
    assert plan.next_for("GET", "/a/2", None) is not None
    assert plan.next_for("GET", "/a/3", None) is None
    for _ in range(100):
        plan.add(Fault(kind=FaultKind.CUT))
    with pytest.raises(Refused, match="100 faults wait"):
        plan.add(Fault(kind=FaultKind.CUT))


@pytest.mark.parametrize(
    "value",
    [
        [], {}, {"kind": "x"}, {"kind": "status", "status": 200},
        {"kind": "status", "status": True},
        {"kind": "latency", "milliseconds": 30_001}, {"kind": "cut", "times": 0},
        {"kind": "cut", "more": 1}, {"kind": ["cut"]},
    ],
)  # fmt: skip
def test_faults_are_checked(value: object) -> None:
    with pytest.raises(Refused) as refused:
        fault_of(value)
    assert refused.value.status == 400


def test_a_fault_is_read() -> None:
    value = {"kind": "latency", "milliseconds": 20, "method": "get", "path": "/a", "times": 3}
    assert fault_of(value).told() == {**value, "method": "GET", "status": 500}
