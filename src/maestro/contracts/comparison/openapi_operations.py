"""Operations of two documents: which belong together, and what became of the others."""

import datetime
import re
from collections.abc import Iterator, Mapping
from typing import Any

from maestro.contracts.comparison.openapi_bodies import compare_body, compare_responses
from maestro.contracts.comparison.openapi_collecting import (
    BREAKING,
    COMPATIBLE,
    DANGEROUS,
    ChangeBook,
)
from maestro.contracts.comparison.openapi_parameters import compare_parameters
from maestro.contracts.comparison.openapi_security import compare_security
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import Operation
from maestro.contracts.openapi.pointers import follow, join
from maestro.errors import InvalidInput

_PARAMETER = re.compile(r"\{([^{}/]*)\}")
_SUNSETS = ("x-sunset", "x-sunset-date", "sunset")


def pairs(
    old: Mapping[str, Operation], new: Mapping[str, Operation]
) -> Iterator[tuple[Operation, Operation]]:
    """Operations of the same method and path; names of path parameters do not matter."""
    left = {key: operation for key, operation in new.items() if key not in old}
    shapes = {_shape(key): operation for key, operation in left.items()}
    for key, operation in old.items():
        found = new.get(key) or shapes.pop(_shape(key), None)
        if found is not None:
            yield operation, found


def _shape(key: str) -> str:
    return _PARAMETER.sub("{}", key)


def renamed_parameters(old: str, new: str) -> dict[str, str]:
    """Earlier to later names of the parameters of two paths of the same shape."""
    return dict(zip(_PARAMETER.findall(old), _PARAMETER.findall(new), strict=False))


def compare_operation(book: ChangeBook, old: Operation, new: Operation) -> None:
    compare_parameters(book, old, new, renamed_parameters(old.path, new.path))
    compare_body(book, old, new)
    compare_responses(book, old, new)
    if not book.provider_calls:
        compare_security(book, old, new)
    _identity(book, old, new)
    if new.rejects_unknown_query and not old.rejects_unknown_query:
        book.asks_more(
            "unknown-query-refused",
            new.pointer,
            "unknown query parameters are now refused",
            before=False,
            after=True,
        )


def _identity(book: ChangeBook, old: Operation, new: Operation) -> None:
    if old.operation_id == new.operation_id:
        return
    kind = DANGEROUS if old.operation_id else COMPATIBLE
    verb = "changed" if old.operation_id and new.operation_id else "removed"
    book.add(
        kind,
        f"operation-id-{verb if old.operation_id else 'added'}",
        join(new.pointer, "operationId"),
        f"operationId {old.operation_id!r} became {new.operation_id!r}; generated clients name "
        "their functions after it",
        before=old.operation_id or None,
        after=new.operation_id or None,
    )


def raw_operation(document: OpenApiDocument, operation: Operation) -> Mapping[str, Any]:
    """The operation object as it stands in the document."""
    value: Any = document.root
    for token in operation.pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and "$ref" in value and name not in value:
            try:
                value = follow(document.root, value, where=operation.pointer)
            except InvalidInput:
                return {}
        if not isinstance(value, Mapping) or name not in value:
            return {}
        value = value[name]
    return value if isinstance(value, Mapping) else {}


def compare_deprecation(book: ChangeBook, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    before, after = old.get("deprecated") is True, new.get("deprecated") is True
    if before is not after:
        book.add(
            COMPATIBLE,
            "operation-deprecated" if after else "operation-no-longer-deprecated",
            "",
            f"is {'now' if after else 'no longer'} deprecated",
            before=before,
            after=after,
        )
    ends = _sunset(old), _sunset(new)
    if ends[0] and ends[1] and ends[1] < ends[0]:
        book.add(
            DANGEROUS,
            "sunset-brought-forward",
            "",
            f"will be removed on {ends[1]} instead of {ends[0]}",
            before=ends[0].isoformat(),
            after=ends[1].isoformat(),
        )


def tell_removed(
    book: ChangeBook, operation: Operation, raw: Mapping[str, Any], today: datetime.date
) -> None:
    """Removing what was announced in time is the way the provider promised."""
    sunset = _sunset(raw)
    if raw.get("deprecated") is not True:
        kind, rule, why = BREAKING, "operation-removed-without-deprecation", "without notice"
    elif sunset is None:
        kind, rule = DANGEROUS, "operation-removed-without-sunset"
        why = "after it was deprecated without a date"
    elif sunset > today:
        kind, rule, why = BREAKING, "operation-removed-before-sunset", f"before {sunset}"
    else:
        kind, rule, why = COMPATIBLE, "operation-removed-after-sunset", f"after {sunset}"
    book.add(kind, rule, operation.pointer, f"was removed {why}", before=operation.key)


def _sunset(raw: Mapping[str, Any]) -> datetime.date | None:
    for key in _SUNSETS:
        value = raw.get(key)
        if isinstance(value, str):
            try:
                return datetime.date.fromisoformat(value[:10])
            except ValueError:
                continue
    return None
