"""Every method of a gRPC provider by itself: status, replies, invalid bytes."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from google.protobuf import unknown_fields

from maestro.contracts.protobuf.model import CallKind, GrpcMethod
from maestro.contracts.protobuf.sampling import is_map
from maestro.contracts.verification.grpc_probe import BROKEN, GrpcExchange, clip
from maestro.contracts.verification.grpc_world import GrpcWorld
from maestro.domain.contract import Finding, Severity

VARIANTS = 3
INVALID_BYTES = b"\xff\xff\xff"
"""The beginning of a number that never ends: no message has such bytes."""
REFUSALS = frozenset(
    {"INVALID_ARGUMENT", "INTERNAL", "UNAUTHENTICATED", "PERMISSION_DENIED"}
    | {"UNKNOWN"}  # what grpc.aio itself says of a stream it cannot read
)

Check = Callable[[], Awaitable[list[Finding]]]


async def confirmed(check: Check) -> list[Finding]:
    """What a check finds twice: a finding that does not come back is not reported."""
    first = await check()
    if not first:
        return []
    again = {(finding.rule, finding.operation) for finding in await check()}
    kept = [finding for finding in first if (finding.rule, finding.operation) in again]
    seen: dict[tuple[str, str, str], Finding] = {}
    for finding in kept:
        seen.setdefault((finding.rule, finding.operation, finding.message), finding)
    return list(seen.values())


def method_check(world: GrpcWorld, method: GrpcMethod) -> Check:
    """Sampled calls of one method: none is broken, every reply keeps to the contract."""

    async def check() -> list[Finding]:
        findings: list[Finding] = []
        for variant in range(VARIANTS):
            exchange = await world.probe.call(method, _requests(world, method, variant))
            findings += judged(exchange)
            if exchange.code == "DEADLINE_EXCEEDED":
                break
        if method.kind.streams_requests and not findings:
            findings += _status(await world.probe.call(method, []), empty=True)
        return findings

    return check


def invalid_bytes_check(world: GrpcWorld, method: GrpcMethod) -> Check:
    """Bytes that are no message are refused, and the provider goes on."""

    async def check() -> list[Finding]:
        exchange = await world.probe.call_bytes(method, INVALID_BYTES)
        findings = []
        if exchange.code not in REFUSALS:
            mild = exchange.code == "CANCELLED"
            findings.append(
                exchange.finding(
                    "grpc_invalid_bytes",
                    "bytes that are no message are not refused as such",
                    "INVALID_ARGUMENT or INTERNAL",
                    severity=Severity.WARNING if mild else Severity.ERROR,
                )
            )
        if not await world.probe.is_reachable():
            findings.append(
                exchange.finding(
                    "grpc_survives", "the provider is gone after invalid bytes", "it goes on"
                )
            )
        return findings

    return check


def unanswered(world: GrpcWorld, methods: Sequence[GrpcMethod]) -> list[Finding]:
    """Methods of which no call ended as the contract promises: nothing is known of them."""
    return [
        Finding(
            rule="grpc_never_ok",
            message="no call was answered with OK or a status that its comment declares",
            operation=method.key,
            expected="OK, or a status that the comment above the method names",
            seen=world.probe.last_status.get(method.key, "no call"),
            severity=Severity.WARNING,
        )
        for method in methods
        if method.key not in world.probe.answered
    ]


def judged(exchange: GrpcExchange) -> list[Finding]:
    """Everything in which one exchange differs from its contract."""
    return [*_status(exchange), *_replies(exchange)]


def _requests(world: GrpcWorld, method: GrpcMethod, variant: int) -> list[Any]:
    count = 3 if method.kind.streams_requests else 1
    return [world.request(method, variant=variant * count + n) for n in range(count)]


def _status(exchange: GrpcExchange, *, empty: bool = False) -> list[Finding]:
    code, declared = exchange.code, exchange.method.declared
    if code not in BROKEN or code in declared:
        return []
    if code == "DEADLINE_EXCEEDED" and exchange.method.kind is CallKind.SERVER_STREAM:
        # A stream of events may be silent, or go on, for as long as nothing happens.
        if exchange.raws:
            return []
        text = "neither a reply nor an end came before the deadline"
        return [exchange.finding("grpc_deadline", text, "a reply", severity=Severity.WARNING)]
    if code == "DEADLINE_EXCEEDED":
        return [exchange.finding("grpc_deadline", "no end came before the deadline", "a reply")]
    what = "a stream without messages" if empty else "a request within the contract"
    if code == "UNIMPLEMENTED":
        return [exchange.finding("grpc_method_missing", "the method is not built", "OK")]
    return [exchange.finding("grpc_status", f"{what} ends in an internal status", "OK")]


def _replies(exchange: GrpcExchange) -> list[Finding]:
    findings = []
    if exchange.ok and not exchange.method.kind.streams_replies and len(exchange.raws) != 1:
        findings.append(
            exchange.finding("grpc_reply_count", "OK comes with exactly one reply", "one reply")
        )
    name = exchange.method.reply.full_name
    if len(exchange.messages) < len(exchange.raws):
        raw = exchange.raws[len(exchange.messages)]
        findings.append(
            exchange.finding(
                "grpc_reply_unreadable",
                "a reply cannot be read as the contract's message",
                f"a {name}",
                raw[:60].hex(" "),
            )
        )
    for message in exchange.messages:
        for place, text, seen in _oddities(message, name):
            findings.append(exchange.finding("grpc_reply_shape", f"{place}: {text}", name, seen))
    return findings


def _oddities(message: Any, place: str) -> Iterator[tuple[str, str, str]]:
    """Fields the contract has not, and enum numbers without a name, at any depth."""
    for extra in unknown_fields.UnknownFieldSet(message):
        yield place, "the contract has no such field", f"field {extra.field_number}"
    for field, value in message.ListFields():
        where = f"{place}.{field.name}"
        if is_map(field):
            values = list(value.values()) if _holds_messages(field) else []
        else:
            values = list(value) if field.is_repeated else [value]
        if field.message_type is not None:
            for entry in values:
                yield from _oddities(entry, where)
        elif field.enum_type is not None:
            yield from _nameless(field.enum_type, values, where)


def _nameless(kind: Any, values: Sequence[int], where: str) -> Iterator[tuple[str, str, str]]:
    for number in values:
        if number not in kind.values_by_number:
            yield where, f"{kind.name} has no such value", clip(str(number))


def _holds_messages(field: Any) -> bool:
    return field.message_type.fields_by_name["value"].message_type is not None
