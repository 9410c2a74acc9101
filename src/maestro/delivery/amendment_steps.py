"""Negotiation as durable steps: whoever works on a contract proposes, the others consent or not.

`persona.work` adds a proposal to the run, `contract.propose` finds out what it breaks and asks
those whom it breaks, `contract.amend` locks the next version or refuses. Whatever was verified of
the contract is then verified again.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from maestro.contracts.amendment import amend
from maestro.contracts.comparison import Comparison, compare
from maestro.contracts.linting import errors_in
from maestro.delivery.record import AMENDMENTS, AmendmentRecord, RunRecord
from maestro.delivery.shelf import Shelf
from maestro.domain.contract import Contract
from maestro.domain.encoding import encode
from maestro.domain.values import JsonObject, JsonValue, StepId
from maestro.domain.work import PROPOSALS, WorkResult
from maestro.domain.workflow import EdgeRule, OnUnmet, RetryPolicy, Step, StepKind
from maestro.errors import Blocked, InvalidInput
from maestro.ports import StepContext, StepHandler, StepResult

_PREFIX = "propose."
_AGAIN = RetryPolicy(max_attempts=3, retry_on=("interrupted", "step_timed_out"))
_RACE = RetryPolicy(
    max_attempts=5, delay_seconds=0.1, retry_on=("conflict", "interrupted", "step_timed_out")
)
"""Of two amendments at the same moment the later one starts again, from what the other made."""
_WHATEVER = EdgeRule(skipped=OnUnmet.RUN, failed=OnUnmet.RUN)
TOLD = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendmentSteps:
    shelf: Shelf

    def handlers(self) -> Mapping[str, StepHandler]:
        return {"contract.propose": propose, "contract.amend": self.amend}

    async def amend(self, context: StepContext) -> StepResult:
        """Locks the next version, from which later attempts and their mocks are made.

        Raises Blocked naming both sides when somebody it takes has not consented.
        """
        record, inputs = RunRecord.of(context), context.step.inputs
        locked, by = record.contract(str(inputs["contract"])), str(inputs["by"])
        asked = {name: StepId(step) for name, step in inputs["consents"].items()}
        given = {name for name, step in asked.items() if _approved(context.outputs.get(step))}
        refused = [_refusal(name, context, asked[name]) for name in asked if name not in given]
        proposed = replace(locked, specification=inputs["specification"])
        sides = f"{by!r} proposed, {_parties(locked, by)} work with it"
        if by != locked.provider and locked.provider not in given:
            raise Blocked(
                f"contract {locked.id!r} {locked.version} stays as it is: its provider "
                f"{locked.provider!r} has not consented; {sides}",
                reasons=tuple(refused) or (f"{locked.provider!r} was not asked",),
            )
        try:
            agreed = await asyncio.to_thread(amend, locked, proposed, {by, *given})
        except Blocked as error:
            raise Blocked(
                f"contract {locked.id!r} {locked.version} stays as it is: {sides}; {error}",
                reasons=(*error.reasons[:TOLD], *refused),
                detail=error.detail,
            ) from error
        if agreed is not locked:
            reason = str(inputs.get("reason") or f"proposed by {by}")
            await self.shelf.amended(context.run_id, locked, agreed, reason)
            await context.progress(
                f"contract {locked.id}: {agreed.version} stands in place of {locked.version}"
            )
        output = AmendmentRecord(
            contract=agreed,
            replaced=locked.version,
            by=by,
            consents=tuple(sorted(given)),
            verified_again=inputs["verified_again"],
        )
        return StepResult(output=await asyncio.to_thread(encode, output))


async def propose(context: StepContext) -> StepResult:
    """Adds to the run whom the proposal takes, the amendment, and what is then verified again.

    Raises Blocked for a specification with errors, InvalidInput from somebody who is no party.
    """
    record, inputs = RunRecord.of(context), context.step.inputs
    locked, by = record.contract(str(inputs["contract"])), str(inputs["by"])
    proposed = replace(locked, specification=inputs["specification"])
    if by not in (locked.provider, *locked.consumers):
        raise InvalidInput(
            f"{by!r} is neither the provider nor a consumer of contract {locked.id!r}; its parties "
            f"are {', '.join((locked.provider, *locked.consumers))}"
        )
    faults = await asyncio.to_thread(errors_in, proposed)
    if faults:
        raise Blocked(
            f"what {by!r} proposes for contract {locked.id!r} has {len(faults)} error(s)",
            reasons=tuple(str(fault) for fault in faults[:TOLD]),
        )
    comparison = await asyncio.to_thread(_compared, locked, proposed)
    if comparison is None:
        return StepResult(output={"contract": locked.id, "changes": [], "asked": []})
    asked = _asked(locked, by, comparison)
    due = replace(comparison, edited=True).next_version(locked.version)
    told = [str(change) for change in comparison.changes[:TOLD]]
    await context.progress(
        f"{by} proposes {locked.id} {due}: {len(comparison.changes)} change(s), "
        f"{len(comparison.breaking)} breaking; asked: {', '.join(asked) or 'nobody'}"
    )
    return StepResult(
        output={"contract": locked.id, "due": due, "changes": told, "asked": list(asked)},
        extend=tuple(_added(context.step, record, asked, comparison, due)),
    )


def proposals(step: Step, persona: str, result: WorkResult) -> tuple[Step, ...]:
    """The steps that a persona's work adds to the run: one per proposal it hands in."""
    given = result.details.get(PROPOSALS, ())
    if not isinstance(given, list | tuple):
        raise InvalidInput(f"details.{PROPOSALS} must be a list, got {type(given).__name__}")
    return tuple(_proposal(step, persona, number, item) for number, item in enumerate(given, 1))


def _proposal(step: Step, persona: str, number: int, item: JsonValue) -> Step:
    wanted = isinstance(item, Mapping) and isinstance(item.get("contract"), str)
    if not wanted or not isinstance(item.get("specification"), Mapping):
        raise InvalidInput(
            f"details.{PROPOSALS}[{number - 1}] must be an object with contract and specification"
        )
    inputs: JsonObject = {
        "contract": item["contract"],
        "specification": item["specification"],
        "reason": str(item.get("reason", "")),
        "by": persona,
    }
    return Step(
        id=StepId(f"{_PREFIX}{item['contract']}.{persona}.{number}"),
        action="contract.propose",
        needs=(step.id,),
        inputs=inputs,
        title=f"{persona} proposes to change {item['contract']}",
        phase=step.phase,
        persona=persona,
        retry=_AGAIN,
    )


def _compared(locked: Contract, proposed: Contract) -> Comparison | None:
    """None for what is word for word the same."""
    if proposed.specification_digest() == locked.specification_digest():
        return None
    return compare(locked, proposed)


def _asked(locked: Contract, by: str, comparison: Comparison) -> tuple[str, ...]:
    """Whose consent it takes: the provider's to what others want, all consumers' to a break."""
    parties = [locked.provider, *(locked.consumers if comparison.breaking else ())]
    return tuple(dict.fromkeys(name for name in parties if name != by))


def _added(
    own: Step, record: RunRecord, asked: Sequence[str], comparison: Comparison, due: str
) -> Iterator[Step]:
    inputs = own.inputs
    tail = own.id.removeprefix(_PREFIX)
    consents = {name: StepId(f"consent.{tail}.{name}") for name in asked}
    first = f": {comparison.changes[0].message}" if comparison.changes else ""
    for name, step_id in consents.items():
        yield Step(
            id=step_id,
            kind=StepKind.APPROVAL,
            needs=(own.id,),
            title=f"{name}: consent to {inputs['contract']} {due} as {inputs['by']} wants it"
            f"{first}",
            phase=own.phase,
            persona=name,
        )
    amending = StepId(f"{AMENDMENTS}{tail}")
    affected = [step for step in record.decided().steps if _concerns(step, str(inputs["contract"]))]
    again = {step.id: StepId(f"{step.id}.{tail}") for step in affected}
    yield Step(
        id=amending,
        action="contract.amend",
        kind=StepKind.INTERFACE,
        needs=(own.id, *consents.values()),
        edges=dict.fromkeys(consents.values(), _WHATEVER),
        inputs={**inputs, "consents": consents, "verified_again": again},
        title=f"Amend {inputs['contract']} to {due}",
        phase=own.phase,
        retry=_RACE,
    )
    for step in affected:
        sooner = [again[need] for need in step.needs if need in again]
        yield replace(
            step,
            id=again[step.id],
            needs=(amending, step.id, *sooner),
            edges={step.id: _WHATEVER},
            title=f"{step.label}, again after the amendment",
        )


def _concerns(step: Step, contract: str) -> bool:
    """Whether the step holds something that was built against the contract."""
    if step.action == "contract.verify":
        return step.inputs.get("contract") == contract
    return step.action == "consumer.recheck" and contract in step.inputs.get("contracts", ())


def _approved(decision: JsonValue) -> bool:
    return isinstance(decision, Mapping) and decision.get("approved") is True


def _refusal(name: str, context: StepContext, step_id: StepId) -> str:
    error = context.errors.get(step_id)
    return f"{name!r} has not consented" + (f": {error.message}" if error is not None else "")


def _parties(contract: Contract, by: str) -> str:
    others: Iterable[str] = (contract.provider, *contract.consumers)
    return ", ".join(repr(name) for name in dict.fromkeys(others) if name != by) or "nobody else"
