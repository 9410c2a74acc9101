"""What travels between a run and a remote agent: JSON texts, each bound to one leased attempt."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from maestro.agents.executors.outside.claims import Claims, read_claims
from maestro.agents.executors.outside.files import (
    MAX_FILE_BYTES,
    MAX_FILES,
    MAX_TREE_BYTES,
    TreeFile,
    as_json,
    read_files,
)
from maestro.domain.encoding import decode, encode
from maestro.domain.values import JsonObject, JsonValue
from maestro.domain.work import Assignment, CheckCommand
from maestro.domain.write_set import ANYWHERE, write_set
from maestro.errors import InvalidInput

EXTENSION = "urn:maestro:work:1"
"""The A2A extension that an agent's card has to declare to be given assignments."""
MEDIA_TYPE = "application/json"
MAX_DOCUMENT_BYTES = 24_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteLease:
    """The one attempt that a result is accepted for."""

    run: str
    step: str
    attempt: int
    token: str

    @staticmethod
    def of(assignment: Assignment) -> "RemoteLease":
        return RemoteLease(
            run=assignment.run_id,
            step=assignment.step_id,
            attempt=assignment.attempt,
            token=secrets.token_urlsafe(32),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteOrder:
    """What a remote agent is asked to do."""

    lease: RemoteLease
    assignment: Assignment
    upstream: tuple[TreeFile, ...] = ()
    """What the work tree holds already."""
    checks: tuple[CheckCommand, ...] = ()
    """What the work will have to pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteDelivery:
    """What came back for a lease."""

    files: tuple[TreeFile, ...]
    claims: Claims


def order_text(order: RemoteOrder) -> str:
    return _text(
        {
            "kind": "assignment",
            "lease": encode(order.lease),
            "assignment": encode(_travelling(order.assignment)),
            "checks": encode(order.checks),
            "upstream": as_json(order.upstream),
            "write_set": list(write_set(order.assignment.provides)),
            "limits": {
                "files": MAX_FILES,
                "file_bytes": MAX_FILE_BYTES,
                "total_bytes": MAX_TREE_BYTES,
            },
        }
    )


def read_order(document: JsonObject) -> RemoteOrder:
    """An assignment, as the serving side reads it. Raises InvalidInput."""
    assignment = decode(Assignment, document.get("assignment"), where="assignment")
    return RemoteOrder(
        lease=_lease(document),
        assignment=assignment,
        upstream=read_files(document.get("upstream", []), (ANYWHERE,), "upstream"),
    )


def delivery_text(lease: RemoteLease, delivery: RemoteDelivery) -> str:
    return _text(
        {
            "kind": "result",
            "lease": encode(lease),
            "result": delivery.claims.as_json(),
            "files": as_json(delivery.files),
        }
    )


def read_delivery(
    document: JsonObject, lease: RemoteLease, allowed: Sequence[str]
) -> RemoteDelivery:
    """A result, which is accepted for exactly this lease.

    Raises:
        InvalidInput: for another attempt, of another shape or beyond a limit.
    """
    _expect_kind(document, "result")
    answered = _lease(document)
    if (answered.run, answered.step, answered.attempt) != (lease.run, lease.step, lease.attempt):
        raise InvalidInput(
            f"the result is for attempt {answered.attempt} of step {answered.step[:80]!r} in run "
            f"{answered.run[:80]!r}; leased was attempt {lease.attempt} of step {lease.step!r} in "
            f"run {lease.run!r}"
        )
    if not secrets.compare_digest(answered.token.encode(), lease.token.encode()):
        raise InvalidInput("the result does not carry the token of the leased attempt")
    return RemoteDelivery(
        files=read_files(document.get("files"), allowed, "files"),
        claims=read_claims(document.get("result"), "result"),
    )


def probe_text(token: str) -> str:
    """The task that an agent does before it joins: to answer with the digest of the token."""
    return _text({"kind": "probe", "token": token})


def probe_answer(token: str) -> str:
    digest = hashlib.sha256(token.encode()).hexdigest()
    return _text({"kind": "probe_result", "digest": digest})


def check_probe(document: JsonObject, token: str) -> None:
    """Raises InvalidInput unless the probe task was done."""
    _expect_kind(document, "probe_result")
    expected = hashlib.sha256(token.encode()).hexdigest()
    if document.get("digest") != expected:
        raise InvalidInput(
            f"the probe task's digest is {str(document.get('digest'))[:80]!r}, not the one of its "
            "token"
        )


def read_document(text: str) -> JsonObject:
    """One JSON object. Raises InvalidInput for anything else."""
    if len(text) > MAX_DOCUMENT_BYTES:
        raise InvalidInput(
            f"the document has {len(text)} characters; at most {MAX_DOCUMENT_BYTES} are taken"
        )
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"the document is not JSON ({error}); it begins with {text[:60]!r}"
        ) from error
    except RecursionError:
        raise InvalidInput("the document is nested too deep") from None
    except ValueError as error:  # a number with thousands of digits
        raise InvalidInput(f"the document is not JSON that is taken: {error}") from error
    if not isinstance(document, Mapping):
        raise InvalidInput(f"the document is a {type(document).__name__}, not an object")
    return document


def _travelling(assignment: Assignment) -> Assignment:
    """Without what is nobody else's business: the run's models and what others failed at."""
    return replace(assignment, table=None, examples=(), failed_agents=())


def _expect_kind(document: JsonObject, kind: str) -> None:
    if document.get("kind") != kind:
        raise InvalidInput(f"kind: {str(document.get('kind'))[:80]!r} is not {kind!r}")


def _lease(document: JsonObject) -> RemoteLease:
    return decode(RemoteLease, document.get("lease"), where="lease")


def _text(document: JsonValue) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _no_constant(word: str) -> NoReturn:
    raise InvalidInput(f"the document holds {word}, which JSON lacks")
