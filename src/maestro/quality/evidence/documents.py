"""Whether delivered files are what their names promise, and the reference names every operation."""

import re
from collections.abc import Iterator, Sequence

from maestro.domain.contract import Contract, ContractKind
from maestro.domain.encoding import decode
from maestro.domain.placeholders import MAY_BE_EMPTY, unreadable
from maestro.ports import EvidenceSubject
from maestro.quality.evidence.specifications import operations
from maestro.quality.evidence.tooling import Scan, SourceFile

README, REFERENCE = "README.md", "docs/api.md"
_FORMATS = frozenset({".py", ".json", ".yaml", ".yml", ".toml", ".ini", ".md", ".html", ".css"})
_NAMES = frozenset({"dockerfile", "makefile"})


def has_format(file: SourceFile) -> bool:
    return file.suffix in _FORMATS or file.name.lower() in _NAMES


def scan_formats(files: Sequence[SourceFile], subject: EvidenceSubject) -> Scan:
    broken = [problem for file in files for problem in _unreadable(file)]
    return Scan(
        metrics={"artefacts.parsed": len(files) - len(broken), "artefacts.broken": len(broken)},
        detail=broken,
    )


def is_document(file: SourceFile) -> bool:
    return file.suffix == ".md"


def scan_documents(files: Sequence[SourceFile], subject: EvidenceSubject) -> Scan:
    """The text of operations is looked for in the reference only; without a record of contracts
    nobody can say which there are, and nothing is reported of them.
    """
    by_path = {file.path: file for file in files}
    missing = [
        f"{path} is missing or says nothing"
        for path in (README, REFERENCE)
        if path not in by_path or any(_unreadable(by_path[path]))
    ]
    found = Scan(metrics={"documents.missing": len(missing)}, detail=missing)
    if "contracts" in subject.facts:
        reference = by_path[REFERENCE].text if REFERENCE in by_path else ""
        contracts = [decode(Contract, item) for item in subject.facts["contracts"]]
        unnamed = [f"{REFERENCE} does not name {item}" for item in _unnamed(contracts, reference)]
        found.metrics["documents.operations_missing"] = len(unnamed)
        found.detail += unnamed
    return found


def _unreadable(file: SourceFile) -> Iterator[str]:
    if not file.text.strip() and file.name in MAY_BE_EMPTY:
        return
    problem = unreadable(file.path, file.text)
    if problem is not None:
        yield f"{file.path}: {problem}"


def _unnamed(contracts: Sequence[Contract], reference: str) -> Iterator[str]:
    """Operations whose method and path stand together on no line of the reference."""
    for contract in contracts:
        if contract.kind is not ContractKind.REST:
            continue
        for method, path, _ in operations(contract.specification):
            wanted = re.compile(rf"\b{method}\b[^\n]*{re.escape(path)}(?![\w/{{])")
            if not wanted.search(reference):
                yield f"{method} {path}"
