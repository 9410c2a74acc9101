"""Verifies a provider of any kind of contract, started here or found, and says it in one report."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from maestro.contracts.verification.outcome import ProviderReport
from maestro.contracts.verification.provider import VerificationOptions, verify_provider
from maestro.contracts.verification.replayable import replayable
from maestro.contracts.verification.starting import (
    StartedProvider,
    launch_of,
    provider_started,
)
from maestro.contracts.verification.translating import report_of
from maestro.delivery.providers import served
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.errors import InvalidInput
from maestro.ports import (
    ContractVerifier,
    RecordedCall,
    Report,
    SandboxProvider,
    VerificationTarget,
)

_SCHEMES = ("http", "https", "ws", "wss", "grpc", "grpcs")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPlace:
    """Where the provider of a contract is to be found."""

    folder: Path
    """Of the provider's files; a command starts in it."""
    url: str | None = None
    command: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderVerification:
    """Started providers run as their caller; only modules are imported in the sandbox."""

    verifier: ContractVerifier
    """Of every kind but REST, which has a way of its own."""
    sandboxes: SandboxProvider

    async def verify(
        self,
        contract: Contract,
        place: ProviderPlace,
        report: Report,
        *,
        calls: Sequence[RecordedCall] = (),
        options: VerificationOptions | None = None,
    ) -> ProviderReport:
        """
        Raises:
            InvalidInput: the place does not fit the kind, or a mock answers there.
            StepFailed: the provider does not start.
        """
        await asyncio.to_thread(_check_place, contract, place)
        chosen = options or VerificationOptions()
        _check_credentials(contract, chosen)
        recorded = replayable(contract, calls)
        for note in recorded.notes:
            await report(note)
        made = await self._held(contract, place, report, recorded.calls, chosen)
        return replace(made, findings=(*made.findings, *recorded.findings))

    async def _held(
        self,
        contract: Contract,
        place: ProviderPlace,
        report: Report,
        calls: Sequence[RecordedCall],
        chosen: VerificationOptions,
    ) -> ProviderReport:
        if contract.format is SpecificationFormat.OPENAPI:
            return await verify_provider(
                contract,
                url=place.url,
                command=None if place.command is None else launch_of(place.command),
                folder=place.folder,
                calls=calls,
                report=report,
                options=chosen,
            )
        async with _started(contract, place, chosen.start_seconds, report) as provider:
            async with self.sandboxes.open(place.folder) as sandbox:
                target = VerificationTarget(
                    description=place.url or place.command or str(place.folder),
                    sandbox=sandbox,
                    url=place.url if provider is None else _address(contract, provider.url),
                    replay=tuple(calls),
                )
                verification = await self.verifier.verify(contract, target, report)
        made = await asyncio.to_thread(
            report_of, contract, verification, calls=calls, started=provider, seed=chosen.seed
        )
        return replace(made, target=place.url) if place.url else made


@asynccontextmanager
async def _started(
    contract: Contract, place: ProviderPlace, seconds: float, report: Report
) -> AsyncIterator[StartedProvider | None]:
    if place.command is None:
        yield None
        return
    await report(f"starting {place.command}")
    async with provider_started(
        launch_of(place.command),
        place.folder,
        timeout=seconds,
        speaks_http=contract.kind is not ContractKind.GRPC,
    ) as provider:
        await report(f"ready after {provider.ready_seconds:.1f} s")
        yield provider


def _address(contract: Contract, url: str) -> str:
    if contract.kind is ContractKind.GRPC:
        return url.replace("http://", "grpc://", 1)
    return url


def _check_credentials(contract: Contract, options: VerificationOptions) -> None:
    components = contract.specification.get("components")
    named = components.get("securitySchemes") if isinstance(components, Mapping) else None
    known = named or contract.specification.get("securityDefinitions") or {}
    for scheme in options.credentials:
        if scheme not in known:
            raise InvalidInput(
                f"contract {contract.id!r} has no security scheme {scheme!r}; it has: "
                f"{', '.join(known) or 'none'}"
            )


def _check_place(contract: Contract, place: ProviderPlace) -> None:
    if not place.folder.is_dir():
        raise InvalidInput(f"--cwd {str(place.folder)!r} is no folder")
    if place.url is not None and urlsplit(place.url).scheme not in _SCHEMES:
        raise InvalidInput(
            f"--url {place.url!r}: begin with one of {', '.join(f'{s}://' for s in _SCHEMES)}"
        )
    named = [name for name, given in (("--url", place.url), ("--command", place.command)) if given]
    if served(contract) and len(named) != 1:
        raise InvalidInput(
            f"contract {contract.id!r} is {contract.kind.value}: give either --url of a running "
            "provider or --command to start one"
        )
    if not served(contract) and named:
        raise InvalidInput(
            f"contract {contract.id!r} is {contract.kind.value}, which is files and no server: "
            f"give the folder of what was built with --cwd instead of {named[0]}"
        )
