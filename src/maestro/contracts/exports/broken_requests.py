"""Requests that a mock has to refuse, made from one it has to take."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from maestro.contracts.exports.planned_requests import PlannedRequest
from maestro.contracts.mocks.messages import dump
from maestro.contracts.openapi.shapes import is_json
from maestro.domain.values import JsonValue

_MOST = 30


def variations(planned: PlannedRequest) -> Iterator[PlannedRequest]:
    """Some of them may keep to the contract all the same: our own mock tells."""
    made = list(_all(planned))
    yield from made[:_MOST]


def _all(planned: PlannedRequest) -> Iterator[PlannedRequest]:
    if planned.credentials:
        yield replace(planned, credentials={})
    joined = f"{planned.query}&" if planned.query else ""
    yield replace(planned, query=f"{joined}maestro-unknown=1")
    for parameter in planned.operation.parameters:
        if parameter.location == "query":
            yield replace(planned, query=f"{parameter.name}=%20x%20")
            yield replace(planned, query=f"{parameter.name}=-1")
    if planned.query:
        yield replace(planned, query="")
    yield from _other_paths(planned)
    yield replace(planned, headers={**planned.headers, "accept": "application/x-maestro"})
    for name in planned.headers:
        kept = {key: value for key, value in planned.headers.items() if key != name}
        yield replace(planned, headers=kept)
    if planned.operation.body is not None:
        yield from _bodies(planned)


def _other_paths(planned: PlannedRequest) -> Iterator[PlannedRequest]:
    """Another text for the last parameter of the path."""
    parts = planned.operation.path.split("/")
    written = planned.path.split("/")
    for place, part in enumerate(parts):
        whole = part.startswith("{") and part.endswith("}") and len(parts) == len(written)
        if whole:
            for text in ("x%20y", "-1", "0"):
                changed = [*written[:place], text, *written[place + 1 :]]
                yield replace(planned, path="/".join(changed))


def _bodies(planned: PlannedRequest) -> Iterator[PlannedRequest]:
    yield replace(planned, body=b"", content_type="", value=None)
    yield replace(planned, content_type="application/x-maestro")
    if not is_json(planned.content_type):
        return
    yield replace(planned, body=b"{", value=None)
    yield replace(planned, body=b'"\xff"', value=None)
    others: list[JsonValue] = [None, [], {}, "maestro", 1.5, True]
    if isinstance(planned.value, Mapping):
        others += list(_objects(planned.value))
    for value in others:
        yield replace(planned, body=dump(value), value=value)


def _objects(value: Mapping[str, JsonValue]) -> Iterator[JsonValue]:
    yield {**value, "maestro-unknown": 1}
    for name in value:
        yield {key: entry for key, entry in value.items() if key != name}
        yield {**value, name: {"maestro": [1]}}
