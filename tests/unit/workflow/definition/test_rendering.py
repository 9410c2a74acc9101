"""Mermaid text."""

import re

from hypothesis import given
from hypothesis import strategies as st

from maestro.domain.values import StepId
from maestro.domain.workflow import EdgeRule, Step, StepKind, Workflow
from maestro.workflow.definition import mermaid, parse_workflow
from maestro.workflow.definition.rendering import text


def test_shapes_and_arrows() -> None:
    flow = parse_workflow("""
name: x
steps:
  - {id: a, action: work, yields: {ok: bool}}
  - {id: b, kind: gate, action: work, title: "Is it <ok>?", needs: [{step: a, on_failed: run}]}
  - {id: c, kind: approval, needs: [b], when: outputs.a.ok}
  - {id: d, kind: map, needs: [c], over: [], step: {action: work, title: 'Do ${item}'}}
""")
    assert (
        mermaid(flow)
        == """flowchart TD
    s0["a"]
    s1{"Is it #60;ok#62;#63;"}
    s2{{"c<br/>when outputs.a.ok"}}
    s3(["Items of d"])
    s4["Do #36;#123;item#125; #40;each item#41;"]
    s5(["d"])
    s0 -.-> s1
    s1 --> s2
    s2 --> s3
    s3 --> s4
    s4 -.-> s5
    s3 --> s5
"""
    )


@given(st.text(max_size=60))
def test_no_title_can_leave_its_label(title: str) -> None:
    step = Step(id=StepId("a"), action="work", title=title, kind=StepKind.INTERFACE)
    other = Step(id=StepId("b"), action="work", needs=(StepId("a"),), edges={"a": EdgeRule()})
    lines = mermaid(Workflow(name="x", steps=(step, other))).split("\n")
    assert len(lines) == 5
    label = re.fullmatch(r'    s0\[\["(.*)"\]\]', lines[1])
    assert label is not None
    assert not set(label[1].replace("#", "").replace(";", "")) & set("\"'`<>{}[]()|\\&%\r\n\t")


def test_entities_stand_for_the_letter() -> None:
    assert text('a"b#é\n') == "a#34;b#35;é#32;"
