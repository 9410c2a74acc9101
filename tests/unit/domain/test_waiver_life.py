"""The life of a waiver: nobody approves what they asked for, and nothing counts before or after."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from maestro.domain.waiver_life import WaiverRecord, WaiverStatus, decided
from maestro.errors import Conflict, MaestroError, PermissionDenied

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ASKED = WaiverRecord(
    id="waiver-1",
    gate="TST-4",
    project="shop",
    ceiling="coverage.line >= 60.0",
    reason="the importer is rewritten next month",
    author="alice",
    adr="ADR-0012",
    expires=date(2026, 5, 4),
    requested_at=NOW - timedelta(days=1),
)


def approved(by: str = "bob", at: datetime = NOW) -> WaiverRecord:
    return decided(ASKED, WaiverStatus.APPROVED, by=by, at=at, comment="until June")


def test_what_was_approved_carries_everything_that_was_asked() -> None:
    waiver = approved().waiver()
    assert (waiver.author, waiver.approver, waiver.adr) == ("alice", "bob", "ADR-0012")
    assert (waiver.gate, waiver.project, waiver.ceiling) == ("TST-4", "shop", ASKED.ceiling)
    assert waiver.expires == date(2026, 5, 4)
    assert (approved().decided_at, approved().comment) == (NOW, "until June")


@pytest.mark.parametrize("name", ["alice", "Alice", " alice "])
def test_an_author_approves_nothing_of_their_own(name: str) -> None:
    with pytest.raises(PermissionDenied, match="somebody else"):
        approved(by=name)


def test_an_author_may_take_it_back() -> None:
    refused = decided(ASKED, WaiverStatus.REFUSED, by="alice", at=NOW, comment="")
    assert refused.status is WaiverStatus.REFUSED


def test_nothing_is_approved_after_its_last_day() -> None:
    with pytest.raises(Conflict, match="expired on 2026-05-04"):
        approved(at=NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        (WaiverStatus.APPROVED, WaiverStatus.APPROVED),
        (WaiverStatus.REFUSED, WaiverStatus.APPROVED),
        (WaiverStatus.REVOKED, WaiverStatus.APPROVED),
        (WaiverStatus.APPROVED, WaiverStatus.REFUSED),
        (WaiverStatus.REQUESTED, WaiverStatus.REVOKED),
    ],
)
def test_a_decision_is_for_one_state_only(before: WaiverStatus, wanted: WaiverStatus) -> None:
    record = replace(ASKED, status=before, approver="bob")
    with pytest.raises(Conflict, match=f"is {before.value}; only a"):
        decided(record, wanted, by="carol", at=NOW, comment="")


@pytest.mark.parametrize(
    "status", [WaiverStatus.REQUESTED, WaiverStatus.REFUSED, WaiverStatus.REVOKED]
)
def test_only_an_approved_one_is_a_waiver(status: WaiverStatus) -> None:
    with pytest.raises(MaestroError, match="not approved"):
        replace(ASKED, status=status).waiver()


def test_it_is_shown_as_expired_from_the_day_after_its_last() -> None:
    assert approved().shown_status(date(2026, 5, 4)) == "approved"
    assert approved().shown_status(date(2026, 5, 5)) == "expired"
    assert ASKED.shown_status(date(2026, 5, 5)) == "requested"
