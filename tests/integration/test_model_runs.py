"""Runs that models play in, against the double: killed, out of budget, resumed, refused.

The double is a test double of providers (tests/support/model_double.py), not a model.
"""

import asyncio
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from llm_runs import ANALYST, DATABASE, PRICE, submitted, table
from model_double import Asked, ModelDouble, Says, serving
from renaming import renamed_file

from maestro.bootstrap import connect
from maestro.domain.models import Caps, JournaledCall, WorkStyle
from maestro.domain.run import EventKind, RunStatus, StepStatus
from maestro.errors import InvalidInput
from maestro.settings import Settings

SUPPORT = Path(__file__).parents[1] / "support"


def settings(folder: Path) -> Settings:
    return Settings.load(database=folder / "maestro.db")


def step_of(detail: object, name: str) -> object:
    return next(row for row in detail.steps if row.step_id == f"work.{name}")  # type: ignore[attr-defined]


def counted(double: ModelDouble) -> Counter[str]:
    return Counter(asked.digest for asked in double.asked)


def test_a_persona_played_by_a_model_delivers_checked_files(tmp_path: Path) -> None:
    async def scenario() -> None:
        with serving(renamed_file) as double:
            async with connect(settings(tmp_path)) as maestro:
                run_id = await submitted(maestro, table(double.url, DATABASE), DATABASE)
                result = await maestro.execute(run_id)
                detail = await maestro.show(run_id)
        assert result.status == "succeeded", result.reasons
        work = step_of(detail, DATABASE).output  # type: ignore[attr-defined]
        assert len(double.asked) == 2
        assert work["result"]["usage"]["model_calls"] == 2
        assert detail.outcome.usage.model_calls == 2
        assert detail.outcome.usage.cost is not None
        assert detail.outcome.usage.cost > 0
        written = work["result"]["details"]["written"]
        assert set(written) == {
            "backend/migrations/check.py",
            "backend/migrations/versions/0001_initial.py",
        }
        assert {check["id"] for check in work["result"]["checks"]} >= {"deliverables.present"}
        (chosen,) = [event for event in detail.events if event.kind is EventKind.AGENT_CHOSEN]
        assert (chosen.step_id, chosen.data["executor"]) == (f"work.{DATABASE}", "llm")
        assert chosen.data["agent"].startswith("model-")
        assert {*chosen.data["factors"]} == {"skill", "free", "success", "speed"}
        assert "which the run names" in chosen.data["reason"]
        assert all("book" not in asked.system for asked in double.asked)

    asyncio.run(scenario())


def test_an_attempt_that_was_killed_goes_on_without_paying_again(tmp_path: Path) -> None:
    reached, release = threading.Event(), threading.Event()

    def script(asked: Asked) -> Says:
        if "0001_initial.py for the other" in asked.last and not release.is_set():
            reached.set()
            return Says(text="never read", wait=release)
        return renamed_file(asked)

    async def submit(double: ModelDouble) -> str:
        async with connect(settings(tmp_path)) as maestro:
            return str(await submitted(maestro, table(double.url, DATABASE), DATABASE))

    async def finish(run_id: str) -> tuple[str, Mapping[str, object], int, float | None]:
        async with connect(settings(tmp_path)) as maestro:
            result = await maestro.execute(run_id)  # type: ignore[arg-type]
            detail = await maestro.show(run_id)  # type: ignore[arg-type]
        row = step_of(detail, DATABASE)
        cost = detail.outcome.usage.cost
        return result.status, row.output["result"], row.attempt, cost  # type: ignore[attr-defined]

    with serving(script) as double:
        run_id = asyncio.run(submit(double))
        program = [sys.executable, str(SUPPORT / "llm_attempt.py"), str(tmp_path / "maestro.db")]
        process = subprocess.Popen([*program, run_id], stdout=subprocess.PIPE)
        try:
            assert reached.wait(60)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        answered_before = [asked.digest for asked in double.answered]
        release.set()
        status, result, attempt, cost = asyncio.run(finish(run_id))
        calls = counted(double)
    assert status == "succeeded"
    assert attempt == 2
    assert len(answered_before) == 1
    assert calls[answered_before[0]] == 1, "an answered call was paid twice"
    assert result["details"]["replayed_calls"] == 1  # type: ignore[index]
    assert sorted(calls.values()) == [1, 2]  # only the call under way was sent again
    assert cost is None, "nobody knows what the call under way came to"


def test_work_that_was_done_but_never_committed_is_not_paid_again(tmp_path: Path) -> None:
    """Killed between the attempt's last line in the journal and the commit of its step: here the
    line is added to what a killed attempt left.
    """
    reached, release = threading.Event(), threading.Event()

    def script(asked: Asked) -> Says:
        if "0001_initial.py for the other" in asked.last and not release.is_set():
            reached.set()
            return Says(text="never read", wait=release)
        return renamed_file(asked)

    async def scenario(double: ModelDouble) -> None:
        async with connect(settings(tmp_path)) as maestro:
            run_id = await submitted(maestro, table(double.url, DATABASE), DATABASE)
            task = asyncio.create_task(maestro.execute(run_id))
            assert await asyncio.to_thread(reached.wait, 60)
            task.cancel()
            await asyncio.wait([task])
            release.set()
            calls = await maestro.store.read(lambda tx: tx.model_calls.of_run(run_id))
            last = replace(calls[0], kind=JournaledCall.END)
            await maestro.store.write(lambda tx: tx.model_calls.end(last))
            result = await maestro.execute(run_id)
            row = step_of(await maestro.show(run_id), DATABASE)
        assert result.status == "succeeded", result.reasons
        assert row.output["result"]["details"]["replayed_calls"] == 1  # type: ignore[attr-defined]

    with serving(script) as double:
        asyncio.run(scenario(double))
        assert sorted(counted(double).values()) == [1, 2]  # only the call under way, again


def test_what_was_sent_when_the_process_died_is_counted_at_its_most(tmp_path: Path) -> None:
    """Nobody knows whether it was paid: unknown, and never nothing."""

    async def scenario() -> None:
        hold = threading.Event()
        reached = threading.Event()

        def script(asked: Asked) -> Says:
            reached.set()
            return Says(text="late", wait=hold)

        with serving(script) as double:
            async with connect(settings(tmp_path)) as maestro:
                run_id = await submitted(maestro, table(double.url, ANALYST), ANALYST)
                task = asyncio.create_task(maestro.execute(run_id))
                assert await asyncio.to_thread(reached.wait, 30)
                task.cancel()
                await asyncio.wait([task])
                hold.set()
                await maestro.store.write(
                    lambda tx: tx.model_calls.give_up(run_id, f"work.{ANALYST}")  # type: ignore[arg-type]
                )
                spent = await maestro.store.read(lambda tx: tx.model_calls.spent(run_id))
        assert spent.unknown == 1
        assert spent.cost > 0
        assert spent.under_way == 0

    asyncio.run(scenario())


def test_a_budget_pauses_the_run_and_more_of_it_lets_it_go_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        with serving(renamed_file) as double:
            async with connect(settings(tmp_path)) as maestro:
                models = table(double.url, DATABASE, caps=Caps(cost=0.01))
                run_id = await submitted(maestro, models, DATABASE)
                first = await maestro.execute(run_id)
                assert first.status == "paused"
                assert len(double.asked) == 1
                stopped = step_of(await maestro.show(run_id), DATABASE)
                assert stopped.error.code == "budget"  # type: ignore[attr-defined]
                with pytest.raises(InvalidInput, match="no limit of tokens"):
                    await maestro.resume(run_id, more=Caps(tokens=5))
                await maestro.resume(run_id, more=Caps(cost=100.0))
                second = await maestro.execute(run_id)
        assert second.status == "succeeded", second.reasons
        assert set(counted(double).values()) == {1}
        assert len(double.asked) == 2

    asyncio.run(scenario())


@pytest.mark.parametrize("caps", [Caps(tokens=1), Caps(tool_calls=1), Caps(wall_seconds=0.001)])
def test_every_limit_stops_the_run(tmp_path: Path, caps: Caps) -> None:
    def script(asked: Asked) -> Says:
        return Says(calls=(("list_files", {}),))

    async def scenario() -> None:
        with serving(script) as double:
            async with connect(settings(tmp_path)) as maestro:
                models = table(double.url, ANALYST, caps=caps, style=WorkStyle.TOOLS)
                run_id = await submitted(maestro, models, ANALYST)
                result = await maestro.execute(run_id)
                calls = await maestro.store.read(lambda tx: tx.model_calls.of_run(run_id))
        assert result.status == "paused"
        assert len(double.asked) <= 2
        assert sum(call.kind is JournaledCall.TOOL for call in calls) <= 1

    asyncio.run(scenario())


def test_runs_with_limits_drawn_by_lot_never_spend_more_than_one_call_above(
    tmp_path: Path,
) -> None:
    """Two personas at once, so that calls are under way beside one another."""
    lots = random.Random(6)

    async def scenario() -> None:
        with serving(renamed_file) as double:
            async with connect(settings(tmp_path)) as maestro:
                for _ in range(20):
                    cap = lots.uniform(0.05, 6.0)
                    models = table(double.url, ANALYST, DATABASE, caps=Caps(cost=cap))
                    run_id = await submitted(maestro, models, ANALYST, DATABASE)
                    result = await maestro.execute(run_id)
                    calls = await maestro.store.read(lambda tx, r=run_id: tx.model_calls.of_run(r))  # type: ignore[misc]
                    costs = [c.cost or 0.0 for c in calls if c.kind is JournaledCall.MODEL]
                    assert sum(costs) <= cap + max(costs), (cap, costs)
                    assert (result.status == "paused") == (len(costs) < 3)

    asyncio.run(scenario())


def test_a_cost_limit_needs_a_price(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connect(settings(tmp_path)) as maestro:
            models = table("http://127.0.0.1:9/v1", ANALYST, caps=Caps(cost=1.0))
            unpriced = type(models)(personas=models.personas, budgets=models.budgets)
            with pytest.raises(InvalidInput, match="nobody knows the price"):
                await submitted(maestro, unpriced, ANALYST)

    asyncio.run(scenario())


def test_work_that_its_checks_refuse_ends_blocked_with_every_try(tmp_path: Path) -> None:
    def script(asked: Asked) -> Says:
        """Another file in the second try, and that one ever after."""
        first = asked.body["seed"] % 10_000 < 100
        return Says(text=f"```python\nprint('{first}'\n```", tokens=(10, 5))

    async def scenario() -> None:
        with serving(script) as double:
            async with connect(settings(tmp_path)) as maestro:
                models = table(double.url, DATABASE, samples=6)
                run_id = await submitted(maestro, models, DATABASE)
                result = await maestro.execute(run_id)
                row = step_of(await maestro.show(run_id), DATABASE)
        assert result.status == "blocked"
        assert row.status is StepStatus.BLOCKED  # type: ignore[attr-defined]
        detail = row.error.detail  # type: ignore[attr-defined]
        assert len(detail["tries"]) == 4, "two tries in a row that change nothing are the last"
        assert detail["usage"]["model_calls"] == len(double.asked)
        assert detail["usage"]["output_tokens"] == 5 * len(double.asked)
        assert detail["transcript"][0]["answered"].startswith("```python")
        seeds = {asked.body["seed"] for asked in double.asked}
        assert len(seeds) > 2, "every try has a seed of its own"
        again = [asked for asked in double.asked if "failed these checks" in asked.last]
        assert again, "later tries are told what failed"

    asyncio.run(scenario())


def test_a_fallback_takes_over_and_it_is_told(tmp_path: Path) -> None:
    def broken(asked: Asked) -> Says:
        return Says(status=400)

    async def scenario() -> None:
        with serving(broken) as first, serving(renamed_file) as second:
            async with connect(settings(tmp_path)) as maestro:
                models = table(first.url, ANALYST, fallback=f"{second.url}#other")
                run_id = await submitted(maestro, models, ANALYST)
                result = await maestro.execute(run_id)
                detail = await maestro.show(run_id)
        assert result.status == "succeeded", result.reasons
        told = [str(event.data.get("message")) for event in detail.events]
        assert any("instead" in line and "gave no usable answer" in line for line in told)
        assert detail.outcome.usage.cost is None, "the second model's price is unknown"

    asyncio.run(scenario())


def test_a_model_that_never_answers_fails_the_step_and_its_run_can_be_resumed(
    tmp_path: Path,
) -> None:
    well = threading.Event()

    def script(asked: Asked) -> Says:
        return renamed_file(asked) if well.is_set() else Says(status=401)

    async def scenario() -> None:
        with serving(script) as double:
            async with connect(settings(tmp_path)) as maestro:
                run_id = await submitted(maestro, table(double.url, ANALYST), ANALYST)
                assert (await maestro.execute(run_id)).status == "failed"
                row = step_of(await maestro.show(run_id), ANALYST)
                assert row.error.code == "model_failed"  # type: ignore[attr-defined]
                well.set()
                await maestro.resume(run_id)
                assert (await maestro.execute(run_id)).status == RunStatus.SUCCEEDED.value

    asyncio.run(scenario())


def test_calls_answered_before_a_model_failed_are_not_paid_again(tmp_path: Path) -> None:
    well = threading.Event()

    def script(asked: Asked) -> Says:
        if "0001_initial.py for the other" in asked.last and not well.is_set():
            return Says(status=401)
        return renamed_file(asked)

    async def scenario() -> None:
        with serving(script) as double:
            async with connect(settings(tmp_path)) as maestro:
                run_id = await submitted(maestro, table(double.url, DATABASE), DATABASE)
                assert (await maestro.execute(run_id)).status == "failed"
                well.set()
                await maestro.resume(run_id)
                result = await maestro.execute(run_id)
        assert result.status == "succeeded", result.reasons
        assert sorted(counted(double).values()) == [1, 2]  # only the failed call was sent again

    asyncio.run(scenario())


def test_prices_are_those_of_the_table() -> None:
    assert (PRICE.input * 100 + PRICE.output * 50) / 1e6 == pytest.approx(0.2)
