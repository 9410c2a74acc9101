"""People who may write the same file work one after the other, and it is said why.

A file that one contract names outright belongs to its provider alone; the patterns of others do not
reach it. What is left to quarrel about is a file named twice, or two patterns that can meet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product

from maestro.domain.contract import Contract
from maestro.domain.overlap import may_meet
from maestro.domain.plan import WAITS
from maestro.domain.values import StepId
from maestro.domain.workflow import Step

_SIGNS = frozenset("*?")


def keep_apart(work: Sequence[Step], contracts: Iterable[Contract]) -> list[Step]:
    """The work steps, the later of two that may write one file behind the earlier.

    Args:
        work: in the natural order of the team; `provides` of their inputs are ids of `contracts`.
    """
    promised = {
        str(contract.id): tuple(
            path for deliverable in contract.deliverables for path in deliverable.paths
        )
        for contract in contracts
    }
    written = [
        tuple(path for contract in _provided(step) for path in promised.get(contract, ()))
        for step in work
    ]
    kept: list[Step] = []
    for number, step in enumerate(work):
        shared = {
            earlier.id: meeting
            for earlier, paths in zip(work, written[:number], strict=False)
            if (meeting := _meeting(paths, written[number])) is not None
        }
        kept.append(_behind(step, shared) if shared else step)
    return kept


def _provided(step: Step) -> Sequence[str]:
    provided = step.inputs.get("provides")
    return [str(name) for name in provided] if isinstance(provided, list) else []


def _meeting(paths: Iterable[str], others: Iterable[str]) -> str | None:
    for one, other in product(paths, others):
        named = [pattern for pattern in (one, other) if not _SIGNS & set(pattern)]
        if len(named) != 1 and may_meet(one, other):
            return one if one == other else f"{one} and {other}"
    return None


def _behind(step: Step, shared: dict[StepId, str]) -> Step:
    waits = {str(earlier): f"both may write {paths}" for earlier, paths in shared.items()}
    return replace(
        step,
        needs=tuple(dict.fromkeys((*step.needs, *shared))),
        inputs={**step.inputs, WAITS: waits},
    )
