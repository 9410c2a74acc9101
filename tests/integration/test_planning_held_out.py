"""How much of texts nobody tuned for the offline planner understands, as numbers with a floor."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from maestro.domain.entities import Entity
from maestro.domain.requirement import Analysis, Constraints, Requirement
from maestro.domain.values import RequirementId
from maestro.planning.analyse import analyse

FILE = Path(__file__).parents[1] / "data" / "requirements" / "held_out.yaml"


@dataclass
class Count:
    good: int = 0
    all: int = 0

    def add(self, good: int, of: int) -> None:
        self.good += good
        self.all += of

    @property
    def share(self) -> float:
        return self.good / self.all if self.all else 1.0


def analysed(text: str) -> Analysis:
    requirement = Requirement(
        id=RequirementId("req-1"),
        project="p",
        text=text,
        constraints=Constraints(),
        submitted_by="test",
        submitted_at=datetime.now(UTC),
    )
    return asyncio.run(analyse(requirement))


def has_field(entity: Entity | None, name: str) -> bool:
    """Under its name, as a reference, or under the name that a reserved word forced on it."""
    if entity is None:
        return False
    if any(entity.field(spelling) for spelling in (name, f"{name}_id", f"{name}_value")):
        return True
    return any(field.target == name.removesuffix("_id") for field in entity.references)


def measured(which: str) -> dict[str, Count]:
    texts: list[dict[str, Any]] = yaml.safe_load(FILE.read_text())
    counts = {name: Count() for name in ("recall", "precision", "fields", "types", "not_built")}
    for case in (case for case in texts if case["set"] == which):
        found = analysed(case["text"])
        models = {e.name.removesuffix("_record"): e for e in found.domain.entities}
        wanted = case["entities"]
        counts["recall"].add(sum(name in models for name in wanted), len(wanted))
        stated = [name for name, e in models.items() if e.source]
        fine = {*wanted, *case.get("also", ())}
        counts["precision"].add(sum(name in fine for name in stated), len(stated))
        for name, fields in wanted.items():
            counts["fields"].add(sum(has_field(models.get(name), f) for f in fields), len(fields))
        if not case.get("any_type"):
            expected = case.get("type", "feature_development")
            counts["types"].add(found.type.value == expected, 1)
        for word in case.get("not_built", ()):
            said = any(word in p.source.lower() for p in found.uncovered)
            counts["not_built"].add(said, 1)
    return counts


@pytest.mark.parametrize(
    ("which", "floors"),
    [
        (
            "tuning",
            {"recall": 0.95, "precision": 0.95, "fields": 0.95, "types": 1.0, "not_built": 1.0},
        ),
        (
            "held_out",
            {"recall": 0.93, "precision": 0.85, "fields": 0.75, "types": 0.9, "not_built": 0.75},
        ),
    ],
)
def test_understands_most_of_what_people_write(which: str, floors: dict[str, float]) -> None:
    counts = measured(which)
    shares = {name: round(count.share, 2) for name, count in counts.items()}
    assert all(shares[name] >= floor for name, floor in floors.items()), shares


def test_there_are_enough_texts() -> None:
    texts = yaml.safe_load(FILE.read_text())
    assert len(texts) >= 40
    assert sum(case["set"] == "held_out" for case in texts) >= 15
