"""Rules over schemas and the examples beside them."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, TypeGuard

import jsonschema_rs

from maestro.contracts.openapi.bundling import compiled, standalone, usable_pattern
from maestro.contracts.openapi.pointers import join
from maestro.contracts.openapi.reviewing import LintRule, Problem, Review, listed, mapping
from maestro.domain.contract import Severity
from maestro.errors import InvalidInput


def _usable(review: Review) -> Iterator[Problem]:
    for pointer, schema in review.roots:
        if not isinstance(schema, Mapping | bool):
            yield pointer, f"a schema is an object or a truth value, got {schema!r:.60}"
            continue
        for error in _meta_schema().iter_errors(schema):
            place = join(pointer, *error.instance_path)
            yield place, f"is not a usable JSON Schema: {error.message[:200]}"


@cache
def _meta_schema() -> Any:
    return jsonschema_rs.Draft202012Validator(
        {"$ref": "https://json-schema.org/draft/2020-12/schema"}, offline=True
    )


def _patterns(review: Review) -> Iterator[Problem]:
    for pointer, schema in review.schemas():
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and not usable_pattern(pattern):
            yield join(pointer, "pattern"), f"{pattern!r} cannot be read and is not checked"


def _broken_patterns(review: Review) -> Iterator[Problem]:
    """No engine reads these; dialects of regular expressions differ in other things."""
    for pointer, schema in review.schemas():
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and not usable_pattern(pattern):
            try:
                re.compile(pattern)
            except re.error as error:
                if re.match(r"unterminated|missing \)|unbalanced|nothing to repeat", error.msg):
                    yield join(pointer, "pattern"), f"{pattern!r} is broken: {error.msg}"
            except RecursionError:
                yield join(pointer, "pattern"), "the pattern is nested too deep"


def _examples(review: Review) -> Iterator[Problem]:
    for pointer, schema, examples in review.carried:
        if not examples:
            continue
        with suppress(InvalidInput):  # an unusable schema is reported by another rule
            validator = compiled(standalone(review.document, schema, where=pointer), where=pointer)
            yield from ((pointer, problem) for problem in _misfits(validator, examples))


def _misfits(validator: Any, examples: tuple[Any, ...]) -> Iterator[str]:
    for example in examples:
        error = next(iter(validator.iter_errors(example)), None)
        if error is not None:
            place = join("", *error.instance_path) or "/"
            yield f"the example does not fit its schema at {place}: {error.message[:200]}"


def _own_values(review: Review) -> Iterator[Problem]:
    """Defaults and examples inside schemas, as far as the schema itself says what fits."""
    for pointer, schema in review.schemas():
        given = [("default", schema["default"])] if "default" in schema else []
        given += [(f"examples/{n}", e) for n, e in enumerate(listed(schema.get("examples")))]
        given = [(key, value) for key, value in given if value is not None]
        if given and "type" in schema:
            yield from _unfit(pointer, schema, given)


def _unfit(
    pointer: str, schema: Mapping[str, Any], given: list[tuple[str, Any]]
) -> Iterator[Problem]:
    simple = {k: schema[k] for k in _PLAIN_KEYWORDS if k in schema}
    with suppress(InvalidInput):
        validator = compiled(simple)
        for key, value in given:
            if not validator.is_valid(value):
                yield f"{pointer}/{key}", f"{value!r:.80} does not fit its own schema"


_PLAIN_KEYWORDS = (
    "enum", "exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maximum",
    "minItems", "minLength", "minimum", "type",
)  # fmt: skip


def _ranges(review: Review) -> Iterator[Problem]:
    pairs = [(f"min{x}", f"max{x}") for x in ("Length", "Items", "Properties", "imum")]
    for pointer, schema in review.schemas():
        for low, high in pairs:
            least, most = schema.get(low), schema.get(high)
            if _is_number(least) and _is_number(most) and least > most:
                yield pointer, f"nothing fits: {low} {least} is above {high} {most}"


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _enum_types(review: Review) -> Iterator[Problem]:
    for pointer, schema in review.schemas():
        if isinstance(schema.get("enum"), list) and isinstance(schema.get("type"), str):
            with suppress(InvalidInput):
                validator = compiled({"type": schema["type"]})
                for value in schema["enum"]:
                    if not validator.is_valid(value):
                        yield join(pointer, "enum"), f"{value!r:.60} is no {schema['type']}"


def _items(review: Review) -> Iterator[Problem]:
    """2.0 and 3.0 insist on it; from 3.1 on nothing means everything."""
    if review.document.version not in ("2.0", "3.0"):
        return
    for pointer, schema in review.schemas():
        if schema.get("type") == "array" and not {"items", "prefixItems"} & set(schema):
            yield pointer, "an array has to say what its `items` are"


def _both_only(review: Review) -> Iterator[Problem]:
    for pointer, schema in review.schemas():
        if schema.get("readOnly") is True and schema.get("writeOnly") is True:
            yield pointer, "is both readOnly and writeOnly"


def _required(review: Review) -> Iterator[Problem]:
    for pointer, schema in review.schemas():
        if schema.get("additionalProperties") is False and "patternProperties" not in schema:
            known = mapping(schema.get("properties"))
            for name in listed(schema.get("required")):
                if isinstance(name, str) and name not in known:
                    yield pointer, f"{name!r} is required but not allowed"


def _nullable(review: Review) -> Iterator[Problem]:
    if review.document.version not in ("2.0", "3.0"):
        for pointer, schema in review.schemas():
            if schema.get("nullable") is True:
                yield join(pointer, "nullable"), "means nothing since 3.1; write type [..., null]"


SCHEMA_RULES = (
    LintRule(name="schema-usable", severity=Severity.ERROR, check=_usable),
    LintRule(name="items-described", severity=Severity.WARNING, check=_items),
    LintRule(name="read-or-write", severity=Severity.ERROR, check=_both_only),
    LintRule(name="pattern-closed", severity=Severity.ERROR, check=_broken_patterns),
    LintRule(name="pattern-readable", severity=Severity.WARNING, check=_patterns),
    LintRule(name="example-valid", severity=Severity.WARNING, check=_examples),
    LintRule(name="value-valid", severity=Severity.WARNING, check=_own_values),
    LintRule(name="range-possible", severity=Severity.WARNING, check=_ranges),
    LintRule(name="enum-type", severity=Severity.WARNING, check=_enum_types),
    LintRule(name="required-allowed", severity=Severity.WARNING, check=_required),
    LintRule(name="nullable-ignored", severity=Severity.WARNING, check=_nullable),
)
