"""Reading and changing rows by the rules that all tables share."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.database import Base
from app.errors import Problem
from app.fields import Listing

Row = TypeVar("Row", bound=Base)


def find(session: Session, table: type[Row], identifier: int) -> Row:
    """The row with this id. Raises Problem 404."""
    row = session.get(table, identifier)
    if row is None:
        raise Problem(404, f"There is no entry with id {identifier} in {table.__tablename__}.")
    return row


def insert(session: Session, table: type[Row], values: Mapping[str, Any]) -> Row:
    """A new row with its id. Raises Problem 409."""
    _check(session, table, values)
    row = table(**values)
    session.add(row)
    session.flush()
    return row


def change(session: Session, row: Base, values: Mapping[str, Any]) -> None:
    """Sets the given values. Raises Problem 409."""
    _check(session, type(row), values, row)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()


def remove(session: Session, row: Base) -> None:
    """Deletes the row. Raises Problem 409 while others refer to it."""
    session.delete(row)
    try:
        session.flush()
    except IntegrityError:
        raise Problem(409, "Other entries still refer to this one.") from None


def page(
    session: Session,
    table: type[Base],
    query: Listing,
    *,
    sort: str,
    filters: Mapping[InstrumentedAttribute[Any], Any],
    search: str | None = None,
    searched: Sequence[InstrumentedAttribute[Any]] = (),
) -> dict[str, Any]:
    """One page of the rows that match every given filter and contain the searched text."""
    found = sa.select(table)
    for column, value in filters.items():
        if value is not None:
            found = found.where(column == value)
    if search is not None:
        found = found.where(
            sa.or_(*(column.icontains(search, autoescape=True) for column in searched))
        )
    total = session.scalar(sa.select(sa.func.count()).select_from(found.subquery()))
    columns = table.__table__.columns
    order = columns[sort.removeprefix("-")]
    ordered = found.order_by(order.desc() if sort.startswith("-") else order, columns["id"])
    rows = session.scalars(ordered.limit(query.limit).offset(query.offset)).all()
    return {"items": rows, "total": total, "limit": query.limit, "offset": query.offset}


def _check(
    session: Session, table: type[Base], values: Mapping[str, Any], row: Base | None = None
) -> None:
    """References must lead somewhere, and unique values must be free.

    The database enforces both as well; asking first lets the answer name the field.
    """
    wrong = []
    mapper = sa.inspect(table)
    for name, value in values.items():
        column = mapper.columns[name]
        if value is None:
            continue
        for key in column.foreign_keys:
            if session.scalar(sa.select(key.column).where(key.column == value)) is None:
                wrong.append((f"/{column.name}", f"there is no entry with id {value}"))
        owner = session.scalar(sa.select(table).where(column == value)) if column.unique else None
        if owner is not None and owner is not row:
            wrong.append((f"/{column.name}", "another entry has this value already"))
    if wrong:
        raise Problem(409, "Another entry stands against this change.", wrong)
