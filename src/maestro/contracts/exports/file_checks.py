"""Exported files count once they were used: read, replayed on our mock, run by a shell."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import httpx

from maestro.contracts.exports.client_checks import check_python_client, check_typescript_client
from maestro.contracts.exports.node_programs import node_program
from maestro.contracts.exports.planned_requests import RestContract, satisfiable
from maestro.contracts.exports.project import ExportedProject
from maestro.contracts.exports.writing import write_project
from maestro.contracts.mocks.host import MockHost
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.openapi.bundling import compiled, standalone, without_marked
from maestro.contracts.openapi.document import OpenApiDocument, load
from maestro.contracts.openapi.lint import lint
from maestro.contracts.openapi.operations import MediaType, Operation, operations
from maestro.domain.contract import CheckResult, Contract, Severity
from maestro.errors import InvalidInput, StepFailed
from maestro.ports import RecordedCall, Report

_SECONDS = 300.0
_SHOWN = 8
_CONSUMER = "export"


async def check_python(contract: Contract, project: ExportedProject, report: Report) -> CheckResult:
    """See `check_python_client`."""
    await report(f"contract {contract.id}: calling every function of the Python client")
    return await check_python_client(contract, project)


async def check_typescript(
    contract: Contract, project: ExportedProject, report: Report
) -> CheckResult:
    """See `check_typescript_client`. Raises StepFailed where Node is missing."""
    await report(f"contract {contract.id}: calling every function of the TypeScript client")
    return await check_typescript_client(contract, project, node=node_program())


async def check_spec(contract: Contract, project: ExportedProject, report: Report) -> CheckResult:
    """The document has no faults but the contract's own, and every body an example that fits."""
    await report(f"contract {contract.id}: examples of the exported specification")
    faults = await asyncio.to_thread(lambda: list(_spec_faults(contract, project)))
    return _result(
        "exported-examples-fit",
        f"Every body in the exported specification of {contract.id} has an example that fits",
        faults,
        "every example fits its schema",
    )


def _spec_faults(contract: Contract, project: ExportedProject) -> Iterator[str]:
    rest = RestContract(contract, what="specifications with examples are")
    own = {_unversioned(found.rule) for found in lint(rest.document)}
    for path, text in project.files.items():
        document = load(text, name=path)
        for found in lint(document):
            if found.severity is Severity.ERROR and _unversioned(found.rule) not in own:
                yield f"{found.pointer}: {found.message} ({found.rule})"
        for operation in operations(document):
            for where, media, marker in _bodies(operation):
                fault = _example_fault(document, media, marker)
                if fault:
                    yield f"{operation.key} {where}: {fault}"


def _example_fault(document: OpenApiDocument, media: MediaType, marker: str) -> str:
    try:
        schema = standalone(document, media.schema)
        validator = compiled(without_marked(schema, marker))
    except InvalidInput:
        return ""  # the contract's own schema is unusable; the lint tells
    if any(not validator.is_valid(example) for example in media.examples):
        return "an example does not fit"
    return "" if media.examples or not satisfiable(document, media.schema) else "has no example"


def _unversioned(rule: str) -> str:
    """The same rule, whichever version of OpenAPI it is about."""
    return re.sub(r"\d\.\d", "", rule)


def _bodies(operation: Operation) -> Iterator[tuple[str, MediaType, str]]:
    for kind, media in operation.body.content.items() if operation.body else ():
        yield f"request {kind}", media, "readOnly"
    for status, response in operation.responses.items():
        for kind, media in response.content.items():
            yield f"{status} {kind}", media, "writeOnly"


async def check_pact(contract: Contract, project: ExportedProject, report: Report) -> CheckResult:
    """Every interaction is replayed on our mock, which takes it and answers as written."""
    await report(f"contract {contract.id}: replaying the exported Pact")
    behaviour = MockBehaviour(stateful=False)
    faults: list[str] = []
    count = 0
    async with MockHost([contract], behaviour=behaviour, consumer=_CONSUMER) as host:
        url = host.addresses()[0][1]
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30.0) as http:
            for text in project.files.values():
                interactions = json.loads(text)["interactions"]
                count += len(interactions)
                faults += [fault async for fault in _replayed(contract, interactions, http)]
    told = f"{count} interactions replayed"
    if not count:
        faults.append("it holds no interaction")
    statement = f"Our mock of {contract.id} takes every interaction of the exported Pact"
    return _result("exported-pact-replays", statement, faults, told)


async def _replayed(
    contract: Contract, interactions: list[Mapping[str, Any]], http: httpx.AsyncClient
) -> AsyncIterator[str]:
    rest = RestContract(contract, what="Pact files are")
    samples = {p.operation.key: p for p in rest.plan().requests}
    for interaction in interactions:
        asked, wanted = interaction["request"], interaction["response"]
        key = str(interaction["description"]).partition(" answers ")[0]
        sample = samples.get(key)
        headers = {**sample.headers, **sample.credentials} if sample else {}
        headers |= {name: values[0] for name, values in asked.get("headers", {}).items()}
        headers["prefer"] = f"code={wanted['status']}"
        same = sample is not None and asked.get("body", {}).get("content") == sample.value
        content = sample.body if sample is not None and same else _content(asked)
        query = urlencode(asked.get("query", {}), doseq=True)
        reply = await http.request(
            asked["method"],
            asked["path"] + (f"?{query}" if query else ""),
            headers=headers,
            content=content,
        )
        if reply.status_code != wanted["status"]:
            yield f"{interaction['description']}: it is {reply.status_code} {reply.text[:160]}"
        elif "body" in wanted and not _alike(wanted["body"]["content"], reply.json()):
            yield f"{interaction['description']}: the reply has other types: {reply.text[:160]}"


def _alike(wanted: Any, seen: Any) -> bool:
    """Whether a reply has everything the Pact names, in the same types."""
    if wanted is None or seen is None:
        return True
    if isinstance(wanted, dict):
        return isinstance(seen, dict) and all(
            name in seen and _alike(value, seen[name]) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        pairs = zip(wanted, seen if isinstance(seen, list) else (), strict=False)
        return isinstance(seen, list) and all(_alike(*pair) for pair in pairs)
    numbers = (int, float)
    both = isinstance(wanted, numbers) and isinstance(seen, numbers)
    return both or type(wanted) is type(seen)


def _content(asked: Mapping[str, Any]) -> bytes | None:
    body = asked.get("body")
    return None if body is None else json.dumps(body["content"]).encode()


async def check_curl(contract: Contract, project: ExportedProject, report: Report) -> CheckResult:
    """The script is run on our mock, which is called once for every operation and takes it all.

    Raises:
        StepFailed: there is no curl or no shell.
    """
    missing = [name for name in ("curl", "sh") if shutil.which(name) is None]
    if missing:
        raise StepFailed(f"the script needs {' and '.join(missing)}, which is not installed")
    await report(f"contract {contract.id}: running the exported script")
    behaviour = MockBehaviour(stateful=False)
    async with MockHost([contract], behaviour=behaviour, consumer=_CONSUMER) as host:
        output = await _run(project, host.addresses()[0][1])
        calls = host.calls()
    faults = list(_call_faults(calls))
    wanted = sum(text.count(b"\ncall ") for text in project.files.values())
    if len(calls) != wanted or not wanted:
        faults.append(f"{len(calls)} of {wanted} calls arrived: {output[-300:]}")
    statement = f"Every line of the exported script is a valid call of {contract.id}"
    return _result("exported-script-runs", statement, faults, f"{len(calls)} calls, all valid")


def _call_faults(calls: tuple[RecordedCall, ...] | Any) -> Iterator[str]:
    for call in calls:
        if not call.valid:
            yield f"{call.method} {call.path} was refused: {call.problem}"


async def _run(project: ExportedProject, url: str) -> str:
    with TemporaryDirectory(prefix="maestro-export-") as scratch:
        folder = Path(scratch) / "script"
        await asyncio.to_thread(write_project, project, folder)
        process = await asyncio.create_subprocess_exec(
            "sh",
            next(iter(project.files)),
            url,
            cwd=folder,
            env={**os.environ, "NO_PROXY": "*", "no_proxy": "*"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(_SECONDS):
                output, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise StepFailed(f"the script was still running after {_SECONDS:.0f} s") from None
    return output.decode("utf-8", "replace")


def _result(name: str, statement: str, faults: list[str], told: str) -> CheckResult:
    detail = "; ".join(faults[:_SHOWN]) or told
    return CheckResult(id=name, statement=statement, passed=not faults, detail=detail)
