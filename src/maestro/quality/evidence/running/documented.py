"""What the documents tell people to type, really typed.

Runnable are fenced blocks of README and docs/ whose first line says so: ```sh runnable (or bash).
Each block is one command here: a script that stops at its first failure. They run one after the
other on one copy of the project, in the order README, then docs/ by name, without a network.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from maestro.domain.values import JsonScalar
from maestro.ports import CommandResult
from maestro.quality.evidence.programs import NotMeasurable, ToolFailed
from maestro.quality.evidence.running.workbench import Workbench
from maestro.quality.evidence.tooling import SourceFile, UnusableFile, read_files

MAX_BLOCKS = 50
_SHOWN = 400
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^`\n]*)$")
_SHELLS = {
    "sh": ("sh", "-eu", "-c"),
    "bash": ("bash", "--noprofile", "--norc", "-euo", "pipefail", "-c"),
}


@dataclass(frozen=True, slots=True)
class DocumentedCommand:
    place: str
    """`README.md:12`."""
    shell: str
    script: str


async def run_documented(bench: Workbench) -> Mapping[str, JsonScalar]:
    try:
        files = await asyncio.to_thread(read_files, bench.root)
    except UnusableFile as error:
        raise ToolFailed(str(error)) from error
    documents = sorted((file for file in files if _is_document(file)), key=_rank)
    found = [command for file in documents for command in documented_commands(file)]
    if not found:
        raise NotMeasurable("no document has a block that is marked as runnable (```sh runnable)")
    if len(found) > MAX_BLOCKS:
        raise ToolFailed(f"{len(found)} runnable blocks; at most {MAX_BLOCKS} are run")
    failed = 0
    for command in found:
        failed += not await _works(bench, command)
    bench.measurement.files_examined = len({c.place.partition(":")[0] for c in found})
    return {"docs.commands": len(found), "docs.commands_failed": failed}


def documented_commands(file: SourceFile) -> list[DocumentedCommand]:
    """The runnable blocks of a Markdown file. Raises ToolFailed for one that nothing closes."""
    found: list[DocumentedCommand] = []
    fence, words, begin, lines = "", [""], 0, [""]
    for number, line in enumerate(file.text.splitlines(), start=1):
        match = _FENCE.match(line)
        if not fence and match:
            fence, words, begin, lines = match[1], match[2].split(), number, []
        elif fence and match and match[1].startswith(fence) and not match[2].strip():
            if words[1:] == ["runnable"] and words[0] in _SHELLS:
                place = f"{file.path}:{begin}"
                found.append(DocumentedCommand(place, words[0], "\n".join(lines)))
            fence = ""
        elif fence:
            lines.append(line)
    if fence and "runnable" in words:
        raise ToolFailed(f"{file.path}:{begin}: the runnable block never ends")
    return found


async def _works(bench: Workbench, command: DocumentedCommand) -> bool:
    if not _does_something(command.script):
        bench.measurement.detail.append(f"{command.place}: the block holds no command")
        return False
    argv = (*_SHELLS[command.shell], command.script)
    seconds = bench.equipment.patience.block
    result = await bench.sandbox.run(argv, timeout=seconds, env=bench.subject.env)
    bench.measurement.argv = bench.measurement.argv or argv[:-1]
    bench.measurement.raw += result.stdout + result.stderr
    good = result.exit_code == 0 and not result.timed_out
    if not good:
        bench.measurement.exit_code = result.exit_code
        bench.measurement.detail.append(f"{command.place}: {_why(result, seconds)}")
    return good


def _does_something(script: str) -> bool:
    return any(line.strip() and not line.strip().startswith("#") for line in script.splitlines())


def _why(result: CommandResult, seconds: float) -> str:
    if result.timed_out:
        return f"did not end within {seconds:.0f} s"
    tail = (result.stdout + result.stderr).strip()[-_SHOWN:]
    return f"ended with status {result.exit_code}: …{tail}"


def _is_document(file: SourceFile) -> bool:
    path = PurePosixPath(file.path)
    in_place = path.parent == PurePosixPath(".") or path.parts[0] == "docs"
    return in_place and path.suffix.lower() == ".md"


def _rank(file: SourceFile) -> tuple[bool, str]:
    return not file.path.lower().startswith("readme"), file.path
