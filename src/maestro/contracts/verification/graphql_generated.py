"""Generated GraphQL requests, made by Schemathesis in a process of their own.

    python -I -m maestro.contracts.verification.graphql_generated

reads one JSON object from its standard input and writes one to its standard output.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any

from maestro.contracts.sdl.reading import read_sdl
from maestro.contracts.sdl.scalars import is_custom, sample_of, scalar_kind
from maestro.contracts.verification.graphql_results import errors_of, is_broken
from maestro.domain.contract import CheckResult, Finding, Severity
from maestro.domain.encoding import decode, encode
from maestro.errors import StepFailed

REQUEST_SECONDS = 15.0
GRACE_SECONDS = 60.0
PER_RULE = 3
CHECKS = ("not_a_server_error", "response_schema_conformance")


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedRequests:
    """What came of one run."""

    checks: tuple[CheckResult, ...]
    findings: tuple[Finding, ...]
    tested: frozenset[str]
    """`Query.products` of each operation with a reply that was checked."""
    requests: int


async def run_generated(
    sdl: str, url: str, *, seed: int, examples: int, time_limit: float
) -> GeneratedRequests:
    """Ends with the limit, whatever happens. Raises StepFailed when testing itself broke."""
    job = json.dumps(
        {"sdl": sdl, "url": url, "seed": seed, "examples": examples, "time_limit": time_limit}
    )
    with tempfile.TemporaryDirectory(prefix="maestro-graphql-") as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            "maestro.contracts.verification.graphql_generated",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            cwd=folder,
        )
        try:
            async with asyncio.timeout(time_limit + GRACE_SECONDS):
                out, log = await process.communicate(job.encode())
        except TimeoutError:
            raise StepFailed(f"generated requests did not end within {time_limit:.0f} s") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
    try:
        told = json.loads(out)
    except ValueError:
        tail = log.decode("utf-8", "replace")[-800:]
        raise StepFailed(f"generated requests ended without a result: …{tail}") from None
    return GeneratedRequests(
        checks=tuple(decode(CheckResult, one) for one in told["checks"]),
        findings=tuple(decode(Finding, one) for one in told["findings"]),
        tested=frozenset(told["tested"]),
        requests=int(told["requests"]),
    )


@dataclass(slots=True)
class _Run:
    sdl: str
    url: str
    seed: int
    examples: int
    time_limit: float
    _findings: list[Finding] = field(default_factory=list)
    _tested: set[str] = field(default_factory=set)
    _ran: dict[str, int] = field(default_factory=dict)
    _requests: int = 0

    def execute(self) -> GeneratedRequests:
        # Heavy: only needed once something is really verified.
        from schemathesis.engine import events, from_schema  # noqa: PLC0415

        deadline = time.monotonic() + self.time_limit
        stream = from_schema(self._schema()).execute()
        for event in stream:
            if isinstance(event, events.ScenarioFinished):
                self._scenario(event.recorder)
            elif isinstance(event, events.FatalError):
                raise StepFailed(f"generated requests broke: {event.exception}")
            if time.monotonic() > deadline:
                stream.stop()
        errors = {name: self._errors(name) for name in self._ran}
        return GeneratedRequests(
            checks=tuple(
                CheckResult(
                    id=f"schemathesis.{name}",
                    statement=f"Generated requests: {name.replace('_', ' ')}.",
                    passed=not errors[name],
                    detail=f"{ran} replies checked, {errors[name]} findings",
                )
                for name, ran in sorted(self._ran.items())
            ),
            findings=tuple(self._findings),
            tested=frozenset(self._tested),
            requests=self._requests,
        )

    def _errors(self, name: str) -> int:
        return sum(f.rule == name and f.severity is Severity.ERROR for f in self._findings)

    def _schema(self) -> Any:
        # Heavy, see `execute`.
        import schemathesis  # noqa: PLC0415
        from graphql import introspection_from_schema  # noqa: PLC0415
        from schemathesis.config import SchemathesisConfig  # noqa: PLC0415

        schema = read_sdl(self.sdl).schema
        _register_scalars(schema)
        config = SchemathesisConfig.from_dict(
            {
                "base-url": self.url,
                "seed": self.seed,
                "workers": 1,
                "continue-on-failure": True,
                "request-timeout": REQUEST_SECONDS,
                "suppress-health-check": ["all"],
                "cache": {"enabled": False},
                "warnings": False,
                "output": {"sanitization": {"enabled": False}},
                "generation": {
                    "mode": "positive",
                    "max-examples": self.examples,
                    "deterministic": True,
                    "no-shrink": True,
                    "database": "none",
                },
                "phases": {"stateful": {"enabled": False}},
            }
        )
        return schemathesis.graphql.from_dict(
            dict(introspection_from_schema(schema)), config=config
        )

    def _scenario(self, recorder: Any) -> None:
        self._requests += len(recorder.interactions)
        for case_id, nodes in recorder.checks.items():
            node = recorder.cases.get(case_id)
            interaction = recorder.interactions.get(case_id)
            if node is None or interaction is None or interaction.response is None:
                continue
            self._tested.add(node.value.operation.label)
            for check in nodes:
                if check.name not in CHECKS:
                    continue
                self._ran[check.name] = self._ran.get(check.name, 0) + 1
                if check.failure_info is not None:
                    self._failure(node.value, interaction.response, check)

    def _failure(self, case: Any, response: Any, check: Any) -> None:
        operation = case.operation.label
        alike = [f for f in self._findings if (f.rule, f.operation) == (check.name, operation)]
        if len(alike) >= PER_RULE:
            return
        failure = check.failure_info.failure
        blame = _blame(response) if check.name == "not_a_server_error" else Severity.ERROR
        if blame is None:
            return
        again = self._happens_again(response, case, check.name)
        note = "" if again else " (not seen again when the request was repeated)"
        if blame is Severity.WARNING:
            note += " (the error has no code, so it may be meant)"
        self._findings.append(
            Finding(
                rule=check.name,
                message=f"{failure.title}{note}",
                operation=operation,
                expected="a reply without server errors that fits the schema",
                seen=" ".join(str(failure.message).split())[:300],
                reproduce=check.failure_info.code_sample,
                severity=blame if again else Severity.WARNING,
            )
        )

    def _happens_again(self, response: Any, case: Any, name: str) -> bool:
        # Heavy, see `execute`.
        import requests  # noqa: PLC0415
        from schemathesis.checks import CHECKS as REGISTERED  # noqa: PLC0415
        from schemathesis.core.failures import Failure, FailureGroup  # noqa: PLC0415
        from schemathesis.core.transport import Response  # noqa: PLC0415

        self._requests += 1
        with requests.Session() as session:
            session.trust_env = False
            try:
                reply = session.send(response.request.copy(), timeout=REQUEST_SECONDS)
            except requests.RequestException:
                return True
        again = Response.from_requests(reply, verify=True)
        try:
            case.validate_response(again, checks=[REGISTERED.get_one(name)])
        except (Failure, FailureGroup):
            return True
        return False


def _blame(response: Any) -> Severity | None:
    """Whose fault an error is. Providers may refuse what cannot be done (NOT_FOUND, FORBIDDEN);
    without a code nobody can tell that from something that broke.
    """
    if response.status_code >= 500:
        return Severity.ERROR
    try:
        body = response.json()
    except ValueError:
        return Severity.ERROR
    if is_broken(body):
        return Severity.ERROR
    coded = [e for e in errors_of(body) if (e.get("extensions") or {}).get("code")]
    return None if coded else Severity.WARNING


def _register_scalars(schema: Any) -> None:
    """A strategy for every custom scalar, out of the samples the mock uses too."""
    # Heavy, see `_Run.execute`.
    import schemathesis  # noqa: PLC0415
    from graphql import GraphQLScalarType  # noqa: PLC0415
    from graphql.utilities import value_to_literal  # noqa: PLC0415
    from hypothesis import strategies as st  # noqa: PLC0415
    from schemathesis.graphql import nodes  # noqa: PLC0415

    for named in schema.type_map.values():
        if isinstance(named, GraphQLScalarType) and is_custom(named):
            kind = scalar_kind(named)
            values = [sample_of(kind, number) for number in range(8)]
            literals = [value_to_literal(value, named) for value in values]
            known = [literal for literal in literals if literal is not None]
            given = known if kind != "text" and known else [nodes.String("sample")]
            schemathesis.graphql.scalar(named.name, st.sampled_from(given))


def main() -> None:
    job = json.loads(sys.stdin.read())
    for name in [n for n in os.environ if n.lower().endswith("_proxy")]:
        del os.environ[name]  # providers are on this machine
    found = _Run(**job).execute()
    told = {
        "checks": encode(found.checks),
        "findings": encode(found.findings),
        "tested": sorted(found.tested),
        "requests": found.requests,
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
