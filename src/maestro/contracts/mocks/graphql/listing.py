"""Which entries of a list the arguments of a field ask for, and in which order."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from maestro.contracts.mocks.graphql.memory import Thing, refused
from maestro.contracts.sdl.words import noun, words

DEFAULT_PAGE = 20
"""Of a paged list whose arguments give no size."""

_NUMBERS = {
    **dict.fromkeys(
        ("first", "limit", "take", "size", "pagesize", "perpage", "max", "top", "count",
         "itemsperpage", "maxresults"),
        "limit",
    ),
    **dict.fromkeys(("offset", "skip", "start"), "offset"),
    **dict.fromkeys(("page", "pagenumber", "pageno"), "page"),
    "last": "last",
}  # fmt: skip
_CURSORS = {"after": "after", "cursor": "after", "before": "before"}
_ORDERS = {"orderby", "sort", "sortby", "order", "ordering", "sorting"}
_DIRECTIONS = {"direction", "orderdirection", "sortdirection", "sortorder"}
_SEARCHES = {"q", "query", "search", "term", "text", "keyword", "keywords", "searchterm",
    "searchtext"}  # fmt: skip
_FILTERS = {"filter", "filters", "where", "criteria", "condition", "conditions", "filterby"}
_GROUPS = {"paging", "pagination", "pageinput", "paginate", "options", "input", "params"}

ValueOf = Callable[[Thing, str], Any]
"""The plain value of an entry's field; a key where it refers to another entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Everything the arguments of a list say, by what it is for."""

    conditions: tuple[tuple[str, Any], ...] = ()
    search: str = ""
    order: tuple[tuple[str, bool], ...] = ()
    """Fields with whether they descend."""
    limit: int | None = None
    offset: int = 0
    page: int | None = None
    last: int | None = None
    after: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    entries: tuple[Thing, ...]
    total: int
    """How many there are on all pages."""
    start: int
    limit: int


def wanted(arguments: Mapping[str, Any]) -> Wanted:
    """Raises GraphQLError for a negative size or offset."""
    found: dict[str, Any] = {}
    conditions: list[tuple[str, Any]] = []
    descends = False
    for name, value in _ungrouped(arguments):
        plain = "".join(words(name))
        if value is None:
            continue
        if plain in _NUMBERS and isinstance(value, int):
            found[_NUMBERS[plain]] = _positive(name, value)
        elif plain in _CURSORS and isinstance(value, str):
            found[_CURSORS[plain]] = value
        elif plain in _DIRECTIONS and isinstance(value, str):
            descends = value.lower().startswith("desc")
        else:
            _other(name, plain, value, found, conditions)
    if descends and "order" in found:
        found["order"] = tuple((field, True) for field, _ in found["order"])
    return Wanted(conditions=tuple(conditions), **found)


def _other(
    name: str,
    plain: str,
    value: Any,
    found: dict[str, Any],
    conditions: list[tuple[str, Any]],
) -> None:
    if plain in _ORDERS:
        found["order"] = tuple(_order(value))
    elif plain in _SEARCHES | _FILTERS and isinstance(value, str):
        found["search"] = value
    elif plain in _FILTERS and isinstance(value, Mapping):
        conditions += [(n, v) for n, v in value.items() if v is not None]
    else:
        conditions.append((name, value))


def _ungrouped(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in arguments.items():
        if name.lower() in _GROUPS and isinstance(value, Mapping):
            yield from value.items()
        else:
            yield name, value


def _positive(name: str, value: int) -> int:
    if value < 0:
        raise refused(f"argument {name!r} must not be negative, got {value}", "BAD_USER_INPUT")
    return value


def _order(value: Any) -> Iterator[tuple[str, bool]]:
    if isinstance(value, list):
        for one in value:
            yield from _order(one)
    elif isinstance(value, Mapping):
        named = value.get("field") or value.get("by") or value.get("key")
        if isinstance(named, str):
            direction = value.get("direction") or value.get("order") or ""
            yield named, str(direction).lower().startswith("desc")
        else:
            for field, direction in value.items():
                yield field, str(direction).lower().startswith("desc")
    elif isinstance(value, str):
        parts = words(value)
        if parts and parts[-1] in ("asc", "desc", "ascending", "descending"):
            yield "_".join(parts[:-1]), parts[-1].startswith("desc")
        else:
            yield value.lstrip("+-"), value.startswith("-")


def select(
    entries: Sequence[Thing],
    asked: Wanted,
    value_of: ValueOf,
    fields_of: Callable[[Thing], Sequence[str]],
) -> list[Thing]:
    """The entries that fit, in the order asked for."""
    kept = [
        entry
        for entry in entries
        if all(_meets(entry, n, v, value_of, fields_of) for n, v in asked.conditions)
    ]
    if asked.search:
        text = asked.search.casefold()
        kept = [e for e in kept if _mentions(e, text, value_of, fields_of)]
    for name, descending in reversed(asked.order):
        kept.sort(key=lambda e: _rank(_by_name(e, name, value_of, fields_of)), reverse=descending)
    return kept


def cut(entries: Sequence[Thing], asked: Wanted, *, default: int | None) -> Slice:
    """One page. Raises GraphQLError for a cursor that is none of ours."""
    total = len(entries)
    low = _position(entries, asked.after) + 1 if asked.after else 0
    high = _position(entries, asked.before) if asked.before else total
    limit = asked.limit if asked.limit is not None else default
    if asked.page is not None and limit is not None:
        low += max(0, asked.page - 1) * limit
    low += asked.offset
    if limit is not None and (asked.last is None or asked.limit is not None):
        high = min(high, low + limit)
    if asked.last is not None:
        low = max(low, high - asked.last)
    return Slice(tuple(entries[low:high]), total, low, limit if limit is not None else total)


def cursor_of(entry: Thing, place: int) -> str:
    return base64.b64encode(f"{place}:{entry.key}".encode()).decode()


def _position(entries: Sequence[Thing], cursor: str) -> int:
    """Where the entry of a cursor is, or was before it went."""
    try:
        place, _, key = base64.b64decode(cursor, validate=True).decode().partition(":")
        expected = int(place)
    except (binascii.Error, ValueError):
        raise refused(f"{cursor[:80]!r} is no cursor of this list", "BAD_USER_INPUT") from None
    found = next((n for n, entry in enumerate(entries) if entry.key == key), None)
    return expected if found is None else found


def _by_name(
    entry: Thing,
    name: str,
    value_of: ValueOf,
    fields_of: Callable[[Thing], Sequence[str]],
) -> Any:
    field = field_named(name, fields_of(entry))
    return value_of(entry, field) if field else None


def field_named(name: str, fields: Sequence[str]) -> str:
    """`CREATED_AT` and `created_at` mean `createdAt`; `customerId` means `customer`."""
    if name in fields:
        return name
    plain = "".join(words(name))
    for field in fields:
        if "".join(words(field)) == plain:
            return field
    for suffix in ("id", "ids", "slug", "name"):
        stem = plain.removesuffix(suffix)
        if stem != plain:
            for field in fields:
                if "".join(words(field)) == stem:
                    return field
    stem = noun(name)
    return next((field for field in fields if noun(field) == stem), "")


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: _same(a, b),
    "equals": lambda a, b: _same(a, b),
    "is": lambda a, b: _same(a, b),
    "ne": lambda a, b: not _same(a, b),
    "neq": lambda a, b: not _same(a, b),
    "not": lambda a, b: not _same(a, b),
    "in": lambda a, b: any(_same(a, one) for one in _many(b)),
    "nin": lambda a, b: not any(_same(a, one) for one in _many(b)),
    "notin": lambda a, b: not any(_same(a, one) for one in _many(b)),
    "gt": lambda a, b: _compare(a, b) > 0,
    "gte": lambda a, b: _compare(a, b) >= 0,
    "lt": lambda a, b: _compare(a, b) < 0,
    "lte": lambda a, b: _compare(a, b) <= 0,
    "min": lambda a, b: _compare(a, b) >= 0,
    "max": lambda a, b: _compare(a, b) <= 0,
    "after": lambda a, b: _compare(a, b) > 0,
    "before": lambda a, b: _compare(a, b) < 0,
    "since": lambda a, b: _compare(a, b) >= 0,
    "until": lambda a, b: _compare(a, b) <= 0,
    "from": lambda a, b: _compare(a, b) >= 0,
    "to": lambda a, b: _compare(a, b) <= 0,
    "contains": lambda a, b: str(b).casefold() in str(a).casefold(),
    "like": lambda a, b: str(b).strip("%").casefold() in str(a).casefold(),
    "ilike": lambda a, b: str(b).strip("%").casefold() in str(a).casefold(),
    "startswith": lambda a, b: str(a).startswith(str(b)),
    "endswith": lambda a, b: str(a).endswith(str(b)),
}


def _meets(
    entry: Thing,
    name: str,
    value: Any,
    value_of: ValueOf,
    fields_of: Callable[[Thing], Sequence[str]],
) -> bool:
    """Arguments that mean no field of the entry decide nothing."""
    logical = name.strip("_").lower()
    if logical in ("and", "or") and isinstance(value, list):
        answers = [
            all(_meets(entry, n, v, value_of, fields_of) for n, v in one.items())
            for one in value
            if isinstance(one, Mapping)
        ]
        return all(answers) if logical == "and" else any(answers)
    if logical == "not" and isinstance(value, Mapping):
        return not all(_meets(entry, n, v, value_of, fields_of) for n, v in value.items())
    fields = fields_of(entry)
    field = field_named(name, fields)
    if field:
        return _holds(value_of(entry, field), value)
    parts = words(name)
    for operator, rest in ((parts[-1:], parts[:-1]), (parts[:1], parts[1:])):
        if operator and operator[0] in _OPERATORS and rest:
            field = field_named("_".join(rest), fields) or _dated("_".join(rest), fields)
            if field:
                return _OPERATORS[operator[0]](value_of(entry, field), value)
    return True


def _dated(stem: str, fields: Sequence[str]) -> str:
    """`createdAfter` is about `createdAt`."""
    return next((f for f in (f"{stem}At", f"{stem}_at", f"{stem}On") if f in fields), "")


def _holds(actual: Any, value: Any) -> bool:
    if isinstance(value, Mapping):
        known = [
            (_OPERATORS[plain], v)
            for n, v in value.items()
            if (plain := "".join(words(n))) in _OPERATORS and v is not None
        ]
        return all(check(actual, v) for check, v in known)
    if isinstance(value, list):
        return any(_same(actual, one) for one in value)
    return _same(actual, value)


def _many(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _same(actual: Any, value: Any) -> bool:
    if isinstance(actual, list):
        return any(_same(one, value) for one in actual)
    if actual is None or value is None or isinstance(actual, bool) or isinstance(value, bool):
        return actual is value
    return bool(actual == value) or str(actual) == str(value)


def _compare(actual: Any, value: Any) -> int:
    if actual is None:
        return -1
    left, right = _rank(actual), _rank(value)
    return (left > right) - (left < right)


def _rank(value: Any) -> tuple[int, float, str]:
    """Null first, then numbers (also those in texts), then texts."""
    if value is None:
        return (0, 0.0, "")
    try:
        return (1, float(value), "")
    except (TypeError, ValueError):
        return (2, 0.0, str(value))


def _mentions(
    entry: Thing,
    text: str,
    value_of: ValueOf,
    fields_of: Callable[[Thing], Sequence[str]],
) -> bool:
    values = (value_of(entry, name) for name in fields_of(entry))
    return any(isinstance(value, str) and text in value.casefold() for value in values)
