"""Holds a really started GraphQL provider against its contract."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import httpx
from graphql import GraphQLSchema, is_required_argument

from maestro.contracts.sdl.reading import read_sdl, sdl_of
from maestro.contracts.sdl.roles import SchemaRoles
from maestro.contracts.verification.binding import RanChecks, bound
from maestro.contracts.verification.conformance import tool_name
from maestro.contracts.verification.deliverables import examine_deliverables
from maestro.contracts.verification.graphql_entities import COLLECTIONS, EntityWorld
from maestro.contracts.verification.graphql_generated import run_generated
from maestro.contracts.verification.graphql_probe import GraphqlProbe
from maestro.contracts.verification.graphql_refusals import refusals
from maestro.contracts.verification.graphql_replay import GraphqlReplay
from maestro.contracts.verification.graphql_requests import GraphqlRequest
from maestro.contracts.verification.graphql_schema import differences, served_schema
from maestro.contracts.verification.graphql_state import EntityChecks
from maestro.domain.contract import CheckResult, Contract, Finding, Severity, Verification
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall, Report, VerificationTarget

REQUEST_SECONDS = 20.0
PER_RULE = 3
"""Findings of one rule about one operation that are kept."""
PATH = "/graphql"

_STATEMENTS = {
    "graphql.schema": "The provider's schema is the contract's.",
    "graphql.queries": "Every query is answered with data of the types the contract promises.",
    "graphql.state": "Queries see what mutations create, change and delete.",
    "graphql.refusals": "Requests that break the schema are refused in the right shape.",
}

_Phase = Callable[[EntityWorld], Awaitable[list[Finding]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphqlVerifier:
    """Schema first, then queries, mutations and what they leave, refusals, consumers' calls and
    generated requests.
    """

    seed: int = 1
    examples: int = 10
    """Generated requests for each operation; 0 leaves them out."""
    time_limit_seconds: float = 120.0

    async def verify(
        self, contract: Contract, target: VerificationTarget, report: Report
    ) -> Verification:
        """Raises InvalidInput for a mock, a target without URL or an unusable schema."""
        if target.url is None:
            raise InvalidInput(f"contract {contract.id!r}: GraphQL needs the provider's URL")
        files = await asyncio.to_thread(examine_deliverables, contract, target.sandbox.root)
        found = await verify_graphql(
            target.url,
            contract,
            target.replay,
            report,
            verifier=self,
            description=target.description,
        )
        ran = RanChecks(checks=found.checks, findings=found.findings, tested=found.operations)
        criteria = bound(contract.acceptance, ran)
        return replace(
            found,
            checks=(*files.checks, *criteria, *found.checks),
            findings=(*files.findings, *found.findings),
        )


async def verify_graphql(
    url: str,
    contract: Contract,
    replay: Sequence[RecordedCall],
    report: Report,
    *,
    verifier: GraphqlVerifier | None = None,
    description: str = "",
) -> Verification:
    """Tests what answers at `url`, or at `/graphql` below it.

    Args:
        url: of a really started provider.
        contract: with an SDL specification.
        replay: calls that consumers made on the mock.
        report: hears what is being done.
        verifier: seed and bounds.
        description: of the target, for the result.

    Raises:
        InvalidInput: the contract's schema is unusable, or one of our own mocks answers.
    """
    asked = verifier or GraphqlVerifier()
    started = time.monotonic()
    read = read_sdl(sdl_of(contract), name=f"contract {contract.id!r}")
    async with httpx.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False) as http:
        probe = await _probe(url, http, read.schema)
        run = _Verification(contract, read.schema, probe, report)
        await run.everything(replay)
        if asked.examples and run.answers:
            await report(f"contract {contract.id}: generated requests")
            made = await run_generated(
                read.text,
                probe.url,
                seed=asked.seed,
                examples=asked.examples,
                time_limit=asked.time_limit_seconds,
            )
            run.checks += made.checks
            run.findings += made.findings
            probe.requests += made.requests
    operations = _operations(read.schema)
    return Verification(
        contract=contract.id,
        target=description or url,
        operations_total=len(operations),
        operations_tested=len(operations & probe.answered),
        checks=tuple(run.checks),
        findings=tuple(run.findings),
        requests=probe.requests,
        duration_seconds=time.monotonic() - started,
        tool=tool_name(),
        operations={key: key in probe.answered for key in sorted(operations)},
    )


class _Verification:
    def __init__(
        self, contract: Contract, schema: GraphQLSchema, probe: GraphqlProbe, report: Report
    ) -> None:
        self._contract = contract
        self._schema = schema
        self._roles = SchemaRoles(schema)
        self._probe = probe
        self._report = report
        self.checks: list[CheckResult] = []
        self.findings: list[Finding] = []
        self.answers = True

    async def everything(self, replay: Sequence[RecordedCall]) -> None:
        self.answers = await self._probe.answers()
        if not self.answers:
            self._conclude("graphql.schema", [_silent(self._probe)])
            return
        await self._say("its schema")
        served, findings = await served_schema(self._probe)
        if served is not None:
            findings += differences(self._schema, served, self._probe)
        self._conclude("graphql.schema", findings)
        for name, phase in (
            ("graphql.queries", _queries),
            ("graphql.state", _state),
            ("graphql.refusals", _refusals),
        ):
            await self._say(name.partition(".")[2])
            self._conclude(name, await self._confirmed(phase))
        if replay:
            await self._say(f"replaying {len(replay)} consumer calls")
            await self._replay(served or self._schema, replay)

    async def _say(self, what: str) -> None:
        await self._report(f"contract {self._contract.id}: {what}")

    async def _confirmed(self, phase: _Phase) -> list[Finding]:
        """Findings of a phase; those a second pass does not show again are warnings only."""
        first = await self._pass(phase)
        if not first:
            return []
        second = {(f.rule, f.operation) for f in await self._pass(phase)}
        return [f if (f.rule, f.operation) in second else _unconfirmed(f) for f in first]

    async def _pass(self, phase: _Phase) -> list[Finding]:
        self._probe.findings.clear()
        findings = await phase(EntityWorld(self._roles, self._probe))
        found = [*self._probe.findings, *findings]
        self._probe.findings.clear()
        return found

    async def _replay(self, served: GraphQLSchema, calls: Sequence[RecordedCall]) -> None:
        world = EntityWorld(self._roles, self._probe)
        await _queries(world)  # learns which objects there are
        self._probe.findings.clear()
        first = GraphqlReplay(world, served)
        check = await first.run(calls)
        found = [*first.findings, *self._probe.findings]
        if found:
            self._probe.findings.clear()
            second = GraphqlReplay(world, served)
            await second.run(calls)
            again = {(f.rule, f.operation) for f in [*second.findings, *self._probe.findings]}
            found = [f if (f.rule, f.operation) in again else _unconfirmed(f) for f in found]
        self._probe.findings.clear()
        errors = [f for f in found if f.severity is Severity.ERROR]
        if (
            first.repeated or errors
        ):  # else it shows nothing, and a criterion bound to it stays unverified
            self.checks.append(replace(check, passed=not errors))
        self._add(found)

    def _conclude(self, name: str, findings: Sequence[Finding]) -> None:
        errors = [f for f in findings if f.severity is Severity.ERROR]
        self.checks.append(
            CheckResult(
                id=name,
                statement=_STATEMENTS[name],
                passed=not errors,
                detail="; ".join(f"{f.operation}: {f.message}" for f in errors[:5]),
            )
        )
        self._add(findings)

    def _add(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            alike = [
                f
                for f in self.findings
                if (f.rule, f.operation) == (finding.rule, finding.operation)
            ]
            same = any(
                (f.message, f.expected) == (finding.message, finding.expected) for f in alike
            )
            if len(alike) < PER_RULE and not same:
                self.findings.append(finding)


async def _queries(world: EntityWorld) -> list[Finding]:
    """Lists first: they tell which objects there are."""
    findings: list[Finding] = []
    names = sorted(world.fields("query"), key=lambda n: world.role(n).use not in COLLECTIONS)
    for name in names:
        role = world.role(name)
        target = role.target
        if role.use in COLLECTIONS and target in world.operations:
            await world.listed(world.roles.entities[target], name, {})
        keys = world.known.get(target, [])
        arguments = {role.key_argument: keys[0]} if role.key_argument and keys else {}
        if role.many_keys:
            arguments = {role.key_argument: keys[:2]} if keys else {}
        request = world.maker.request("query", name, arguments)
        reply = await world.probe.ask(request)
        if reply is not None and reply.errors and _is_certain(world, name, request):
            message = "a valid query is answered with errors"
            findings.append(reply.finding("valid_query_refused", message, "no errors"))
    return findings


def _is_certain(world: EntityWorld, name: str, request: GraphqlRequest) -> bool:
    """Whether the values asked with are certainly good ones: none, or keys that exist."""
    field = world.fields("query")[name]
    key = world.role(name).key_argument
    required = {n for n, a in field.args.items() if is_required_argument(a)}
    known = bool(world.known.get(world.role(name).target))
    return required <= {key} and (known or not request.variables)


async def _state(world: EntityWorld) -> list[Finding]:
    await _queries(world)
    world.probe.findings.clear()
    findings: list[Finding] = []
    for operations in world.operations.values():
        checks = EntityChecks(world, operations)
        await checks.run()
        findings += checks.found
    return findings


async def _refusals(world: EntityWorld) -> list[Finding]:
    await _queries(world)
    world.probe.findings.clear()
    return [finding async for finding in refusals(world)]


async def _probe(url: str, http: httpx.AsyncClient, schema: GraphQLSchema) -> GraphqlProbe:
    """The endpoint: the address itself, or `/graphql` below it."""
    plain = url.rstrip("/")
    places = [plain] if plain.endswith(PATH) else [plain + PATH, plain]
    for place in places:
        probe = GraphqlProbe(place, http, schema)
        await probe.refuse_mock()
        if await probe.answers():
            return probe
    return GraphqlProbe(places[0], http, schema)


def _operations(schema: GraphQLSchema) -> set[str]:
    roots = (schema.query_type, schema.mutation_type)
    return {f"{root.name}.{name}" for root in roots if root is not None for name in root.fields}


def _unconfirmed(finding: Finding) -> Finding:
    return replace(
        finding,
        severity=Severity.WARNING,
        message=f"{finding.message} (not seen again when it was repeated)",
    )


def _silent(probe: GraphqlProbe) -> Finding:
    request = GraphqlRequest(operation="Query.__typename", query="{ __typename }")
    return Finding(
        rule="answers",
        message="no GraphQL server answers",
        operation=request.operation,
        expected="data",
        seen="nothing that is GraphQL",
        reproduce=probe.line(request),
    )
