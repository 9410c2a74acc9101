"""Agreeing locks a specification; its files are for people and tools."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from maestro.contracts.agree import agree, write_files
from maestro.domain.contract import (
    AcceptanceCriterion,
    Contract,
    ContractKind,
    Deliverable,
    SpecificationFormat,
)
from maestro.domain.values import ContractId
from maestro.errors import Blocked

SHARED = {"type": "string"}
SPECIFICATION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "T", "version": "1"},
    "servers": [{"url": "/api"}],
    "paths": {
        "/a": {
            "get": {
                "operationId": "list_a",
                "summary": "List | all",
                "responses": {
                    "200": {"description": "ok", "content": {"text/plain": {"schema": SHARED}}},
                    "404": {"description": "ok", "content": {"text/plain": {"schema": SHARED}}},
                },
            }
        }
    },
}

CONTRACT = Contract(
    id=ContractId("backend-api"),
    name="An API",
    kind=ContractKind.REST,
    version="1.0.0",
    provider="backend_developer",
    component="backend",
    consumers=("frontend_developer",),
    format=SpecificationFormat.OPENAPI,
    specification=SPECIFICATION,
    deliverables=(Deliverable(name="Service", description="It runs.", paths=("backend/*.py",)),),
    acceptance=(
        AcceptanceCriterion(
            id="a", statement="It works.", check="crud_roundtrip", parts=("R1", "R2")
        ),
        AcceptanceCriterion(id="b", statement="It is nice.", check=None),
    ),
)


def test_the_digest_names_the_content_whatever_the_order() -> None:
    agreed = agree(CONTRACT)
    assert agreed.digest.startswith("sha256:")
    assert len(agreed.digest) == 71
    turned = replace(CONTRACT, specification=dict(reversed(SPECIFICATION.items())))
    assert agree(turned).digest == agreed.digest
    other = replace(CONTRACT, specification={**SPECIFICATION, "x-new": 1})
    assert agree(other).digest != agreed.digest
    assert replace(agreed, digest="") == CONTRACT


def test_a_faulty_document_is_not_agreed() -> None:
    path: dict[str, Any] = {"/a/{id}": {"get": {"responses": {"200": {"description": ""}}}}}
    with pytest.raises(Blocked) as refused:
        agree(replace(CONTRACT, specification={**SPECIFICATION, "paths": path}))
    assert refused.value.reasons == (
        "/paths/~1a~1{id}/get: the path has {id}, but no path parameter 'id' "
        "(path-parameter-declared)",
    )


def test_the_files() -> None:
    files = write_files(agree(CONTRACT))
    assert set(files) == {"contracts/backend-api_spec.yaml", "contracts/backend-api_README.md"}
    text = files["contracts/backend-api_spec.yaml"].decode()
    assert yaml.safe_load(text) == SPECIFICATION
    assert text.startswith("openapi: 3.1.0\n")
    assert "&" not in text
    readme = files["contracts/backend-api_README.md"].decode()
    for part in (
        "# An API",
        "Provider: `backend_developer`",
        "`frontend_developer`",
        agree(CONTRACT).digest,
        "| `GET /a` | `list_a` | List \\| all | 200, 404 |",
        "**Service**: It runs. `backend/*.py`",
        "| It works. | `crud_roundtrip` | R1, R2 |",
        "| It is nice. | unverified |",
    ):
        assert part in readme
    assert files == write_files(agree(CONTRACT))


def test_other_formats_have_no_operations() -> None:
    other = replace(
        CONTRACT,
        kind=ContractKind.DATA_SCHEMA,
        format=SpecificationFormat.JSON_SCHEMA,
        specification={"tables": []},
    )
    assert agree(other).digest
    assert "## Operations" not in write_files(other)["contracts/backend-api_README.md"].decode()
