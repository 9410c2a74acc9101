"""What every Store promises about waivers and baselines, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from stores import Using

from maestro.domain.access import AuditRecord
from maestro.domain.baseline import Baseline
from maestro.domain.values import RunId
from maestro.domain.waiver_life import WaiverRecord, WaiverStatus
from maestro.errors import Conflict, NotFound, StorageUnavailable
from maestro.ports import Store, Transaction

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
ASKED = WaiverRecord(
    id="waiver-1",
    gate="TST-4",
    project="shop",
    ceiling="coverage.line >= 60.0",
    reason="the importer is rewritten next month",
    author="alice",
    adr="ADR-0012",
    expires=date(2026, 6, 30),
    requested_at=NOW,
)
APPROVED = replace(ASKED, status=WaiverStatus.APPROVED, approver="bob", decided_at=NOW)
BASELINE = Baseline(
    project="shop",
    subject="",
    phase="testing",
    run_id=RunId("run-1"),
    at=NOW,
    metrics={
        "coverage.line": 91.5,
        "suites.tests": 12,
        "launch.started": True,
        "risk.level": "low",
    },
)


def test_a_waiver_comes_back_as_it_was_stored(using: Using) -> None:
    async def scenario(store: Store) -> None:
        await store.write(lambda tx: tx.waivers.insert(ASKED))
        assert await store.read(lambda tx: tx.waivers.get("waiver-1")) == ASKED
        await store.write(lambda tx: tx.waivers.update(APPROVED, before=WaiverStatus.REQUESTED))
        assert await store.read(lambda tx: tx.waivers.get("waiver-1")) == APPROVED
        with pytest.raises(Conflict, match="already taken"):
            await store.write(lambda tx: tx.waivers.insert(ASKED))
        with pytest.raises(NotFound, match="'waiver-2'"):
            await store.read(lambda tx: tx.waivers.get("waiver-2"))

    using(scenario)


def test_of_two_decisions_one_is_kept(using: Using) -> None:
    async def scenario(store: Store) -> None:
        await store.write(lambda tx: tx.waivers.insert(ASKED))
        refused = replace(ASKED, status=WaiverStatus.REFUSED, approver="carol")

        async def decide(record: WaiverRecord) -> None:
            await store.write(lambda tx: tx.waivers.update(record, before=WaiverStatus.REQUESTED))

        ends = await asyncio.gather(decide(APPROVED), decide(refused), return_exceptions=True)
        assert sorted(type(end).__name__ for end in ends) == ["Conflict", "NoneType"]

    using(scenario)


def test_waivers_are_found_by_project_and_status(using: Using) -> None:
    async def scenario(store: Store) -> None:
        others = (
            replace(APPROVED, id="waiver-2"),
            replace(APPROVED, id="waiver-3", project="blog"),
            replace(ASKED, id="waiver-4", status=WaiverStatus.REVOKED, approver="bob"),
        )

        def insert(tx: Transaction) -> None:
            for record in (ASKED, *others):
                tx.waivers.insert(record)

        await store.write(insert)

        def ids(*statuses: WaiverStatus) -> Callable[[Transaction], list[str]]:
            return lambda tx: [
                r.id for r in tx.waivers.of_project("shop", *([statuses] if statuses else []))
            ]

        assert await store.read(ids()) == ["waiver-4", "waiver-2", "waiver-1"]
        assert await store.read(ids(WaiverStatus.APPROVED)) == ["waiver-2"]
        assert await store.read(ids(WaiverStatus.APPROVED, WaiverStatus.REVOKED)) == [
            "waiver-4", "waiver-2",
        ]  # fmt: skip

    using(scenario)


def test_the_database_itself_refuses_an_approval_by_the_author(
    using: Using,
) -> None:
    async def scenario(store: Store) -> None:
        with pytest.raises(StorageUnavailable, match="waiver_approver"):
            await store.write(lambda tx: tx.waivers.insert(replace(APPROVED, approver="alice")))
        assert await store.read(lambda tx: tx.waivers.of_project("shop")) == []

    using(scenario)


def test_a_refused_change_leaves_no_audit_record_of_a_done_one(
    using: Using,
) -> None:
    async def scenario(store: Store) -> None:
        await store.write(lambda tx: tx.waivers.insert(ASKED))

        def change(tx: Transaction) -> None:
            tx.audit.append(
                AuditRecord(at=NOW, principal="bob", action="a", target="t", allowed=True)
            )
            tx.waivers.update(APPROVED, before=WaiverStatus.REVOKED)

        with pytest.raises(Conflict):
            await store.write(change)
        assert await store.read(lambda tx: tx.audit.recent(9)) == []

    using(scenario)


def test_the_baseline_of_the_latest_run_is_kept(using: Using) -> None:
    async def scenario(store: Store) -> None:
        later = replace(
            BASELINE, run_id=RunId("run-2"), at=NOW + timedelta(hours=1), metrics={"a.b": 1}
        )

        async def stored(*key: str) -> Baseline | None:
            return await store.read(lambda tx: tx.baselines.get(*key))

        assert await stored("shop", "", "testing") is None
        await store.write(lambda tx: tx.baselines.put(BASELINE))
        assert await stored("shop", "", "testing") == BASELINE
        await store.write(lambda tx: tx.baselines.put(later))
        await store.write(lambda tx: tx.baselines.put(BASELINE))  # published again
        assert await stored("shop", "", "testing") == later
        for other in (("blog", "", "testing"), ("shop", "x", "testing"), ("shop", "", "review")):
            assert await stored(*other) is None

    using(scenario)
