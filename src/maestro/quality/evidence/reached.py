"""Files that lie beside the application and that it loads all the same.

What lies among the tests is not examined like the application; where the application loads it, its
place makes it no test. Loading that only running could show is not seen.
"""

import ast
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping

from maestro.domain.syntax import parse_python

_LOADING = (".js", ".mjs", ".cjs", ".ts", ".html")
_LITERAL = re.compile(r"[\"'`]([^\"'`\n]{1,300})[\"'`]")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


def reached(texts: Mapping[str, str], aside: Collection[str]) -> frozenset[str]:
    """Those of `aside` that the other files load, directly or through one another.

    Args:
        texts: text of every file by path.
        aside: paths of the files that lie beside the application.
    """
    outer = [path for path in texts if path not in aside]
    names = _names([path for path in aside if path.endswith(".py")], outer)
    scripts = frozenset(path for path in aside if not path.endswith(".py"))
    words = {name.rpartition(".")[2] for name in names}
    found: set[str] = set()
    waiting = outer
    while waiting:
        path = waiting.pop()
        loaded = set(_loaded(path, texts[path], names, words, scripts)) - found
        found |= loaded
        waiting += sorted(loaded)
    return frozenset(found)


def _names(aside: Collection[str], outer: Collection[str]) -> dict[str, set[str]]:
    """Paths by every name a module could be imported under, its folder or one above in sys.path;
    what the application has of its own under a bare name goes before.
    """
    own = {part.removesuffix(".py") for path in outer for part in path.split("/")}
    names: dict[str, set[str]] = {}
    for path in aside:
        parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
        for start in range(len(parts)):
            name = ".".join(parts[start:])
            if "." in name or name not in own:
                names.setdefault(name, set()).add(path)
    return names


def _loaded(
    path: str,
    text: str,
    names: Mapping[str, set[str]],
    words: Collection[str],
    scripts: Collection[str],
) -> Iterator[str]:
    if path.endswith(".py"):
        if any(word in text for word in words):
            for name in _imported(path, text):
                yield from names.get(name, ())
    elif scripts and path.endswith(_LOADING):
        folder = posixpath.dirname(path)
        for match in _LITERAL.finditer(text):
            named = match.group(1).partition("?")[0]
            place = posixpath.normpath(posixpath.join(folder, named.lstrip("/")))
            absolute = named if named.startswith("/") else None
            yield from (
                script
                for script in scripts
                if script == place or (absolute and f"/{script}".endswith(absolute))
            )


def _imported(path: str, text: str) -> Iterator[str]:
    """Every module that importing could touch, and every constant that reads like one's name."""
    try:
        tree = parse_python(text)
    except (SyntaxError, ValueError):
        return  # what does not parse loads nothing
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_packages(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = _base(path, node)
            yield from _with_packages(base)
            yield from (f"{base}.{alias.name}".lstrip(".") for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value.removesuffix(".py").strip("./").replace("/", ".")
            if "." in name and _DOTTED.fullmatch(name):
                yield from _with_packages(name)


def _with_packages(name: str) -> Iterator[str]:
    parts = name.split(".")
    yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _base(path: str, node: ast.ImportFrom) -> str:
    """What `from ... import` names, counted from the root of the tree where it is relative."""
    if not node.level:
        return node.module or ""
    folders = path.split("/")[: -node.level]
    return ".".join([*folders, *([node.module] if node.module else [])])
