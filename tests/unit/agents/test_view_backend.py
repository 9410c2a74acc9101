"""The service view repeats the contract's rules; its sample values really keep or break them."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from maestro.agents.executors.offline.view_backend import backend_view
from maestro.errors import InvalidInput


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("backend_domains", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


domains = load(Path(__file__).parents[2] / "data" / "backend" / "domains.py")


def entities(domain: Any, **more: Any) -> dict[str, Any]:
    found: Any = backend_view(domains.assignment("backend_developer", domain, **more))["entities"]
    return {entity.name: entity for entity in found}


def test_types_carry_the_rules_of_the_contract() -> None:
    task = entities(domains.TASKS)["task"]
    assert {alias.name: alias.expression for alias in task.aliases} == {
        "TaskTitle": "Annotated[Text, Field(min_length=1, max_length=255)]",
        "TaskDescription": "Annotated[Text, Field(max_length=10000)]",
        "TaskStatus": 'Literal["todo", "doing", "done"]',
        "TaskProjectId": "Annotated[WholeNumber, Field(ge=1, le=2147483647)]",
        "TaskAssigneeId": "Annotated[WholeNumber, Field(ge=1, le=2147483647)]",
    }
    fields = {f.name: f for f in task.fields}
    assert (fields["title"].body_type, fields["title"].create_default) == ("TaskTitle", "")
    assert fields["status"].create_default == ' = "todo"'
    assert (fields["due_date"].body_type, fields["due_date"].create_default) == (
        "Day | None",
        " = None",
    )
    assert fields["status"].update_default == "unchanged()"
    assert [view.attribute for view in task.filters] == [
        "status",
        "due_date",
        "project_id",
        "assignee_id",
    ]
    assert entities(domains.TASKS)["project"].referrers == (("task", "project_id"),)


def test_names_with_a_meaning_in_python_get_another_attribute() -> None:
    found = entities(domains.AWKWARD)
    assert {f.name: f.attribute for f in found["class"].fields if f.name != f.attribute} == {
        "from": "from_",
        "metadata": "metadata_",
        "model_config": "model_config_",
        "copy": "copy_",
        "str": "str_",
        "int": "int_",
    }
    assert found["query"].class_name == "QueryRow"
    assert found["list"].aliases[1].name == "ListUpdateValue"
    metadata = found["class"].fields[1]
    assert metadata.column.startswith('mapped_column("metadata", sa.String(255)')
    assert metadata.read_default == ' = Field(serialization_alias="metadata")'


@pytest.mark.parametrize("name", sorted(domains.DOMAINS))
def test_sample_values_keep_to_the_contract_and_wrong_ones_do_not(
    name: str, tmp_path: Path
) -> None:
    domain = domains.DOMAINS[name]
    schemas = domains.contracts(domain)[0].specification["components"]["schemas"]
    lines, properties = ["number = 7", "good, wrong = {}, {}"], {}
    for entity in entities(domain).values():
        for described in entity.fields:
            key = (entity.name, described.name)
            properties[key] = schemas[f"{entity.type_name}Create"]["properties"][described.name]
            samples = described.samples
            lines.append(f"good[{key!r}] = [{samples.usual}, {samples.other}]")
            lines.append(f"wrong[{key!r}] = [{', '.join(samples.wrong)}]")
    (tmp_path / "values.py").write_text("\n".join(lines))
    values = load(tmp_path / "values.py")
    for key, schema in properties.items():
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        for value in values.good[key]:
            assert validator.is_valid(value), (key, value)
        for value in values.wrong[key]:
            assert not validator.is_valid(value), (key, value)
    assert sum(map(len, values.wrong.values())) > 20


def test_what_could_never_be_created_is_refused() -> None:
    chicken = domains.entity("chicken", "chickens", domains.refer("egg", True))
    egg = domains.entity("egg", "eggs", domains.refer("chicken", True))
    with pytest.raises(InvalidInput, match="could never be created: it requires an entry of eggs"):
        entities(replace(domains.TASKS, entities=(chicken, egg)))
    own = domains.entity("person", "people", domains.refer("person", True, name="parent_id"))
    with pytest.raises(InvalidInput, match="'person' could never be created"):
        entities(replace(domains.TASKS, entities=(own,)))


def test_a_contract_that_does_not_fit_is_named() -> None:
    work = domains.assignment("backend_developer")
    with pytest.raises(InvalidInput, match="'backend' has no REST contract"):
        backend_view(replace(work, provides=(), contracts=()))
    more = domains.entity("task", "tasks", domains.field("unheard_of"))
    with pytest.raises(InvalidInput, match="schema TaskCreate has no property 'unheard_of'"):
        backend_view(replace(work, domain=replace(domains.TASKS, entities=(more,))))
    other = domains.entity("ghost", "ghosts")
    with pytest.raises(InvalidInput, match="no operation GET /ghosts"):
        backend_view(replace(work, domain=replace(domains.TASKS, entities=(other,))))
