"""What a contract can be exported to, and how each export is tried."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from maestro.contracts.exports.project import ExportedProject
from maestro.domain.contract import CheckResult, Contract, SpecificationFormat
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall, Report

_OPENAPI = (SpecificationFormat.OPENAPI,)
_GRAPHQL = (SpecificationFormat.GRAPHQL,)
_PACKAGE = "maestro.contracts.exports"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTarget:
    """One way to export; its code is loaded when it is first used."""

    description: str
    formats: tuple[SpecificationFormat, ...]
    """The contracts it fits."""
    maker: tuple[str, str]
    """Module and function: contract -> project."""
    checker: tuple[str, str]
    """Module and function: contract, project, report -> result."""
    takes_calls: bool = False
    """Whether recorded calls are written down."""
    installs: bool = False
    """Whether trying it needs packages of npm."""


EXPORTS: Mapping[str, ExportTarget] = {
    "express": ExportTarget(
        description="a mock server on Express 5 and ajv 8",
        formats=_OPENAPI,
        maker=("express", "express_project"),
        checker=("express_checks", "check_express"),
        installs=True,
    ),
    "apollo": ExportTarget(
        description="a mock server on Apollo Server 5",
        formats=_GRAPHQL,
        maker=("apollo", "apollo_project"),
        checker=("apollo_checks", "check_apollo"),
        installs=True,
    ),
    "pact": ExportTarget(
        description="a Pact file (specification 4) of recorded or sampled calls",
        formats=_OPENAPI,
        maker=("pact_file", "pact_file"),
        checker=("file_checks", "check_pact"),
        takes_calls=True,
    ),
    "spec": ExportTarget(
        description="the specification with examples held against their schemas",
        formats=_OPENAPI,
        maker=("enriched_spec", "enriched_spec"),
        checker=("file_checks", "check_spec"),
    ),
    "curl": ExportTarget(
        description="a shell script with one call per operation",
        formats=(*_OPENAPI, *_GRAPHQL),
        maker=("curl_script", "curl_script"),
        checker=("file_checks", "check_curl"),
    ),
    "python-client": ExportTarget(
        description="a typed client in Python on httpx",
        formats=_OPENAPI,
        maker=("python_client", "python_client"),
        checker=("file_checks", "check_python"),
    ),
    "typescript-client": ExportTarget(
        description="a typed client in TypeScript on fetch",
        formats=_OPENAPI,
        maker=("typescript_client", "typescript_client"),
        checker=("file_checks", "check_typescript"),
    ),
    "python-stub": ExportTarget(
        description="a module to import in place of the real one",
        formats=(SpecificationFormat.INTERFACE,),
        maker=("python_stub", "python_stub"),
        checker=("python_stub", "check_python_stub"),
    ),
}


def export(
    contract: Contract, target: str, *, calls: Sequence[RecordedCall] = ()
) -> ExportedProject:
    """Makes the files of one target.

    Args:
        contract: of a kind the target fits.
        target: a name of `EXPORTS`.
        calls: made by consumers on a mock; only targets that write calls down take any.

    Raises:
        InvalidInput: there is no such target, it does not fit, or the contract cannot be used.
    """
    chosen = _target(contract, target)
    if calls and not chosen.takes_calls:
        takers = ", ".join(name for name, known in EXPORTS.items() if known.takes_calls)
        raise InvalidInput(f"recorded calls cannot be exported to {target!r}; {takers} takes them")
    made = _loaded(chosen.maker)
    return cast(ExportedProject, made(contract, calls) if chosen.takes_calls else made(contract))


async def check_export(
    contract: Contract,
    target: str,
    project: ExportedProject,
    report: Report,
    *,
    packages: Path | None = None,
) -> CheckResult:
    """Starts what was exported and holds it against the contract.

    Args:
        contract: what `project` was made from.
        target: what it was exported to.
        project: the files.
        report: hears what is being done.
        packages: a `node_modules` to be used for targets that need packages of npm; without it
            they are installed.

    Raises:
        InvalidInput: as for `export`.
        StepFailed: it cannot be tried here: a program or package is missing, or it does not start.
    """
    chosen = _target(contract, target)
    check = cast(Callable[..., Awaitable[CheckResult]], _loaded(chosen.checker))
    if chosen.installs:
        return await check(contract, project, report, packages=packages)
    return await check(contract, project, report)


def _target(contract: Contract, target: str) -> ExportTarget:
    chosen = EXPORTS.get(target)
    if chosen is None:
        raise InvalidInput(f"there is no export {target!r}; known are {_known()}")
    if contract.format not in chosen.formats:
        raise InvalidInput(
            f"contract {contract.id!r} is {contract.format.value}, and {target!r} is not made of "
            f"that; it can be exported to {_fitting(contract.format)}"
        )
    return chosen


def _known() -> str:
    return "; ".join(
        f"{name} (of {' and '.join(known.value for known in target.formats)})"
        for name, target in EXPORTS.items()
    )


def _fitting(form: SpecificationFormat) -> str:
    names = [name for name, target in EXPORTS.items() if form in target.formats]
    return ", ".join(names) or "nothing"


def _loaded(place: tuple[str, str]) -> Callable[..., Any]:
    module, name = place
    return cast(Callable[..., Any], getattr(import_module(f"{_PACKAGE}.{module}"), name))
