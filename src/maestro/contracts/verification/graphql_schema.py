"""The schema a provider really serves, held against the contract's."""

from collections.abc import Iterator
from typing import Any, cast

from graphql import (
    GraphQLError,
    GraphQLSchema,
    IntrospectionQuery,
    build_client_schema,
    get_introspection_query,
)

from maestro.contracts.comparison.changes import Change, ChangeKind
from maestro.contracts.comparison.graphql import compare_schemas
from maestro.contracts.verification.graphql_probe import GraphqlProbe, GraphqlReply
from maestro.contracts.verification.graphql_requests import GraphqlRequest
from maestro.domain.contract import Finding, Severity

_INTROSPECTION = get_introspection_query(descriptions=False, input_value_deprecation=False)
_DRIFTS = {"value-added-to-enum", "type-added-to-union", "arg-default-value-change",
    "input-field-default-value-change"}  # fmt: skip
"""Dangerous in a contract's next version, and no version of the contract allows them."""
_INVISIBLE = ("scalar-specified-otherwise", "deprecation-added", "deprecation-removed")


async def served_schema(probe: GraphqlProbe) -> tuple[GraphQLSchema | None, list[Finding]]:
    """What the provider says of itself; None, with a finding, when it says nothing usable."""
    request = GraphqlRequest(operation="Query.__schema", query=_INTROSPECTION)
    reply = await probe.ask(request, judged=False)
    if reply is None:
        return None, []
    if not isinstance(reply.data, dict) or "__schema" not in reply.data:
        return None, [_unanswered(reply)]
    try:
        return build_client_schema(cast(IntrospectionQuery, reply.data)), []
    except (GraphQLError, TypeError, KeyError, ValueError) as error:
        found = reply.finding(
            "introspection",
            "the provider's own schema is not usable",
            "a valid schema",
            str(error)[:300],
        )
        return None, [found]


def differences(
    contract: GraphQLSchema, served: GraphQLSchema, probe: GraphqlProbe
) -> Iterator[Finding]:
    """Everything the provider lacks or has otherwise; what it has besides is a warning."""
    for change in compare_schemas(contract, served):
        if change.rule in _INVISIBLE or "directive" in change.rule:
            continue  # servers do not show them, or show their own
        severity = _severity(change)
        if severity is None:
            continue
        rule = "schema_extra" if severity is Severity.WARNING else _rule(change)
        yield Finding(
            rule=rule,
            message=_said(change),
            operation=change.pointer,
            expected=_value(change.before, "nothing of that kind"),
            seen=_value(change.after, "nothing"),
            reproduce=_reproduce(probe, change),
            severity=severity,
        )


def _severity(change: Change) -> Severity | None:
    if change.kind is ChangeKind.BREAKING or change.rule in _DRIFTS:
        return Severity.ERROR
    if change.kind is ChangeKind.DANGEROUS or change.rule.endswith("-added"):
        return Severity.WARNING
    return None  # a stricter reply, a laxer request


def _rule(change: Change) -> str:
    return "schema_missing" if change.after is None else "schema_changed"


def _said(change: Change) -> str:
    """The sentence, told of a provider and not of a later version."""
    for past, present in (
        (" was removed", " is missing"),
        (" was added", " is not in the contract"),
        ("changed type", "has another type"),
    ):
        if past in change.message:
            return change.message.replace(past, present, 1)
    return change.message


def _value(value: Any, otherwise: str) -> str:
    return otherwise if value is None else str(value)


def _reproduce(probe: GraphqlProbe, change: Change) -> str:
    named = change.pointer.partition(".")[0].lstrip("@")
    query = (
        f'{{ __type(name: "{named}") {{ kind name fields {{ name args {{ name }} type {{ kind name '
        "ofType { kind name ofType { kind name } } } } inputFields { name } enumValues { name } "
        "possibleTypes { name } } }"
    )
    return probe.line(GraphqlRequest(operation="Query.__type", query=query))


def _unanswered(reply: GraphqlReply) -> Finding:
    return reply.finding(
        "introspection",
        "the provider does not tell its schema, so nobody can hold it against the contract",
        "an answer to the introspection query",
    )
