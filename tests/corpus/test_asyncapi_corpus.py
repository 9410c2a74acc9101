"""Documents that others wrote: each is served or refused with a reason, and no sample lies.

The folder comes from MAESTRO_CORPUS; without it these tests fail, as they are run on purpose only.
"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from maestro.contracts.asyncapi.document import from_object
from maestro.contracts.asyncapi.events import events_of
from maestro.contracts.asyncapi.files import read_files
from maestro.contracts.asyncapi.lint import lint
from maestro.contracts.mocks.events.bus import EventBus
from maestro.contracts.mocks.events.surface import EventsSurface
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.reading import read_contract
from maestro.errors import InvalidInput, MaestroError

ROOT = Path(os.environ.get("MAESTRO_CORPUS", Path(__file__).parents[2] / "../shared/corpus"))
FOLDER = ROOT / "asyncapi"
DOCUMENTS = sorted(
    path
    for path in FOLDER.rglob("*.y*ml")
    if "asyncapi:" in path.read_text(encoding="utf-8", errors="replace")
)
CONTRACT = read_contract(Path(__file__).parents[2] / "examples/contracts/orders.asyncapi.yaml")
SAMPLES = 12


def test_the_corpus_is_there() -> None:
    assert len(DOCUMENTS) >= 20, f"no documents below {FOLDER}; set MAESTRO_CORPUS"


def _within(path: Path) -> Path:
    """Documents of one system refer to one another's parts."""
    return path.parents[1] if path.parents[2].name == "spec-examples" else path.parent


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_document_is_served_or_refused_with_a_reason(path: Path) -> None:
    if path.parents[1].name == "social-media":  # its references leave the document's own folder
        with pytest.raises(InvalidInput, match="lies outside of"):
            read_contract(path)
        contract = replace(CONTRACT, specification=read_files(path, within=_within(path)))
    else:
        contract = read_contract(path)
    surface = EventsSurface(contract, MockBehaviour(), lambda call: None)
    assert surface.routes()
    said = [text for text in surface.examine() if text]
    assert said == list(surface.notes())[: len(said)]
    for route in surface.routes():
        status = asyncio.run(_asked(surface, route.path.replace("{", "").replace("}", "")))
        assert status in (200, 404, 405, 500, 501), (route, status)


async def _asked(surface: EventsSurface, path: str) -> int:
    """The status of a HEAD request."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "HEAD", "path": path, "headers": [], "query_string": b""}
    await surface(scope, receive, send)
    return int(sent[0]["status"])


def _samples() -> Iterator[tuple[str, Any, Any]]:
    for path in DOCUMENTS:
        document = from_object(read_files(path, within=_within(path)), name=path.name)
        bus = EventBus(replace(CONTRACT, specification=document.root), answers=False)
        for channel in events_of(document).channels:
            address = channel.address
            for parameter in channel.parameters:
                enum = parameter.schema.get("enum") or ["1"]
                address = address.replace(f"{{{parameter.name}}}", str(enum[0]))
            for message in channel.messages:
                for _ in range(SAMPLES):
                    try:
                        played = bus.play(address, named=message.name)
                    except MaestroError:
                        break
                    yield f"{path.name} {message.name}", message, played


def test_published_samples_are_valid_by_an_independent_validator() -> None:
    checked, wrong = 0, []
    for name, message, played in _samples():
        for schema, value in ((message.payload, played.payload), (message.headers, played.headers)):
            if schema is True:
                continue
            checked += 1
            validator = jsonschema.Draft202012Validator(schema)
            wrong += [f"{name}: {error.message}" for error in validator.iter_errors(value)]
    assert checked > 300
    assert wrong == []


def test_the_lint_never_raises_and_finds_no_structure_fault() -> None:
    for path in DOCUMENTS:
        found = lint(from_object(read_files(path, within=_within(path)), name=path.name))
        assert [str(f) for f in found if f.rule.endswith("-structure")] == [], path
