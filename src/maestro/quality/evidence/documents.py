"""Whether delivered documents exist, parse, and name every operation."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from maestro.domain.contract import Contract, ContractKind
from maestro.domain.encoding import decode
from maestro.domain.placeholders import MAY_BE_EMPTY, unreadable
from maestro.domain.quality import Evidence
from maestro.ports import EvidenceSubject
from maestro.quality.evidence.tooling import Measurement, SourceFile, read_files

SUFFIXES = (".py", ".json", ".yaml", ".yml", ".toml", ".ini", ".md", ".html", "Dockerfile",
            "Makefile")  # fmt: skip
README, REFERENCE = "README.md", "docs/api.md"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True, slots=True)
class DocumentsCollector:
    name: str = "documents"

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        measurement = Measurement(self.name, "maestro-documents", "1", subject)
        files = await asyncio.to_thread(read_files, subject.sandbox.root, SUFFIXES)
        measurement.files_examined = len(files)
        if not files:
            return measurement.unavailable("the tree holds no document")
        broken = [problem for file in files for problem in _unparsable(file)]
        by_path = {file.path: file.text for file in files}
        missing = [path for path in (README, REFERENCE) if not by_path.get(path, "").strip()]
        contracts = [decode(Contract, item) for item in subject.facts["contracts"]]
        unnamed = list(_unnamed(contracts, by_path.get(REFERENCE, "")))
        measurement.detail += [
            *broken,
            *(f"{path} is missing or empty" for path in missing),
            *(f"{REFERENCE} does not name {operation}" for operation in unnamed),
        ]
        measurement.raw = "\n".join(measurement.detail)
        return measurement.measured(
            {
                "artefacts.unparsable": len(broken),
                "documents.missing": len(missing),
                "documents.undocumented_operations": len(unnamed),
            }
        )


def _unparsable(file: SourceFile) -> Iterator[str]:
    if not file.text.strip() and file.path.rsplit("/", 1)[-1] in MAY_BE_EMPTY:
        return
    problem = unreadable(file.path, file.text)
    if problem is not None:
        yield f"{file.path}: {problem}"


def _unnamed(contracts: Sequence[Contract], reference: str) -> Iterator[str]:
    """Operations whose method and path stand together on no line of the reference."""
    for contract in contracts:
        if contract.kind is not ContractKind.REST:
            continue
        for path, item in contract.specification.get("paths", {}).items():
            for method in item:
                if method not in METHODS:
                    continue
                wanted = re.compile(rf"\b{method.upper()}\b[^\n]*{re.escape(path)}(?![\w/{{])")
                if not wanted.search(reference):
                    yield f"{method.upper()} {path}"
