"""Documents in several files become one; nothing outside their folder is read."""

from pathlib import Path

import pytest

from maestro.contracts.openapi.bundling import compiled, standalone
from maestro.contracts.openapi.files import load_file, read_file
from maestro.contracts.openapi.operations import operations
from maestro.contracts.openapi.reviewing import notes_of
from maestro.errors import InvalidInput

MAIN = """
openapi: 3.0.3
info: {title: T, version: "1"}
paths:
  /toys: {$ref: "paths/toys.yaml"}
  /broken:
    get:
      responses:
        "200":
          description: fine
          content: {application/json: {schema: {$ref: "%s"}}}
components:
  schemas: {Own: {type: integer}}
"""
TOYS = """
get:
  parameters: [{$ref: "../shared.yaml#/parameters/Limit"}]
  responses:
    "200":
      description: fine
      content: {application/json: {schema: {$ref: "../shared.yaml#/Toy"}}}
"""
SHARED = """
parameters: {Limit: {name: limit, in: query, schema: {type: integer}}}
Toy:
  type: object
  properties:
    own: {$ref: "api.yaml#/components/schemas/Own"}
    maker: {$ref: "#/Own"}
    parts: {items: {$ref: "#/Toy"}}
Own: {type: string, nullable: true}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "outside.yaml").write_text("type: string")
    made = tmp_path / "api"
    (made / "paths").mkdir(parents=True)
    (made / "api.yaml").write_text(MAIN % "../outside.yaml")
    (made / "paths" / "toys.yaml").write_text(TOYS)
    (made / "shared.yaml").write_text(SHARED)
    return made


def test_files_are_gathered(folder: Path) -> None:
    document = load_file(folder / "api.yaml")
    found = {o.path: o for o in operations(document)}
    toys = found["/toys"]
    assert [p.name for p in toys.parameters] == ["limit"]
    validator = compiled(
        standalone(document, toys.responses["200"].content["application/json"].schema)
    )
    assert validator.is_valid({"own": 1, "maker": None, "parts": [{"own": 2}]})
    for wrong in ({"own": "x"}, {"maker": 1}, {"parts": [{"own": "x"}]}):
        assert not validator.is_valid(wrong)
    assert set(read_file(folder / "api.yaml")["components"]["schemas"]) == {"Own", "Toy", "Own2"}


@pytest.mark.parametrize(
    "target",
    ["../outside.yaml", "/etc/hostname", "https://example.com/a.yaml", "link.yaml", "gone.yaml"],
)
def test_nothing_else_is_read(folder: Path, target: str) -> None:
    (folder / "link.yaml").symlink_to(folder.parent / "outside.yaml")
    (folder / "api.yaml").write_text(MAIN % target)
    document = load_file(folder / "api.yaml")
    spoiled = [n.pointer for n in notes_of(document) if n.rule == "spoiled"]
    assert spoiled == ["/paths/~1broken/get"]


def test_the_folder_can_be_widened(folder: Path) -> None:
    document = load_file(folder / "api.yaml", folder=folder.parent)
    assert [n for n in notes_of(document) if n.rule == "spoiled"] == []


def test_files_in_circles_come_to_an_end(folder: Path) -> None:
    (folder / "paths" / "toys.yaml").write_text('{$ref: "toys.yaml"}')
    (folder / "shared.yaml").write_text('Toy: {$ref: "#/Toy"}')
    assert [o.path for o in operations(load_file(folder / "api.yaml"))] == ["/broken"]


def test_a_map_may_be_a_reference(folder: Path) -> None:
    (folder / "more.yaml").write_text("name: {type: string}\nprice: {type: number}")
    (folder / "shared.yaml").write_text('Toy: {type: object, properties: {$ref: "more.yaml"}}')
    (folder / "paths" / "toys.yaml").write_text(TOYS.replace("[{$ref", "[] #"))
    document = load_file(folder / "api.yaml")
    (toys,) = (o for o in operations(document) if o.path == "/toys")
    validator = compiled(
        standalone(document, toys.responses["200"].content["application/json"].schema)
    )
    assert not validator.is_valid({"name": 1})


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"gone\.yaml: cannot be read: No such file"):
        load_file(tmp_path / "gone.yaml")
