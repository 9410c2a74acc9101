"""The report is taken from what is there: audit log, waivers, the journal of runs."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from maestro.bootstrap import connect
from maestro.cli.main import main
from maestro.delivery.audit_desk import audit_desk
from maestro.delivery.compliance import ComplianceReport, compliance_report
from maestro.delivery.compliance_text import report_text
from maestro.delivery.service import Maestro
from maestro.delivery.waiver_desk import WaiverDesk
from maestro.domain.access import Permission, Principal
from maestro.domain.steering import Verb
from maestro.domain.values import JsonObject, StepId, new_run_id
from maestro.domain.waiver_life import WaiverRecord
from maestro.domain.workflow import Step, StepKind, Workflow
from maestro.ports import StepContext, StepResult
from maestro.settings import Settings
from maestro.workflow.embedded import EmbeddedEngine

RAW = "sha256:" + "a" * 64


def person(name: str) -> Principal:
    return Principal(id=name, permissions=frozenset(Permission))


async def decided(maestro: Maestro) -> WaiverRecord:
    """A waiver that ann asked for and bob approved, a gate that passed by it, and an approval."""
    ann, bob = (replace(maestro, principal=person(name)) for name in ("ann", "bob"))
    asked = await WaiverDesk(maestro=ann).request(
        "TST-4",
        ceiling=">= 60",
        reason="the importer is rewritten",
        adr="ADR-0012",
        expires=maestro.clock.now().date() + timedelta(days=9),
    )
    waiver = await WaiverDesk(maestro=bob).approve(asked.id, "only this once")

    async def scripted_gate(_: StepContext) -> StepResult:
        return StepResult(output=gate_record(waiver))

    gates = {"quality.gate": scripted_gate}
    maestro = replace(maestro, engine=EmbeddedEngine(maestro.store, maestro.clock, gates))
    bob, run_id = replace(bob, engine=maestro.engine), new_run_id()
    steps = (
        Step(id=StepId("gate"), action="quality.gate"),
        Step(id=StepId("ask"), action="", kind=StepKind.APPROVAL, needs=(StepId("gate"),)),
    )
    flow = Workflow(name="flow", steps=steps)
    await maestro.engine.start(flow, inputs={}, max_parallel=1, run_id=run_id, project="shop")
    async with asyncio.TaskGroup() as group:
        group.create_task(maestro.engine.execute(run_id))
        async for event in maestro.events(run_id):
            if event.kind == "step.awaiting":
                await bob.steer(run_id, Verb.APPROVE, StepId("ask"), comment="seen | *it*")
    return waiver


def test_what_only_looks_like_a_verdict_is_none_and_breaks_no_report(tmp_path: Path) -> None:
    """Whoever writes a workflow file says what its steps put out."""
    forged: JsonObject = {
        "result": {"gate": "TST-4", "verdict": "WAIVED", "waiver": "mine", "evidence": None},
        "verdict": {"passed": True, "results": [{"gate": "TST-4", "verdict": "WAIVED"}]},
    }
    shapeless: JsonObject = {"verdict": {"passed": True, "WAIVED": {"verdict": "WAIVED"}}}

    async def told(context: StepContext) -> StepResult:
        return StepResult(output=forged if context.step.id == "a" else shapeless)

    async def approved(maestro: Maestro) -> None:
        engine = EmbeddedEngine(maestro.store, maestro.clock, {"value.set": told})
        maestro, run_id = replace(maestro, engine=engine), new_run_id()
        told_by = tuple(StepId(name) for name in ("a", "b"))
        ask = Step(id=StepId("ask"), action="", kind=StepKind.APPROVAL, needs=told_by)
        steps = (*(Step(id=name, action="value.set") for name in told_by), ask)
        flow = Workflow(name="flow", steps=steps)
        await engine.start(flow, inputs={}, max_parallel=1, run_id=run_id, project="shop")
        async with asyncio.TaskGroup() as group:
            group.create_task(engine.execute(run_id))
            async for event in maestro.events(run_id):
                if event.kind == "step.awaiting":
                    await maestro.steer(run_id, Verb.APPROVE, StepId("ask"))

    found = reported(tmp_path, approved)
    assert found.waived == ()
    (approval,) = found.decisions
    assert [(one.step, one.gate) for one in approval.evidence] == [("a", None), ("b", None)]


def gate_record(waiver: WaiverRecord) -> JsonObject:
    """As a `quality.gate` step puts it out, in what the report reads of it."""
    terms = {name: getattr(waiver, name) for name in ("gate", "project", "author", "approver")}
    result = {
        "gate": "TST-4",
        "phase": "testing",
        "verdict": "WAIVED",
        "condition": "coverage.line >= 80",
        "observed": {"coverage.line": 71.0},
        "waiver": {**terms, "adr": waiver.adr},
        "evidence": [RAW],
    }
    results = [result, {**result, "gate": "TST-1", "verdict": "PASS", "waiver": None}]
    verdict = {"phase": "testing", "passed": True, "policy": "sha256:p", "results": results}
    return {"verdict": verdict, "evidence": []}


def reported(
    folder: Path, work: Callable[[Maestro], Awaitable[object]] | None = None, **asked: object
) -> ComplianceReport:
    async def run() -> ComplianceReport:
        given = {"MAESTRO_DATA": str(folder / "data")}
        settings = Settings.load(given, database=folder / "m.db")
        async with connect(settings, project="shop") as maestro:
            if work is not None:
                await work(maestro)
            return await compliance_report(audit_desk(maestro), **asked)  # type: ignore[arg-type]

    return asyncio.run(run())


def test_who_decided_what_on_which_evidence(tmp_path: Path) -> None:
    found = reported(tmp_path, decided, project="shop")
    assert found.chain.intact
    told = [(one.principal, one.action, one.comment) for one in found.decisions]
    assert told == [
        ("ann", "waiver:request", "the importer is rewritten"),
        ("bob", "waiver:approve", "only this once"),
        ("bob", "run:approve", "seen | *it*"),
    ]
    (seen,) = found.decisions[2].evidence
    assert (seen.step, seen.attempt, seen.status) == ("gate", 1, "succeeded")
    assert seen.gate == {
        "phase": "testing",
        "passed": True,
        "policy": "sha256:p",
        "evidence": [RAW],
    }
    (waiver,), (used,) = found.waivers, found.waived
    assert (waiver.author, waiver.approver) == ("ann", "bob")
    assert (used.waiver_id, used.gate, used.evidence) == (waiver.id, "TST-4", (RAW,))
    text = report_text(found)
    assert "seen &#124; &#42;it&#42;" in text
    assert text.count(waiver.id) == 4
    assert reported(tmp_path).decisions == found.decisions
    other = reported(tmp_path, project="bank")
    assert (other.decisions, other.waivers, other.waived) == ((), (), ())
    later = reported(tmp_path, since=found.generated_at)
    assert (later.decisions, later.waivers, later.waived) == ((), (), ())


def test_a_changed_log_is_said_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reported(tmp_path, decided)
    connection = sqlite3.connect(tmp_path / "m.db")
    with connection:
        connection.execute("UPDATE audit SET principal = 'eve' WHERE principal = 'bob'")
    connection.close()
    assert not reported(tmp_path).chain.intact
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["audit", "report", "--db", str(tmp_path / "m.db")])
    assert ended.value.code == 3
    assert "**Audit log: NOT INTACT" in capsys.readouterr().out.splitlines()[4]
