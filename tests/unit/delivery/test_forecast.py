"""A forecast says what was measured, and that the rest is unknown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from scripted_run import plan_of

from maestro.delivery.forecast import forecast
from maestro.delivery.lessons import PastRuns
from maestro.domain.agent import OFFLINE, Agent, AgentRecord
from maestro.domain.history import EarlierAttempt, PlanForecast, TriedStep
from maestro.domain.run import Run, RunStatus
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
RUN = Run(
    id=RunId("run-9"),
    workflow="build",
    status=RunStatus.SUCCEEDED,
    inputs={},
    max_parallel=4,
    created_at=NOW,
)
PLAN = plan_of(
    (),
    [
        Step(id=StepId("work.a"), action="persona.work", persona="a", phase="design"),
        Step(id=StepId("work.b"), action="persona.work", persona="b", phase="design"),
        Step(
            id=StepId("gate.design"),
            action="quality.gate",
            phase="design",
            needs=(StepId("work.a"), StepId("work.b")),
        ),
    ],
)


def earlier(action: str, persona: str, *seconds: float, phase: str = "design") -> list[TriedStep]:
    return [
        TriedStep(
            run_id=RunId(f"run-{number}"),
            step_id=StepId("x"),
            title="x",
            action=action,
            persona=persona,
            phase=phase,
            needs=(),
            attempts=(
                EarlierAttempt(
                    number=1,
                    status="succeeded",
                    started_at=NOW,
                    ended_at=NOW + timedelta(seconds=taken),
                    error=None,
                ),
            ),
        )
        for number, taken in enumerate(seconds)
    ]


A, B = earlier("persona.work", "a", 4, 1, 2), earlier("persona.work", "b", 5)
GATE = earlier("quality.gate", "", 1)


def foretold(*steps: TriedStep, agents: tuple[AgentRecord, ...] = ()) -> PlanForecast:
    past = PastRuns(projects={step.run_id: "default" for step in steps}, steps=steps)
    return forecast(RUN, PLAN, past, agents)


def agent(name: str, executor: str = "llm") -> AgentRecord:
    one = Agent(id=name, executor=executor, personas=("a", "b"), capacity=1)
    return AgentRecord(agent=one, registered_at=NOW)


def test_the_longest_chain_of_medians_is_the_time() -> None:
    told = foretold(*A, *B, *GATE)
    assert (told.seconds, told.sequential_seconds) == (6.0, 8.0)
    assert (told.measured, told.steps, told.unmeasured) == (3, 3, ())
    assert (told.players, told.tokens, told.cost) == ((), 0, 0.0)


def test_a_step_that_nobody_measured_makes_the_time_unknown() -> None:
    told = foretold(*A, *B, *earlier("quality.gate", "", 1, phase="testing"))
    assert (told.seconds, told.sequential_seconds) == (None, None)
    assert told.unmeasured == ("gate.design",)


def test_what_a_model_costs_is_unknown_until_it_was_measured_for_every_persona() -> None:
    asked = [replace(step, model_calls=2, tokens=500, cost=0.25) for step in A]
    told = foretold(*asked, *B, *GATE, agents=(agent(OFFLINE, OFFLINE), agent("claude")))
    assert (told.players, told.tokens, told.cost) == (("claude",), None, None)
    also = [replace(step, model_calls=1, tokens=100, cost=0.05) for step in B]
    told = foretold(*asked, *also, *GATE, agents=(agent("claude"),))
    assert (told.tokens, told.cost) == (600, 0.3)
    told = foretold(*asked, *(replace(step, cost=None) for step in also), *GATE,
                    agents=(agent("claude"),))  # fmt: skip
    assert (told.tokens, told.cost) == (600, None)
