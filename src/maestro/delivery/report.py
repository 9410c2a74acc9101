"""report.html: one self-contained page, rendered from the journal alone."""

from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from maestro.delivery.drawing import gantt, graph
from maestro.delivery.facts import idle_phases
from maestro.delivery.players import players
from maestro.delivery.record import RunRecord
from maestro.delivery.result import waived
from maestro.delivery.timing import attempts
from maestro.domain.outcome import Outcome
from maestro.domain.run import Event, EventKind, Run, StepRun
from maestro.domain.workflow import Workflow


def render_report(
    run: Run,
    workflow: Workflow,
    steps: Sequence[StepRun],
    events: Sequence[Event],
    outcome: Outcome,
    record: RunRecord,
) -> str:
    """The page as text. Everything that came from people or agents is escaped."""
    critical = frozenset(outcome.timing.critical_steps)
    statuses = {step.step_id: step.status for step in steps}
    planned = record.plan
    return _template().render(
        run=run,
        outcome=outcome,
        requirement=record.requirement,
        plan=planned,
        players=players(planned.analysis.planner if planned else "", events, outcome.usage),
        contracts=record.contracts() if planned else (),
        verifications=record.verifications() if planned else {},
        rechecks=record.rechecks() if planned else {},
        works=[work for _, work in record.works()] if planned else [],
        gates=record.gates(),
        entries=list(record.entries()),
        idle=idle_phases(record) if planned else (),
        waived=list(waived(outcome.verdicts)),
        environment=record.requirement.constraints.environment.value,
        steps=list(zip(workflow.steps, steps, strict=True)),
        mocks=[event for event in events if event.kind is EventKind.MOCK_STARTED],
        graph=graph(workflow.steps, statuses, critical),
        gantt=gantt(workflow.steps, attempts(events), critical),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("maestro.delivery", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.jinja")
