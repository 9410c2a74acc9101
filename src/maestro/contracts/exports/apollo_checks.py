"""An exported Apollo project counts once it was started and kept to its schema."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from graphql import parse
from graphql.utilities import find_breaking_changes, find_dangerous_changes, get_introspection_query
from graphql.utilities.build_client_schema import build_client_schema

from maestro.contracts.exports.express_checks import REQUEST_SECONDS, started_project
from maestro.contracts.exports.graphql_requests import seeds_of
from maestro.contracts.exports.project import ExportedProject
from maestro.contracts.sdl.mutations import Effect, is_key_name, mutation_role, read_input
from maestro.contracts.sdl.reading import read_sdl, sdl_of
from maestro.contracts.sdl.roles import EntityType, FieldUse, SchemaRoles
from maestro.contracts.verification.graphql_requests import (
    GraphqlRequest,
    RequestMaker,
    input_types,
    same_value,
    stored_leaves,
)
from maestro.contracts.verification.graphql_results import (
    ResultChecker,
    envelope_deviations,
    errors_of,
)
from maestro.domain.contract import CheckResult, Contract
from maestro.ports import Report

_SHOWN = 8
_UNLIKE_SAMPLES = 57
"""Number of the values that are given, so that no sample of the mock happens to be the same."""


async def check_apollo(
    contract: Contract,
    project: ExportedProject,
    report: Report,
    *,
    packages: Path | None = None,
) -> CheckResult:
    """Installs, starts and asks it: schema, every query and mutation, what mutations leave.

    Raises:
        InvalidInput: no GraphQL contract, or a schema that cannot be used.
        StepFailed: it cannot be installed or does not start.
    """
    read = read_sdl(sdl_of(contract), name=f"contract {contract.id!r}")
    roles = SchemaRoles(read.schema)
    async with started_project(contract, project, report, packages) as url:
        async with httpx.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False) as http:
            asking = _Asking(roles, http, url)
            await report(f"contract {contract.id}: schema and refusals of the exported mock")
            await asking.schema()
            await asking.refusal()
            await report(f"contract {contract.id}: what mutations of the exported mock leave")
            await asking.state()
            await report(f"contract {contract.id}: every query and mutation of the exported mock")
            await asking.everything()
    return CheckResult(
        id="export-answers-as-the-contract",
        statement=f"The exported server answers every query and mutation of {contract.id} as its "
        "schema says",
        passed=not asking.faults and asking.answered > 0,
        detail="; ".join(asking.faults[:_SHOWN]) or f"{asking.answered} operations answered",
    )


class _Asking:
    def __init__(self, roles: SchemaRoles, http: httpx.AsyncClient, url: str) -> None:
        self._roles = roles
        self._http = http
        self._url = f"{url}/"
        self._maker = RequestMaker(roles, seeds_of(roles))
        self._checker = ResultChecker(roles.schema)
        self.faults: list[str] = []
        self.answered = 0

    async def schema(self) -> None:
        """It serves the contract's schema."""
        reply = await self._http.post(self._url, json={"query": get_introspection_query()})
        data = reply.json().get("data")
        if not data:
            self.faults.append(f"introspection: {reply.text[:200]}")
            return
        served = build_client_schema(data)
        own = self._roles.schema
        changes = [*find_breaking_changes(own, served), *find_dangerous_changes(own, served)]
        self.faults += [f"the served schema differs: {c[1]}" for c in changes]

    async def refusal(self) -> None:
        """What the schema does not have is refused, without a look inside."""
        reply = await self._http.post(self._url, json={"query": "{ nothingLikeThis }"})
        text = reply.text
        if reply.status_code != 400 or "errors" not in text:
            self.faults.append(f"an unknown field is answered with {reply.status_code}")
        if "stacktrace" in text or "node_modules" in text:
            self.faults.append("an error shows the inside of the program")

    async def everything(self) -> None:
        """Queries first: what mutations delete is asked for no more."""
        for kind, names in self._operations():
            for name in names:
                request = self._maker.request(kind, name)
                body = await self._ask(request)
                self.faults += _faults(request, body)
                if kind == "mutation":
                    self.faults += self._about_another(name, request, body)
                if not errors_of(body):
                    self.answered += 1

    def _about_another(
        self, name: str, request: GraphqlRequest, body: Mapping[str, Any]
    ) -> Iterator[str]:
        """A change answers with the entry it was asked to change."""
        field = self._maker.root("mutation").fields[name]
        role = mutation_role(self._roles, name, field)
        entity = self._roles.entities.get(role.entity)
        if role.effect is not Effect.UPDATE or entity is None:
            return
        asked = read_input(self._roles, entity, field, request.variables).key
        seen = _key(body, entity.name, entity.key)
        if asked is not None and seen is not None and not same_value(asked, seen):
            yield f"Mutation.{name}: it answers with {seen!r}, asked for was {asked!r}"

    def _operations(self) -> Iterator[tuple[str, list[str]]]:
        schema = self._roles.schema
        if schema.query_type is not None:
            yield "query", list(schema.query_type.fields)
        if schema.mutation_type is not None:
            fields = schema.mutation_type.fields
            last = {n for n, f in fields.items() if self._deletes(n, f)}
            yield "mutation", sorted(fields, key=lambda name: name in last)

    def _deletes(self, name: str, field: Any) -> bool:
        return mutation_role(self._roles, name, field).effect is Effect.DELETE

    async def state(self) -> None:
        """What was created can be read, with the values that were given."""
        schema = self._roles.schema
        mutations = schema.mutation_type.fields if schema.mutation_type is not None else {}
        queries = schema.query_type.fields if schema.query_type is not None else {}
        for name, field in mutations.items():
            role = mutation_role(self._roles, name, field)
            reading = self._reading(role.entity)
            if role.effect is not Effect.CREATE or role.many or not reading:
                continue
            entity = self._roles.entities[role.entity]
            request = self._maker.request("mutation", name, number=_UNLIKE_SAMPLES)
            key = _key(await self._ask(request), role.entity, entity.key)
            if key is None:
                continue
            role_of = self._roles.role(reading, queries[reading])
            again = self._maker.request("query", reading, {role_of.key_argument: key})
            found = (await self._ask(again)).get("data") or {}
            given = read_input(self._roles, entity, field, request.variables)
            wanted = stored_leaves(self._roles, entity, given.values, input_types(field))
            self.faults += _differences(f"Mutation.{name}", wanted, found.get(reading))
            await self._deleted(role.entity, key, reading, again)

    async def _deleted(self, entity: str, key: Any, reading: str, again: GraphqlRequest) -> None:
        """What was deleted cannot be read any more."""
        mutation = self._roles.schema.mutation_type
        for name, field in mutation.fields.items() if mutation is not None else ():
            role = mutation_role(self._roles, name, field)
            if (role.effect, role.entity) == (Effect.DELETE, entity):
                request = self._maker.request("mutation", name)
                named = _with_key(self._roles.entities[entity], request.variables, key)
                await self._ask(replace(request, variables=named))
                data = (await self._ask(again)).get("data") or {}
                if data.get(reading) is not None:
                    self.faults.append(f"Mutation.{name}: what it deleted can still be read")
                return

    def _reading(self, entity: str) -> str:
        """The query that reads one entry by its key."""
        query = self._roles.schema.query_type
        for name, field in query.fields.items() if query is not None and entity else ():
            role = self._roles.role(name, field)
            if role.use is FieldUse.ITEM and role.target == entity:
                return str(name)
        return ""

    async def _ask(self, request: GraphqlRequest) -> dict[str, Any]:
        reply = await self._http.post(self._url, json=request.body())
        body = reply.json() if reply.content else None
        kind = reply.headers.get("content-type", "")
        told = envelope_deviations(reply.status_code, kind, body, reply.text)
        if isinstance(body, dict):
            told += self._checker.deviations(parse(request.query), body.get("data"))
        self.faults += [f"{request.operation}: {d.message}, seen {d.seen}" for d in told]
        return body if isinstance(body, dict) else {}


def _with_key(entity: EntityType, values: Mapping[str, Any], key: Any) -> dict[str, Any]:
    """The same arguments, but for this entry."""
    return {
        name: _with_key(entity, value, key)
        if isinstance(value, dict)
        else (key if is_key_name(entity, name) else value)
        for name, value in values.items()
    }


def _faults(request: GraphqlRequest, body: Mapping[str, Any]) -> Iterator[str]:
    for error in errors_of(body)[:2]:
        yield f"{request.operation}: {str(error.get('message'))[:200]}"


def _differences(operation: str, wanted: Mapping[str, Any], entry: Any) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield f"{operation}: what it made cannot be read"
        return
    for name, value in wanted.items():
        if name in entry and not same_value(value, entry[name]):
            yield f"{operation}: {name} is {entry[name]!r}, given was {value!r}"


def _key(body: Mapping[str, Any], entity: str, key: str) -> Any:
    """Key of the created entry, wherever the answer has it."""
    waiting: list[Any] = [body.get("data")]
    while waiting:
        value = waiting.pop(0)
        if isinstance(value, dict):
            if value.get("__typename") == entity and key in value:
                return value[key]
            waiting += value.values()
    return None
