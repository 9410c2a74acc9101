"""Contracts out of files."""

import base64
import json
import os
from pathlib import Path

import pytest

from maestro.contracts.reading import read_contract, read_contracts
from maestro.domain.contract import ContractKind, SpecificationFormat
from maestro.errors import InvalidInput


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text", "kind", "dialect", "identifier"),
    [
        ("shop.yaml", "openapi: 3.1.0\ninfo: {title: S, version: v2.1}", "rest", "openapi", "shop"),
        ("Old API.json", '{"swagger": "2.0"}', "rest", "openapi", "old-api"),
        ("a.gql", "type Query { a: Int }", "graphql", "graphql", "a"),
        ("9.proto", 'syntax = "proto3";', "grpc", "protobuf", "contract-9"),
        ("x.orders.yml", "asyncapi: 3.0.0", "event_stream", "asyncapi", "x.orders"),
        ("q.yml", "asyncapi: 3.0.0\nservers: {a: {protocol: amqp}}", "message_queue", "asyncapi",
         "q"),
        ("w.yml", "asyncapi: 3.0.0\nservers: {a: {protocol: amqp}, b: {protocol: ws}}",
         "event_stream", "asyncapi", "w"),
        ("p.py", "class P: ...", "interface", "interface", "p"),
        ("m.yaml", "methods: []", "interface", "interface", "m"),
        ("s.json", '{"$schema": "x", "type": "object"}', "data_schema", "json_schema", "s"),
    ],
)  # fmt: skip
def test_the_kind_follows_from_suffix_and_content(
    tmp_path: Path, name: str, text: str, kind: str, dialect: str, identifier: str
) -> None:
    contract = read_contract(written(tmp_path, name, text))
    assert (contract.kind, contract.format) == (ContractKind(kind), SpecificationFormat(dialect))
    assert contract.id == identifier


def test_title_and_version_come_from_the_document(tmp_path: Path) -> None:
    text = "openapi: 3.1.0\ninfo: {title: My Shop, version: v2.1-beta}"
    contract = read_contract(written(tmp_path, "shop.yaml", text))
    assert (contract.name, contract.version) == ("My Shop", "2.1.0")
    assert read_contract(written(tmp_path, "b.graphql", "x")).version == "1.0.0"


def test_descriptor_sets_are_kept_as_text(tmp_path: Path) -> None:
    contract = read_contract(written(tmp_path, "a.binpb", b"\x0a\x00"))
    assert contract.specification == {"descriptor_set": base64.b64encode(b"\x0a\x00").decode()}


def test_protobuf_files_come_with_their_imports(tmp_path: Path) -> None:
    main = 'import "google/protobuf/empty.proto";\nimport public "x/a.proto";'
    path = written(tmp_path, "m.proto", main)
    written(tmp_path, "x/a.proto", 'import "x/b.proto";\n import "m.proto";')
    written(tmp_path, "x/b.proto", "// end")
    assert set(read_contract(path).specification["files"]) == {"m.proto", "x/a.proto", "x/b.proto"}


@pytest.mark.parametrize("target", ["../secret.proto", "/etc/passwd", "link/secret.proto"])
def test_imports_do_not_leave_the_folder(tmp_path: Path, target: str) -> None:
    inner = tmp_path / "inner"
    path = written(inner, "m.proto", f'import "{target}";')
    written(tmp_path, "outside/secret.proto", "secret")
    written(tmp_path, "secret.proto", "secret")
    (inner / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidInput, match="leads outside"):
        read_contract(path)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.yaml", "a: 1", "not known what kind"),
        ("a.yaml", "- 1", "must be an object"),
        ("a.yaml", "a: [", "neither JSON nor YAML"),
        ("a.yaml", b"\xff\xfe", "not UTF-8"),
        ("a.graphql", b"\xff\xfe", "not UTF-8"),
        ("a.txt", "openapi: 3.1.0", "are no contracts"),
        ("___.yaml", "openapi: 3.1.0", "no letters"),
        ("a.proto", 'import "no.proto";', "cannot be read"),
    ],
)
def test_what_is_no_contract_is_refused(
    tmp_path: Path, name: str, text: str | bytes, reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        read_contract(written(tmp_path, name, text))


def test_what_is_no_plain_file_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "shop.yaml"
    os.mkfifo(pipe)
    with pytest.raises(InvalidInput, match="is no plain file"):
        read_contract(pipe)


def test_files_that_are_not_there_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_contract(tmp_path / "none.yaml")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_contract(written(tmp_path, "f.yaml/x", "").parent)
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    with pytest.raises(InvalidInput, match="at most"):
        read_contract(huge)


def test_equal_names_get_ids_of_their_own(tmp_path: Path) -> None:
    paths = [
        written(tmp_path, "shop.yaml", "openapi: 3.1.0"),
        written(tmp_path, "shop.graphql", "x"),
        written(tmp_path, "b/shop.graphql", "x"),
    ]
    ids = [contract.id for contract in read_contracts(paths)]
    assert ids == ["shop", "shop-graphql", "shop-graphql-2"]
    with pytest.raises(InvalidInput, match="named twice"):
        read_contracts([paths[0], paths[0]])


def test_documents_are_gathered_from_the_files_below(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "api.yaml",
        "openapi: 3.1.0\npaths:\n  /a:\n    $ref: 'paths/a.yaml'\n",
    )
    written(tmp_path, "paths/a.yaml", "get:\n  responses: {'200': {description: from afar}}\n")
    assert "from afar" in json.dumps(read_contract(path).specification)
