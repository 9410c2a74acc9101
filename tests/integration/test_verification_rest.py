"""The REST verifier on a really started provider: clean, with defects, and in the ways of use."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from maestro.contracts.mock_marker import ASKED_FOR
from maestro.contracts.verification.rest import RestVerifier
from maestro.domain.contract import (
    AcceptanceCriterion,
    Contract,
    ContractKind,
    Deliverable,
    Severity,
    SpecificationFormat,
    Verification,
)
from maestro.domain.values import ContractId
from maestro.errors import InvalidInput
from maestro.ports import (
    CommandResult,
    RecordedCall,
    Sandbox,
    SandboxStrength,
    VerificationTarget,
)

PROVIDERS = Path(__file__).parent.parent / "data" / "providers"
DOCUMENT: dict[str, Any] = json.loads((PROVIDERS / "task_api.json").read_text(encoding="utf-8"))
ENTITIES = {"user": "User", "project": "Project", "task": "Task"}


@dataclass(frozen=True)
class FakeSandbox:
    """A work tree to look into; nothing is run in it."""

    root: Path = PROVIDERS

    @property
    def strength(self) -> SandboxStrength:
        return SandboxStrength(mechanism="off", level="L0", capabilities=(), missing=())

    async def run(self, *args: Any, **kwargs: Any) -> CommandResult:
        raise AssertionError("REST verification runs nothing in the sandbox")

    def serve(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("REST verification starts nothing by itself")


@contextmanager
def provider(**environment: str) -> Iterator[str]:
    """A started provider's base URL; connections wait in the backlog until it is up."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    port = listener.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(PROVIDERS / "task_provider.py"), str(listener.fileno())],
        pass_fds=[listener.fileno()],
        env={**os.environ, **environment},
    )
    listener.close()
    try:
        yield f"http://127.0.0.1:{port}/api"
    finally:
        process.terminate()
        process.wait()


def contract(document: Mapping[str, Any] = DOCUMENT, criteria: bool = True) -> Contract:
    return Contract(
        id=ContractId("backend-api"),
        name="Task API",
        kind=ContractKind.REST,
        version="1.0.0",
        provider="backend_developer",
        component="backend",
        consumers=("frontend_developer",),
        format=SpecificationFormat.OPENAPI,
        specification=document,
        deliverables=(Deliverable(name="Service", description="", paths=("task_provider.py",)),),
        acceptance=tuple(acceptance()) if criteria else (),
    )


def acceptance() -> Iterator[AcceptanceCriterion]:
    for entity, name in ENTITIES.items():
        for check in ("crud_roundtrip", "pagination_limits", "sort_orders", "search_finds"):
            yield criterion(check, entity=entity)
        schema = DOCUMENT["components"]["schemas"][f"{name}Create"]
        listed = {p["name"] for p in DOCUMENT["paths"][f"/{entity}s"]["get"]["parameters"]}
        for field, rules in schema["properties"].items():
            applies = {
                "field_stored": True,
                "required_enforced": field in schema["required"],
                "enum_enforced": "enum" in rules,
                "unique_enforced": "x-unique" in rules,
                "reference_checked": "x-references" in rules,
                "assign_changes": "x-references" in rules,
                "filter_narrows": field in listed,
            }
            for check in (name for name, wanted in applies.items() if wanted):
                yield criterion(check, entity=entity, field=field)


def criterion(check: str | None, **parameters: str) -> AcceptanceCriterion:
    return AcceptanceCriterion(
        id=".".join([check or "none", *parameters.values()]),
        statement=f"{check} {parameters}",
        check=check,
        parameters=parameters,
        parts=("R1",),
    )


def target(url: str, **given: Any) -> VerificationTarget:
    sandbox: Sandbox = given.pop("sandbox", FakeSandbox())
    return VerificationTarget(description="reference provider", sandbox=sandbox, url=url, **given)


async def silent(line: str) -> None:
    """Progress is not looked at."""


def verified(
    made: Contract,
    environment: Mapping[str, str] | None = None,
    verifier: RestVerifier = RestVerifier(),
    **given: Any,
) -> Verification:
    with provider(**(environment or {})) as url:
        return asyncio.run(verifier.verify(made, target(url, **given), silent))


SHORT = RestVerifier(time_limit_seconds=0.0)
"""For what does not need generated requests."""


def test_a_clean_provider_conforms_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    before = json.dumps(DOCUMENT)
    result = verified(contract())
    assert result.findings == ()
    assert [check for check in result.checks if not check.passed] == []
    assert result.conforms
    assert result.operations_tested == result.operations_total == 15
    assert result.requests > 1000
    assert result.tool.startswith("maestro trials ")
    assert "schemathesis 4." in result.tool
    assert result.tool.endswith("generated examples 60")
    ran = {check.id for check in result.checks}
    assert {"crud_roundtrip.task", "schemathesis.response_schema_conformance"} <= ran
    assert list(tmp_path.iterdir()) == []
    assert json.dumps(DOCUMENT) == before


TASKS, TASK = "/tasks", "/tasks/{task_id}"
DEFECTS = [
    # group, defect, operation, rule, what was seen
    ("reading", "missing_field", f"GET {TASK}", "response_schema_conformance", "created_at"),
    ("reading", "mistyped_field", f"GET {TASK}", "response_schema_conformance", '"'),
    ("reading", "null_field", f"GET {TASK}", "response_schema_conformance", "null"),
    ("reading", "filter_ignored", f"GET {TASKS}", "filter_narrows", "["),
    ("reading", "search_ignored", f"GET {TASKS}", "search_finds", "ids ["),
    ("reading", "long_input_500", f"POST {TASKS}", "not_a_server_error", "500"),
    ("reading", "reference_unchecked", f"POST {TASKS}", "reference_checked", "201"),
    ("reading", "assign_ignored", f"PATCH {TASK}", "assign_changes", "assignee_id: None"),
    ("reading", "limit_ignored", "GET /projects", "pagination_limits", "3 items"),
    ("reading", "unique_ignored", "POST /users", "unique_enforced", "201"),
    ("reading", "wrong_content_type", "GET /users", "content_type_conformance", "text/html"),
    ("reading", "method_accepted", "POST /projects", "unsupported_method", "200"),
    ("writing", "extra_field", f"GET {TASK}", "response_schema_conformance", "secret"),
    ("writing", "bad_enum", f"GET {TASKS}", "response_schema_conformance", '"later"'),
    ("writing", "lost_write", f"GET {TASK}", "field_stored", "description: 'description"),
    ("writing", "over_strict", f"POST {TASKS}", "positive_data_acceptance", "priority 5"),
    ("writing", "missing_location", "POST /users", "response_headers_conformance", "only "),
    ("writing", "missing_as_200", "GET /projects/{project_id}", "crud_roundtrip", "200"),
    ("writing", "wrong_total", "GET /users", "pagination_limits", '"total": 1'),
    ("writing", "ignored_query_validation", f"GET {TASKS}", "negative_data_rejection", "200"),
    ("creating", "wrong_status", f"POST {TASKS}", "status_code_conformance", "200"),
    ("creating", "ignored_validation", "POST /projects", "negative_data_rejection", "201"),
    ("creating", "undeclared_501", "DELETE /projects/{project_id}", "not_a_server_error", "501"),
    ("rules", "problem_as_json", "GET /projects/{project_id}", "content_type_conformance", "json"),
    ("rules", "sort_ignored", f"GET {TASKS}", "sort_orders", "["),
    ("rules", "required_ignored", f"POST {TASKS}", "required_enforced", "201"),
    ("rules", "enum_ignored", f"POST {TASKS}", "enum_enforced", "201"),
    ("deleting", "delete_kept", f"GET {TASK}", "crud_roundtrip", "200"),
    ("deleting", "delete_hangs_up", "DELETE /users/{user_id}", "crud_roundtrip", "Protocol"),
    ("rules", "lost_field", f"GET {TASK}", "field_stored", "description: None"),
    ("identity", "wrong_id", f"POST {TASKS}", "crud_roundtrip", "/api/tasks/"),
    # What only the trials try, which the command and runs share.
    ("hostile", "any_media_type", "POST /users", "negative_data_rejection", "201"),
    ("hostile", "deep_json_500", f"PATCH {TASK}", "not_a_server_error", "500"),
]


@cache
def of_group(group: str) -> Verification:
    """Defects that do not hide one another are looked for in one verification."""
    defects = ",".join(defect for name, defect, *_ in DEFECTS if name == group)
    return verified(contract(), {"DEFECT": defects})


@pytest.mark.parametrize(
    ("group", "operation", "rule", "seen"),
    [pytest.param(g, o, r, s, id=defect) for g, defect, o, r, s in DEFECTS],
)
def test_every_defect_is_found_with_operation_rule_and_value(
    group: str, operation: str, rule: str, seen: str
) -> None:
    result = of_group(group)
    assert not result.conforms
    found = [f for f in result.findings if (f.operation, f.rule) == (operation, rule)]
    assert any(seen in f.seen for f in found), result.findings
    for finding in found:
        assert finding.severity is Severity.ERROR
        assert finding.expected
        assert "curl " in finding.reproduce


def test_a_mock_is_refused() -> None:
    with pytest.raises(InvalidInput, match="answered by a mock"):
        verified(contract(), {"MOCK": "1"})


def test_operations_declared_as_not_built_must_answer_501_and_are_left_out() -> None:
    declared = ("DELETE /tasks/{task_id}", "GET /users")
    bare = contract(criteria=False)
    result = verified(bare, {"NOT_BUILT": ",".join(declared)}, not_built=declared)
    assert result.findings == ()
    assert result.conforms
    assert result.not_built == declared
    assert result.operations_tested == 13
    lying = verified(bare, {"NOT_BUILT": declared[1]}, SHORT, not_built=(*declared, "GET /nowhere"))
    assert not lying.conforms
    places = {(f.rule, f.operation) for f in lying.findings if f.severity is Severity.ERROR}
    assert places == {
        ("not_built_declared", declared[0]),
        ("not_built_declared", "GET /nowhere"),
    }


def test_a_foreign_document_needs_none_of_our_conventions() -> None:
    document = json.loads(json.dumps(DOCUMENT))
    for path in document["paths"].values():
        for operation in path.values():
            del operation["operationId"]
    criteria = (criterion("resource_roundtrip", entity="user"), criterion(None))
    made = replace(contract(document, criteria=False), acceptance=criteria)
    calls = (
        call("POST", "/users", 201, {"name": "Ada", "email": "ada@example.com"}),
        call("PATCH", "/users/55", 200, {"name": "Bea"}),
        call("DELETE", "/users/55", 204),
        call("GET", "/users/56", 200),
        call("GET", "/users/56", 404),
    )
    result = verified(made, replay=calls)
    assert result.findings == ()
    assert result.operations_tested == 15
    failed = {check.id: check.detail for check in result.checks if not check.passed}
    assert failed == {"none": "unverified: no check"}
    assert not result.conforms
    broken = verified(made, {"DEFECT": "missing_location,unique_ignored"}, SHORT)
    assert next(c for c in broken.checks if c.id == "resource_roundtrip.user").passed
    lying = replace(made, acceptance=(criterion("resource_roundtrip", entity="project"),))
    result = verified(lying, {"DEFECT": "missing_as_200"}, SHORT)
    wrong = {(f.rule, f.operation) for f in result.findings if f.severity is Severity.ERROR}
    assert ("resource_roundtrip", "GET /projects/{project_id}") in wrong


def call(method: str, path: str, status: int, body: Any = None, query: str = "") -> RecordedCall:
    return RecordedCall(
        at=datetime(2030, 1, 1, tzinfo=UTC),
        method=method,
        path=path,
        operation="",
        status=status,
        valid=True,
        request_body=body,
        query=query,
    )


CALLS = (
    call("POST", "/api/projects", 201, {"name": "Apollo"}),
    call("POST", "/api/projects", 409, {"name": "Apollo"}),
    call("POST", "/api/tasks", 201, {"title": "Plan", "project_id": 7001}),
    call("POST", "/api/tasks", 409, {"title": "Plan", "project_id": 9999}),
    call("GET", "/tasks", 200, query="status=todo&limit=5"),
    call("PATCH", "/tasks/8001", 200, {"status": "done", "assignee_id": 3}),
    call("GET", "/tasks/424242", 404),
    call("DELETE", "/projects/7001", 204),
    call("DELETE", "/tasks/8001", 204),
    call("GET", "/tasks/8001", 404),
)


def replayed(**environment: str) -> Verification:
    return verified(contract(criteria=False), environment, SHORT, replay=CALLS)


def test_calls_of_consumers_are_replayed_with_the_providers_own_ids() -> None:
    result = replayed()
    check = next(check for check in result.checks if check.id == "consumer_replay")
    assert check.passed, result.findings
    assert check.detail.startswith("10 of 10")


def test_the_same_id_of_two_consumers_is_not_the_same_entry() -> None:
    """Each had a memory of its own on the mock; what a mock alone refuses is no promise,
    and neither is a fault that one asked it for.
    """
    body = {"name": "Ada", "email": "ada@example.com"}
    made = call("POST", "/users", 201, body)
    page, tester = (
        replace(made, reply_body={"id": 1}, consumer="page"),
        replace(made, reply_body={"id": 1}, consumer="tester",
                request_body={**body, "email": "bea@example.com"}),
    )  # fmt: skip
    calls = (
        page,
        tester,
        replace(call("DELETE", "/users/1", 204), consumer="page"),
        replace(call("GET", "/users/1", 404), consumer="page"),
        replace(call("GET", "/users/1", 200), consumer="tester"),
        replace(call("GET", "/users/1", 404), request_headers={"prefer": "code=404"}),
        replace(call("GET", "/users", 404), problem=ASKED_FOR),
        replace(call("GET", "/users", 400), request_headers={"prefer": "delay=x"}, valid=False),
        replace(call("GET", "/users", 406), request_headers={"accept": "text/csv"}, valid=False),
    )
    result = verified(contract(criteria=False), None, SHORT, replay=calls)
    assert [f for f in result.findings if f.rule == "consumer_replay"] == []
    check = next(check for check in result.checks if check.id == "consumer_replay")
    assert check.detail.startswith("5 of 5 alike")


def test_a_consumer_that_would_break_on_the_provider_is_a_finding() -> None:
    result = replayed(DEFECT="over_strict,missing_as_200,wrong_status,reference_unchecked")
    places = {(f.rule, f.operation) for f in result.findings}
    assert ("consumer_replay", "POST /tasks") in places
    assert not result.conforms


def test_missing_files_of_the_provider_are_findings(tmp_path: Path) -> None:
    result = verified(contract(criteria=False), None, SHORT, sandbox=FakeSandbox(root=tmp_path))
    assert ("deliverable_missing", "task_provider.py") in {
        (f.rule, f.operation) for f in result.findings
    }
    assert not result.conforms


def test_cancelling_ends_the_testing_process() -> None:
    async def cancelled() -> None:
        started = asyncio.Event()

        async def report(line: str) -> None:
            if "coverage" in line:
                started.set()

        with provider() as url:
            verify = RestVerifier().verify(contract(criteria=False), target(url), report)
            task = asyncio.create_task(verify)
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(asyncio.wait_for(cancelled(), timeout=30))


def test_generated_requests_that_are_ended_early_are_told() -> None:
    result = verified(contract(criteria=False), None, RestVerifier(time_limit_seconds=0.01))
    assert [(f.rule, f.severity) for f in result.findings] == [("time_limit", Severity.WARNING)]
    without = verified(contract(criteria=False), None, SHORT)
    assert "schemathesis" not in without.tool


def test_a_provider_that_is_gone_is_no_pass() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/api"
        with pytest.raises(InvalidInput, match="nothing answers"):
            asyncio.run(RestVerifier().verify(contract(), target(url), silent))
