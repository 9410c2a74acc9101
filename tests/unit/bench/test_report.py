"""The table is readable in 100 columns and leaves nobody out."""

from bench.contenders import CONTENDERS
from bench.figures import Bar, Measurement, lines_of
from bench.leg import Reading
from bench.report import WIDTH, render
from bench.workloads import WORKLOADS


def test_every_contender_has_a_row_within_the_width() -> None:
    workload = WORKLOADS["layered10000"]()
    slow = Reading(
        seconds=99_999.123,
        prepare_seconds=0.0,
        cpu_seconds=88_888.0,
        peak_mb=24_000.0,
        before_mb=1.0,
    )
    found = [
        Measurement(workload=workload.name, contender=contender.key, round=1, reading=slow)
        for contender in CONTENDERS
        if contender.key != "dbos-sqlite"
    ]
    failure = "ended with status 1: " + "RuntimeError: something long was said about it " * 4
    found.append(
        Measurement(workload=workload.name, contender="dbos-sqlite", round=1, failure=failure)
    )
    bar = [
        Bar(statement="first", found="2.1", kept=True),
        Bar(statement="second " * 20, found="3.2", kept=False),
    ]
    text = render([workload], {workload.name: lines_of(workload, CONTENDERS, found)}, bar)
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    for contender in CONTENDERS:
        assert contender.title in text
    assert failure.split()[-1] in text
    assert "bar: 1 of 2 kept" in text
    assert "MISSED second" in text
    assert "first" not in text
