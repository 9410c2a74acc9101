"""Repeats on the built provider what consumers did on the mock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote

from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.resources import Resource as ForeignResource
from maestro.contracts.openapi.resources import ResourceAction, resources
from maestro.contracts.verification.foreign_checks import entry_id, made_entry
from maestro.contracts.verification.interface import ProbedOperation, ProbedResource
from maestro.contracts.verification.probe import Exchange, Unmet, clipped
from maestro.contracts.verification.values import NoValue
from maestro.contracts.verification.world import UNKNOWN_ID, Unverifiable, World
from maestro.domain.contract import CheckResult, Finding
from maestro.domain.values import JsonValue
from maestro.ports import RecordedCall

RULE = "consumer_replay"


@dataclass(frozen=True, slots=True)
class Replayed:
    check: CheckResult
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """What an operation works on: an entity of ours, or a resource found in a foreign document."""

    entity: str
    create: str
    """Key of the operation that makes one."""
    designed: ProbedResource | None = None
    foreign: ForeignResource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    """A recorded call with what is needed to send it to another server."""

    call: RecordedCall
    operation: ProbedOperation
    parameters: Mapping[str, str]
    owner: Owner | None


@dataclass(slots=True)
class Consumers:
    """Replays calls in their order; ids of the mock become ids of the provider."""

    world: World
    document: OpenApiDocument
    ids: dict[tuple[str, str], JsonValue] = field(default_factory=dict)
    """(entity, id on the mock) -> id on the provider."""
    fresh: dict[str, list[JsonValue]] = field(default_factory=dict)
    """Entries that replayed creations made and no id of the mock stands for yet."""
    texts: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    """(entity, unique field, value on the mock) -> value on the provider."""

    async def replay(self, calls: Sequence[RecordedCall]) -> Replayed:
        findings: list[Finding] = []
        plans = [plan for call in calls if (plan := self._plan(call)) is not None]
        for plan in plans:
            try:
                await self._repeat(plan)
            except Unmet as unmet:
                findings.append(replace(unmet.finding, rule=RULE))
            except (Unverifiable, NoValue) as error:
                findings.append(_not_repeatable(plan, error))
        await self.world.clean()
        alike = len(plans) - len(findings)
        check = CheckResult(
            id=RULE,
            statement="Every call that consumers made on the mock gets the same class of status "
            "from the provider.",
            passed=not findings,
            detail=f"{alike} of {len(plans)} calls alike; {len(calls) - len(plans)} left out, "
            "as they are outside of the contract or not built",
        )
        return Replayed(check, tuple(findings))

    def _plan(self, call: RecordedCall) -> ReplayPlan | None:
        found = self.world.interface.find(call.method, call.path)
        if found is None or not call.valid or call.status >= 500:
            return None
        operation, parameters = found
        if operation.key in self.world.not_built:
            return None
        owner = self._owner(operation)
        return ReplayPlan(call=call, operation=operation, parameters=parameters, owner=owner)

    def _owner(self, operation: ProbedOperation) -> Owner | None:
        interface = self.world.interface
        for entity in interface.entities():
            resource = interface.resource(entity)
            mine = (resource.create, resource.list, resource.read, resource.update, resource.delete)
            if operation in mine and resource.create is not None and resource.fields:
                return Owner(entity=entity, create=resource.create.key, designed=resource)
        for foreign in resources(self.document):
            create = foreign.operation(ResourceAction.CREATE)
            if operation.key in [o.key for o in foreign.operations.values()] and create:
                return Owner(entity=foreign.name, create=create.key, foreign=foreign)
        return None

    async def _repeat(self, plan: ReplayPlan) -> None:
        exchange = await self._send(plan)
        if _alike(exchange, plan.call):
            return
        succeeded = plan.call.status < 400
        if succeeded and plan.owner is not None and exchange.status in (404, 409):
            # What is stored differs between the servers: with its own entries it must work.
            exchange = await self._send(plan, renew=True)
        if not _alike(exchange, plan.call):
            raise exchange.unmet(
                f"a {plan.call.status // 100}xx status, as the consumer got on the mock",
                exchange.shown(),
                f"the consumer's call {plan.call.method} {plan.call.path} is answered differently",
            )

    async def _send(self, plan: ReplayPlan, *, renew: bool = False) -> Exchange:
        path = plan.operation.path
        for name, text in plan.parameters.items():
            chosen = await self._path_value(plan, unquote(text), renew=renew)
            path = path.replace(f"{{{name}}}", quote(str(chosen), safe=""))
        body = plan.call.request_body
        designed = plan.owner.designed if plan.owner else None
        if designed is not None and isinstance(body, dict):
            body = await self._body(plan, designed, body, renew=renew)
        query = plan.call.query.removeprefix("?")
        method = plan.operation.method
        exchange = await self.world.probe.send(
            plan.operation.key, method, path, query=query, body=body
        )
        self._remember(plan, exchange)
        return exchange

    async def _path_value(self, plan: ReplayPlan, text: str, *, renew: bool) -> JsonValue:
        if plan.owner is None or plan.call.status == 422:
            return text
        if plan.call.status == 404:
            return UNKNOWN_ID if text.isdecimal() else text
        return await self._real_id(plan.owner, text, renew=renew)

    async def _real_id(self, owner: Owner, text: str, *, renew: bool = False) -> JsonValue:
        """The provider's entry for an id of the mock; made when the mock brought its own."""
        key = (owner.entity, text)
        if renew or key not in self.ids:
            waiting = [] if renew else self.fresh.get(owner.entity, [])
            own = next((known for known in waiting if str(known) == text), None)
            if own is not None:
                waiting.remove(own)
            elif waiting:
                own = waiting.pop(0)
            self.ids[key] = own if own is not None else await self._made(owner)
        return self.ids[key]

    async def _made(self, owner: Owner) -> JsonValue:
        if owner.foreign is not None:
            return await made_entry(self.world, self.document, owner.foreign)
        return (await self.world.create(owner.entity))["id"]

    async def _body(
        self,
        plan: ReplayPlan,
        resource: ProbedResource,
        body: Mapping[str, JsonValue],
        *,
        renew: bool,
    ) -> dict[str, JsonValue]:
        sent = dict(body)
        for name, target in resource.references().items():
            if isinstance(sent.get(name), int):
                sent[name] = await self._reference(plan, target, sent[name])
        for name, schema in resource.fields.items():
            if schema.get("x-unique") and sent.get(name) is not None:
                key = (resource.entity, name, str(sent[name]))
                if renew:
                    self.texts[key] = await self.world.value(resource, name)
                sent[name] = self.texts.get(key, sent[name])
        return sent

    async def _reference(self, plan: ReplayPlan, target: str, mocked: int) -> JsonValue:
        if plan.call.status < 400:
            return await self._real_id(Owner(entity=target, create=""), str(mocked))
        if plan.call.status == 409:
            return self.ids.get((target, str(mocked)), UNKNOWN_ID)
        return mocked

    def _remember(self, plan: ReplayPlan, exchange: Exchange) -> None:
        owner = plan.owner
        if owner is None or plan.operation.key != owner.create or exchange.status >= 300:
            return
        if owner.foreign is not None:
            identifier = entry_id(owner.foreign, exchange)
        else:
            identifier = exchange.entry()["id"]
            self.world.created.append((owner.entity, identifier))
        if identifier is not None:
            self.fresh.setdefault(owner.entity, []).append(identifier)


def _alike(exchange: Exchange, call: RecordedCall) -> bool:
    return exchange.status // 100 == call.status // 100


def _not_repeatable(plan: ReplayPlan, error: Exception) -> Finding:
    return Finding(
        rule=RULE,
        message=f"the call cannot be repeated on the provider: {error}",
        operation=plan.operation.key,
        expected=f"a {plan.call.status // 100}xx status",
        seen=clipped(f"{plan.call.method} {plan.call.path}"),
    )
