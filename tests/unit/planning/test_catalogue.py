import shutil
from pathlib import Path

import pytest
import yaml

from maestro.domain.quality import BUILD_PHASES
from maestro.errors import InvalidInput
from maestro.planning.catalogue import load_catalogue
from maestro.planning.datafiles import DATA

IDS = {
    "sequential-basic",
    "sequential-elastic",
    "sequential-performance",
    "parallel-basic",
    "parallel-elastic",
    "parallel-contract-first",
    "collaborative-consensus",
    "collaborative-debate",
    "specialized-emergency",
    "specialized-bug-fix",
    "specialized-security",
    "hybrid-full-sdlc",
}


def test_ships_the_twelve_blueprints_and_personas() -> None:
    catalogue = load_catalogue()
    assert set(catalogue.blueprints) == IDS
    assert len(catalogue.personas) == 12
    families = [blueprint.family.value for blueprint in catalogue.blueprints.values()]
    assert {name: families.count(name) for name in set(families)} == {
        "sequential": 3,
        "parallel": 3,
        "collaborative": 2,
        "specialised": 3,
        "hybrid": 1,
    }
    for persona in catalogue.personas.values():
        assert persona.phase in BUILD_PHASES
    for blueprint in catalogue.blueprints.values():
        for role in blueprint.roles:
            assert role.persona in catalogue.personas


def test_unknown_ids_are_refused_with_the_known_ones() -> None:
    catalogue = load_catalogue()
    with pytest.raises(InvalidInput, match=r"unknown blueprint 'nope'; known: .*parallel-basic"):
        catalogue.blueprint("nope")
    with pytest.raises(InvalidInput, match=r"unknown persona 'nope'; known: .*qa_engineer"):
        catalogue.persona("nope")


def broken(tmp_path: Path, file: str, **changes: object) -> Path:
    """A copy of the data with some keys of one file changed; None removes the key."""
    for folder in ("blueprints", "personas"):
        shutil.copytree(DATA / folder, tmp_path / folder)
    target = tmp_path / file
    data = yaml.safe_load(target.read_text())
    for key, value in changes.items():
        if value is None:
            del data[key]
        else:
            data[key] = value
    target.write_text(yaml.safe_dump(data))
    return tmp_path


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("personas/qa_engineer.yaml", {"extra": 1}, "qa_engineer.yaml: unknown field 'extra'"),
        ("personas/qa_engineer.yaml", {"name": None}, "qa_engineer.yaml: .*needs the field 'name'"),
        ("personas/qa_engineer.yaml", {"phase": "lunch"}, "qa_engineer.yaml: phase: 'lunch'"),
        ("personas/qa_engineer.yaml", {"summary": 7}, "qa_engineer.yaml.summary: expected str"),
        ("personas/qa_engineer.yaml", {"id": "other"}, "id must be 'qa_engineer', got 'other'"),
        ("personas/qa_engineer.yaml", {"timeout_seconds": 0}, "timeout_seconds must be at least"),
        ("personas/qa_engineer.yaml", {"expertise": []}, "expertise: must not be empty"),
        ("personas/qa_engineer.yaml", {"instructions": " "}, "instructions must not be empty"),
        ("blueprints/parallel-basic.yaml", {"family": "loud"}, "'loud' is not one of"),
        ("blueprints/parallel-basic.yaml", {"complexities": ["odd"]}, "complexities: 'odd'"),
        ("blueprints/parallel-basic.yaml", {"requirement_types": ["x"]}, "requirement_types: 'x'"),
        ("blueprints/parallel-basic.yaml", {"phases": ["review", "testing"]}, "keep the order"),
        ("blueprints/parallel-basic.yaml", {"phases": ["testing"]}, "end with review"),
        ("blueprints/parallel-basic.yaml", {"roles": []}, "roles: must not be empty"),
        (
            "blueprints/parallel-basic.yaml",
            {"roles": [{"name": "a", "persona": "nobody", "expertise": ["testing"]}]},
            "role 'a' refers to persona 'nobody'",
        ),
        (
            "blueprints/parallel-basic.yaml",
            {"roles": [{"name": "a", "persona": "qa_engineer", "expertise": ["magic"]}]},
            "asks for 'magic'; qa_engineer offers testing",
        ),
        (
            "blueprints/parallel-basic.yaml",
            {"roles": [{"name": "a", "persona": "qa_engineer", "expertise": ["testing"]}] * 2},
            "'a' stands twice",
        ),
        (
            "blueprints/parallel-basic.yaml",
            {"phases": ["requirements", "testing", "review"]},
            "work in phase 'backend_implementation', which it does not go through",
        ),
        (
            "blueprints/parallel-basic.yaml",
            {"roles": [{"name": "a", "persona": "qa_engineer", "expertise": ["testing"]}]},
            "nobody works in phase 'backend_implementation', so it would never be judged",
        ),
        (
            "personas/qa_engineer.yaml",
            {"phase": "performance"},
            "work in phase 'performance', which it does not go through",
        ),
    ],
)
def test_a_broken_file_is_refused_by_name(
    tmp_path: Path, file: str, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        load_catalogue(broken(tmp_path, file, **changes))


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    folder = broken(tmp_path, "personas/qa_engineer.yaml")
    file = folder / "personas" / "qa_engineer.yaml"
    file.write_text(file.read_text() + "\nname: Again\n")
    with pytest.raises(InvalidInput, match="'name' occurs twice"):
        load_catalogue(folder)


def test_a_folder_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no data files"):
        load_catalogue(tmp_path)
