"""Requirements as strangers bring them: each build ends, and says truthfully how."""

import json
from pathlib import Path

import pytest
from product import DATA, REQUIREMENTS, Build, assert_truthful, build, unverified

pytestmark = pytest.mark.timeout(600)

PETSTORE = DATA / "acceptance" / "petstore.yaml"
SERVICES = ("catalogue", "orders", "payments")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Build:
    home = tmp_path_factory.mktemp("platform")
    return build(home, REQUIREMENTS / "microservices.txt", "--max-parallel", "12")


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Build:
    home = tmp_path_factory.mktemp("pets")
    return build(home, "Build this pet store", "--contract", PETSTORE)


@pytest.fixture(scope="module")
def cooking(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return build(tmp_path_factory.mktemp("cooking"), REQUIREMENTS / "tastytalk.txt")


@pytest.mark.xdist_group("services")
def test_three_services_and_their_shop_are_built_side_by_side(platform: Build) -> None:
    assert_truthful(platform)
    assert platform.finished.code == 0, platform.result["reasons"]
    for service in SERVICES:
        assert (platform.output / "app" / "services" / service / "app" / "main.py").is_file()
    spans = platform.spans
    providers = [spans[f"work.backend_developer.{service}"] for service in SERVICES]
    consumer = spans["work.frontend_developer"]
    together = [*providers, consumer]
    assert max(span.start for span in together) < min(span.end for span in together)
    mocks = {
        (event["step_id"], event["data"]["contract"])
        for event in platform.events
        if event["kind"] == "mock.started"
    }
    assert {("work.frontend_developer", f"{name}-api") for name in SERVICES} <= mocks


@pytest.mark.xdist_group("services")
def test_every_service_was_started_and_tested_by_itself(platform: Build) -> None:
    assert set(unverified(platform)) <= {"web-page"}
    validation = platform.document("contracts/validation_report.json")
    tested = {
        entry["contract"]: entry["verification"]
        for entry in validation["contracts"]
        if entry["contract"].endswith("-api")
    }
    assert set(tested) == {f"{name}-api" for name in SERVICES}
    for verification in tested.values():
        assert verification["operations_tested"] == verification["operations_total"] >= 5
        assert verification["findings"] == []
    assert {"frontend_developer", "qa_engineer"} == set(validation["consumers"])


@pytest.mark.xdist_group("petstore")
def test_a_foreign_api_document_is_built_as_far_as_it_is_understood(pets: Build) -> None:
    """What grooming means nobody can know, so it answers 501, is listed, and blocks the review."""
    assert_truthful(pets)
    assert pets.result["status"] == "blocked", pets.result["reasons"]
    missing = " ".join(item["what"] for item in pets.result["not_built"])
    assert "/pets/{petId}/groom" in missing
    assert "showPet" not in missing
    assert any("rest.operations_not_built = 1" in reason for reason in pets.result["reasons"])
    validation = pets.document("contracts/validation_report.json")
    (api,) = [
        entry["verification"]
        for entry in validation["contracts"]
        if entry["verification"] and entry["verification"]["not_built"]
    ]
    assert api["not_built"] == ["POST /pets/{petId}/groom"]
    assert (api["operations_tested"], api["operations_total"]) == (5, 6)
    assert api["findings"] == []
    assert pets.result["contracts"][0]["verified"] is True


def _assert_names_what_is_missing(cooked: Build) -> None:
    missing = json.dumps(cooked.result["not_built"]).lower()
    for word in ("voice", "recommend"):
        assert word in missing
    partly = cooked.document("quality_report.json")["traceability"]
    assert [part for part in partly if part["checks"]], "what was built was checked"


@pytest.mark.xdist_group("cooking")
def test_what_nobody_can_build_offline_blocks_the_run(cooking: Build) -> None:
    assert_truthful(cooking)
    assert cooking.finished.code == 3
    assert cooking.result["status"] == "blocked"
    _assert_names_what_is_missing(cooking)
    assert "language" in json.dumps(cooking.result["not_built"]).lower()
    assert set(unverified(cooking)) <= {"web-page"}, "what was built is verified all the same"
    tables = (cooking.output / "contracts" / "backend-schema_spec.yaml").read_text()
    for table in ("recipes", "ingredients", "steps"):
        assert f"name: {table}\n" in tables
    assert (cooking.output / "app" / "run.py").is_file()


@pytest.mark.xdist_group("cooking")
def test_the_caller_may_accept_that_parts_are_missing(tmp_path: Path) -> None:
    text = (
        "Build a REST API for recipes with a title and a cuisine; voice guidance for each recipe; "
        "recommend recipes from the ingredients at hand"
    )
    cooked = build(tmp_path, text, "--allow-partial")
    assert_truthful(cooked)
    assert cooked.finished.code == 0, cooked.result["reasons"]
    assert (cooked.result["success"], cooked.result["partial"]) == (True, True)
    _assert_names_what_is_missing(cooked)
    assert unverified(cooked) == []
