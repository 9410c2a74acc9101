"""The interface verifier on modules that are really imported, right ones and wrong ones."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pricing_module import RIGHT

from maestro.contracts.mocks.interfaces.placing import read_stub_calls
from maestro.contracts.mocks.interfaces.stub import CALLS_VARIABLE, stub_module
from maestro.contracts.verification.python_interface import InterfaceVerifier
from maestro.domain.contract import (
    Contract,
    ContractKind,
    Severity,
    SpecificationFormat,
    Verification,
)
from maestro.domain.values import ContractId
from maestro.errors import InvalidInput
from maestro.ports import CommandResult, Reach, RecordedCall, SandboxStrength, VerificationTarget

SOURCE = Path(__file__).parents[2] / "examples" / "contracts" / "pricing.py"

FAULTS: dict[str, tuple[str, str, str]] = {
    # name: (text, what stands there instead, rule that has to name it)
    "no_import": ("from enum import StrEnum", "from enum import Nothing", "interface_module"),
    "import_ends_process": ("from enum import", "raise SystemExit(0)\nfrom enum import",
                            "interface_module"),
    "needs_arguments": ("class Pricing:", "class Pricing:\n    def __init__(self, path): ...\n",
                        "interface_construct"),
    "method_missing": ("def cheapest", "def dearest", "interface_missing"),
    "parameter_renamed": ("sku: str, quantity: int = 1", "number: str, quantity: int = 1",
                          "interface_signature"),
    "parameter_order": ("sku: str, quantity: int = 1", "quantity: int = 1, sku: str = ''",
                        "interface_signature"),
    "default_changed": ("quantity: int = 1,", "quantity: int = 2,", "interface_signature"),
    "default_gone": ("= Currency.EUR) -> Quote", ") -> Quote", "interface_signature"),
    "enum_default_changed": ("Currency = Currency.EUR", "Currency = Currency.USD",
                             "interface_signature"),
    "annotation_changed": ("skus: list[str]", "skus: list[int]", "interface_signature"),
    "not_async": ("async def refresh", "def refresh", "interface_signature"),
    "returns_dict": ("return Quote(sku, quantity, total, currency,",
                     "return dict(sku=sku, quantity=quantity, total=total, discounts=",
                     "interface_return"),
    "wrong_field_type": ('Decimal("2.50") * quantity', "2.5 * quantity", "interface_return"),
    "deep_type": ('Discount("many", 5.0)', 'Discount("many", "5 %")', "interface_return"),
    "returns_none": ("return 3", "return None", "interface_return"),
    "undocumented_error": ('return {"USD": 1.1}', 'return {}["USD"]', "interface_error"),
    "not_built": ('return {"USD": 1.1}', "raise NotImplementedError", "interface_not_built"),
    "hangs": ("return 3", "while True: pass", "interface_too_long"),
    "ends_process": ("return 3", "__import__('os')._exit(0)", "interface_ends"),
    "type_made_otherwise": ('EUR = "EUR"', 'EUR = "Euro"', "interface_types"),
}  # fmt: skip


@dataclass(frozen=True)
class FakeSandbox:
    """A work tree whose commands run as plain processes, confined by nothing."""

    root: Path

    @property
    def strength(self) -> SandboxStrength:
        return SandboxStrength(mechanism="off", level="L0", capabilities=(), missing=())

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        reach: Reach = Reach(),
    ) -> CommandResult:
        started = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=self.root / cwd,
            env={"PATH": os.environ["PATH"], **(env or {})},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), timeout)
        return CommandResult(
            argv=tuple(argv),
            exit_code=process.returncode or 0,
            stdout=out.decode(),
            stderr=err.decode(),
            duration_seconds=time.monotonic() - started,
        )

    def serve(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("an interface starts no server")


def contract(**specification: Any) -> Contract:
    return Contract(
        id=ContractId("pricing"),
        name="Pricing",
        kind=ContractKind.INTERFACE,
        version="1.0.0",
        provider="backend_developer",
        component="pricing",
        consumers=("frontend_developer",),
        format=SpecificationFormat.INTERFACE,
        specification=specification or {"python": SOURCE.read_text("utf-8")},
        deliverables=(),
        acceptance=(),
    )


async def quiet(line: str) -> None:
    """Progress nobody reads."""


def verified(
    root: Path, source: str, replay: tuple[RecordedCall, ...] = (), of: Contract | None = None
) -> Verification:
    (root / "pricing.py").write_text(source, "utf-8")
    target = VerificationTarget(description="pricing", sandbox=FakeSandbox(root), replay=replay)
    verifier = InterfaceVerifier(call_seconds=0.5)
    return asyncio.run(verifier.verify(of or contract(), target, quiet))


def test_a_right_module_conforms_and_nothing_is_left_behind(tmp_path: Path) -> None:
    result = verified(tmp_path, RIGHT)
    assert result.findings == ()
    assert result.conforms
    assert (result.operations_tested, result.operations_total) == (4, 4)
    assert [path.name for path in tmp_path.iterdir()] == ["pricing.py"]


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_each_fault_is_found(fault: str, tmp_path: Path) -> None:
    right, wrong, rule = FAULTS[fault]
    assert right in RIGHT
    result = verified(tmp_path, RIGHT.replace(right, wrong))
    errors = [finding for finding in result.findings if finding.severity is Severity.ERROR]
    assert rule in {finding.rule for finding in errors}
    assert not result.conforms
    assert all(finding.reproduce for finding in errors)


def test_another_name_for_the_class_and_wider_parameters_are_right(tmp_path: Path) -> None:
    wider = RIGHT.replace("class Pricing:", "class PriceList:")
    wider = wider.replace(", *, currency", ", currency")
    wider = wider.replace("skus: list[str])", "skus: list[str], deep=False)")
    assert verified(tmp_path, wider).conforms


def test_a_missing_annotation_is_a_warning(tmp_path: Path) -> None:
    result = verified(tmp_path, RIGHT.replace("(self, skus: list[str])", "(self, skus)"))
    assert [finding.severity for finding in result.findings] == [Severity.WARNING]
    assert result.conforms


def test_a_stub_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is a stub"):
        verified(tmp_path, stub_module(contract()))


def test_what_a_consumer_did_with_the_stub_is_repeated(tmp_path: Path) -> None:
    calls = tmp_path / "calls.jsonl"
    place = tmp_path / "consumer"
    place.mkdir()
    (place / "pricing.py").write_text(stub_module(contract()), "utf-8")
    program = (
        "import pricing; p = pricing.Pricing(); p.cheapest(['b', 'a'])\n"
        "p.quote('AB-1', 3, currency=pricing.Currency.USD)\n"
        "try: p.quote(1)\nexcept TypeError: pass"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=place,
        env={CALLS_VARIABLE: str(calls)},
        check=True,
        timeout=30,
    )
    recorded = tuple(read_stub_calls(calls, consumer="page"))
    assert [(call.path, call.valid) for call in recorded] == [
        ("Pricing.cheapest", True), ("Pricing.quote", True), ("Pricing.quote", False)
    ]  # fmt: skip
    built = tmp_path / "built"
    built.mkdir()
    repeated = verified(built, RIGHT, recorded)
    assert repeated.conforms
    assert "consumer_replay" in {check.id for check in repeated.checks}
    refused = verified(built, RIGHT, recorded[2:])
    assert "consumer_replay" not in {check.id for check in refused.checks}  # it shows nothing
    narrow = RIGHT.replace(
        "        if quantity < 1:",
        "        if sku == 'AB-1':\n            return None\n        if quantity < 1:",
    )
    result = verified(built, narrow, recorded)
    assert {finding.rule for finding in result.findings} == {"consumer_replay"}


def test_a_document_of_methods_is_verified_with_its_examples(tmp_path: Path) -> None:
    document = contract(
        module="pricing",
        methods=[
            {
                "name": "total",
                "parameters": [
                    {"name": "prices", "schema": {"type": "array", "items": {"type": "number"}}},
                    {"name": "tax", "schema": {"type": "number", "minimum": 0}, "default": 0},
                ],
                "returns": {"type": "number"},
                "raises": ["NothingToAdd"],
                "examples": [{"arguments": {"prices": [1.5, 2], "tax": 1}, "returns": 4.5}],
            }
        ],
    )
    right = "def total(prices, tax=0):\n    return sum(prices) + tax\n"
    assert verified(tmp_path, right, of=document).conforms
    wrong = verified(tmp_path, right.replace("+ tax", "- tax"), of=document)
    assert [f.rule for f in wrong.findings if f.severity is Severity.ERROR] == ["interface_example"]
