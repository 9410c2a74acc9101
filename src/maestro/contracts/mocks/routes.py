"""Which operation a request is for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from maestro.contracts.openapi.operations import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    methods: Mapping[str, Operation]
    """All operations of the path, by method."""
    arguments: Mapping[str, str]
    """Decoded path parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    segments: tuple[re.Pattern[str] | str, ...]
    names: tuple[str, ...]
    methods: dict[str, Operation]

    @property
    def rank(self) -> tuple[bool, ...]:
        """Literal segments sort before parameters, the leftmost counting most."""
        return tuple(not isinstance(segment, str) for segment in self.segments)


class Routes:
    """Finds operations by path; more literal templates win."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        templates: dict[str, _Template] = {}
        for operation in operations:
            template = templates.get(operation.path)
            if template is None:
                template = templates[operation.path] = _template(operation.path)
            template.methods[operation.method] = operation
        self._by_length: dict[int, list[_Template]] = {}
        for template in sorted(templates.values(), key=lambda t: t.rank):
            self._by_length.setdefault(len(template.segments), []).append(template)

    def find(self, path: str) -> Match | None:
        """`path` percent-encoded. Raises UnicodeDecodeError for bytes that are not UTF-8."""
        segments = [unquote_to_bytes(part).decode() for part in path.split("/")]
        for template in self._by_length.get(len(segments), ()):
            arguments = _arguments(template, segments)
            if arguments is not None:
                return Match(methods=template.methods, arguments=arguments)
        return None


def _template(path: str) -> _Template:
    segments: list[re.Pattern[str] | str] = []
    names: list[str] = []
    for part in path.split("/"):
        pieces = re.split(r"\{([^{}]+)\}", part)
        if len(pieces) == 1:
            segments.append(part)
            continue
        names += pieces[1::2]
        text = "".join("(.+)" if i % 2 else re.escape(piece) for i, piece in enumerate(pieces))
        segments.append(re.compile(text, re.DOTALL))
    return _Template(segments=tuple(segments), names=tuple(names), methods={})


def _arguments(template: _Template, segments: Sequence[str]) -> dict[str, str] | None:
    values: list[str] = []
    for expected, given in zip(template.segments, segments, strict=True):
        if isinstance(expected, str):
            if expected != given:
                return None
            continue
        found = expected.fullmatch(given)
        if found is None:
            return None
        values += found.groups()
    return dict(zip(template.names, values, strict=False))
