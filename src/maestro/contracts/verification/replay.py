"""Repeats on the built provider what consumers did on the mock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from maestro.contracts.verification.interface import Interface, Operation, Resource
from maestro.contracts.verification.probe import Exchange, Probe, Unmet, clipped
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
class Plan:
    """A recorded call with what is needed to send it to another server."""

    call: RecordedCall
    operation: Operation
    parameters: Mapping[str, str]
    resource: Resource | None


@dataclass(slots=True)
class Consumers:
    """Replays calls in their order; ids of the mock become ids of the provider."""

    world: World
    excluded: frozenset[str]
    ids: dict[tuple[str, str], int] = field(default_factory=dict)
    """(entity, id on the mock) -> id on the provider."""
    fresh: dict[str, list[int]] = field(default_factory=dict)
    """Entries that replayed creations made and no id of the mock stands for yet."""
    texts: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    """(entity, unique field, value on the mock) -> value on the provider."""

    @property
    def probe(self) -> Probe:
        return self.world.probe

    @property
    def interface(self) -> Interface:
        return self.world.interface

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

    def _plan(self, call: RecordedCall) -> Plan | None:
        if not call.valid or call.status >= 500:
            return None
        for operation in self.interface.operations:
            parameters = operation.matches(call.method, call.path)
            if parameters is None or call.operation not in ("", operation.key):
                continue
            if operation.key in self.excluded:
                return None
            resource = self._owner(operation)
            return Plan(call=call, operation=operation, parameters=parameters, resource=resource)
        return None

    def _owner(self, operation: Operation) -> Resource | None:
        for entity in self.interface.entities():
            resource = self.interface.resource(entity)
            mine = (resource.create, resource.list, resource.read, resource.update, resource.delete)
            if operation in mine and resource.fields:
                return resource
        return None

    async def _repeat(self, plan: Plan) -> None:
        exchange = await self._send(plan)
        if _alike(exchange, plan.call):
            return
        succeeded = plan.call.status < 400
        if succeeded and plan.resource is not None and exchange.status in (404, 409):
            # What is stored differs between the servers: with its own entries it must work.
            exchange = await self._send(plan, renew=True)
        if not _alike(exchange, plan.call):
            raise exchange.unmet(
                f"a {plan.call.status // 100}xx status, as the consumer got on the mock",
                exchange.shown(),
                f"the consumer's call {plan.call.method} {plan.call.path} is answered differently",
            )

    async def _send(self, plan: Plan, *, renew: bool = False) -> Exchange:
        path = plan.operation.path
        for name, text in plan.parameters.items():
            path = path.replace(f"{{{name}}}", await self._path_value(plan, text, renew=renew))
        body = plan.call.request_body
        if plan.resource is not None and isinstance(body, dict):
            body = await self._body(plan, plan.resource, body, renew=renew)
        query = plan.call.query.removeprefix("?")
        method = plan.operation.method
        exchange = await self.probe.send(plan.operation.key, method, path, query=query, body=body)
        self._remember(plan, exchange)
        return exchange

    async def _path_value(self, plan: Plan, text: str, *, renew: bool) -> str:
        resource = plan.resource
        if resource is None or not text.isdecimal():
            return text
        if plan.call.status == 404:
            return str(UNKNOWN_ID)
        return str(await self._real_id(resource.entity, text, renew=renew))

    async def _real_id(self, entity: str, text: str, *, renew: bool = False) -> int:
        """The provider's entry for an id of the mock; made when the mock brought its own."""
        key = (entity, text)
        if renew or key not in self.ids:
            waiting = self.fresh.get(entity)
            if waiting and not renew:
                self.ids[key] = waiting.pop(0)
            else:
                self.ids[key] = (await self.world.create(entity))["id"]
        return self.ids[key]

    async def _body(
        self, plan: Plan, resource: Resource, body: Mapping[str, JsonValue], *, renew: bool
    ) -> dict[str, JsonValue]:
        sent = dict(body)
        for name, target in resource.references().items():
            if isinstance(sent.get(name), int) and plan.call.status < 400:
                sent[name] = await self._real_id(target, str(sent[name]))
            elif isinstance(sent.get(name), int) and plan.call.status == 409:
                known = self.ids.get((target, str(sent[name])))
                sent[name] = known if known is not None else UNKNOWN_ID
        for name, schema in resource.fields.items():
            if schema.get("x-unique") and name in sent and sent[name] is not None:
                key = (resource.entity, name, str(sent[name]))
                if renew:
                    self.texts[key] = await self.world.value(resource, name)
                sent[name] = self.texts.get(key, sent[name])
        return sent

    def _remember(self, plan: Plan, exchange: Exchange) -> None:
        resource = plan.resource
        if resource is None or plan.operation != resource.create or exchange.status >= 300:
            return
        identifier = exchange.entry()["id"]
        self.world.created.append((resource.entity, identifier))
        self.fresh.setdefault(resource.entity, []).append(identifier)


def _alike(exchange: Exchange, call: RecordedCall) -> bool:
    return exchange.status // 100 == call.status // 100 and exchange.status != 501


def _not_repeatable(plan: Plan, error: Exception) -> Finding:
    return Finding(
        rule=RULE,
        message=f"the call cannot be repeated on the provider: {error}",
        operation=plan.operation.key,
        expected=f"a {plan.call.status // 100}xx status",
        seen=clipped(f"{plan.call.method} {plan.call.path}"),
    )
