"""Operations that a provider declared as not built: they must say so themselves."""

from collections.abc import Sequence
from dataclasses import dataclass

from maestro.contracts.verification.interface import Interface
from maestro.contracts.verification.probe import Probe, Unmet
from maestro.domain.contract import CheckResult, Finding
from maestro.domain.values import JsonObject

RULE = "not_built_declared"


@dataclass(frozen=True, slots=True)
class NotBuiltChecked:
    check: CheckResult
    findings: tuple[Finding, ...]


def known_operations(interface: Interface, declared: Sequence[str]) -> frozenset[str]:
    """Those of the declared operations that the contract has."""
    return frozenset(key for key in declared if interface.operation(key) is not None)


async def check_not_built(probe: Probe, declared: Sequence[str]) -> NotBuiltChecked:
    """Whatever they are asked, they answer 501; and the contract has each of them."""
    refused = await _answer_501(probe, sorted(known_operations(probe.interface, declared)))
    check = CheckResult(
        id=RULE,
        statement="Operations declared as not built answer 501.",
        passed=not refused,
        detail=f"{len(declared)} declared: {', '.join(sorted(declared))}",
    )
    return NotBuiltChecked(check, (*refused, *_unknown(probe.interface, declared)))


def _unknown(interface: Interface, declared: Sequence[str]) -> list[Finding]:
    return [
        Finding(
            rule=RULE,
            message="the provider declares an operation as not built that the contract lacks",
            operation=key,
            expected="an operation of the contract, like 'GET /tasks'",
            seen=key,
        )
        for key in declared
        if interface.operation(key) is None
    ]


async def _answer_501(probe: Probe, excluded: Sequence[str]) -> list[Finding]:
    findings = []
    for key in excluded:
        operation = probe.interface.operation(key)
        if operation is None:
            continue
        path = operation.path
        for parameter in operation.parameters:
            if parameter.get("in") == "path":
                path = path.replace(f"{{{parameter.get('name')}}}", "1")
        body: JsonObject | None = {} if operation.method in ("POST", "PUT", "PATCH") else None
        try:
            exchange = await probe.send(key, operation.method, path, body=body)
            if exchange.status != 501:
                why = "an operation declared as not built answers 501"
                raise exchange.unmet("status 501", exchange.shown(), why)
        except Unmet as unmet:
            found = unmet.finding
            findings.append(
                Finding(
                    rule=RULE,
                    message=found.message,
                    operation=key,
                    expected=found.expected,
                    seen=found.seen,
                    reproduce=found.reproduce,
                )
            )
    return findings
