"""Arguments that several commands share."""

import shlex
from pathlib import Path

import pytest

from maestro.cli.options import MAX_FILE_BYTES, StoreOptions, json_value, requirement_text
from maestro.errors import InvalidInput


def test_a_command_to_type_names_the_store(tmp_path: Path) -> None:
    path = tmp_path / "my runs.db"
    typed = StoreOptions(db=str(path)).command("runs", "resume", "run-1")
    assert shlex.split(typed) == ["maestro", "runs", "resume", "run-1", "--db", str(path)]


def test_a_command_to_type_leaves_out_what_is_the_default() -> None:
    assert StoreOptions().command("runs", "resume", "run-1") == "maestro runs resume run-1"


def test_a_command_to_type_shows_no_password() -> None:
    typed = StoreOptions(db="postgresql://ann:s3cr3t@host/name").command("runs", "list")
    assert "s3cr3t" not in typed
    assert "postgresql://ann:***@host/name" in typed


@pytest.mark.parametrize(
    ("text", "value"), [("null", None), ('"done"', "done"), ('{"a": [1, true]}', {"a": [1, True]})]
)
def test_json_is_read(text: str, value: object) -> None:
    assert json_value(text, "--payload") == value


def test_json_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "value.json").write_text('{"a": 1}')
    assert json_value(f"@{tmp_path / 'value.json'}", "--payload") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("done", "quotes"),
        ("NaN", "NaN"),
        ('{"a": Infinity}', "Infinity"),
        ('{"a": 1, "a": 2}', "'a'"),
        ("[" * 100_000, "--payload"),
        ("@missing.json", "missing.json"),
    ],
)
def test_what_is_not_json_is_explained(text: str, part: str) -> None:
    with pytest.raises(InvalidInput, match="--payload") as refused:
        json_value(text, "--payload")
    assert part in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Members keep books.",
        "Members keep books. " * 15,  # longer than the name of any file may be
        "Members keep books. " * 100,
        "members/keep " * 25 + "notes.md",
        "Members\nkeep books in notes.md",
        "a\0b",
    ],
)
def test_what_names_no_file_is_the_requirement(text: str) -> None:
    assert requirement_text(text) == text


def test_a_file_of_a_requirement_is_read(tmp_path: Path) -> None:
    file = tmp_path / "wanted"
    file.write_bytes(b"B\xc3\xbccher\r\nund Leser")
    assert requirement_text(str(file)) == "Bücher\nund Leser"


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", "is a folder; name a file in it"),
        ("none.txt", "none.txt' does not exist"),
        ("latin.txt", r"latin.txt' is not UTF-8 text \(byte 1\)"),
        ("large.txt", f"large.txt' is larger than {MAX_FILE_BYTES} bytes"),
    ],
)
def test_what_is_no_requirement_is_named(tmp_path: Path, name: str, rule: str) -> None:
    (tmp_path / "latin.txt").write_bytes(b"B\xfccher")
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(InvalidInput, match=f"REQUIREMENT .*{rule}"):
        requirement_text(str(tmp_path / name))
