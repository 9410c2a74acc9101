"""Dangerous constructs in delivered code, found in the syntax tree; named honestly: not a scanner
for every weakness, but none of these has a place in what we deliver.
"""

import ast
import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass

from maestro.domain.quality import Evidence
from maestro.ports import EvidenceSubject
from maestro.quality.evidence.tooling import Measurement, SourceFile, read_files

SUFFIXES = (".py", ".js", ".mjs", ".html")
_CALLS = {
    "eval": "evaluates text as code",
    "exec": "runs text as code",
    "os.system": "runs a shell",
    "os.popen": "runs a shell",
    "subprocess.getoutput": "runs a shell",
    "pickle.load": "unpickles data",
    "pickle.loads": "unpickles data",
    "marshal.loads": "unmarshals data",
    "yaml.load": "loads YAML that can build objects",
    "yaml.unsafe_load": "loads YAML that can build objects",
    "tempfile.mktemp": "makes a guessable file name",
}
_SCRIPT = re.compile(
    r"\beval\s*\(|\bnew\s+Function\s*\(|\.(?:inner|outer)HTML\s*=|\binsertAdjacentHTML\s*\(|"
    r"\bdocument\.write\s*\("
)
_SQL = re.compile(r"^\s*(?:select|insert|update|delete|drop|create)\s", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SastCollector:
    name: str = "sast"

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        measurement = Measurement(self.name, "maestro-ast", "1", subject)
        files = await asyncio.to_thread(read_files, subject.sandbox.root, SUFFIXES)
        measurement.files_examined = len(files)
        if not files:
            return measurement.unavailable("the tree holds no source file")
        for file in files:
            try:
                measurement.detail += _findings(file)
            except SyntaxError as error:
                measurement.tool_errors.append(f"{file.path} does not parse: {error.msg}")
        measurement.raw = "\n".join(measurement.detail)
        return measurement.measured({"sast.high": len(measurement.detail)})


def _findings(file: SourceFile) -> Iterator[str]:
    if not file.path.endswith(".py"):
        for match in _SCRIPT.finditer(file.text):
            line = file.text.count("\n", 0, match.start()) + 1
            yield f"{file.path}:{line}: {match.group().strip()} takes text as code or markup"
        return
    for node in ast.walk(ast.parse(file.text)):
        if isinstance(node, ast.Call):
            for problem in _call_problems(node):
                yield f"{file.path}:{node.lineno}: {problem}"


def _call_problems(node: ast.Call) -> Iterator[str]:
    called = ast.unparse(node.func)
    if called in _CALLS:
        yield f"{called} {_CALLS[called]}"
    for keyword in node.keywords:
        value = keyword.value
        constant = value.value if isinstance(value, ast.Constant) else None
        if keyword.arg == "shell" and constant is True:
            yield f"{called} runs a shell"
        if keyword.arg == "verify" and constant is False:
            yield f"{called} does not verify certificates"
        if keyword.arg == "debug" and constant is True:
            yield f"{called} switches debugging on"
    takes_sql = called.rsplit(".", 1)[-1] in {"execute", "executemany", "text"}
    if takes_sql and node.args and _is_composed_sql(node.args[0]):
        yield f"{called} is given SQL put together from values"


def _is_composed_sql(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        first = node.values[0] if node.values else None
        starts = isinstance(first, ast.Constant) and bool(_SQL.match(str(first.value)))
        return starts and any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        left = node.left
        return isinstance(left, ast.Constant) and bool(_SQL.match(str(left.value)))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        source = node.func.value
        return (
            node.func.attr == "format"
            and isinstance(source, ast.Constant)
            and bool(_SQL.match(str(source.value)))
        )
    return False
