"""Artefacts a phase must hand over, on real files."""

import re
from pathlib import Path

import pytest

from maestro.domain.quality import ArtefactRule, ArtefactSchema
from maestro.quality.artefacts import MAX_FILE_BYTES, find_artefacts, pattern

JUNIT = (
    '<?xml version="1.0"?><!-- a -->'
    '<testsuites><testsuite><testcase name="a"/></testsuite></testsuites>'
)
BOMB = '<!DOCTYPE a [<!ENTITY b "c">]><testsuite><testcase name="&b;"/></testsuite>'


def rule(path: str, schema: str) -> ArtefactRule:
    return ArtefactRule(phase="testing", path=path, schema=ArtefactSchema(schema))


def fault(folder: Path, schema: str, content: str | bytes) -> str:
    path = folder / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (found,) = find_artefacts(folder, [rule("file", schema)])
    assert found.path == "file"
    assert found.schema.value == schema
    assert found.rule == "file"
    return found.fault


@pytest.mark.parametrize(
    ("schema", "content"),
    [
        ("text", "FROM python"),
        ("markdown", "# Title\n\nWords."),
        ("json", '{"a": [1]}'),
        ("yaml", "a: [1]"),
        ("python", "a = 1\n"),
        ("html", "<!doctype html><html><body><p>x</p></body></html>"),
        ("openapi", "openapi: 3.1.0\npaths: {/a: {}}\n"),
        ("openapi", '{"openapi": "3.0.3", "paths": {"/a": {}}}'),
        ("junit", JUNIT),
        ("junit", '<testsuite><testcase name="a"><![CDATA[x]]></testcase></testsuite>'),
        ("cyclonedx", '{"bomFormat": "CycloneDX", "components": [{"name": "a"}]}'),
    ],
)
def test_what_is_as_its_schema_says_has_no_fault(schema: str, content: str, tmp_path: Path) -> None:
    assert fault(tmp_path, schema, content) == ""


@pytest.mark.parametrize("schema", list(ArtefactSchema))
@pytest.mark.parametrize("content", [b"", b" \n\t", b"\xff\xfe\x00a"])
def test_nothing_and_no_text_are_no_artefact_of_any_kind(
    schema: str, content: bytes, tmp_path: Path
) -> None:
    assert fault(tmp_path, schema, content).startswith(f"is no {schema}: ")


@pytest.mark.parametrize(
    ("schema", "content", "why"),
    [
        ("markdown", "words without a heading", "no heading"),
        ("markdown", "# One\n## Two", "nothing below"),
        ("json", "{", "Expecting"),
        ("json", "[NaN]", "NaN is no number"),
        ("json", "[" * 100_000, "recursion|nested|Expecting"),
        ("yaml", "a: [", "did not find"),
        ("yaml", "!!python/object:os.system x", "tag"),
        ("python", "def a(:", "invalid syntax"),
        ("python", "# nothing but this", "only comments"),
        ("html", "just words", "no body"),
        ("openapi", "swagger: '2.0'\npaths: {/a: {}}", "openapi: 3"),
        ("openapi", "openapi: 3.1.0\npaths: {}", "no paths"),
        ("openapi", "[1]", "no object"),
        ("junit", BOMB, "document type"),
        ("junit", "<testsuite></testsuite>", "lists no test"),
        ("junit", "<html><testcase/></html>", "its root is 'html'"),
        ("junit", "<testsuite>", "no element found|unclosed|mismatched"),
        ("cyclonedx", '{"bomFormat": "SPDX", "components": [1]}', "not CycloneDX"),
        ("cyclonedx", '{"bomFormat": "CycloneDX", "components": []}', "no components"),
    ],
)
def test_what_only_bears_the_name_is_told(
    schema: str, content: str, why: str, tmp_path: Path
) -> None:
    assert re.search(why, fault(tmp_path, schema, content))


def test_links_and_huge_files_are_no_artefacts(tmp_path: Path) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text("# Title\nwords")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.md").symlink_to(outside)
    with (tree / "b.md").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    found = find_artefacts(tree, [rule("*.md", "markdown")])
    assert [(item.path, "link" in item.fault, "larger" in item.fault) for item in found] == [
        ("a.md", True, False),
        ("b.md", False, True),
    ]


def test_folders_of_tools_and_links_to_folders_are_not_looked_into(tmp_path: Path) -> None:
    for folder in (".git", "node_modules/x", "docs/deep"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.md").write_text("# Title\nwords")
    (tmp_path / "linked").symlink_to(tmp_path / "docs")
    assert [item.path for item in find_artefacts(tmp_path, [rule("**/*.md", "text")])] == [
        "docs/deep/a.md"
    ]


def test_each_rule_finds_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    rules = [rule("*.json", "json"), rule("*.json", "cyclonedx"), rule("*.yaml", "yaml")]
    found = find_artefacts(tmp_path, rules)
    assert [(item.schema, item.fault == "") for item in found] == [
        ("json", True),
        ("cyclonedx", False),
    ]
    assert find_artefacts(tmp_path, []) == ()


@pytest.mark.parametrize(
    ("path", "fits", "differs"),
    [
        ("docs/*.md", ["docs/a.md", "docs/.md"], ["docs/a/b.md", "a.md", "docs/a.mdx", "xdocs/a"]),
        ("**/v/*.py", ["v/a.py", "x/v/a.py", "x/y/v/a.py"], ["x/v/y/a.py", "xv/a.py"]),
        ("tests/**/test_?.py", ["tests/test_a.py", "tests/x/test_b.py"], ["tests/test_ab.py"]),
        ("docs/**", ["docs/a", "docs/a/b"], ["docs"]),
        ("a.b", ["a.b"], ["axb"]),
    ],
)  # fmt: skip
def test_patterns_are_those_people_know(path: str, fits: list[str], differs: list[str]) -> None:
    assert [name for name in fits if not pattern(path).fullmatch(name)] == []
    assert [name for name in differs if pattern(path).fullmatch(name)] == []
