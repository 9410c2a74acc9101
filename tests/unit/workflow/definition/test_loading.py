"""What workflow files may say, and how they are told what they may not."""

import contextlib
import json
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maestro.domain.encoding import decode, encode
from maestro.domain.values import JsonValue
from maestro.domain.workflow import EdgeRule, OnUnmet, Step, StepKind, Workflow, check_graph
from maestro.errors import InvalidInput
from maestro.workflow.conditions import check_conditions
from maestro.workflow.definition import (
    load_definition,
    load_workflow,
    parse_definition,
    parse_workflow,
)
from maestro.workflow.definition.actions import EXPAND
from maestro.workflow.definition.templates import expanded

ACTIONS = {"value.set", "command.run", "notify", "work"}
EXAMPLES = Path(__file__).parents[4] / "examples" / "workflows"


def parsed(text: str) -> Workflow:
    return parse_workflow(textwrap.dedent(text), name="f.yaml", actions=ACTIONS)


def only(text: str) -> Step:
    """The step of a workflow with one, written without what surrounds it."""
    body = textwrap.indent(textwrap.dedent(text).strip("\n"), "    ")
    return parsed(f"name: x\nsteps:\n  -\n{body}").steps[0]


def test_every_field_of_a_step() -> None:
    step = only("""
        id: deploy-it
        kind: gate
        action: work
        title: Deploy "it"
        on_unmet: fail
        yields: {ok: bool, n: int}
        inputs: {a: [1, {b: null}]}
        retry:
          {max_attempts: 3, delay: 1m, backoff: 3, max_delay: 1h, jitter: 0.5, retry_on: [blocked]}
        timeout: 5m
        capability: gpu
        priority: -3
        """)
    assert (step.id, step.kind, step.action) == ("deploy-it", StepKind.GATE, "work")
    assert (step.title, step.on_unmet, step.priority) == ('Deploy "it"', OnUnmet.FAIL, -3)
    assert step.yields == {"ok": "bool", "n": "int"}
    assert step.inputs == {"a": [1, {"b": None}]}
    assert encode(step.retry) == {
        "max_attempts": 3, "delay_seconds": 60.0, "backoff": 3.0, "max_delay_seconds": 3600.0,
        "jitter": 0.5, "retry_on": ["blocked"],
    }  # fmt: skip
    assert (step.timeout_seconds, step.capability) == (300.0, "gpu")


def test_needs_with_rules() -> None:
    workflow = parsed("""
        name: x
        steps:
          - {id: a, action: work}
          - {id: b, action: work}
          - {id: c, action: work}
          - id: d
            action: work
            on_unmet: fail
            needs: [a, {step: b}, {step: c, on_skipped: run}]
        """)
    step = workflow.steps[3]
    assert step.needs == ("a", "b", "c")
    assert step.edges == {"c": EdgeRule(skipped=OnUnmet.RUN, failed=OnUnmet.FAIL)}


def test_waiting_and_telling_steps() -> None:
    assert only("id: a\nkind: approval\nexpires: 2d").expires_seconds == 172_800
    assert only("id: a\nkind: signal").action == ""
    told = only("id: a\nkind: notification\ninputs: {message: hello}")
    assert (told.kind, told.action) == (StepKind.NOTIFICATION, "notify")


def test_json_is_the_same_workflow() -> None:
    document = {"name": "x", "steps": [{"id": "a", "action": "work", "timeout": 5}]}
    text = json.dumps(document)
    assert parse_workflow(text, format="json") == parse_workflow(text, format="yaml")


REFUSALS = {
    # structure
    "unknown field at the top": ("name: x\nsetps: []", r"f\.yaml, line 2: setps: unknown field"),
    "unknown field of a step": (
        "name: x\nsteps:\n  - id: a\n    action: work\n    tiemout: 5",
        r"line 5: steps\[0\]\.tiemout: unknown field 'tiemout'; known: id, kind, action",
    ),
    "no steps": ("name: x\nsteps: []", r"line 2: steps: must have at least 1 entries"),
    "not an object": ("[]", r"must be of type object"),
    "nothing": ("", r"must be of type object"),
    "bad id": ("name: x\nsteps: [{id: A.b, action: work}]", r"steps\[0\]\.id: must match"),
    "unknown kind": ("name: x\nsteps: [{id: a, kind: job}]", r"kind: must be one of action, inter"),
    "no action": ("name: x\nsteps: [{id: a}]", r"steps\[0\]: the field 'action' is missing"),
    "field of another kind": (
        "name: x\nsteps: [{id: a, action: work, over: []}]",
        r"over: the field 'over' is not for a step of this kind",
    ),
    "approval with action": (
        "name: x\nsteps: [{id: a, kind: approval, action: work}]",
        r"action: the field 'action' is not for",
    ),
    "bad span": ("name: x\nsteps: [{id: a, action: work, timeout: 5 min}]", r"timeout: must match"),
    "no time": ("name: x\nsteps: [{id: a, action: work, timeout: 0}]", r"longer than nothing"),
    "bad retry": (
        "name: x\nsteps: [{id: a, action: work, retry: {max_attempts: 0}}]",
        r"retry\.max_attempts: must be at least 1, got 0",
    ),
    "unknown error code": (
        "name: x\nsteps: [{id: a, action: work, retry: {retry_on: [timeout]}}]",
        r"retry_on\[0\]: unknown error code 'timeout'; known: .*step_timed_out",
    ),
    "unknown field of a need": (
        "name: x\nsteps: [{id: a, action: work, needs: [{step: b, when: c}]}]",
        r"needs\[0\]\.when: unknown field 'when'; known: step, on_skipped, on_failed",
    ),
    "unknown field of an inner step": (
        "name: x\nsteps:\n  - id: a\n    kind: workflow\n    workflow:\n      steps:\n"
        "        - id: b\n          action: work\n          foo: 1",
        r"line 9: steps\[0\]\.workflow\.steps\[0\]\.foo: unknown field",
    ),
    # meaning
    "duplicate id": (
        "name: x\nsteps:\n  - {id: a, action: work}\n  - {id: a, action: work}",
        r"line 4: steps\[1\]\.id: step id 'a' is used twice, first at f\.yaml, line 3",
    ),
    "unknown need": (
        "name: x\nsteps:\n  - id: a\n    action: work\n    needs: [b]",
        r"line 5: steps\[0\]\.needs\[0\]: step 'a' needs 'b', which is not a step; steps: a",
    ),
    "need twice": (
        "name: x\nsteps: [{id: a, action: work}, {id: b, action: work, needs: [a, {step: a}]}]",
        r"needs\[1\]: 'a' is needed already",
    ),
    "circle": (
        "name: x\nsteps:\n  - {id: z, action: work, needs: [a]}\n  - {id: a, action: work, needs: "
        "[c]}\n  - {id: b, action: work, needs: [a]}\n  - {id: c, action: work, needs: [b]}",
        r"line 4: steps\[1\]\.needs: steps need each other in a circle: a -> c -> b -> a",
    ),
    "itself": ("name: x\nsteps: [{id: a, action: work, needs: [a]}]", r"circle: a -> a"),
    "reserved id": ("name: x\nsteps: [{id: inputs, action: work}]", r"stands for the inputs"),
    "unknown action": (
        "name: x\nsteps:\n  - id: a\n    action: wrok",
        r"line 4: steps\[0\]\.action: unknown action 'wrok'; known: command\.run, notify, value",
    ),
    "own action": (
        "name: x\nsteps: [{id: a, action: flow.expand}]",
        r"'flow\.expand' belongs to maps and sub-workflows",
    ),
    "command without argv": (
        "name: x\nsteps: [{id: a, action: command.run, inputs: {}}]",
        r"inputs: command\.run needs the input 'argv'",
    ),
    "command with more": (
        "name: x\nsteps: [{id: a, action: command.run, inputs: {argv: [x], shell: true}}]",
        r"inputs\.shell: command\.run has no input 'shell'; known: argv, cwd, env",
    ),
    "command as a text": (
        "name: x\nsteps: [{id: a, action: command.run, inputs: {argv: rm -r x}}]",
        r"inputs\.argv: must be a list, .*no shell",
    ),
    "unknown concurrency key": (
        "name: x\nconcurrency: {db: 1}\nsteps: [{id: a, action: work, concurrency: bd}]",
        r"steps\[0\]\.concurrency: unknown concurrency key 'bd'; known: db",
    ),
    "concurrency of nothing": (
        "name: x\nconcurrency: {db: 0}\nsteps: [{id: a, action: work}]",
        r"concurrency\.db: must be at least 1",
    ),
    "required with default": (
        "name: x\ninputs: {v: {type: int, required: true, default: 1}}\nsteps: "
        "[{id: a, action: w}]",
        r"inputs\.v\.required: an input with a default",
    ),
    "default of another type": (
        "name: x\ninputs: {v: {type: int, default: one}}\nsteps: [{id: a, action: w}]",
        r"line 2: inputs\.v\.default: must be a int, got 'one'",
    ),
    # conditions
    "condition on what nobody yields": (
        "name: x\nsteps:\n  - {id: a, action: work, yields: {ok: bool}}\n  - id: b\n    action: "
        "work\n    needs: [a]\n    when: outputs.a.okay",
        r"line 7: steps\[1\]\.when: .*undeclared reference.*; names it may use: outputs\.a\.ok",
    ),
    "condition on a stranger": (
        "name: x\nsteps: [{id: a, action: work, yields: {ok: bool}}, "
        "{id: b, action: work, when: outputs.a.ok}]",
        r"steps\[1\]\.when: .*names it may use: none",
    ),
    "condition on an unknown input": (
        "name: x\ninputs: {v: {type: bool}}\nsteps: [{id: b, action: work, when: inputs.w}]",
        r"steps\[0\]\.when: .*names it may use: inputs\.v",
    ),
    "condition on steps that look alike": (
        "name: x\nsteps: [{id: a-b, action: work, yields: {ok: bool}}, {id: a_b, action: work, "
        "yields: {ok: bool}}, {id: c, action: work, needs: [a-b, a_b], when: outputs.a_b.ok}]",
        r"when: the steps 'a-b' and 'a_b' look the same",
    ),
    "macro": (
        "name: x\nsteps: [{id: a, action: work, when: '[1].all(x, x == 1)'}]",
        r"when: .*all\(\) is not available",
    ),
    # references
    "reference to an unknown input": (
        "name: x\nsteps:\n  - id: a\n    action: work\n    inputs:\n      deep: [1, '${inputs.v}']",
        r"line 6: steps\[0\]\.inputs\.deep\[1\]: .*unknown input 'v'; declared: none",
    ),
    "reference to an unknown step": (
        "name: x\nsteps: [{id: a, action: work, inputs: {x: '${outputs.b.c}'}}]",
        r"there is no step 'b' here",
    ),
    "reference to what is not needed": (
        "name: x\nsteps: [{id: a, action: work}, {id: b, action: work, inputs: "
        "{x: '${outputs.a}'}}]",
        r"step 'b' does not need 'a', directly or not",
    ),
    "reference to what is not yielded": (
        "name: x\nsteps: [{id: a, action: work, yields: {n: int}}, "
        "{id: b, action: work, needs: [a], inputs: {x: '${outputs.a.m}'}}]",
        r"'m' is not among the yields of that step: n",
    ),
    "item outside a map": (
        "name: x\nsteps: [{id: a, action: work, inputs: {x: '${item}'}}]",
        r"only the step of a map has an item",
    ),
    "bad reference": (
        "name: x\nsteps: [{id: a, action: work, inputs: {x: '${HOME}'}}]",
        r"inputs\.x: '\$\{HOME\}' is no reference",
    ),
    "reference in an approval": (
        "name: x\ninputs: {v: {type: int}}\n"
        "steps: [{id: a, kind: approval, inputs: {x: '${inputs.v}'}}]",
        r"nothing resolves it for this kind",
    ),
    # maps and sub-workflows
    "map without a step": (
        "name: x\nsteps: [{id: a, kind: map, over: []}]",
        r"the field 'step' is missing",
    ),
    "needs in a template": (
        "name: x\nsteps: [{id: a, kind: map, over: [], step: {action: work, needs: []}}]",
        r"step\.needs: unknown field 'needs'",
    ),
    "over no reference": (
        "name: x\nsteps: [{id: a, kind: map, over: 'a ${b}', step: {action: work}}]",
        r"over: must match",
    ),
    "field of a map": (
        "name: x\nsteps: [{id: a, kind: map, over: [], step: {action: work}}, "
        "{id: b, action: work, needs: [a], inputs: {x: '${outputs.a.n}'}}]",
        r"a map puts out a list; write \[0\]",
    ),
    "reference to a wrong step inside": (
        "name: x\nsteps: [{id: a, kind: workflow, workflow: {steps: [{id: i, action: work}]}}, "
        "{id: b, action: work, needs: [a], inputs: {x: '${outputs.a.j.n}'}}]",
        r"the sub-workflow has no step 'j'; it has i",
    ),
    "inner step reaching out": (
        "name: x\nsteps: [{id: o, action: work}, {id: a, kind: workflow, needs: [o], workflow: "
        "{steps: [{id: i, action: work, inputs: {x: '${outputs.o}'}}]}}]",
        r"steps\[1\]\.workflow\.steps\[0\]\.inputs\.x: .*there is no step 'o' here",
    ),
    "unknown input of a sub-workflow": (
        "name: x\nsteps: [{id: a, kind: workflow, with: {v: 1}, workflow: {steps: "
        "[{id: i, action: work}]}}]",
        r"with\.v: the sub-workflow has no input 'v'; it has none",
    ),
    "missing input of a sub-workflow": (
        "name: x\nsteps: [{id: a, kind: workflow, workflow: {inputs: {v: {type: int}}, steps: "
        "[{id: i, action: work}]}}]",
        r"the sub-workflow's input 'v' is missing in 'with'",
    ),
    "wrong literal for a sub-workflow": (
        "name: x\nsteps: [{id: a, kind: workflow, with: {v: one}, workflow: {inputs: "
        "{v: {type: int}}, steps: [{id: i, action: work}]}}]",
        r"with\.v: must be a int, got 'one'",
    ),
    "title of a template": (
        "name: x\nsteps: [{id: a, kind: map, over: [], step: {action: work, title: "
        "'${inputs.v}'}}]",
        r"title: only \$\{item\}",
    ),
    "looks like an item": (
        "name: x\nsteps: [{id: a, kind: map, over: [], step: {action: work}}, "
        "{id: a_7, action: work}]",
        r"'a_7' looks like an item of the map 'a'",
    ),
    "file from a text": (
        "name: x\nsteps: [{id: a, kind: workflow, workflow: b.yaml}]",
        r"workflow: 'b\.yaml': a workflow that is not in a file",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_name_place_and_rule(case: str) -> None:
    text, problem = REFUSALS[case]
    with pytest.raises(InvalidInput, match=problem):
        parse_workflow(text, name="f.yaml", actions=ACTIONS)


def test_ids_that_would_grow_too_long() -> None:
    text = "{steps: [{id: " + "i" * 60 + ", action: work}]}"
    for _ in range(2):
        text = "{steps: [{id: " + "a" * 30 + f", kind: workflow, workflow: {text}}}]}}"
    with pytest.raises(InvalidInput, match="is longer than 110 characters"):
        parse_workflow("{name: x, " + text[1:])


# --- files ----------------------------------------------------------------------------------------


def test_files_include_files_below_them(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "main.yaml").write_text(
        "name: main\nconcurrency: {x: 2}\nsteps:\n"
        "  - {id: a, kind: workflow, workflow: parts/sub.yml, with: {v: 1}}\n"
        "  - {id: b, kind: workflow, workflow: parts/sub.yml, with: {v: 2}}\n"
    )
    (tmp_path / "parts" / "sub.yml").write_text(
        "name: sub\nconcurrency: {y: 1}\ninputs: {v: {type: int}}\nsteps:\n"
        "  - {id: one, action: command.run, concurrency: y, inputs: {argv: [x], cwd: here}}\n"
        "  - {id: two, kind: workflow, workflow: deep.json}\n"
    )
    deep = {"name": "d", "steps": [{"id": "z", "action": "command.run", "inputs": {"argv": ["x"]}}]}
    (tmp_path / "parts" / "deep.json").write_text(json.dumps(deep))
    definition = load_definition(tmp_path / "main.yaml")
    workflow = definition.workflow
    assert [step.id for step in workflow.steps] == [
        "a.begin", "a.one", "a.two.begin", "a.two.z", "a.two", "a",
        "b.begin", "b.one", "b.two.begin", "b.two.z", "b.two", "b",
    ]  # fmt: skip
    assert workflow.concurrency == {"x": 2, "y": 1}
    assert workflow.steps[1].inputs["cwd"] == "parts/here"
    assert workflow.steps[3].inputs["cwd"] == "parts/."
    assert definition.folder == tmp_path.resolve()


def including(path: Path, target: str) -> None:
    path.write_text(f"name: x\nsteps:\n  - {{id: a, kind: workflow, workflow: {target!r}}}\n")


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("../secret.yaml", r"main\.yaml, line 3: .*lies outside the folder"),
        ("link.yaml", r"lies outside the folder"),
        ("/etc/x.yaml", r"relative to this file"),
        ("a\\b.yaml", r"relative to this file"),
        ("missing.yaml", r"'missing\.yaml' does not exist \(included by .*main\.yaml, line 3"),
        ("folder.yaml", r"'folder\.yaml' is not a file"),
        ("notes.txt", r"name it \.yaml, \.yml or \.json"),
        ("main.yaml", r"in a circle: main\.yaml -> main\.yaml"),
        ("back.yaml", r"in a circle: main\.yaml -> back\.yaml -> main\.yaml"),
        ("broken.yaml", r"broken\.yaml, line 1: nope: unknown field"),
        ("a\x00.yaml", r"NUL"),
    ],
)
def test_includes_that_are_refused(tmp_path: Path, target: str, problem: str) -> None:
    folder = tmp_path / "flows"
    (folder / "folder.yaml").mkdir(parents=True)
    including(tmp_path / "secret.yaml", "x.yaml")
    (folder / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (folder / "notes.txt").write_text("x")
    (folder / "broken.yaml").write_text("nope: 1")
    including(folder / "back.yaml", "main.yaml")
    text = json.dumps(target)
    (folder / "main.yaml").write_text(
        f"name: x\nsteps:\n  - {{id: a, kind: workflow, workflow: {text}}}\n"
    )
    with pytest.raises(InvalidInput, match=problem):
        load_workflow(folder / "main.yaml")


def test_limits_that_contradict_each_other(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text(
        "name: m\nconcurrency: {x: 2}\nsteps: [{id: a, kind: workflow, workflow: sub.yaml}]"
    )
    (tmp_path / "sub.yaml").write_text(
        "name: s\nconcurrency: {x: 3}\nsteps: [{id: a, action: work}]"
    )
    with pytest.raises(InvalidInput, match=r"sub\.yaml, line 2: concurrency\.x: another file"):
        load_workflow(tmp_path / "main.yaml")


def test_includes_that_multiply_are_counted(tmp_path: Path) -> None:
    for number in range(12):
        steps = "".join(
            f"  - {{id: s{n}, kind: workflow, workflow: f{number + 1}.yaml}}\n" for n in range(9)
        )
        (tmp_path / f"f{number}.yaml").write_text(f"name: x\nsteps:\n{steps}")
    (tmp_path / "f12.yaml").write_text("name: x\nsteps: [{id: a, action: work}]")
    with pytest.raises(InvalidInput, match="more than 10000 steps"):
        load_workflow(tmp_path / "f0.yaml")


def test_a_long_chain_of_includes(tmp_path: Path) -> None:
    for number in range(100):
        including(tmp_path / f"f{number}.yaml", f"f{number + 1}.yaml")
    with pytest.raises(InvalidInput, match="more than 16 deep"):
        load_workflow(tmp_path / "f0.yaml")


@pytest.mark.parametrize("name", ["missing.yaml", "folder.yaml", "file.txt", "large.yaml"])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "file.txt").write_text("name: x")
    (tmp_path / "large.yaml").write_text("#" * 1_100_000)
    with pytest.raises(InvalidInput, match=name):
        load_workflow(tmp_path / name)


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.yaml")), ids=lambda path: path.name)
def test_examples_are_sound(path: Path) -> None:
    assert load_workflow(path, actions=ACTIONS).steps


# --- properties -----------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c", "d-e", "f_g"])


@st.composite
def blocks(draw: st.DrawFn, depth: int = 2) -> dict[str, JsonValue]:
    """A block whose steps need, refer to and judge earlier ones."""
    steps: list[JsonValue] = []
    for step_id in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        earlier = [step["id"] for step in steps if isinstance(step, dict)]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True)) if earlier else []
        step: dict[str, JsonValue] = {"id": step_id, **draw(bodies(depth, needs, steps))}
        step["needs"] = [draw(edges(need)) for need in needs]
        step["on_unmet"] = draw(st.sampled_from(list(OnUnmet))).value
        steps.append(step)
    inputs = {"flag": {"type": "bool", "default": True}} if draw(st.booleans()) else {}
    if inputs:
        for one in steps:
            if draw(st.booleans()):
                one["when"] = "inputs.flag"
    return {"inputs": inputs, "steps": steps}


def edges(need: str) -> st.SearchStrategy[JsonValue]:
    rule = st.sampled_from(["skip", "run", "fail"])
    return st.just(need) | st.fixed_dictionaries(
        {"step": st.just(need)}, optional={"on_skipped": rule, "on_failed": rule}
    )


@st.composite
def bodies(
    draw: st.DrawFn, depth: int, needs: list[str], earlier: list[JsonValue]
) -> dict[str, JsonValue]:
    kinds = ["action", "gate", "approval", "signal", "notification"]
    kind = draw(st.sampled_from([*kinds, "map", "workflow"] if depth else kinds))
    if kind == "map":
        return {"kind": kind, "over": [1, "x"], "step": draw(bodies(depth - 1, needs, earlier))}
    if kind == "workflow":
        return {"kind": kind, "workflow": draw(blocks(depth - 1))}
    if kind in ("approval", "signal"):
        return {"kind": kind, "expires": draw(st.integers(1, 100))}
    if kind == "notification":
        return {"kind": kind, "inputs": {"message": draw(messages(needs))}}
    body: dict[str, JsonValue] = {"kind": kind, "action": "work", "yields": {"ok": "bool"}}
    body["inputs"] = {"x": draw(messages(needs))}
    judged = [
        step["id"]
        for step in earlier
        if isinstance(step, dict) and step["id"] in needs and "yields" in step
    ]
    if judged:
        name = draw(st.sampled_from(judged)).replace("-", "_")
        body["when"] = f"outputs.{name}.ok"
    return body


def messages(needs: list[str]) -> st.SearchStrategy[str]:
    pieces = ["plain", "$${escaped}", *(f"${{outputs.{need}}}" for need in needs)]
    return st.lists(st.sampled_from(pieces), max_size=3).map("".join)


@given(blocks())
@settings(max_examples=150, deadline=None)
def test_random_workflows_are_lowered_to_graphs_that_run(block: dict[str, JsonValue]) -> None:
    text = json.dumps({"name": "x", "concurrency": {"k": 2}, **block})
    workflow = parse_workflow(text, format="json")
    assert parse_workflow(text, format="yaml") == workflow
    again = decode(Workflow, json.loads(json.dumps(encode(workflow))))
    assert again == workflow
    assert [step.digest() for step in again.steps] == [step.digest() for step in workflow.steps]
    steps = list(workflow.steps)
    for step in steps:  # grows while it is walked, as a run does
        if step.action == EXPAND:
            map_id = step.id.removesuffix(".items")
            steps += expanded(map_id, step.inputs["steps"], step.inputs["over"])
    check_graph(steps)
    check_conditions(steps)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)
    | st.sampled_from(["a", "work", "${item}", "${x", "outputs.a.ok", "5m", "map", "workflow"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from([
            "name", "steps", "id", "kind", "action", "needs", "inputs", "workflow", "step", "over",
            "when", "retry", "yields", "concurrency", "step", "with", "type", "default",
        ]) | st.text(max_size=5),
        inner, max_size=6,
    ),
    max_leaves=25,
))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_any_document_is_read_or_refused(document: JsonValue) -> None:
    text = json.dumps(document)
    for candidate in (
        document,
        {"name": "x", "steps": [document]},
        {"name": "x", "steps": document},
    ):
        text = json.dumps(candidate)
        for kind in ("json", "yaml"):
            with contextlib.suppress(InvalidInput):
                parse_definition(text, format=kind)


@given(st.binary(max_size=300) | st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidInput):
        parse_definition(text)
