"""What every store promises of webhooks: told once per event, by one of many."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stores import with_store

from maestro.domain.run import EventKind, Run, RunStatus
from maestro.domain.values import RunId, StepId
from maestro.domain.webhook import DeliveryResult, DeliveryStatus, SealedSecret, Webhook
from maestro.domain.workflow import Step, Workflow
from maestro.errors import NotFound
from maestro.ports import Store

NOW = datetime(2026, 5, 4, tzinfo=UTC)
A = StepId("a")
FLOW = Workflow(name="flow", steps=(Step(id=A, action="work"),))
HOOK = Webhook(
    id="webhook-1",
    project="shop",
    url="https://hooks.example.org/",
    secrets=(SealedSecret(text="sealed"),),
    created_by="ann",
    created_at=NOW,
)
DONE = DeliveryResult(delivered=True, answer=204)
FAILED = DeliveryResult(delivered=False, error="no answer")


async def begun(store: Store, name: str = "run-1", project: str = "shop") -> RunId:
    run = Run(
        id=RunId(name),
        workflow="flow",
        status=RunStatus.PENDING,
        inputs={},
        max_parallel=1,
        created_at=NOW,
        project=project,
    )
    await store.write(lambda tx: tx.runs.insert(run, FLOW))
    return run.id


async def told(store: Store, run: RunId, times: int = 1) -> None:
    for _ in range(times):
        await store.write(
            lambda tx: tx.events.append(
                run, EventKind.STEP_PROGRESS, NOW, step_id=A, attempt=1, data={}
            )
        )


async def waiting(store: Store, webhook: str = HOOK.id) -> list[tuple[str, int]]:
    found = await store.read(lambda tx: tx.webhooks.deliveries(webhook, 100))
    return [(one.run_id, one.sequence) for one in reversed(found)]


def test_only_what_was_asked_for_lands_in_the_outbox(location: str | Path) -> None:
    async def scenario(store: Store) -> None:
        run, foreign = await begun(store), await begun(store, "run-2", "other")
        await told(store, run)  # before there was a webhook
        failed = replace(HOOK, id="webhook-2", kinds=("run.*",))
        other_run = replace(HOOK, id="webhook-3", run_id="run-9")
        for hook in (HOOK, failed, other_run):
            await store.write(lambda tx, h=hook: tx.webhooks.insert(h))  # type: ignore[misc]
        await told(store, run, 2)
        await told(store, foreign)
        assert await waiting(store) == [(run, 2), (run, 3)]
        assert await waiting(store, "webhook-2") == []
        assert await waiting(store, "webhook-3") == []
        await begun(store, "run-9")
        await told(store, RunId("run-9"))
        assert await waiting(store, "webhook-3") == [("run-9", 1)]

    with_store(location, scenario)


def test_a_change_that_is_taken_back_tells_nobody(location: str | Path) -> None:
    async def scenario(store: Store) -> None:
        run = await begun(store)
        await store.write(lambda tx: tx.webhooks.insert(HOOK))

        def change(tx: object) -> None:
            tx.events.append(  # type: ignore[attr-defined]
                run, EventKind.STEP_PROGRESS, NOW, step_id=A, attempt=1, data={}
            )
            tx.webhooks.due()  # type: ignore[attr-defined]  # has it written
            raise NotFound("something else")

        with pytest.raises(NotFound):
            await store.write(change)
        assert await waiting(store) == []

    with_store(location, scenario)


def test_a_delivery_is_one_claimants_until_its_lease_is_over(location: str | Path) -> None:
    async def scenario(store: Store) -> None:
        run = await begun(store)
        await store.write(lambda tx: tx.webhooks.insert(HOOK))
        await told(store, run, 3)
        assert await store.read(lambda tx: tx.webhooks.due()) == [HOOK.id]
        first = await store.write(lambda tx: tx.webhooks.claim(HOOK.id, 2, 60.0))
        assert [one.event.sequence for one in first] == [1, 2]
        (third,) = await store.write(lambda tx: tx.webhooks.claim(HOOK.id, 9, 0.0))
        assert third.event.sequence == 3
        (again,) = await store.write(lambda tx: tx.webhooks.claim(HOOK.id, 9, 60.0))
        assert again.delivery.number == third.delivery.number
        await store.write(lambda tx: tx.webhooks.finish(again, DONE, NOW, None))
        await store.write(lambda tx: tx.webhooks.finish(third, FAILED, NOW, None))  # too late
        assert await store.read(lambda tx: tx.webhooks.due()) == []
        counts = await store.read(lambda tx: tx.webhooks.counts(HOOK.id))
        assert counts == {"waiting": 2, "delivered": 1, "dead": 0}

    with_store(location, scenario)


def test_the_result_of_a_removed_delivery_is_not_taken_for_another_one(
    location: str | Path,
) -> None:
    """SQLite gives its number to the next one."""

    async def scenario(store: Store) -> None:
        run = await begun(store)
        await store.write(lambda tx: tx.webhooks.insert(HOOK))
        await told(store, run)
        (gone,) = await store.write(lambda tx: tx.webhooks.claim(HOOK.id, 1, 60.0))
        await store.write(lambda tx: tx.webhooks.remove(HOOK.id))
        other = replace(HOOK, id="webhook-2")
        await store.write(lambda tx: tx.webhooks.insert(other))
        await told(store, run)
        assert len(await store.write(lambda tx: tx.webhooks.claim(other.id, 1, 60.0))) == 1
        await store.write(lambda tx: tx.webhooks.finish(gone, DONE, NOW, None))
        counts = await store.read(lambda tx: tx.webhooks.counts(other.id))
        assert counts == {"waiting": 1, "delivered": 0, "dead": 0}

    with_store(location, scenario)


def test_failed_ones_wait_die_and_are_asked_for_again(location: str | Path) -> None:
    async def scenario(store: Store) -> None:
        run = await begun(store)
        await store.write(lambda tx: tx.webhooks.insert(HOOK))
        await told(store, run, 2)
        one, two = await store.write(lambda tx: tx.webhooks.claim(HOOK.id, 2, 60.0))
        await store.write(lambda tx: tx.webhooks.finish(one, FAILED, NOW, 60.0))
        await store.write(lambda tx: tx.webhooks.finish(two, FAILED, NOW, None))
        assert await store.read(lambda tx: tx.webhooks.due()) == []
        (dead,) = await store.read(
            lambda tx: tx.webhooks.deliveries(HOOK.id, 9, status=DeliveryStatus.DEAD)
        )
        assert (dead.sequence, dead.attempts, dead.error) == (2, 1, "no answer")
        assert await store.write(lambda tx: tx.webhooks.all_dead_again(HOOK.id)) == 1
        asked = await store.write(lambda tx: tx.webhooks.again(HOOK.id, one.delivery.number))
        assert (asked.status, asked.attempts) == (DeliveryStatus.WAITING, 0)
        found = await store.write(lambda tx: tx.webhooks.claim(HOOK.id, 9, 60.0))
        assert [claim.delivery.message_id for claim in found] == ["evt_run-1_1", "evt_run-1_2"]
        with pytest.raises(NotFound):
            await store.write(lambda tx: tx.webhooks.again(HOOK.id, 99))
        await store.write(lambda tx: tx.webhooks.finish(found[0], DONE, NOW, None))
        await store.write(lambda tx: tx.webhooks.forget(NOW + timedelta(days=1)))
        assert await waiting(store) == [(run, 2)]
        await store.write(lambda tx: tx.webhooks.remove(HOOK.id))
        assert await waiting(store) == []
        with pytest.raises(NotFound):
            await store.read(lambda tx: tx.webhooks.get(HOOK.id))

    with_store(location, scenario)
