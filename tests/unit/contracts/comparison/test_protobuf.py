"""Breaking changes of proto contracts, rule by rule, and what buf adds where it is there."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from protobuf_cases import CASES, OLD, contract

from maestro.contracts.agree import agree
from maestro.contracts.amendment import amend
from maestro.contracts.comparison.changes import ChangeKind
from maestro.contracts.comparison.protobuf import compare_protobuf
from maestro.errors import Blocked

COMPATIBLE = [
    ("int32 n = 2;", "int32 n = 2; string fresh = 40;", "field-added"),
    ("E2 = 2;", "E2 = 2; E3 = 3;", "enum-value-added"),
    ("enum E {", "message D {} enum E {", "message-added"),
    ("enum E {", "enum F { F0 = 0; } enum E {", "enum-added"),
    ("service S {", "service S { rpc O(A) returns (A);", "method-added"),
    ("service S {", "service T { rpc O(A) returns (A); } service S {", "service-added"),
]


@pytest.mark.parametrize(("old", "new", "rule"), CASES)
def test_breaking_changes_are_named_and_backwards_too_where_they_break(
    old: str, new: str, rule: str
) -> None:
    assert old in OLD
    result = compare_protobuf(contract(OLD), contract(OLD.replace(old, new)))
    assert rule in {change.rule for change in result.breaking}
    assert all(change.pointer and change.message for change in result.changes)
    assert result.next_version("1.2.3") == "2.0.0"


@pytest.mark.parametrize(("old", "new", "rule"), COMPATIBLE)
def test_additions_are_compatible_and_taking_them_back_breaks(
    old: str, new: str, rule: str
) -> None:
    before, after = contract(OLD), contract(OLD.replace(old, new))
    forward = compare_protobuf(before, after)
    assert {change.rule for change in forward.of_kind(ChangeKind.COMPATIBLE)} >= {rule}
    assert forward.kind is ChangeKind.COMPATIBLE
    assert compare_protobuf(after, before).kind is ChangeKind.BREAKING


def test_the_same_is_no_change_and_a_comment_is_an_edit() -> None:
    assert compare_protobuf(contract(OLD), contract(OLD)).changes == ()
    commented = compare_protobuf(contract(OLD), contract("// now with words\n" + OLD))
    assert commented.changes == ()
    assert commented.edited


def test_moving_a_message_to_another_file_is_no_change() -> None:
    one = contract("package a; message A {} message B { A a = 1; }")
    files = {
        "a.proto": 'syntax = "proto3"; package a; import "c.proto"; message B { A a = 1; }',
        "c.proto": 'syntax = "proto3"; package a; message A {}',
    }
    assert compare_protobuf(one, replace(one, specification={"files": files})).changes == ()


def test_proto2_has_rules_of_its_own() -> None:
    old = "message A { optional int32 n = 1 [default = 1]; } enum E { X = 0; }"
    need = compare_protobuf(
        contract(old, "proto2"), contract(old.replace("}", "required int32 m = 2; }", 1), "proto2")
    )
    assert [change.rule for change in need.breaking] == ["field-added-required"]
    default = contract(old.replace("default = 1", "default = 2"), "proto2")
    assert compare_protobuf(contract(old, "proto2"), default).changes[0].rule == (
        "field-default-changed"
    )
    wider = contract(old.replace("X = 0;", "X = 0; Y = 1;"), "proto2")
    assert compare_protobuf(contract(old, "proto2"), wider).kind is ChangeKind.DANGEROUS


def test_an_amendment_is_held_against_what_was_locked() -> None:
    locked = agree(replace(contract(OLD), consumers=("web",)))
    without = replace(
        locked, specification=contract(OLD.replace("  int32 n = 2;\n", "")).specification
    )
    with pytest.raises(Blocked, match=r"need version 2\.0\.0 and the consent of 'web'") as refused:
        amend(locked, without, ())
    assert any("field-removed" in reason for reason in refused.value.reasons)
    assert amend(locked, without, {"web"}).version == "2.0.0"
    more = OLD.replace("int32 n = 2;", "int32 n = 2; string fresh = 40;")
    assert amend(
        locked, replace(locked, specification=contract(more).specification), ()
    ).version == ("1.1.0")


def test_what_buf_alone_minds_takes_consent_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = '{"path": "a.proto", "type": "FILE_SAME_GO_PACKAGE", "message": "it has moved"}'
    buf = tmp_path / "buf"
    buf.write_text(f"#!/bin/sh\necho '{line}'\nexit 100\n")
    buf.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    locked = agree(replace(contract(OLD), consumers=("web",)))
    more = contract(OLD.replace("int32 n = 2;", "int32 n = 2; string fresh = 40;"))
    with pytest.raises(Blocked, match="consent of 'web'") as refused:
        amend(locked, replace(locked, specification=more.specification), ())
    assert any("buf-file-same-go-package" in reason for reason in refused.value.reasons)


NO_EXTRA = """
import sys
from importlib.machinery import PathFinder

GONE = ("grpc", "grpc_tools", "google.protobuf")


class NothingOfTheExtra(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        gone = name in GONE or name.startswith(tuple(f"{one}." for one in GONE))
        return None if gone else super().find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = NothingOfTheExtra
from maestro.cli.main import main

sys.argv = ["maestro", *sys.argv[1:]]
main()
"""


def test_without_the_extra_its_name_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.proto"
    file.write_text('syntax = "proto3"; message A { string id = 1; }')
    done = subprocess.run(
        [sys.executable, "-c", NO_EXTRA, "contracts", "diff", str(file), str(file)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "pip install 'maestro-conductor[grpc]'" in done.stderr
