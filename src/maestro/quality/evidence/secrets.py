"""Credentials in delivered files: known shapes, and assignments of long random text to a name that
says secret.
"""

import asyncio
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from maestro.domain.quality import Evidence
from maestro.ports import EvidenceSubject
from maestro.quality.evidence.tooling import Measurement, SourceFile, read_files

SUFFIXES = (
    ".py", ".js", ".mjs", ".html", ".css", ".json", ".yaml", ".yml", ".toml", ".ini", ".cfg",
    ".md", ".txt", ".env", ".sh", ".pem", ".key", "Dockerfile", "Makefile",
)  # fmt: skip
_SHAPES = (
    ("private key", re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")),
    ("AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("GitHub token", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b")),
    ("Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}\b")),
    ("API key", re.compile(r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}\b")),
    ("JSON web token", re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}\b")),
    ("credentials in a URL", re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@'\"{}$]+:[^\s:/@'\"{}$]+@")),
)
_ASSIGNMENT = re.compile(
    r"(?i)\b[\w.-]*(?:password|passwd|secret|token|api_?key)[\w.-]*[\"']?\s*[:=]\s*"
    r"[\"']([^\"'\s]{12,})[\"']"
)
MIN_ENTROPY = 3.2
"""Bits per character: random text has more, words and paths have less."""


@dataclass(frozen=True, slots=True)
class SecretsCollector:
    name: str = "secrets"

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        measurement = Measurement(self.name, "maestro-secret-scan", "1", subject)
        files = await asyncio.to_thread(read_files, subject.sandbox.root, SUFFIXES)
        measurement.files_examined = len(files)
        if not files:
            return measurement.unavailable("the tree holds no text file")
        measurement.detail += [found for file in files for found in _secrets(file)]
        measurement.raw = "\n".join(measurement.detail)
        return measurement.measured({"secrets.found": len(measurement.detail)})


def _secrets(file: SourceFile) -> Iterator[str]:
    """Place and kind; never the secret itself, which must not reach a log."""
    for number, line in enumerate(file.text.splitlines(), 1):
        for kind, shape in _SHAPES:
            if shape.search(line):
                yield f"{file.path}:{number}: {kind}"
        for match in _ASSIGNMENT.finditer(line):
            if _entropy(match.group(1)) >= MIN_ENTROPY:
                yield f"{file.path}:{number}: long random text under a name that says secret"


def _entropy(text: str) -> float:
    shares = [text.count(char) / len(text) for char in set(text)]
    return -sum(share * math.log2(share) for share in shares)
