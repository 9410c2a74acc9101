"""Credentials in delivered files: known shapes, and random text under a name that says secret."""

import math
import re
from collections.abc import Iterator

from maestro.quality.evidence.tooling import SourceFile

_SHAPES = (
    ("private key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")),
    ("cloud access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[\w-]{35}\b")),
    ("platform token",
     re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}|glpat-[\w-]{20,}"
                r"|npm_[A-Za-z0-9]{36}|xox[abeprs]-[A-Za-z0-9-]{10,})")),
    ("API key", re.compile(r"\b(?:sk|rk)[-_](?:ant-|proj-|live_|test_)?[A-Za-z0-9_-]{20,}\b")),
    ("JSON web token", re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}\b")),
    ("credentials in an address",
     re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@'\"{}$<>]+:[^\s:/@'\"{}$<>]+@")),
)  # fmt: skip
_NAME = r"[\w.-]*(?:password|passwd|secret|token|api_?key|access_?key|private_?key)[\w.-]*"
_QUOTED = re.compile(rf"(?i)\b{_NAME}[\"']?\s*[:=]\s*[\"']([^\"'\s]{{12,}})[\"']")
_BARE = re.compile(
    rf"(?i)^\s*(?:export\s+|-\s+)?{_NAME}\s*[:=]\s*([^\s\"'#$<{{][^\s\"'#]{{11,}})\s*$"
)
_BARE_FORMATS = frozenset({".env", ".ini", ".cfg", ".yaml", ".yml", ".toml", ".properties", ".sh"})
MIN_ENTROPY = 3.2
"""Bits per character: random text has more, words and paths have less."""


def accepts(file: SourceFile) -> bool:
    """Every text file; a secret is one wherever it lies."""
    return True


def places(file: SourceFile) -> Iterator[tuple[str, str]]:
    """Place and kind; never the secret itself, which must not reach a log."""
    bare = file.suffix in _BARE_FORMATS or file.name.startswith(".env")
    for number, line in enumerate(file.text.splitlines(), 1):
        kind = _kind(line, bare=bare)
        if kind:
            yield f"{file.path}:{number}", kind


def _kind(line: str, *, bare: bool) -> str:
    for kind, shape in _SHAPES:
        if shape.search(line):
            return kind
    found = [match.group(1) for match in _QUOTED.finditer(line)]
    if bare:
        found += [match.group(1) for match in _BARE.finditer(line)]
    if any(_entropy(text) >= MIN_ENTROPY and _is_mixed(text) for text in found):
        return "long random text under a name that says secret"
    return ""


def _is_mixed(text: str) -> bool:
    """Letters and digits together, as generated secrets have them; names of things rarely do."""
    return any(c.isdigit() for c in text) and any(c.isalpha() for c in text)


def _entropy(text: str) -> float:
    shares = [text.count(char) / len(text) for char in set(text)]
    return -sum(share * math.log2(share) for share in shares)
