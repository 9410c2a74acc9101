"""One verification of a gRPC provider, check after check."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version

from maestro.contracts.protobuf.model import GrpcMethod, ProtobufModel, read_protobuf
from maestro.contracts.protobuf.resources import resources_of
from maestro.contracts.protobuf.sampling import MessageSampler
from maestro.contracts.verification.grpc_entries import life_check
from maestro.contracts.verification.grpc_methods import (
    confirmed,
    invalid_bytes_check,
    method_check,
    unanswered,
)
from maestro.contracts.verification.grpc_probe import GrpcProbe
from maestro.contracts.verification.grpc_reflection import reflected_findings
from maestro.contracts.verification.grpc_replay import GrpcReplay
from maestro.contracts.verification.grpc_world import GrpcWorld
from maestro.domain.contract import Contract, Finding
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall, Report, VerificationTarget

SHORT_SECONDS = 0.001
"""A deadline nobody meets."""

Results = dict[str, tuple[list[Finding], str]]
"""Check -> what it found, and a word on what was done."""


@dataclass(slots=True, kw_only=True)
class GrpcSession:
    model: ProtobufModel
    probe: GrpcProbe
    world: GrpcWorld
    not_built: frozenset[str]
    replay: tuple[RecordedCall, ...]
    connect_seconds: float
    tool: str
    results: Results = field(default_factory=dict)

    @property
    def tested(self) -> int:
        """Methods that answered at least once as the contract promises."""
        return len({m.key for m in self._methods} & self.probe.answered)

    @property
    def _methods(self) -> list[GrpcMethod]:
        return [method for method in self.model.methods if method.key not in self.not_built]

    async def run(self, report: Report) -> Results:
        """Raises InvalidInput when one of our own mocks answers."""
        async with self.probe:
            if not await self.probe.is_reachable(self.connect_seconds):
                self.results["grpc_reachable"] = [_unreachable(self.probe)], ""
                return self.results
            self.results["grpc_reachable"] = [], self.probe.target
            await self.probe.refuse_mock()
            await self._describe(report)
            await self._entries(report)
            await self._call_each(report)
            await self._hostile(report)
            if self.replay:
                await report(f"{self.model.name}: replaying {len(self.replay)} consumer calls")
                await self._replay()
            await self.world.clean()
        return self.results

    async def _describe(self, report: Report) -> None:
        await report(f"{self.model.name}: asking the provider what it offers")
        found = await reflected_findings(self.probe)
        detail = "compared by server reflection" if found is not None else "no reflection offered"
        self.results["grpc_descriptors"] = found or [], detail

    async def _entries(self, report: Report) -> None:
        found: list[Finding] = []
        owned = [r for r in self.world.resources if not self._leaves_out(r.methods.values())]
        for resource in owned:
            await report(f"{self.model.name}: keeping a {resource.name}")
            found += await confirmed(life_check(self.world, resource))
            await self.world.create(resource)  # what other methods refer to
        names = ", ".join(resource.name for resource in owned)
        self.results["grpc_entries"] = found, f"entries kept: {names or 'none recognised'}"

    def _leaves_out(self, methods: Iterable[GrpcMethod]) -> bool:
        return any(method.key in self.not_built for method in methods)

    async def _call_each(self, report: Report) -> None:
        found: list[Finding] = []
        for number, method in enumerate(self._methods, start=1):
            await report(f"{self.model.name}: {method.key} ({number} of {len(self._methods)})")
            found += await confirmed(method_check(self.world, method))
        found += unanswered(self.world, self._methods)
        detail = f"{self.tested} of {len(self._methods)} methods answered"
        self.results["grpc_methods"] = _not_yet(found, self.results["grpc_entries"][0]), detail

    async def _hostile(self, report: Report) -> None:
        await report(f"{self.model.name}: bytes that are no message, deadlines, unknown methods")
        found: list[Finding] = []
        gone = ("grpc_deadline", "grpc_method_missing")
        told = [f for name in ("grpc_entries", "grpc_methods") for f in self.results[name][0]]
        out = {f.operation for f in told if f.rule in gone}
        methods = [method for method in self._methods if method.key not in out]
        for method in methods:
            found += await confirmed(invalid_bytes_check(self.world, method))
        self.results["grpc_invalid_bytes"] = found, f"{len(methods)} methods"
        self.results["grpc_unknown_method"] = await self._unknown(), "every service"
        self.results["grpc_deadlines"] = await self._deadlines(methods), f"{SHORT_SECONDS} s"

    async def _unknown(self) -> list[Finding]:
        found = []
        paths = [f"/{service.name}/MaestroNeverDeclaredThis" for service in self.model.services]
        paths += [f"/{key}" for key in sorted(self.not_built)]
        for path in paths:
            code, detail, _, _ = await self.probe.raw(path, [b""])
            if code != "UNIMPLEMENTED":
                found.append(
                    Finding(
                        rule="grpc_unknown_method",
                        message="a method that is not there is not refused as such",
                        operation=path.removeprefix("/"),
                        expected="UNIMPLEMENTED",
                        seen=f"{code}: {detail}"[:200],
                        reproduce=f"grpcurl -plaintext {self.probe.target} {path[1:]}",
                    )
                )
        return found

    async def _deadlines(self, methods: list[GrpcMethod]) -> list[Finding]:
        """Callers that give up at once, then one that does not."""
        for method in methods:
            request = self.world.request(method, variant=0)
            await self.probe.call(method, [request], seconds=SHORT_SECONDS)
        if await self.probe.is_reachable(self.connect_seconds):
            return []
        return [_unreachable(self.probe)]

    async def _replay(self) -> None:
        replay = GrpcReplay(self.world)
        found = await replay.run(self.replay)
        if found:  # seen again by a replay of everything, as one call leads to another
            again = GrpcReplay(self.world)
            known = {(f.rule, f.operation, f.message) for f in await again.run(self.replay)}
            found = [f for f in found if (f.rule, f.operation, f.message) in known]
        detail = f"{replay.repeated} repeated, {replay.left_out} left out as outside the contract"
        if replay.repeated:  # else it shows nothing; what is bound to it stays unverified
            self.results["consumer_replay"] = found, detail


def opened(
    contract: Contract,
    address: str,
    target: VerificationTarget,
    *,
    seed: int,
    call_seconds: float,
    connect_seconds: float,
) -> GrpcSession:
    """Blocks. Raises InvalidInput for a contract that cannot be read or names no method."""
    model = read_protobuf(contract)
    if not model.methods:
        raise InvalidInput(f"contract {contract.id!r} declares no method that could be called")
    probe = GrpcProbe(model=model, url=address, call_seconds=call_seconds)
    _ = probe.target
    sampler = MessageSampler(model, seed=seed)
    return GrpcSession(
        model=model,
        probe=probe,
        world=GrpcWorld(probe=probe, sampler=sampler, resources=resources_of(model)),
        not_built=frozenset(key.removeprefix("/") for key in target.not_built),
        replay=target.replay,
        connect_seconds=connect_seconds,
        tool=f"grpcio {version('grpcio')}",
    )


def _not_yet(found: list[Finding], known: list[Finding]) -> list[Finding]:
    """One fault that several checks meet is one finding."""
    told = {(f.rule, f.operation, f.message) for f in known}
    return [f for f in found if (f.rule, f.operation, f.message) not in told]


def _unreachable(probe: GrpcProbe) -> Finding:
    return Finding(
        rule="grpc_reachable",
        message="nothing that speaks gRPC answers",
        operation=probe.target,
        expected="a connection",
        seen="none in time",
        reproduce=f"grpcurl -plaintext {probe.target} list",
    )
