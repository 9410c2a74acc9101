"""Two consumers and a provider on one contract: mocks, swap, drift, and what they negotiate."""

import asyncio
import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from maestro.bootstrap import connect
from maestro.delivery.amendment_steps import PROPOSALS
from maestro.delivery.service import Maestro, RunDetail
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.contract_life import ContractStatus
from maestro.domain.entities import DomainModel
from maestro.domain.plan import Plan
from maestro.domain.requirement import Analysis, Complexity, Parallelizability, RequirementType
from maestro.domain.run import EventKind, RunStatus
from maestro.domain.steering import Verb
from maestro.domain.team import Team
from maestro.domain.values import ContractId, RunId, StepId
from maestro.domain.work import Assignment, CheckCommand, LaunchCommand, WorkResult
from maestro.domain.workflow import Step, StepKind
from maestro.ports import Report, Sandbox
from maestro.settings import Settings

PROVIDERS = Path(__file__).parent.parent / "data" / "providers"
WHOLE: dict[str, Any] = json.loads((PROVIDERS / "task_api.json").read_text(encoding="utf-8"))
SPECIFICATION = WHOLE | {
    "paths": {path: item for path, item in WHOLE["paths"].items() if path.startswith("/users")}
}
PROVIDER, PAGE, TESTER = "backend_developer", "frontend_developer", "qa_engineer"
CONTRACT = Contract(
    id=ContractId("backend-api"),
    name="Users",
    kind=ContractKind.REST,
    version="1.0.0",
    provider=PROVIDER,
    component="backend",
    consumers=(PAGE, TESTER),
    format=SpecificationFormat.OPENAPI,
    specification=SPECIFICATION,
    deliverables=(),
    acceptance=(),
)
SERVER = """
import json, sys
from pathlib import Path
import uvicorn
import task_provider

drift = json.loads(Path("drift.json").read_text())


class Provider(task_provider.TaskApi):
    def answer(self, *asked):
        reply = super().answer(*asked)
        if isinstance(reply.body, dict) and "email" in reply.body and drift:
            reply.body = {name: v for name, v in reply.body.items() if name != drift}
        return reply


uvicorn.run(Provider(), host="127.0.0.1", port=int(sys.argv[1]), log_level="error", lifespan="off")
"""
CHECK = """
import json, os, urllib.request
with urllib.request.urlopen(os.environ["API_URL_BACKEND"] + "/users") as reply:
    assert "items" in json.load(reply)
"""


@dataclass
class ScriptedTeam:
    """Consumers call the mock and keep a check; the provider delivers a real server."""

    drift: str | None = None
    """A field that the provider leaves out of users."""
    proposal: Mapping[str, Any] | None = None
    by: str = PROVIDER
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Who worked with which version of the contract."""

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        who = assignment.persona.id
        await report(f"{who} works")
        contracts = (*assignment.provides, *(c.contract for c in assignment.consumes))
        self.seen += [(who, contract.version) for contract in contracts]
        details = {}
        if who == self.by and self.proposal is not None:
            proposed = {"contract": CONTRACT.id, "specification": self.proposal, "reason": "later"}
            details[PROPOSALS] = [proposed]
        if who == PROVIDER:
            return WorkResult(
                summary="a server",
                changed_paths=self._deliver(sandbox.root),
                launch=LaunchCommand(
                    argv=("{python}", "server.py", "{port}"),
                    cwd="backend",
                    ready_path="/api/users",
                    base_path="/api",
                ),
                details=details,
            )
        await call(assignment.consumes[0].url, who)
        (sandbox.root / f"{who}.py").write_text(CHECK)
        check = CheckCommand(id=who, statement="lists", argv=("{python}", f"{who}.py"))
        return WorkResult(summary="calls", changed_paths=(), rechecks=(check,), details=details)

    def _deliver(self, root: Path) -> tuple[str, ...]:
        folder = root / "backend"
        folder.mkdir()
        for name in ("task_provider.py", "task_api.json"):
            (folder / name).write_bytes((PROVIDERS / name).read_bytes())
        (folder / "server.py").write_text(SERVER)
        (folder / "drift.json").write_text(json.dumps(self.drift))
        return tuple(sorted(path.relative_to(root).as_posix() for path in folder.iterdir()))


async def call(url: str, who: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        made = await http.post(
            f"{url}/users", json={"name": who.title(), "email": f"{who}@example.com"}
        )
        assert made.status_code == 201, made.text
        found = await http.get(f"{url}/users/{made.json()['id']}")
        assert found.json()["name"] == who.title()


def plan(*, judged: bool) -> Plan:
    agree, build = StepId(f"contract.{CONTRACT.id}"), StepId("work.backend_developer")
    page, tests = StepId(f"work.{PAGE}"), StepId(f"work.{TESTER}")
    verify = StepId(f"verify.{CONTRACT.id}")

    def work(step_id: StepId, who: str, *needs: StepId) -> Step:
        sides = {"provides": [CONTRACT.id], "consumes": []}
        if who != PROVIDER:
            sides = {"provides": [], "consumes": [CONTRACT.id]}
        inputs = {"persona": who, "component": "backend", **sides}
        return Step(id=step_id, action="persona.work", needs=needs, inputs=inputs, persona=who)

    steps = (
        Step(id=agree, action="contract.agree", inputs={"contract": CONTRACT.id}),
        work(page, PAGE, agree),
        work(tests, TESTER, agree),
        work(build, PROVIDER, page, tests),  # it exists only when both consumers have finished
        Step(
            id=verify,
            action="contract.verify",
            kind=StepKind.GATE,
            needs=(build,),
            inputs={"contract": CONTRACT.id},
        ),
        Step(
            id=StepId(f"recheck.{PAGE}"),
            action="consumer.recheck",
            kind=StepKind.GATE,
            needs=(page, verify),
            inputs={"persona": PAGE, "contracts": [CONTRACT.id]},
        ),
    )
    return Plan(
        analysis=Analysis(
            type=RequirementType.FEATURE_DEVELOPMENT,
            complexity=Complexity.SIMPLE,
            parallelizability=Parallelizability.PARTIALLY_PARALLEL,
            expertise=(),
            effort_hours=1.0,
            risks=(),
            dependencies=(),
            rationale="",
            confidence=1.0,
            domain=DomainModel(title="Users", entities=()),
            parts=(),
        ),
        matches=(),
        team=Team(blueprint="full-stack", members=()),
        contracts=(CONTRACT,),
        steps=steps if judged else steps[:4],
        parallel=True,
    )


def changed(edit: str) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(SPECIFICATION)
    user = document["components"]["schemas"]["User"]
    if edit == "email is optional":
        user["required"].remove("email")
    else:
        assert edit == "ids have an end"
        user["properties"]["id"]["maximum"] = 2**31 - 1
    return document


async def answered(m: Maestro, run_id: RunId, verbs: Mapping[str, Verb]) -> None:
    """Answers every approval the run asks for, until it has ended."""
    async for event in m.events(run_id):
        if event.kind is EventKind.STEP_AWAITING and event.step_id:
            who = event.step_id.rpartition(".")[2]
            await m.steer(run_id, verbs[who], event.step_id, comment=f"{who} has spoken")


async def ran(
    folder: Path,
    team: ScriptedTeam,
    verbs: Mapping[str, Verb] | None = None,
    *,
    judged: bool = True,
) -> tuple[RunDetail, dict[str, ContractStatus]]:
    settings = Settings.load({}, database=folder / "m.db", sandbox="off")
    async with connect(settings, executor=team) as m:
        run_id = await m.submit("Build a REST API for users", plan=plan(judged=judged))
        async with asyncio.timeout(110), asyncio.TaskGroup() as group:
            group.create_task(answered(m, run_id, verbs or {}))
            group.create_task(m.execute(run_id))
        shelf = await m.store.read(lambda tx: tx.contracts.find((), run_id=run_id))
        return await m.show(run_id), {r.contract.version: r.status for r in shelf}


def test_a_compatible_amendment_goes_through(tmp_path: Path) -> None:
    team = ScriptedTeam(proposal=changed("ids have an end"))
    detail, shelf = asyncio.run(ran(tmp_path, team))
    assert detail.run.status is RunStatus.SUCCEEDED, detail.outcome.reasons
    # The consumers had finished on mocks when there was no provider yet.
    assert [who for who, _ in team.seen][-1] == PROVIDER
    replays = [
        check
        for step in detail.steps
        if step.step_id.startswith("verify.")
        for check in (step.output or {})["checks"]
        if check["id"] == "consumer_replay"
    ]
    # What both did on the mocks works with what was built, before and after the amendment.
    assert [check["detail"].partition(";")[0] for check in replays] == ["4 of 4 calls alike"] * 2
    assert shelf == {"1.0.0": ContractStatus.AMENDED, "1.1.0": ContractStatus.FULFILLED}
    assert detail.record.contract(CONTRACT.id).version == "1.1.0"
    assert detail.record.verifications()[CONTRACT.id].conforms
    again = [step.step_id for step in detail.steps if step.step_id.startswith("recheck.")]
    assert len(again) == 2


def test_a_drift_by_one_field_blocks_and_names_both_sides(tmp_path: Path) -> None:
    detail, shelf = asyncio.run(ran(tmp_path, ScriptedTeam(drift="email")))
    assert detail.run.status is RunStatus.BLOCKED
    told = "\n".join(detail.outcome.reasons)
    for side in (PROVIDER, PAGE, TESTER):
        assert repr(side) in told
    assert "email" in told
    assert shelf == {"1.0.0": ContractStatus.BREACHED}


def test_a_break_without_consent_is_refused(tmp_path: Path) -> None:
    team = ScriptedTeam(proposal=changed("email is optional"))
    verbs = {PAGE: Verb.APPROVE, TESTER: Verb.REJECT}
    detail, shelf = asyncio.run(ran(tmp_path, team, verbs, judged=False))
    assert detail.run.status is RunStatus.BLOCKED
    amending = next(s for s in detail.steps if s.step_id.startswith("amend."))
    assert amending.error is not None
    assert repr(PROVIDER) in amending.error.message
    assert repr(TESTER) in amending.error.message
    assert any("qa_engineer has spoken" in reason for reason in amending.error.reasons)
    assert any("response-property" in reason for reason in amending.error.reasons)
    assert shelf == {"1.0.0": ContractStatus.AGREED}  # it stays as it was
    assert detail.record.contract(CONTRACT.id).version == "1.0.0"


def test_a_break_with_every_consent_is_a_major_version(tmp_path: Path) -> None:
    team = ScriptedTeam(proposal=changed("email is optional"), by=PAGE)
    verbs = {PROVIDER: Verb.APPROVE, TESTER: Verb.APPROVE}
    detail, shelf = asyncio.run(ran(tmp_path, team, verbs))
    assert detail.run.status is RunStatus.SUCCEEDED, detail.outcome.reasons
    assert shelf == {"1.0.0": ContractStatus.AMENDED, "2.0.0": ContractStatus.FULFILLED}
    assert detail.record.contract(CONTRACT.id).digest.startswith("sha256:")
