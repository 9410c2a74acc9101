"""Schemas that others wrote: each is served or refused with a reason, and every reply fits it.

The folder comes from MAESTRO_CORPUS; without it these tests fail, as they are run on purpose only.
"""

import os
from pathlib import Path

import pytest
from graphql import parse

from maestro.contracts.comparison.graphql import compare_sdl
from maestro.contracts.mocks.graphql.engine import GraphqlEngine
from maestro.contracts.mocks.graphql.memory import Memory
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.sdl.lint import lint_sdl
from maestro.contracts.verification.graphql_requests import RequestMaker
from maestro.contracts.verification.graphql_results import ResultChecker
from maestro.errors import InvalidInput

ROOT = Path(os.environ.get("MAESTRO_CORPUS", Path(__file__).parents[2] / "../shared/corpus"))
FOLDER = ROOT / "graphql"
SCHEMAS = sorted(FOLDER.glob("*.graphql"))
REFUSED = {"microcks-petstore-1.0.graphql": r"line 28, column 31: .*must be Input Type"}


def test_the_corpus_is_there() -> None:
    assert len(SCHEMAS) >= 3, f"no schemas in {FOLDER}; set MAESTRO_CORPUS"


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_every_operation_is_answered_as_the_schema_promises(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.name in REFUSED:
        with pytest.raises(InvalidInput, match=REFUSED[path.name]):
            GraphqlEngine(text, path.name)
        return
    engine = GraphqlEngine(text, path.name)
    maker, checker = RequestMaker(engine.roles, {}), ResultChecker(engine.schema)
    asked = 0
    for kind, root in (
        ("query", engine.schema.query_type),
        ("mutation", engine.schema.mutation_type),
    ):
        for name in root.fields if root is not None else ():
            memory = Memory(engine.roles, MockBehaviour())
            request = maker.request(kind, name)
            prepared = engine.prepare(request.query)
            assert prepared.errors == [], name
            reply = engine.execute(memory, prepared, None, request.variables)
            assert "errors" not in reply, (name, reply["errors"])
            assert checker.deviations(parse(request.query), reply["data"]) == [], name
            asked += 1
    assert asked > 5


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_lint_says_where_and_nothing_differs_from_itself(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert all(p.line > 0 and p.column > 0 for p in lint_sdl(text))
    if path.name not in REFUSED:
        assert compare_sdl(text, text).changes == ()
