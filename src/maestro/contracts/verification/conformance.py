"""Runs Schemathesis on a started provider and replays what it reports.

Blocks, and writes Hypothesis's tables into the current folder: conformance_process gives it a
process and a folder of its own.
"""

import copy
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from maestro.contracts.openapi.naming import snake
from maestro.contracts.verification.failures import describe, is_about_one_reply
from maestro.contracts.verification.interface import Interface
from maestro.domain.contract import CheckResult, Finding, Severity
from maestro.errors import InvalidInput, StepFailed

CHECKS = {
    "not_a_server_error": "No request makes the provider fail with a 5xx status.",
    "status_code_conformance": "Every reply has a status that the contract documents.",
    "content_type_conformance": "Every reply has a documented content type.",
    "response_headers_conformance": "Every reply carries the documented headers.",
    "response_schema_conformance": "Every body is valid against its documented schema.",
    "negative_data_rejection": "Requests outside of the contract are refused.",
    "positive_data_acceptance": "Requests inside of the contract are accepted.",
    "missing_required_header": "Requests without a required header are refused.",
    "unsupported_method": "Methods that are not documented answer 405 with Allow.",
    "use_after_free": "A deleted entry cannot be used any more.",
    "ensure_resource_availability": "A created entry is there.",
    "ignored_auth": "Operations that ask for credentials refuse requests without them.",
}
REQUEST_SECONDS = 30
EXAMPLES_IN_ALL = 200
"""Generated requests are shared out: fewer per operation where there are many."""

FINDINGS_PER_RULE = 3
"""Different findings reported per rule and operation."""

LONGEST_URL = 8000
REPLAYS_PER_RULE = 6
"""Failures of one rule and operation that are sent again before the rest is taken for the same."""

CURSOR = ("cursor", "page_token", "next_token", "continuation_token", "page_cursor")
"""Names of parameters that only take what an earlier reply brought."""

NO_PROXY = {"no_proxy": "127.0.0.1,localhost,::1"}
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformance:
    """What a run of generated requests came to."""

    checks: tuple[CheckResult, ...]
    findings: tuple[Finding, ...]
    tested: frozenset[str]
    """Operations with at least one checked reply."""
    requests: int


@dataclass(slots=True)
class ConformanceRun:
    """One pass of all phases; `execute` blocks."""

    interface: Interface
    url: str
    seed: int
    excluded: frozenset[str]
    """Operations left out because they are declared as not built."""
    time_limit: float
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request: credentials."""
    examples_in_all: int = EXAMPLES_IN_ALL
    _stopped: bool = False
    _seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    _ran: Counter[str] = field(default_factory=Counter)
    _tested: set[str] = field(default_factory=set)
    _findings: dict[tuple[str, ...], Finding] = field(default_factory=dict)
    _requests: int = 0

    def execute(self, say: Say) -> Conformance:
        """Raises InvalidInput for an untestable document, StepFailed when testing itself broke."""
        # Heavy: only needed once something is really verified.
        from schemathesis.engine import events, from_schema  # noqa: PLC0415

        deadline = time.monotonic() + self.time_limit
        stream = from_schema(self._schema()).execute()
        with _direct_connections(self.url):
            for event in stream:
                if isinstance(event, events.PhaseStarted) and event.phase.is_enabled:
                    say(f"contract tests: {event.phase.name.value.lower()} phase")
                elif isinstance(event, events.ScenarioFinished):
                    self._scenario(event.recorder)
                elif isinstance(event, events.NonFatalError):
                    self._no_answer(event)
                elif isinstance(event, events.FatalError):
                    raise StepFailed(
                        f"contract tests broke: {event.exception}"
                    ) from event.exception
                if self._stopped:
                    stream.stop()
                elif time.monotonic() > deadline:
                    stream.stop()
                    self._stopped = True
                    self._add(_time_used_up(self.time_limit))
        return self._result()

    def _schema(self) -> Any:
        # Heavy, see `execute`.
        import schemathesis  # noqa: PLC0415
        from schemathesis.config import SchemathesisConfig  # noqa: PLC0415
        from schemathesis.core.errors import SchemathesisError  # noqa: PLC0415

        count = len(self.interface.operations) - len(self.excluded)
        examples = max(4, min(25, self.examples_in_all // max(1, count)))
        config = SchemathesisConfig.from_dict(_settings(self, examples))
        try:
            # Schemathesis writes the links it infers into the document it is given.
            document = copy.deepcopy(dict(self.interface.document))
            schema: Any = schemathesis.openapi.from_dict(document, config=config)
        except SchemathesisError as error:
            raise InvalidInput(f"the contract's document cannot be tested: {error}") from error
        for key in sorted(self.excluded):
            method, _, path = key.partition(" ")
            schema = schema.exclude(method=method, path=path)
        return schema

    def _scenario(self, recorder: Any) -> None:
        self._requests += len(recorder.interactions)
        for case_id, nodes in recorder.checks.items():
            node = recorder.cases.get(case_id)
            interaction = recorder.interactions.get(case_id)
            if node is None or interaction is None or interaction.response is None:
                continue
            self._tested.add(node.value.operation.label)
            for check in nodes:
                self._ran[check.name] += 1
                if check.failure_info is not None:
                    self._failure(recorder, case_id, check)

    def _failure(self, recorder: Any, case_id: str, check: Any) -> None:
        failure = check.failure_info.failure
        failing_id = failure.case_id or case_id
        case = recorder.cases[failing_id].value
        response = recorder.interactions[failing_id].response
        if refused_for_its_length(response.status_code, str(response.request.url)):
            return
        operation = failure.operation or case.operation.label
        self._seen[(check.name, operation)] += 1
        if self._seen[(check.name, operation)] > REPLAYS_PER_RULE:
            return
        if check.name == "positive_data_acceptance" and not self._clearly_valid(
            operation, response
        ):
            return
        if check.name == "status_code_conformance" and self._plain_refusal(
            operation, case, response
        ):
            return
        finding = describe(check.name, operation, failure, response, check.failure_info)
        if not self._happens_again(recorder, case, check.name, failure, response):
            finding = replace(
                finding,
                severity=Severity.WARNING,
                message=f"{finding.message} (not seen again when the request was repeated)",
            )
        self._add(finding)

    def _happens_again(
        self, recorder: Any, case: Any, name: str, failure: Any, response: Any
    ) -> bool:
        """Sends the very same request once more: what nobody can reproduce is no error."""
        # Heavy, see `execute`.
        import requests  # noqa: PLC0415
        from schemathesis.checks import CHECKS as REGISTERED  # noqa: PLC0415
        from schemathesis.core.failures import Failure, FailureGroup  # noqa: PLC0415
        from schemathesis.core.transport import Response  # noqa: PLC0415

        if self._stopped:
            return True
        self._requests += 1
        with requests.Session() as session:
            session.trust_env = False
            try:
                reply = session.send(
                    response.request.copy(), timeout=REQUEST_SECONDS, allow_redirects=False
                )
            except requests.RequestException:
                return True
        again = Response.from_requests(reply, verify=True)
        check = REGISTERED.get_one(name)
        try:
            case.validate_response(again, checks=[check], recorder=recorder)
        except Failure as found:
            return type(found) is type(failure)
        except FailureGroup as group:
            return any(type(found) is type(failure) for found in group.exceptions)
        # The entry may be gone or taken by now; what the first reply proved stays proved.
        moved = again.status_code in (404, 409) and name == "negative_data_rejection"
        return moved or (again.status_code != response.status_code and is_about_one_reply(name))

    def _clearly_valid(self, key: str, response: Any) -> bool:
        """`192.0` is an integer to JSON Schema and none to most servers; a cursor is a text to it
        and what an earlier reply brought to servers: no ground to complain.
        """
        operation = self.interface.operation(key)
        url = str(response.request.url)
        if any(snake(name) in CURSOR for name, _ in parse_qsl(urlsplit(url).query)):
            return False
        return operation is None or operation.is_plain(url)

    def _plain_refusal(self, key: str, case: Any, response: Any) -> bool:
        """A refusal of what is outside of a document that says nothing of errors."""
        operation = self.interface.operation(key)
        silent = operation is not None and not any(s[0] in "4d" for s in operation.responses)
        mode = getattr(getattr(case.meta, "generation", None), "mode", None)
        return (
            silent and response.status_code in (400, 422) and not getattr(mode, "is_positive", True)
        )

    def _no_answer(self, event: Any) -> None:
        operation = event.label if self.interface.operation(event.label) else ""
        text = str(event.value).strip()
        first, _, rest = text.partition("Reproduce with:")
        self._add(
            Finding(
                rule="contract_testable" if not event.related_to_operation else "answers",
                message=event.info.title,
                operation=operation or event.label,
                expected="a reply",
                seen=" ".join(first.split())[:300],
                reproduce=rest.strip(),
            )
        )

    def _add(self, finding: Finding) -> None:
        place = (finding.rule, finding.operation)
        key = (*place, finding.severity.value, finding.expected, finding.message)
        alike = [k for k in self._findings if k[:2] == place]
        if key not in self._findings and len(alike) < FINDINGS_PER_RULE:
            self._findings[key] = finding

    def _result(self) -> Conformance:
        errors = Counter(f.rule for f in self._findings.values() if f.severity is Severity.ERROR)
        checks = tuple(
            CheckResult(
                id=f"schemathesis.{name}",
                statement=CHECKS.get(name, name),
                passed=not errors[name],
                detail=f"{ran} replies checked, {errors[name]} findings",
            )
            for name, ran in sorted(self._ran.items())
        )
        return Conformance(
            checks=checks,
            findings=tuple(self._findings.values()),
            tested=frozenset(self._tested),
            requests=self._requests,
        )


def refused_for_its_length(status: int, url: str) -> bool:
    """Every server may refuse a long address, whatever the document says (RFC 9110, 4.1)."""
    return status in (400, 414, 431) and len(url) > LONGEST_URL


def tool_name() -> str:
    return f"schemathesis {version('schemathesis')}"


def _settings(run: ConformanceRun, examples: int) -> dict[str, Any]:
    return {
        "base-url": run.url,
        "seed": run.seed,
        "headers": dict(run.headers),
        "workers": 1,
        "continue-on-failure": True,
        "request-timeout": REQUEST_SECONDS,
        "suppress-health-check": ["all"],
        "cache": {"enabled": False},
        "warnings": False,
        "analysis": {"constants": {"enabled": False}},
        "output": {"sanitization": {"enabled": False}},
        "generation": {
            "mode": "all",
            "max-examples": examples,
            "deterministic": True,
            "no-shrink": True,
            "database": "none",
        },
        "checks": {
            **{name: {"enabled": True} for name in CHECKS},
            "allow_header_conformance": {"enabled": False},
            "object_level_authorization": {"enabled": False},
        },
    }


@contextmanager
def _direct_connections(url: str) -> Iterator[None]:
    """Providers are on this machine; a proxy of the environment must not come between."""
    # Heavy, see `execute`.
    from schemathesis import hook, hooks  # noqa: PLC0415

    def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
        if case.operation.schema.get_base_url() == url:
            kwargs["proxies"] = dict(NO_PROXY)

    hook(before_call)
    try:
        yield
    finally:
        hooks.unregister(before_call)


def _time_used_up(limit: float) -> Finding:
    return Finding(
        rule="time_limit",
        message=f"contract tests were ended after {limit:.0f} s; operations not reached by then "
        "count as untested",
        severity=Severity.WARNING,
    )
