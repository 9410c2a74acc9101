"""The text for Prometheus is what a Prometheus reads, and says what the store holds."""

from dataclasses import replace
from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from maestro.delivery.agent_desk import AgentsOverview
from maestro.domain.agent import Agent, AgentRecord
from maestro.domain.dispatching import (
    AgentLoad,
    CircuitLoad,
    DispatchOverview,
    DispatchRecord,
    DispatchSnapshot,
    QueueLoad,
)
from maestro.domain.figures import BOUNDS, FAMILIES, Timings
from maestro.domain.overview import StoreFigures
from maestro.domain.pool import Demand, Pool, PoolRecord
from maestro.server.metrics import Scrape, ServerFigures

TOTALS = {
    ("maestro_runs", "crud", "succeeded"): 3.0,
    ("maestro_step_duration_seconds", "value.set", "succeeded", "0.5"): 2.0,
    ("maestro_step_duration_seconds", "value.set", "succeeded", "inf"): 1.0,
    ("maestro_step_duration_seconds", "value.set", "succeeded", "sum"): 90_000.5,
}


def _team() -> AgentsOverview:
    """Two processes, whose dispatchers say the same."""
    known = [Agent(id=name, executor="offline", personas=("tester",), capacity=4) for name in "ab"]
    snapshot = DispatchSnapshot(
        agents=(
            AgentLoad(agent="a", in_hand=1, given=4),
            AgentLoad(agent="b", in_hand=0, given=4),
        ),
        queues=(
            QueueLoad(persona="tester", languages=("go",), waiting=2),
            QueueLoad(persona="tester", languages=(), waiting=1),
        ),
        circuits=(CircuitLoad(name="provider:slow", state="open", failures=5),),
    )
    held = replace(snapshot, agents=(AgentLoad(agent="a", in_hand=2, given=4),))
    more = (QueueLoad(persona="tester", languages=(), waiting=6),)
    pool = PoolRecord(
        pool=Pool(capability="gpu", personas=("tester",)),
        keeper="host:1",
        kept=True,
        demand=Demand(capability="gpu"),
        agents=2,
        started=5,
        lost=1,
        start_failed=2,
    )
    at = datetime(2026, 5, 4, tzinfo=UTC)
    return AgentsOverview(
        agents=tuple(AgentRecord(agent=agent, registered_at=at) for agent in known),
        dispatch=DispatchOverview(
            processes=(
                DispatchRecord(process="one", seen_at=at, snapshot=snapshot),
                DispatchRecord(process="two", seen_at=at, snapshot=replace(held, queues=more)),
            )
        ),
        capabilities=(),
        pools=(pool,),
    )


def _samples(scrape: Scrape) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = ServerFigures().text(scrape).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_family_is_told_and_buckets_add_up() -> None:
    written = Timings()
    for seconds in (0.0004, 0.004, 99.0):
        written.add(seconds)
    told = _samples(
        Scrape(
            figures=StoreFigures(runs={("build", "running"): 2, ("build", "failed"): 9}),
            totals=TOTALS,
            backlog=4,
            team=_team(),
            oldest={"gpu": 7.5},
            written=written,
        )
    )
    assert told["maestro_runs_total", (("blueprint", "crud"), ("status", "succeeded"))] == 3
    labels = (("action", "value.set"), ("status", "succeeded"))
    spread = [
        told[
            "maestro_step_duration_seconds_bucket",
            tuple(sorted((*labels, ("le", "+Inf" if bound == float("inf") else str(bound))))),
        ]
        for bound in BOUNDS
    ]
    assert spread == [0, *([2] * (len(BOUNDS) - 2)), 3]
    assert told["maestro_step_duration_seconds_count", labels] == 3
    assert told["maestro_step_duration_seconds_sum", labels] == 90_000.5
    assert told["maestro_journal_write_seconds_count", ()] == 3
    assert told["maestro_journal_write_seconds_bucket", (("le", "0.005"),)] == 2
    assert told["maestro_runs_active", (("status", "running"),)] == 2
    assert told["maestro_runs_active", (("status", "paused"),)] == 0
    assert told["maestro_agents", (("state", "ready"),)] == 2
    assert told["maestro_agents", (("state", "away"),)] == 0
    assert told["maestro_agent_assignments", (("agent", "a"),)] == 3
    assert ("maestro_agent_assignments", (("agent", "b"),)) not in told
    assert told["maestro_agent_queue", (("persona", "tester"),)] == 9
    assert told["maestro_circuits_open", (("circuit", "provider:slow"),)] == 2
    pool = (("capability", "gpu"),)
    names = ("agents", "agents_max", "kept", "started_total", "lost_total")
    assert [told[f"maestro_pool_{name}", pool] for name in names] == [2, 4, 1, 5, 3]
    assert told["maestro_queue_oldest_seconds", (("capability", "gpu"),)] == 7.5
    assert told["maestro_runs_uncounted", ()] == 4
    assert any(name == "maestro_build_info" for name, _ in told)


def test_no_family_has_a_run_as_label() -> None:
    labels = {label for family in FAMILIES for label in family.labels}
    assert labels <= {
        *("blueprint", "status", "phase", "persona", "action", "reason", "gate", "verdict"),
        *("kind", "result", "model", "direction", "circuit"),
    }
