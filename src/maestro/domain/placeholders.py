"""Finds files that only pretend: unreadable, or with words that stand for missing work."""

import ast
import configparser
import io
import json
import re
import tokenize
import tomllib
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import PurePosixPath

import yaml

from maestro.domain.syntax import parse_python

MIN_WORDS = 12
"""A document of fewer words says nothing."""

MAY_BE_EMPTY = frozenset({"__init__.py", "py.typed", ".gitkeep"})

_MARKER = re.compile(r"\b(?:TODO|FIXME|XXX|TBD)\b(?=\s*[:(]|\s*$)|^\W*(?:TODO|FIXME|TBD)\b")
_FILLER = re.compile(
    r"lorem ipsum|\bplaceholder (?:text|content|section|page|file|implementation|code)\b"
    r"|\bthis is (?:only )?a placeholder\b|\b(?:content|text) goes here\b"
    r"|\bto be (?:written|implemented|filled in)\b|\bnot (?:yet )?implemented\b",
    re.IGNORECASE,
)
_NOTHING = r"\s*\{\s*\}"
_KEYWORDS = r"(?:if|for|while|switch|catch|with|constructor|function)\b"
_EMPTY_FUNCTION = re.compile(
    rf"\bfunction\s*\*?\s*(?P<function>\w+)\s*\([^()]*\){_NOTHING}"
    r"|\b(?:const|let|var)\s+(?!no_?op\b)(?P<arrow>\w+)\s*=\s*(?:async\s*)?(?:\([^()]*\)|\w+)\s*=>"
    rf"{_NOTHING}"
    rf"|^[ \t]*(?:static\s+)?(?:async\s+)?(?!{_KEYWORDS})(?P<method>#?\w+)\s*\([^()]*\){_NOTHING}",
    re.MULTILINE,
)
_SCRIPT_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`\\])//[^\n]*", re.DOTALL)
_SCRIPTS = (".js", ".mjs", ".cjs", ".ts")
_HASH_COMMENT = re.compile(r"(?:^|\s)#[^\n]*", re.MULTILINE)
_COMMENTS = (
    (_SCRIPT_COMMENT, (*_SCRIPTS, ".css")),
    (_HASH_COMMENT, (".yaml", ".yml", ".toml", ".ini", ".cfg", ".sh", "")),
    (re.compile(r".+", re.DOTALL), (".md", ".html", ".txt", ".rst")),
)
"""Where such words may stand, by suffix."""


def unreadable(path: str, text: str) -> str | None:
    """Why the text is not what the file's name promises, or None."""
    place = PurePosixPath(path)
    reader = _READERS.get(place.suffix.lower()) or _NAMED.get(place.name.lower())
    if reader is None:
        return None
    try:
        return reader(text)
    except (ValueError, SyntaxError, yaml.YAMLError, configparser.Error) as error:
        return f"{type(error).__name__}: {error}"


def pretences(path: str, text: str) -> Iterator[str]:
    """Every sign that work was left out, as `line N: what`."""
    yield from placeholder_words(path, text)
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".py":
        yield from _empty_python_functions(text)
    elif suffix in _SCRIPTS:
        yield from _empty_script_functions(text)


def placeholder_words(path: str, text: str) -> Iterator[str]:
    """Words that stand for missing work, as `line N: what`."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".py":
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield from _marks(token.string, token.start[0])
        return
    for pattern, suffixes in _COMMENTS:
        if suffix in suffixes:
            for match in pattern.finditer(text):
                yield from _marks(match.group(), _line(text, match.start()))


def _empty_script_functions(text: str) -> Iterator[str]:
    bare = _SCRIPT_COMMENT.sub(lambda match: "\n" * match.group().count("\n"), text)
    for match in _EMPTY_FUNCTION.finditer(bare):
        kind = match.lastgroup or ""
        line = _line(bare, match.start(kind))
        yield f"line {line}: function {match.group(kind)} does nothing"


def _marks(text: str, first_line: int) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), first_line):
        bare = line.strip().lstrip("#/*-<! ")
        if _MARKER.search(bare) or _FILLER.search(line):
            yield f"line {number}: {line.strip()[:120]!r}"


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _empty_python_functions(text: str) -> Iterator[str]:
    tree = parse_python(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and _is_protocol(node):
            for inner in ast.walk(node):
                inner.__dict__["declares_only"] = True
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_stub(node):
            yield f"line {node.lineno}: function {node.name} has no body of its own"


def _is_protocol(node: ast.ClassDef) -> bool:
    names = [ast.unparse(parent) for parent in node.bases]
    return any(name.split("[")[0].rsplit(".", 1)[-1] == "Protocol" for name in names)


def _is_stub(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    decorators = {ast.unparse(d).rsplit(".", 1)[-1] for d in node.decorator_list}
    if decorators & {"abstractmethod", "overload"} or "declares_only" in node.__dict__:
        return False
    return all(_says_nothing(statement) for statement in node.body)


def _says_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Raise) and statement.exc is not None:
        return ast.unparse(statement.exc).split("(")[0] == "NotImplementedError"
    return False


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count += 1


def _html(text: str) -> str | None:
    parser = _Elements()
    parser.feed(text)
    parser.close()
    return None if parser.count >= 3 else "has no elements"


def _json(text: str) -> str | None:
    return None if json.loads(text) else "holds nothing"


def _yaml(text: str) -> str | None:
    return None if any(yaml.safe_load_all(text)) else "holds nothing"


def _toml(text: str) -> str | None:
    return None if tomllib.loads(text) else "holds nothing"


def _ini(text: str) -> str | None:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return None if parser.sections() else "has no sections"


def _python(text: str) -> str | None:
    parse_python(text)
    return None


def _document(text: str) -> str | None:
    words = re.findall(r"\w[\w'-]*", text)
    return None if len(words) >= MIN_WORDS else f"has only {len(words)} words"


def _styles(text: str) -> str | None:
    return None if re.search(r"\{[^{}]*:[^{}]*\}", text) else "has no rule"


def _dockerfile(text: str) -> str | None:
    found = re.search(r"^\s*FROM\s+\S+", text, re.MULTILINE | re.IGNORECASE)
    return None if found else "has no FROM"


def _makefile(text: str) -> str | None:
    return None if re.search(r"^[^\s#:=]+\s*:(?!=)", text, re.MULTILINE) else "has no target"


_READERS: dict[str, Callable[[str], str | None]] = {
    ".css": _styles,
    ".html": _html,
    ".ini": _ini,
    ".json": _json,
    ".md": _document,
    ".py": _python,
    ".toml": _toml,
    ".yaml": _yaml,
    ".yml": _yaml,
}
_NAMED: dict[str, Callable[[str], str | None]] = {
    "dockerfile": _dockerfile,
    "makefile": _makefile,
}
