"""Which operation a request is for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote, unquote, unquote_to_bytes

Target = TypeVar("Target")


@dataclass(slots=True)
class Match(Generic[Target]):
    methods: Mapping[str, Target]
    """All operations of the path, by method in capitals."""
    arguments: Mapping[str, str]
    """Decoded path parameters."""


@dataclass(slots=True)
class _Node(Generic[Target]):
    """One segment of the templates; more literal segments are tried first."""

    literals: "dict[str, _Node[Target]]" = field(default_factory=dict)
    patterns: "list[tuple[str, re.Pattern[str] | None, _Node[Target]]]" = field(
        default_factory=list
    )
    methods: dict[str, Target] = field(default_factory=dict)
    names: list[tuple[str, ...]] = field(default_factory=list)
    """Parameters of the templates that end here; the same place may have several names."""


class Routes(Generic[Target]):
    """Finds operations by path; more literal templates win."""

    def __init__(self, targets: Sequence[tuple[str, str, Target]]) -> None:
        """`targets` are method, path template and what is to be found."""
        self._root: _Node[Target] = _Node()
        self._literal: dict[str, Match[Target]] = {}
        for method, path, target in targets:
            names: list[str] = []
            node = self._root
            for part in path.split("/"):
                node = _below(node, part, names)
            if tuple(names) not in node.names:
                node.names.append(tuple(names))
            node.methods.setdefault(method, target)
            if not names and "%" not in path:
                self._literal[path] = Match(node.methods, {})

    def find(self, path: str) -> Match[Target] | None:
        """`path` percent-encoded. Raises UnicodeDecodeError for bytes that are not UTF-8."""
        known = self._literal.get(path)
        if known is not None:
            return known
        segments = path.split("/")
        if "%" in path:
            segments = [unquote_to_bytes(part).decode() for part in segments]
        values: list[str] = []
        node = _walk(self._root, segments, 0, values)
        if node is None:
            return None
        arguments: dict[str, str] = {}
        for names in node.names:
            arguments.update(zip(names, values, strict=False))
        return Match(node.methods, arguments)


def written(path: str) -> str:
    """A path of plain text as it stands in URLs."""
    return quote(path, safe="/:@!$&'()*+,;=-._~")


def path_below(base: str, path: str) -> str | None:
    """What of a percent-encoded path follows a base path of plain text; None elsewhere."""
    if path == base or path.startswith(f"{base}/"):
        return path[len(base) :]
    if "%" not in path:
        return None
    count = base.count("/") + 1
    parts = path.split("/")
    start = "/".join(parts[:count])
    if unquote(start, errors="replace") != base or "%2f" in start.lower():
        return None
    return "".join(f"/{part}" for part in parts[count:])


def _below(node: _Node[Target], part: str, names: list[str]) -> _Node[Target]:
    pieces = re.split(r"\{([^{}]+)\}", part)
    if len(pieces) == 1:
        return node.literals.setdefault(part, _Node())
    names += pieces[1::2]
    text = "".join("(.+)" if i % 2 else re.escape(piece) for i, piece in enumerate(pieces))
    for known, _, child in node.patterns:
        if known == text:
            return child
    made: _Node[Target] = _Node()
    node.patterns.append((text, None if text == "(.+)" else re.compile(text, re.DOTALL), made))
    node.patterns.sort(key=lambda entry: entry[1] is None)  # `{id}.{kind}` says more than `{id}`
    return made


def _walk(
    node: _Node[Target], segments: Sequence[str], position: int, values: list[str]
) -> _Node[Target] | None:
    if position == len(segments):
        return node if node.methods else None
    segment = segments[position]
    literal = node.literals.get(segment)
    if literal is not None:
        found = _walk(literal, segments, position + 1, values)
        if found is not None:
            return found
    for _, pattern, child in node.patterns:
        kept = len(values)
        if _matches(pattern, segment, values):
            found = _walk(child, segments, position + 1, values)
            if found is not None:
                return found
            del values[kept:]
    return None


def _matches(pattern: re.Pattern[str] | None, segment: str, values: list[str]) -> bool:
    """Adds the parameters of a segment; without a pattern the whole segment is one."""
    if pattern is None:
        if segment:
            values.append(segment)
        return bool(segment)
    matched = pattern.fullmatch(segment)
    if matched is not None:
        values += matched.groups()
    return matched is not None
