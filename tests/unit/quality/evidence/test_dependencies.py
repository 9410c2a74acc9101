"""What a project needs is read from its files and resolved here, without asking an index."""

import ast
import json
from importlib.metadata import version
from typing import Any

import pytest

from maestro.domain.syntax import ONE_TREE_AT_A_TIME
from maestro.quality.evidence.dependencies import declares, dependencies
from maestro.quality.evidence.materials import bill_of_materials, is_forbidden
from maestro.quality.evidence.tooling import SourceFile


def names(*files: tuple[str, str]) -> dict[str, str | None]:
    return {item.name: item.version for item in dependencies([SourceFile(*f) for f in files])}


def test_what_is_needed_indirectly_is_in_the_list() -> None:
    found = names(("backend/requirements.txt", "# our own\nhttpx>=0.28,<1  # talks\n--pre\n"))
    assert found["httpx"] == version("httpx")
    assert found["h11"] == version("h11")


def test_extras_and_markers_are_followed() -> None:
    plain = names(("requirements.txt", "jsonschema\n"))
    rich = names(("requirements.txt", "jsonschema[format]\nno-such; python_version < '3'\n"))
    assert "idna" not in plain
    assert "idna" in rich
    assert "no-such" not in rich


def test_markers_are_read_while_nobody_else_builds_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    parse, held = ast.parse, []

    def watched(*arguments: Any, **named: Any) -> Any:
        held.append(ONE_TREE_AT_A_TIME.locked())
        return parse(*arguments, **named)

    monkeypatch.setattr(ast, "parse", watched)
    assert "idna" in names(("requirements.txt", "jsonschema[format]; python_version > '3'\n"))
    assert set(held) == {True}


def test_what_is_not_to_be_found_stays_in_the_list() -> None:
    found = names(("requirements.txt", "No_Such.Package>=2\npinned-one==1.2.3\nhttpx>=99\n"))
    assert found == {"no-such-package": None, "pinned-one": "1.2.3", "httpx": None}


def test_files_that_others_name_are_followed_and_constraints_hold_everywhere() -> None:
    found = names(
        ("requirements.txt", "-r backend/requirements.txt\n-c backend/constraints.txt\n"),
        ("backend/requirements.txt", "-r ./requirements-dev.txt\n"),
        ("backend/requirements-dev.txt", "--constraint=constraints.txt\nhttpx\n"),
        ("backend/constraints.txt", "H11==0.1\nno-such==1\n"),
    )
    assert found["httpx"] == version("httpx")
    assert found["h11"] is None  # what is installed is not what may be taken
    assert "no-such" not in found


def test_a_project_file_and_locked_scripts_count() -> None:
    project = '[project]\nname = "x"\ndependencies = ["packaging>=20"]\n'
    lock = {
        "packages": {
            "": {"name": "x"},
            "node_modules/@a/b": {"version": "1.0.0", "license": "MIT"},
            "node_modules/@a/b/node_modules/c": {"version": "2.0.0"},
            "node_modules/local": {"link": True},
        }
    }
    found = names(
        ("pyproject.toml", project),
        ("package-lock.json", json.dumps(lock)),
        ("package.json", json.dumps({"dependencies": {"@a/b": "^1"}})),
        ("web/package.json", json.dumps({"dependencies": {"charts": "^4"}})),
    )
    assert found == {
        "packaging": version("packaging"), "@a/b": "1.0.0", "c": "2.0.0", "charts": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "text", "complaint"),
    [
        ("requirements.txt", "git+https://example.org/x\n", "is no requirement"),
        ("requirements.txt", "-r hidden.txt\n", "names 'hidden.txt'"),
        ("requirements.txt", "-rhidden.txt\n", "names 'hidden.txt'"),
        ("a/requirements.txt", "--requirement=../../hidden.txt\n", "names '../hidden.txt'"),
        ("requirements.txt", "-c pins.txt\n", "names 'pins.txt'"),
        ("requirements.txt", "-e git+https://example.org/x#egg=x\n", "nothing can be said of"),
        ("pyproject.toml", "[project\n", "pyproject.toml: "),
        ("package-lock.json", '{"lockfileVersion": 1}', "has no 'packages'"),
        ("package.json", "{", "Expecting"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(path: str, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        names((path, text))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("requirements.txt", True),
        ("backend/requirements-dev.txt", True),
        ("requirements/base.txt", True),
        ("backend/constraints.txt", True),
        ("docs/requirements.md", False),
        ("my_requirements_notes.txt", False),
    ],
)
def test_which_files_declare(path: str, expected: bool) -> None:
    assert declares(SourceFile(path, "")) is expected


@pytest.mark.parametrize(
    ("licence", "forbidden"),
    [
        ("MIT", False),
        ("Apache-2.0", False),
        ("LGPL-3.0-only", False),
        ("MPL-2.0", False),
        ("GPL-3.0-only", True),
        ("AGPL-3.0-or-later", True),
        ("MIT OR GPL-3.0-only", False),
        ("(MIT OR AGPL-3.0-only) AND BSD-3-Clause", False),
        ("MIT AND GPL-2.0-or-later", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("SSPL-1.0", True),
        ("GPL v3, see the file (", True),
    ],
)
def test_licences_that_ask_for_ones_own_source_are_forbidden(licence: str, forbidden: bool) -> None:
    assert is_forbidden(licence) is forbidden


def test_the_bill_of_materials_is_cyclonedx_and_always_the_same() -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    files = [SourceFile("requirements.txt", "httpx\nno-such-package\n")]
    text = bill_of_materials(files)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    assert document["bomFormat"] == "CycloneDX"
    purls = {item["purl"] for item in document["components"]}
    assert {f"pkg:pypi/httpx@{version('httpx')}", "pkg:pypi/no-such-package"} <= purls
    assert bill_of_materials(files) == text
