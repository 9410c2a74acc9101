"""A collector that breaks, hangs or lies costs its own gates, names itself, and ends nothing."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import pytest

from maestro.delivery.collecting import RESERVE_SECONDS, Collecting
from maestro.domain.quality import Evidence, EvidenceStatus, PhaseVerdict, Verdict
from maestro.domain.values import JsonScalar, JsonValue
from maestro.errors import LeaseLost, SandboxFailed
from maestro.ports import EvidenceCollector, EvidenceSubject, Sandbox, SandboxStrength
from maestro.quality.evaluate import evaluate_phase
from maestro.quality.policy import load_policy

STRENGTH = SandboxStrength(
    mechanism="bubblewrap", level="L2", capabilities=("fs_write",), missing=("mem_tree",)
)
GOOD: Mapping[str, Mapping[str, JsonScalar]] = {
    "artefacts": {"artefacts.parsed": 3, "artefacts.broken": 0},
    "contracts": {"contracts.deployment": 1},
    "launch": {"launch.started": True, "launch.answers": True},
}
PHASE = "deployment"
POLICY = replace(
    load_policy(),
    gates=tuple(gate for gate in load_policy().gates if gate.id in ("DEP-1", "DEP-2")),
    artefacts=(),
)


@dataclass(frozen=True)
class FakeSandbox:
    root: Path
    strength: SandboxStrength = STRENGTH


@dataclass
class FakeSandboxes:
    opened: list[Path] = field(default_factory=list)

    @asynccontextmanager
    async def open(self, root: Path) -> AsyncIterator[Sandbox]:
        self.opened.append(root)
        yield cast("Sandbox", FakeSandbox(root))

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Path]:
        with TemporaryDirectory() as folder:
            yield Path(folder)

    async def probe(self) -> SandboxStrength:
        return STRENGTH


@dataclass
class FakeCollector:
    """Says what it is told to say, or does what it is told to do."""

    name: str
    act: Callable[[], Awaitable[Evidence]]
    ended: list[str] = field(default_factory=list)

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        try:
            return await self.act()
        finally:
            self.ended.append(self.name)


def evidence(collector: str, metrics: Mapping[str, JsonScalar]) -> Evidence:
    return Evidence(
        collector=collector,
        status=EvidenceStatus.MEASURED,
        tool="fake",
        version="1",
        argv=(),
        exit_code=0,
        duration_seconds=0.1,
        files_examined=3,
        metrics=dict(metrics),
    )


def saying(collector: str, metrics: Mapping[str, JsonScalar]) -> FakeCollector:
    async def act() -> Evidence:
        return evidence(collector, metrics)

    return FakeCollector(collector, act)


def doing(collector: str, act: Callable[[], Awaitable[Evidence]]) -> FakeCollector:
    return FakeCollector(collector, act)


async def heard(message: str, **data: JsonValue) -> None:
    """Nobody watches."""


@contextmanager
def small_tree() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        (Path(folder) / "a.py").write_text("A = 1\n", encoding="utf-8")
        yield Path(folder)


def collecting(*collectors: EvidenceCollector | FakeCollector, seconds: float = 60.0) -> Collecting:
    known = {collector.name: collector for collector in collectors}
    return Collecting(
        collectors=cast("Mapping[str, EvidenceCollector]", known),
        sandboxes=FakeSandboxes(),
        collector_seconds=seconds,
    )


def collect(*others: FakeCollector, seconds: float = 60.0, within: float = 900.0) -> list[Evidence]:
    chosen = {name: saying(name, metrics) for name, metrics in GOOD.items()}
    chosen |= {other.name: other for other in others}

    async def go(tree: Path) -> tuple[Evidence, ...]:
        asked = collecting(*chosen.values(), seconds=seconds)
        found = await asked.evidence(tuple(GOOD), tree, {}, heard, within=within)
        assert asyncio.all_tasks() == {asyncio.current_task()}, "a collector is still at work"
        return found

    with small_tree() as tree:
        return list(asyncio.run(go(tree)))


def judged(found: list[Evidence]) -> tuple[PhaseVerdict, Mapping[str, Verdict]]:
    verdict = evaluate_phase(POLICY, PHASE, found)
    return verdict, {result.gate: result.verdict for result in verdict.results}


def test_every_piece_of_evidence_names_the_sandbox_in_force() -> None:
    found = collect()
    assert [item.sandbox for item in found] == ["L2 bubblewrap, without mem_tree"] * 3
    verdict, by_gate = judged(found)
    assert verdict.passed, verdict.reasons
    assert by_gate == {"DEP-1": Verdict.PASS, "DEP-2": Verdict.PASS}


async def crash() -> Evidence:
    raise ZeroDivisionError("division by zero")


async def hang() -> Evidence:
    await asyncio.Event().wait()
    raise AssertionError("nobody wakes it")


async def give_up() -> Evidence:
    raise asyncio.CancelledError


async def refuse() -> Evidence:
    raise SandboxFailed("no sandbox of that strength")


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (doing("artefacts", crash), "broke: ZeroDivisionError: division by zero"),
        (doing("artefacts", refuse), "broke: SandboxFailed"),
        (doing("artefacts", give_up), "cancelled itself"),
        (saying("artefacts", {"artefacts.parsd": 1}), "'artefacts.parsd', which is not in the"),
        (saying("artefacts", {"suites.tests": 1}), "which only 'suites' may report"),
        (saying("artefacts", {"artefacts.parsed": "9"}), "must be a integer"),
        (
            doing("artefacts", saying("launch", GOOD["launch"]).act),
            "signed its evidence as 'launch'",
        ),
    ],
    ids=["crash", "sandbox", "cancelled", "undeclared", "foreign", "type", "forged"],
)
def test_the_phase_blocks_with_an_error_that_names_the_collector(
    broken: FakeCollector, told: str
) -> None:
    verdict, by_gate = judged(collect(broken))
    assert not verdict.passed
    assert by_gate == {"DEP-1": Verdict.ERROR, "DEP-2": Verdict.PASS}
    reasons = [reason for reason in verdict.reasons if reason.startswith("DEP-1")]
    assert len(reasons) == 1
    assert told in reasons[0]
    assert "artefacts" in reasons[0]
    assert "Traceback" not in "".join(verdict.reasons)


def test_a_collector_that_hangs_is_ended_and_the_others_still_speak() -> None:
    hanging = doing("artefacts", hang)
    found = collect(hanging, seconds=0.05)
    assert hanging.ended == ["artefacts"]
    verdict, by_gate = judged(found)
    assert by_gate == {"DEP-1": Verdict.ERROR, "DEP-2": Verdict.PASS}
    assert any("had not ended after" in reason for reason in verdict.reasons)
    assert [item.status for item in found] == [
        EvidenceStatus.FAILED, EvidenceStatus.MEASURED, EvidenceStatus.MEASURED,
    ]  # fmt: skip
    assert {item.sandbox for item in found} == {"L2 bubblewrap, without mem_tree"}


def test_no_collector_starts_when_the_step_has_no_time_left() -> None:
    late = saying("artefacts", GOOD["artefacts"])
    verdict, by_gate = judged(collect(late, within=RESERVE_SECONDS))
    assert late.ended == []
    assert set(by_gate.values()) == {Verdict.ERROR}
    told = [reason for reason in verdict.reasons if reason.startswith("DEP-")]
    assert ["used up" in reason for reason in told] == [True, True], verdict.reasons


def test_a_collector_that_is_not_there_is_an_error_of_its_gates(tmp_path: Path) -> None:
    [found] = asyncio.run(collecting().evidence(("suites",), tmp_path, {}, heard, within=900))
    assert found.status is EvidenceStatus.FAILED
    assert "'suites': no collector of this name" in found.tool_errors[0]


def test_a_lost_store_is_no_matter_of_quality() -> None:
    async def lose() -> Evidence:
        raise LeaseLost("another process owns the run")

    with pytest.raises(LeaseLost):
        collect(doing("artefacts", lose))


def test_who_cancels_the_step_ends_the_collector_with_it(tmp_path: Path) -> None:
    inside = asyncio.Event()

    async def wait() -> Evidence:
        inside.set()
        return await hang()

    hanging = doing("artefacts", wait)

    async def go() -> None:
        asked = collecting(hanging)
        step = asyncio.create_task(asked.evidence(("artefacts",), tmp_path, {}, heard, within=900))
        await inside.wait()
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step

    asyncio.run(go())
    assert hanging.ended == ["artefacts"]


@dataclass
class SpoilingCollector:
    """Reads the tree, then leaves nothing of it as it was, as delivered tests could."""

    name: str
    seen: dict[str, str] = field(default_factory=dict)
    root: Path = Path()

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        self.root = subject.sandbox.root
        for path in sorted(self.root.iterdir()):
            self.seen[path.name] = path.read_text(encoding="utf-8")
            path.write_text("spoilt", encoding="utf-8")
        (self.root / "added.py").write_text("spoilt", encoding="utf-8")
        return evidence(self.name, GOOD[self.name])


def test_nothing_a_collector_writes_reaches_the_next_one(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.py").write_text("A = 1\n", encoding="utf-8")
    spoiling = [SpoilingCollector(name) for name in GOOD]
    asked = collecting(*spoiling)
    found = asyncio.run(asked.evidence(tuple(GOOD), tree, {}, heard, within=900))
    assert [item.status for item in found] == [EvidenceStatus.MEASURED] * 3
    assert [one.seen for one in spoiling] == [{"a.py": "A = 1\n"}] * 3
    assert [path.name for path in tree.iterdir()] == ["a.py"]
    roots = {one.root for one in spoiling}
    assert len(roots) == 3
    assert asked.sandboxes.opened == [one.root for one in spoiling]  # type: ignore[attr-defined]
    assert not [root for root in roots if root.exists()], "a copy was left behind"


def test_a_tree_that_cannot_be_copied_is_an_error_of_who_should_look(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    asked = collecting(saying("artefacts", GOOD["artefacts"]))
    [found] = asyncio.run(asked.evidence(("artefacts",), tmp_path, {}, heard, within=900))
    assert found.status is EvidenceStatus.FAILED
    assert "named pipe" in found.tool_errors[0]


def test_one_that_does_not_end_when_it_is_told_is_named_as_such(tmp_path: Path) -> None:
    released = asyncio.Event()

    async def stay() -> Evidence:
        while not released.is_set():
            with suppress(asyncio.CancelledError):
                await released.wait()
        return evidence("artefacts", GOOD["artefacts"])

    async def go() -> Evidence:
        asked = replace(collecting(doing("artefacts", stay), seconds=0.05), end_seconds=0.05)
        [found] = await asked.evidence(("artefacts",), tmp_path, {}, heard, within=900)
        released.set()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        return found

    found = asyncio.run(go())
    assert found.status is EvidenceStatus.FAILED
    assert "nor 0.05 s after it was told to end" in found.tool_errors[0]
