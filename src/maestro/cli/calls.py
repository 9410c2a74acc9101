"""`maestro runs calls`."""

from typing import Annotated

from cyclopts import Parameter

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.options import RunArgument, StoreOptions
from maestro.delivery.call_desk import CallDesk, CallLine
from maestro.domain.encoding import encode
from maestro.domain.models import JournaledCall
from maestro.domain.values import RunId


async def calls(
    run: RunArgument,
    *,
    text: Annotated[
        bool, Parameter(negative="", help="Also what came back; it may be untrusted.")
    ] = False,
    json: Annotated[bool, Parameter(negative="", help="Machine-readable output.")] = False,
    store: StoreOptions | None = None,
) -> int:
    """Show what models and their tools were asked in a run, and what it came to."""
    async with connect((store or StoreOptions()).existing_store()) as maestro:
        found = await CallDesk(maestro.store).calls(RunId(run), text=text)
    if json:
        for item in found:
            document = {"type": "call", **encode(item)}
            if not text:
                del document["text"]
            render.document(document)
        return 0
    if not found:
        render.line("no model was asked anything in this run")
    for item in found:
        render.line(_line(item))
        for said in (item.text or "").splitlines():
            render.line("      | " + "".join(c if c.isprintable() else " " for c in said))
    return 0


def _line(item: CallLine) -> str:
    name = "".join(c if c.isprintable() else "?" for c in item.name)
    shown = (
        f"{item.position:>4}  {item.step} #{item.attempt}  {item.kind.value:5} {name}  "
        f"{item.outcome.value}  {item.seconds:.2f} s"
    )
    if item.kind is not JournaledCall.MODEL:
        return shown
    cost = "cost unknown" if item.cost is None else f"{item.cost:.6f} USD"
    return f"{shown}  {item.input_tokens} + {item.output_tokens} tokens  {cost}"
