"""What a run has produced so far, read from its committed step outputs.

Step handlers, the outcome and the reports all read a run through this one view, so that none of
them can tell another story than the journal.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from maestro.contracts.comparison.changes import version_numbers
from maestro.domain.contract import CheckResult, Contract, Verification
from maestro.domain.encoding import decode
from maestro.domain.plan import Plan
from maestro.domain.quality import Evidence, PhaseVerdict
from maestro.domain.requirement import Requirement
from maestro.domain.run import StepError
from maestro.domain.values import JsonObject, JsonValue, StepId
from maestro.domain.work import Artifact, LaunchCommand, WorkResult
from maestro.errors import Blocked, NotFound
from maestro.ports import RecordedCall, StepContext

AMENDMENTS = "amend."
"""What the ids of `contract.amend` steps begin with."""
PLAN_STEP = StepId("plan.assemble")
INTEGRATE_STEP = StepId("integrate")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRecord:
    """Output of a `persona.work` step."""

    persona: str
    component: str
    result: WorkResult
    artifacts: tuple[Artifact, ...]
    calls: Mapping[str, tuple[RecordedCall, ...]] = field(default_factory=dict)
    """The last calls made on the mock, per consumed contract."""
    calls_seen: Mapping[str, int] = field(default_factory=dict)
    """How many calls there were in all, per consumed contract."""
    sandbox: str = ""
    entry: "GateRecord | None" = None
    """The verdict that let the work start; None where the phase has no entry gate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckRecord:
    """Output of a `consumer.recheck` step: a consumer's checks against the real providers."""

    persona: str
    checks: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationRecord:
    """Output of `app.integrate`: the union of all contributions, really started once."""

    artifacts: tuple[Artifact, ...]
    launch: LaunchCommand | None
    answered: str
    """Path that was asked after the start, and its status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRecord:
    """Output, or error detail, of a `quality.gate` step, and detail of work that may not start."""

    verdict: PhaseVerdict
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendmentRecord:
    """Output of a `contract.amend` step."""

    contract: Contract
    """As the run works with it from then on."""
    replaced: str
    """The version it stands in place of."""
    by: str
    """Who proposed it."""
    consents: tuple[str, ...]
    verified_again: Mapping[str, str]
    """Step of the plan -> step that holds the same against the new version."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    inputs: JsonObject
    outputs: Mapping[StepId, JsonValue]
    errors: Mapping[StepId, StepError]

    @staticmethod
    def of(context: StepContext) -> "RunRecord":
        return RunRecord(context.run_inputs, context.outputs, context.errors)

    @property
    def requirement(self) -> Requirement:
        return decode(Requirement, self.inputs["requirement"])

    @property
    def plan(self) -> Plan | None:
        """None as long as planning has not finished."""
        data = self.outputs.get(PLAN_STEP)
        return None if data is None else decode(Plan, data)

    def decided(self) -> Plan:
        """The plan. Raises NotFound before planning has finished."""
        plan = self.plan
        if plan is None:
            raise NotFound(f"the run has no plan yet: step {PLAN_STEP!r} has not succeeded")
        return plan

    def contract(self, contract_id: str) -> Contract:
        """The contract as it was agreed or last amended, or as it was designed while it is not
        agreed. Raises NotFound.
        """
        amended = [a.contract for a in self.amendments() if a.contract.id == contract_id]
        if amended:
            return max(amended, key=lambda contract: version_numbers(contract.version))
        agreed = self.outputs.get(StepId(f"contract.{contract_id}"))
        if agreed is not None:
            return decode(Contract, agreed)
        for contract in self.decided().contracts:
            if contract.id == contract_id:
                return contract
        raise NotFound(f"the plan has no contract {contract_id!r}")

    def contracts(self) -> tuple[Contract, ...]:
        return tuple(self.contract(contract.id) for contract in self.decided().contracts)

    def amendments(self) -> Iterator[AmendmentRecord]:
        """Those that were accepted."""
        for step_id, data in self.outputs.items():
            if step_id.startswith(AMENDMENTS):
                yield decode(AmendmentRecord, data)

    def works(self) -> Iterator[tuple[StepId, WorkRecord]]:
        """Finished persona steps, in the plan's order."""
        for step in self.decided().steps:
            if step.action == "persona.work" and step.id in self.outputs:
                yield step.id, decode(WorkRecord, self.outputs[step.id])

    def verifications(self) -> dict[str, Verification]:
        """Per contract; also those that made their step blocked."""
        found: dict[str, Verification] = {}
        for step in self.decided().steps:
            if step.action == "contract.verify":
                data = self._latest(step.id)
                if data is not None:
                    verification = decode(Verification, data)
                    found[verification.contract] = verification
        return found

    def rechecks(self) -> dict[str, RecheckRecord]:
        """Per persona."""
        found: dict[str, RecheckRecord] = {}
        for step in self.decided().steps:
            if step.action == "consumer.recheck":
                data = self._latest(step.id)
                if data is not None:
                    record = decode(RecheckRecord, data)
                    found[record.persona] = record
        return found

    def gates(self) -> tuple[GateRecord, ...]:
        """Judged phases, in the plan's order; also the blocked ones."""
        if self.plan is None:
            return ()
        results = [
            self._result(step.id) for step in self.decided().steps if step.action == "quality.gate"
        ]
        return tuple(decode(GateRecord, data) for data in results if data is not None)

    def entries(self) -> Iterator[tuple[StepId, GateRecord]]:
        """Steps of work that were let start by entry gates, or were not, in the plan's order."""
        for step in self.decided().steps if self.plan is not None else ():
            if step.action != "persona.work":
                continue
            data = self._result(step.id)
            if step.id not in self.outputs:
                if isinstance(data, Mapping) and "verdict" in data:
                    yield step.id, decode(GateRecord, data)
            else:
                entry = decode(WorkRecord, data).entry
                if entry is not None:
                    yield step.id, entry

    def integration(self) -> IntegrationRecord | None:
        data = self.outputs.get(INTEGRATE_STEP)
        return None if data is None else decode(IntegrationRecord, data)

    def _latest(self, step_id: StepId) -> JsonValue:
        """The same of the step that did it last, as it is done again after an amendment."""
        again = [
            self._result(StepId(a.verified_again[step_id]))
            for a in self.amendments()
            if step_id in a.verified_again
        ]
        found = [data for data in again if data is not None]
        return found[-1] if found else self._result(step_id)

    def _result(self, step_id: StepId) -> JsonValue:
        """What the step committed, or the detail with which it was blocked."""
        if step_id in self.outputs:
            return self.outputs[step_id]
        error = self.errors.get(step_id)
        return error.detail if error is not None and error.code == Blocked.code else None
