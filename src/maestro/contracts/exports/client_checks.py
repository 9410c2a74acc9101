"""A client counts once every one of its functions was called on the mock of its contract."""

import asyncio
import base64
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from maestro.contracts.exports.client_contract import ClientContract, template
from maestro.contracts.exports.client_operations import ClientFunction
from maestro.contracts.exports.client_types import ANY, ClientType
from maestro.contracts.exports.project import ExportedProject
from maestro.contracts.exports.python_client import read_python_client
from maestro.contracts.exports.typescript_client import read_typescript_client
from maestro.contracts.mocks.host import MockHost
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.openapi import OpenApiDocument, Operation, from_object, operations
from maestro.contracts.samples import sample
from maestro.domain.contract import CheckResult, Contract
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall

_TIMEOUT = 120.0
_ERROR = re.compile(r"[\w.]*(Error|Exception)\b")
_SECRET = "check:secret"  # noqa: S105 - any value of the right shape is taken by the mock


async def check_python_client(contract: Contract, project: ExportedProject) -> CheckResult:
    """Imports the package and calls each of its methods on a mock of the contract."""
    client = read_python_client(contract)
    driver = template("python-client/drive.py.jinja", {})
    return await _check(client, project, (sys.executable, "drive.py"), ("drive.py", driver))


async def check_typescript_client(
    contract: Contract, project: ExportedProject, *, node: str
) -> CheckResult:
    """Runs the module in Node and calls each of its methods on a mock of the contract."""
    client = read_typescript_client(contract)
    driver = template("typescript-client/drive.mjs.jinja", {})
    return await _check(client, project, (node, "drive.mjs"), ("drive.mjs", driver))


async def _check(
    client: ClientContract,
    project: ExportedProject,
    argv: Sequence[str],
    driver: tuple[str, bytes],
) -> CheckResult:
    """Starts mock and client; the mock tells whether each request kept to the contract."""
    contract = client.contract
    behaviour = MockBehaviour(stateful=False)
    with TemporaryDirectory(prefix="maestro-client-") as folder:
        await asyncio.to_thread(_write, Path(folder), {**project.files, driver[0]: driver[1]})
        async with MockHost([contract], behaviour=behaviour, consumer="client") as host:
            plan = _plan(client, host.addresses()[0][1])
            output, code = await _run(argv, Path(folder), json.dumps(plan).encode())
            calls = host.calls()
    faults = [*_faults(client, calls, plan["calls"])]
    if code != 0:
        faults.insert(0, f"it ended with {code}: {_why(output)}")
    return CheckResult(
        id="client-calls-every-operation",
        statement=f"The client of {contract.id} calls each of its {len(client.functions)} "
        "operations as the contract asks",
        passed=not faults,
        detail="; ".join(faults) or f"{len(calls)} calls, all of them valid",
    )


def _why(output: str) -> str:
    """The line that names the error, wherever the interpreter put it."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    named = [line for line in lines if _ERROR.match(line)]
    return (named or lines or ["without a word"])[-1][:400]


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


async def _run(argv: Sequence[str], folder: Path, told: bytes) -> tuple[str, int]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_TIMEOUT):
            output, _ = await process.communicate(told)
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"it was still running after {_TIMEOUT:.0f} s", -1
    return output.decode(errors="replace"), process.returncode or 0


def _faults(
    client: ClientContract, calls: Sequence[RecordedCall], planned: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    for call in calls:
        if not call.valid:
            yield f"{call.method} {call.path} was refused: {call.problem}"
    for function in client.functions:
        key = f"{function.method} {function.path}"
        wanted = sum(call["function"] == function.name for call in planned)
        made = sum(call.operation == key for call in calls)
        if wanted == 0:
            yield f"no arguments could be made for {function.name}"
        elif made < wanted:
            yield f"{function.name} reached {key} {made} of {wanted} times"


def _plan(client: ClientContract, url: str) -> dict[str, Any]:
    """Every function twice: with what it needs, and with everything it takes."""
    document = from_object(client.contract.specification, name=client.contract.id)
    found = {operation.key: operation for operation in operations(document)}
    calls: list[dict[str, Any]] = []
    for function in client.functions:
        operation = found[f"{function.method} {function.path}"]
        for values in _arguments(document, operation, function, client.named):
            if values not in [c["values"] for c in calls if c["function"] == function.name]:
                calls.append({"function": function.name, "values": values})
    credentials = dict.fromkeys(client.schemes, _SECRET)
    return {"package": client.package, "url": url, "credentials": credentials, "calls": calls}


def _arguments(
    document: OpenApiDocument,
    operation: Operation,
    function: ClientFunction,
    named: Mapping[str, ClientType],
) -> Iterator[dict[str, Any]]:
    wire = {(p.location, p.name): p for p in operation.parameters}
    for whole in (False, True):
        try:
            values = {
                parameter.key: sample(
                    document,
                    wire[parameter.location, parameter.name].schema,
                    name=parameter.name,
                )
                for parameter in function.parameters
                if parameter.required or whole
            }
            if function.body is not None and (function.body_required or whole):
                values["body"] = _body(document, operation, function, named)
        except InvalidInput:
            continue
        yield values


def _body(
    document: OpenApiDocument,
    operation: Operation,
    function: ClientFunction,
    named: Mapping[str, ClientType],
) -> Any:
    assert operation.body is not None
    assert function.body is not None
    media = operation.body.content.get(function.body_media)
    schema = media.schema if media else next(iter(operation.body.content.values())).schema
    if function.body.kind == "binary":
        return _bytes("maestro")
    value = sample(document, schema)
    return _with_files(value, function.body, named) if function.body_form == "multipart" else value


def _with_files(value: Any, made: ClientType, named: Mapping[str, ClientType]) -> Any:
    """Texts become files where the type asks for one."""
    if made.kind == "named":
        return _with_files(value, named.get(made.name, ANY), named)
    if made.kind == "object" and isinstance(value, dict):
        fields = {entry.name: entry.type for entry in made.fields}
        return {k: _with_files(v, fields.get(k, ANY), named) for k, v in value.items()}
    if made.kind == "array" and isinstance(value, list):
        return [_with_files(entry, made.members[0], named) for entry in value]
    return _bytes(value) if made.kind == "binary" and isinstance(value, str) else value


def _bytes(text: str) -> dict[str, str]:
    return {"$bytes": base64.b64encode(text.encode()).decode()}
