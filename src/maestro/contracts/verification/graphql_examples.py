"""What a mock of a GraphQL contract answers to each query, held against the schema."""

from collections.abc import Iterator

from maestro.contracts.mocks.graphql.engine import GraphqlEngine
from maestro.contracts.mocks.graphql.memory import Memory
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.sdl.reading import sdl_of
from maestro.contracts.verification.graphql_requests import RequestMaker
from maestro.contracts.verification.graphql_results import ResultChecker
from maestro.domain.contract import Contract


def fitting_answers(contract: Contract) -> Iterator[bool]:
    """Raises InvalidInput for a schema that cannot be used."""
    engine = GraphqlEngine(sdl_of(contract), f"contract {contract.id!r}")
    memory = Memory(engine.roles, MockBehaviour())
    maker = RequestMaker(engine.roles, {})
    checker = ResultChecker(engine.schema)
    root = engine.schema.query_type
    for name in root.fields if root is not None else ():
        request = maker.request("query", name)
        prepared = engine.prepare(request.query)
        if prepared.document is None or prepared.errors:
            yield False
            continue
        reply = engine.execute(memory, prepared, None, request.variables)
        wrong = reply.get("errors") or checker.deviations(prepared.document, reply.get("data"))
        yield not wrong
