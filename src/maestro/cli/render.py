"""The only printer: results to stdout, for people or as JSON."""

import json
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from maestro.cli import gate_view
from maestro.cli.answering import answers, awaited, clock_time, decision, onward
from maestro.cli.options import StoreOptions
from maestro.cli.progress import SYMBOLS
from maestro.delivery.model_runs import model_table
from maestro.delivery.players import players
from maestro.delivery.result import BuildResult, waived
from maestro.delivery.service import RunDetail
from maestro.domain.encoding import encode
from maestro.domain.plan import Plan
from maestro.domain.requirement import Analysis
from maestro.domain.run import Event, Run, RunStatus, StepRun, StepStatus
from maestro.domain.values import JsonObject, JsonValue
from maestro.domain.workflow import Step, generations

EXIT_OF_STATUS = {"succeeded": 0, "blocked": 3, "failed": 4, "cancelled": 4, "paused": 0}
STYLE_OF_STATUS = {"succeeded": "bold green", "blocked": "bold magenta", "failed": "bold red"}
SHOWN_REASONS = 12


def exit_code(status: str) -> int:
    return EXIT_OF_STATUS.get(status, 4)


def line(text: str) -> None:
    """One line on stdout, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def document(data: JsonValue) -> None:
    """One JSON document on one line of stdout."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def event(item: Event) -> None:
    document({"type": "event", **encode(item)})


def result(
    built: BuildResult, detail: RunDetail, *, as_json: bool, store: StoreOptions = StoreOptions()
) -> None:
    """The summary of a build."""
    if as_json:
        document({"type": "result", **asdict(built)})
        return
    console = _console()
    _headline(console, built, detail)
    _execution(console, built)
    _models(console, detail)
    _contracts(console, built)
    gate_view.gates(console, detail.outcome.verdicts, built.quality)
    _not_built(console, built)
    _reasons(console, built)
    _next_steps(console, built, store)


def _headline(console: Console, built: BuildResult, detail: RunDetail) -> None:
    status = built.status + (" (partial)" if built.partial else "")
    style = STYLE_OF_STATUS.get(built.status, "bold yellow")
    console.print()
    console.print(f"[{style}]{status}[/]  {built.run_id}  blueprint {built.blueprint or '-'}")
    who = players(built.planner, detail.events, detail.outcome.usage)
    console.print(f"[dim]{escape(who)}[/]")


def _models(console: Console, detail: RunDetail) -> None:
    """What the models came to; an unknown cost is shown as unknown."""
    used = detail.outcome.usage
    if model_table(detail.run.inputs) is None and not used.model_calls:
        return
    cost = "cost unknown" if used.cost is None else f"{used.cost:.4f} USD"
    console.print(
        f"models     {used.model_calls} calls, {used.input_tokens} + {used.output_tokens} tokens, "
        f"{cost}"
    )


def _execution(console: Console, built: BuildResult) -> None:
    timing = built.execution
    console.print(
        f"time       {timing.wall_seconds:.1f} s; one after the other "
        f"{timing.sequential_seconds:.1f} s ({timing.time_savings_percent:.0f} % saved); "
        f"critical path {timing.critical_path_seconds:.1f} s"
    )
    score = built.quality.overall_quality_score
    shown = "not measured" if score is None else f"{score:.2f} ({built.quality.band})"
    console.print(f"score      {shown}")


def _contracts(console: Console, built: BuildResult) -> None:
    verified = sum(contract.verified for contract in built.contracts)
    console.print(f"contracts  {verified}/{len(built.contracts)} verified")
    for contract in built.contracts:
        mark = "[green]✓[/]" if contract.verified else "[magenta]■[/]"
        findings = f", {contract.findings} findings" if contract.findings else ""
        if not contract.checked:
            where = " here (see maestro doctor)" if built.success else ""
            mark, findings = "[yellow]○[/]", f", not checked{where}"
        console.print(
            f"           {mark} {escape(contract.id)} {contract.version}  {contract.provider}"
            f" → {', '.join(contract.consumers) or 'users'}{findings}"
        )


def _not_built(console: Console, built: BuildResult) -> None:
    if not built.not_built:
        if built.success:
            console.print("not built  nothing: every part of the requirement was built and checked")
        return
    console.print("not built")
    for missing in built.not_built:
        console.print(f"           ∅ {escape(missing.what)}: {escape(missing.reason)}")


def _reasons(console: Console, built: BuildResult) -> None:
    if not built.reasons:
        return
    console.print(f"why        {built.status}:")
    for reason in built.reasons[:SHOWN_REASONS]:
        console.print(f"           • {escape(reason)}")
    hidden = len(built.reasons) - SHOWN_REASONS
    if hidden > 0:
        console.print(f"           … {hidden} more: maestro runs show {built.run_id}")


def _next_steps(console: Console, built: BuildResult, store: StoreOptions) -> None:
    if built.output is not None:
        console.print(f"result     {escape(str(built.output))}")
        console.print(f"report     {escape(str(built.output / 'report.html'))}")
        if (built.output / "app" / "Makefile").is_file():
            console.print(f"start it   make -C {escape(str(built.output / 'app'))} run")
            console.print(f"test it    make -C {escape(str(built.output / 'app'))} test")
    planned, lacks = bool(built.contracts), bool(built.not_built)
    for step in onward(built.status, built.run_id, planned=planned, not_built=lacks, store=store):
        console.print(f"go on      {escape(step)}")


def plan(detail: RunDetail, decided: Plan | None, *, as_json: bool, saved: Path | None) -> None:
    """Analysis, blueprint, team, contracts and the workflow with what can run together."""
    if as_json:
        document(
            {
                "type": "plan",
                "run_id": detail.run.id,
                "status": detail.run.status.value,
                "plan": encode(decided),
                "expected_groups": encode(generations(decided.steps)) if decided else [],
                "reasons": list(detail.outcome.reasons),
            }
        )
        return
    console = _console()
    if decided is None:
        console.print(f"[bold magenta]{detail.run.status.value}[/]  no plan was made")
        for reason in detail.outcome.reasons:
            console.print(f"  • {escape(reason)}")
        return
    _analysis(console, decided.analysis)
    _team(console, decided)
    _plan_contracts(console, decided)
    _groups(console, decided)
    words = ["maestro", "build", *(("--plan", str(saved)) if saved else ("REQUIREMENT",))]
    console.print()
    if decided.analysis.uncovered:
        console.print(
            "what is not covered will not be built, and the build will end blocked: say it in "
            "other words, or add --allow-partial"
        )
        words.append("--allow-partial")
    kept = f"saved to {escape(str(saved))}; " if saved else ""
    console.print(f"{kept}build it: {escape(shlex.join(words))}")


def _analysis(console: Console, analysis: Analysis) -> None:
    console.print(f"[bold]{escape(analysis.domain.title)}[/]  (planner: {analysis.planner})")
    console.print(
        f"type {analysis.type.value}, {analysis.complexity.value}, "
        f"{analysis.parallelizability.value}, about {analysis.effort_hours:.0f} h, "
        f"confidence {analysis.confidence:.2f}"
    )
    console.print(f"[dim]{escape(analysis.rationale)}[/]")
    for entity in analysis.domain.entities:
        fields = ", ".join(
            f"{field.name}{'' if field.required else '?'}: {field.type.value}"
            + (f"({'|'.join(field.values)})" if field.values else "")
            + (f" → {field.target}" if field.target else "")
            for field in entity.fields
        )
        console.print(f"  [cyan]{escape(entity.name)}[/]  {escape(fields)}")
    _bullets(console, "assumed", analysis.assumptions)
    _bullets(console, "not covered", [f"{p.text}: {p.reason}" for p in analysis.uncovered])
    _bullets(console, "open questions", analysis.open_questions)
    _bullets(console, "risks", analysis.risks)


def _team(console: Console, decided: Plan) -> None:
    best, *others = decided.matches
    console.print(f"\n[bold]blueprint[/] {best.blueprint}  match {best.score:.2f}")
    _bullets(console, "because", best.reasons)
    if others:
        rest = ", ".join(f"{other.blueprint} {other.score:.2f}" for other in others[:3])
        console.print(f"  next best: {rest}")
    console.print("[bold]team[/]")
    for member in decided.team.members:
        on = f" on {member.component}" if member.component else ""
        console.print(f"  {member.persona}{escape(on)}  [dim]{escape(member.reason)}[/]")
    _bullets(console, "left out", decided.team.omitted)


def _plan_contracts(console: Console, decided: Plan) -> None:
    console.print("\n[bold]contracts[/]")
    for contract in decided.contracts:
        console.print(
            f"  {escape(contract.id)}  {contract.kind.value}  {contract.provider} → "
            f"{', '.join(contract.consumers) or 'users'}  "
            f"[dim]{len(contract.acceptance)} acceptance criteria[/]"
        )


def _groups(console: Console, decided: Plan) -> None:
    titles = {step.id: step.label for step in decided.steps}
    console.print("\n[bold]workflow[/]  steps on one line can run at the same time")
    for number, group in enumerate(generations(decided.steps), 1):
        console.print(f"  {number:>2}. {escape('; '.join(titles[step] for step in group))}")
    _bullets(
        console,
        "one after the other",
        [
            f"{titles[wait.step]} after {titles.get(wait.earlier, wait.earlier)}: {wait.reason}"
            for wait in decided.waits()
        ],
    )


def _bullets(console: Console, title: str, items: Iterable[str]) -> None:
    entries = list(items)
    if entries:
        console.print(f"  [bold]{title}[/]")
        for entry in entries:
            console.print(f"    • {escape(entry)}")


def run_list(found: Sequence[Run], *, as_json: bool) -> None:
    if as_json:
        document(
            {
                "type": "runs",
                "runs": [
                    {
                        "id": run.id,
                        "status": run.status.value,
                        "created_at": encode(run.created_at),
                        "workflow": run.workflow,
                        "requirement": _requirement(run),
                    }
                    for run in found
                ],
            }
        )
        return
    table = Table(box=None, pad_edge=False)
    subject = "requirement or workflow"
    for column in ("run", "status", "created", subject):
        table.add_column(column, no_wrap=column != subject)
    for run in found:
        style = STYLE_OF_STATUS.get(run.status.value, "yellow")
        text = (_requirement(run) or f"workflow {run.workflow}").replace("\n", " ")
        table.add_row(
            run.id,
            f"[{style}]{run.status.value}[/]",
            run.created_at.strftime("%Y-%m-%d %H:%M:%S"),
            escape(text if len(text) <= 80 else text[:79] + "…"),
        )
    _console().print(table)


def _requirement(run: Run) -> str | None:
    """The requirement that a run builds; None for the run of a workflow file."""
    asked = run.inputs.get("requirement")
    return str(asked["text"]) if isinstance(asked, dict) else None


def run_detail(detail: RunDetail, *, as_json: bool, store: StoreOptions = StoreOptions()) -> None:
    pairs = list(zip(detail.workflow.steps, detail.steps, strict=True))
    if as_json:
        document(
            {
                "type": "run",
                "id": detail.run.id,
                "status": detail.run.status.value,
                "outcome": encode(detail.outcome),
                "steps": [_step_document(step, state) for step, state in pairs],
            }
        )
        return
    console = _console()
    run = detail.run
    style = STYLE_OF_STATUS.get(run.status.value, "yellow")
    console.print(f"[{style}]{run.status.value}[/]  {run.id}  [dim]{escape(run.workflow)}[/]")
    for step, state in pairs:
        symbol, colour = SYMBOLS[StepStatus(state.status)]
        tries = f"  attempt {state.attempt}" if state.attempt > 1 else ""
        console.print(f"  [{colour}]{symbol}[/] {escape(step.label)}{tries}  [dim]{step.id}[/]")
        for text in _about_step(step, state, run.id, store):
            console.print(f"      {escape(text)}")
    for gate in waived(detail.outcome.verdicts):
        console.print(f"  {gate_view.waived_line(gate)}")
    for missing in detail.outcome.not_built:
        console.print(f"  not built: {escape(missing.what)}: {escape(missing.reason)}")
    if run.status in (RunStatus.PAUSED, RunStatus.BLOCKED, RunStatus.FAILED):
        console.print(f"  go on with: {escape(store.command('runs', 'resume', run.id))}")


def _step_document(step: Step, state: StepRun) -> JsonObject:
    told = {
        "id": state.step_id,
        "kind": step.kind.value,
        "status": state.status.value,
        "attempt": state.attempt,
        "error": encode(state.error),
    }
    if state.status is StepStatus.AWAITING:
        told["awaits"] = {"since": encode(state.started_at), "until": encode(state.retry_at)}
    return told


def _about_step(step: Step, state: StepRun, run_id: str, store: StoreOptions) -> Iterable[str]:
    """What there is to say of a step below its name: its question, its answer, its error."""
    if state.status is StepStatus.AWAITING:
        since = f" since {clock_time(state.started_at)}" if state.started_at else ""
        until = f", until {clock_time(state.retry_at)}" if state.retry_at else ""
        yield f"waits for {awaited(step.kind)}{since}{until}"
        yield from answers(step.kind, run_id, step.id, store)
    decided = decision(state.output) if step.awaits else None
    if decided is not None:
        yield " ".join(decided)
    if state.error is not None:
        yield state.error.message
        for reason in state.error.reasons:
            yield f"• {reason}"


def checks(rows: Sequence[tuple[str, bool | None, str, str]]) -> None:
    """Rows of doctor: name, ok (None = optional and missing), detail, fix."""
    console = _console()
    for name, ok, detail, fix in rows:
        mark = "[green]✓[/]" if ok else ("[yellow]○[/]" if ok is None else "[bold red]✗[/]")
        console.print(f"{mark} {name}: {escape(detail)}")
        if not ok and fix:
            console.print(f"    fix: {escape(fix)}")


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
