"""How well a contract is kept: hard gates, and a score whose every part names its evidence.

Pure. A part without evidence has no value, and blocks: nothing passes because it was not measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

THRESHOLD = 0.90


class GateState(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NO_EVIDENCE = "no_evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """So many of so many; `of` is 0 where there was nothing to count."""

    passed: int
    of: int

    @property
    def value(self) -> float | None:
        return None if self.of <= 0 else self.passed / self.of


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfilmentEvidence:
    """What was found out; None wherever it was not looked at."""

    operations: int
    """Of the contract, all of them."""
    operations_clean: int
    """Tested, and without a finding."""
    operations_refusing: int | None
    """Those that took every valid and refused every invalid request."""
    operations_negative: int | None
    """Those on which valid and invalid requests were tried."""
    criteria_passed: int
    criteria: int
    """Passed, failed and unverified ones."""
    criteria_unverified: int
    replayed_alike: int | None
    replayed: int | None
    """Recorded calls that keep to the contract; None when nothing was recorded."""
    calls_outside: int | None
    """Recorded calls outside of the contract."""
    examples_valid: int
    examples: int
    files_present: int | None
    files: int | None
    """Promised globs."""
    document_errors: int | None
    """Errors of the lint."""
    unchanged: bool | None
    """None for a contract that was never agreed."""
    started: bool | None
    """None where the provider was already there and nobody saw it start."""
    orphans: int | None
    serious: int
    """Findings on status, schema, media type, required header, access, or a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfilmentGate:
    name: str
    statement: str
    state: GateState
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePart:
    name: str
    weight: float
    value: float | None
    """0 to 1; None without evidence."""
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfilment:
    gates: tuple[FulfilmentGate, ...]
    parts: tuple[ScorePart, ...]
    threshold: float

    @property
    def score(self) -> float:
        """Parts without evidence count nothing."""
        return round(sum(part.weight * (part.value or 0.0) for part in self.parts), 4)

    @property
    def complete(self) -> bool:
        return all(part.value is not None for part in self.parts)

    @property
    def fulfilled(self) -> bool:
        passed = all(gate.state is GateState.PASSED for gate in self.gates)
        return passed and self.complete and self.score >= self.threshold

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not fulfilled, one sentence each."""
        blocked = [
            f"{g.statement}: {_WORDS[g.state]} ({g.evidence})"
            for g in self.gates
            if g.state is not GateState.PASSED
        ]
        blocked += [f"no evidence of {p.name}: {p.evidence}" for p in self.parts if p.value is None]
        if self.score < self.threshold:
            blocked.append(f"the score {self.score:g} is below {self.threshold:g}")
        return tuple(blocked)


_WORDS = {GateState.FAILED: "no", GateState.NO_EVIDENCE: "not known", GateState.PASSED: "yes"}


def fulfilment(evidence: FulfilmentEvidence, *, threshold: float = THRESHOLD) -> Fulfilment:
    return Fulfilment(gates=_gates(evidence), parts=_parts(evidence), threshold=threshold)


def _gates(e: FulfilmentEvidence) -> tuple[FulfilmentGate, ...]:
    return (
        _gate("artefacts", "every promised file is there and readable",
              None if e.files is None else e.files_present == e.files,
              "no look at files" if e.files is None else f"{e.files_present} of {e.files} globs"),
        _gate("document", "the contract's document is valid",
              None if e.document_errors is None else e.document_errors == 0,
              f"{e.document_errors} errors"),
        _gate("unchanged", "the contract is as it was agreed", e.unchanged,
              "never agreed" if e.unchanged is None else "digest compared"),
        _gate("started", "the provider was really started and left nothing behind",
              None if e.started is None else e.started and not e.orphans,
              "not started here" if e.started is None else f"{e.orphans or 0} processes left"),
        _gate("conformance", "no failure and no broken promise on any tested operation",
              None if not e.operations_clean and not e.serious else e.serious == 0,
              f"{e.serious} findings"),
        _gate("consumers", "every recorded call is inside the contract and answered alike",
              _consumers(e), _consumers_evidence(e)),
        _gate("examples", "examples fit their schemas",
              None if not e.examples else e.examples_valid == e.examples,
              f"{e.examples_valid} of {e.examples}"),
        _gate("criteria", "every acceptance criterion was checked and passed",
              None if not e.criteria else e.criteria_passed == e.criteria,
              f"{e.criteria_passed} of {e.criteria}, {e.criteria_unverified} unverified"),
    )  # fmt: skip


def _gate(name: str, statement: str, passed: bool | None, evidence: str) -> FulfilmentGate:
    states = {None: GateState.NO_EVIDENCE, True: GateState.PASSED, False: GateState.FAILED}
    return FulfilmentGate(name=name, statement=statement, state=states[passed], evidence=evidence)


def _consumers(e: FulfilmentEvidence) -> bool | None:
    if not e.replayed and not e.calls_outside:
        return None
    return e.replayed_alike == e.replayed and not e.calls_outside


def _consumers_evidence(e: FulfilmentEvidence) -> str:
    if not e.replayed and not e.calls_outside:
        return "no recorded calls"
    return f"{e.replayed_alike} of {e.replayed} calls alike, {e.calls_outside or 0} outside"


def _parts(e: FulfilmentEvidence) -> tuple[ScorePart, ...]:
    given: Sequence[tuple[str, float, Measure, str]] = (
        ("conformance", 0.35, Measure(passed=e.operations_clean, of=e.operations),
         "clean of all operations; untested ones are not clean"),
        ("acceptance", 0.25, Measure(passed=e.criteria_passed, of=e.criteria),
         "criteria passed of all, unverified ones among them"),
        ("consumers", 0.20, Measure(passed=e.replayed_alike or 0, of=e.replayed or 0),
         "recorded calls answered alike"),
        ("negative", 0.10,
         Measure(passed=e.operations_refusing or 0, of=e.operations_negative or 0),
         "operations that take all valid and refuse all invalid requests"),
    )  # fmt: skip
    measured = [
        ScorePart(name=name, weight=weight, value=m.value, evidence=f"{m.passed} of {m.of}: {text}")
        for name, weight, m, text in given
    ]
    return (*measured, _examples(e), _artefacts(e))


def _examples(e: FulfilmentEvidence) -> ScorePart:
    measure = Measure(passed=e.examples_valid, of=e.examples)
    return ScorePart(
        name="examples",
        weight=0.05,
        value=measure.value,
        evidence=f"{e.examples_valid} of {e.examples}: examples that fit their schemas",
    )


def _artefacts(e: FulfilmentEvidence) -> ScorePart:
    """The document itself is one of them, so a contract without files has this evidence, too."""
    value = None
    files, present = e.files, e.files_present or 0
    if e.document_errors is not None and files is not None:
        value = (present + (e.document_errors == 0)) / (files + 1)
    return ScorePart(
        name="artefacts",
        weight=0.05,
        value=value,
        evidence=f"{present} of {files or 0} promised files, {e.document_errors} document errors",
    )
