"""Contracts, comparisons and verifications as tables for people and as JSON for machines."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from maestro.cli import render
from maestro.contracts.comparison import ChangeKind, Comparison
from maestro.contracts.linting import Problem
from maestro.contracts.verification.fulfilment import Fulfilment, GateState
from maestro.contracts.verification.outcome import CheckState, ProviderCheck, ProviderReport
from maestro.domain.contract import Contract, Finding, Severity
from maestro.domain.contract_life import ContractRecord, ContractStatus
from maestro.domain.encoding import encode
from maestro.domain.values import JsonObject

_STATUS_STYLES = {
    ContractStatus.DRAFT: "dim",
    ContractStatus.AGREED: "cyan",
    ContractStatus.FULFILLED: "green",
    ContractStatus.BREACHED: "magenta",
    ContractStatus.AMENDED: "dim",
}
_CHANGE_STYLES = {
    ChangeKind.BREAKING: "bold magenta",
    ChangeKind.DANGEROUS: "yellow",
    ChangeKind.COMPATIBLE: "green",
}
_MARKS = {
    CheckState.PASSED: "[green]✓[/]",
    CheckState.FAILED: "[magenta]■[/]",
    CheckState.UNVERIFIED: "[yellow]○[/]",
}
_GATES = {
    GateState.PASSED: CheckState.PASSED,
    GateState.FAILED: CheckState.FAILED,
    GateState.NO_EVIDENCE: CheckState.UNVERIFIED,
}
_WANTED = {
    "unchanged": "; keep it as agreed (maestro contracts import FILE) and verify it by its id",
    "consumers": "; record calls on the mock (--record FILE) and repeat them here (--calls FILE)",
}
"""What brings the evidence that a verification by itself cannot have."""
SHOWN_TERMS = 40
SHOWN_UNVERIFIED = 12


def records(found: Sequence[ContractRecord], *, words: Sequence[str]) -> None:
    if not found:
        sought = f" with {' and '.join(map(repr, words))}" if words else ""
        render.line(f"no contracts{sought}; keep one: maestro contracts import FILE")
        return
    table = _table("contract", "kind", "status", "run", "parties", folds=("contract", "parties"))
    for record in found:
        contract = record.contract
        style = _STATUS_STYLES[record.status]
        table.add_row(
            escape(f"{contract.id}@{contract.version}"),
            contract.kind.value,
            f"[{style}]{record.status.value}[/]",
            record.run_id or "-",
            escape(_parties(contract)),
        )
    Console(highlight=False).print(table)


def record(found: ContractRecord) -> None:
    contract = found.contract
    style = _STATUS_STYLES[found.status]
    console = _console()
    console.print(f"[bold]{escape(contract.id)}[/] {contract.version}  [{style}]{found.status}[/]")
    rows = [
        ("name", contract.name),
        ("kind", f"{contract.kind.value}, written as {contract.format.value}"),
        ("component", contract.component),
        ("parties", _parties(contract)),
        ("run", found.run_id or "none, it was handed in on its own"),
        ("since", found.at.strftime("%Y-%m-%d %H:%M:%S UTC")),
        ("digest", contract.digest or "not agreed yet"),
        ("why", found.reason),
    ]
    for name, text in rows:
        if text:
            console.print(f"  {name:<10} {escape(text)}")
    for deliverable in contract.deliverables:
        paths = ", ".join(deliverable.paths)
        console.print(f"  promises   {escape(deliverable.name)}: {escape(paths)}")
    for criterion in contract.acceptance:
        bound = criterion.check or "unverified: no check"
        console.print(f"  accepts    {escape(criterion.statement)}  [dim]{escape(bound)}[/]")
    if found.terms:
        shown = ", ".join(found.terms[:SHOWN_TERMS])
        more = len(found.terms) - SHOWN_TERMS
        told = shown + (f", and {more} more" if more > 0 else "")
        console.print(f"  found by   {escape(told)}")


def record_document(found: ContractRecord) -> JsonObject:
    return {
        "id": found.contract.id,
        "version": found.contract.version,
        "kind": found.contract.kind.value,
        "status": found.status.value,
        "run": found.run_id,
        "provider": found.contract.provider,
        "consumers": list(found.contract.consumers),
        "digest": found.contract.digest,
        "at": encode(found.at),
        "reason": found.reason,
    }


def problems(place: str, contract: Contract, found: Sequence[Problem]) -> None:
    console = _console()
    errors = sum(problem.severity is Severity.ERROR for problem in found)
    told = (
        "ok"
        if not found
        else ", ".join(
            f"{number} {word if number == 1 else word + 's'}"
            for number, word in ((errors, "error"), (len(found) - errors, "warning"))
            if number
        )
    )
    style = "bold magenta" if errors else ("yellow" if found else "bold green")
    console.print(f"[{style}]{told}[/]  {escape(place)}  {contract.kind.value}")
    for problem in found:
        wrong = problem.severity is Severity.ERROR
        mark = "[magenta]error  [/]" if wrong else "[yellow]warning[/]"
        console.print(f"  {mark} [bold]{escape(problem.rule)}[/]  {escape(problem.place or '/')}")
        console.print(Padding(escape(problem.message), (0, 0, 0, 10)))


def comparison(old: Contract, new: Contract, found: Comparison, due: str) -> None:
    console = _console()
    if found.changes:
        table = _table("kind", "operation", "what changes", folds=("what changes",))
        for change in found.changes:
            place = escape(f"{change.rule} {change.pointer or '/'}")
            table.add_row(
                f"[{_CHANGE_STYLES[change.kind]}]{change.kind.value}[/]",
                escape(change.operation or "-"),
                f"{escape(change.message)}\n[dim]{place}[/]",
            )
        Console(highlight=False).print(table)
    counts = ", ".join(f"{len(found.of_kind(kind))} {kind.value}" for kind in ChangeKind)
    verdict = found.kind.value if found.changes else "no change"
    console.print(f"[{_CHANGE_STYLES[found.kind]}]{verdict}[/]  {counts}")
    stated = f", the later one says {new.version}" if new.version not in (old.version, due) else ""
    said = f"{old.version} stays" if due == old.version else f"{old.version} -> {due} is due"
    console.print(f"version    {said}{stated}")


def verification(report: ProviderReport) -> None:
    console = _console()
    verdict = "[bold green]conforms[/]" if report.conforms else "[bold magenta]differs[/]"
    console.print(
        f"\n{verdict}  {escape(report.contract)} {report.version}  {escape(report.target)}"
    )
    counts = ", ".join(f"{report.counted(state)} {state.value}" for state in CheckState)
    console.print(f"[dim]{report.requests} requests in {report.seconds:.1f} s; checks: {counts}[/]")
    console.print(_operations(report))
    _findings(console, report)
    _unverified(console, report.checks)
    _score(console, report)


def _operations(report: ProviderReport) -> Table:
    seen = any(operation.statuses_seen for operation in report.operations)
    table = _table(
        "",
        "operation",
        "findings",
        *(("answered", "never seen") if seen else ()),
        folds=("operation", "answered"),
    )
    for operation in report.operations:
        state = CheckState.PASSED if operation.clean else CheckState.FAILED
        if not operation.tested:
            state = CheckState.UNVERIFIED
        answered = {str(status) for status in operation.statuses_seen}
        missing = [
            status for status in operation.statuses_documented if not _was_seen(status, answered)
        ]
        more = (" ".join(sorted(answered)), " ".join(missing)) if seen else ()
        table.add_row(
            _MARKS[state],
            escape(operation.key) + ("" if operation.tested else "  [yellow]not tested[/]"),
            str(operation.findings or "-"),
            *more,
        )
    return table


def _was_seen(documented: str, seen: Iterable[str]) -> bool:
    if documented == "default":
        return True
    return any(status[0] == documented[0] and documented[1:] in ("XX", status[1:])
               for status in seen)  # fmt: skip


def _findings(console: Console, report: ProviderReport) -> None:
    for finding in report.findings:
        wrong = finding.severity is Severity.ERROR
        mark = "[magenta]■[/]" if wrong else "[yellow]![/]"
        where = escape(finding.operation or report.contract)
        rule = f"[dim]{escape(finding.rule)}[/]"
        console.print(f"{mark} [bold]{where}[/]  {escape(finding.message)}  {rule}")
        for name, text in _about(finding):
            console.print(f"    {name:<9}{escape(text)}")
    if report.dropped:
        console.print(f"[dim]{report.dropped} suspicions did not show again and are left out[/]")


def _about(finding: Finding) -> Iterable[tuple[str, str]]:
    told = (
        ("expected", finding.expected),
        ("seen", finding.seen),
        ("try", finding.reproduce),
    )
    return [(name, text) for name, text in told if text]


def _unverified(console: Console, checks: Sequence[ProviderCheck]) -> None:
    open_ones = [check for check in checks if check.state is CheckState.UNVERIFIED]
    for check in open_ones[:SHOWN_UNVERIFIED]:
        mark = _MARKS[check.state]
        console.print(f"{mark} {escape(check.statement)}  [dim]{escape(check.detail)}[/]")
    if len(open_ones) > SHOWN_UNVERIFIED:
        more = len(open_ones) - SHOWN_UNVERIFIED
        console.print(f"[dim]  and {more} more that nothing could check[/]")


def _score(console: Console, report: ProviderReport) -> None:
    kept = report.fulfilment
    parts = _table("part", "weight", "value", "evidence", folds=("evidence",))
    for part in kept.parts:
        value = "[yellow]none[/]" if part.value is None else f"{part.value:.2f}"
        parts.add_row(part.name, f"{part.weight:.2f}", value, escape(part.evidence))
    console.print(parts)
    gates = _table("", "gate", "asks", "evidence", folds=("asks", "evidence"))
    for gate in kept.gates:
        gates.add_row(_MARKS[_GATES[gate.state]], gate.name, escape(gate.statement),
                      escape(gate.evidence))  # fmt: skip
    console.print(gates)
    style, word = _standing(kept)
    console.print(f"[{style}]{word}[/]  score {kept.score:.2f}, {kept.threshold:.2f} is needed")
    for name in _without_evidence(kept):
        console.print(f"[dim]without evidence: {name}[/]{_WANTED.get(name, '')}", soft_wrap=True)


def _standing(kept: Fulfilment) -> tuple[str, str]:
    if kept.fulfilled:
        return "bold green", "fulfilled"
    failed = any(gate.state is GateState.FAILED for gate in kept.gates)
    if failed or not _without_evidence(kept):
        return "bold magenta", "not fulfilled"
    return "yellow", "not yet fulfilled"


def _without_evidence(kept: Fulfilment) -> list[str]:
    """The gates and parts of the score that nothing was seen of; they do not count as kept."""
    silent = [gate.name for gate in kept.gates if gate.state is GateState.NO_EVIDENCE]
    return silent + [p.name for p in kept.parts if p.value is None and p.name not in silent]


def _parties(contract: Contract) -> str:
    return f"{contract.provider} → {', '.join(contract.consumers) or 'anybody'}"


def _table(*columns: str, folds: Sequence[str]) -> Table:
    """`folds`: the columns that give way where the window is narrow."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        least = 12 if column in folds else None
        table.add_column(column, overflow="fold", no_wrap=column not in folds, min_width=least)
    return table


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
