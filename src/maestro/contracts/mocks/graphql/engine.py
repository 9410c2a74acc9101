"""One schema made ready to answer: resolvers attached, documents parsed and validated once."""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from inspect import isawaitable
from typing import Any, TypeGuard, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    execute,
    parse,
    specified_rules,
    subscribe,
    validate,
)
from graphql.validation import MaxIntrospectionDepthRule

from maestro.contracts.mocks.graphql.limits import MAX_TOKENS, check_limits
from maestro.contracts.mocks.graphql.memory import Memory, Thing
from maestro.contracts.mocks.graphql.resolving import QuerySession, Resolvers, type_of
from maestro.contracts.mocks.graphql.watching import attach_subscriptions
from maestro.contracts.sdl.reading import read_sdl
from maestro.contracts.sdl.roles import SchemaRoles

MAX_DOCUMENTS = 1000
MAX_KEPT_LENGTH = 64 * 1024
"""Longer documents are read anew each time."""
MAX_ERRORS = 20

_RULES = (*specified_rules, MaxIntrospectionDepthRule)
_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
_INVALID = "GRAPHQL_VALIDATION_FAILED"
_BAD_INPUT = "BAD_USER_INPUT"


@dataclass(frozen=True, slots=True)
class PreparedOperation:
    kind: str
    """`query`, `mutation` or `subscription`."""
    label: str
    """Its root fields: `Query.products, Query.orders`."""


@dataclass(slots=True)
class Prepared:
    """A document read once: what it can do, or why it cannot be used."""

    document: DocumentNode | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)
    operations: dict[str, PreparedOperation] = field(default_factory=dict)

    def operation(self, name: str | None) -> PreparedOperation | None:
        if name:
            return self.operations.get(name)
        return next(iter(self.operations.values())) if len(self.operations) == 1 else None


class GraphqlEngine:
    """Serves any number of memories; holds nothing that requests change."""

    def __init__(self, sdl: str, name: str) -> None:
        """Raises InvalidInput for a text that is no usable schema."""
        self.read = read_sdl(sdl, name=name)
        self.schema = self.read.schema
        self.roles = SchemaRoles(self.schema)
        self.resolvers = Resolvers(self.roles)
        self.resolvers.attach()
        attach_subscriptions(self.roles, self.resolvers)
        self._documents: OrderedDict[str, Prepared] = OrderedDict()

    def prepare(self, text: str) -> Prepared:
        known = self._documents.get(text)
        if known is not None:
            self._documents.move_to_end(text)
            return known
        made = self._prepared(text)
        if len(text) <= MAX_KEPT_LENGTH:
            self._documents[text] = made
            if len(self._documents) > MAX_DOCUMENTS:
                self._documents.popitem(last=False)
        return made

    def _prepared(self, text: str) -> Prepared:
        try:
            document = parse(text, max_lexical_tokens=MAX_TOKENS, max_comments=MAX_TOKENS)
        except GraphQLError as error:
            return Prepared(errors=[formatted(error, _PARSE_FAILED)])
        excess = check_limits(document)
        if excess is not None:
            return Prepared(errors=[formatted(excess, _INVALID)])
        errors = validate(self.schema, document, _RULES, max_errors=MAX_ERRORS)
        operations = self._operations(document)
        return Prepared(document, [formatted(error, _INVALID) for error in errors], operations)

    def _operations(self, document: DocumentNode) -> dict[str, PreparedOperation]:
        fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        found = {}
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                kind = node.operation.value
                root = self.schema.get_root_type(node.operation)
                owner = root.name if root else kind.capitalize()
                names = list(dict.fromkeys(_root_fields(node, fragments, ())))
                label = ", ".join(f"{owner}.{name}" for name in names)
                found[node.name.value if node.name else ""] = PreparedOperation(kind, label)
        return found

    def execute(
        self,
        memory: Memory,
        prepared: Prepared,
        name: str | None,
        variables: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        """A whole reply. The document has to be free of errors."""
        assert prepared.document is not None
        result = execute(
            self.schema,
            prepared.document,
            Thing(""),
            QuerySession(memory),
            dict(variables) if variables else None,
            name,
            type_resolver=type_of,
            is_awaitable=_never,
        )
        assert isinstance(result, ExecutionResult)
        return reply_of(result)

    async def subscribe(
        self,
        memory: Memory,
        prepared: Prepared,
        name: str | None,
        variables: Mapping[str, Any] | None,
    ) -> AsyncGenerator[ExecutionResult] | dict[str, Any]:
        """The events of a subscription as they come, or a reply that says why there are none."""
        assert prepared.document is not None
        made = subscribe(
            self.schema,
            prepared.document,
            Thing(""),
            QuerySession(memory),
            dict(variables) if variables else None,
            name,
            type_resolver=type_of,
        )
        if isawaitable(made):
            made = await made
        if isinstance(made, ExecutionResult):
            return reply_of(made)
        return cast(AsyncGenerator[ExecutionResult], made)


@lru_cache(maxsize=16)
def engine_of(sdl: str, name: str) -> GraphqlEngine:
    """Consumers of one contract share what never changes."""
    return GraphqlEngine(sdl, name)


def reply_of(result: ExecutionResult) -> dict[str, Any]:
    reply: dict[str, Any] = {}
    if result.errors:
        reply["errors"] = [formatted(error, _BAD_INPUT) for error in result.errors]
    if result.data is not None or not result.errors or any(e.path for e in result.errors):
        reply["data"] = result.data
    return reply


def formatted(error: GraphQLError, code: str) -> dict[str, Any]:
    """As the specification has it, with a code; never a trace of the program."""
    shown: dict[str, Any] = dict(error.formatted)
    inner = error.original_error
    if error.path is not None and inner is not None and not isinstance(inner, GraphQLError):
        shown["message"] = "the mock could not make a value for this field"
        code = "INTERNAL_SERVER_ERROR"
    extensions = dict(error.extensions or getattr(inner, "extensions", None) or {})
    shown["extensions"] = {"code": code, **extensions}
    return shown


def _root_fields(
    node: OperationDefinitionNode | FragmentDefinitionNode | Any,
    fragments: Mapping[str, FragmentDefinitionNode],
    seen: tuple[str, ...],
) -> list[str]:
    names: list[str] = []
    for selected in node.selection_set.selections:
        if isinstance(selected, FieldNode):
            names.append(selected.name.value)
        elif isinstance(selected, FragmentSpreadNode):
            name = selected.name.value
            if name in fragments and name not in seen:
                names += _root_fields(fragments[name], fragments, (*seen, name))
        else:
            names += _root_fields(selected, fragments, seen)
    return names


def _never(_value: Any) -> TypeGuard[Awaitable[Any]]:
    """No resolver of ours waits for anything."""
    return False
