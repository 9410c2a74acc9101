"""From what a contract carries (`.proto` texts or a descriptor set) to one descriptor set.

The compiler is a process of its own, without input, in a private folder that holds nothing but the
contract's own files: neither an import nor a file's name can reach anything else on the machine.
"""

import base64
import binascii
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files as package_files
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from google.protobuf import descriptor_pb2
from google.protobuf.message import DecodeError

from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput, StepFailed

COMPILE_SECONDS = 30.0
MAX_FILES = 2_000
MAX_BYTES = 8_000_000
"""Of all texts together, or of a descriptor set."""
MAX_NAME = 200
SHOWN_ERRORS = 5

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
_MESSAGE = re.compile(r"(?P<file>[^:\n]+):(?P<line>\d+):(?P<column>\d+): (?P<text>.+)")
_IMPORT = re.compile(
    r'^[ \t]*import[ \t]+(?:public[ \t]+|weak[ \t]+|option[ \t]+)?(["\'])(?P<name>[^"\']*)\1', re.M
)


def descriptor_set(specification: JsonObject, *, name: str) -> bytes:
    """A serialised FileDescriptorSet with every import in it. Blocks: call it in a thread.

    Args:
        specification: `{"files": {path: text}}` or `{"descriptor_set": base64 text}`.
        name: of the contract, for messages.

    Raises:
        InvalidInput: neither of the two, too large, a hostile name, or the compiler's complaint
            with file, line and column.
        StepFailed: the compiler did not end in time.
    """
    given = specification.get("files")
    if isinstance(given, Mapping) and given:
        return _compiled(tuple(sorted(_checked(given, name).items())), name)
    encoded = specification.get("descriptor_set")
    if isinstance(encoded, str) and encoded:
        return _decoded(encoded, name)
    raise InvalidInput(
        f"contract {name!r}: a protobuf specification is {{'files': {{path: text}}}} or "
        f"{{'descriptor_set': base64 text}}; it has {sorted(map(str, specification))!r}"
    )


def source_text(specification: JsonObject) -> str:
    """The `.proto` texts one after another, for people; empty for a descriptor set."""
    given = specification.get("files")
    if not isinstance(given, Mapping):
        return ""
    return "\n".join(f"// {path}\n{text}" for path, text in sorted(given.items()))


def _checked(given: Mapping[str, object], name: str) -> dict[str, str]:
    if len(given) > MAX_FILES:
        raise InvalidInput(f"contract {name!r}: {len(given)} files; at most {MAX_FILES} are read")
    texts: dict[str, str] = {}
    size = 0
    for path, text in given.items():
        _check_path(path, name)
        if not isinstance(text, str):
            raise InvalidInput(f"contract {name!r}: file {path!r} holds {type(text).__name__}")
        size += len(text.encode("utf-8", "surrogatepass"))
        if size > MAX_BYTES:
            raise InvalidInput(f"contract {name!r}: more than {MAX_BYTES} bytes of proto text")
        texts[path] = text
    _check_folders(texts, name)
    for path, text in texts.items():
        _check_imports(path, text, texts, name)
    return texts


def _check_path(path: object, name: str) -> None:
    parts = path.split("/") if isinstance(path, str) else [""]
    hostile = (
        not isinstance(path, str)
        or len(path) > MAX_NAME
        or not path.endswith(".proto")
        or not all(_SEGMENT.fullmatch(part) for part in parts)
    )
    if hostile:
        raise InvalidInput(
            f"contract {name!r}: {str(path)[:MAX_NAME]!r} is no name for a proto file; use a "
            "relative path of letters, digits, '_', '-', '.' and '/' that ends with '.proto'"
        )


def _check_folders(texts: Mapping[str, str], name: str) -> None:
    """A path that is a file cannot be another one's folder too."""
    folders = {str(folder) for path in texts for folder in PurePosixPath(path).parents}
    for path in texts:
        if path in folders:
            raise InvalidInput(f"contract {name!r}: {path!r} is both a file and a folder")


def _check_imports(path: str, text: str, texts: Mapping[str, str], name: str) -> None:
    for found in _IMPORT.finditer(text):
        wanted = found["name"]
        known = wanted in texts or any((root / wanted).is_file() for root in _provided(wanted))
        if known:
            continue
        line = text.count("\n", 0, found.start("name")) + 1
        column = found.start("name") - (text.rfind("\n", 0, found.start("name")) + 1)
        raise InvalidInput(
            f"contract {name!r}: {path}:{line}:{column}: import {wanted!r} is not among the "
            "contract's own files; add that file under exactly this path"
        )


def _provided(wanted: str) -> list[Path]:
    """Folders with files that every contract may import, if the name is one of theirs."""
    plain = all(_SEGMENT.fullmatch(part) for part in wanted.split("/"))
    return _roots() if plain and wanted.startswith("google/") else []


@lru_cache(maxsize=1)
def _roots() -> list[Path]:
    """Well-known types, and Google's public API types where their package is installed."""
    roots = [Path(str(package_files("grpc_tools") / "_proto"))]
    shared = find_spec("google.api")
    for place in (shared.submodule_search_locations or ()) if shared else ():
        roots.append(Path(place).parent.parent)
    return roots


@lru_cache(maxsize=32)
def _compiled(texts: tuple[tuple[str, str], ...], name: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="maestro-proto-") as private:
        root = Path(private)
        sources = root / "in"
        for path, text in texts:
            target = sources / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode("utf-8", "surrogatepass"))
        made = root / "set.bin"
        _run_compiler([path for path, _ in texts], sources, made, name)
        return made.read_bytes()


def _run_compiler(paths: Sequence[str], sources: Path, made: Path, name: str) -> None:
    listed = sources.parent / "arguments.txt"
    options = [
        f"-I{sources}",
        *(f"-I{root}" for root in _roots()),
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={made}",
        *paths,
    ]
    listed.write_text("\n".join(options) + "\n", "utf-8")
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-m", "grpc_tools.protoc", f"@{listed}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=sources,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            timeout=COMPILE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StepFailed(
            f"contract {name!r}: the proto compiler did not end within {COMPILE_SECONDS:.0f} s"
        ) from None
    if done.returncode != 0 or not made.is_file():
        raise InvalidInput(f"contract {name!r}: {_complaint(done.stderr, sources)}")


def _complaint(stderr: bytes, sources: Path) -> str:
    """The compiler's errors, causes before what follows from them, without the private folder."""
    text = stderr.decode("utf-8", "replace").replace(f"{sources}/", "")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    placed = [line for line in lines if _MESSAGE.match(line) and ": warning:" not in line]
    placed.sort(key=lambda line: "was not found or had errors" in line)
    shown = (placed or lines)[:SHOWN_ERRORS]
    more = len(placed) - len(shown)
    rest = f" (and {more} more)" if more > 0 else ""
    return "; ".join(shown) + rest if shown else "the proto compiler failed without a word"


def _decoded(encoded: str, name: str) -> bytes:
    if len(encoded) > MAX_BYTES * 4 // 3 + 4:
        raise InvalidInput(f"contract {name!r}: the descriptor set exceeds {MAX_BYTES} bytes")
    try:
        raw = base64.b64decode(encoded, validate=True)
        made = descriptor_pb2.FileDescriptorSet.FromString(raw)
    except (binascii.Error, ValueError, DecodeError) as error:
        raise InvalidInput(
            f"contract {name!r}: 'descriptor_set' is no base64 text of a FileDescriptorSet "
            f"({error}); make one with: protoc --include_imports --descriptor_set_out=FILE"
        ) from None
    if not made.file:
        raise InvalidInput(f"contract {name!r}: the descriptor set holds no file")
    return raw
