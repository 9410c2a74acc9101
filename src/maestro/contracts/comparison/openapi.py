"""Two OpenAPI documents compared: which change breaks whom."""

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from maestro.contracts.comparison.changes import Change, ChangeKind, Comparison
from maestro.contracts.comparison.openapi_collecting import (
    BREAKING,
    COMPATIBLE,
    ChangeBook,
)
from maestro.contracts.comparison.openapi_operations import (
    compare_deprecation,
    compare_operation,
    pairs,
    raw_operation,
    tell_removed,
)
from maestro.contracts.comparison.openapi_security import scheme_changes
from maestro.contracts.comparison.schemas import SchemaComparison
from maestro.contracts.comparison.schemas_nodes import same
from maestro.contracts.openapi.document import OpenApiDocument, from_object
from maestro.contracts.openapi.grammar import METHODS
from maestro.contracts.openapi.operations import Operation, operations, read_operation, webhooks
from maestro.contracts.openapi.pointers import follow, join
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput

_Keyed = dict[str, Operation]


def compare_openapi(
    old: JsonObject | OpenApiDocument,
    new: JsonObject | OpenApiDocument,
    *,
    today: datetime.date | None = None,
) -> Comparison:
    """Compares two documents of any version of OpenAPI.

    Args:
        old: the earlier document, parsed.
        new: the later document, parsed.
        today: decides whether a sunset has passed; by default the day of the call.

    Raises:
        InvalidInput: one of them is no OpenAPI document.
    """
    before = old if isinstance(old, OpenApiDocument) else from_object(old, name="earlier version")
    after = new if isinstance(new, OpenApiDocument) else from_object(new, name="later version")
    edited = not same(before.source, after.source)
    if not edited:
        return Comparison(changes=())
    work = _Work(before, after, today or datetime.datetime.now(datetime.UTC).date())
    return Comparison.of(work.changes(), edited=edited)


class _Work:
    def __init__(self, old: OpenApiDocument, new: OpenApiDocument, today: datetime.date) -> None:
        self._old = old
        self._new = new
        self._today = today
        self._schemas = SchemaComparison(old.root, new.root)

    def changes(self) -> Iterator[Change]:
        before, after = _keyed(operations(self._old)), _keyed(operations(self._new))
        moved = self._moved(before, after)
        yield from self._servers(moved=moved)
        if moved:
            before, after = _rebased(before, self._old), _rebased(after, self._new)
        yield from scheme_changes(self._old, self._new)
        yield from self._operations(before, after, self._book)
        yield from self._operations(
            _keyed(webhooks(self._old)), _keyed(webhooks(self._new)), self._webhook_book
        )

    def _moved(self, before: _Keyed, after: _Keyed) -> bool:
        """Whether the base path changed and every path with it, so that addresses stay."""
        if self._old.base_path == self._new.base_path:
            return False
        addresses = [
            dict.fromkeys(_rebased(found, document))
            for found, document in ((before, self._old), (after, self._new))
        ]
        return bool(before) and bool(addresses[0].keys() & addresses[1].keys())

    def _book(self, operation: str) -> ChangeBook:
        return ChangeBook(schemas=self._schemas, operation=operation)

    def _webhook_book(self, operation: str) -> ChangeBook:
        return ChangeBook(
            schemas=self._schemas, operation=operation, prefix="webhook-", provider_calls=True
        )

    def _operations(
        self, before: _Keyed, after: _Keyed, book_for: Callable[[str], ChangeBook]
    ) -> Iterator[Change]:
        matched: set[int] = set()
        for old, new in pairs(before, after):
            matched |= {id(old), id(new)}
            yield from self._pair(old, new, book_for(new.key))
        for operation in before.values():
            if id(operation) not in matched:
                book = book_for(operation.key)
                tell_removed(book, operation, raw_operation(self._old, operation), self._today)
                yield from book.changes
        for operation in after.values():
            if id(operation) not in matched:
                book = book_for(operation.key)
                book.add(
                    COMPATIBLE, "operation-added", operation.pointer, "was added",
                    after=operation.key,
                )  # fmt: skip
                yield from book.changes

    def _pair(self, old: Operation, new: Operation, book: ChangeBook) -> Iterator[Change]:
        raw = raw_operation(self._old, old), raw_operation(self._new, new)
        compare_operation(book, old, new)
        compare_deprecation(book, *raw)
        yield from _placed(book.changes, new.pointer)
        yield from self._callbacks(raw, (old, new))

    def _callbacks(
        self, raw: tuple[Mapping[str, Any], ...], owners: tuple[Operation, ...]
    ) -> Iterator[Change]:
        old, new = raw
        if "callbacks" not in old and "callbacks" not in new:
            return
        before = _callbacks(self._old, old, owners[0].pointer)
        after = _callbacks(self._new, new, owners[1].pointer)

        def book_for(operation: str) -> ChangeBook:
            book = self._webhook_book(f"{owners[1].key} calls {operation}")
            book.prefix = "callback-"
            return book

        yield from self._operations(before, after, book_for)

    def _servers(self, *, moved: bool) -> Iterator[Change]:
        old, new = self._old.base_path, self._new.base_path
        if old != new and not moved:
            yield Change(
                kind=BREAKING,
                rule="base-path-changed",
                pointer="/servers",
                message=f"the base path is {new or '/'} instead of {old or '/'}",
                before=old,
                after=new,
            )
        before, after = _addresses(self._old), _addresses(self._new)
        for url in before:
            if url not in after:
                yield _server("removed", url)
        for url in after:
            if url not in before:
                yield _server("added", url)


def _server(verb: str, url: str) -> Change:
    return Change(
        kind=ChangeKind.DANGEROUS if verb == "removed" else ChangeKind.COMPATIBLE,
        rule=f"server-{verb}",
        pointer="/servers",
        message=f"the server {url} was {verb}",
        before=url if verb == "removed" else None,
        after=url if verb == "added" else None,
    )


def _addresses(document: OpenApiDocument) -> list[str]:
    servers = document.root.get("servers")
    found = (
        [s.get("url") for s in servers if isinstance(s, Mapping)]
        if isinstance(servers, list)
        else []
    )
    return [url for url in found if isinstance(url, str) and url.strip("/")]


def _keyed(found: Iterable[Operation]) -> _Keyed:
    return {operation.key: operation for operation in found}


def _rebased(found: _Keyed, document: OpenApiDocument) -> _Keyed:
    """Operations by their whole path, base path included."""
    return _keyed(replace(o, path=document.base_path + o.path) for o in found.values())


def _placed(changes: Iterable[Change], pointer: str) -> Iterator[Change]:
    """What concerns the whole operation stands where the operation stands."""
    for change in changes:
        yield change if change.pointer else replace(change, pointer=pointer)


def _callbacks(document: OpenApiDocument, raw: Mapping[str, Any], pointer: str) -> _Keyed:
    """Requests the provider makes because of an operation, by name and address."""
    entries = raw.get("callbacks")
    found: _Keyed = {}
    for name, entry in entries.items() if isinstance(entries, Mapping) else ():
        place = join(pointer, "callbacks", name)
        try:
            callback = follow(document.root, entry, where=place)
            for expression, item in callback.items() if isinstance(callback, Mapping) else ():
                for method in METHODS:
                    made = _callback(document, (place, str(expression), method), item)
                    if made is not None:
                        found[f"{name} {made.key}"] = made
        except InvalidInput as error:
            document.notebook.add(place, "spoiled", f"cannot be used: {error}")
    return found


def _callback(
    document: OpenApiDocument, where: tuple[str, str, str], item: Any
) -> Operation | None:
    place, expression, method = where
    operation = item.get(method) if isinstance(item, Mapping) else None
    if not isinstance(operation, Mapping):
        return None
    made = read_operation(document, expression, method, item, operation)
    wrong, right = join("/paths", expression, method), join(place, expression, method)
    return _repointed(made, wrong, right)


def _repointed(made: Operation, wrong: str, right: str) -> Operation:
    parameters = tuple(
        replace(p, pointer=p.pointer.replace(wrong, right, 1)) for p in made.parameters
    )
    return replace(made, pointer=right, parameters=parameters)
