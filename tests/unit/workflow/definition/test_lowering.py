"""What maps, sub-workflows and inputs become."""

import textwrap

from maestro.domain.workflow import EdgeRule, OnUnmet, Step, Workflow
from maestro.workflow.definition import parse_workflow


def lowered(text: str) -> dict[str, Step]:
    workflow: Workflow = parse_workflow(textwrap.dedent(text), name="f.yaml")
    return {str(step.id): step for step in workflow.steps}


FLOW = """
    name: x
    concurrency: {db: 1}
    inputs:
      go: {type: bool, default: true}
      names: {type: list}
    steps:
      - {id: first, action: work, yields: {ok: bool}}
      - id: fan
        title: Fan out
        kind: map
        needs: [{step: first, on_failed: run}]
        on_unmet: fail
        when: outputs.first.ok && inputs.go
        priority: 5
        over: ${inputs.names}
        step:
          action: work
          concurrency: db
          when: outputs.first.ok
          inputs: {name: "${item}", first: "${outputs.first}", plain: "$${item}"}
      - id: pack-all
        kind: workflow
        needs: [fan]
        with: {v: "${outputs.fan[0].size}"}
        workflow:
          inputs: {v: {type: int}, note: {type: object, required: false}}
          steps:
            - {id: build, action: work, yields: {ok: bool}, inputs: {v: "${inputs.v}"}}
            - id: test
              action: work
              on_unmet: fail
              needs: [{step: build, on_skipped: run}]
              when: outputs.build.ok && inputs.v > 1
              inputs: {out: "${outputs.build.ok}"}
      - id: end
        action: work
        needs: [pack-all]
        when: outputs.pack_all.build.ok
        inputs: {all: "${outputs.pack-all}", one: "${outputs.pack-all.build.ok}"}
    """


def test_ids_in_the_order_of_the_file() -> None:
    assert list(lowered(FLOW)) == [
        "inputs", "first", "fan.items", "fan", "pack-all.begin", "pack-all.build",
        "pack-all.test", "pack-all", "end",
    ]  # fmt: skip


def test_declared_inputs_become_a_step_that_all_others_need() -> None:
    steps = lowered(FLOW)
    begin = steps["inputs"]
    assert begin.action == "flow.begin"
    assert begin.yields == {"go": "bool"}
    assert begin.inputs == {
        "declared": {
            "go": {"type": "bool", "required": False, "default": True},
            "names": {"type": "list", "required": True},
        }
    }
    assert steps["first"].needs == ("inputs",)
    assert "inputs" not in lowered("name: x\nsteps: [{id: a, action: work}]")


def test_a_map_reads_its_list_and_collects() -> None:
    steps = lowered(FLOW)
    items, collect = steps["fan.items"], steps["fan"]
    assert (items.action, collect.action) == ("flow.expand", "flow.collect")
    assert items.needs == ("inputs", "first")
    assert items.edges == {
        "inputs": EdgeRule(alone=True),  # on_unmet: fail is about the step's own needs
        "first": EdgeRule(skipped=OnUnmet.FAIL, failed=OnUnmet.RUN),
    }
    assert items.when == "outputs.first.ok && outputs.inputs.go"
    assert items.inputs["over"] == "${outputs.inputs.names}"
    assert (items.priority, collect.priority) == (5, 5)
    assert collect.needs == ("fan.items",)
    assert collect.reaction(items.id, skipped=True) is OnUnmet.SKIP
    assert collect.reaction(items.id, skipped=False) is OnUnmet.FAIL
    assert collect.on_unmet is OnUnmet.RUN  # its children: the handler tells failed from skipped
    (child,) = items.inputs["steps"]
    assert child["id"] == "fan.0"
    assert (child["needs"], child["parent"]) == (["fan.items"], "fan")
    assert (child["concurrency"], child["when"]) == ("db", "outputs.first.ok")
    assert child["inputs"] == {
        "name": "${item}", "first": "${outputs.first}", "plain": "$${item}",
    }  # fmt: skip


def test_a_sub_workflow_begins_and_collects() -> None:
    steps = lowered(FLOW)
    begin, build, test, collect = (
        steps[f"pack-all{end}"] for end in (".begin", ".build", ".test", "")
    )
    assert begin.needs == ("inputs", "fan")
    assert begin.inputs["values"] == {"v": "${outputs.fan[0].size}"}
    assert begin.yields == {"v": "int"}
    assert build.needs == ("pack-all.begin",)
    assert build.inputs == {"v": "${outputs['pack-all.begin'].v}"}
    assert test.needs == ("pack-all.begin", "pack-all.build")
    assert test.edges == {
        "pack-all.begin": EdgeRule(alone=True),
        "pack-all.build": EdgeRule(skipped=OnUnmet.RUN, failed=OnUnmet.FAIL),
    }
    assert test.when == "outputs.pack_all_build.ok && outputs.pack_all_begin.v > 1"
    assert test.inputs == {"out": "${outputs['pack-all.build'].ok}"}
    assert collect.needs == ("pack-all.begin", "pack-all.build", "pack-all.test")
    assert collect.inputs == {"steps": ["build", "test"]}


def test_later_steps_see_into_a_sub_workflow() -> None:
    end = lowered(FLOW)["end"]
    assert end.needs == ("inputs", "pack-all")
    assert end.when == "outputs.pack_all_build.ok"
    assert end.inputs == {"all": "${outputs.pack-all}", "one": "${outputs.pack-all.build.ok}"}


def test_a_map_of_sub_workflows_with_maps() -> None:
    steps = lowered("""
        name: x
        steps:
          - id: fan
            kind: map
            over: [1]
            step:
              kind: workflow
              with: {n: "${item}"}
              workflow:
                inputs: {n: {type: int}}
                steps:
                  - {id: a, action: work, inputs: {n: "${inputs.n}"}}
                  - {id: b, kind: map, needs: [a], over: [2], step:
                      {action: work, inputs: {own: "${item}", a: "${outputs.a}"}}}
        """)
    template = {data["id"]: data for data in steps["fan.items"].inputs["steps"]}
    assert list(template) == ["fan.0.begin", "fan.0.a", "fan.0.b.items", "fan.0.b", "fan.0"]
    assert template["fan.0"]["parent"] == "fan"
    assert template["fan.0.begin"]["needs"] == ["fan.items"]
    assert template["fan.0.a"]["inputs"] == {"n": "${outputs['fan.0.begin'].n}"}
    (inner,) = template["fan.0.b.items"]["inputs"]["steps"]
    assert inner["inputs"] == {"own": "${item}", "a": "${outputs['fan.0.a']}"}
    assert inner["parent"] == "fan.0.b"
