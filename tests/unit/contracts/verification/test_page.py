"""What the page verifier refuses, and what it says without a browser."""

import asyncio
from pathlib import Path

import pytest

from maestro.contracts.verification.page import SCRATCH, PageVerifier
from maestro.contracts.verification.page_forms import FilledControl, mark_of
from maestro.domain.contract import Contract, ContractKind, Severity, SpecificationFormat
from maestro.domain.values import ContractId, JsonObject
from maestro.errors import InvalidInput, StepFailed
from maestro.ports import (
    CommandResult,
    Reach,
    Sandbox,
    SandboxStrength,
    ServerProcess,
    VerificationTarget,
)

VIEWS = {"views": [{"entity": "task", "path": "#/tasks", "fields": ["title"]}]}


class FakeSandbox:
    """Runs nothing; the folder is all that is asked for here."""

    def __init__(self, root: Path, result: CommandResult | None = None) -> None:
        self.root = root
        self.result = result
        self.reach: Reach | None = None

    @property
    def strength(self) -> SandboxStrength:
        return SandboxStrength(mechanism="off", level="L0", capabilities=(), missing=())

    async def run(self, argv: object, **options: object) -> CommandResult:
        reach = options["reach"]
        assert isinstance(reach, Reach)
        self.reach = reach
        assert self.result is not None
        return self.result

    def serve(self, *arguments: object, **options: object) -> ServerProcess:
        raise AssertionError("a page verifier serves nothing")


def contract(specification: JsonObject) -> Contract:
    return Contract(
        id=ContractId("web-page"),
        name="Page",
        kind=ContractKind.PAGE,
        version="1.0.0",
        provider="frontend_developer",
        component="app",
        consumers=(),
        format=SpecificationFormat.JSON_SCHEMA,
        specification=specification,
        deliverables=(),
        acceptance=(),
    )


async def silent(message: str) -> None:
    return None


def target(root: Path, url: str | None, fake: FakeSandbox | None = None) -> VerificationTarget:
    sandbox: Sandbox = fake or FakeSandbox(root)  # type: ignore[assignment]
    return VerificationTarget(description="page", sandbox=sandbox, url=url)


def test_without_a_browser_nothing_conforms_and_the_reason_is_told(tmp_path: Path) -> None:
    verifier = PageVerifier(None)
    assert not verifier.available
    verification = asyncio.run(
        verifier.verify(contract(VIEWS), target(tmp_path, "http://127.0.0.1:1"), silent)
    )
    (finding,) = verification.findings
    assert (finding.rule, finding.severity) == ("browser_missing", Severity.WARNING)
    assert "maestro-conductor[browser]" in finding.message
    assert not verification.conforms
    assert (verification.operations_tested, verification.operations_total) == (0, 1)


def test_a_page_has_to_be_served(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="URL"):
        asyncio.run(PageVerifier(None).verify(contract(VIEWS), target(tmp_path, None), silent))


@pytest.mark.parametrize("specification", [{}, {"views": []}, {"views": [{"entity": "task"}]}])
def test_a_contract_without_views_is_refused(specification: JsonObject, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="view"):
        asyncio.run(
            PageVerifier(None).verify(
                contract(specification), target(tmp_path, "http://127.0.0.1:1"), silent
            )
        )


@pytest.mark.browser
@pytest.mark.skipif(not PageVerifier(Path("x")).available, reason="no Playwright")
@pytest.mark.parametrize(("timed_out", "told"), [(False, "ended with 3"), (True, "time limit")])
def test_a_session_that_breaks_is_an_error_and_leaves_nothing(
    timed_out: bool, told: str, tmp_path: Path
) -> None:
    broken = CommandResult(
        argv=("x",),
        exit_code=3,
        stdout="",
        stderr="the last words",
        duration_seconds=0.1,
        timed_out=timed_out,
    )
    fake = FakeSandbox(tmp_path, broken)
    visited = target(tmp_path, "http://127.0.0.1:9", fake)
    with pytest.raises(StepFailed, match=f"(?s){told}.*the last words"):
        asyncio.run(PageVerifier(Path("x")).verify(contract(VIEWS), visited, silent))
    assert fake.reach == Reach(connect=(9,))
    assert not (tmp_path / SCRATCH).exists()


def test_the_mark_of_an_entry_is_found_in_its_texts_only() -> None:
    number = FilledControl(name="n", kind="number", value="ab12cd001", label="")
    text = FilledControl(name="t", kind="text", value="title ab12cd002", label="")
    assert mark_of({"n": number, "t": text}, "ab12cd") == "ab12cd002"
    assert mark_of({"n": number}, "ab12cd") is None
