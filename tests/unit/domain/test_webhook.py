import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from maestro.domain.run import Event, EventKind
from maestro.domain.values import RunId, StepId
from maestro.domain.webhook import (
    ATTEMPTS,
    SealedSecret,
    Webhook,
    check_kinds,
    cloud_event,
    signature,
    waiting_seconds,
)
from maestro.errors import InvalidInput

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def webhook(**changed: object) -> Webhook:
    given: dict[str, object] = {
        "id": "webhook-1",
        "project": "shop",
        "url": "https://hooks.example.org/",
        "secrets": (SealedSecret(text="sealed"),),
        "created_by": "ann",
        "created_at": NOW,
    }
    return Webhook(**{**given, **changed})  # type: ignore[arg-type]


def test_the_example_of_the_specification() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_several_secrets_sign_side_by_side() -> None:
    one, two = signature([b"a", b"b"], "m", 1, b"x").split(" ")
    for key, told in ((b"a", one), (b"b", two)):
        assert told == "v1," + base64.b64encode(hmac.digest(key, b"m.1.x", hashlib.sha256)).decode()


def test_secrets_end() -> None:
    old = SealedSecret(text="old", ends_at=NOW)
    both = webhook(secrets=(SealedSecret(text="new"), old))
    assert len(both.signing(NOW - timedelta(seconds=1))) == 2
    assert [one.text for one in both.signing(NOW)] == ["new"]
    assert "new" not in repr(both)


def test_kinds() -> None:
    assert webhook().wanted() == ("",)
    wanted = webhook(kinds=("run.*", "run.failed", "step.failed")).wanted()
    assert wanted.count("run.failed") == 1
    assert "step.failed" in wanted
    assert all(kind.startswith("run.") for kind in wanted if kind != "step.failed")
    check_kinds(["run.*", "step.failed"])
    for word in ("run", "runs.*", "*", "run.fail*", ""):
        with pytest.raises(InvalidInput, match="is no kind of event"):
            check_kinds([word])


def test_the_envelope() -> None:
    event = Event(
        run_id=RunId("run-1"),
        sequence=7,
        kind=EventKind.STEP_FAILED,
        at=NOW,
        step_id=StepId("a"),
        attempt=2,
        data={"n": 1},
    )
    told = cloud_event(event, "shop")
    assert (told["specversion"], told["id"], told["seq"]) == ("1.0", "evt_run-1_7", 7)
    assert (told["type"], told["subject"]) == ("maestro.step.failed.v1", "step/a")
    assert (told["source"], told["project"]) == ("/api/v1/runs/run-1", "shop")
    assert told["data"]["kind"] == "step.failed"
    assert told["data"]["data"] == {"n": 1}


def test_it_waits_longer_each_time_and_then_no_more() -> None:
    waits = [waiting_seconds(n, 0.5) for n in range(1, ATTEMPTS)]
    assert waits[0] == 5.0
    assert waits == sorted(waits)  # type: ignore[type-var]
    assert waiting_seconds(1, 0.0) == 4.0
    assert waiting_seconds(ATTEMPTS, 0.5) is None
