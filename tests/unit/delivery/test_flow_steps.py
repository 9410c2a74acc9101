"""The actions of workflow files."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from maestro.delivery.flow_steps import CommandFailed, FlowSteps
from maestro.domain.run import EventKind, StepError
from maestro.domain.values import JsonValue, RunId, StepId
from maestro.domain.workflow import Step, StepKind
from maestro.errors import Blocked, InvalidInput, StepFailed, StepTimedOut
from maestro.ports import StepContext, StepResult
from maestro.workflow.definition import parse_workflow
from maestro.workflow.definition.references import ReferenceFailed

HANDLERS = FlowSteps(
    environment={"PATH": os.environ["PATH"], "MAESTRO_DB": "x", "TOKEN": "secret", "LANG": "C"}
).handlers()


def run(
    step: Step,
    *,
    outputs: Mapping[str, JsonValue] | None = None,
    errors: Mapping[str, StepError] | None = None,
    inputs: Mapping[str, JsonValue] | None = None,
    told: list[Mapping[str, JsonValue]] | None = None,
) -> StepResult:
    async def emit(kind: EventKind, data: Mapping[str, JsonValue]) -> None:
        if told is not None:
            told.append({"kind": kind.value, **data})

    context = StepContext(
        run_id=RunId("run-1"),
        step=step,
        attempt=1,
        run_inputs=inputs or {},
        outputs={StepId(key): value for key, value in (outputs or {}).items()},
        errors={StepId(key): value for key, value in (errors or {}).items()},
        emit=emit,
    )
    return asyncio.run(HANDLERS[step.action](context))


def flow(text: str, step_id: str) -> Step:
    return parse_workflow(f"name: x\n{text}").step(StepId(step_id))


def set_value(**inputs: JsonValue) -> Step:
    return Step(id=StepId("a"), action="value.set", inputs=inputs)


# --- values and references ------------------------------------------------------------------------


def test_references_are_resolved_before_an_action_runs() -> None:
    step = set_value(x="${outputs.b.n}", y="n is ${outputs.b.n}", z="$${outputs.b.n}")
    result = run(step, outputs={"b": {"n": [1]}})
    assert result.output == {"x": [1], "y": "n is [1]", "z": "${outputs.b.n}"}


def test_a_reference_to_a_skipped_step_fails_with_its_place() -> None:
    with pytest.raises(ReferenceFailed, match=r"inputs\.x\[0\]: .*'b' has no output"):
        run(set_value(x=["${outputs.b.n}"]))


def test_a_notice_is_told() -> None:
    step = flow("steps: [{id: n, kind: notification, inputs: {message: hi you}}]", "n")
    told: list[Mapping[str, JsonValue]] = []
    assert run(step, told=told).output == {"message": "hi you"}
    assert told == [{"kind": "step.progress", "message": "hi you"}]


# --- inputs ---------------------------------------------------------------------------------------

DECLARED = "inputs: {v: {type: int}, t: {type: string, default: '${x}'}}\n"


def test_the_inputs_of_a_run() -> None:
    step = flow(DECLARED.replace("${x}", "$${x}") + "steps: [{id: a, action: work}]", "inputs")
    assert run(step, inputs={"inputs": {"v": 1}}).output == {"v": 1, "t": "$${x}"}
    with pytest.raises(InvalidInput, match="input 'v'"):
        run(step, inputs={"inputs": {"v": "1"}})
    with pytest.raises(InvalidInput, match=r"input 'v' .* missing"):
        run(step)


def test_the_inputs_of_a_sub_workflow() -> None:
    step = flow(
        "steps: [{id: o, action: work}, {id: s, kind: workflow, needs: [o], with: {v: "
        "'${outputs.o}'}, workflow: {inputs: {v: {type: int}}, steps: [{id: a, action: work}]}}]",
        "s.begin",
    )
    assert run(step, outputs={"o": 5}).output == {"v": 5}
    with pytest.raises(InvalidInput, match="input 'v': must be a int, got 'five'"):
        run(step, outputs={"o": "five"})


# --- maps -----------------------------------------------------------------------------------------

MAP = "steps: [{id: o, action: work}, {id: m, kind: map, needs: [o], over: '${outputs.o.list}', step: {action: work, inputs: {x: '${item}'}}}]"  # noqa: E501


def test_a_map_extends_the_run() -> None:
    result = run(flow(MAP, "m.items"), outputs={"o": {"list": ["${item}", 2]}})
    assert result.output == ["${item}", 2]
    assert [step.id for step in result.extend] == ["m.0", "m.1"]
    assert result.extend[1].inputs == {"x": "${outputs['m.items'][1]}"}
    assert {step.parent for step in result.extend} == {"m"}


def test_an_empty_map() -> None:
    assert run(flow(MAP, "m.items"), outputs={"o": {"list": []}}).extend == ()
    assert run(flow(MAP, "m"), outputs={"m.items": []}).output == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("text", "map 'm': 'over' must give a list, got str: text"),
        (None, "got nothing: null"),
        ({"a": 1}, "got dict"),
        ([0] * 10_001, "goes over 10001 items"),
    ],
)
def test_what_is_no_list_of_fair_length_is_refused(value: JsonValue, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        run(flow(MAP, "m.items"), outputs={"o": {"list": value}})


def test_a_map_collects_in_order_and_skipped_items_are_null() -> None:
    items = list("abcdefghijkl")
    outputs: dict[str, JsonValue] = {f"m.{n}": n for n in range(12) if n != 3}
    result = run(flow(MAP, "m"), outputs={"m.items": items, **outputs, "m.10.x": "inner"})
    assert result.output == [0, 1, 2, None, 4, 5, 6, 7, 8, 9, 10, 11]


def test_an_item_that_failed_fails_the_map() -> None:
    errors = {"m.1": StepError(code="step_failed", message="broke")}
    outputs: dict[str, JsonValue] = {"m.items": [1, 2], "m.0": 1}
    with pytest.raises(StepFailed, match=r"1 of 2 steps of 'm' did not succeed: m\.1: broke"):
        run(flow(MAP, "m"), outputs=outputs, errors=errors)


def test_only_refused_items_block_the_map() -> None:
    errors = {"m.1": StepError(code="blocked", message="refused")}
    outputs: dict[str, JsonValue] = {"m.items": [1, 2], "m.0": 1}
    with pytest.raises(Blocked, match="1 of 2 steps") as caught:
        run(flow(MAP, "m"), outputs=outputs, errors=errors)
    assert caught.value.reasons == ("m.1: refused",)


def test_a_sub_workflow_collects_by_id() -> None:
    step = flow(
        "steps: [{id: s, kind: workflow, workflow: {steps: [{id: a, action: work}, "
        "{id: b, action: work}]}}]",
        "s",
    )
    assert run(step, outputs={"s.begin": {}, "s.a": 1}).output == {"a": 1, "b": None}


# --- commands -------------------------------------------------------------------------------------


def command(*argv: JsonValue, **rest: JsonValue) -> Step:
    kind = StepKind(rest.pop("kind", "action"))
    yields = rest.pop("yields", {})
    limit = rest.pop("timeout", 30.0)
    inputs = {"argv": list(argv), **rest}
    return Step(
        id=StepId("c"), action="command.run", kind=kind, inputs=inputs, yields=yields,
        timeout_seconds=limit,
    )  # fmt: skip


def python(code: str, *more: JsonValue, **rest: JsonValue) -> Step:
    return command(sys.executable, "-c", code, *more, **rest)


def in_folder(step: Step, folder: Path) -> JsonValue:
    return run(step, inputs={"folder": str(folder)}).output


def test_a_command_puts_out_what_it_said(tmp_path: Path) -> None:
    code = "import sys; print('out', *sys.argv[1:]); print('err', file=sys.stderr)"
    output = in_folder(python(code, "a b", 1, True, "$HOME;x"), tmp_path)
    assert output == {"exit_status": 0, "stdout": "out a b 1 true $HOME;x\n", "stderr": "err\n"}


def test_json_on_stdout_is_read_and_yields_are_taken_from_it(tmp_path: Path) -> None:
    code = "import json; print(json.dumps({'n': 3, 'other': [1], 'exit_status': 9}))"
    output = in_folder(python(code, yields={"n": "int", "exit_status": "int"}), tmp_path)
    assert output["json"] == {"n": 3, "other": [1], "exit_status": 9}
    assert (output["n"], output["exit_status"]) == (3, 0)
    assert "other" not in output


@pytest.mark.parametrize("text", ["NaN", "[1", '"\\ud800"', '"\\u0000"', "", "[" * 5000])
def test_what_a_journal_cannot_keep_is_not_read_as_json(text: str, tmp_path: Path) -> None:
    output = in_folder(python("import sys; print(sys.argv[1])", text), tmp_path)
    assert "json" not in output
    json.dumps(output, allow_nan=False).encode()


def test_only_the_end_of_much_output_is_kept(tmp_path: Path) -> None:
    code = "import sys; sys.stdout.write('é' * 500_000 + 'end'); sys.stderr.write('\\0x')"
    output = in_folder(python(code), tmp_path)
    assert output["stdout"].endswith("éend")
    assert len(output["stdout"].encode()) in (64 * 1024, 64 * 1024 - 1)
    assert output["stderr"] == "\ufffdx"


def test_a_failing_command(tmp_path: Path) -> None:
    step = python("import sys; print('x' * 9000); sys.exit('it broke')")
    with pytest.raises(CommandFailed, match=r"ended with status 1: it broke$") as caught:
        in_folder(step, tmp_path)
    assert caught.value.retryable


def test_a_gate_refuses(tmp_path: Path) -> None:
    with pytest.raises(Blocked, match="ended with status 3"):
        in_folder(python("import sys; sys.exit(3)", kind="gate"), tmp_path)


def test_a_program_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="status 127: no-such-program: No such file"):
        in_folder(command("no-such-program"), tmp_path)


def test_arguments_that_are_too_long(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="cannot be started: Argument list too long"):
        in_folder(command("echo", "x" * 200_000), tmp_path)


def test_a_command_sees_little_of_this_process(tmp_path: Path) -> None:
    code = "import os, sys, json; print(json.dumps([dict(os.environ), sys.stdin.read()]))"
    output = in_folder(python(code, env={"OWN": 5}), tmp_path)
    environment, stdin = output["json"]
    assert environment["OWN"] == "5"
    assert environment["LANG"] == "C"
    assert not {"MAESTRO_DB", "TOKEN"} & set(environment)
    assert stdin == ""


def test_a_command_starts_in_the_folder_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    output = in_folder(python("import os; print(os.getcwd())", cwd="sub/../sub"), tmp_path)
    assert output["stdout"].strip() == str((tmp_path / "sub").resolve())


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (command(), "a list, the program and its arguments"),
        (command(""), r"argv\[0\] is empty"),
        (command("echo", ["a"]), r"argv\[1\] must be a text or a number"),
        (command("echo", None), r"argv\[1\] must be"),
        (command("echo", "a\0b"), r"argv\[1\] holds a NUL"),
        (command("echo", env=[]), r"inputs\.env must map"),
        (command("echo", env={"MAESTRO_DB": "x"}), r"'MAESTRO_DB' cannot be set"),
        (command("echo", env={"a b": "x"}), r"'a b' cannot be set"),
        (command("echo", cwd=".."), "leaves the folder"),
        (command("echo", cwd="/"), "leaves the folder"),
        (command("echo", cwd="link"), "leaves the folder"),
        (command("echo", cwd="missing"), "no such folder"),
    ],
)
def test_commands_that_are_refused(step: Step, problem: str, tmp_path: Path) -> None:
    folder = tmp_path / "flow"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises((InvalidInput, StepFailed), match=problem):
        in_folder(step, folder)


def test_a_run_without_a_folder() -> None:
    with pytest.raises(InvalidInput, match="this run knows none"):
        run(command("echo"))


TREE = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session=True)
with open("pids", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename("pids", "ready")
time.sleep(600)
"""


def _gone(pids: Sequence[int]) -> bool:
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_the_limit_ends_the_whole_tree(tmp_path: Path) -> None:
    with pytest.raises(StepTimedOut, match="limit of 2 s"):
        in_folder(python(TREE, timeout=2.0), tmp_path)
    pids = [int(pid) for pid in (tmp_path / "ready").read_text().split()]
    assert len(pids) == 2
    assert _gone(pids)


def test_cancelling_ends_the_whole_tree(tmp_path: Path) -> None:
    async def scenario() -> list[int]:
        async def emit(kind: EventKind, data: Mapping[str, JsonValue]) -> None: ...

        context = StepContext(
            run_id=RunId("run-1"), step=python(TREE), attempt=1,
            run_inputs={"folder": str(tmp_path)}, outputs={}, emit=emit,
        )  # fmt: skip
        task = asyncio.ensure_future(HANDLERS["command.run"](context))
        ready = tmp_path / "ready"
        while not await asyncio.to_thread(ready.exists):
            await asyncio.sleep(0.02)
        pids = [int(pid) for pid in ready.read_text().split()]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return pids

    assert _gone(asyncio.run(scenario()))
