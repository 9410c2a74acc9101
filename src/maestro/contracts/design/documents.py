"""Contracts over files: documents, tests, operations and design tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

from maestro.contracts.design.criteria import Trace, criterion
from maestro.contracts.design.layout import APP, present
from maestro.domain.contract import (
    AcceptanceCriterion,
    Contract,
    ContractKind,
    Deliverable,
    SpecificationFormat,
)
from maestro.domain.mentions import MENTIONS
from maestro.domain.team import Team
from maestro.domain.values import ContractId


@dataclass(frozen=True, slots=True, kw_only=True)
class PromisedFile:
    """A file, or a glob for several, with what must be said in it."""

    path: str
    purpose: str
    mentions: tuple[str, ...] = ()
    """Phrases that occur in it, capitals apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What one persona delivers as files."""

    contract: str
    name: str
    provider: str
    files: tuple[PromisedFile, ...]
    consumers: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    """Stems of the quality words that its files are evidence for."""


def document_contracts(
    promises: Sequence[Promise], team: Team, trace: Trace
) -> tuple[Contract, ...]:
    """One contract per promise whose provider is in the team."""
    return tuple(
        _contract(promise, team, trace) for promise in promises if present(team, promise.provider)
    )


def _contract(promise: Promise, team: Team, trace: Trace) -> Contract:
    files = [
        {"path": file.path, "purpose": file.purpose, "mentions": list(file.mentions)}
        for file in promise.files
    ]
    return Contract(
        id=ContractId(promise.contract),
        name=promise.name,
        kind=ContractKind.DOCUMENT,
        version="1.0.0",
        provider=promise.provider,
        component=APP,
        consumers=present(team, *promise.consumers),
        format=SpecificationFormat.JSON_SCHEMA,
        specification={"title": promise.name, "files": files},
        deliverables=tuple(
            Deliverable(name=file.path, description=file.purpose, paths=(file.path,))
            for file in promise.files
        ),
        acceptance=_criteria(promise, trace),
    )


def _criteria(promise: Promise, trace: Trace) -> tuple[AcceptanceCriterion, ...]:
    paths = ", ".join(file.path for file in promise.files)
    parts = trace.quality(*promise.qualities) if promise.qualities else ()
    made = [
        criterion(promise.contract, "files_present", f"Not empty and parseable: {paths}.", parts)
    ]
    for file in promise.files:
        if file.mentions:
            made.append(
                criterion(
                    promise.contract,
                    MENTIONS,
                    f"{file.path} mentions {', '.join(map(repr, file.mentions))}.",
                    path=file.path,
                    phrases=list(file.mentions),
                )
            )
    return tuple(made)


def promises(
    *, title: str, paths: Sequence[str], parts: Sequence[str], components: Sequence[str]
) -> tuple[Promise, ...]:
    """What every build promises as files.

    Args:
        title: what the product is called.
        paths: paths of all operations.
        parts: ids of all parts of the requirement.
        components: names of all services.
    """
    return (
        Promise(
            contract="requirements-document",
            name="Requirements document",
            provider="requirement_analyst",
            consumers=("solution_architect", "technical_writer"),
            files=(
                PromisedFile(
                    path="docs/requirements.md",
                    purpose="Every part of the requirement, with what is built and what is not.",
                    mentions=tuple(parts),
                ),
            ),
        ),
        Promise(
            contract="architecture-document",
            name="Architecture document",
            provider="solution_architect",
            consumers=("technical_writer", "code_reviewer"),
            files=(
                PromisedFile(
                    path="docs/architecture.md",
                    purpose="Components, their interfaces and data, and why they are so.",
                    mentions=tuple(components),
                ),
            ),
        ),
        *_delivery_promises(title, paths),
    )


def _delivery_promises(title: str, paths: Sequence[str]) -> tuple[Promise, ...]:
    return (
        Promise(
            contract="ui-tokens",
            name="Design tokens",
            provider="ui_designer",
            consumers=("frontend_developer",),
            files=(
                PromisedFile(
                    path="frontend/css/tokens.css",
                    purpose="Colours, spacing and type as CSS custom properties.",
                    mentions=(":root",),
                ),
            ),
        ),
        Promise(
            contract="contract-tests",
            name="Contract tests",
            provider="qa_engineer",
            consumers=("integration_tester",),
            qualities=("test",),
            files=(
                PromisedFile(
                    path="tests/contract/test_*.py",
                    purpose="Tests of the running API against its contract.",
                ),
            ),
        ),
        Promise(
            contract="operations",
            name="Start, build and deployment files",
            provider="devops_engineer",
            qualities=("docker", "container", "deploy", "ci\\b"),
            files=_OPERATIONS,
        ),
        Promise(
            contract="documentation",
            name="Documentation",
            provider="technical_writer",
            qualities=("document", "manual"),
            files=(
                PromisedFile(path="README.md", purpose="First steps.", mentions=(title,)),
                PromisedFile(
                    path="docs/api.md",
                    purpose="Every operation of the API, with its rules.",
                    mentions=tuple(paths),
                ),
                PromisedFile(path="docs/user-guide.md", purpose="How to use it, for people."),
            ),
        ),
        _SECURITY,
    )


_OPERATIONS = (
    PromisedFile(path="run.py", purpose="Starts everything with one command."),
    PromisedFile(path="Makefile", purpose="The commands people type.", mentions=("test",)),
    PromisedFile(path="requirements.txt", purpose="Python packages that are needed."),
    PromisedFile(path="Dockerfile", purpose="Image of the application.", mentions=("FROM",)),
    PromisedFile(path="compose.yaml", purpose="Containers together.", mentions=("services:",)),
    PromisedFile(path=".github/workflows/ci.yaml", purpose="Tests on every change."),
)

_SECURITY = Promise(
    contract="security-review",
    name="Security review",
    provider="security_specialist",
    qualities=("secur", "safe"),
    files=(
        PromisedFile(path="security/checklist.md", purpose="What was checked, with its result."),
        PromisedFile(path="security/checklist.json", purpose="The same, for programs."),
    ),
)
