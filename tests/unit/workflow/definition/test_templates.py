"""The steps of a map's items."""

import pytest

from maestro.domain.workflow import Workflow, check_graph
from maestro.errors import InvalidInput, StepFailed
from maestro.workflow.conditions import check_conditions
from maestro.workflow.definition import parse_workflow
from maestro.workflow.definition.templates import expanded, item_title


def workflow(template: str) -> Workflow:
    return parse_workflow(
        "name: x\nsteps:\n  - {id: o, action: work, yields: {ok: bool}}\n"
        "  - {id: m, kind: map, needs: [o], over: [], step: " + template + "}"
    )


def test_each_item_has_steps_of_its_own() -> None:
    flow = workflow(
        "{kind: workflow, when: outputs.o.ok, with: {n: '${item.n}'}, workflow: "
        "{inputs: {n: {type: int}}, steps: [{id: a, action: work, yields: {ok: bool}, inputs: "
        "{n: '${inputs.n}'}}, {id: b, action: work, needs: [{step: a, on_skipped: run}], "
        "when: 'outputs.a.ok && inputs.n > 1', inputs: {a: '${outputs.a}', o: '$${item}'}}]}}"
    )
    steps = expanded("m", flow.steps[1].inputs["steps"], [{"n": 1}, {"n": 2}])
    assert [step.id for step in steps[4:]] == ["m.1.begin", "m.1.a", "m.1.b", "m.1"]
    begin, a, b, collect = steps[4:]
    assert begin.inputs["values"] == {"n": "${outputs['m.items'][1].n}"}
    assert (begin.needs, begin.when) == (("m.items",), "outputs.o.ok")
    assert a.inputs == {"n": "${outputs['m.1.begin'].n}"}
    assert b.when == "outputs.m_1_a.ok && outputs.m_1_begin.n > 1"
    assert b.inputs == {"a": "${outputs['m.1.a']}", "o": "$${item}"}
    assert set(b.edges) == {"m.1.a"}
    assert (collect.parent, collect.needs) == ("m", ("m.1.begin", "m.1.a", "m.1.b"))
    whole = (*flow.steps, *steps)
    check_graph(whole)
    check_conditions(whole)


def test_maps_inside_maps_keep_their_own_item() -> None:
    flow = workflow(
        "{kind: map, over: '${item.inner}', step: {action: work, inputs: {x: '${item}'}}}"
    )
    steps = expanded("m", flow.steps[1].inputs["steps"], [{"inner": [1]}, {"inner": [2]}])
    assert steps[2].inputs["over"] == "${outputs['m.items'][1].inner}"
    inner = expanded("m.1", steps[2].inputs["steps"], [2, 3])
    assert [step.id for step in inner] == ["m.1.0", "m.1.1"]
    assert inner[1].inputs == {"x": "${outputs['m.1.items'][1]}"}
    assert (inner[1].parent, inner[1].needs) == ("m.1", ("m.1.items",))


def test_what_an_item_says_is_never_a_reference() -> None:
    flow = workflow("{action: work, title: 'For ${item}', inputs: {x: '${item}'}}")
    (step,) = expanded("m", flow.steps[1].inputs["steps"], ["${outputs.o.secret}"])
    assert step.inputs == {"x": "${outputs['m.items'][0]}"}
    assert step.title == "For ${outputs.o.secret}"


@pytest.mark.parametrize(
    ("text", "item", "expected"),
    [
        ("Publish to ${item}", "north", "Publish to north"),
        ("${item.a[0]} of ${item}", {"a": [1]}, '1 of {"a":[1]}'),
        ("Publish", "north", "Publish [7]"),
        ("Price ${x", "north", "Price ${x [7]"),
        ("$${item}", "north", "$${item} [7]"),
        ("${item}", "a\n\x1b[31mb", "a [31mb"),
        ("${item}", "x" * 500, "x" * 200),
    ],
)
def test_titles(text: str, item: object, expected: str) -> None:
    assert item_title(text, 7, item) == expected


def test_an_item_without_what_the_title_wants() -> None:
    with pytest.raises(StepFailed, match=r"\$\{item\.name\}: there is no 'name' in int"):
        item_title("${item.name}", 0, 5)


def test_too_many_items() -> None:
    flow = workflow("{action: work}")
    with pytest.raises(InvalidInput, match="'m' goes over 10001 items; at most 10000"):
        expanded("m", flow.steps[1].inputs["steps"], [0] * 10_001)
