"""One step at a time on request; side by side otherwise. Both report measured time."""

from itertools import combinations

import pytest
from product import REQUIREMENTS, Build, assert_truthful, build

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("parallelism")]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Build:
    home = tmp_path_factory.mktemp("alone")
    return build(home, REQUIREMENTS / "user_api.txt", "--max-parallel", "1")


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return build(tmp_path_factory.mktemp("together"), REQUIREMENTS / "user_api.txt")


def test_one_at_a_time_means_that_nothing_overlaps(alone: Build) -> None:
    assert_truthful(alone)
    assert alone.finished.code == 0, alone.result["reasons"]
    overlapping = [
        (one.step, other.step)
        for one, other in combinations(alone.spans.values(), 2)
        if one.overlaps(other)
    ]
    assert overlapping == []


def test_by_default_provider_and_consumer_work_at_the_same_time(together: Build) -> None:
    assert_truthful(together)
    assert together.finished.code == 0, together.result["reasons"]
    spans = together.spans
    assert spans["work.qa_engineer"].overlaps(spans["work.backend_developer"])


def test_both_report_what_was_measured(alone: Build, together: Build) -> None:
    for run, limit in ((alone, 1), (together, 4)):
        document = run.document("run.json")
        assert document["run"]["max_parallel"] == limit
        execution = document["result"]["execution"]
        assert execution["wall_seconds"] > 0
        assert execution["critical_path_seconds"] <= execution["wall_seconds"] + 0.01
    one, other = (run.result["execution"] for run in (alone, together))
    assert one["wall_seconds"] >= one["sequential_seconds"] - 0.01
    assert other["wall_seconds"] < other["sequential_seconds"]
    assert set(alone.steps) == set(together.steps)
