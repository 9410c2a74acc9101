"""What a gRPC provider says of itself by server reflection, against its contract."""

from collections.abc import Sequence
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection_pb2

from maestro.contracts.comparison.changes import ChangeKind
from maestro.contracts.comparison.protobuf_structure import structural_changes
from maestro.contracts.protobuf.model import ProtobufModel, model_of
from maestro.contracts.verification.grpc_probe import GrpcProbe, clip
from maestro.domain.contract import Finding
from maestro.errors import InvalidInput

RULE = "grpc_descriptors"
PATHS = tuple(
    f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    for version in ("v1", "v1alpha")  # the messages of both are the same on the wire
)
MAX_FILES = 500


async def reflected_findings(probe: GrpcProbe) -> list[Finding] | None:
    """None when the provider offers no reflection; else where its descriptors break ours."""
    for path in PATHS:
        listed = await _ask(probe, path, reflection_pb2.ServerReflectionRequest(list_services="*"))
        if listed is None:
            continue
        probe.reflects = True
        offered = {service.name for service in listed.list_services_response.service}
        return await _compared(probe, path, offered)
    return None


async def _compared(probe: GrpcProbe, path: str, offered: set[str]) -> list[Finding]:
    files: dict[str, Any] = {}
    findings = []
    for service in probe.model.services:
        if service.name in offered:
            asked = reflection_pb2.ServerReflectionRequest(file_containing_symbol=service.name)
            await _fetch(probe, path, asked, files)
        else:
            known = ", ".join(sorted(offered)) or "none"
            findings.append(_finding(probe, service.name, "the service is not offered", known))
    try:
        theirs = model_of(list(files.values()), name="provider")
    except InvalidInput as error:
        return [*findings, _finding(probe, "", "its descriptors do not fit together", str(error))]
    wanted = _reachable(probe.model)
    missing = {finding.operation for finding in findings}
    for change in structural_changes(probe.model, theirs):
        place = change.pointer
        owned = any(place == name or place.startswith((f"{name}.", f"{name}/")) for name in wanted)
        if change.kind is ChangeKind.BREAKING and owned and place not in missing:
            findings.append(_finding(probe, place, change.message, change.rule))
    return findings


async def _fetch(probe: GrpcProbe, path: str, asked: Any, files: dict[str, Any]) -> None:
    """Adds the files an answer brings, and what they import."""
    waiting = [asked]
    while waiting and len(files) < MAX_FILES:
        answer = await _ask(probe, path, waiting.pop())
        if answer is None:
            continue
        for raw in answer.file_descriptor_response.file_descriptor_proto:
            try:
                file = descriptor_pb2.FileDescriptorProto.FromString(raw)
            except DecodeError:
                continue
            files.setdefault(file.name, file)
        lacking = {
            wanted
            for file in files.values()
            for wanted in file.dependency
            if wanted not in files and not wanted.startswith("google/protobuf/")
        }
        known = {request.file_by_filename for request in waiting}
        waiting += [
            reflection_pb2.ServerReflectionRequest(file_by_filename=name)
            for name in sorted(lacking - known)
        ]
        if not answer.file_descriptor_response.file_descriptor_proto:
            return


async def _ask(probe: GrpcProbe, path: str, request: Any) -> Any | None:
    code, _, replies, _ = await probe.raw(path, [request.SerializeToString()])
    if code != "OK" or not replies:
        return None
    try:
        return reflection_pb2.ServerReflectionResponse.FromString(replies[0])
    except DecodeError:
        return None


def _reachable(model: ProtobufModel) -> set[str]:
    """Services, and every message and enum that their methods carry."""
    names = {service.name for service in model.services}
    waiting: list[Any] = [d for m in model.methods for d in (m.request, m.reply)]
    while waiting:
        kind = waiting.pop()
        if kind.full_name in names:
            continue
        names.add(kind.full_name)
        for field in kind.fields:
            if field.message_type is not None:
                waiting.append(field.message_type)
            elif field.enum_type is not None:
                names.add(field.enum_type.full_name)
    return names


def _finding(probe: GrpcProbe, place: str, message: str, seen: str) -> Finding:
    words: Sequence[str] = ("grpcurl", *(() if probe.secured else ("-plaintext",)), probe.target)
    return Finding(
        rule=RULE,
        message=clip(message),
        operation=place,
        expected="what the contract says",
        seen=clip(seen),
        reproduce=" ".join([*words, "describe", place] if place else [*words, "list"]),
    )
