"""WHAT is built: contracts between a provider and its consumers, and how well they are kept."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from maestro.domain.values import ContractId, JsonObject


class ContractKind(StrEnum):
    REST = "rest"
    GRAPHQL = "graphql"
    GRPC = "grpc"
    EVENT_STREAM = "event_stream"
    """Published to whoever listens: WebSocket, server-sent events."""
    MESSAGE_QUEUE = "message_queue"
    """Through a broker."""
    INTERFACE = "interface"
    """Functions of a Python module."""
    DATA_SCHEMA = "data_schema"
    DOCUMENT = "document"
    PAGE = "page"  # a web front end that people use


class SpecificationFormat(StrEnum):
    """How `Contract.specification` is to be read."""

    OPENAPI = "openapi"
    """The document."""
    JSON_SCHEMA = "json_schema"
    """The schema, or a document of ours that one of our schemas describes."""
    GRAPHQL = "graphql"
    """`{"sdl": text}`."""
    PROTOBUF = "protobuf"
    """`{"files": {path: text}}` or `{"descriptor_set": base64 text}`."""
    ASYNCAPI = "asyncapi"
    """The document."""
    INTERFACE = "interface"
    """`{"python": source of a module with Protocol classes}` or a document of methods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliverable:
    name: str
    description: str
    paths: tuple[str, ...]
    """Globs relative to the provider's work tree; each must match a non-empty file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceCriterion:
    id: str
    statement: str
    check: str | None
    """Name of an executable check (see contracts/acceptance); None = unverified, never passed."""
    parameters: JsonObject = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    """Ids of the requirement parts it is evidence for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    id: ContractId
    name: str
    kind: ContractKind
    version: str
    """Semantic version."""
    provider: str
    """Persona id of the provider."""
    component: str
    """Service or part of the system it describes."""
    consumers: tuple[str, ...]
    """Persona ids of the consumers."""
    format: SpecificationFormat
    specification: JsonObject
    """The parsed document."""
    deliverables: tuple[Deliverable, ...]
    acceptance: tuple[AcceptanceCriterion, ...]
    digest: str = ""
    """The specification's digest when the contract was agreed (locked); empty before."""

    def specification_digest(self) -> str:
        """`sha256:` over the canonical JSON text of the specification as it is now."""
        text = json.dumps(
            self.specification, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedReply:
    """One reply of an operation, with schemas that stand alone (JSON Schema 2020-12)."""

    status: str
    """`200`, `4XX` or `default`."""
    content_type: str
    """Empty where the document promises no body."""
    body: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedParameter:
    name: str
    location: str
    """`path`, `query`, `header` or `cookie`."""
    required: bool
    body: JsonObject
    """Schema of its value."""
    explode: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognisedOperation:
    """An operation of somebody's own API document, and what it does to stored entries."""

    method: str
    path: str
    action: str
    """list, create, get, replace, update, delete, upsert or find; empty where unrecognised."""
    reason: str
    """Why it cannot be built; empty where it can."""
    resource: str
    collection: str
    id_parameter: str | None
    id_field: str | None
    envelope_items: str | None
    """Property of a list reply that holds the entries; None for a bare array."""
    envelope_total: str | None
    parameters: tuple[DocumentedParameter, ...]
    body: JsonObject | None
    body_required: bool
    entry: JsonObject | None
    """Schema of one stored entry of the resource."""
    replies: tuple[DocumentedReply, ...]

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One place where the built thing and its contract differ."""

    rule: str
    """Stable slug, e.g. `status_code_conformance`."""
    message: str
    operation: str = ""
    """`GET /tasks/{task_id}`, a table's name or a file's path."""
    expected: str = ""
    seen: str = ""
    reproduce: str = ""
    """A curl line or command that shows it again."""
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One executable check that really ran."""

    id: str
    """Stable id; acceptance criteria use their own id."""
    statement: str
    passed: bool
    detail: str = ""
    parts: tuple[str, ...] = ()
    """Requirement parts it is evidence for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What came out when a really started thing was held against its contract."""

    contract: str
    target: str
    """What was tested, e.g. `backend_developer: uvicorn app.main:app`."""
    operations_total: int
    operations_tested: int
    checks: tuple[CheckResult, ...]
    findings: tuple[Finding, ...]
    requests: int
    duration_seconds: float
    not_built: tuple[str, ...] = ()
    """Operations that answer 501 on purpose."""
    tool: str = ""
    """Name and version of what tested, e.g. `schemathesis 4.32.5`."""
    operations: Mapping[str, bool] = field(default_factory=dict)
    """Each operation, where they are told apart, and whether it was tested."""

    @property
    def conforms(self) -> bool:
        """False when nothing was checked: no evidence is never a pass."""
        errors = [f for f in self.findings if f.severity is Severity.ERROR]
        return (
            bool(self.checks)
            and not errors
            and all(check.passed for check in self.checks)
            and self.operations_tested + len(self.not_built) >= self.operations_total
        )
