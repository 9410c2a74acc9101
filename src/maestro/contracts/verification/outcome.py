"""What the verification of a provider came to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from maestro.contracts.verification.fulfilment import Fulfilment
from maestro.domain.contract import CheckResult, Finding, Severity, Verification


class CheckState(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCheck:
    """One thing that was tried, or that nothing could try."""

    id: str
    statement: str
    state: CheckState
    kind: str
    """criterion, state, negative, reply, generated, replay, file or lifecycle."""
    operation: str = ""
    detail: str = ""
    parts: tuple[str, ...] = ()
    """Requirement parts it is evidence for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRecord:
    """How much of an operation was seen."""

    key: str
    tested: bool
    findings: int
    statuses_seen: tuple[int, ...]
    statuses_documented: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return self.tested and not self.findings

    @property
    def succeeded(self) -> bool:
        """Whether a 2xx was seen."""
        return any(200 <= status < 300 for status in self.statuses_seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReport:
    contract: str
    version: str
    digest: str
    target: str
    """The command that started the provider, or its URL."""
    at: datetime
    seconds: float
    seed: int
    requests: int
    tools: Mapping[str, str]
    """Name -> version."""
    operations: tuple[OperationRecord, ...]
    checks: tuple[ProviderCheck, ...]
    findings: tuple[Finding, ...]
    dropped: int
    """Findings that did not show when they were tried again."""
    fulfilment: Fulfilment

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)

    @property
    def conforms(self) -> bool:
        """Nothing differs, and every operation was looked at. Unverified checks are not passed;
        they are told, and it is `fulfilment` that decides what must not stay unverified.
        """
        states = {check.state for check in self.checks}
        return (
            CheckState.PASSED in states
            and CheckState.FAILED not in states
            and not self.errors
            and all(operation.tested for operation in self.operations)
        )

    def counted(self, state: CheckState) -> int:
        return sum(check.state is state for check in self.checks)

    def verification(self) -> Verification:
        """As runs record it. A trial that could not be tried is no check that ran, and left out;
        a criterion that nothing has checked stays, and is not passed.
        """
        return Verification(
            contract=self.contract,
            target=self.target,
            operations_total=len(self.operations),
            operations_tested=sum(operation.tested for operation in self.operations),
            checks=tuple(
                CheckResult(
                    id=check.id,
                    statement=check.statement,
                    passed=check.state is CheckState.PASSED,
                    detail=check.detail,
                    parts=check.parts,
                )
                for check in self.checks
                if check.state is not CheckState.UNVERIFIED or check.kind == "criterion"
            ),
            findings=self.findings,
            requests=self.requests,
            duration_seconds=self.seconds,
            tool=", ".join(f"{name} {version}" for name, version in self.tools.items()),
            operations={operation.key: operation.tested for operation in self.operations},
        )
