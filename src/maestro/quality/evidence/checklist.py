"""The security checklist that the security specialist delivered, item by item."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from maestro.ports import EvidenceSubject
from maestro.quality.evidence.tooling import Scan, SourceFile

FILE = "security/checklist.json"


def accepts(file: SourceFile) -> bool:
    return file.path == FILE


def scan(files: Sequence[SourceFile], subject: EvidenceSubject) -> Scan:
    """Items that do not apply (`passed` is null) were not examined and do not count.

    Raises:
        ValueError: the file is not a checklist.
    """
    items = [item for file in files for item in _items(json.loads(file.text))]
    examined = [item for item in items if item["passed"] is not None]
    failed = [item for item in examined if item["passed"] is not True]
    return Scan(
        metrics={"checklist.items": len(examined), "checklist.failed": len(failed)},
        detail=[f"{item['id']}: {item['statement']}" for item in failed],
    )


def _items(document: Any) -> list[Mapping[str, Any]]:
    """Items with id, statement, and passed: true, false, or null where it did not apply."""
    items = document.get("items") if isinstance(document, dict) else document
    if not isinstance(items, list):
        raise ValueError(f"{FILE} holds no list of items")
    seen: set[str] = set()
    for item in items:
        if not isinstance(item, dict) or not {"id", "statement", "passed"} <= item.keys():
            raise ValueError(f"{FILE}: item {item!r:.100} lacks id, statement or passed")
        if not (item["passed"] is None or isinstance(item["passed"], bool)):
            raise ValueError(f"{FILE}: item {item['id']!r}: passed is {item['passed']!r}")
        if str(item["id"]) in seen:
            raise ValueError(f"{FILE}: item {item['id']!r} stands twice")
        seen.add(str(item["id"]))
    return items
