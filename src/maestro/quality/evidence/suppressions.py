"""Comments by which code silences the tools that would speak against it."""

import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence

from maestro.quality.evidence.tooling import SourceFile

SCRIPTS = frozenset({".js", ".mjs", ".cjs", ".ts"})
TYPE_IGNORE = re.compile(r"#\s*(?:type:\s*ignore|mypy:|pyright:)")
_PYTHON = re.compile(
    r"#\s*(?:(?:ruff:\s*|flake8:\s*)?noqa\b|type:\s*ignore|mypy:|pyright:|pylint:\s*(?:disable|skip)"
    r"|nosec\b|pragma:\s*(?:no (?:cover|branch|mutate)|allowlist)|complexipy:\s*ignore"
    r"|(?:#\s*)?lizard forgive)",
    re.IGNORECASE,
)
_SCRIPT = re.compile(
    r"(?:/\*|//)\s*(?:eslint-disable|@ts-(?:ignore|expect-error|nocheck)|jshint ignore"
    r"|(?:istanbul|c8|v8) ignore|prettier-ignore|biome-ignore|(?:#\s*)?lizard forgive"
    r"|pragma:\s*allowlist)",
    re.IGNORECASE,
)
_PAGE = re.compile(r"<!--\s*\[?html-validate-(?:disable|ignore)", re.IGNORECASE)


def accepts(file: SourceFile) -> bool:
    return file.suffix in SCRIPTS or file.suffix in (".py", ".html")


def suppressions(file: SourceFile) -> Iterator[str]:
    """`line N: comment` for each."""
    if file.suffix == ".py":
        for line, _, comment in python_comments(file.text):
            if _PYTHON.match(comment):
                yield f"line {line}: {comment[:100]}"
        return
    pattern = _SCRIPT if file.suffix in SCRIPTS else _PAGE
    for match in pattern.finditer(file.text):
        yield f"line {file.text.count(chr(10), 0, match.start()) + 1}: {match.group()[:100]}"


def counted(files: Sequence[SourceFile]) -> dict[str, int]:
    """How many each file holds; files without any are left out."""
    found = {file.path: len(list(suppressions(file))) for file in files if accepts(file)}
    return {path: count for path, count in found.items() if count}


def added(files: Sequence[SourceFile], before: Mapping[str, int]) -> Iterator[str]:
    """Those beyond what the same file held before."""
    for file in files:
        if accepts(file):
            found = list(suppressions(file))
            new = max(0, len(found) - before.get(file.path, 0))
            yield from (f"{file.path}: {place}" for place in found[:new])


def without_type_ignores(text: str) -> str:
    """The same lines, without the comments that a type checker would obey."""
    lines = text.splitlines(keepends=True)
    for line, column, comment in python_comments(text):
        if TYPE_IGNORE.search(comment):
            old = lines[line - 1]
            ending = old[len(old.rstrip("\r\n")) :]
            lines[line - 1] = old[:column].rstrip() + ending
    return "".join(lines)


def python_comments(text: str) -> Iterator[tuple[int, int, str]]:
    """(line, column, comment); what looks like one inside a string is none."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.start[1], token.string
    except (tokenize.TokenError, SyntaxError):
        return  # what does not parse is reported as such by everything that reads it
