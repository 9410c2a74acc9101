"""Rework: who has to do what better, read from the refusals in a run's own record.

A refused condition goes back to whoever delivered the files that its evidence names, to the
provider of the contract that was broken, or to those who worked in the phase that may not close.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from maestro.delivery.record import GateRecord, RunRecord
from maestro.delivery.refusals import refusals
from maestro.domain.contract import Verification
from maestro.domain.encoding import decode
from maestro.domain.quality import Evidence, GateResult, GateSeverity, Verdict
from maestro.domain.run import StepError
from maestro.domain.values import StepId
from maestro.domain.workflow import Step
from maestro.errors import Blocked, InvalidInput
from maestro.quality.metrics import built_in_metrics

MAX_REASONS = 40
"""Told to one step; a builder with more than that to mend starts anew in any case."""
SHOWN_FINDINGS = 10
_REFUSED = frozenset({Verdict.FAIL, Verdict.ERROR, Verdict.NOT_MEASURED})
_PATH = re.compile(r"[\w@./-]+\.\w+")
_METRIC = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One condition that was refused, as the next attempt is told."""

    told: str
    steps: frozenset[StepId]
    """Those whose work it concerns; empty when nobody can be named."""


def demands(record: RunRecord, chosen: Sequence[StepId] = ()) -> Mapping[StepId, tuple[str, ...]]:
    """Per step of work the refused conditions with their evidence.

    Args:
        chosen: give everything back to these steps, whoever seems to be concerned.

    Raises:
        InvalidInput: nothing was refused, a chosen step is no work, or nobody can be named.
    """
    workers = [step.id for step in record.decided().steps if step.action == "persona.work"]
    for step_id in chosen:
        if step_id not in workers:
            raise InvalidInput(
                f"step {step_id!r} is no work of a persona; those are: {', '.join(workers)}"
            )
    found = list(_refusals(record))
    if not found:
        raise InvalidInput("no condition was refused in this run, so there is nothing to rework")
    told: dict[StepId, list[str]] = {}
    for refusal in found:
        for step_id in chosen or sorted(refusal.steps):
            told.setdefault(step_id, []).append(refusal.told)
    if not told:
        raise InvalidInput(
            "nothing in the evidence names whose work was refused; name the steps to give back: "
            f"{', '.join(workers)}"
        )
    order = {step_id: position for position, step_id in enumerate(workers)}
    return {
        step_id: tuple(dict.fromkeys(told[step_id]))[:MAX_REASONS]
        for step_id in sorted(told, key=lambda step_id: order[step_id])
    }


def _refusals(record: RunRecord) -> Iterator[Refusal]:
    for step in record.decided().steps:
        error = record.errors.get(step.id)
        if error is None or error.code != Blocked.code:
            continue
        if step.action == "quality.gate" and error.detail is not None:
            judged = decode(GateRecord, error.detail)
            yield from _of_gate(record, judged, _at_work(record, judged.verdict.phase))
        elif step.action == "contract.verify":
            contract = record.contract(str(step.inputs["contract"]))
            own = _work_of(record, contract.provider, contract.component)
            reasons: Sequence[str] = error.reasons or (error.message,)
            if error.detail is not None:
                reasons = refusals(decode(Verification, error.detail)) or reasons
            yield from (Refusal(f"contract {contract.id}: {text}", own) for text in reasons)
        elif step.action == "consumer.recheck":
            own = _work_of(record, str(step.inputs["persona"]))
            yield from (Refusal(text, own) for text in error.reasons or (error.message,))
        elif step.action == "persona.work":
            yield from _of_work(record, step, error)


def _of_work(record: RunRecord, step: Step, error: StepError) -> Iterator[Refusal]:
    """Entry gates refuse what others did before: who was kept from starting cannot mend it."""
    if isinstance(error.detail, Mapping) and "verdict" in error.detail:
        yield from _of_gate(record, decode(GateRecord, error.detail), frozenset())
        return
    for text in error.reasons or (error.message,):
        yield Refusal(text, frozenset({step.id}))


def _at_work(record: RunRecord, phase: str) -> frozenset[StepId]:
    return frozenset(
        step.id
        for step in record.decided().steps
        if step.action == "persona.work" and step.phase == phase
    )


def _of_gate(
    record: RunRecord, judged: GateRecord, at_work: frozenset[StepId]
) -> Iterator[Refusal]:
    """Refused conditions and artefacts; where it was none of them, whatever else was said."""
    found = [*_conditions(record, judged, at_work), *_artefacts(judged, at_work)]
    phase = judged.verdict.phase
    yield from found or (
        Refusal(f"phase {phase}: {reason}", frozenset()) for reason in judged.verdict.reasons
    )


def _conditions(
    record: RunRecord, judged: GateRecord, at_work: frozenset[StepId]
) -> Iterator[Refusal]:
    owners = _owners(record)
    for result in judged.verdict.results:
        if result.verdict in _REFUSED and _counts(result):
            findings = list(_findings(result, judged.evidence))
            named = frozenset(owners[path] for path in _paths(findings) if path in owners)
            yield Refusal(_sentence(result, findings), named or at_work)


def _artefacts(judged: GateRecord, at_work: frozenset[StepId]) -> Iterator[Refusal]:
    for artefact in judged.verdict.artefacts:
        if artefact.verdict in _REFUSED:
            told = f"phase {judged.verdict.phase}: {artefact.path}: {artefact.reason}"
            yield Refusal(told, at_work)


def _counts(result: GateResult) -> bool:
    return result.severity is GateSeverity.BLOCKING or result.verdict is Verdict.ERROR


def _sentence(result: GateResult, findings: Sequence[str]) -> str:
    observed = ", ".join(f"{name} = {value}" for name, value in result.observed.items())
    seen = "; ".join(findings[:SHOWN_FINDINGS])
    return (
        f"gate {result.gate} is {result.verdict.value}: it demands {result.condition}"
        + (f", and {observed} was measured" if observed else f": {result.reason}")
        + (f". Evidence: {seen}" if seen else "")
    )


def _findings(result: GateResult, evidence: Sequence[Evidence]) -> Iterator[str]:
    """What the collectors behind a condition had to say."""
    metrics = built_in_metrics().metrics
    names = {*result.observed, *_METRIC.findall(result.condition)}
    producers = {metrics[name].producer for name in names if name in metrics}
    for item in evidence:
        if item.collector in producers:
            yield from (*item.tool_errors, *item.detail)


def _paths(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from _PATH.findall(line)


def _owners(record: RunRecord) -> Mapping[str, StepId]:
    return {
        artifact.path: step_id for step_id, work in record.works() for artifact in work.artifacts
    }


def _work_of(record: RunRecord, persona: str, component: str | None = None) -> frozenset[StepId]:
    """The persona's steps, those on the component where it works on several."""
    own = [
        step
        for step in record.decided().steps
        if step.action == "persona.work" and step.inputs["persona"] == persona
    ]
    there = [step for step in own if step.inputs["component"] == component]
    return frozenset(step.id for step in there or own)
