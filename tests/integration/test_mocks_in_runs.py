"""In a run a consumer of any kind of contract gets its mock, for exactly as long as it works."""

import asyncio
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from grpc_provider import SERVICE
from pricing_module import RIGHT
from scripted_run import Ran, plan_of, ran

from maestro.contracts.reading import read_contract
from maestro.domain.addresses import joined_variables
from maestro.domain.contract import Contract
from maestro.domain.run import EventKind, RunStatus
from maestro.domain.values import StepId
from maestro.domain.work import Assignment, CheckCommand, WorkResult
from maestro.domain.workflow import Step, StepKind
from maestro.ports import Report, Sandbox

CONTRACTS = Path(__file__).parents[2] / "examples" / "contracts"
PROVIDER, CONSUMER = "backend_developer", "qa_engineer"
FILES = ("inventory.proto", "shop.graphql", "orders.asyncapi.yaml", "pricing.py")
PRICES = """
from pricing import Currency, Pricing
assert Pricing().quote("SKU-1", 2, currency=Currency.USD).quantity == 2
"""
ALL = f"""
import json, os, urllib.request
import grpc

with grpc.insecure_channel(os.environ["GRPC_ADDRESS_INVENTORY"]) as channel:
    channel.unary_unary("/{SERVICE}/ListItems")(b"", timeout=20)


def post(url, body):
    headers = {{"Content-Type": "application/json"}}
    sent = urllib.request.Request(url, json.dumps(body).encode(), headers)
    return urllib.request.urlopen(sent, timeout=20).read()


answer = json.loads(post(os.environ["GRAPHQL_URL_SHOP"], {{"query": "{{ __typename }}"}}))
assert answer == {{"data": {{"__typename": "Query"}}}}, answer
wish = {{"command": "cancel", "reason": "changed my mind"}}
post(os.environ["EVENTS_URL_ORDERS_ASYNCAPI"] + "/orders/ord-9", wish)
"""


def contracts() -> dict[str, Contract]:
    read = [read_contract(CONTRACTS / file) for file in FILES]
    return {made.id: replace(made, provider=PROVIDER, consumers=(CONSUMER,)) for made in read}


@dataclass
class ScriptedPair:
    """One who calls everything that the contracts promise, and one who builds the module."""

    drifts: bool = False
    left: tuple[str, ...] = ()
    """What of the mocks the consumer's tree held while it worked."""

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        await report(f"{assignment.persona.id} works")
        if assignment.persona.id == PROVIDER:
            module = RIGHT.replace("def rates(", "def ratios(") if self.drifts else RIGHT
            (sandbox.root / "pricing.py").write_text(module)
            return WorkResult(summary="prices", changed_paths=("pricing.py",))
        env = joined_variables(consumed.variables() for consumed in assignment.consumes)
        (sandbox.root / "prices.py").write_text(PRICES)
        (sandbox.root / "all.py").write_text(ALL + PRICES)
        done = await sandbox.run([sys.executable, "all.py"], timeout=60, env=env)
        assert done.exit_code == 0, done.stderr
        self.left = tuple(path.name for path in sandbox.root.iterdir() if path.is_dir())
        check = CheckCommand(id="prices", statement="prices", argv=("{python}", "prices.py"))
        return WorkResult(summary="calls", changed_paths=("all.py",), rechecks=(check,))


def run(folder: Path, team: ScriptedPair) -> Ran:
    known = contracts()
    agreed = tuple(StepId(f"contract.{name}") for name in known)
    page, build = StepId("work.consumer"), StepId("work.provider")

    def work(
        step_id: StepId, who: str, provides: list[str], consumes: list[str], *needs: StepId
    ) -> Step:
        inputs = {
            "persona": who,
            "component": "pricing",
            "provides": provides,
            "consumes": consumes,
        }
        return Step(id=step_id, action="persona.work", needs=needs, inputs=inputs, persona=who)

    steps = (
        *(
            Step(id=StepId(f"contract.{name}"), action="contract.agree", inputs={"contract": name})
            for name in known
        ),
        work(page, CONSUMER, [], list(known), *agreed),
        work(build, PROVIDER, ["pricing"], [], page),
        Step(
            id=StepId("verify.pricing"),
            action="contract.verify",
            kind=StepKind.GATE,
            needs=(build, page),
            inputs={"contract": "pricing"},
        ),
        Step(
            id=StepId("recheck.consumer"),
            action="consumer.recheck",
            kind=StepKind.GATE,
            needs=(page, StepId("verify.pricing")),
            inputs={"persona": CONSUMER, "contracts": ["pricing"]},
        ),
    )  # fmt: skip
    return asyncio.run(ran(folder, team, plan_of(tuple(known.values()), steps)))


def test_every_kind_has_its_mock_and_its_record(tmp_path: Path) -> None:
    team = ScriptedPair()
    done = run(tmp_path, team)
    assert done.detail.run.status is RunStatus.SUCCEEDED, done.detail.outcome.reasons
    started = done.told(EventKind.MOCK_STARTED, "work.consumer")
    stopped = done.told(EventKind.MOCK_STOPPED, "work.consumer")
    urls = {str(event.data["contract"]): str(event.data["url"]) for event in started}
    assert urls.keys() == contracts().keys()
    assert urls["inventory"].startswith("grpc://127.0.0.1:")
    assert urls["pricing"] == ""
    assert {e.data["contract"]: e.data["calls"] for e in stopped} == dict.fromkeys(urls, 1)
    work = dict(done.detail.record.works())[StepId("work.consumer")]
    protocols = {name: calls[0].protocol for name, calls in work.calls.items()}
    assert protocols == {
        "inventory": "grpc", "shop": "graphql", "orders.asyncapi": "http", "pricing": "python"
    }  # fmt: skip
    assert {call.consumer for calls in work.calls.values() for call in calls} == {CONSUMER}
    # The stub was in the tree as long as somebody worked there, and is no part of the result.
    assert team.left == (".maestro-mocks",)
    assert [artifact.path for artifact in work.artifacts] == ["all.py", "prices.py"]
    replayed = [
        check
        for check in done.detail.record.verifications()["pricing"].checks
        if check.id == "consumer_replay"
    ]
    assert [check.passed for check in replayed] == [True]
    assert [c.passed for c in done.detail.record.rechecks()[CONSUMER].checks] == [True]


def test_a_module_that_drifts_blocks_and_names_both_sides(tmp_path: Path) -> None:
    done = run(tmp_path, ScriptedPair(drifts=True))
    assert done.detail.run.status is RunStatus.BLOCKED
    told = "\n".join(done.detail.outcome.reasons)
    assert repr(PROVIDER) in told
    assert repr(CONSUMER) in told
    assert "Pricing" in told
