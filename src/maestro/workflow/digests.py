"""What an attempt works from, as one number that the journal keeps."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from maestro.domain.encoding import canonical
from maestro.domain.run import StepRun, StepStatus
from maestro.domain.values import JsonObject, StepId
from maestro.domain.workflow import Step

Rows = Mapping[StepId, StepRun]
Needs = Mapping[StepId, Sequence[StepId]]


class InputDigests:
    """sha256 over a run's inputs and the outputs of what a step waited for."""

    def __init__(self, inputs: JsonObject, needs: Needs) -> None:
        """`needs`: what each step waits for."""
        self._start = _sha256(canonical(inputs))
        self._needs = needs
        self._outputs: dict[StepId, str] = {}

    def add(self, steps: Iterable[Step]) -> None:
        """Steps that extend the run."""
        added = tuple(steps)
        needs = {step: list(waited) for step, waited in self._needs.items()}
        needs.update((step.id, list(step.needs)) for step in added)
        for step in added:
            if step.parent is not None:
                needs[step.parent].append(step.id)
        self._needs = needs

    def of(self, step_id: StepId, rows: Rows) -> str:
        """Of an attempt that starts now."""
        digest = hashlib.sha256(self._start.encode())
        for need in self._needs[step_id]:
            if rows[need].status is StepStatus.SUCCEEDED:
                digest.update(f"\n{need}\n{self.output(need, rows)}".encode())
        return digest.hexdigest()

    def output(self, step_id: StepId, rows: Rows) -> str:
        """Of one step's output."""
        found = self._outputs.get(step_id)
        if found is None:
            found = self._outputs[step_id] = _sha256(canonical(rows[step_id].output))
        return found

    def forget(self, step_id: StepId) -> None:
        """Its output has changed."""
        self._outputs.pop(step_id, None)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
