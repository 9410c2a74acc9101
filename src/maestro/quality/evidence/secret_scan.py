"""Secrets by two pairs of eyes: our own shapes, and detect-secrets for the tokens of many services.

detect-secrets says the same when it found nothing and when it could not look, and ends with status
0 either way. So it is handed one file of ours with a key in it, and counts only when it finds that.
"""

import asyncio
import json
import random
import string
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from maestro.domain.values import JsonScalar
from maestro.quality.evidence import secrets
from maestro.quality.evidence.programs import (
    FileExamination,
    Program,
    ProgramCollector,
    ToolFailed,
    json_report,
)
from maestro.quality.evidence.tooling import SourceFile

SESSION = Path(__file__).with_name("secret_session.py")
SECONDS = 120.0
CANARY = "canary.txt"
_GUESSES = ("Base64HighEntropyString", "HexHighEntropyString", "IPPublicDetector",
            "KeywordDetector")  # fmt: skip
"""They guess by randomness and by names, which our own scan does with fewer false alarms."""
_EXCUSES = tuple(
    f"detect_secrets.filters.{name}"
    for name in ("allowlist.is_line_allowlisted", "heuristic.is_lock_file",
                 "heuristic.is_non_text_file", "heuristic.is_swagger_file")
)  # fmt: skip
"""Comments and file names by which a secret would be passed over."""


async def _examine(examination: FileExamination) -> Mapping[str, JsonScalar]:
    places = await asyncio.to_thread(_own, examination.files)
    async with examination.folder({CANARY: f"key = {_key()}\n"}) as folder:
        canary = (folder / CANARY).relative_to(examination.root).as_posix()
        options = json.dumps({"guesses": _GUESSES, "excuses": _EXCUSES})
        argv = (sys.executable, "-I", str(SESSION), options)
        operands = (*examination.paths, f"./{canary}")
        result = await examination.run(argv, operands, timeout=SECONDS)
    if result.exit_code != 0:
        raise ToolFailed(f"detect-secrets broke: {result.stderr[-500:].strip()}")
    report: list[tuple[str, int, str]] = json_report(result, "detect-secrets")
    found = {f"{PurePosixPath(path)}:{line}": kind for path, line, kind in report}
    if found.pop(f"{canary}:1", None) is None:
        raise ToolFailed("detect-secrets did not find the key that was put there for it to find")
    places = {**found, **places}
    examination.measurement.detail += [f"{place}: {kind}" for place, kind in sorted(places.items())]
    return {"secrets.found": len(places)}


def _own(files: Sequence[SourceFile]) -> dict[str, str]:
    return {place: kind for file in files for place, kind in secrets.places(file)}


def _key() -> str:
    """Has the shape of a cloud access key, and opens nothing."""
    letters = random.choices(string.ascii_uppercase + string.digits, k=16)  # noqa: S311
    return "AKIA" + "".join(letters)


SECRETS = ProgramCollector("secrets", (Program("detect-secrets"),), secrets.accepts, _examine)
