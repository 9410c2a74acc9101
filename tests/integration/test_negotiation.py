"""Two consumers and a provider on one contract: mocks, swap, drift, and what they negotiate."""

import asyncio
import contextlib
import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from scripted_run import Ran, plan_of, ran

from maestro.delivery.work_steps import MAX_RECORDED_CALLS
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.contract_life import ContractStatus
from maestro.domain.plan import Plan
from maestro.domain.run import EventKind, RunStatus
from maestro.domain.steering import Verb
from maestro.domain.values import ContractId, StepId
from maestro.domain.work import PROPOSALS, Assignment, CheckCommand, LaunchCommand, WorkResult
from maestro.domain.workflow import Step, StepKind
from maestro.ports import Report, Sandbox

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
    """A field that the provider leaves out of users, from attempt `drifts_from` on."""
    drifts_from: int = 1
    waits: bool = False
    """Whether the page's developer works until the mock has the amended contract."""
    proposal: Mapping[str, Any] | None = None
    by: str = PROVIDER
    as_file: bool = False
    """Proposes as agents do that hand in nothing but files."""
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Who worked with which version of the contract."""

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        who = assignment.persona.id
        await report(f"{who} works")
        contracts = (*assignment.provides, *(c.contract for c in assignment.consumes))
        self.seen += [(who, contract.version) for contract in contracts]
        details = {}
        if who == self.by and self.proposal is not None and self.as_file:
            folder = sandbox.root / "contract-proposals"
            folder.mkdir()
            (folder / f"{CONTRACT.id}.json").write_text(json.dumps(self.proposal))
        elif who == self.by and self.proposal is not None:
            proposed = {"contract": CONTRACT.id, "specification": self.proposal, "reason": "later"}
            details[PROPOSALS] = [proposed]
        if who == PROVIDER:
            return WorkResult(
                summary="a server",
                changed_paths=self._deliver(sandbox.root, assignment.attempt),
                launch=LaunchCommand(
                    argv=("{python}", "server.py", "{port}"),
                    cwd="backend",
                    ready_path="/api/users",
                    base_path="/api",
                ),
                details=details,
            )
        await call(assignment.consumes[0].url, who)
        if self.waits and who == PAGE:
            await amended(assignment.consumes[0].url)
            await call(assignment.consumes[0].url, f"{who}2")
        (sandbox.root / f"{who}.py").write_text(CHECK)
        check = CheckCommand(id=who, statement="lists", argv=("{python}", f"{who}.py"))
        return WorkResult(summary="calls", changed_paths=(), rechecks=(check,), details=details)

    def _deliver(self, root: Path, attempt: int) -> tuple[str, ...]:
        folder = root / "backend"
        folder.mkdir()
        for name in ("task_provider.py", "task_api.json"):
            (folder / name).write_bytes((PROVIDERS / name).read_bytes())
        (folder / "server.py").write_text(SERVER)
        drift = self.drift if attempt >= self.drifts_from else None
        (folder / "drift.json").write_text(json.dumps(drift))
        return tuple(sorted(path.relative_to(root).as_posix() for path in folder.iterdir()))


async def call(url: str, who: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        made = await http.post(
            f"{url}/users", json={"name": who.title(), "email": f"{who}@example.com"}
        )
        assert made.status_code == 201, made.text
        found = await http.get(f"{url}/users/{made.json()['id']}")
        assert found.json()["name"] == who.title()


async def amended(url: str) -> None:
    """Returns when the mock at this very address serves the amended contract."""
    place = f"{url.removesuffix('/api')}/__maestro/spec/{CONTRACT.id}"
    async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(60):
        while True:
            with contextlib.suppress(httpx.TransportError):  # it is being started again
                served = (await http.get(place)).json()
                if "maximum" in served["components"]["schemas"]["User"]["properties"]["id"]:
                    return
            await asyncio.sleep(0.05)


def plan(*, judged: bool, side_by_side: bool = False) -> Plan:
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
        # It exists only when both consumers have finished, unless they work side by side.
        work(build, PROVIDER, *((agree,) if side_by_side else (page, tests))),
        Step(
            id=verify,
            action="contract.verify",
            kind=StepKind.GATE,
            needs=(build, page, tests),
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
    return plan_of((CONTRACT,), steps if judged else steps[:4])


def changed(edit: str) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(SPECIFICATION)
    user = document["components"]["schemas"]["User"]
    if edit == "email is optional":
        user["required"].remove("email")
    else:
        assert edit == "ids have an end"
        user["properties"]["id"]["maximum"] = 2**31 - 1
    return document


def run(
    folder: Path,
    team: ScriptedTeam,
    verbs: Mapping[str, Verb] | None = None,
    *,
    judged: bool = True,
    **more: Any,
) -> Ran:
    return asyncio.run(ran(folder, team, plan(judged=judged), verbs, **more))


def test_a_compatible_amendment_goes_through(tmp_path: Path) -> None:
    team = ScriptedTeam(proposal=changed("ids have an end"))
    done = run(tmp_path, team)
    assert done.detail.run.status is RunStatus.SUCCEEDED, done.detail.outcome.reasons
    # The consumers had finished on mocks when there was no provider yet.
    assert [who for who, _ in team.seen][-1] == PROVIDER
    replays = [
        check
        for step in done.detail.steps
        if step.step_id.startswith("verify.")
        for check in (step.output or {})["checks"]
        if check["id"] == "consumer_replay"
    ]
    # What both did on the mocks works with what was built, before and after the amendment.
    assert [check["detail"].partition(",")[0] for check in replays] == ["4 of 4 alike"] * 2
    assert done.shelf == {"1.0.0": ContractStatus.AMENDED, "1.1.0": ContractStatus.FULFILLED}
    assert done.detail.record.contract(CONTRACT.id).version == "1.1.0"
    assert done.detail.record.verifications()[CONTRACT.id].conforms
    again = [step.step_id for step in done.detail.steps if step.step_id.startswith("recheck.")]
    assert len(again) == 2


def test_a_drift_by_one_field_blocks_and_names_both_sides(tmp_path: Path) -> None:
    """Green with what was built first; then the provider builds it anew, and drifts."""
    team = ScriptedTeam(drift="email", drifts_from=2)
    work = StepId(f"work.{PROVIDER}")
    done = run(tmp_path, team, again=((Verb.RERUN, work),))
    ends = [
        e.kind
        for e in done.detail.events
        if e.kind in (EventKind.RUN_SUCCEEDED, EventKind.RUN_BLOCKED)
    ]
    assert ends == [EventKind.RUN_SUCCEEDED, EventKind.RUN_BLOCKED]
    # Both consumers had finished on mocks when there was no provider yet, and did not work again.
    assert [who for who, _ in team.seen] in (
        [PAGE, TESTER, PROVIDER, PROVIDER],
        [TESTER, PAGE, PROVIDER, PROVIDER],
    )
    assert done.detail.run.status is RunStatus.BLOCKED
    told = "\n".join(done.detail.outcome.reasons)
    for side in (PROVIDER, PAGE, TESTER):
        assert repr(side) in told
    assert "email" in told
    assert done.shelf == {"1.0.0": ContractStatus.BREACHED}


def test_an_amendment_restarts_the_mocks_of_those_who_work(tmp_path: Path) -> None:
    """The page's developer is still at work when the provider's amendment is accepted."""
    team = ScriptedTeam(proposal=changed("ids have an end"), waits=True)
    made = plan(judged=True, side_by_side=True)
    done = asyncio.run(ran(tmp_path, team, made))
    assert done.detail.run.status is RunStatus.SUCCEEDED, done.detail.outcome.reasons
    started = done.told(EventKind.MOCK_STARTED, f"work.{PAGE}")
    assert [event.data["version"] for event in started] == ["1.0.0", "1.1.0"]
    assert len({event.data["url"] for event in started}) == 1
    stopped = done.told(EventKind.MOCK_STOPPED, f"work.{PAGE}")
    assert stopped[0].data["calls"] >= 2  # what was called before stays recorded
    calls = dict(done.detail.record.works())[StepId(f"work.{PAGE}")].calls[CONTRACT.id]
    assert [c.request_body["name"] for c in calls if c.method == "POST"] == [
        PAGE.title(), f"{PAGE}2".title()
    ]  # fmt: skip
    assert done.detail.record.verifications()[CONTRACT.id].conforms
    assert done.shelf["1.1.0"] is ContractStatus.FULFILLED


def test_a_break_without_consent_is_refused(tmp_path: Path) -> None:
    team = ScriptedTeam(proposal=changed("email is optional"))
    verbs = {PAGE: Verb.APPROVE, TESTER: Verb.REJECT}
    done = run(tmp_path, team, verbs, judged=False)
    assert done.detail.run.status is RunStatus.BLOCKED
    amending = next(s for s in done.detail.steps if s.step_id.startswith("amend."))
    assert amending.error is not None
    assert repr(PROVIDER) in amending.error.message
    assert repr(TESTER) in amending.error.message
    assert any("qa_engineer has spoken" in reason for reason in amending.error.reasons)
    assert any("response-property" in reason for reason in amending.error.reasons)
    assert done.shelf == {"1.0.0": ContractStatus.AGREED}  # it stays as it was
    assert done.detail.record.contract(CONTRACT.id).version == "1.0.0"


def test_a_break_with_every_consent_is_a_major_version(tmp_path: Path) -> None:
    team = ScriptedTeam(proposal=changed("email is optional"), by=PAGE, as_file=True)
    verbs = {PROVIDER: Verb.APPROVE, TESTER: Verb.APPROVE}
    done = run(tmp_path, team, verbs)
    assert done.detail.run.status is RunStatus.SUCCEEDED, done.detail.outcome.reasons
    assert done.shelf == {"1.0.0": ContractStatus.AMENDED, "2.0.0": ContractStatus.FULFILLED}
    assert done.detail.record.contract(CONTRACT.id).digest.startswith("sha256:")
    # Consumers had called a mock of 1.0.0: that says nothing of who provides 2.0.0.
    *_, again = (step.output for step in done.detail.steps if step.step_id.startswith("verify."))
    assert "consumer_replay" not in {check["id"] for check in again["checks"]}
    assert [finding["rule"] for finding in again["findings"]] == ["calls_of_another_version"]
    assert "recorded call(s) are not repeated" in again["findings"][0]["message"]
    assert done.detail.record.verifications()[CONTRACT.id].conforms


@dataclass
class ScriptedCaller:
    """Asks the mock more often than is kept."""

    times: int

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        async with httpx.AsyncClient(trust_env=False) as http:
            for number in range(self.times):
                await http.get(f"{assignment.consumes[0].url}/users", params={"offset": number})
        return WorkResult(summary="calls", changed_paths=())


def test_the_last_calls_are_kept_and_how_many_there_were(tmp_path: Path) -> None:
    times = MAX_RECORDED_CALLS + 7
    whole = plan(judged=False)
    made = replace(whole, steps=whole.steps[:2])
    done = asyncio.run(ran(tmp_path, ScriptedCaller(times), made))
    [(step_id, work)] = done.detail.record.works()
    kept = work.calls[CONTRACT.id]
    assert [call.query for call in kept] == [f"offset={number}" for number in range(7, times)]
    assert work.calls_seen == {CONTRACT.id: times}
    [stopped] = done.told(EventKind.MOCK_STOPPED, step_id)
    assert stopped.data["calls"] == times
