"""The shipped JSON Schema, and its complaints in words that fit a workflow file."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

import jsonschema_rs

from maestro.domain.values import JsonObject
from maestro.workflow.definition.source import FilePlace, Source

_FILE = "workflow.schema.json"


@cache
def schema_text() -> str:
    """The JSON Schema (draft 2020-12) of workflow files."""
    return resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8")


def check_structure(source: Source) -> None:
    """Raises InvalidInput for the first thing in the file that the schema does not allow."""
    found = [
        (leaf.kind.name == "required", *_told(leaf, source))
        for error in _validator().iter_errors(source.value)
        for leaf in _leaves(error)
    ]
    if found:  # a misspelt field says more than that the right one is missing
        _, place, problem = min(found, key=lambda item: (item[0], *_order(item[1])))
        raise place.refused(problem)


@cache
def _validator() -> Any:
    return jsonschema_rs.Draft202012Validator(
        json.loads(schema_text()), pattern_options=jsonschema_rs.RegexOptions()
    )


def _leaves(error: Any) -> Iterator[Any]:
    """Of several allowed forms, the complaints about the one whose type fits."""
    if error.kind.name != "anyOf":
        yield error
        return
    depth = len(error.instance_path)
    fitting = [
        branch
        for branch in error.kind.as_dict()["context"]
        if not any(e.kind.name == "type" and len(e.instance_path) == depth for e in branch)
    ]
    if len(fitting) != 1:
        yield error
        return
    for inner in fitting[0]:
        yield from _leaves(inner)


def _order(place: FilePlace) -> tuple[int, int]:
    """First in the file first; of two on one line the deeper says more."""
    length = len(place.pointer)
    while length and place.pointer[:length] not in place.lines:
        length -= 1
    return (place.lines.get(place.pointer[:length], 0), -len(place.pointer))


def _told(error: Any, source: Source) -> tuple[FilePlace, str]:
    place = source.place
    for key in error.instance_path:
        place = place / key
    name, told = str(error.kind.name), error.kind.as_dict()
    if name == "additionalProperties":
        key = str(told["unexpected"][0])
        return place / key, f"unknown field {key!r:.80}; known: {_known(error)}"
    if name == "falseSchema":
        return place, f"the field {str(error.instance_path[-1])!r} is not for a step of this kind"
    words = _WORDS.get(name)
    problem = words(told) if words else str(error.message)[:300]
    return place, problem if name == "required" else f"{problem}, got {_shown(error.instance)}"


_WORDS: Mapping[str, Callable[[JsonObject], str]] = {
    "required": lambda told: f"the field {told['property']!r} is missing",
    "type": lambda told: f"must be of type {' or '.join(told['types'])}",
    "enum": lambda told: f"must be one of {', '.join(map(str, told['options']))}",
    "pattern": lambda told: f"must match {told['pattern']}",
    "minimum": lambda told: f"must be at least {told['limit']}",
    "maximum": lambda told: f"must be at most {told['limit']}",
    "minItems": lambda told: f"must have at least {told['limit']} entries",
    "maxItems": lambda told: f"must have at most {told['limit']} entries",
    "minLength": lambda told: "must not be empty",
    "maxLength": lambda told: f"must have at most {told['limit']} characters",
    "uniqueItems": lambda told: "must not hold an entry twice",
    "anyOf": lambda told: "has none of the forms allowed here",
    "propertyNames": lambda told: f"holds a name that is not allowed: {told['error'].message}",
}


def _known(error: Any) -> str:
    """The fields the schema allows where an unknown one was found."""
    node: Any = json.loads(schema_text())
    for key in list(error.schema_path)[:-1]:
        node = node[key]
    return ", ".join(node.get("properties", {})) or "none"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else text[:119] + "…"
