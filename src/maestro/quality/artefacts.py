"""Artefacts a phase must hand over, held against what each of them has to be."""

import json
import os
import re
import stat
import xml.etree.ElementTree as ElementTree  # parsed only without a document type
from collections.abc import Callable, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NoReturn

from maestro.domain.quality import ArtefactFound, ArtefactRule, ArtefactSchema
from maestro.domain.syntax import parse_python
from maestro.domain.yaml_text import YamlFault, YamlRules, read_yaml_text

MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_FOUND = 1000
"""Per rule; one more changes no verdict."""
_YAML = YamlRules(depth=64, values=200_000, spots=False)
_SKIPPED = frozenset({".git", "node_modules", "__pycache__", ".venv"})


class _Unfit(Exception):
    """Why a file is not what its schema says."""


def find_artefacts(tree: Path, rules: Sequence[ArtefactRule]) -> tuple[ArtefactFound, ...]:
    """Every file of the tree that a rule asks for. Links are not followed. Blocks: run it in a
    thread.
    """
    if not rules:
        return ()
    paths = sorted(_files(tree))
    return tuple(found for rule in rules for found in _found(tree, rule, paths))


def pattern(path: str) -> re.Pattern[str]:
    """`*` and `?` stay within a folder, `**/` stands for any number of folders, also none."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", path)
    meaning = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts))


def _files(tree: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in names:
            yield (Path(folder) / name).relative_to(tree).as_posix()


def _found(tree: Path, rule: ArtefactRule, paths: Sequence[str]) -> Iterator[ArtefactFound]:
    wanted = pattern(rule.path)
    matching = [path for path in paths if wanted.fullmatch(path)]
    for path in matching[:MAX_FOUND]:
        yield ArtefactFound(
            rule=rule.path, path=path, schema=rule.schema, fault=_fault(tree / path, rule.schema)
        )


def _fault(file: Path, schema: ArtefactSchema) -> str:
    try:
        _CHECKS[schema](_text(file))
    except _Unfit as unfit:
        return f"is no {schema}: {unfit}"
    return ""


def _text(file: Path) -> str:
    try:
        status = file.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise _Unfit("it is a link or no file")
        if status.st_size > MAX_FILE_BYTES:
            raise _Unfit(f"it is larger than {MAX_FILE_BYTES} bytes")
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unfit(f"byte {error.start} is not UTF-8") from error
    except OSError as error:
        raise _Unfit(f"it cannot be read ({error.strerror})") from error
    if not text.strip():
        raise _Unfit("it is empty")
    return text


def _plain(_: str) -> None:
    """Any text that is not empty."""


def _markdown(text: str) -> None:
    lines = [line for line in text.splitlines() if line.strip()]
    if not any(re.match(r"#{1,6} \S", line) for line in lines):
        raise _Unfit("it has no heading")
    if all(line.startswith("#") for line in lines):
        raise _Unfit("it has headings and nothing below them")


def _json(text: str) -> Any:
    def constant(word: str) -> NoReturn:
        raise _Unfit(f"{word} is no number of JSON")

    try:
        return json.loads(text, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise _Unfit(str(error) or "it is nested too deep") from error


def _yaml(text: str) -> Any:
    try:
        return read_yaml_text(text, _YAML).value
    except YamlFault as fault:
        raise _Unfit(fault.problem) from fault


def _python(text: str) -> None:
    try:
        tree = parse_python(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _Unfit(str(error)) from error
    if not tree.body:
        raise _Unfit("it has only comments")


def _html(text: str) -> None:
    reader = _Tags()
    reader.feed(text)
    reader.close()
    if "body" not in reader.seen:
        raise _Unfit("it has no body")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)


def _openapi(text: str) -> None:
    document = _object(_yaml(text))  # JSON is YAML
    if not str(document.get("openapi", "")).startswith("3."):
        raise _Unfit("it does not say `openapi: 3...`")
    if not isinstance(document.get("paths"), Mapping) or not document["paths"]:
        raise _Unfit("it has no paths")


def _cyclonedx(text: str) -> None:
    document = _object(_json(text))
    if document.get("bomFormat") != "CycloneDX":
        raise _Unfit("its bomFormat is not CycloneDX")
    if not isinstance(document.get("components"), list) or not document["components"]:
        raise _Unfit("it lists no components")


def _junit(text: str) -> None:
    if "<!" in text.replace("<!--", "").replace("<![CDATA[", ""):
        raise _Unfit("it has a document type, which a report needs not")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  (without a document type)
    except ElementTree.ParseError as error:
        raise _Unfit(str(error)) from error
    if root.tag not in ("testsuites", "testsuite"):
        raise _Unfit(f"its root is {root.tag!r}")
    if next(root.iter("testcase"), None) is None:
        raise _Unfit("it lists no test")


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _Unfit("it is no object")
    return value


_CHECKS: Mapping[ArtefactSchema, Callable[[str], object]] = {
    ArtefactSchema.TEXT: _plain,
    ArtefactSchema.MARKDOWN: _markdown,
    ArtefactSchema.JSON: _json,
    ArtefactSchema.YAML: _yaml,
    ArtefactSchema.PYTHON: _python,
    ArtefactSchema.HTML: _html,
    ArtefactSchema.OPENAPI: _openapi,
    ArtefactSchema.JUNIT: _junit,
    ArtefactSchema.CYCLONEDX: _cyclonedx,
}
