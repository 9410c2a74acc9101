"""OpenAPI documents that others wrote: read, linted and sampled, never a crash, never a lie."""

import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from maestro.contracts.openapi.bundling import compiled, standalone, without_marked
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.files import load_file
from maestro.contracts.openapi.lint import errors_of, lint
from maestro.contracts.openapi.operations import operations, webhooks
from maestro.contracts.openapi.reviewing import notes_of
from maestro.contracts.openapi.shapes import is_json
from maestro.contracts.samples import Sampler
from maestro.errors import InvalidInput

ROOT = Path(os.environ.get("MAESTRO_CORPUS", Path(__file__).parents[2] / "../shared/corpus"))
FOLDER = ROOT / "openapi"
DOCUMENTS = sorted(p for p in FOLDER.rglob("*") if p.suffix in (".json", ".yaml"))
PARTS = {"Error.json", "NewPet.json", "Pet.json", "parameters.json"}
"""Parts of a document in several files; no document by themselves."""

OUTSIDE = {
    "weather-forecast-openapi-absolute-ref-pointers.yaml",
    "weather-forecast-openapi-absolute-ref.yaml",
    "weather-forecast-openapi-relative-recursive-ref.yaml",
    "weather-forecast-openapi-relative-ref-example.yaml",
    "weather-forecast-openapi-relative-ref.yaml",
    "swagger.json",
}
"""They refer to addresses, to files that are not there, or out of their folder."""

OFFICIAL = [p for p in DOCUMENTS if "oai-examples" in p.parts and p.name not in PARTS | OUTSIDE]
SEEDS = (0, 7)


def test_the_corpus_is_there() -> None:
    assert len(DOCUMENTS) >= 110, f"no documents below {FOLDER}; set MAESTRO_CORPUS"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(FOLDER)))
def test_every_document_is_read_or_refused_with_a_reason(path: Path) -> None:
    if path.name in PARTS:
        with pytest.raises(InvalidInput, match="no OpenAPI document"):
            load_file(path)
        return
    document = load_file(path)
    assert all(finding.rule and finding.message for finding in lint(document))
    spoiled = [note for note in notes_of(document) if note.rule == "spoiled"]
    assert bool(spoiled) <= (path.name in OUTSIDE), spoiled
    described = _described(document)
    assert len(operations(document)) + len(webhooks(document)) >= described - len(spoiled)


def _described(document: OpenApiDocument) -> int:
    return sum(
        1
        for key in ("paths", "webhooks")
        for item in (document.root.get(key) or {}).values()
        if isinstance(item, dict)
        for method in ("get", "put", "post", "delete", "options", "head", "patch", "trace")
        if method in item
    )


def test_the_official_examples_have_no_errors() -> None:
    faults = {p.name: [str(f) for f in errors_of(load_file(p))] for p in OFFICIAL}
    assert {name: found for name, found in faults.items() if found} == {}


def test_features_of_others_are_no_errors() -> None:
    """Written to show features; a few break a rule of the specification on purpose or by slip."""
    paths = [p for p in DOCUMENTS if "readme-features" in p.parts]
    accepted = [p for p in paths if not errors_of(load_file(p))]
    assert len(accepted) / len(paths) >= 0.93


@functools.cache
def _schemas() -> tuple[tuple[str, Any], ...]:
    found: dict[str, tuple[str, Any]] = {}
    for path in DOCUMENTS:
        if path.name not in PARTS:
            for place, schema in _replies(load_file(path)):
                found.setdefault(
                    json.dumps(schema, sort_keys=True), (f"{path.name} {place}", schema)
                )
    return tuple(found.values())


def _replies(document: OpenApiDocument) -> Iterator[tuple[str, Any]]:
    for operation in operations(document):
        for status, response in operation.responses.items():
            for kind, media in response.content.items():
                if status.startswith("2") and is_json(kind):
                    try:
                        schema = standalone(document, media.schema)
                    except InvalidInput:
                        continue
                    yield operation.key, without_marked(schema, "writeOnly")


def test_samples_fit_their_schemas() -> None:
    schemas = _schemas()
    assert len(schemas) >= 165
    lies, misfits, without = [], [], []
    formats = jsonschema.FormatChecker()
    for place, schema in schemas:
        for seed in SEEDS:
            try:
                value = Sampler(schema, seed=seed).sample()
            except InvalidInput:
                without.append(place)
                continue
            if not jsonschema.Draft202012Validator(schema).is_valid(value):
                lies.append(place)
            strict = jsonschema.Draft202012Validator(schema, format_checker=formats)
            if not (strict.is_valid(value) and compiled(schema).is_valid(value)):
                misfits.append(place)
    count = len(schemas) * len(SEEDS)
    assert lies == [], "an invalid sample was handed out"
    assert 1 - len(without) / count >= 0.995, without
    assert 1 - (len(misfits) + len(without)) / count >= 0.98, misfits


def test_samples_are_the_same_every_time_and_differ_by_seed() -> None:
    differing = 0
    for _, schema in _schemas():
        first = Sampler(schema).sample()
        assert Sampler(schema).sample() == first
        differing += any(Sampler(schema, seed=s).sample() != first for s in (1, 2, 3))
    assert differing >= len(_schemas()) * 0.8
