"""How hard functions are to follow: cognitive complexity (complexipy, Python) and cyclomatic
complexity (lizard, Python and JavaScript). Comments that forgive a function do not count.
"""

import ast
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maestro.domain.syntax import parse_python
from maestro.domain.values import JsonScalar
from maestro.quality.evidence.programs import (
    FileExamination,
    Program,
    ProgramCollector,
    ToolFailed,
    is_python,
    module,
)
from maestro.quality.evidence.suppressions import SCRIPTS
from maestro.quality.evidence.tooling import SourceFile

SECONDS = 120.0
SHOWN = 5
_FORGIVENESS = re.compile(r"lizard forgive", re.IGNORECASE)
_COMPLEXIPY = (sys.executable, "-I", "-c", "from complexipy.cli import main; main()")
"""It has no module to run."""


def accepts(file: SourceFile) -> bool:
    return (is_python(file) or file.suffix in SCRIPTS) and file.is_application


async def _examine(examination: FileExamination) -> Mapping[str, JsonScalar]:
    """Without a Python file there is no cognitive complexity, and none is reported."""
    forgiven = {
        f"{number}{file.suffix}": _FORGIVENESS.sub("", file.text)
        for number, file in enumerate(examination.files)
        if _FORGIVENESS.search(file.text)
    }
    async with examination.folder(forgiven) as place:
        branched = await _cyclomatic(examination, place)
        hard = await _cognitive(examination, place)
    metrics: dict[str, JsonScalar] = {"complexity.cyclomatic_max": _worst(branched)}
    if hard is not None:
        metrics["complexity.cognitive_max"] = _worst(hard)
        examination.measurement.detail += _shown(hard, "cognitive")
    examination.measurement.detail += _shown(branched, "cyclomatic")
    return metrics


async def _cyclomatic(examination: FileExamination, place: Path) -> dict[str, int]:
    """Cyclomatic complexity by function."""
    names = {
        str(place / f"{number}{file.suffix}") if _FORGIVENESS.search(file.text) else path: file.path
        for number, (path, file) in enumerate(
            zip(examination.paths, examination.files, strict=True)
        )
    }
    argv = (*module("lizard"), "--xml", "--whitelist=/dev/null")
    result = await examination.run(argv, tuple(names), timeout=SECONDS)
    try:
        # The report comes out of the sandbox; expat itself refuses entities that explode.
        report = ElementTree.fromstring(result.stdout)  # noqa: S314
    except ElementTree.ParseError as error:
        raise ToolFailed(
            f"lizard gave no usable report ({error}): {result.stderr[-500:]}"
        ) from None
    measures = {found.get("type"): found for found in report.iter("measure")}
    examination.demand(names.get(_name(item), "") for item in measures["File"].iter("item"))
    found: dict[str, int] = {}
    for item in measures["Function"].iter("item"):
        function, _, where = _name(item).rpartition(" at ")
        path, _, line = where.rpartition(":")
        label = f"{names.get(path, path)}:{line}: {function.removesuffix('(...)')}"
        found[label] = int([value.text or "" for value in item.iter("value")][2])
    return found


async def _cognitive(examination: FileExamination, place: Path) -> dict[str, int] | None:
    """Cognitive complexity by function; None without Python. The cache of the tree is not used."""
    files = [file for file in examination.files if is_python(file)]
    if not files:
        return None
    report = place / "complexipy.json"
    options = (
        "--isolated", "--no-ignore", "--ignore-complexity", "--plain",
        f"--cache-dir={place}/cache", "--output-format=json", f"--output={report}",
    )  # fmt: skip
    argv = (*_COMPLEXIPY, *options)
    result = await examination.run(argv, [f"./{file.path}" for file in files], timeout=SECONDS)
    items: list[dict[str, Any]] = json.loads(await examination.report(report))
    said = f"{result.stdout}\n{result.stderr}"
    if "Failed to process" in said:
        raise ToolFailed(f"complexipy passed over a file: {said[-500:].strip()}")
    examination.demand((item["path"] for item in items), [f for f in files if _has_function(f)])
    return {f"{item['path']}: {item['function_name']}": int(item["complexity"]) for item in items}


def _has_function(file: SourceFile) -> bool:
    """Whether complexipy has to report on it. Raises ToolFailed for what does not parse."""
    try:
        tree = parse_python(file.text)
    except (SyntaxError, ValueError) as error:
        raise ToolFailed(f"{file.path} does not parse: {error}") from error
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in tree.body)


def _name(item: ElementTree.Element) -> str:
    return item.get("name") or ""


def _worst(found: Mapping[str, int]) -> int:
    return max(found.values(), default=0)


def _shown(found: Mapping[str, int], kind: str) -> list[str]:
    hardest = sorted(found.items(), key=lambda entry: (-entry[1], entry[0]))[:SHOWN]
    return [f"{label}: {kind} complexity {value}" for label, value in hardest]


COMPLEXITY = ProgramCollector(
    "complexity", (Program("lizard"), Program("complexipy")), accepts, _examine
)
