"""Providers of events with one fault each: every fault is found, the clean one is clean."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from events_provider import OTHERS, PUBLISHED, Provider, served

from maestro.contracts.mocks.events.surface import EventsSurface
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.reading import read_contract
from maestro.contracts.verification.events import EventsVerifier
from maestro.domain.contract import AcceptanceCriterion, Contract, Severity, Verification
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall, VerificationTarget

CONTRACT = read_contract(Path(__file__).parents[2] / "examples/contracts/orders.asyncapi.yaml")
QUICK = EventsVerifier(patience_seconds=1.5, quiet_seconds=0.15)
PATIENT = EventsVerifier(patience_seconds=30.0, quiet_seconds=0.3)

RULES = {
    **dict.fromkeys(PUBLISHED, "message_schema"),
    "invalid_accepted": "invalid_publish_rejected",
    "valid_refused": "valid_publish_accepted",
    "crash_on_invalid": "invalid_publish_rejected",
    "reply_missing": "reply_missing",
    "reply_mistyped": "reply_schema",
    "reply_without_id": "reply_correlated",
    "replies_mixed_up": "reply_correlated",
    "channel_missing": "channel_reachable",
    "closes_early": "channel_reachable",
}


class _NoSandbox:
    """Events are looked at over the network; nothing is run in the provider's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root


async def _silent(_: str) -> None:
    """Progress is of no interest here."""


async def verify(
    provider: object,
    root: Path,
    *,
    replay: tuple[RecordedCall, ...] = (),
    contract: Contract = CONTRACT,
    verifier: EventsVerifier = QUICK,
) -> Verification:
    async with served(provider) as place:
        target = VerificationTarget(
            description="provider",
            sandbox=_NoSandbox(root),  # type: ignore[arg-type]
            url=f"ws://{place}",
            replay=replay,
        )
        return await verifier.verify(contract, target, _silent)


def verified(provider: object, root: Path, **more: Any) -> Verification:
    return asyncio.run(verify(provider, root, **more))


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verification]:
    """All faulty providers at once: each spends most of its time waiting."""
    root = tmp_path_factory.mktemp("provider")

    async def run() -> dict[str, Verification]:
        places = asyncio.Semaphore(7)

        async def one(fault: str) -> Verification:
            async with places:
                return await verify(Provider(fault=fault), root)

        names = sorted(RULES)
        return dict(zip(names, await asyncio.gather(*map(one, names)), strict=True))

    return asyncio.run(run())


@pytest.mark.parametrize("http_only", [False, True], ids=["websocket", "sse"])
def test_the_clean_provider_is_clean(tmp_path: Path, http_only: bool) -> None:
    outcome = verified(Provider(http_only=http_only), tmp_path, verifier=PATIENT)
    assert outcome.findings == ()
    assert [c for c in outcome.checks if not c.passed] == []
    assert outcome.operations_tested == outcome.operations_total == 4
    assert outcome.conforms


@pytest.mark.parametrize("fault", sorted(RULES))
def test_a_fault_is_found_and_can_be_seen_again(
    faulty: dict[str, Verification], fault: str
) -> None:
    outcome = faulty[fault]
    errors = [f for f in outcome.findings if f.severity is Severity.ERROR]
    assert RULES[fault] in {f.rule for f in errors}
    assert all(f.reproduce.count("127.0.0.1") and f.seen and f.expected for f in errors)
    assert not outcome.conforms


def test_every_seeded_fault_has_a_test() -> None:
    assert {*RULES, "never_published"} == {*PUBLISHED, *OTHERS}


def test_a_declared_message_that_never_comes_is_unverified(tmp_path: Path) -> None:
    outcome = verified(Provider(fault="never_published"), tmp_path)
    assert outcome.findings == ()
    failed = [c for c in outcome.checks if not c.passed]
    assert [c.id for c in failed] == ["published:publishOrderEvents:orderPaid"]
    assert not outcome.conforms


@pytest.mark.parametrize("fault", ["mistyped_field", "invalid_accepted", "crash_on_invalid"])
def test_faults_are_found_over_http_too(tmp_path: Path, fault: str) -> None:
    outcome = verified(Provider(fault=fault, http_only=True), tmp_path)
    assert RULES[fault] in {f.rule for f in outcome.findings}
    assert all("curl" in f.reproduce for f in outcome.findings)


def call(path: str, body: object, *, valid: bool = True) -> RecordedCall:
    return RecordedCall(
        at=datetime.now(UTC),
        method="PUBLISH",
        path=path,
        operation="receive takeCancellation",
        status=202,
        valid=valid,
        request_body=body,
        protocol="websocket",
    )


def test_what_consumers_published_is_repeated(tmp_path: Path) -> None:
    calls = (
        call("/orders/ord-9", {"command": "cancel", "reason": "changed my mind"}),
        call("/orders/ord-9", {"command": "explode"}, valid=False),
    )
    good = verified(Provider(), tmp_path, replay=calls)
    replay = next(c for c in good.checks if c.id == "consumer_replay")
    assert (replay.passed, replay.detail[:6]) == (True, "1 of 1")
    bad = verified(Provider(fault="valid_refused"), tmp_path, replay=calls)
    found = next(f for f in bad.findings if f.rule == "consumer_replay")
    assert "changed my mind" in found.reproduce


def test_criteria_without_a_check_are_unverified(tmp_path: Path) -> None:
    criteria = (
        AcceptanceCriterion(
            id="a",
            statement="Paid orders are told.",
            check="event_published",
            parameters={"message": "orderPaid"},
        ),
        AcceptanceCriterion(
            id="b",
            statement="Quotes are given.",
            check="operation_works",
            parameters={"operation": "giveQuote"},
        ),
        AcceptanceCriterion(id="c", statement="It is fast.", check=None),
    )
    contract = replace(CONTRACT, acceptance=criteria)
    outcome = verified(Provider(), tmp_path, contract=contract)
    passed = {c.id: c.passed for c in outcome.checks if c.id in "abc"}
    assert passed == {"a": True, "b": True, "c": False}


def test_our_own_mock_is_refused(tmp_path: Path) -> None:
    mock = EventsSurface(CONTRACT, MockBehaviour(), lambda call: None)
    with pytest.raises(InvalidInput, match="mock"):
        verified(mock, tmp_path)


def test_nothing_there_is_refused(tmp_path: Path) -> None:
    target = VerificationTarget(
        description="provider",
        sandbox=_NoSandbox(tmp_path),  # type: ignore[arg-type]
        url="ws://127.0.0.1:9",
    )
    with pytest.raises(InvalidInput, match="nothing answers"):
        asyncio.run(QUICK.verify(CONTRACT, target, _silent))
