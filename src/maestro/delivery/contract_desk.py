"""Contracts outside of runs: found again, read from files, handed in, designed, held against."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from maestro.contracts.agree import agree, write_files
from maestro.contracts.amendment import amend
from maestro.contracts.comparison import Comparison, compare
from maestro.contracts.exports import check_export, export, write_project
from maestro.contracts.linting import Problem, problems_of
from maestro.contracts.reading import SUFFIXES, read_contract
from maestro.contracts.terms import terms_of
from maestro.delivery.authorize import authorized, permitted
from maestro.delivery.service import Maestro, RunDetail
from maestro.delivery.shelf import NO_RUN, put_agreed, put_amended
from maestro.domain.access import Permission
from maestro.domain.contract import CheckResult, Contract
from maestro.domain.contract_life import ContractRecord, ContractStatus
from maestro.domain.requirement import Constraints
from maestro.domain.values import ContractId, RunId, is_identifier
from maestro.errors import InvalidInput, NotFound
from maestro.ports import RecordedCall, Report, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractReference:
    """A contract as people name it: a file, or `id` or `id@version` on the shelf."""

    text: str
    path: Path | None
    id: ContractId
    version: str | None

    @staticmethod
    def of(text: str, version: str | None = None) -> "ContractReference":
        """What exists as a file, or is named like one, is a file.

        Raises:
            InvalidInput: no file and no id, or two different versions.
        """
        path = Path(text)
        if "/" in text or path.suffix.lower() in SUFFIXES or path.is_file():
            if version is not None:
                raise InvalidInput(f"{text!r} is a file; --version is for stored contracts")
            return ContractReference(text=text, path=path, id=ContractId(""), version=None)
        name, at, behind = text.partition("@")
        if at and version not in (None, behind):
            raise InvalidInput(f"{text!r} and --version {version!r} name two versions; name one")
        if not is_identifier(name) or (at and not behind):
            raise InvalidInput(
                f"{text!r} is neither a contract's file nor the id of a stored one (ID or "
                "ID@VERSION); see 'maestro contracts list'"
            )
        return ContractReference(
            text=text, path=None, id=ContractId(name), version=behind if at else version
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractDesk:
    """What doors ask for that needs the shelf."""

    maestro: Maestro

    async def find(
        self,
        words: Sequence[str] = (),
        *,
        run_id: RunId | None = None,
        limit: int = 50,
        projects: Collection[str] | None = None,
    ) -> Sequence[ContractRecord]:
        """Those whose operations, entities or names hold every word; latest first.

        `projects`: only of runs of these, and of no run.
        """
        if limit < 1:
            raise InvalidInput(f"the limit must be at least 1, got {limit!r}")
        return await self.maestro.store.read(
            lambda tx: tx.contracts.find(words, limit=limit, run_id=run_id, projects=projects)
        )

    async def record(
        self,
        reference: ContractReference,
        run_id: RunId | None = None,
        projects: Collection[str] | None = None,
    ) -> ContractRecord:
        """The latest that fits, with `projects` as for `find`. Raises NotFound."""
        return await self.maestro.store.read(
            lambda tx: tx.contracts.get(
                reference.id, version=reference.version, run_id=run_id, projects=projects
            )
        )

    async def hand_in(self, contract: Contract, consents: Collection[str] = ()) -> ContractRecord:
        """Keeps a contract that belongs to no run as agreed; once more changes nothing.

        Where an earlier version is kept it is amended: see contracts.amendment.

        Raises:
            Blocked: errors in the specification, or consents are missing.
            PermissionDenied: before anything else is told.
        """
        now = self.maestro.clock.now()
        await self._permitted(contract.id, "contract:import")
        agreed = await asyncio.to_thread(agree, contract)
        earlier = await self._last_handed_in(agreed.id)
        if earlier is not None:
            before = earlier.contract
            agreed = await asyncio.to_thread(amend, before, agreed, consents)
            if agreed is before:
                return earlier
        made = ContractRecord(
            contract=agreed,
            status=ContractStatus.AGREED,
            run_id=None,
            at=now,
            terms=await asyncio.to_thread(terms_of, agreed),
        )

        def act(tx: Transaction) -> None:
            if earlier is None:
                put_agreed(tx, made)
            else:
                locked = replace(earlier, status=ContractStatus.AGREED, at=now)
                put_amended(tx, locked, made, "a later version was handed in")

        await authorized(
            self.maestro.store,
            self.maestro.principal,
            Permission.CONTRACT_WRITE,
            target=f"{agreed.id}@{agreed.version}",
            at=now,
            act=act,
            action="contract:import" if earlier is None else "contract:amend",
        )
        return made

    async def design(
        self, requirement: str, constraints: Constraints, output: Path
    ) -> tuple[RunDetail, tuple[Contract, ...], tuple[Path, ...]]:
        """The contracts of a requirement as drafts, on the shelf and as files; nothing is built.

        No contract when the run was blocked: its detail says why.

        Raises:
            PermissionDenied: before anything is planned.
        """
        await self._permitted("drafts", "contract:design")
        await asyncio.to_thread(_check_folder, output)
        detail, plan = await self.maestro.plan(requirement, constraints)
        if plan is None:
            return detail, (), ()
        now = self.maestro.clock.now()
        drafts = [
            ContractRecord(
                contract=contract,
                status=ContractStatus.DRAFT,
                run_id=detail.run.id,
                at=now,
                terms=await asyncio.to_thread(terms_of, contract),
            )
            for contract in plan.contracts
        ]

        def keep(tx: Transaction) -> None:
            for draft in drafts:
                tx.contracts.put(draft)

        await authorized(
            self.maestro.store,
            self.maestro.principal,
            Permission.CONTRACT_WRITE,
            target=detail.run.id,
            at=now,
            act=keep,
            action="contract:design",
            about=detail.run.id,
        )
        written = [await asyncio.to_thread(_written, c, output) for c in plan.contracts]
        return detail, plan.contracts, tuple(path for paths in written for path in paths)

    async def _permitted(self, target: str, action: str) -> None:
        await permitted(
            self.maestro.store,
            self.maestro.principal,
            Permission.CONTRACT_WRITE,
            target=target,
            at=self.maestro.clock.now(),
            action=action,
        )

    async def _last_handed_in(self, contract_id: ContractId) -> ContractRecord | None:
        try:
            return await self.maestro.store.read(
                lambda tx: tx.contracts.get(contract_id, run_id=NO_RUN)
            )
        except NotFound:
            return None


async def resolved(
    reference: ContractReference, desk: ContractDesk | None, run_id: RunId | None = None
) -> Contract:
    """What a reference stands for; a file needs no desk.

    Raises:
        NotFound, or InvalidInput for a file that holds no contract.
    """
    if reference.path is not None:
        return await asyncio.to_thread(read_contract, reference.path)
    assert desk is not None
    return (await desk.record(reference, run_id)).contract


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportMade:
    """What an export came to; nothing was written where its check failed."""

    contract: ContractId
    target: str
    files: tuple[str, ...]
    check: CheckResult


async def exported(
    contract: Contract,
    target: str,
    folder: Path,
    report: Report,
    *,
    calls: Sequence[RecordedCall] = (),
) -> ExportMade:
    """Makes it, starts it, holds it against the contract, and only then writes it.

    Raises:
        InvalidInput: no such target, it does not fit the contract, or the folder is in use.
        StepFailed: it cannot be tried here.
    """
    await asyncio.to_thread(_check_empty, folder)
    project = await asyncio.to_thread(export, contract, target, calls=calls)
    check = await check_export(contract, target, project, report)
    if check.passed:
        await asyncio.to_thread(write_project, project, folder)
    return ExportMade(
        contract=contract.id, target=target, files=tuple(sorted(project.files)), check=check
    )


def linted(path: Path) -> tuple[Contract, tuple[Problem, ...]]:
    """The contract of a file with what is wrong with it, errors first. Blocks.

    Raises:
        InvalidInput: it is no contract of any kind.
    """
    contract = read_contract(path)
    return contract, problems_of(contract)


def differences(old: Contract, new: Contract) -> tuple[Comparison, str]:
    """What differs, and the version that is due after the old one's. Blocks.

    Raises:
        InvalidInput: they cannot be compared.
    """
    comparison = compare(old, new)
    changed = old.specification_digest() != new.specification_digest()
    return comparison, replace(comparison, edited=changed).next_version(old.version)


def _check_empty(folder: Path) -> None:
    """Before the work, as writing would say it after it."""
    if folder.is_dir() and any(folder.iterdir()):
        raise InvalidInput(f"--output {str(folder)!r} is not empty; name a missing or empty folder")
    _check_folder(folder)


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"--output {str(folder)!r} is a file; name a folder")


def _written(contract: Contract, folder: Path) -> list[Path]:
    written = []
    for name, content in write_files(contract).items():
        path = folder / Path(name).name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise InvalidInput(f"{path}: cannot be written: {error.strerror}") from error
        written.append(path)
    return written
