"""Contracts out of files: which kind a file is follows from its suffix and what is in it."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from maestro.contracts.asyncapi.files import read_files
from maestro.contracts.openapi.files import read_file
from maestro.contracts.openapi.parsing import MAX_BYTES, parse
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.values import ContractId, JsonObject
from maestro.errors import InvalidInput

_GRAPHQL = (".graphql", ".graphqls", ".gql")
_DESCRIPTORS = (".pb", ".binpb", ".protoset", ".desc")
_DOCUMENTS = (".yaml", ".yml", ".json")
SUFFIXES = (*_DOCUMENTS, *_GRAPHQL, ".proto", *_DESCRIPTORS, ".py")
"""What files that hold contracts are named like."""
_MAX_IMPORTS = 500
_IMPORT = re.compile(r'^\s*import\s+(?:public\s+|weak\s+)?"([^"]+)"\s*;', re.MULTILINE)
_ELSEWHERE = re.compile(rb"""\$ref["']?\s*:\s*["']?[^"'#\s]""")
"""A reference to another file; only then is a document gathered from several."""
_VERSION = re.compile(r"v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?")
_LISTENED_TO = ("ws", "wss", "http", "https", "sse")
"""Protocols of AsyncAPI servers that need no broker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    kind: ContractKind
    format: SpecificationFormat
    specification: JsonObject
    name: str = ""
    version: str = ""


def read_contract(path: Path) -> Contract:
    """The contract a file holds; its id is the file's name.

    Raises:
        InvalidInput: no such file, too large, malformed, or nothing that a contract can be.
    """
    raw = _content(path)
    suffix = path.suffix.lower()
    if suffix in _GRAPHQL:
        read = _graphql(_text(raw, path))
    elif suffix == ".proto":
        read = _protobuf(path, _text(raw, path))
    elif suffix in _DESCRIPTORS:
        encoded = base64.b64encode(raw).decode()
        read = _Read(
            kind=ContractKind.GRPC,
            format=SpecificationFormat.PROTOBUF,
            specification={"descriptor_set": encoded},
        )
    elif suffix == ".py":
        read = _Read(
            kind=ContractKind.INTERFACE,
            format=SpecificationFormat.INTERFACE,
            specification={"python": _text(raw, path)},
        )
    elif suffix in _DOCUMENTS:
        read = _document(parse(raw, name=str(path)), raw, path)
    else:
        raise InvalidInput(
            f"{path}: files named {suffix or path.name!r} are no contracts; known are "
            f"{', '.join(SUFFIXES)}"
        )
    return Contract(
        id=ContractId(_identifier(path)),
        name=read.name or path.stem,
        kind=read.kind,
        version=_semantic(read.version),
        provider="provider",
        component=_identifier(path),
        consumers=(),
        format=read.format,
        specification=read.specification,
        deliverables=(),
        acceptance=(),
    )


def read_contracts(paths: Sequence[Path]) -> tuple[Contract, ...]:
    """Several files, each with an id of its own: `shop`, and `shop-graphql` for the second.

    Raises:
        InvalidInput: one of them cannot be read, or the same file is named twice.
    """
    made: dict[str, Contract] = {}
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise InvalidInput(f"{path} is named twice; name each contract once")
        seen.add(path.resolve())
        contract = read_contract(path)
        name, number = contract.id, 1
        while name in made:
            tail = "" if number == 1 else f"-{number}"
            name = ContractId(f"{contract.id}-{contract.format.value}{tail}")
            number += 1
        made[name] = replace(contract, id=name)
    return tuple(made.values())


def _content(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise InvalidInput(f"{path}: is no plain file; a contract is read from one")
        if path.stat().st_size > MAX_BYTES:
            raise InvalidInput(
                f"{path}: has {path.stat().st_size} bytes, at most {MAX_BYTES} are read"
            )
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror or error}") from None


def _text(raw: bytes, path: Path) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}: is not UTF-8 text ({error})") from None


def _identifier(path: Path) -> str:
    text = re.sub(r"[^a-z0-9_.\-]+", "-", path.stem.lower()).strip("-_.")[:100]
    if not text:
        raise InvalidInput(f"{path}: its name has no letters that an id could be made of")
    return text if text[0].isalpha() else f"contract-{text}"


def _semantic(text: str) -> str:
    """`1.2` and `v1.2` are 1.2.0; what is no number at all is a first version."""
    found = _VERSION.match(text)
    return ".".join(part or "0" for part in found.groups()) if found else "1.0.0"


def _graphql(text: str) -> _Read:
    return _Read(
        kind=ContractKind.GRAPHQL,
        format=SpecificationFormat.GRAPHQL,
        specification={"sdl": text},
    )


def _protobuf(path: Path, text: str) -> _Read:
    """The file with everything it imports from its own folder and below."""
    folder = path.resolve().parent
    files = {path.name: text}
    waiting = [path.name]
    while waiting:
        for name in _IMPORT.findall(files[waiting.pop()]):
            if name in files or name.startswith("google/"):  # comes with the compiler
                continue
            if len(files) >= _MAX_IMPORTS:
                raise InvalidInput(f"{path}: imports more than {_MAX_IMPORTS} files")
            files[name] = _imported(folder, name, path)
            waiting.append(name)
    return _Read(
        kind=ContractKind.GRPC,
        format=SpecificationFormat.PROTOBUF,
        specification={"files": files},
    )


def _imported(folder: Path, name: str, path: Path) -> str:
    inner = PurePosixPath(name)
    found = (folder / inner).resolve()
    if inner.is_absolute() or not found.is_relative_to(folder):
        raise InvalidInput(f"{path}: import {name!r} leads outside of {folder}, which is not read")
    return _text(_content(found), found)


def _document(value: JsonObject, raw: bytes, path: Path) -> _Read:
    info = value.get("info")
    info = info if isinstance(info, Mapping) else {}
    title, version = str(info.get("title") or ""), str(info.get("version") or "")
    if "openapi" in value or "swagger" in value:
        kind, written = ContractKind.REST, SpecificationFormat.OPENAPI
        if _ELSEWHERE.search(raw):
            value = read_file(path)
    elif "asyncapi" in value:
        value = read_files(path)  # with what lies beside it
        kind, written = _channel_kind(value), SpecificationFormat.ASYNCAPI
    elif "methods" in value or "interfaces" in value or "interface" in value:
        kind, written = ContractKind.INTERFACE, SpecificationFormat.INTERFACE
    elif _is_schema(value):
        kind, written = ContractKind.DATA_SCHEMA, SpecificationFormat.JSON_SCHEMA
        title, version = str(value.get("title") or ""), ""
    else:
        raise InvalidInput(
            f"{path}: none of openapi, swagger, asyncapi, methods and $schema stands at the top, "
            "so it is not known what kind of contract it is"
        )
    return _Read(kind=kind, format=written, specification=value, name=title, version=version)


def _is_schema(value: JsonObject) -> bool:
    return any(key in value for key in ("$schema", "properties", "tables", "$defs"))


def _channel_kind(value: JsonObject) -> ContractKind:
    """A queue only where every server is a broker."""
    servers = value.get("servers")
    named: list[Any] = [
        server.get("protocol")
        for server in (servers.values() if isinstance(servers, Mapping) else ())
        if isinstance(server, Mapping)
    ]
    if named and all(protocol not in _LISTENED_TO for protocol in named):
        return ContractKind.MESSAGE_QUEUE
    return ContractKind.EVENT_STREAM
