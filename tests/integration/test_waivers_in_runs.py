"""Waivers, baselines and environments as gates meet them: through the store, in a judged phase."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from small_run import asked, delivered

import maestro
from maestro.agents.sandboxes.provider import HostSandboxProvider
from maestro.delivery.collecting import Collecting
from maestro.delivery.gate_steps import GateSteps
from maestro.delivery.judging import PhaseJudge
from maestro.delivery.marks import remember
from maestro.delivery.record import GateRecord
from maestro.delivery.service import Maestro
from maestro.delivery.waiver_desk import WaiverDesk
from maestro.domain.access import Permission, Principal
from maestro.domain.baseline import DEFAULT_PROJECT, Baseline, baselines, subject_of
from maestro.domain.encoding import decode
from maestro.domain.quality import (
    Environment,
    Evidence,
    EvidenceStatus,
    GateResult,
    PhaseVerdict,
    Policy,
    Verdict,
)
from maestro.domain.requirement import Constraints, Requirement
from maestro.domain.run import EventKind, Run, RunStatus
from maestro.domain.values import JsonObject, JsonScalar, RunId, StepId
from maestro.domain.waiver_life import WaiverRecord
from maestro.domain.workflow import Step
from maestro.errors import Blocked, InvalidInput, NotFound, PermissionDenied
from maestro.ports import EvidenceCollector, EvidenceSubject, StepContext
from maestro.quality.metrics import built_in_metrics
from maestro.quality.policy import load_policy
from maestro.settings import Settings

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
COVERAGE, PHASE, SHOP = "TST-4", "testing", "shop"
UNTIL = date(2026, 5, 31)
REASON = "the importer is rewritten next month"


@dataclass
class FakeClock:
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass
class FakeCollector:
    """Reports every metric of one producer: good ones, unless it was told otherwise."""

    name: str
    told: Mapping[str, JsonScalar]
    meanwhile: Callable[[], Awaitable[None]]
    """What happens elsewhere while it measures."""

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        await self.meanwhile()
        return Evidence(
            collector=self.name,
            status=EvidenceStatus.MEASURED,
            tool="fake",
            version="1",
            argv=(),
            exit_code=0,
            duration_seconds=0.0,
            files_examined=9,
            metrics={k: v for k, v in self.told.items() if _producer(k) == self.name},
        )


def _producer(metric: str) -> str:
    return built_in_metrics().metrics[metric].producer


@dataclass
class Court:
    """A database, a phase with one gate, and what is measured for it."""

    home: Path
    clock: FakeClock = field(default_factory=FakeClock)
    measured: dict[str, JsonScalar] = field(default_factory=lambda: {"coverage.line": 70.0})
    gate: str = COVERAGE
    meanwhile: Callable[[], Awaitable[None]] = field(default=lambda: nothing())

    @asynccontextmanager
    async def open(self, who: str = "local", project: str = SHOP) -> AsyncIterator[Maestro]:
        settings = Settings(database=self.home / "runs.db", data_folder=self.home / "data")
        principal = Principal(id=who, permissions=frozenset(Permission))
        async with maestro.connect(settings, principal=principal, project=project) as m:
            yield replace(m, clock=self.clock)

    async def request(self, who: str = "alice", project: str = SHOP, **terms: Any) -> WaiverRecord:
        wanted: dict[str, Any] = {
            "ceiling": ">= 60",
            "reason": REASON,
            "adr": "ADR-0012",
            "expires": UNTIL,
        } | terms
        async with self.open(who, project) as m:
            return await WaiverDesk(maestro=m).request(self.gate, **wanted)

    async def approve(self, record: WaiverRecord, who: str = "bob") -> WaiverRecord:
        async with self.open(who, record.project) as m:
            return await WaiverDesk(maestro=m).approve(record.id, "agreed")

    async def granted(self, **terms: Any) -> WaiverRecord:
        return await self.approve(await self.request(**terms))

    async def audit(self) -> list[tuple[str, str, bool]]:
        async with self.open() as m:
            records = await m.store.read(lambda tx: tx.audit.recent(99))
        return [(record.principal, record.action, record.allowed) for record in reversed(records)]

    async def verdict(
        self, project: str = SHOP, environment: Environment = Environment.DEVELOPMENT
    ) -> GateResult:
        """Of the one gate; the phase passes exactly when it does."""
        async with self.open() as m:
            record = await self._judged(m, project, environment)
        [result] = record.verdict.results
        passed = result.verdict in (Verdict.PASS, Verdict.WAIVED)
        assert record.verdict.passed is passed
        return result

    async def _judged(self, m: Maestro, project: str, environment: Environment) -> GateRecord:
        steps = GateSteps(
            PhaseJudge(
                policy=self._policy,
                collecting=Collecting(
                    collectors=self._collectors(), sandboxes=HostSandboxProvider(off=True)
                ),
                workspace=m.workspace,
                store=m.store,
                clock=self.clock,
                browser=False,
            )
        )
        context = StepContext(
            run_id=RunId("run-1"),
            step=Step(id=StepId("gate.t"), action="quality.gate", inputs={"phase": PHASE}),
            attempt=1,
            run_inputs=asked(Constraints(environment=environment), project),
            outputs=delivered(),
            emit=unheard,
        )
        try:
            return decode(GateRecord, (await steps.close(context)).output)
        except Blocked as refused:
            return decode(GateRecord, refused.detail)

    def _policy(self, environment: Environment) -> Policy:
        full = load_policy(environment=environment)
        [gate] = [gate for gate in full.gates if gate.id == self.gate]
        return replace(full, gates=(replace(gate, phase=PHASE),), artefacts=())

    def _collectors(self) -> Mapping[str, EvidenceCollector]:
        names = {_producer(name) for name in self.measured}
        found = {name: FakeCollector(name, self.measured, self.meanwhile) for name in names}
        return cast("Mapping[str, EvidenceCollector]", found)


async def nothing() -> None:
    """Nothing happens."""


async def unheard(kind: EventKind, data: JsonObject) -> None:
    """Nobody watches."""


@pytest.fixture
def court(tmp_path: Path) -> Court:
    return Court(tmp_path)


def run(scenario: Awaitable[None]) -> None:
    async def go() -> None:
        await scenario

    asyncio.run(go())


def test_a_failed_gate_blocks_until_somebody_else_has_approved_a_waiver(court: Court) -> None:
    async def scenario() -> None:
        assert (await court.verdict()).verdict is Verdict.FAIL
        asked_for = await court.request()
        assert (await court.verdict()).verdict is Verdict.FAIL, "asking lets nothing pass"
        with pytest.raises(PermissionDenied):
            await court.approve(asked_for, "alice")
        assert (await court.verdict()).verdict is Verdict.FAIL
        await court.approve(asked_for)
        result = await court.verdict()
        assert result.verdict is Verdict.WAIVED
        assert result.waiver is not None
        waiver = result.waiver
        assert (waiver.author, waiver.approver, waiver.adr) == ("alice", "bob", "ADR-0012")
        assert waiver.ceiling == "coverage.line >= 60.0"
        assert await court.audit() == [
            ("alice", "waiver:request", True),
            ("alice", "waiver:approve", False),
            ("bob", "waiver:approve", True),
        ]

    run(scenario())


@pytest.mark.parametrize(
    "change",
    [
        lambda court: court.measured.update({"coverage.line": 59.0}),
        lambda court: setattr(court.clock, "moment", datetime(2026, 6, 1, tzinfo=UTC)),
    ],
    ids=["below its ceiling", "after its last day"],
)
def test_a_waiver_has_an_end(court: Court, change: Callable[[Court], None]) -> None:
    async def scenario() -> None:
        await court.granted()
        assert (await court.verdict()).verdict is Verdict.WAIVED
        change(court)
        assert (await court.verdict()).verdict is Verdict.FAIL

    run(scenario())


def test_on_its_last_day_a_waiver_still_counts(court: Court) -> None:
    async def scenario() -> None:
        await court.granted()
        court.clock.moment = datetime(2026, 5, 31, 23, 59, tzinfo=UTC)
        assert (await court.verdict()).verdict is Verdict.WAIVED

    run(scenario())


def test_a_waiver_counts_in_its_own_project_only(court: Court) -> None:
    async def scenario() -> None:
        await court.granted()
        assert (await court.verdict()).verdict is Verdict.WAIVED
        assert (await court.verdict("blog")).verdict is Verdict.FAIL
        mine = await court.request()
        async with court.open("bob", "blog") as m:
            with pytest.raises(NotFound, match="belongs to project 'shop'"):
                await WaiverDesk(maestro=m).approve(mine.id)

    run(scenario())


def test_no_waiver_is_for_all_that_nobody_named(court: Court) -> None:
    with pytest.raises(InvalidInput, match="name the product's own"):
        run(_requested(court, project=DEFAULT_PROJECT))


def test_one_for_the_unnamed_that_is_stored_all_the_same_does_not_count(court: Court) -> None:
    async def scenario() -> None:
        record = replace(await court.granted(), id="waiver-x", project=DEFAULT_PROJECT)
        async with court.open() as m:
            await m.store.write(lambda tx: tx.waivers.insert(record))
        result = await court.verdict(DEFAULT_PROJECT)
        assert result.verdict is Verdict.FAIL
        assert "does not count: project 'default'" in result.reason

    run(scenario())


def test_what_is_taken_back_while_it_is_measured_does_not_count(court: Court) -> None:
    async def scenario() -> None:
        record = await court.granted()

        async def revoke() -> None:
            async with court.open("carol") as m:
                await WaiverDesk(maestro=m).revoke(record.id)

        court.meanwhile = revoke
        assert (await court.verdict()).verdict is Verdict.FAIL

    run(scenario())


def test_what_ends_while_it_is_measured_does_not_count(court: Court) -> None:
    async def scenario() -> None:
        await court.granted()

        async def wait_a_month() -> None:
            court.clock.moment += timedelta(days=31)

        court.meanwhile = wait_a_month
        assert (await court.verdict()).verdict is Verdict.FAIL

    run(scenario())


def test_what_was_waived_or_not_measured_keeps_its_earlier_mark(court: Court) -> None:
    court.measured["coverage.line"] = 95.0

    async def scenario() -> None:
        requirement = decode(Requirement, asked(project=SHOP)["requirement"])

        async def passed(name: str, day: int, *results: GateResult) -> None:
            verdict = PhaseVerdict(
                phase=PHASE, passed=True, results=results, reasons=(), policy="p"
            )
            ended = NOW + timedelta(days=day)
            run = Run(
                id=RunId(name), workflow="build", status=RunStatus.SUCCEEDED, inputs={},
                max_parallel=1, created_at=NOW, ended_at=ended,
            )  # fmt: skip
            async with court.open() as m:
                await remember(m.store, run, requirement, [verdict])

        await passed("run-1", 1, await court.verdict())
        court.measured["coverage.line"] = 70.0
        await court.granted()
        waived = await court.verdict()
        assert waived.verdict is Verdict.WAIVED
        other = replace(
            waived, gate="TST-1", verdict=Verdict.PASS, waiver=None, observed={"suites.tests": 9}
        )
        await passed("run-2", 2, waived, other)
        async with court.open() as m:
            kept = await m.store.read(
                lambda tx: tx.baselines.get(SHOP, subject_of(requirement), PHASE)
            )
        assert kept is not None
        assert kept.run_id == "run-2"
        assert kept.metrics == {"coverage.line": 95.0, "suites.tests": 9}

    run(scenario())


def test_what_is_taken_back_counts_no_more(court: Court) -> None:
    async def scenario() -> None:
        record = await court.granted()
        async with court.open("carol") as m:
            await WaiverDesk(maestro=m).revoke(record.id, "the rewrite was called off")
            [found] = await WaiverDesk(maestro=m).find()
            names = (found.status.value, found.approver, found.revoked_by)
            assert names == ("revoked", "bob", "carol")
        assert (await court.verdict()).verdict is Verdict.FAIL

    run(scenario())


def test_a_gate_that_passes_needs_no_waiver(court: Court) -> None:
    async def scenario() -> None:
        await court.granted()
        court.measured["coverage.line"] = 95.0
        result = await court.verdict()
        assert (result.verdict, result.waiver) == (Verdict.PASS, None)

    run(scenario())


@pytest.mark.parametrize("gate", ["BAC-4", "BAC-7", "TST-1", "REV-6"])
def test_stubs_secrets_and_tests_are_never_waived(court: Court, gate: str) -> None:
    court.gate = gate
    with pytest.raises(InvalidInput, match="may never be waived"):
        run(_requested(court))


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"reason": " "}, "reason"),
        ({"reason": "because"}, "at least 15"),
        ({"adr": "0012"}, "ADR-0012"),
        ({"ceiling": ">= 90"}, "not laxer"),
        ({"ceiling": "coverage.line >= 90.0"}, "not laxer"),
        ({"ceiling": "coverage.line >= 0.0"}, "holds always"),
        ({"ceiling": "suites.tests > 0"}, "the gate is not"),
        ({"ceiling": "coverage.lin > 0.0"}, "coverage.lin"),
        ({"ceiling": "true"}, "no limit"),
        ({"expires": date(2026, 5, 3)}, "ended on 2026-05-03"),
    ],
)
def test_incomplete_terms_are_refused(court: Court, terms: JsonObject, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        run(_requested(court, **terms))


async def _requested(court: Court, **terms: Any) -> None:
    try:
        await court.request(**terms)
    finally:
        assert await court.audit() == []


def test_an_unknown_gate_is_refused(court: Court) -> None:
    court.gate = "XXX-1"
    with pytest.raises(InvalidInput, match="no gate 'XXX-1'"):
        run(_requested(court))


def test_who_has_no_right_to_decide_is_refused_and_audited(court: Court) -> None:
    async def scenario() -> None:
        record = await court.request()
        async with court.open() as m:
            mallory = Principal(id="mallory", permissions=frozenset({Permission.WAIVER_REQUEST}))
            with pytest.raises(PermissionDenied, match="waiver:decide"):
                await WaiverDesk(maestro=replace(m, principal=mallory)).approve(record.id)
        assert (await court.audit())[-1] == ("mallory", "waiver:approve", False)
        assert (await court.verdict()).verdict is Verdict.FAIL

    run(scenario())


def test_a_stricter_environment_demands_more_of_the_same_measurement(court: Court) -> None:
    court.measured["coverage.line"] = 82.0

    async def scenario() -> None:
        assert (await court.verdict()).verdict is Verdict.PASS
        strict = await court.verdict(environment=Environment.PRODUCTION)
        assert strict.verdict is Verdict.FAIL
        assert "85" in strict.condition

    run(scenario())


def test_a_drop_against_the_last_passing_run_blocks(court: Court) -> None:
    court.measured["coverage.line"] = 90.0

    async def scenario() -> None:
        first = await court.verdict("shop")
        assert first.verdict is Verdict.PASS
        requirement = decode(Requirement, asked(project="shop")["requirement"])
        async with court.open() as m:
            await m.store.write(lambda tx: tx.baselines.put(_of(requirement, first)))
        assert (await court.verdict("shop")).verdict is Verdict.PASS
        court.measured["coverage.line"] = 87.0
        dropped = await court.verdict("shop")
        assert dropped.verdict is Verdict.FAIL
        assert "90" in dropped.reason
        assert (await court.verdict("blog")).verdict is Verdict.PASS, "another product"

    run(scenario())


def _of(requirement: Requirement, result: GateResult) -> Baseline:
    verdict = PhaseVerdict(phase=PHASE, passed=True, results=(result,), reasons=(), policy="p")
    [baseline] = baselines(requirement, RunId("run-0"), NOW, [verdict])
    return baseline


def test_what_was_waived_is_no_mark_for_later_runs(court: Court) -> None:
    async def scenario() -> None:
        await court.granted()
        result = await court.verdict()
        verdict = PhaseVerdict(phase=PHASE, passed=True, results=(result,), reasons=(), policy="p")
        requirement = decode(Requirement, asked(project=SHOP)["requirement"])
        assert baselines(requirement, RunId("run-0"), NOW, [verdict]) == ()

    run(scenario())


def test_without_a_named_project_only_the_same_requirement_is_compared() -> None:
    one = decode(Requirement, asked()["requirement"])
    named = decode(Requirement, asked(project="shop")["requirement"])
    other = replace(one, text="Build something else")
    assert subject_of(one) == subject_of(replace(one, id=one.id)) != subject_of(other)
    assert subject_of(named) == subject_of(replace(named, text="Build more")) == ""
