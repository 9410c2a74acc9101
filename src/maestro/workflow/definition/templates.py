"""The steps of a map: stored once with the ids of item 0, renamed for every item at run time."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from maestro.domain.encoding import decode
from maestro.domain.values import JsonObject, JsonValue
from maestro.domain.workflow import Step
from maestro.errors import InvalidInput
from maestro.workflow.definition.actions import EXPAND, live_inputs
from maestro.workflow.definition.condition_names import condition_name, rename_condition
from maestro.workflow.definition.references import (
    Reference,
    as_text,
    descend,
    parse_text,
    rename_references,
)

MAX_ITEMS = 10_000
MAX_TITLE = 200


def stored(steps: Iterable[Step]) -> list[JsonObject]:
    """The template as it stands in the inputs of the `flow.expand` step."""
    return [json.loads(step.definition()) for step in steps]


def expanded(
    map_id: str, template: Sequence[JsonObject], items: Sequence[JsonValue]
) -> tuple[Step, ...]:
    """The steps of all items, with ids that begin with `<map>.<index>`.

    Raises:
        InvalidInput: there are more than 10,000 items.
        ReferenceFailed: an item has not what a title refers to.
    """
    if len(items) > MAX_ITEMS:
        raise InvalidInput(
            f"map {map_id!r} goes over {len(items)} items; at most {MAX_ITEMS} are allowed"
        )
    old = f"{map_id}.0"
    inner = [str(step_id) for step_id in _ids(template)]
    steps: list[Step] = []
    for index, item in enumerate(items):
        naming = _Naming(old, f"{map_id}.{index}", inner)
        in_list = Reference("outputs", (f"{map_id}.items", index))
        for data in template:
            told = naming.step(data, in_list)
            if told.get("title"):
                told["title"] = item_title(str(told["title"]), index, item)
            steps.append(decode(Step, told))
    return tuple(steps)


def item_title(text: str, index: int, item: JsonValue) -> str:
    """A title for the step of one item: `${item}` in it filled in, else the index behind it."""
    parts = title_parts(text)
    if parts is None:
        return f"{text} [{index}]"
    full = "".join(
        part if isinstance(part, str) else as_text(descend(item, part)) for part in parts
    )
    return re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+", " ", full)[:MAX_TITLE]


def title_parts(text: str) -> list[str | Reference] | None:
    """What a title with references to the item is made of; None for any other title."""
    if "${item" not in text:
        return None
    try:
        parts = parse_text(text)
    except InvalidInput:
        return None
    roots = [part.root for part in parts if isinstance(part, Reference)]
    return parts if roots and set(roots) == {"item"} else None


class _Naming:
    """Turns what was written for item 0 into what another item needs."""

    def __init__(self, old: str, fresh: str, inner: Iterable[str]) -> None:
        self._old = old
        self._fresh = fresh
        self._names = {
            f"outputs.{condition_name(step_id)}": f"outputs.{condition_name(self._id(step_id))}"
            for step_id in inner
        }

    def step(self, data: JsonObject, item: Reference | None) -> dict[str, JsonValue]:
        """`item` is what `${item}` stands for; None: for the item of a map inside the template."""
        told = dict(data)
        told["id"] = self._id(told["id"])
        if "needs" in told:
            told["needs"] = [self._id(need) for need in told["needs"]]
        if "parent" in told:
            told["parent"] = self._id(told["parent"])
        if "edges" in told:
            told["edges"] = {self._id(need): rule for need, rule in told["edges"].items()}
        if "when" in told:
            told["when"] = rename_condition(told["when"], self._names)
        if "inputs" in told:
            told["inputs"] = self._inputs(str(told.get("action", "")), told["inputs"], item)
        return told

    def _inputs(
        self, action: str, inputs: JsonObject, item: Reference | None
    ) -> dict[str, JsonValue]:
        told = dict(inputs)
        for name in live_inputs(action, inputs):
            told[name] = rename_references(told[name], partial(self._reference, item))
        if action == EXPAND:
            told["steps"] = [self.step(inner, None) for inner in told["steps"]]
        return told

    def _reference(self, item: Reference | None, reference: Reference) -> Reference:
        if reference.root == "item":
            return reference if item is None else Reference(item.root, item.path + reference.path)
        first, *rest = reference.path
        return Reference(reference.root, (self._id(str(first)), *rest))

    def _id(self, step_id: str) -> str:
        if step_id == self._old or step_id.startswith(f"{self._old}."):
            return self._fresh + step_id[len(self._old) :]
        return step_id


def _ids(template: Sequence[JsonObject]) -> Iterator[str]:
    """Ids of the template's steps and of the templates inside it."""
    for data in template:
        yield data["id"]
        inputs = data.get("inputs", {})
        if data.get("action") == EXPAND and isinstance(inputs, Mapping):
            yield from _ids(inputs["steps"])
