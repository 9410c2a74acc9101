"""Statements that take many rows: row by row, or all of them in one JSON text.

A server far away is asked once for all rows; SQLite, in this process, is quicker row by row.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Bulk:
    """The same statement twice. A row holds its values in the order of the statement's columns."""

    each: str
    """For one row, a `?` for each value."""
    whole: str
    """For all rows, as one JSON array of objects that `as_document` makes."""
    width: int

    def as_document(self, rows: Iterable[Sequence[Any]]) -> str:
        names = _names(self.width)
        return json.dumps([dict(zip(names, row, strict=True)) for row in rows])


def insert(
    table: str, columns: Mapping[str, str], *, fixed: Mapping[str, str] | None = None, end: str = ""
) -> Bulk:
    """Adds rows.

    Args:
        columns: SQL type by column name.
        fixed: SQL literals of columns that are the same in every row.
        end: what follows, such as an ON CONFLICT clause.
    """
    constant = fixed or {}
    named = ", ".join((*columns, *constant))
    marks = ", ".join((*("?" for _ in columns), *constant.values()))
    taken = ", ".join((*(f"r.{name}" for name in _names(len(columns))), *constant.values()))
    return Bulk(
        each=f"INSERT INTO {table} ({named}) VALUES ({marks}) {end}",  # noqa: S608 -- constant names
        whole=f"INSERT INTO {table} ({named}) SELECT {taken} FROM {_rows(columns.values())} {end}",  # noqa: S608 -- constant names
        width=len(columns),
    )


def update(table: str, changed: Mapping[str, str], keys: Mapping[str, str]) -> Bulk:
    """Changes the rows whose `keys` are equal to the row's last values; both map to SQL types."""
    names = _names(len(changed) + len(keys))
    sets = ", ".join(f"{column} = ?" for column in changed)
    where = " AND ".join(f"{column} = ?" for column in keys)
    places = dict(zip((*changed, *(f"key {key}" for key in keys)), names, strict=True))
    taken = ", ".join(f"{column} = r.{places[column]}" for column in changed)
    same = " AND ".join(f"t.{key} = r.{places[f'key {key}']}" for key in keys)
    types = (*changed.values(), *keys.values())
    return Bulk(
        each=f"UPDATE {table} SET {sets} WHERE {where}",  # noqa: S608 -- constant names
        whole=f"UPDATE {table} AS t SET {taken} FROM {_rows(types)} WHERE {same}",  # noqa: S608 -- constant names
        width=len(names),
    )


def delete(table: str, keys: Mapping[str, str]) -> Bulk:
    """Removes the rows whose `keys` are equal to the row's values."""
    names = _names(len(keys))
    where = " AND ".join(f"{column} = ?" for column in keys)
    same = " AND ".join(f"t.{key} = r.{name}" for key, name in zip(keys, names, strict=True))
    return Bulk(
        each=f"DELETE FROM {table} WHERE {where}",  # noqa: S608 -- constant names
        whole=f"DELETE FROM {table} AS t USING {_rows(keys.values())} WHERE {same}",  # noqa: S608 -- constant names
        width=len(keys),
    )


def _names(width: int) -> tuple[str, ...]:
    return tuple(f"v{number}" for number in range(width))


def _rows(types: Iterable[str]) -> str:
    columns = ", ".join(f"v{number} {kind}" for number, kind in enumerate(types))
    return f"json_to_recordset(?::json) AS r ({columns})"
