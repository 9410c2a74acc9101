"""The comparison over documents that this project did not write."""

import copy
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maestro.contracts.comparison.openapi import compare_openapi
from maestro.contracts.reading import read_contract
from maestro.domain.contract import SpecificationFormat
from maestro.errors import InvalidInput

CORPUS = Path(os.environ.get("MAESTRO_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))


def specifications() -> Iterator[tuple[str, dict[str, Any]]]:
    folder = CORPUS / "openapi"
    assert folder.is_dir(), f"{folder} is missing; set MAESTRO_CORPUS to the corpus"
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".yaml", ".yml", ".json"):
            continue
        try:
            contract = read_contract(path)
        except InvalidInput:
            continue
        if contract.format is SpecificationFormat.OPENAPI:
            yield path.name, dict(contract.specification)


def test_what_changes_nothing_is_no_change() -> None:
    count = 0
    for name, old in specifications():
        new = copy.deepcopy(old)
        new["info"] = {**new.get("info", {}), "description": "in other words"}
        if "openapi" in new:  # so that nothing can be skipped as unchanged
            schemas = new.setdefault("components", {}).setdefault("schemas", {})
            schemas["NobodyRefersToThis"] = {"type": "string"}
        comparison = compare_openapi(old, new)
        assert comparison.changes == (), (name, str(comparison.changes[0]))
        count += 1
    assert count > 100


@pytest.mark.parametrize("seed", range(4))
def test_no_mutation_is_too_odd(seed: int) -> None:
    """Anything is compared or refused with a reason."""
    chance = random.Random(seed)
    told = 0
    for _, old in specifications():
        new = copy.deepcopy(old)
        for _ in range(5):
            _mutate(new, chance)
        for one, other in ((old, new), (new, old)):
            try:
                told += len(compare_openapi(one, other).changes)
            except InvalidInput:
                continue
    assert told > 100


def _mutate(document: Any, chance: random.Random) -> None:
    """Removes, doubles or replaces a random member a random way down."""
    place = document
    for _ in range(chance.randint(2, 12)):
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        inner = [key for key in keys if isinstance(place[key], dict | list) and place[key]]
        if not inner:
            break
        place = place[chance.choice(inner)]
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    key = chance.choice(keys)
    if place is document:
        return
    if chance.random() < 0.5:
        del place[key]
    else:
        place[key] = chance.choice([None, True, 0, "", "#", [], {}, [{}], {"$ref": "#/nowhere"}])
