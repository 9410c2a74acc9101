"""Actions of workflow files: what maps and sub-workflows become, values, commands, notices."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from maestro.agents.sandboxes.confinement import supervised
from maestro.agents.sandboxes.processes import run_to_end
from maestro.domain.encoding import decode
from maestro.domain.values import JsonObject, JsonValue, StepId
from maestro.domain.workflow import Step, StepKind
from maestro.errors import Blocked, InvalidInput, StepFailed, StepTimedOut
from maestro.ports import CommandResult, StepContext, StepHandler, StepResult
from maestro.workflow.definition.actions import (
    BEGIN,
    COLLECT,
    COMMAND,
    EXPAND,
    NOTIFY,
    SET,
    live_inputs,
)
from maestro.workflow.definition.inputs import InputDeclaration, checked_inputs
from maestro.workflow.definition.references import as_text, from_outputs, resolve
from maestro.workflow.definition.templates import expanded

MAX_OUTPUT_BYTES = 64 * 1024
TOLD_CHARACTERS = 2000
FOLDER, VALUES = "folder", "inputs"
"""Where a workflow's run keeps the folder of its file, and the values given for its inputs."""
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LOGNAME")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class CommandFailed(StepFailed):
    """A command ended with another status than 0."""

    code = "command_failed"


@dataclass(frozen=True, slots=True)
class FlowSteps:
    """References in the inputs of these actions are resolved before they run."""

    environment: Mapping[str, str]
    """Of this process; commands get a few harmless variables of it."""

    def handlers(self) -> Mapping[str, StepHandler]:
        handlers: dict[str, StepHandler] = {
            BEGIN: begin,
            EXPAND: expand,
            COLLECT: collect,
            SET: set_value,
            COMMAND: self.command,
            NOTIFY: notify,
        }
        return {action: resolving(handler) for action, handler in handlers.items()}

    async def command(self, context: StepContext) -> StepResult:
        """Runs a program to its end; its whole tree ends with it, or at the step's limit.

        Raises CommandFailed for a status other than 0, Blocked instead where the step is a gate.
        """
        step = context.step
        argv = _argv(step)
        folder = await asyncio.to_thread(_folder, context)
        environment = self._environment(step)
        limit = step.timeout_seconds
        wrapped = supervised(argv, cwd=folder, env=environment)
        try:
            result = await run_to_end(wrapped, limit, argv)
        except OSError as error:
            raise StepFailed(f"{argv[0]!r} cannot be started: {error.strerror}") from error
        if result.timed_out:
            raise StepTimedOut(f"{argv[0]!r} was ended at its limit of {limit:g} s")
        if result.exit_code != 0:
            _refuse(step, result)
        return StepResult(output=_output(step, result))

    def _environment(self, step: Step) -> dict[str, str]:
        given = step.inputs.get("env", {})
        if not isinstance(given, Mapping):
            raise InvalidInput(f"inputs.env must map names to texts, got {given!r:.80}")
        kept = {name: self.environment[name] for name in _INHERITED if name in self.environment}
        for name, value in given.items():
            if not _VARIABLE.fullmatch(name) or name.startswith("MAESTRO_"):
                raise InvalidInput(
                    f"inputs.env: {name!r} cannot be set; use letters, digits and '_', and no name "
                    "that begins with MAESTRO_"
                )
            kept[name] = _word(value, f"inputs.env.{name}")
        return kept


def resolving(handler: StepHandler) -> StepHandler:
    """The handler, seeing its step's inputs with every reference replaced by its value."""

    async def handle(context: StepContext, /) -> StepResult:
        look_up = from_outputs(context.outputs)
        inputs = dict(context.step.inputs)
        for name in live_inputs(context.step.action, inputs):
            inputs[name] = resolve(inputs[name], look_up, f"inputs.{name}")
        return await handler(replace(context, step=replace(context.step, inputs=inputs)))

    return handle


async def begin(context: StepContext) -> StepResult:
    """Puts out the inputs of a workflow (given for the run) or of a sub-workflow (`values`)."""
    inputs = context.step.inputs
    declared = {name: decode(InputDeclaration, entry) for name, entry in inputs["declared"].items()}
    given = inputs.get("values", context.run_inputs.get(VALUES) or {})
    return StepResult(output=checked_inputs(declared, given))


async def expand(context: StepContext) -> StepResult:
    """Extends the run by the steps of a map, one set for each item of the list.

    Raises InvalidInput for what is not a list, or too long.
    """
    items = context.step.inputs["over"]
    map_id = context.step.id.removesuffix(".items")
    if not isinstance(items, list):
        kind = "nothing" if items is None else type(items).__name__
        raise InvalidInput(
            f"map {map_id!r}: 'over' must give a list, got {kind}: {as_text(items)[:80]}"
        )
    template = context.step.inputs["steps"]
    steps = await asyncio.to_thread(expanded, map_id, template, items)
    return StepResult(output=items, extend=steps)


async def collect(context: StepContext) -> StepResult:
    """Puts out what the steps of a map (a list) or of a sub-workflow (by id) put out.

    A skipped one counts as null. Raises Blocked or StepFailed when one did not end well.
    """
    own = context.step.id
    names = context.step.inputs.get("steps")
    if names is None:
        count = len(context.outputs[StepId(f"{own}.items")])
        inner = [StepId(f"{own}.{index}") for index in range(count)]
    else:
        inner = [StepId(f"{own}.{name}") for name in names]
    _check_inner(context, inner)
    outputs = [context.outputs.get(step_id) for step_id in inner]
    return StepResult(output=outputs if names is None else dict(zip(names, outputs, strict=True)))


async def set_value(context: StepContext) -> StepResult:
    """Puts out its inputs."""
    return StepResult(output=dict(context.step.inputs))


async def notify(context: StepContext) -> StepResult:
    """Tells whoever watches the run."""
    message = as_text(context.step.inputs.get("message", ""))
    await context.progress(message)
    return StepResult(output={"message": message})


def _check_inner(context: StepContext, inner: list[StepId]) -> None:
    wrong = [
        (step_id, context.errors[step_id])
        for step_id in inner
        if step_id in context.errors and step_id not in context.outputs
    ]
    if not wrong:
        return
    told = [f"{step_id}: {error.message}" for step_id, error in wrong[:5]]
    message = f"{len(wrong)} of {len(inner)} steps of {context.step.id!r} did not succeed"
    if all(error.code == Blocked.code for _, error in wrong):
        raise Blocked(message, reasons=tuple(told))
    raise StepFailed(f"{message}: {'; '.join(told)}")


def _argv(step: Step) -> list[str]:
    argv = step.inputs.get("argv")
    if not isinstance(argv, list) or not argv:
        raise InvalidInput(
            f"inputs.argv must be a list, the program and its arguments, got {argv!r:.80}"
        )
    words = [_word(word, f"inputs.argv[{index}]") for index, word in enumerate(argv)]
    if not words[0]:
        raise InvalidInput("inputs.argv[0] is empty; name a program")
    return words


def _word(value: JsonValue, where: str) -> str:
    if value is None or isinstance(value, list | dict):
        raise InvalidInput(f"{where} must be a text or a number, got {value!r:.80}")
    word = as_text(value)
    if "\x00" in word:
        raise InvalidInput(f"{where} holds a NUL character")
    return word


def _folder(context: StepContext) -> Path:
    """Where the command starts: the folder of the workflow's file, or one below it."""
    root = context.run_inputs.get(FOLDER)
    if not isinstance(root, str):
        raise InvalidInput(
            f"{COMMAND} starts in the folder of the workflow's file, and this run knows none; "
            "start it with start_workflow"
        )
    relative = context.step.inputs.get("cwd", ".")
    folder = (Path(root) / _word(relative, "inputs.cwd")).resolve()
    if not folder.is_relative_to(Path(root).resolve()):
        raise InvalidInput(f"inputs.cwd {relative!r} leaves the folder of the workflow")
    if not folder.is_dir():
        raise StepFailed(f"inputs.cwd {relative!r}: there is no such folder in {root!r}")
    return folder


def _refuse(step: Step, result: CommandResult) -> NoReturn:
    said = (result.stderr.strip() or result.stdout.strip())[-TOLD_CHARACTERS:]
    message = f"{result.argv[0]!r} ended with status {result.exit_code}" + (
        f": {_plain(said)}" if said else ""
    )
    if step.kind is StepKind.GATE:
        raise Blocked(message)
    raise CommandFailed(message)


def _output(step: Step, result: CommandResult) -> JsonObject:
    output: dict[str, JsonValue] = {}
    found, value = _json(result.stdout)
    if found:
        output["json"] = value
        if isinstance(value, dict):
            output |= {name: value[name] for name in step.yields if name in value}
    return output | {
        "exit_status": result.exit_code,
        "stdout": _tail(result.stdout),
        "stderr": _tail(result.stderr),
    }


def _tail(text: str) -> str:
    return _plain(text.encode()[-MAX_OUTPUT_BYTES:].decode(errors="ignore"))


def _plain(text: str) -> str:
    """PostgreSQL keeps no NUL."""
    return text.replace("\x00", "\ufffd")


def _json(text: str) -> tuple[bool, JsonValue]:
    """Whether the whole text is JSON that a journal can keep, and its value."""

    def constant(word: str) -> NoReturn:
        raise ValueError(word)

    try:
        value = json.loads(text, parse_constant=constant)
        kept = json.dumps(value, ensure_ascii=False)
        kept.encode()
    except (ValueError, RecursionError):
        return False, None
    return "\\u0000" not in kept, value
