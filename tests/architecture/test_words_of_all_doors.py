"""Command line, Python, REST and docs use the same words: all sets come from the real objects."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import maestro
from maestro import errors
from maestro.cli.main import EXIT_CODES, app
from maestro.domain.contract_life import ContractStatus
from maestro.domain.quality import Verdict
from maestro.domain.run import RunStatus, StepStatus
from maestro.domain.steering import Verb
from maestro.domain.waiver_life import WaiverStatus
from maestro.server import problems
from maestro.server.application import application, routes

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "vocabulary.md").read_text("utf-8")
LOOKS = {"list", "show", "events", "calls", "report"}
VERBS = {verb.value for verb in Verb}


def _commands() -> dict[str, set[str]]:
    """Verbs by noun; those without a noun under an empty one."""
    found: dict[str, set[str]] = {"": set()}
    for name in (name for name in app if not name.startswith("-")):
        below = {verb for verb in app[name] if not verb.startswith("-")}
        if below:
            found[name] = below
        else:
            found[""].add(name)
    return found


def _posted() -> Iterator[tuple[str, str]]:
    """Noun and verb of what is posted to things: /nouns/{…}/verb."""
    for method, path in routes():
        parts = path.removeprefix("/api/v1/").split("/")
        if method == "POST" and path.startswith("/api/v1/") and len(parts) > 2:
            noun = next(part for part in reversed(parts[:-1]) if not part.startswith("{"))
            yield noun, parts[-1]


def _table(title: str) -> dict[str, list[str]]:
    """The rows below a heading of the page, by their first cell."""
    part = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in rows[2:]]
    assert cells, f"docs/vocabulary.md has no table {title!r}"
    return {re.sub("`", "", row[0]): row[1:] for row in cells}


def _words(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    services = cast(Any, SimpleNamespace())
    found: dict[str, Any] = application(services).openapi()["components"]["schemas"]
    return found


def test_runs_are_steered_by_the_same_verbs_everywhere() -> None:
    assert _commands()["runs"] - LOOKS == VERBS
    assert {verb for noun, verb in _posted() if noun in ("runs", "steps")} == VERBS
    assert set(_table("Steering")) == VERBS


def test_every_other_verb_of_the_api_is_one_of_the_command_line_or_is_told() -> None:
    commands, told = _commands(), _table("Only over REST")
    known = {f"{noun} {verb}" for noun, verbs in commands.items() for verb in verbs}
    posted = {f"{noun} {verb}" for noun, verb in _posted() if noun not in ("runs", "steps")}
    assert posted - known == set(told)


def test_every_command_is_on_the_page_and_no_other() -> None:
    told = {noun: _words(row[0]) for noun, row in _table("Commands").items()}
    assert {noun or "maestro": verbs for noun, verbs in _commands().items()} == told


def test_docs_name_no_command_that_is_none() -> None:
    commands = _commands()
    strays = set[str]()
    for page in (*DOCS.rglob("*.md"), DOCS.parent / "README.md"):
        for line in re.findall(r"^ {4}(maestro [^\n]+)", page.read_text("utf-8"), re.MULTILINE):
            noun, *rest = line.removeprefix("maestro ").split()
            if noun in commands and noun:
                verb = rest[0] if rest else ""
                strays |= set() if set(verb.split("|")) <= commands[noun] else {line}
            elif noun not in commands[""] and not noun.startswith(("-", "[")):
                strays.add(line)
    assert strays == set()


def test_the_python_api_does_what_the_commands_are_called() -> None:
    methods = {name for name in dir(maestro.Maestro) if not name.startswith("_")}
    told = {name: _words(row[0]) for name, row in _table("Python").items()}
    assert set(told) <= methods | {"WaiverDesk"}
    for noun_verb in (word for words in told.values() for word in words):
        noun, _, verb = noun_verb.partition(" ")
        assert (verb in _commands()[noun]) if verb else (noun in _commands()[""]), noun_verb
    assert "steer" in methods


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("run", RunStatus),
        ("step", StepStatus),
        ("contract", ContractStatus),
        ("waiver", WaiverStatus),
        ("gate", Verdict),
    ],
)
def test_statuses_are_those_of_the_page(title: str, kind: Any) -> None:
    assert _words(_table("Statuses")[title][0]) == {member.value for member in kind}


def test_statuses_of_the_api_are_those_of_the_domain(schemas: dict[str, Any]) -> None:
    assert set(schemas["RunStatus"]["enum"]) == {status.value for status in RunStatus}
    assert set(schemas["StepStatus"]["enum"]) == {status.value for status in StepStatus}
    for name in ("RunSummary", "RunShown"):
        assert schemas[name]["properties"]["status"]["$ref"].endswith("/RunStatus")


def test_error_codes_are_those_of_the_page() -> None:
    own = {
        kind.code: kind
        for kind in vars(errors).values()
        if inspect.isclass(kind) and issubclass(kind, errors.MaestroError)
    }
    told = _table("Error codes")
    # Nobody raises the roots of the tree: they are for who catches.
    roots = {"maestro", "caller", "execution", "storage"}
    served = set(problems._CODES.values()) | {"internal"}
    typed = {"usage", "interrupted", "internal"}
    assert set(told) == (set(own) - roots) | served | typed
    for code, kind in own.items():
        if code not in roots:
            status = next((s for k, s in problems._STATUS if issubclass(kind, k)), 500)
            exits = next((e for k, e in EXIT_CODES if issubclass(kind, k)), 1)
            assert told[code][:2] == [str(status), str(exits)], code


def test_fields_have_one_name(schemas: dict[str, Any]) -> None:
    """No word that the glossary's page says we do not use stands in the API's fields."""
    fields = {field for shape in schemas.values() for field in shape.get("properties", ())}
    parameters = {name for _, path in routes() for name in re.findall(r"{(\w+)}", path)}
    for word, row in _table("Words we do not use").items():
        strays = {name for name in fields | parameters if word in name.split("_")}
        assert strays == set(), f"say {row[0]} instead"
