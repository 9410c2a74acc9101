"""Workflow files as their authors think of them: blocks of steps with ids of their own.

Here everything is checked that one block alone can tell: ids, needs, circles, declared inputs,
actions, policies.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from maestro import errors
from maestro.domain.values import JsonObject, JsonValue, StepId
from maestro.domain.workflow import (
    AWAITING_KINDS,
    EdgeRule,
    OnUnmet,
    RetryPolicy,
    Step,
    StepKind,
    topological_order,
)
from maestro.errors import InvalidInput, MaestroError
from maestro.workflow.definition.actions import NOTIFY, check_action
from maestro.workflow.definition.condition_names import condition_name
from maestro.workflow.definition.durations import seconds
from maestro.workflow.definition.inputs import InputDeclaration
from maestro.workflow.definition.source import FilePlace

MAP, WORKFLOW = "map", "workflow"
INPUTS_STEP = "inputs"
"""Id of the step that a workflow's declared inputs become; nothing else may have it."""
MAX_STEPS = 10_000
RETRIED_CODES = frozenset(
    kind.code
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, MaestroError)
) | {"command_failed", "condition_failed", "internal", "interrupted"}
"""Error codes that `retry_on` may name; a misspelt one would silently never be retried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Included:
    """A sub-workflow's file: its content, and how files that it names are found."""

    value: JsonObject
    place: FilePlace
    folder: str
    """Where it lies, seen from the folder of the workflow itself."""
    include: "Include"


Include = Callable[[str, FilePlace], Included]
"""Reads the file a sub-workflow names. Raises InvalidInput at the place of the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDefinition:
    """A step as written, or the template of a map's steps."""

    id: str
    """Empty for a template."""
    kind: str
    fields: JsonObject
    policy: Mapping[str, Any]
    """Arguments of the domain's Step that mean the same in a file."""
    place: FilePlace
    needs: tuple[str, ...] = ()
    edges: Mapping[str, EdgeRule] = field(default_factory=dict)
    on_unmet: OnUnmet = OnUnmet.SKIP
    template: "StepDefinition | None" = None
    block: "Block | None" = None

    @property
    def action(self) -> str:
        if self.kind == StepKind.NOTIFICATION:
            return str(self.fields.get("action", NOTIFY))
        return str(self.fields.get("action", ""))


@dataclass(frozen=True, kw_only=True)
class Block:
    """Steps that see each other's outputs and share declared inputs."""

    place: FilePlace
    inputs: Mapping[str, InputDeclaration]
    steps: Mapping[str, StepDefinition]
    folder: str
    """Where the commands of its steps start, seen from the folder of the workflow itself."""

    reach: Mapping[str, int]
    """Per step, everything it needs, directly or not, as bits in the order of `steps`."""

    def needs(self, step_id: str, other: str) -> bool:
        """Whether the step needs the other, directly or not."""
        return bool(self.reach[step_id] >> self.places[other] & 1)

    @cached_property
    def places(self) -> Mapping[str, int]:
        return {step_id: place for place, step_id in enumerate(self.steps)}

    @cached_property
    def spelt(self) -> Mapping[str, Sequence[str]]:
        """Ids of steps by how conditions spell them."""
        spelt: dict[str, list[str]] = {}
        for step_id in self.steps:
            spelt.setdefault(condition_name(step_id), []).append(step_id)
        return spelt


class BlockReader:
    """Reads a whole workflow, with everything it includes."""

    def __init__(self, actions: Collection[str] | None) -> None:
        """`actions`: the registered ones; None leaves their check to the engine."""
        self._actions = actions
        self._count = 0
        self.limits: dict[str, int] = {}
        """Concurrency limits of all files together."""
        self._keys: list[tuple[str, FilePlace]] = []

    def workflow(self, file: Included) -> Block:
        """The block of a file whose structure was checked.

        Raises:
            InvalidInput: names the place and the rule.
        """
        block = self._file(file)
        for key, place in self._keys:
            if key not in self.limits:
                known = ", ".join(self.limits) or "none"
                raise place.refused(f"unknown concurrency key {key!r}; known: {known}")
        return block

    def _file(self, file: Included) -> Block:
        for key, limit in file.value.get("concurrency", {}).items():
            if self.limits.setdefault(key, limit) != limit:
                raise (file.place / "concurrency" / key).refused(
                    f"another file of the workflow limits {key!r} to {self.limits[key]}; both must "
                    "say the same"
                )
        return self._block(file.value, file.place, file.folder, file.include)

    def _block(self, value: JsonObject, place: FilePlace, folder: str, include: Include) -> Block:
        inputs = {
            name: _declaration(entry, place / "inputs" / name)
            for name, entry in value.get("inputs", {}).items()
        }
        steps: dict[str, StepDefinition] = {}
        for index, entry in enumerate(value["steps"]):
            here = place / "steps" / index
            step_id = entry["id"]
            if step_id in steps:
                raise (here / "id").refused(
                    f"step id {step_id!r} is used twice, first at {steps[step_id].place}"
                )
            if step_id == INPUTS_STEP:
                raise (here / "id").refused(f"{step_id!r} stands for the inputs; use another id")
            steps[step_id] = self._step(entry, here, folder, include)
        reach = _reach(steps)
        return Block(place=place, inputs=inputs, steps=steps, folder=folder, reach=reach)

    def _step(
        self, fields: JsonObject, place: FilePlace, folder: str, include: Include
    ) -> StepDefinition:
        self._count += 1
        if self._count > MAX_STEPS:
            raise place.refused(f"more than {MAX_STEPS} steps with all files included")
        kind = str(fields.get("kind", StepKind.ACTION))
        on_unmet = OnUnmet(fields.get("on_unmet", OnUnmet.SKIP))
        needs, edges = _needs(fields.get("needs", []), on_unmet, place / "needs")
        template, block = None, None
        if kind == MAP:
            template = self._step(fields["step"], place / "step", folder, include)
        elif kind == WORKFLOW:
            block = self._sub_workflow(fields["workflow"], place / "workflow", folder, include)
        own = StepDefinition(
            id=str(fields.get("id", "")),
            kind=kind,
            fields=fields,
            policy=_policy(fields, place),
            place=place,
            needs=needs,
            edges=edges,
            on_unmet=on_unmet,
            template=template,
            block=block,
        )
        if kind not in {MAP, WORKFLOW, *AWAITING_KINDS}:
            check_action(own.action, fields.get("inputs", {}), place, self._actions)
        if "concurrency" in fields:
            self._keys.append((str(fields["concurrency"]), place / "concurrency"))
        return own

    def _sub_workflow(
        self, value: JsonValue, place: FilePlace, folder: str, include: Include
    ) -> Block:
        if isinstance(value, str):
            return self._file(include(value, place))
        return self._block(value, place, folder, include)


def _declaration(value: JsonObject, place: FilePlace) -> InputDeclaration:
    has_default = value.get("default") is not None
    required = bool(value.get("required", not has_default))
    if required and has_default:
        raise (place / "required").refused("an input with a default is never missing; drop one")
    declaration = InputDeclaration(
        type=value["type"],
        required=required,
        default=value.get("default"),
        description=value.get("description", ""),
    )
    try:
        declaration.check(declaration.default) if has_default else None
    except InvalidInput as error:
        raise (place / "default").refused(str(error)) from None
    return declaration


def _needs(
    entries: list[JsonValue], on_unmet: OnUnmet, place: FilePlace
) -> tuple[tuple[str, ...], dict[str, EdgeRule]]:
    needs: dict[str, EdgeRule | None] = {}
    for index, entry in enumerate(entries):
        rule = None
        need = entry if isinstance(entry, str) else entry["step"]
        if not isinstance(entry, str) and len(entry) > 1:
            rule = EdgeRule(
                skipped=OnUnmet(entry.get("on_skipped", on_unmet)),
                failed=OnUnmet(entry.get("on_failed", on_unmet)),
            )
        if need in needs:
            raise (place / index).refused(f"{need!r} is needed already; name each step once")
        needs[need] = rule
    return tuple(needs), {need: rule for need, rule in needs.items() if rule is not None}


def _reach(steps: Mapping[str, StepDefinition]) -> dict[str, int]:
    """See Block.reach. Raises InvalidInput for unknown needs and circles."""
    for own in steps.values():
        for index, need in enumerate(own.needs):
            if need not in steps:
                raise (own.place / "needs" / index).refused(
                    f"step {own.id!r} needs {need!r}, which is not a step; "
                    f"steps: {', '.join(list(steps)[:20])}"
                )
    skeleton = [
        Step(id=StepId(own.id), action=own.kind, needs=tuple(map(StepId, own.needs)))
        for own in steps.values()
    ]
    ordered = topological_order(skeleton)
    sound = set(ordered)
    trail: list[str] = []
    current = next((step_id for step_id in steps if step_id not in sound), None)
    while current is not None and current not in trail:
        trail.append(current)
        current = next(need for need in steps[current].needs if need not in sound)
    if current is not None:
        circle = [*trail[trail.index(current) :], current]
        raise (steps[current].place / "needs").refused(
            "steps need each other in a circle: " + " -> ".join(circle)
        )
    places = {step_id: place for place, step_id in enumerate(steps)}
    reach: dict[str, int] = {}
    for step_id in ordered:
        reach[step_id] = 0
        for need in steps[step_id].needs:
            reach[step_id] |= reach[need] | 1 << places[need]
    return reach


def _policy(fields: JsonObject, place: FilePlace) -> dict[str, Any]:
    policy: dict[str, Any] = {
        name: fields[name]
        for name in ("title", "yields", "priority", "capability", "concurrency")
        if name in fields
    }
    for name in ("timeout", "expires"):
        if name in fields:
            policy[f"{name}_seconds"] = _positive(fields[name], place / name)
    if "retry" in fields:
        policy["retry"] = _retry(fields["retry"], place / "retry")
    return policy


def _retry(fields: JsonObject, place: FilePlace) -> RetryPolicy:
    options: dict[str, Any] = {
        name: fields[name] for name in ("max_attempts", "backoff", "jitter") if name in fields
    }
    for name in ("delay", "max_delay"):
        if name in fields:
            options[f"{name}_seconds"] = _span(fields[name], place / name)
    for index, code in enumerate(fields.get("retry_on", [])):
        if code not in RETRIED_CODES:
            raise (place / "retry_on" / index).refused(
                f"unknown error code {code!r}; known: {', '.join(sorted(RETRIED_CODES))}"
            )
    options["retry_on"] = tuple(fields.get("retry_on", ()))
    try:
        return RetryPolicy(**options)
    except InvalidInput as error:
        raise place.refused(str(error)) from None


def _positive(value: JsonValue, place: FilePlace) -> float:
    span = _span(value, place)
    if span <= 0:
        raise place.refused(f"must be longer than nothing, got {value!r}")
    return span


def _span(value: JsonValue, place: FilePlace) -> float:
    try:
        return seconds(value)
    except InvalidInput as error:
        raise place.refused(str(error)) from None
