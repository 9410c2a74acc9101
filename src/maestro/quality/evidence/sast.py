"""Dangerous constructs in delivered code, found in the syntax tree.

Named honestly (`maestro-ast`): not a scanner for every weakness, but none of these has a place in
what we deliver. Tests are left out: they may do what the application must not.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from maestro.domain.syntax import parse_python
from maestro.ports import EvidenceSubject
from maestro.quality.evidence.tooling import Scan, SourceFile

SOURCE = frozenset({".py", ".js", ".mjs", ".cjs", ".ts", ".html"})
_HIGH = {
    "eval": "evaluates text as code",
    "exec": "runs text as code",
    "builtins.eval": "evaluates text as code",
    "builtins.exec": "runs text as code",
    "os.system": "runs a shell",
    "os.popen": "runs a shell",
    "subprocess.getoutput": "runs a shell",
    "subprocess.getstatusoutput": "runs a shell",
    "asyncio.create_subprocess_shell": "runs a shell",
    "pickle.load": "unpickles data",
    "pickle.loads": "unpickles data",
    "pickle.Unpickler": "unpickles data",
    "dill.load": "unpickles data",
    "dill.loads": "unpickles data",
    "shelve.open": "unpickles data",
    "marshal.load": "unmarshals data",
    "marshal.loads": "unmarshals data",
    "yaml.unsafe_load": "loads YAML that can build objects",
    "yaml.full_load": "loads YAML that can build objects",
    "ssl._create_unverified_context": "does not verify certificates",
}
_MEDIUM = {
    "tempfile.mktemp": "makes a guessable file name",
    "hashlib.md5": "uses a broken hash",
    "hashlib.sha1": "uses a broken hash",
}
_SCRIPT_HIGH = re.compile(
    r"(?<![\w.])eval\s*\(|\bnew\s+Function\s*\(|\.(?:inner|outer)HTML\s*\+?=(?!=)"
    r"|\binsertAdjacentHTML\s*\(|\bdocument\.write(?:ln)?\s*\(|\bjavascript:"
)
_SCRIPT_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`\\])//[^\n]*|<!--.*?-->", re.DOTALL)
_SQL = re.compile(
    r"\s*(?:select\s.+\sfrom|insert\s+into|update\s.+\sset|delete\s+from|drop|create|alter|with)\s",
    re.IGNORECASE | re.DOTALL,
)
_TAKES_SQL = frozenset({"execute", "executemany", "executescript", "exec_driver_sql", "text"})


def accepts(file: SourceFile) -> bool:
    return file.suffix in SOURCE and file.is_application


def scan(files: Sequence[SourceFile], subject: EvidenceSubject) -> Scan:
    found = Scan()
    high: list[str] = []
    medium: list[str] = []
    for file in files:
        if file.suffix != ".py":
            high += _script(file)
            continue
        try:
            tree = parse_python(file.text)
        except (SyntaxError, ValueError) as error:
            found.errors.append(f"{file.path} cannot be examined: {error}")
            continue
        for line, problem, serious in _python(tree):
            (high if serious else medium).append(f"{file.path}:{line}: {problem}")
    found.detail += [*high, *medium]
    found.metrics = {"sast.high": len(high), "sast.medium": len(medium)}
    return found


def _script(file: SourceFile) -> Iterator[str]:
    text = _SCRIPT_COMMENT.sub(lambda match: "\n" * match.group().count("\n"), file.text)
    for match in _SCRIPT_HIGH.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield f"{file.path}:{line}: {match.group().strip()} takes text as code or markup"


def _python(tree: ast.Module) -> Iterator[tuple[int, str, bool]]:
    """(line, problem, whether it is serious)."""
    imported = _imported(tree)
    composed = _composed_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = _qualified(node.func, imported)
            for problem in _serious(node, called, composed):
                yield node.lineno, problem, True
            if called in _MEDIUM and not _says_not_for_security(node):
                yield node.lineno, f"{called} {_MEDIUM[called]}", False


def _imported(tree: ast.Module) -> dict[str, str]:
    """Local name -> what it really is, so that an alias hides nothing."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {a.asname: a.name for a in node.names if a.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return names


def _qualified(node: ast.expr, imported: Mapping[str, str]) -> str:
    first, dot, rest = ast.unparse(node).partition(".")
    return f"{imported.get(first, first)}{dot}{rest}"


def _serious(node: ast.Call, called: str, composed: frozenset[str]) -> Iterator[str]:
    if called in _HIGH:
        yield f"{called} {_HIGH[called]}"
    if called == "yaml.load" and "Safe" not in ast.unparse(node):
        yield "yaml.load loads YAML that can build objects"
    if called == "__import__" and not all(isinstance(a, ast.Constant) for a in node.args):
        yield "__import__ loads a module that data names"
    yield from _switches(node, called)
    if called.rsplit(".", 1)[-1] in _TAKES_SQL and node.args:
        first = node.args[0]
        if _is_composed_sql(first) or (isinstance(first, ast.Name) and first.id in composed):
            yield f"{called} is given SQL put together from values"


def _switches(node: ast.Call, called: str) -> Iterator[str]:
    for keyword in node.keywords:
        value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if keyword.arg == "shell" and value is not False:
            yield f"{called} runs a shell"
        if keyword.arg == "verify" and value is False:
            yield f"{called} does not verify certificates"
        if keyword.arg == "debug" and value is True:
            yield f"{called} switches debugging on"


def _says_not_for_security(node: ast.Call) -> bool:
    return any(keyword.arg == "usedforsecurity" for keyword in node.keywords)


def _composed_names(tree: ast.Module) -> frozenset[str]:
    """Variables that are given SQL put together from values."""
    return frozenset(
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_composed_sql(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    )


def _is_composed_sql(node: ast.expr) -> bool:
    """An f-string, `+`, `%` or format() whose beginning reads like SQL and that takes values in."""
    if isinstance(node, ast.JoinedStr):
        values = any(isinstance(part, ast.FormattedValue) for part in node.values)
        return values and _reads_like_sql(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        leaves = list(_leaves(node))
        constant = all(isinstance(leaf, ast.Constant) for leaf in leaves)
        return not constant and _reads_like_sql(leaves[0])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in ("format", "join") and _reads_like_sql(node.func.value)
    return False


def _leaves(node: ast.expr) -> Iterator[ast.expr]:
    """Operands of a chain of `+` and `%`, left to right."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, ast.BinOp):
            waiting += [current.right, current.left]
        else:
            yield current


def _reads_like_sql(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        text = "".join(
            str(part.value) if isinstance(part, ast.Constant) else " x " for part in node.values
        )
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    else:
        return False
    return _SQL.match(f"{text} ") is not None
