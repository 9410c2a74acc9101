"""The security checklist that the security specialist's own script wrote while it really ran."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maestro.domain.quality import Evidence
from maestro.ports import EvidenceSubject
from maestro.quality.evidence.tooling import Measurement

FILE = "security/checklist.json"


@dataclass(frozen=True, slots=True)
class ChecklistCollector:
    name: str = "checklist"

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        measurement = Measurement(self.name, "checklist", "1", subject)
        file = subject.sandbox.root / FILE
        try:
            text = await asyncio.to_thread(Path.read_text, file, "utf-8")
            items = _items(json.loads(text))
        except FileNotFoundError:
            return measurement.unavailable(f"{FILE} was not delivered")
        except (OSError, ValueError) as error:
            return measurement.failed(f"{FILE}: {error}")
        measurement.raw = text
        ran = [item for item in items if item["passed"] is not None]
        failed = [item for item in ran if not item["passed"]]
        measurement.files_examined = 1
        measurement.detail += [f"{item['id']}: {item['statement']}" for item in failed]
        return measurement.measured({"checklist.items": len(ran), "checklist.failed": len(failed)})


def _items(document: Any) -> list[dict[str, Any]]:
    """Items with id, statement, and passed: true, false, or null where it did not apply."""
    items = document.get("items") if isinstance(document, dict) else document
    if not isinstance(items, list):
        raise ValueError("holds no list of items")
    found: list[dict[str, Any]] = []
    for item in items:
        if not isinstance(item, dict) or not {"id", "statement", "passed"} <= item.keys():
            raise ValueError(f"item {item!r} lacks id, statement or passed")
        if item["passed"] not in (True, False, None):
            raise ValueError(f"item {item['id']!r}: passed is {item['passed']!r}")
        found.append(item)
    return found
