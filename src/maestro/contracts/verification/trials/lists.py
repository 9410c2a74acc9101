"""Pages keep their limit, follow one another, and together are the whole list."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from maestro.contracts.openapi.resources import Resource, ResourceAction
from maestro.contracts.verification.trials.lab import Lab, MadeEntry, Untestable
from maestro.contracts.verification.trials.paging import Pager
from maestro.contracts.verification.trials.trial import ApiTrial

MOST_DEFAULT = 30
"""Greater default limits are not tried: that many entries would have to be made."""
SOME = 5
Run = Callable[..., Awaitable[None]]


def list_trials(lab: Lab) -> Iterator[ApiTrial]:
    for resource in lab.api.resources:
        pager = Pager.of(lab, resource)
        if pager is None or lab.api.action(resource, ResourceAction.CREATE) is None:
            continue
        key = pager.operation.key
        if pager.limit is not None:
            name = pager.limit.name
            yield _trial("limit_kept", f"{key} ?{name}", "No page is longer than asked.",
                         limit_kept, resource)  # fmt: skip
            default = lab.api.plain(pager.limit.schema).get("default")
            if isinstance(default, int) and default <= MOST_DEFAULT:
                yield _trial("default_limit_kept", f"{key} ?{name}", "Without a limit the default "
                             "holds.", default_limit_kept, resource)  # fmt: skip
            if pager.offset or pager.number or pager.cursor:
                yield _trial("pages_join", key, "Pages together are the whole list: nothing twice, "
                             "nothing lost.", pages_join, resource)  # fmt: skip
        if resource.envelope is not None and resource.envelope.total is not None:
            yield _trial("total_counts", key, "The total counts all entries that match.",
                         total_counts, resource)  # fmt: skip


def _trial(rule: str, subject: str, statement: str, run: Run, resource: Resource) -> ApiTrial:
    work = partial(run, resource=resource)
    return ApiTrial(rule=rule, subject=subject, statement=statement, run=work)


async def several(lab: Lab, resource: Resource, count: int = SOME) -> list[MadeEntry]:
    return [await lab.create(resource) for _ in range(count)]


async def limit_kept(lab: Lab, resource: Resource) -> None:
    entries = await several(lab, resource, 3)
    pager = Pager.required(lab, resource)
    assert pager.limit is not None
    least = lab.api.plain(pager.limit.schema).get("minimum", 1)
    for size in (1, 2):
        if size < least:
            continue
        answer, items = await pager.page(entries[0].values, [(pager.limit.name, str(size))])
        if len(items) != size:
            raise pager.wrong(
                answer, "limit_kept", f"a page of {len(items)} where {size} were asked for",
                expected=f"{size} entries of at least {len(entries)}", seen=f"{len(items)} entries",
            )  # fmt: skip


async def default_limit_kept(lab: Lab, resource: Resource) -> None:
    pager = Pager.required(lab, resource)
    assert pager.limit is not None
    default = int(lab.api.plain(pager.limit.schema)["default"])
    first = await lab.create(resource)
    answer, items = await pager.page(first.values)
    missing = default + 1 - len(items)
    if missing > 0:
        await several(lab, resource, missing)
        answer, items = await pager.page(first.values)
    if len(items) > default:
        raise pager.wrong(
            answer, "default_limit_kept", f"a page of {len(items)} without a limit",
            expected=f"{default} entries", seen=f"{len(items)} entries",
        )  # fmt: skip


async def pages_join(lab: Lab, resource: Resource) -> None:
    entries = await several(lab, resource)
    pager = Pager.required(lab, resource)
    _, whole = await pager.everything(entries[0].values)
    size = max(2, -(-len(whole) // 25))
    if size > (pager.largest() or size):
        raise Untestable("there are too many entries to turn all pages")
    answer, items = await pager.everything(entries[0].values, size=size)
    counted = Counter(pager.ids(items))
    twice = [name for name, times in counted.items() if times > 1]
    lost = [name for name in pager.ids(whole) if name not in counted]
    made = [str(e.id) for e in entries if not pager.has(whole, e) and not pager.has(items, e)]
    if twice or lost or made:
        raise pager.wrong(
            answer, "pages_join", f"pages of {size} do not join to the whole list",
            expected="every entry once",
            seen=f"twice: {twice[:5]}, lost: {(lost or made)[:5]}",
        )  # fmt: skip


async def total_counts(lab: Lab, resource: Resource) -> None:
    entries = await several(lab, resource, 3)
    pager = Pager.required(lab, resource)
    _, whole = await pager.everything(entries[0].values)
    query = [(pager.limit.name, "1")] if pager.limit is not None else []
    answer, _ = await pager.page(entries[0].values, query)
    if pager.total(answer) != len(whole):
        raise pager.wrong(
            answer, "total_counts", "the total is not the number of entries on all pages",
            expected=str(len(whole)), seen=str(pager.total(answer)),
        )  # fmt: skip
