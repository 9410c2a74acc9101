"""Which recorded calls may be held against a provider: those of the version it has to keep."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from maestro.contracts.comparison.changes import keeps_promises
from maestro.domain.contract import Contract, Finding, Severity
from maestro.ports import RecordedCall

RULE = "calls_of_another_version"
STRANGE = "calls_of_another_contract"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayableCalls:
    calls: tuple[RecordedCall, ...]
    findings: tuple[Finding, ...]
    """One warning per version whose calls are left out, or one when none is of the contract."""
    notes: tuple[str, ...]
    """For people: what is left out, and which calls on earlier versions are not."""


def replayable(contract: Contract, calls: Sequence[RecordedCall]) -> ReplayableCalls:
    """Calls on the contract's own version, and on earlier ones that it does not break.

    What the versions' numbers say counts: see `keeps_promises`. A record that names no version is
    taken to be of this one. Several contracts may share a record: what was called on the others is
    left out.
    """
    own = [call for call in calls if call.contract in ("", contract.id)]
    if calls and not own:
        strange = _strange(contract, calls)
        return ReplayableCalls(calls=(), findings=(strange,), notes=(strange.message,))
    fitting, earlier, others = [], Counter[str](), Counter[str]()
    for call in own:
        own_version = call.version in ("", contract.version)
        if not own_version and not keeps_promises(contract.version, call.version):
            others[call.version] += 1
            continue
        fitting.append(call)
        if not own_version:
            earlier[call.version] += 1
    told = tuple(_left_out(contract, version, count) for version, count in sorted(others.items()))
    kept = [
        f"{count} call(s) recorded on version {version} are repeated: {contract.version} does not "
        "break it"
        for version, count in sorted(earlier.items())
    ]
    notes = (*kept, *(finding.message for finding in told))
    return ReplayableCalls(calls=tuple(fitting), findings=told, notes=notes)


def _strange(contract: Contract, calls: Sequence[RecordedCall]) -> Finding:
    names = ", ".join(repr(name) for name in sorted({call.contract for call in calls}))
    return Finding(
        rule=STRANGE,
        message=f"none of {len(calls)} recorded call(s) is repeated: they were made on {names}",
        expected=f"calls recorded on {str(contract.id)!r}",
        seen=names,
        severity=Severity.WARNING,
    )


def _left_out(contract: Contract, version: str, count: int) -> Finding:
    return Finding(
        rule=RULE,
        message=f"{count} recorded call(s) are not repeated: they were made on version {version}, "
        f"and {contract.version} does not promise what {version} did",
        expected=f"calls recorded on version {contract.version}, or on one it does not break",
        seen=f"version {version}",
        severity=Severity.WARNING,
    )
