"""`maestro quality`: evidence of any project folder, without a run or a database."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from maestro.bootstrap import folder_measurement
from maestro.cli import render
from maestro.delivery.measuring import FolderEvidence
from maestro.domain.encoding import encode
from maestro.domain.quality import Evidence, EvidenceStatus
from maestro.domain.values import JsonScalar
from maestro.errors import InvalidInput
from maestro.quality.metrics import built_in_metrics
from maestro.settings import Settings

SHOWN = 5
"""Findings of a collector in the table; JSON has all that it kept."""


async def measure(
    folder: Annotated[Path, Parameter(name="PATH", help="The project's folder.")],
    *,
    only: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="Only this metric, or all of this producer; repeatable."),
    ] = (),
    against: Annotated[
        Path | None,
        Parameter(help="The folder as it was, to see what became of tests and suppressions."),
    ] = None,
    sbom: Annotated[
        Path | None, Parameter(help="Also write a CycloneDX bill of materials to this file.")
    ] = None,
    sandbox: Annotated[
        str | None, Parameter(help="'required' (default) or 'off': run its code unprotected.")
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="Machine-readable output.")] = False,
) -> int:
    """Measure a project on a copy, in the sandbox. 0 when every tool came to an end, 4 when one
    broke, 3 when nothing at all was measured.
    """

    async def report(text: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"{text}\n")

    measurement = folder_measurement(Settings.load(sandbox=sandbox))
    found = await measurement.measure(
        folder, report, only=only, against=against, materials=sbom is not None
    )
    if sbom is not None and found.bill_of_materials is not None:
        await asyncio.to_thread(_write, sbom, found.bill_of_materials)
    if json:
        render.document({"type": "measurement", **_document(found)})
    else:
        _show(found)
    if any(item.status is EvidenceStatus.FAILED or item.tool_errors for item in found.evidence):
        return 4
    return 0 if found.metrics else 3


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"--sbom {str(path)!r} cannot be written: {error.strerror}") from error


def _document(found: FolderEvidence) -> dict[str, object]:
    return {
        "folder": str(found.folder),
        "metrics": dict(found.metrics),
        "evidence": encode(found.evidence),
        "left_out": list(found.left_out),
        "not_asked": list(found.not_asked),
    }


def _show(found: FolderEvidence) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(found))
    for item in found.evidence:
        if item.metrics:
            for text in item.detail[:SHOWN]:
                console.print(f"  {item.collector}: {escape(text)}")
            if len(item.detail) > SHOWN:
                console.print(f"  {item.collector}: and {len(item.detail) - SHOWN} more")
    for item in found.evidence:
        _show_absent(console, item)
    sandboxes = sorted({item.sandbox for item in found.evidence if item.sandbox})
    console.print(f"sandbox: {', '.join(sandboxes) or 'nothing was run'}")
    for title, names in (("left out", found.left_out), ("not asked", found.not_asked)):
        if names:
            console.print(f"{title}: {escape(', '.join(names))}")


def _table(found: FolderEvidence) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("METRIC", no_wrap=True)
    table.add_column("VALUE", justify="right", no_wrap=True)
    table.add_column("TOOL", no_wrap=True)
    table.add_column("FILES", justify="right")
    table.add_column("SECONDS", justify="right")
    for item in found.evidence:
        for name, value in sorted(item.metrics.items()):
            seconds = f"{item.duration_seconds:.1f}"
            shown = _value(name, value)
            table.add_row(name, shown, _tool(item), str(item.files_examined), seconds)
    return table


def _show_absent(console: Console, item: Evidence) -> None:
    if item.status is EvidenceStatus.FAILED or item.tool_errors:
        why = item.tool_errors[0] if item.tool_errors else "the tool broke"
        console.print(f"[bold red]ERROR[/] {item.collector}: {escape(why)}")
    elif item.status is EvidenceStatus.UNAVAILABLE:
        why = item.detail[0] if item.detail else f"{item.tool} is not here"
        console.print(f"[yellow]NOT MEASURED[/] {item.collector}: {escape(why)}")


def _value(name: str, value: JsonScalar) -> str:
    unit = built_in_metrics().metrics[name].unit
    shown = str(value).lower() if isinstance(value, bool) else f"{value}"
    return f"{shown} {unit}" if unit in ("%", "ms") else shown


def _tool(item: Evidence) -> str:
    """The one that measures; JSON names all that took part."""
    first = item.version.partition(", ")[0]
    return first if item.tool in first else f"{item.tool} {first}"
