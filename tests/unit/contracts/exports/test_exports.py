"""Exports: what is in them, what is refused, and that no name of a contract becomes code."""

import json
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from maestro.contracts.exports import EXPORTS, ExportedProject, export, write_project
from maestro.contracts.exports.curl_lines import curl_line
from maestro.contracts.exports.express import cell, code
from maestro.contracts.exports.inlining import dereferenced
from maestro.contracts.exports.planned_requests import RestContract
from maestro.contracts.openapi.bundling import compiled
from maestro.contracts.reading import read_contract
from maestro.domain.contract import Contract
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall

ROOT = Path(__file__).parents[4]
SHOP = ROOT / "examples" / "contracts" / "shop.yaml"
GRAPH = ROOT / "examples" / "contracts" / "shop.graphql"
HOSTILE = ROOT / "tests" / "data" / "exports" / "hostile.yaml"
NAME = 'it\'s "$(touch owned)`id`" ${x} \\ \n */ </script> ``` \u2028 \u0007'


def rest_contract(paths: Mapping[str, Any], **more: Any) -> Contract:
    document = {"openapi": "3.1.0", "info": {"title": NAME, "version": "1"}, "paths": paths, **more}
    return replace(read_contract(SHOP), specification=document)


def made(contract: Contract, target: str) -> dict[str, Any]:
    files = export(contract, target).files
    return {name: json.loads(text) for name, text in files.items() if name.endswith(".json")}


OK = {"200": {"description": "ok"}}


def test_the_targets_are_known_by_name_and_kind() -> None:
    assert set(EXPORTS) == {
        "express", "apollo", "pact", "spec", "curl", "python-client", "typescript-client",
        "python-stub",
    }  # fmt: skip
    shop, graph = read_contract(SHOP), read_contract(GRAPH)
    for name, target in EXPORTS.items():
        for contract in (shop, graph):
            if contract.format in target.formats:
                assert export(contract, name).files
            else:
                with pytest.raises(InvalidInput, match="it can be exported to "):
                    export(contract, name)
    with pytest.raises(
        InvalidInput, match=r"no export 'expres'; known are .*apollo \(of graphql\)"
    ):
        export(shop, "expres")


def test_the_same_contract_makes_the_same_files() -> None:
    for path in (SHOP, GRAPH):
        contract = read_contract(path)
        for name, target in EXPORTS.items():
            if contract.format in target.formats:
                assert export(contract, name) == export(contract, name)


def test_nothing_of_a_contract_stands_in_a_source_of_javascript() -> None:
    """Servers are the same byte for byte, whatever the contract says."""
    for target, one, other in (("express", SHOP, HOSTILE), ("apollo", GRAPH, None)):
        contract = read_contract(one)
        changed = replace(contract, name=NAME) if other is None else read_contract(other)
        first, second = export(contract, target).files, export(changed, target).files
        sources = [[text for name, text in files.items() if name.endswith(".mjs")]
                   for files in (first, second)]  # fmt: skip
        assert sources[0] == sources[1]
        assert len(sources[0]) >= 2


def test_names_of_an_express_project() -> None:
    files = export(read_contract(SHOP), "express").files
    assert {"package.json", "contract.json", "responses.json", "README.md"} < set(files)
    package = json.loads(files["package.json"])
    assert package["type"] == "module"
    assert package["scripts"]["start"] == "node shop_mock_server.mjs"
    assert all(version[0].isdigit() for version in package["dependencies"].values())
    assert package["dependencies"]["express"].startswith("5.")
    assert b"| `GET /products/{product_id}` | Read a product |" in files["README.md"]


@pytest.mark.parametrize(
    ("path", "route", "names"),
    [
        ("/a/{id}", "/a/:p1", ["id"]),
        ("/a/{id}/b/{b-c}", "/a/:p1/b/:p2", ["id", "b-c"]),
        ("/f/{name}.{ext}", "/f/:p1.:p2", ["name", "ext"]),
        ("/a/{constructor}", "/a/:p1", ["constructor"]),
        ("/a:b/*/(x)+/[y]?!", "/a\\:b/\\*/\\(x\\)\\+/\\[y\\]%3F\\!", []),
        ("/é/\"'`", "/%C3%A9/%22'%60", []),
    ],
)
def test_paths_of_express_5(path: str, route: str, names: list[str]) -> None:
    parameters = [
        {"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names
    ]
    item = {"get": {"parameters": parameters, "responses": OK}}
    routes = made(rest_contract({path: item}), "express")["contract.json"]["routes"]
    assert [(r["path"], r["operations"]["GET"]["names"]) for r in routes] == [(route, names)]


def test_parameters_side_by_side_are_a_pattern() -> None:
    routes = made(rest_contract({"/(x)/{a}{b}.": {"get": {"responses": OK}}}), "express")
    (route,) = routes["contract.json"]["routes"]
    assert route["pattern"] == "^/\\x28x\\x29/(?<p1>[^/]+?)(?<p2>[^/]+?)\\x2e$"


def test_literal_routes_come_first_and_methods_share_a_route() -> None:
    item = {"get": {"responses": OK}}
    paths = {"/a/{x}": item, "/a/b": item, "/{y}/b": item, "/a/{z}": {"delete": {"responses": OK}}}
    routes = made(rest_contract(paths), "express")["contract.json"]["routes"]
    assert [r["path"] for r in routes] == ["/a/b", "/a/:p1", "/:p1/b"]
    assert set(routes[1]["operations"]) == {"GET", "DELETE"}


def test_a_broken_operation_spoils_only_itself() -> None:
    bad = {"200": {"description": "x", "content": {"application/json": {"schema": {
        "$ref": "#/components/schemas/Missing"}}}}}  # fmt: skip
    paths = {"/good": {"get": {"responses": OK}}, "/bad": {"get": {"responses": bad}}}
    files = export(rest_contract(paths), "express").files
    routes = json.loads(files["contract.json"])["routes"]
    assert [route["path"] for route in routes] == ["/good"]
    assert b"## Not taken over" in files["README.md"]
    with pytest.raises(InvalidInput, match="no usable operation"):
        export(rest_contract({"/bad": {"get": {"responses": bad}}}), "express")


def test_samples_are_those_that_were_validated() -> None:
    wrong = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    content = {"application/json": {"schema": wrong, "example": {"n": "seven"}}}
    reply = {"200": {"description": "x", "content": content}}
    data = made(rest_contract({"/a": {"get": {"responses": reply}}}), "express")
    value = data["responses.json"]["GET /a"]["200"]["application/json"]["value"]
    assert isinstance(value["n"], int)


def test_references_are_followed_and_circles_stay() -> None:
    schema = {
        "type": "object",
        "properties": {
            "plain": {"$ref": "#/$defs/r0"},
            "told": {"$ref": "#/$defs/r0", "description": "beside"},
            "tree": {"$ref": "#/$defs/r1"},
        },
        "$defs": {
            "r0": {"type": "integer"},
            "r1": {"type": "array", "items": {"$ref": "#/$defs/r1"}, "contains": True},
        },
    }
    flat = dereferenced(schema)
    assert flat["properties"]["plain"] == {"type": "integer"}
    assert flat["properties"]["told"] == {"description": "beside", "allOf": [{"type": "integer"}]}
    assert flat["properties"]["tree"] == {"$ref": "#/$defs/r1"}
    assert list(flat["$defs"]) == ["r1"]
    for value in ({"plain": 1, "tree": [[[]]]}, {"plain": "x"}, {"told": 1.5}, {"tree": [[1]]}):
        assert compiled(flat).is_valid(value) == compiled(schema).is_valid(value)


def test_definitions_that_multiply_stay_definitions() -> None:
    definitions: dict[str, Any] = {
        f"r{n}": {"properties": {name: {"$ref": f"#/$defs/r{n + 1}"} for name in "abcd"}}
        for n in range(30)
    }
    definitions["r30"] = {"type": "integer"}
    flat = dereferenced({"$ref": "#/$defs/r0", "$defs": definitions})
    assert len(json.dumps(flat)) < 400_000
    value: Any = "x"
    for _ in range(30):
        value = {"a": value}
    assert not compiled(flat).is_valid(value)


def test_no_word_of_a_contract_is_read_by_the_shell(tmp_path: Path) -> None:
    body = {"required": True, "content": {"application/json": {
        "schema": {"const": NAME}}}}  # fmt: skip
    header = 'it\'s $(touch owned) `id` \\ "x"'
    parameters = [
        {"name": "X-It", "in": "header", "required": True, "schema": {"const": header}},
        {"name": "q'$(touch owned)", "in": "query", "required": True, "schema": {"const": NAME}},
    ]
    operation = {"summary": NAME, "parameters": parameters, "requestBody": body, "responses": OK}
    contract = rest_contract({"/a'$(touch owned)": {"post": operation}})
    planned = RestContract(contract, what="they are").plan().requests[0]
    words = shlex.split(curl_line(planned))
    assert f"x-it: {header}" in words
    assert json.dumps(NAME, ensure_ascii=False)[:20] in words[words.index("--data-raw") + 1]
    (name, text), = export(contract, "curl").files.items()  # fmt: skip
    (tmp_path / name).write_bytes(text)
    # A stand-in for curl that writes its arguments down.
    curl = tmp_path / "curl"
    curl.write_text('#!/bin/sh\nprintf "%s\\0" "$@" > arguments\n')
    curl.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", name, "http://127.0.0.1:1"],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "owned").exists()
    arguments = (tmp_path / "arguments").read_text().split("\0")
    assert f"x-it: {header}" in arguments
    assert "owned" in arguments[-2]


def test_what_is_deleted_is_needed_by_no_later_line() -> None:
    contract = read_contract(SHOP)
    (script,) = export(contract, "curl").files.values()
    methods = re.findall(rb"^call '([A-Z]+) ", script, re.MULTILINE)
    assert methods[-2:] == [b"DELETE", b"DELETE"]
    assert b"DELETE" not in methods[:-2]
    lines = export(contract, "express").files["README.md"].partition(b"## Try it")[2].split(b"\n")
    tried = [line for line in lines if line.startswith(b"curl ")]
    assert len(tried) > 6
    assert not any(b"--request DELETE" in line for line in tried[:-2])


def test_texts_of_a_contract_stay_in_their_cell() -> None:
    assert "|" not in cell(NAME).replace("\\|", "")
    assert "<" not in cell(NAME).replace("\\<", "")
    assert "`" not in code(NAME)
    assert "\n" not in cell(NAME) + code(NAME)
    readme = export(rest_contract({"/a": {"get": {"responses": OK}}}), "express").files["README.md"]
    assert readme.decode().count("```") % 2 == 0
    assert "\n*/" not in readme.decode()


def test_a_pact_of_recorded_calls() -> None:
    contract = read_contract(SHOP)
    call = RecordedCall(
        at=datetime(2030, 1, 1, tzinfo=UTC), method="GET", path="/products/1",
        operation="GET /products/{product_id}", status=404, valid=True,
        reply_body={"title": "Not Found", "status": 404}, contract="shop", consumer="web shop",
    )  # fmt: skip
    bad = replace(call, path="/products/x", valid=False)
    other = replace(call, consumer="till")
    files = export(contract, "pact", calls=[call, bad, other]).files
    assert len(files) == 2
    pact = json.loads(files["web_shop-provider.json"])
    assert [i["response"]["status"] for i in pact["interactions"]] == [404]
    assert pact["metadata"]["pactSpecification"]["version"] == "4.0"
    with pytest.raises(InvalidInput, match="none of the 1 recorded calls"):
        export(contract, "pact", calls=[bad])
    with pytest.raises(InvalidInput, match="pact takes them"):
        export(contract, "curl", calls=[call])


def test_the_specification_gets_examples_where_it_has_none_that_fit() -> None:
    import yaml

    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    good = {"application/json": {"schema": schema, "example": {"n": 7}}}
    bad = {"application/json": {"schema": schema, "examples": {"x": {"value": {"n": "7"}}}}}
    none = {"application/json": {"schema": schema}}
    paths = {"/a": {"get": {"responses": {
        "200": {"description": "", "content": good},
        "400": {"description": "", "content": bad},
        "404": {"$ref": "#/components/responses/Shared"},
    }}}}  # fmt: skip
    shared = {"responses": {"Shared": {"description": "", "content": none}}}
    contract = rest_contract(paths, components=shared)
    document = yaml.safe_load(export(contract, "spec").files["shop_spec.yaml"])
    responses = document["paths"]["/a"]["get"]["responses"]
    assert responses["200"]["content"]["application/json"]["example"] == {"n": 7}
    assert isinstance(responses["400"]["content"]["application/json"]["example"]["n"], int)
    assert "examples" not in responses["400"]["content"]["application/json"]
    inner = document["components"]["responses"]["Shared"]["content"]["application/json"]
    assert isinstance(inner["example"]["n"], int)
    assert contract.specification["components"] == shared


def test_an_apollo_project() -> None:
    files = export(read_contract(GRAPH), "apollo").files
    mocks = json.loads(files["mocks.json"])
    assert set(mocks["scalars"]) == {"DateTime", "Decimal"}
    assert len(set(mocks["fields"]["Product"]["name"])) > 3
    assert mocks["mutations"]["cancelOrder"]["reached"] == {"status": "CANCELLED"}
    assert mocks["mutations"]["placeOrder"]["answer"]["carried"] == "order"
    assert mocks["queries"]["product"]["key"] == "id"
    source = files["shop_mock_server.mjs"].decode()
    assert "includeStacktraceInErrorResponses: false" in source
    assert "preserveResolvers: true" in source
    assert json.loads(files["package.json"])["dependencies"]["@apollo/server"].startswith("5.")


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "a\\b", "", "a\0b"])
def test_no_file_leaves_the_folder(path: str, tmp_path: Path) -> None:
    project = ExportedProject(files={"good.txt": b"1", path: b"2"})
    with pytest.raises(InvalidInput, match="leads out of the project's folder"):
        write_project(project, tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


def test_writing_takes_missing_and_empty_folders_only(tmp_path: Path) -> None:
    project = ExportedProject(files={"a.txt": b"1", "lib/b.txt": b"2"})
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    for name in ("missing", "deep/missing", "empty"):
        write_project(project, tmp_path / name)
        assert (tmp_path / name / "lib" / "b.txt").read_bytes() == b"2"
        with pytest.raises(InvalidInput, match="not empty"):
            write_project(project, tmp_path / name)
    for name in ("file", "link"):
        with pytest.raises(InvalidInput, match="no folder"):
            write_project(project, tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    clash = ExportedProject(files={"a": b"1", "a/b": b"2"})
    with pytest.raises(InvalidInput, match="cannot be written"):
        write_project(clash, tmp_path / "made")
    assert list(tmp_path.iterdir()) == []
