"""`maestro audit`: verify, export, report."""

from json import dumps
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.options import StoreOptions
from maestro.delivery.audit_desk import audit_desk
from maestro.delivery.compliance import compliance_report, report_document
from maestro.delivery.compliance_text import report_text
from maestro.domain.encoding import encode
from maestro.domain.moments import moment
from maestro.errors import InvalidInput


async def verify(
    *,
    json: Annotated[bool, Parameter(negative="", help="Machine-readable output.")] = False,
    store: StoreOptions | None = None,
) -> int:
    """Say whether every record of the audit log is there as it was written."""
    settings = (store or StoreOptions()).existing_store()
    async with connect(settings) as maestro:
        found = await audit_desk(maestro).verify()
    if json:
        render.document({"type": "audit_verification", **encode(found)})
    elif found.intact:
        render.line(f"intact: {found.records} records, head {found.number} {found.head or '-'}")
    else:
        render.line(f"not intact: {found.fault}")
    return 0 if found.intact else 3


async def export(
    *,
    output: Annotated[Path | None, Parameter(help="File for it; standard output without.")] = None,
    store: StoreOptions | None = None,
) -> int:
    """Write all records as JSON lines, and note down how far the log goes."""
    settings = (store or StoreOptions()).existing_store()
    async with connect(settings) as maestro:
        desk, records = audit_desk(maestro), 0
        if output is not None:
            _written(output, "")
        async for text in desk.export():
            if output is None:
                for line in text.splitlines():
                    render.line(line)
            else:
                _written(output, text, "a")
            records += text.count("\n")
        await desk.anchor()
    if output is not None:
        render.line(f"written: {output} ({records} records)")
    return 0


async def report(
    *,
    project: Annotated[str | None, Parameter(help="Only of this project.")] = None,
    since: Annotated[str | None, Parameter(help="From this day or moment on.")] = None,
    format: Annotated[str, Parameter(help="md or json.")] = "md",  # noqa: A002 -- its name outside
    output: Annotated[Path | None, Parameter(help="File for it; standard output without.")] = None,
    store: StoreOptions | None = None,
) -> int:
    """Write who approved or waived what, when and on which evidence. 3 when the log was changed."""
    if format not in ("md", "json"):
        raise InvalidInput(f"--format {format!r} is not one of md, json")
    begin = None if since is None else moment(since, "--since")
    settings = (store or StoreOptions()).existing_store()
    async with connect(settings) as maestro:
        made = await compliance_report(audit_desk(maestro), project=project, since=begin)
    text = report_text(made) if format == "md" else f"{dumps(report_document(made))}\n"
    if output is None:
        for line in text.splitlines():
            render.line(line)
    else:
        _written(output, text)
        render.line(f"written: {output} ({len(made.decisions)} decisions)")
    return 0 if made.chain.intact else 3


def _written(output: Path, text: str, mode: Literal["w", "a"] = "w") -> None:
    try:
        with output.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        problem = f"--output {str(output)!r} cannot be written: {error.strerror}"
        raise InvalidInput(problem) from error
