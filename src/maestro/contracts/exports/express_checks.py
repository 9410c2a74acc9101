"""An exported Express project counts once it was started and answered as our own mock does."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import orjson

from maestro.contracts.exports.broken_requests import variations
from maestro.contracts.exports.express import server_name
from maestro.contracts.exports.express_lives import lives
from maestro.contracts.exports.node_programs import install_packages, node_program
from maestro.contracts.exports.planned_requests import (
    PlannedRequest,
    RestContract,
    satisfiable,
)
from maestro.contracts.exports.project import ExportedProject
from maestro.contracts.exports.writing import write_project
from maestro.contracts.mocks.messages import PROBLEM
from maestro.contracts.openapi.bundling import compiled, standalone, without_marked
from maestro.contracts.openapi.operations import OperationResponse
from maestro.contracts.openapi.shapes import is_json
from maestro.contracts.verification.starting import provider_started
from maestro.domain.contract import CheckResult, Contract
from maestro.domain.work import LaunchCommand
from maestro.ports import Report

START_SECONDS = 60.0
REQUEST_SECONDS = 30.0
_SHOWN = 8


async def check_express(
    contract: Contract,
    project: ExportedProject,
    report: Report,
    *,
    packages: Path | None = None,
) -> CheckResult:
    """Installs, starts and asks it: every documented reply, broken requests, stored entries.

    Raises:
        StepFailed: it cannot be installed or does not start.
    """
    rest = RestContract(contract, what="Express projects are")
    async with started_project(contract, project, report, packages) as url:
        async with httpx.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False) as http:
            asking = _Asking(rest, http, url, _storing(rest))
            await report(f"contract {contract.id}: routes and replies of the exported mock")
            plan = rest.plan()
            for planned in plan.requests:
                await asking.documented(planned)
                await asking.plain(planned)
            await report(f"contract {contract.id}: requests the exported mock has to refuse")
            for planned in plan.requests:
                await asking.broken(planned)
            await report(f"contract {contract.id}: entries the exported mock stores")
            asking.faults += [f async for f in lives(rest, asking.ask, asking.reset)]
    count = len(plan.requests)
    return CheckResult(
        id="export-answers-as-the-contract",
        statement=f"The exported server answers {count} operations of {contract.id} as the "
        "contract and our own mock do",
        passed=not asking.faults and count > 0,
        detail="; ".join(asking.faults[:_SHOWN])
        or (f"{asking.requests} requests" if count else "no operation could be called"),
    )


@asynccontextmanager
async def started_project(
    contract: Contract, project: ExportedProject, report: Report, packages: Path | None
) -> AsyncIterator[str]:
    """Where the project listens once its packages are there and it was started."""
    with TemporaryDirectory(prefix="maestro-export-") as scratch:
        folder = Path(scratch) / "project"
        await asyncio.to_thread(write_project, project, folder)
        await report(f"contract {contract.id}: installing the packages of the exported project")
        await install_packages(folder, packages)
        launch = LaunchCommand(
            argv=(node_program(), server_name(contract), "--port", "{port}", "--quiet"),
            cwd=".",
            ready_path="",
        )
        async with provider_started(launch, folder, timeout=START_SECONDS) as started:
            yield started.url


@dataclass(slots=True)
class _Asking:
    rest: RestContract
    http: httpx.AsyncClient
    url: str
    storing: frozenset[str]
    """Keys of the operations on stored entries."""
    faults: list[str] = field(default_factory=list)
    requests: int = 0

    async def ask(self, planned: PlannedRequest, **headers: str) -> httpx.Response:
        self.requests += 1
        return await self.http.request(
            planned.operation.method,
            self.url + self.rest.api.written_base + planned.target,
            headers={**planned.sent_headers, **headers},
            content=planned.body or None,
        )

    async def reset(self) -> None:
        await self.http.post(f"{self.url}/__mock/reset")

    async def plain(self, planned: PlannedRequest) -> None:
        """What stores nothing answers a request that fits with success, as our mock does."""
        if planned.operation.key in self.storing:
            return
        reply = await self.ask(planned)
        if reply.status_code != planned.reply.status:
            self.faults.append(
                f"{planned.operation.key}: {reply.status_code} instead of {planned.reply.status}"
            )

    async def documented(self, planned: PlannedRequest) -> None:
        """Every documented reply can be asked for and is as documented."""
        for status, response in planned.operation.responses.items():
            if not status.isdigit():
                continue
            reply = await self.ask(planned, prefer=f"code={status}")
            where = f"{planned.operation.key} {status}"
            if str(reply.status_code) != status:
                self.faults.append(f"{where}: it answered {reply.status_code} {reply.text[:200]}")
            elif planned.operation.method != "HEAD":
                self.faults += self._misfits(where, response, reply)

    def _misfits(
        self, where: str, response: OperationResponse, reply: httpx.Response
    ) -> Iterator[str]:
        kind = reply.headers.get("content-type", "").partition(";")[0].strip()
        if not reply.content and not response.content:
            return
        known = {k.partition(";")[0].strip(): media for k, media in response.content.items()}
        media = known.get(kind) or known.get("*/*")
        if media is None:
            if response.content and not any("*" in k for k in response.content):
                yield f"{where}: its content type is {kind!r}"
            return
        if is_json(kind):
            schema = standalone(self.rest.document, media.schema)
            validator = compiled(without_marked(schema, "writeOnly"))
            error = next(iter(validator.iter_errors(orjson.loads(reply.content))), None)
            if error is not None and satisfiable(self.rest.document, media.schema):
                yield f"{where}: the body does not fit: {error.message[:200]}"

    async def broken(self, planned: PlannedRequest) -> None:
        """What our mock refuses is refused with the same status; what it takes is taken."""
        for changed in variations(planned):
            ours = self.rest.mock.answered(self.rest.asked(changed))
            theirs = await self.ask(changed)
            told = f"{planned.operation.key} with {_told(planned, changed)}"
            if ours.valid:
                if theirs.status_code in (400, 401, 406, 415, 422) or theirs.status_code >= 500:
                    self.faults.append(
                        f"{told}: refused with {theirs.status_code}: {_text(theirs)}"
                    )
            elif theirs.status_code != ours.reply.status:
                wanted = f"{ours.reply.status} ({ours.problem[:120]})"
                self.faults.append(f"{told}: {theirs.status_code} instead of {wanted}")
            elif planned.operation.method != "HEAD" and not _names_place(theirs):
                self.faults.append(f"{told}: the refusal names no place: {_text(theirs)}")


def _storing(rest: RestContract) -> frozenset[str]:
    everything = (o for r in rest.resources for o in (*r.operations.values(), *r.finds))
    return frozenset(operation.key for operation in everything)


def _names_place(reply: httpx.Response) -> bool:
    """Problem details say where and by which rule, as far as there is a place."""
    if reply.headers.get("content-type", "") != PROBLEM or reply.status_code != 422:
        return True
    value = reply.json()
    errors = value.get("errors") if isinstance(value, Mapping) else None
    return isinstance(errors, list) and all("pointer" in error for error in errors)


def _text(reply: httpx.Response) -> str:
    return reply.text[:160]


def _told(planned: PlannedRequest, changed: PlannedRequest) -> str:
    if changed.body != planned.body:
        return f"the body {changed.body[:80]!r}"
    if changed.target != planned.target:
        return changed.target
    return f"the headers {changed.sent_headers}"
