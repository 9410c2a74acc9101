"""What the steps of one block may refer to, and what that is called in the lowered workflow."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from maestro.domain.expression import ValueType, compile_condition
from maestro.domain.values import JsonValue, StepId
from maestro.errors import InvalidInput
from maestro.workflow.definition.actions import output_fields
from maestro.workflow.definition.blocks import MAP, WORKFLOW, Block, StepDefinition
from maestro.workflow.definition.condition_names import condition_name, rename_condition
from maestro.workflow.definition.inputs import IN_CONDITIONS
from maestro.workflow.definition.references import Reference, references_in, rename_references
from maestro.workflow.definition.source import FilePlace

Name = tuple[str, ValueType]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    block: Block
    prefix: str
    """Of the lowered ids of the block's steps: empty, or `pack.`."""
    begin: StepId | None
    """The step whose output holds the block's inputs; None where there is none."""

    def target(self, step_id: str) -> StepId:
        return StepId(self.prefix + step_id)

    # --- references ---------------------------------------------------------------------------

    def references(
        self, value: JsonValue, own: StepDefinition, place: FilePlace, *, item: bool
    ) -> JsonValue:
        """The value with its references written as the lowered workflow needs them.

        Args:
            own: the step of this block that the value belongs to.
            item: whether `${item}` may be used.

        Raises:
            InvalidInput: names the place and what the reference should have been.
        """
        if isinstance(value, Mapping):
            return {
                key: self.references(entry, own, place / key, item=item)
                for key, entry in value.items()
            }
        if isinstance(value, list):
            return [
                self.references(entry, own, place / index, item=item)
                for index, entry in enumerate(value)
            ]
        try:
            return rename_references(value, lambda found: self._lowered(found, own, item))
        except InvalidInput as error:
            raise place.refused(str(error)) from None

    def _lowered(self, reference: Reference, own: StepDefinition, item: bool) -> Reference:
        if reference.root == "item":
            if not item:
                raise InvalidInput(f"{reference}: only the step of a map has an item")
            return reference
        if not reference.path or not isinstance(reference.path[0], str):
            raise InvalidInput(f"{reference}: say of which, e.g. ${{{reference.root}.name}}")
        name, *rest = reference.path
        if reference.root == "inputs":
            if name not in self.block.inputs or self.begin is None:
                known = ", ".join(self.block.inputs) or "none"
                raise InvalidInput(f"{reference}: unknown input {name!r}; declared: {known}")
            return Reference("outputs", (self.begin, name, *rest))
        needed = self.block.steps.get(str(name))
        if needed is None:
            raise InvalidInput(f"{reference}: there is no step {name!r} here")
        if not self.block.needs(own.id, needed.id):
            raise InvalidInput(
                f"{reference}: step {own.id!r} does not need {name!r}, directly or not, so its "
                "output may not be there yet; add it to needs"
            )
        _check_path(reference, needed, tuple(rest))
        return Reference("outputs", (self.target(needed.id), *rest))

    # --- conditions ---------------------------------------------------------------------------

    def condition(self, source: str, own: StepDefinition, place: FilePlace) -> str:
        """A condition of one of the block's steps, with the names of the lowered workflow.

        Raises:
            InvalidInput: names the place; unknown names, bad syntax, mixed types.
        """
        names = self._names(own, place, source)
        try:
            condition = compile_condition(source, {name: kind for name, (_, kind) in names.items()})
            wanted = {name: names[name][0] for name in condition.names}
            lowered = rename_condition(source, wanted)
            declared = {new: names[name][1] for name, new in wanted.items()}
            found = compile_condition(lowered, declared).names
        except InvalidInput as error:
            known = _known(self._names(own, place, None))
            raise place.refused(f"{error}{known}") from None
        if set(found) != set(declared):
            raise place.refused("write names plainly, as outputs.<step>.<field>")
        return lowered

    def _names(self, own: StepDefinition, place: FilePlace, source: str | None) -> dict[str, Name]:
        """What a condition may use -> what it is called in the lowered workflow, and its type.

        With `source` only what it could mean, which spares declaring thousands of names.
        """
        names = dict(self._input_names())
        origin: dict[str, str] = {}
        for need in self._mentioned(source):
            if not self.block.needs(own.id, need):
                continue
            for written, known in _fields(self.block.steps[need], self.target(need)):
                full = f"outputs.{condition_name(need)}.{written}"
                if origin.setdefault(full, need) != need:
                    raise place.refused(
                        f"the steps {origin[full]!r} and {need!r} look the same in a condition "
                        f"({full!r}); rename one of them"
                    )
                names[full] = known
        return names

    def _input_names(self) -> Iterator[tuple[str, Name]]:
        if self.begin is None:
            return
        start = f"outputs.{condition_name(self.begin)}"
        for name, declared in self.block.inputs.items():
            if declared.type in IN_CONDITIONS:
                yield f"inputs.{name}", (f"{start}.{name}", ValueType(declared.type))

    def _mentioned(self, source: str | None) -> Iterable[str]:
        """Ids of steps whose names occur in the text; of all steps without one."""
        if source is None:
            return self.block.steps
        words = set(re.findall(r"\w+", source)) & self.block.spelt.keys()
        return [step_id for word in sorted(words) for step_id in self.block.spelt[word]]


def _fields(own: StepDefinition, target: StepId) -> Iterator[tuple[str, Name]]:
    """The fields of a step's output that conditions may use; inner steps' below their id."""
    start = f"outputs.{condition_name(target)}"
    for field, kind in own.policy.get("yields", {}).items():
        yield field, (f"{start}.{field}", ValueType(kind))
    if own.kind == WORKFLOW and own.block is not None:
        for inner in own.block.steps.values():
            for field, name in _fields(inner, StepId(f"{target}.{inner.id}")):
                yield f"{condition_name(inner.id)}.{field}", name


def _check_path(reference: Reference, own: StepDefinition, path: tuple[str | int, ...]) -> None:
    """Refuses what the step's output will certainly not have."""
    if not path:
        return
    first, *rest = path
    if own.kind == MAP and own.template is not None:
        if not isinstance(first, int):
            raise InvalidInput(
                f"{reference}: a map puts out a list; write [0], or hand on the whole list"
            )
        _check_path(reference, own.template, tuple(rest))
    elif own.kind == WORKFLOW and own.block is not None:
        inner = own.block.steps.get(str(first))
        if inner is None:
            known = ", ".join(own.block.steps)
            raise InvalidInput(
                f"{reference}: the sub-workflow has no step {first!r}; it has {known}"
            )
        _check_path(reference, inner, tuple(rest))
    elif own.policy.get("yields"):
        known_fields = (
            *own.policy["yields"],
            *output_fields(own.action, own.fields.get("inputs", {})),
        )
        if first not in known_fields:
            raise InvalidInput(
                f"{reference}: {first!r} is not among the yields of that step: "
                f"{', '.join(known_fields)}"
            )


def _known(names: Mapping[str, Name]) -> str:
    return f"; names it may use: {', '.join(sorted(names)[:20]) or 'none'}"


def refuse_references(value: JsonValue, place: FilePlace, why: str) -> None:
    """Raises InvalidInput where a reference stands that nothing would ever resolve."""
    try:
        found = next(references_in(value), None)
    except InvalidInput as error:
        raise place.refused(str(error)) from None
    if found is not None:
        raise place.refused(f"{found}: {why}")
