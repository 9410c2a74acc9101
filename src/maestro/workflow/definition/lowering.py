"""Blocks to the flat graph the engine runs: maps and sub-workflows become several plain steps.

A map `m` becomes `m.items` (reads the list, extends the run by `m.0`, `m.1`, ...) and `m`
(collects); a sub-workflow `s` becomes `s.begin` (its inputs), `s.<inner>` ... and `s` (collects).
Declared inputs of the workflow itself become the step `inputs`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from maestro.domain.values import JsonObject, JsonValue, StepId
from maestro.domain.workflow import (
    AWAITING_KINDS,
    EdgeRule,
    OnUnmet,
    RetryPolicy,
    Step,
    StepKind,
    Workflow,
    check_graph,
)
from maestro.errors import InvalidInput
from maestro.workflow.conditions import check_conditions
from maestro.workflow.definition.actions import BEGIN, COLLECT, COMMAND, EXPAND
from maestro.workflow.definition.blocks import INPUTS_STEP, MAP, WORKFLOW, Block, StepDefinition
from maestro.workflow.definition.condition_names import condition_name
from maestro.workflow.definition.inputs import IN_CONDITIONS, InputDeclaration
from maestro.workflow.definition.references import references_in
from maestro.workflow.definition.scopes import Scope, refuse_references
from maestro.workflow.definition.templates import stored, title_parts

MAX_ID = 110
"""Leaves room for what lowering appends, within the 128 characters of an id."""
FLOW_RETRY = RetryPolicy(max_attempts=100, delay_seconds=0.0, retry_on=("interrupted",))
"""Steps of the flow itself do no work, so an interruption is all that can befall them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """What must be before the first of the steps that one definition becomes."""

    needs: tuple[StepId, ...] = ()
    edges: Mapping[str, EdgeRule] = field(default_factory=dict)
    on_unmet: OnUnmet = OnUnmet.SKIP
    when: str | None = None
    parent: StepId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """Where a definition stands."""

    scope: Scope
    phase: str
    anchor: StepDefinition | None = None
    """The map of the scope's block to whose template the definition belongs."""
    templated: bool = False
    """Inside a map's template, at whatever depth: phases stay as they are, for they are the same
    for all items."""

    def phase_of(self, label: str) -> str:
        return self.phase if self.templated else label


def lower(block: Block, name: str, limits: Mapping[str, int]) -> Workflow:
    """The workflow of a file's block.

    Raises:
        InvalidInput: names the place and the rule.
    """
    lowering = _Lowering()
    begin = StepId(INPUTS_STEP) if block.inputs else None
    steps: list[Step] = []
    if begin is not None:
        steps.append(_begin(begin, "Inputs", block, None, _Entry(), phase=name))
    scope = Scope(block=block, prefix="", begin=begin)
    steps += lowering.block(_Setting(scope=scope, phase=name))
    try:
        workflow = Workflow(name=name, steps=tuple(steps), concurrency=dict(limits))
        everything = (*workflow.steps, *lowering.samples)
        check_graph(everything)
        check_conditions(everything)
    except InvalidInput as error:
        raise block.place.refused(str(error)) from None
    _check_map_names(everything, lowering.maps, block)
    return workflow


class _Lowering:
    def __init__(self) -> None:
        self.samples: list[Step] = []
        """Steps of item 0 of every map, which are checked now and made later."""
        self.maps: set[StepId] = set()

    def block(self, setting: _Setting) -> list[Step]:
        scope = setting.scope
        steps: list[Step] = []
        for own in scope.block.steps.values():
            needs = tuple(scope.target(need) for need in own.needs)
            edges: dict[str, EdgeRule] = {
                scope.target(need): rule for need, rule in own.edges.items()
            }
            if scope.begin is not None:
                needs = (scope.begin, *needs)
                if own.on_unmet is not OnUnmet.SKIP:
                    edges[scope.begin] = EdgeRule(alone=True)
            entry = _Entry(
                needs=needs, edges=edges, on_unmet=own.on_unmet, when=_condition(own, setting)
            )
            steps += self._definition(own, scope.target(own.id), setting, entry)
        return steps

    def _definition(
        self, own: StepDefinition, target: StepId, setting: _Setting, entry: _Entry
    ) -> list[Step]:
        if len(target) > MAX_ID:
            raise own.place.refused(
                f"the id {target!r} is longer than {MAX_ID} characters; use shorter ids"
            )
        if own.kind == MAP and own.template is not None:
            return self._map(own, own.template, target, setting, entry)
        if own.kind == WORKFLOW and own.block is not None:
            return self._sub_workflow(own, own.block, target, setting, entry)
        return [_plain(own, target, setting, entry)]

    def _map(
        self,
        own: StepDefinition,
        template: StepDefinition,
        target: StepId,
        setting: _Setting,
        entry: _Entry,
    ) -> list[Step]:
        label = _label(own)
        self.maps.add(target)
        items = StepId(f"{target}.items")
        inner = _Setting(
            scope=setting.scope,
            phase=setting.phase_of(label),
            anchor=setting.anchor or own,
            templated=True,
        )
        _check_title(template)
        titled = replace(template, policy={"title": label, **template.policy})
        child = _Entry(needs=(items,), when=_condition(template, inner), parent=target)
        steps = self._definition(titled, StepId(f"{target}.0"), inner, child)
        self.samples += steps
        over = _references(own.fields["over"], own, "over", setting)
        expand = _flow_step(
            items,
            EXPAND,
            f"Items of {label}",
            {"over": over, "steps": stored(steps)},
            entry,
            setting.phase,
        )
        collect = _Entry(
            needs=(items,),
            edges={items: EdgeRule(failed=OnUnmet.FAIL)},
            on_unmet=OnUnmet.RUN,
            parent=entry.parent,
        )
        return [
            _prioritised(expand, own),
            _prioritised(_flow_step(target, COLLECT, label, {}, collect, setting.phase), own),
        ]

    def _sub_workflow(
        self,
        own: StepDefinition,
        block: Block,
        target: StepId,
        setting: _Setting,
        entry: _Entry,
    ) -> list[Step]:
        label = _label(own)
        begin = StepId(f"{target}.begin")
        _check_given(own, block)
        values = _references(own.fields.get("with", {}), own, "with", setting)
        first = _begin(
            begin, f"Begin {label}", block, values, replace(entry, parent=None), setting.phase
        )
        inner = _Setting(
            scope=Scope(block=block, prefix=f"{target}.", begin=begin),
            phase=setting.phase_of(label),
            templated=setting.templated,
        )
        steps = self.block(inner)
        outputs = [StepId(f"{target}.{name}") for name in block.steps]
        collect = _Entry(
            needs=(begin, *outputs),
            edges={begin: EdgeRule(failed=OnUnmet.FAIL)},
            on_unmet=OnUnmet.RUN,
            parent=entry.parent,
        )
        told = {"steps": list(block.steps)}
        last = _flow_step(target, COLLECT, label, told, collect, setting.phase)
        return [_prioritised(first, own), *steps, _prioritised(last, own)]


def _plain(own: StepDefinition, target: StepId, setting: _Setting, entry: _Entry) -> Step:
    inputs = own.fields.get("inputs", {})
    if own.kind in AWAITING_KINDS:
        refuse_references(inputs, own.place / "inputs", "nothing resolves it for this kind of step")
    else:
        inputs = _references(inputs, own, "inputs", setting)
    folder = setting.scope.block.folder
    if own.action == COMMAND and folder != ".":
        inputs = {**inputs, "cwd": f"{folder}/{inputs.get('cwd', '.')}"}
    return Step(
        id=target,
        action=own.action,
        kind=StepKind(own.kind),
        inputs=inputs,
        phase=setting.phase,
        needs=entry.needs,
        edges=entry.edges,
        on_unmet=entry.on_unmet,
        when=entry.when,
        parent=entry.parent,
        **own.policy,
    )


def _flow_step(
    step_id: StepId, action: str, title: str, inputs: JsonObject, entry: _Entry, phase: str
) -> Step:
    return Step(
        id=step_id,
        action=action,
        title=title,
        phase=phase,
        inputs=inputs,
        needs=entry.needs,
        edges=entry.edges,
        on_unmet=entry.on_unmet,
        when=entry.when,
        parent=entry.parent,
        retry=FLOW_RETRY,
    )


def _begin(
    step_id: StepId,
    title: str,
    block: Block,
    values: JsonValue,
    entry: _Entry,
    phase: str,
) -> Step:
    """The step whose output are the block's inputs; without `values` they are the run's."""
    inputs: dict[str, JsonValue] = {
        "declared": {name: _told(declared) for name, declared in block.inputs.items()}
    }
    if values is not None:
        inputs["values"] = values
    step = _flow_step(step_id, BEGIN, title, inputs, entry, phase)
    yields = {
        name: declared.type
        for name, declared in block.inputs.items()
        if declared.type in IN_CONDITIONS
    }
    return replace(step, yields=yields)


def _told(declared: InputDeclaration) -> JsonObject:
    told: dict[str, JsonValue] = {"type": declared.type, "required": declared.required}
    return told if declared.default is None else {**told, "default": declared.default}


def _prioritised(step: Step, own: StepDefinition) -> Step:
    return replace(step, priority=own.policy.get("priority", 0))


def _label(own: StepDefinition) -> str:
    return str(own.policy.get("title") or own.id)


def _condition(own: StepDefinition, setting: _Setting) -> str | None:
    source = own.fields.get("when")
    if source is None:
        return None
    return setting.scope.condition(str(source), setting.anchor or own, own.place / "when")


def _references(value: JsonValue, own: StepDefinition, name: str, setting: _Setting) -> JsonValue:
    anchor = setting.anchor
    return setting.scope.references(value, anchor or own, own.place / name, item=anchor is not None)


def _check_title(template: StepDefinition) -> None:
    title = str(template.fields.get("title", ""))
    if "${" in title and title_parts(title) is None and "$${" not in title:
        raise (template.place / "title").refused("only ${item} and ${item.field} can stand here")


def _check_given(own: StepDefinition, block: Block) -> None:
    """That `with` gives the sub-workflow what it declares; literal values also by type."""
    given = own.fields.get("with", {})
    place = own.place / "with"
    for name in given:
        if name not in block.inputs:
            known = ", ".join(block.inputs) or "none"
            raise (place / name).refused(f"the sub-workflow has no input {name!r}; it has {known}")
    for name, declared in block.inputs.items():
        if name not in given:
            if declared.required:
                raise own.place.refused(f"the sub-workflow's input {name!r} is missing in 'with'")
            continue
        try:
            if next(references_in(given[name]), None) is None:
                declared.check(given[name])
        except InvalidInput as error:
            raise (place / name).refused(str(error)) from None


def _check_map_names(steps: tuple[Step, ...], maps: set[StepId], block: Block) -> None:
    """Conditions know `m.1` as `m_1`, so no other step may look like an item of a map."""
    by_name = {condition_name(map_id): map_id for map_id in maps}
    for step in steps:
        name = condition_name(step.id)
        for found in re.finditer(r"_[0-9]+(?=_|$)", name):
            owner = by_name.get(name[: found.start()])
            if owner is not None and not step.id.startswith(f"{owner}."):
                raise block.place.refused(
                    f"step {step.id!r} looks like an item of the map {owner!r} in a condition; "
                    "rename one of them"
                )
