"""The bodies and wrong values of the contract tests, held against the contracts' own schemas."""

import importlib.util
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from maestro.agents.executors.offline.view_tests import checked_resources, suite_view
from maestro.contracts.openapi import from_object
from maestro.contracts.openapi.recognition import recognise
from maestro.domain.contract import Contract, ContractKind
from maestro.domain.entities import DomainModel, Entity, Field, FieldType
from maestro.errors import InvalidInput

SUPPORT = Path(__file__).parents[2] / "data" / "support"


def load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builds = load(SUPPORT / "builds.py", "support_builds")


class FakeApi:
    """Gives every created record the number 7."""

    def create(self, path: str, body: object, id_field: str = "id") -> dict[str, object]:
        return {id_field: 7}


def rest(domain: DomainModel) -> list[Contract]:
    return [c for c in builds.contracts_of(domain) if c.kind is ContractKind.REST]


def schema(contract: Contract, name: str) -> jsonschema_rs.Validator:
    components = contract.specification["components"]
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": components}, validate_formats=True
    )


def suite(name: str, folder: Path) -> dict[str, str]:
    assignment = builds.assignment_of("qa_engineer", builds.DOMAINS[name])
    files = builds.rendered(assignment)
    builds.write_files(folder, files)
    return {file.path: file.content.decode() for file in files}


CASES = [
    pytest.param(name, contract, resource, id=f"{name}-{resource.name}")
    for name, domain in builds.DOMAINS.items()
    for contract in rest(domain)
    for resource in checked_resources(contract, several=False)
]


@pytest.mark.parametrize(("name", "contract", "resource"), CASES)
def test_bodies_keep_to_the_contract_and_wrong_values_do_not(
    name: str, contract: Contract, resource: Any, tmp_path: Path
) -> None:
    suite(name, tmp_path)
    records = load(tmp_path / "tests/contract/records.py", "rendered_records")
    entity = builds.DOMAINS[name].entity(resource.name)
    create = schema(contract, f"{entity.type_name}Create")
    update = schema(contract, f"{entity.type_name}Update")
    whole = getattr(records, f"new_{resource.name}")(FakeApi())
    least = getattr(records, f"least_{resource.name}")(FakeApi())
    assert list(create.iter_errors(whole)) == []
    assert list(create.iter_errors(least)) == []
    assert set(whole) == {field.name for field in entity.fields}
    names = {**vars(records), "api": FakeApi()}
    for field in resource.fields:
        value = eval(field.other, names)
        assert update.is_valid({field.name: value}), (field.name, value)
        for wrong in field.wrong:
            value = eval(wrong.value, names)
            assert not create.is_valid({**whole, field.name: value}), (field.name, wrong)
        if field.searched:
            value = records.token().join(field.around)
            assert update.is_valid({field.name: value}), (field.name, value)
        for value in field.ordered:
            assert update.is_valid({field.name: eval(value, names)}), (field.name, value)


@pytest.mark.parametrize("name", builds.DOMAINS)
def test_every_file_of_the_suite_compiles_and_each_collection_has_a_module(
    name: str, tmp_path: Path
) -> None:
    files = suite(name, tmp_path)
    for path, text in files.items():
        if path.endswith(".py"):
            compile(text, path, "exec")
    modules = [path for path in files if re.fullmatch(r"tests/contract/test_\w+\.py", path)]
    assert len(modules) == len(builds.DOMAINS[name].entities)


def test_modules_of_several_services_carry_the_service(tmp_path: Path) -> None:
    files = suite("shop", tmp_path)
    assert "tests/contract/test_orders_order_items.py" in files
    assert "API_URL_PAYMENTS" in files["tests/contract/conftest.py"]


def test_what_the_contract_promises_is_tested_and_nothing_else(tmp_path: Path) -> None:
    text = suite("tasks", tmp_path)["tests/contract/test_tasks.py"]
    tests = re.findall(r"def (test_\w+)", text)
    assert len(tests) == len(set(tests))
    for wanted in (
        "test_list_can_be_narrowed_by_status",
        "test_list_can_be_narrowed_by_project_id",
        "test_list_can_be_sorted_by_due_date",
        "test_search_finds_text_inside_each_field",
        "test_code_cannot_be_used_twice",
        "test_project_id_must_lead_to_a_record",
        "test_record_that_parent_id_leads_to_cannot_be_deleted",
    ):
        assert wanted in tests
    assert "test_list_can_be_narrowed_by_title" not in tests
    assert "test_title_cannot_be_used_twice" not in tests


def test_references_to_other_services_are_not_expected_to_be_checked(tmp_path: Path) -> None:
    text = suite("shop", tmp_path)["tests/contract/test_orders_order_items.py"]
    assert "test_order_id_must_lead_to_a_record" in text
    assert "test_product_id_must_lead_to_a_record" not in text


def test_a_field_named_like_a_list_parameter_is_no_filter() -> None:
    resources = checked_resources(rest(builds.AWKWARD)[0], several=False)
    assert [r.filters for r in resources if r.name == "data_set"] == [("class_id",)]


def test_records_that_need_each_other_are_reported_and_left_out() -> None:
    def entity(name: str, target: str) -> Entity:
        field = Field(name=f"{target}_id", type=FieldType.REFERENCE, required=True, target=target)
        return Entity(name=name, plural=f"{name}s", fields=(field,))

    domain = DomainModel(title="Circle", entities=(entity("hen", "egg"), entity("egg", "hen")))
    view = suite_view(builds.assignment_of("qa_engineer", domain))
    assert view["entities"] == ()
    missing = view["not_built"]
    assert isinstance(missing, tuple)
    assert len(missing) == 10
    assert missing[0].what == "contract test of GET /hens"


def test_a_foreign_document_gets_tests_for_its_collections_only() -> None:
    assignment = builds.clinic_assignment("qa_engineer")
    view = suite_view(assignment)
    files = {file.path for file in builds.rendered(assignment)}
    assert {"tests/contract/test_pets.py", "tests/contract/test_visits.py"} < files
    # Whoever does not build an operation says so; here it is no gap of its own.
    assert view["not_built"] == ()


def test_resources_that_are_not_built_get_no_tests() -> None:
    assignment = builds.clinic_assignment("qa_engineer")
    document = from_object(assignment.consumes[0].contract.specification, name="clinic")
    operations = tuple(
        replace(o, reason="asks for credentials") if o.resource == "visit" else o
        for o in recognise(document)
    )
    view = suite_view(replace(assignment, operations=operations))
    entities = view["entities"]
    assert isinstance(entities, tuple)
    assert [entity.path for entity in entities] == ["/pets"]
    trips = view["round_trips"]
    assert isinstance(trips, list)
    assert [trip["create"] for trip in trips] == ["/pets"]


def test_without_a_rest_contract_there_is_nothing_to_test() -> None:
    assignment = builds.assignment_of("qa_engineer", builds.TASKS)
    with pytest.raises(InvalidInput, match="consumes none"):
        suite_view(replace(assignment, consumes=(), contracts=()))
