"""A workflow as Mermaid text, which pages and editors draw."""

from collections.abc import Iterator

from maestro.domain.encoding import decode
from maestro.domain.workflow import Step, StepKind, Workflow
from maestro.workflow.definition.actions import BEGIN, EXPAND

_SHAPES = {
    StepKind.ACTION: ("[", "]"),
    StepKind.INTERFACE: ("[[", "]]"),
    StepKind.GATE: ("{", "}"),
    StepKind.APPROVAL: ("{{", "}}"),
    StepKind.SIGNAL: ("{{", "}}"),
    StepKind.NOTIFICATION: (">", "]"),
}
_FLOW_SHAPE = ("([", "])")
_PLAIN = frozenset(" .,_-/")


def mermaid(workflow: Workflow) -> str:
    """A flowchart; a dashed arrow is a need with a rule of its own, or a later item of a map."""
    steps, templates = _all(workflow)
    places = {step.id: f"s{number}" for number, step in enumerate(steps)}
    begins = {step.id for step in steps if step.action == BEGIN}
    lines = ["flowchart TD"]
    for step in steps:
        opening, closing = _FLOW_SHAPE if _is_flow(step) else _SHAPES[step.kind]
        label = text(f"{step.label} (each item)" if step.id in templates else step.label)
        condition = "" if step.when is None else f"<br/>when {text(step.when)}"
        lines.append(f'    {places[step.id]}{opening}"{label}{condition}"{closing}')
    for step in steps:
        needs = [need for need in step.needs if need not in begins or len(step.needs) == 1]
        for need in needs:
            arrow = "-.->" if need in step.edges and not _is_flow(step) else "-->"
            lines.append(f"    {places[need]} {arrow} {places[step.id]}")
        if step.parent is not None:
            lines.append(f"    {places[step.id]} -.-> {places[step.parent]}")
    return "\n".join(lines) + "\n"


def text(raw: str) -> str:
    """Any text as it may stand in a quoted Mermaid label: whatever could mean something there
    becomes a character code.
    """
    return "".join(
        letter if letter.isalnum() or letter in _PLAIN else f"#{_code(letter)};" for letter in raw
    )


def _code(letter: str) -> int:
    """Control characters would break the line."""
    return ord(letter) if letter.isprintable() else ord(" ")


def _is_flow(step: Step) -> bool:
    return step.action.startswith("flow.")


def _all(workflow: Workflow) -> tuple[list[Step], set[str]]:
    """The steps, with those of item 0 of every map, and which these are."""
    steps: list[Step] = []
    inner: set[str] = set()
    for step in workflow.steps:
        steps.append(step)
        for found in _template(step):
            steps.append(found)
            inner.add(found.id)
    return steps, inner


def _template(step: Step) -> Iterator[Step]:
    if step.action == EXPAND:
        for data in step.inputs["steps"]:
            found = decode(Step, data)
            yield found
            yield from _template(found)
