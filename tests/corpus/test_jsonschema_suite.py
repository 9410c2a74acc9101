"""The JSON Schema Test Suite, each schema taken through a document of ours.

What is judged is our part: dialects, identifiers, anchors, references and dynamic references are
worked out by us before the validator sees a schema. Remote references are refused on purpose.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from maestro.contracts.openapi import from_object
from maestro.contracts.openapi.bundling import compiled, standalone
from maestro.errors import InvalidInput

ROOT = Path(os.environ.get("MAESTRO_CORPUS", Path(__file__).parents[2] / "../shared/corpus"))
SUITE = ROOT / "jsonschema-suite" / "tests"
DRAFTS = {"draft2020-12": None, "draft4": "http://json-schema.org/draft-04/schema#"}
FILES = sorted(path for draft in DRAFTS for path in (SUITE / draft).glob("*.json"))

REFUSED_FILES = {"refRemote.json"}
REFUSED = {
    "strict-tree schema, guards against misspelled properties",
    "tests for implementation dynamic anchor and reference link",
    "$ref and $dynamicAnchor are independent of order - $defs first",
    "$ref and $dynamicAnchor are independent of order - $ref first",
    "$ref to $dynamicRef finds detached $dynamicAnchor",
    "draft4: validate definition against metaschema",
    "draft4: remote ref, containing refs itself",
}
"""They refer to other addresses; of the meta-schemas, only that of 2020-12 is known here."""

CUSTOM_VOCABULARIES = {"schema that uses custom metaschema with with no validation vocabulary"}
"""Meta-schemas of one's own, which are not read: every keyword keeps its meaning."""


def test_the_suite_is_there() -> None:
    assert len(FILES) >= 70, f"no test suite below {SUITE}; set MAESTRO_CORPUS"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_schemas_mean_the_same_inside_a_document(path: Path) -> None:
    for group in json.loads(path.read_text(encoding="utf-8")):
        schema = _placed(group["schema"], DRAFTS[path.parent.name])
        source = {"openapi": "3.1.0", "components": {"schemas": {"T": schema}}}
        names = {group["description"], f"{path.parent.name}: {group['description']}"}
        remote = path.name in REFUSED_FILES or not names.isdisjoint(REFUSED)
        if group["description"] in CUSTOM_VOCABULARIES:
            continue
        target = {"$ref": "#/components/schemas/T"}
        if remote:
            with pytest.raises(InvalidInput, match="leads outside"):
                standalone(from_object(source), target)
        else:
            _check(group, compiled(standalone(from_object(source), target), formats=False))


def _check(group: dict[str, Any], validator: Any) -> None:
    for case in group["tests"]:
        place = f"{group['description']}: {case['description']}"
        assert validator.is_valid(case["data"]) == case["valid"], place


def _placed(schema: Any, dialect: str | None) -> Any:
    """With an identifier of its own, so that `#` means the schema and not the document."""
    if not isinstance(schema, dict):
        return schema
    made = {"$schema": dialect, **schema} if dialect else dict(schema)
    name = "id" if dialect else "$id"
    made.setdefault(name, "https://suite.test/schema")
    return made
