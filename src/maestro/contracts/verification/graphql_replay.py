"""Repeats on the built provider what consumers asked the mock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    get_named_type,
    parse,
    print_ast,
    validate,
    visit,
)

from maestro.contracts.verification.graphql_entities import EntityWorld, Made
from maestro.contracts.verification.graphql_probe import GraphqlReply
from maestro.contracts.verification.graphql_requests import GraphqlRequest, shown
from maestro.contracts.verification.graphql_results import errors_of
from maestro.domain.contract import CheckResult, Finding
from maestro.ports import RecordedCall

RULE = "consumer_replay"
MAX_TOKENS = 20_000


@dataclass(slots=True)
class GraphqlReplay:
    """Consumers' calls in their order; ids of the mock become ids of the provider."""

    world: EntityWorld
    served: GraphQLSchema
    """The schema the provider really serves."""
    findings: list[Finding] = field(default_factory=list)
    repeated: int = 0
    """Calls that could be asked again."""
    _ids: dict[str, Any] = field(default_factory=dict)

    async def run(self, calls: Sequence[RecordedCall]) -> CheckResult:
        """One check over all calls; what went wrong is in `findings`."""
        told = [call for call in calls if call.protocol == "graphql"]
        for call in told:
            await self._call(call)
        failed = len({(f.operation, f.rule) for f in self.findings})
        return CheckResult(
            id=RULE,
            statement="What consumers asked the mock is answered by the provider in the same way.",
            passed=not self.findings,
            detail=f"{len(told)} calls, {self.repeated} repeated, {failed} answered otherwise",
        )

    async def _call(self, call: RecordedCall) -> None:
        body = call.request_body
        if not isinstance(body, Mapping) or not isinstance(body.get("query"), str):
            return
        if not call.valid:
            return  # the mock refused it: no promise of the provider's
        document = self._usable(call, body["query"])
        if document is None or call.method == "SUBSCRIBE":
            return
        used = _Used(self.world, self.served, document)
        await self._learn(used, body.get("variables") or {})
        query = print_ast(_with_ids(document, self._ids, used.literals))
        variables = _mapped(body.get("variables") or {}, self._ids)
        request = GraphqlRequest(
            operation=call.operation.partition(",")[0],
            query=query,
            variables=variables,
        )
        name = body.get("operationName")
        self.repeated += 1
        reply = await self.world.probe.ask(request, operation_name=name)
        if reply is not None:
            self._compare(call, reply)

    def _usable(self, call: RecordedCall, query: str) -> DocumentNode | None:
        try:
            document = parse(query, max_lexical_tokens=MAX_TOKENS)
        except GraphQLError:
            return None
        errors = validate(self.served, document)
        if not errors:
            return document
        self.findings.append(
            Finding(
                rule="consumer_query_invalid",
                message=f"{call.consumer or 'a consumer'} asks for something that the provider's "
                "schema does not have",
                operation=call.operation,
                expected="a valid operation on the provider's schema",
                seen="; ".join(error.message for error in errors[:3]),
                reproduce=self.world.probe.line(
                    GraphqlRequest(operation=call.operation, query=query)
                ),
            )
        )
        return None

    async def _learn(self, used: "_Used", variables: Mapping[str, Any]) -> None:
        """An id that only the mock has becomes the id of some object of the provider."""
        for target, key in used.keys(variables):
            if str(key) in self._ids or _is_no_key(key):
                continue
            known = self.world.known.get(target, [])
            taken = set(map(str, self._ids.values()))
            free = [k for k in known if str(k) not in taken] or known
            if not free and target in self.world.operations:
                made = await self.world.create(self.world.roles.entities[target])
                free = [made.key] if isinstance(made, Made) else []
            if free:
                self._ids[str(key)] = free[0]

    def _compare(self, call: RecordedCall, reply: GraphqlReply) -> None:
        expected = call.reply_body.get("data") if isinstance(call.reply_body, Mapping) else None
        mock_errors = errors_of(call.reply_body)
        consumer = call.consumer or "a consumer"
        if reply.errors and not mock_errors:
            message = f"{consumer} got data from the mock and gets errors from the provider"
            self.findings.append(reply.finding(RULE, message, "no errors"))
            return
        if not isinstance(expected, Mapping) or not isinstance(reply.data, Mapping):
            return
        for name, value in expected.items():
            if value is not None and reply.data.get(name) is None and not mock_errors:
                message = f"{consumer} got {name} from the mock and gets null from the provider"
                seen = f"{name}: null"
                self.findings.append(reply.finding(RULE, message, shown(value), seen))
            else:
                _pair(value, reply.data.get(name), self._ids)


class _Used(Visitor):
    """The ids an operation holds, with the types they point to."""

    def __init__(self, world: EntityWorld, schema: GraphQLSchema, document: DocumentNode) -> None:
        super().__init__()
        self._world = world
        self._info = TypeInfo(schema)
        self.literals: dict[int, str] = {}
        """By the identity of the value's node: the id it holds."""
        self._found: list[tuple[str, Any]] = []
        self._variables: dict[str, tuple[str, str]] = {}
        visit(document, TypeInfoVisitor(self._info, self))

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        named = get_named_type(self._info.get_type())
        owner = named.name if named is not None else ""
        is_mutation = self._info.get_parent_type() is self._world.roles.schema.mutation_type
        if is_mutation or not self._world.roles.is_entity(owner):
            owner = self._owner(node.name.value, owner)
        for argument in node.arguments or ():
            self._argument(argument, owner)

    def _owner(self, name: str, answered: str) -> str:
        for operations in self._world.operations.values():
            if name in operations.mutations or name == operations.item:
                return operations.entity.name
        return answered

    def _argument(self, argument: ArgumentNode, owner: str) -> None:
        self._value(argument.name.value, argument.value, owner)

    def _value(self, name: str, value: Any, owner: str) -> None:
        target = self._world.maker.reference(name, owner)
        if isinstance(value, VariableNode):
            self._variables[value.name.value] = (name, owner)
        elif isinstance(value, ObjectValueNode):
            for inner in value.fields:
                self._value(inner.name.value, inner.value, owner)
        elif isinstance(value, ListValueNode):
            for one in value.values:
                self._value(name, one, owner)
        elif target and isinstance(value, StringValueNode | IntValueNode):
            self.literals[id(value)] = value.value
            self._found.append((target, value.value))

    def keys(self, variables: Mapping[str, Any]) -> list[tuple[str, Any]]:
        found = list(self._found)
        for variable, (name, owner) in self._variables.items():
            if variable in variables:
                found += self._inside(name, variables[variable], owner)
        return found

    def _inside(self, name: str, value: Any, owner: str) -> list[tuple[str, Any]]:
        if isinstance(value, Mapping):
            return [one for n, v in value.items() for one in self._inside(n, v, owner)]
        if isinstance(value, list):
            return [one for v in value for one in self._inside(name, v, owner)]
        target = self._world.maker.reference(name, owner)
        return [(target, value)] if target and isinstance(value, str | int) else []


def _with_ids(
    document: DocumentNode, ids: Mapping[str, Any], literals: Mapping[int, str]
) -> DocumentNode:
    class Replace(Visitor):
        def enter_string_value(self, node: StringValueNode, *_: Any) -> Any:
            return self._changed(node)

        def enter_int_value(self, node: IntValueNode, *_: Any) -> Any:
            return self._changed(node)

        def _changed(self, node: StringValueNode | IntValueNode) -> Any:
            key = literals.get(id(node))
            if key is None or key not in ids:
                return None
            return (
                StringValueNode(value=str(ids[key]))
                if isinstance(ids[key], str)
                else (IntValueNode(value=str(ids[key])))
            )

    changed: DocumentNode = visit(document, Replace())
    return changed


def _mapped(value: Any, ids: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {name: _mapped(inner, ids) for name, inner in value.items()}
    if isinstance(value, list):
        return [_mapped(one, ids) for one in value]
    if isinstance(value, str) and value in ids:
        return ids[value]
    return value


def _pair(mine: Any, theirs: Any, ids: dict[str, Any]) -> None:
    """Where both replies hold an object, their ids mean the same from now on."""
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        for name, value in mine.items():
            other = theirs.get(name)
            if name in ("id", "_id", "uuid") and value is not None and other is not None:
                ids[str(value)] = other
            else:
                _pair(value, other, ids)


def _is_no_key(key: Any) -> bool:
    return str(key).lower() in ("", "0", "-1", "missing", "unknown", "not-found")
