"""Two versions of a gRPC contract held against each other.

Our own comparison always runs and is the verdict's home. Where the tool `buf` is installed (extra
`buf`), what it calls breaking and ours does not is added under `buf-…`, never left out.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from google.protobuf import descriptor_pb2

from maestro.contracts.comparison.changes import Change, ChangeKind, Comparison
from maestro.contracts.comparison.protobuf_structure import structural_changes
from maestro.contracts.protobuf.model import ProtobufModel, read_protobuf
from maestro.domain.contract import Contract
from maestro.errors import StepFailed

BUF_SECONDS = 60.0
BUF_FOUND_CHANGES = 100
_CONFIG = json.dumps({"version": "v2", "breaking": {"use": ["PACKAGE"]}})

_OURS: dict[str, tuple[str, ...]] = {
    "ENUM_NO_DELETE": ("enum-removed",),
    "ENUM_SAME_TYPE": ("enum-closedness-changed",),
    "ENUM_VALUE_NO_DELETE": ("enum-value-removed", "enum-value-number-changed"),
    "ENUM_VALUE_SAME_NAME": ("enum-value-renamed",),
    "FIELD_NO_DELETE": ("field-removed", "field-number-changed"),
    "FIELD_SAME_CARDINALITY": ("field-label-changed", "field-oneof-changed"),
    "FIELD_SAME_DEFAULT": ("field-default-changed",),
    "FIELD_SAME_JSON_NAME": ("field-json-name-changed", "field-renamed"),
    "FIELD_SAME_LABEL": ("field-label-changed", "field-oneof-changed"),
    "FIELD_SAME_NAME": ("field-renamed",),
    "FIELD_SAME_ONEOF": ("field-oneof-changed",),
    "FIELD_SAME_TYPE": ("field-type-changed",),
    "FILE_SAME_PACKAGE": ("service-removed", "message-removed", "enum-removed"),
    "MESSAGE_NO_DELETE": ("message-removed",),
    "MESSAGE_SAME_REQUIRED_FIELDS": ("field-added-required", "field-removed"),
    "PACKAGE_ENUM_NO_DELETE": ("enum-removed",),
    "PACKAGE_MESSAGE_NO_DELETE": ("message-removed",),
    "PACKAGE_NO_DELETE": ("service-removed", "message-removed", "enum-removed"),
    "PACKAGE_SERVICE_NO_DELETE": ("service-removed",),
    "RESERVED_MESSAGE_NO_DELETE": ("reservation-removed", "reserved-number-used"),
    "RPC_NO_DELETE": ("method-removed",),
    "RPC_SAME_CLIENT_STREAMING": ("method-streaming-changed",),
    "RPC_SAME_REQUEST_TYPE": ("method-request-type-changed",),
    "RPC_SAME_RESPONSE_TYPE": ("method-reply-type-changed",),
    "RPC_SAME_SERVER_STREAMING": ("method-streaming-changed",),
    "SERVICE_NO_DELETE": ("service-removed",),
}


def compare_protobuf(before: Contract, after: Contract) -> Comparison:
    """Blocks (compilers run): call it in a thread.

    Raises:
        InvalidInput: one of the two cannot be compiled.
        StepFailed: `buf` is installed and broke.
    """
    old, new = read_protobuf(before), read_protobuf(after)
    edited = before.specification_digest() != after.specification_digest()
    return compare_models(old, new, edited=edited)


def compare_models(
    before: ProtobufModel, after: ProtobufModel, *, edited: bool = False
) -> Comparison:
    """Blocks where `buf` is installed. Raises StepFailed when that broke."""
    changes = structural_changes(before, after)
    tool = buf_program()
    if tool is not None:
        changes += _beyond(changes, _ask_buf(tool, before, after))
    return Comparison.of(changes, edited=edited)


def buf_program() -> str | None:
    """Where `buf` is: beside our Python, or on the PATH."""
    return shutil.which("buf", path=str(Path(sys.executable).parent)) or shutil.which("buf")


def _ask_buf(tool: str, before: ProtobufModel, after: ProtobufModel) -> Sequence[Change]:
    with tempfile.TemporaryDirectory(prefix="maestro-buf-") as private:
        root = Path(private)
        for name, model in (("before.binpb", before), ("after.binpb", after)):
            made = descriptor_pb2.FileDescriptorSet(file=model.files)
            (root / name).write_bytes(made.SerializeToString())
        argv = [tool, "breaking", "after.binpb", "--against", "before.binpb"]
        try:
            done = subprocess.run(
                [*argv, "--config", _CONFIG, "--error-format", "json"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd=root,
                env={"PATH": os.defpath, "HOME": private},
                timeout=BUF_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise StepFailed(f"buf did not end within {BUF_SECONDS:.0f} s") from None
    if done.returncode not in (0, BUF_FOUND_CHANGES):
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[-400:]
        raise StepFailed(
            f"buf ended with status {done.returncode}: {said!r}; repair or uninstall it"
        )
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return [_told(json.loads(line)) for line in lines if line.startswith("{")]


def _told(line: dict[str, object]) -> Change:
    message = str(line.get("message", ""))
    return Change(
        kind=ChangeKind.BREAKING,
        rule=f"buf-{str(line.get('type', 'unknown')).lower().replace('_', '-')}",
        pointer=str(line.get("path") or next(iter(re.findall(r'"([^"]+)"', message)), "")),
        message=message,
    )


def _beyond(ours: Iterable[Change], theirs: Iterable[Change]) -> list[Change]:
    """What buf calls breaking and none of our breaking changes says."""
    said = [change for change in ours if change.kind is ChangeKind.BREAKING]
    return [change for change in theirs if not any(_same(own, change) for own in said)]


def _same(own: Change, told: Change) -> bool:
    rule = told.rule.removeprefix("buf-").upper().replace("-", "_")
    if own.rule not in _OURS.get(rule, ()):
        return False
    named = {text.strip("[]") for text in re.findall(r'"([^"]+)"', told.message)}
    last = re.split(r"[./]", own.pointer)[-1]
    entry = "".join(part.capitalize() for part in last.split("_")) + "Entry"  # of a map
    known = {own.pointer, last, entry, str(own.before), str(own.after)}
    inside = any(own.pointer.endswith(f".{n}") or own.pointer.startswith(f"{n}.") for n in named)
    return inside or bool(named & known)
