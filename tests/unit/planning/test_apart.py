from dataclasses import replace

from maestro.domain.contract import Contract, ContractKind, Deliverable, SpecificationFormat
from maestro.domain.plan import WAITS
from maestro.domain.values import ContractId, StepId
from maestro.domain.workflow import Step
from maestro.planning.apart import keep_apart


def promise(name: str, *paths: str) -> Contract:
    return Contract(
        id=ContractId(name),
        name=name,
        kind=ContractKind.DOCUMENT,
        version="1.0.0",
        provider=name,
        component="app",
        consumers=(),
        format=SpecificationFormat.JSON_SCHEMA,
        specification={},
        deliverables=(Deliverable(name=name, description=name, paths=paths),),
        acceptance=(),
    )


def work(name: str, *needs: str) -> Step:
    return Step(
        id=StepId(f"work.{name}"),
        action="persona.work",
        needs=tuple(StepId(need) for need in needs),
        inputs={"provides": [name]},
    )


def test_two_who_may_write_one_file_work_one_after_the_other() -> None:
    writer, operator = work("writer", "contract.a"), work("operator")
    kept = keep_apart(
        [writer, operator], [promise("writer", "docs/**"), promise("operator", "docs/*.md")]
    )
    assert kept[0] is writer
    assert kept[1].needs == (StepId("work.writer"),)
    assert kept[1].inputs[WAITS] == {"work.writer": "both may write docs/** and docs/*.md"}


def test_a_file_named_twice_is_one_file() -> None:
    kept = keep_apart(
        [work("writer"), work("operator")],
        [promise("writer", "README.md"), promise("operator", "run.py", "README.md")],
    )
    assert kept[1].inputs[WAITS] == {"work.writer": "both may write README.md"}


def test_a_file_that_one_names_outright_is_its_own() -> None:
    steps = [work("designer"), work("frontend")]
    promises = [promise("designer", "css/tokens.css"), promise("frontend", "css/*.css")]
    assert keep_apart(steps, promises) == steps


def test_a_third_waits_for_both() -> None:
    steps = [work("one"), work("two"), work("three")]
    promises = [promise(name, "notes/*.md") for name in ("one", "two", "three")]
    kept = keep_apart([*steps[:2], replace(steps[2], needs=(StepId("work.one"),))], promises)
    assert kept[2].needs == (StepId("work.one"), StepId("work.two"))
