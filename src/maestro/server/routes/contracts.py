"""Contracts: found again, mocked, held against running providers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from maestro.delivery.contract_desk import ContractDesk, ContractReference
from maestro.domain.access import Permission
from maestro.domain.contract_life import ContractRecord
from maestro.domain.encoding import encode
from maestro.domain.sharing import SharedKind
from maestro.domain.values import RunId
from maestro.errors import NotFound
from maestro.ports.storage import Transaction
from maestro.server.access import ApiCaller
from maestro.server.errands import AskedVerification, LiveMock
from maestro.server.routes.reading import Limit, NamePath
from maestro.server.services import Services, Use, Who
from maestro.server.shapes import Document, ListPage, Shape

router = APIRouter(tags=["contracts"])
RunQueryText = Annotated[str | None, Query(max_length=128, description="Of this run.")]
VersionQuery = Annotated[str | None, Query(max_length=60)]


class MockShape(Shape):
    version: str | None = Field(default=None, max_length=60)
    run: str | None = Field(default=None, max_length=128)
    seed: int = Field(default=0, ge=0, le=2**31)


class VerificationShape(Shape):
    url: str = Field(max_length=500, description="Of a provider that runs on this machine.")
    version: str | None = Field(default=None, max_length=60)
    run: str | None = Field(default=None, max_length=128)


@router.get("/contracts", response_model=ListPage[Document])
async def list_contracts(
    use: Use,
    who: Who,
    q: Annotated[str, Query(max_length=200, description="Words that all must occur.")] = "",
    run: RunQueryText = None,
    limit: Limit = 50,
) -> ListPage[Document]:
    """Latest first, also those that others share. Those that belong to no run are everybody's."""
    who.look_around()
    found = await ContractDesk(maestro=use.maestro).find(
        q.split(),
        run_id=None if run is None else RunId(run),
        limit=1000,
        projects=who.projects(Permission.CONTRACT_READ),
    )
    places = await _places(use, who, found)
    seen = [record for record in found if _sees(who, places.of(record))]
    return ListPage(items=[{**_document(record), **places.told(record)} for record in seen[:limit]])


@router.get("/contracts/{name}", response_model=Document)
async def show_contract(
    name: NamePath, use: Use, who: Who, version: VersionQuery = None, run: RunQueryText = None
) -> Document:
    record, places = await _record(use, who, name, version, run)
    contract = record.contract
    return {
        **_document(record),
        **places.told(record),
        "format": contract.format.value,
        "specification": encode(contract.specification),
        "deliverables": encode(contract.deliverables),
        "acceptance": encode(contract.acceptance),
        "terms": list(record.terms),
    }


@router.post("/contracts/{name}/mocks", status_code=201, response_model=Document)
async def start_mock(
    name: NamePath, body: MockShape, use: Use, who: Who, response: Response
) -> Document:
    """Serves a mock on this machine until it is stopped, the server ends, or who shares the
    contract takes that back.
    """
    record, places = await _record(use, who, name, body.version, body.run)
    project, owner = places.of(record), places.told(record)["shared_by"]
    _require(who, project)
    shared = None if owner is None else partial(_is_shared, use, owner, name, project)
    mock = await use.errands.serve(
        record.contract, by=who.id, project=project, seed=body.seed, allowed=shared
    )
    response.headers["Location"] = f"/api/v1/mocks/{mock.id}"
    return _mock(mock)


@router.get("/mocks", response_model=ListPage[Document])
async def list_mocks(use: Use, who: Who) -> ListPage[Document]:
    who.look_around()
    return ListPage(items=[_mock(mock) for mock in use.errands.mocks if _sees(who, mock.project)])


@router.delete("/mocks/{name}", status_code=204, response_class=Response)
async def stop_mock(name: NamePath, use: Use, who: Who) -> Response:
    mock = use.errands.mock(name)
    if not _sees(who, mock.project):
        raise NotFound(f"there is no mock {name!r}")
    _require(who, mock.project)
    await use.errands.retire(name)
    return Response(status_code=204)


@router.post("/contracts/{name}/verifications", status_code=202, response_model=Document)
async def start_verification(
    name: NamePath, body: VerificationShape, use: Use, who: Who
) -> JSONResponse:
    """Holds a provider that runs on this machine against its contract; whatever listens here can
    be asked so, hence a right in every project.
    """
    record, places = await _record(use, who, name, body.version, body.run)
    who.require(Permission.CONTRACT_SERVE)
    asked = use.errands.verify(record.contract, body.url, project=places.of(record))
    place = f"/api/v1/verifications/{asked.id}"
    return JSONResponse(_verification(asked), status_code=202, headers={"Location": place})


@router.get("/verifications/{name}", response_model=Document)
async def show_verification(name: NamePath, use: Use, who: Who) -> Document:
    asked = use.errands.verification(name)
    if not _sees(who, asked.project):
        raise NotFound(f"there is no verification {name!r} in this process")
    return _verification(asked)


async def _record(
    use: Services, who: ApiCaller, name: str, version: str | None, run: str | None
) -> tuple[ContractRecord, "_Places"]:
    """The contract, and where it is met."""
    who.look_around()
    unknown = NotFound(f"there is no contract {name!r} that you may see")
    reference = ContractReference(text=name, path=None, id=name, version=version)  # type: ignore[arg-type]
    desk = ContractDesk(maestro=use.maestro)
    own = who.projects(Permission.CONTRACT_READ)
    try:
        record = await desk.record(reference, None if run is None else RunId(run), own)
    except NotFound:
        raise unknown from None
    places = await _places(use, who, [record])
    if not _sees(who, places.of(record)):
        raise unknown
    return record, places


@dataclass(frozen=True, slots=True)
class _Places:
    """In which project somebody meets contracts."""

    projects: Mapping[str, str]
    """Whose it is, by run."""
    shared: Mapping[tuple[str, str], str]
    """An own project, by who shares a contract with it and the contract's id."""

    def of(self, record: ContractRecord) -> str:
        """Empty for one that belongs to no run."""
        if record.run_id is None:
            return ""
        owner = self.projects[str(record.run_id)]
        return self.shared.get((owner, record.contract.id), owner)

    def told(self, record: ContractRecord) -> Document:
        owner = self.projects.get(str(record.run_id), "")
        return {"shared_by": owner if owner != self.of(record) else None}


async def _places(use: Services, who: ApiCaller, records: Sequence[ContractRecord]) -> _Places:
    runs = {record.run_id for record in records if record.run_id is not None}
    own = [name for name in who.roles if who.may(Permission.CONTRACT_READ, name)]

    def look(tx: Transaction) -> _Places:
        shares = [(name, share) for name in own for share in tx.projects.shares(name)]
        return _Places(
            projects={str(run_id): tx.runs.get(run_id).project for run_id in runs},
            shared={
                (share.project, share.name): name
                for name, share in shares
                if share.with_project == name
                and share.kind is SharedKind.CONTRACT
                and not who.may(Permission.CONTRACT_READ, share.project)
            },
        )

    return await use.maestro.store.read(look)


async def _is_shared(use: Services, owner: str, name: str, project: str) -> bool:
    owners = await use.maestro.store.read(
        lambda tx: tx.projects.owners(SharedKind.CONTRACT, name, project)
    )
    return owner in owners


def _sees(who: ApiCaller, project: str) -> bool:
    if project:
        return who.may(Permission.CONTRACT_READ, project)
    return any(who.may(Permission.CONTRACT_READ, name) for name in who.roles)


def _require(who: ApiCaller, project: str) -> None:
    """Raises PermissionDenied; for a shared contract a right in any project is enough."""
    if project:
        who.require(Permission.CONTRACT_SERVE, project)
    elif not any(who.may(Permission.CONTRACT_SERVE, name) for name in who.roles):
        who.require(Permission.CONTRACT_SERVE)


def _document(record: ContractRecord) -> Document:
    contract = record.contract
    return {
        "id": contract.id,
        "version": contract.version,
        "name": contract.name,
        "kind": contract.kind.value,
        "status": record.status.value,
        "run": record.run_id,
        "provider": contract.provider,
        "consumers": list(contract.consumers),
        "component": contract.component,
        "digest": contract.digest,
        "at": encode(record.at),
        "reason": record.reason,
    }


def _mock(mock: LiveMock) -> Document:
    return {
        "id": mock.id,
        "contract": mock.contract.id,
        "version": mock.contract.version,
        "url": mock.url,
        "started_by": mock.started_by,
        "started_at": encode(mock.started_at),
    }


def _verification(asked: AskedVerification) -> Document:
    return {
        "id": asked.id,
        "contract": asked.contract.id,
        "version": asked.contract.version,
        "url": asked.url,
        "status": asked.status,
        "progress": asked.progress,
        "report": asked.report,
        "error": asked.error,
    }
