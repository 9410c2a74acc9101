"""What of a contract can be asked without knowing what is stored."""

from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.contract_paths import readable_paths
from maestro.domain.values import ContractId, JsonObject


def contract(paths: JsonObject, kind: ContractKind = ContractKind.REST) -> Contract:
    return Contract(
        id=ContractId("boats"),
        name="Boats",
        kind=kind,
        version="1.0.0",
        provider="backend_developer",
        component="backend",
        consumers=(),
        format=SpecificationFormat.OPENAPI,
        specification={"paths": paths},
        deliverables=(),
        acceptance=(),
    )


def test_only_where_get_needs_to_know_nothing() -> None:
    needed = {"name": "day", "in": "query", "required": True}
    paths = {
        "/boats": {"get": {"parameters": [{"name": "q", "in": "query"}]}, "post": {}},
        "/boats/{id}": {"get": {}},
        "/tides": {"get": {"parameters": [needed]}},
        "/moorings": {"parameters": [needed], "get": {}},
        "/berths": {"get": {"parameters": [{"$ref": "#/components/parameters/Day"}]}},
        "/orders": {"post": {}},
    }
    assert readable_paths(contract(paths)) == ("/boats",)
    assert readable_paths(contract(paths, ContractKind.PAGE)) == ()
