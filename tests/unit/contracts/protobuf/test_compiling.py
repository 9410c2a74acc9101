"""Compiling proto files: what is refused, and with which words."""

import base64
from typing import Any

import pytest

from maestro.contracts.protobuf.compiling import MAX_BYTES, descriptor_set
from maestro.contracts.protobuf.model import CallKind, protobuf_model
from maestro.errors import InvalidInput

HEAD = 'syntax = "proto3"; package p;\n'


def refused(specification: dict[str, Any]) -> str:
    with pytest.raises(InvalidInput) as caught:
        protobuf_model(specification, name="mine")
    return str(caught.value)


@pytest.mark.parametrize(
    "path",
    ["../a.proto", "/etc/a.proto", "a/../b.proto", "-I.proto", "@list.proto", "a.txt", ".proto",
     "a\\b.proto", "a b.proto", "a\n.proto", "x" * 300 + ".proto", "./a.proto", "a//b.proto"],
)  # fmt: skip
def test_hostile_names_are_refused(path: str) -> None:
    assert "is no name for a proto file" in refused({"files": {path: HEAD}})


@pytest.mark.parametrize("wanted", ["/etc/passwd", "../b.proto", "google/../../b.proto", "b.proto"])
def test_imports_stay_within_the_contract(wanted: str) -> None:
    message = refused({"files": {"a.proto": f'{HEAD}import "{wanted}";\n'}})
    assert "a.proto:2:8: import" in message
    assert "not among the contract's own files" in message


def test_an_import_hidden_from_us_reaches_nothing_either() -> None:
    message = refused({"files": {"a.proto": f'{HEAD}import/**/"/etc/hostname";\n'}})
    assert "a.proto:2:1" in message


def test_errors_name_file_line_and_column_and_no_folder_of_ours() -> None:
    message = refused({"files": {"in/a.proto": f"{HEAD}message A {{\n  strin x = 1;\n}}\n"}})
    assert 'in/a.proto:3:3: "strin" is not defined.' in message
    assert "/tmp" not in message


@pytest.mark.parametrize(
    "specification",
    [
        {},
        {"files": {}},
        {"files": {"a.proto": 1}},
        {"files": {"a.proto": "", "a.proto/b.proto": ""}},
        {"files": {"a.proto": "x" * (MAX_BYTES + 1)}},
        {"files": {"a.proto": HEAD + "message A {" * 5000}},
        {"files": {f"f{n}.proto": "" for n in range(2001)}},
        {"files": {"a.proto": f'{HEAD}import "b.proto";', "b.proto": 'import "a.proto";'}},
        {"descriptor_set": "%%%"},
        {"descriptor_set": "AAAA"},
        {"descriptor_set": base64.b64encode(b"").decode() or "="},
    ],
)
def test_what_is_no_contract_is_refused(specification: dict[str, Any]) -> None:
    assert refused(specification).startswith("contract 'mine': ")


def test_a_descriptor_set_gives_the_same_model() -> None:
    text = (
        HEAD
        + 'import "google/protobuf/timestamp.proto";\nimport "inner/b.proto";\n'
        + "// Tells the time.\n//\n// NOT_FOUND when there is none.\n"
        + "service S {\n // One. UNAVAILABLE at night.\n rpc A(B) returns (B);\n"
        + " rpc C(stream B) returns (B); rpc D(B) returns (stream B);\n"
        + " rpc E(stream B) returns (stream google.protobuf.Timestamp); }\n"
    )
    files = {"a.proto": text, "inner/b.proto": HEAD + "message B { string id = 1; }"}
    one = protobuf_model({"files": files}, name="mine")
    encoded = base64.b64encode(descriptor_set({"files": files}, name="mine")).decode()
    other = protobuf_model({"descriptor_set": encoded}, name="mine")
    kinds = [
        CallKind.UNARY, CallKind.CLIENT_STREAM, CallKind.SERVER_STREAM, CallKind.BIDI_STREAM
    ]  # fmt: skip
    for model in (one, other):
        assert [method.kind for method in model.methods] == kinds
        assert model.methods[0].key == "p.S/A"
        assert model.methods[0].summary == "One. UNAVAILABLE at night."
        assert model.methods[0].declared == {"UNAVAILABLE"}
        assert model.services[0].summary == "Tells the time."
        assert model.method("/p.S/E") is not None
        assert model.method("/p.S/F") is None


def test_a_descriptor_set_without_its_imports_is_refused_by_name() -> None:
    files = {"a.proto": f'{HEAD}import "b.proto";', "b.proto": HEAD}
    model = protobuf_model({"files": files}, name="mine")
    lonely = next(file for file in model.files if file.name == "a.proto")
    raw = b"\x0a" + len(lonely.SerializeToString()).to_bytes(1, "big") + lonely.SerializeToString()
    message = refused({"descriptor_set": base64.b64encode(raw).decode()})
    assert "lacks the import 'b.proto'" in message
