"""Programs that run in the work tree: what they change is bounded, the persona's own, and kept in
the journal, so that it is there again when the attempt goes on in another process.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping

from maestro.agents.executors.llm.session import CallSession
from maestro.agents.executors.llm.tree import WorkTree
from maestro.domain.models import JournaledCall
from maestro.domain.values import JsonObject, JsonValue
from maestro.errors import InvalidInput, StepFailed

_MAX_KEPT_BYTES = 2_000_000
"""Most of the files a program may change, for the journal to bring them back."""


async def run_in_tree(
    tree: WorkTree,
    session: CallSession,
    kind: JournaledCall,
    name: str,
    what: JsonValue,
    program: Callable[[], Awaitable[JsonValue]],
) -> JsonValue:
    """What `program` tells, or told before the process died; the tree is as it left it then.

    Raises:
        InvalidInput: it could not be run, or left too much; the tree is as it was before.
    """

    async def action() -> JsonValue:
        before = await asyncio.to_thread(tree.snapshot)
        try:
            told = await program()
        except StepFailed as error:  # there is no such folder: the caller's mistake
            raise InvalidInput(str(error)) from error
        return {"told": told, **await asyncio.to_thread(_settled, tree, before)}

    replayed = session.replayed
    result = await session.act(kind, name, what, action)
    if session.replayed > replayed:
        await asyncio.to_thread(_bring_back, tree, result)
    return result["told"]


def _settled(tree: WorkTree, before: Mapping[str, bytes]) -> JsonObject:
    """Undoes what the persona may not change; the rest, for the journal."""
    try:
        after = tree.snapshot()
        kept = {p: c for p, c in after.items() if before.get(p) == c or tree.may_write(p)}
        back = {p: c for p, c in before.items() if p not in kept and not tree.may_write(p)}
        changed = {p: c for p, c in kept.items() if before.get(p) != c}
        if sum(map(len, changed.values())) > _MAX_KEPT_BYTES:
            raise InvalidInput("the program changed too much; its changes were taken back")
        tree.restore({**kept, **back})
    except InvalidInput:
        tree.restore(before)
        raise
    return {
        "changed": {p: base64.b64encode(c).decode() for p, c in changed.items()},
        "gone": sorted(set(before) - {*kept, *back}),
    }


def _bring_back(tree: WorkTree, result: JsonObject) -> None:
    changed = {path: base64.b64decode(text) for path, text in result["changed"].items()}
    left = {p: c for p, c in tree.snapshot().items() if p not in result["gone"]}
    tree.restore({**left, **changed})
