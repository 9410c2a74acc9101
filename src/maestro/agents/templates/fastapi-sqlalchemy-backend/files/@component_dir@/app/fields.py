"""Types of values in requests, exactly as JSON Schema sees them, and the models built from them.

JSON knows no difference between 1 and 1.0, and a text is never a number: pydantic alone would take
more, or less.
"""

import datetime as dt
import re
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    model_validator,
)

from app.errors import Problem

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}):([0-9]{2})(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_LONGEST_NUMBER = 400


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _whole_text(value: Any) -> Any:
    if len(value) <= _LONGEST_NUMBER:
        if _INTEGER.fullmatch(value):
            return int(value)
        if _NUMBER.fullmatch(value) and float(value).is_integer():
            return int(float(value))
    raise ValueError("must be a whole number")


def _hundredths(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    if isinstance(value, float) and value != round(value, 2):
        raise ValueError("must have at most two decimal places")
    return value


def _hundredths_text(value: Any) -> Any:
    if len(value) > _LONGEST_NUMBER or not _NUMBER.fullmatch(value):
        raise ValueError("must be a number")
    return _hundredths(float(value))


def _flag_text(value: Any) -> Any:
    if value not in ("true", "false"):
        raise ValueError("must be true or false")
    return value == "true"


def _day(value: Any) -> Any:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("must be a date such as 2030-01-15")
    return dt.date.fromisoformat(value)


def _moment(value: Any) -> Any:
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a date and time with its zone, such as 2030-01-15T09:30:00Z")
    day, minute, second, fraction, zone = match.groups()
    leap = second == "60"
    clock = f"{minute}:{'59' if leap else second}{(fraction or '')[:7]}"
    read = dt.datetime.fromisoformat(f"{day}T{clock}{zone.upper()}")
    try:
        moment = read.astimezone(dt.UTC)
        return moment + dt.timedelta(seconds=1) if leap else moment
    except OverflowError:
        raise ValueError("lies outside of the years 1 to 9999") from None


def _email(value: str) -> str:
    """Lengths that no pattern can count (RFC 5321)."""
    local, _, domain = value.rpartition("@")
    if not 1 <= len(local) <= 64 or len(domain) > 253:
        raise ValueError("must be an e-mail address")
    if any(not 1 <= len(label) <= 63 for label in domain.split(".")):
        raise ValueError("must be an e-mail address")
    return value


Text = Annotated[str, Strict()]
Email = Annotated[str, Strict(), AfterValidator(_email)]
Flag = Annotated[bool, Strict()]
WholeNumber = Annotated[int, BeforeValidator(_whole), Strict()]
Hundredths = Annotated[float, BeforeValidator(_hundredths), Field(allow_inf_nan=False)]
Day = Annotated[dt.date, BeforeValidator(_day)]
Moment = Annotated[dt.datetime, BeforeValidator(_moment)]

# The same in a query or a path, where everything arrives as text.
QueryFlag = Annotated[bool, BeforeValidator(_flag_text)]
QueryWholeNumber = Annotated[int, BeforeValidator(_whole_text)]
QueryHundredths = Annotated[float, BeforeValidator(_hundredths_text), Field(allow_inf_nan=False)]


class Creation(BaseModel):
    """The body of a request that creates an entry."""

    model_config = ConfigDict(extra="forbid", validate_default=True)


class Changes(BaseModel):
    """The body of a request that changes an entry; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="after")
    def _not_empty(self) -> "Changes":
        if not self.model_fields_set:
            raise ValueError("must change at least one field")
        return self


def unchanged(alias: str | None = None) -> Any:
    """The default of a field of Changes. It is never stored, so no type needs to allow it."""
    return Field(default=None, alias=alias)


class Stored(BaseModel):
    """An entry as it is answered."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    created_at: dt.datetime


class Listing(BaseModel):
    """What every list can be asked."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[QueryWholeNumber, Field(ge=1, le=100)] = 20
    offset: Annotated[QueryWholeNumber, Field(ge=0, le=2147483647)] = 0


def _query_names(request: Request) -> list[str]:
    raw = request.scope["query_string"]
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise Problem(422, "The query is not UTF-8.") from None
    return [name for name, _ in pairs]


def _plain_query(request: Request) -> None:
    names = _query_names(request)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        wrong = [(f"/{name}", "is given more than once") for name in twice]
        raise Problem(422, "The query is ambiguous.", wrong)


def _no_query(request: Request) -> None:
    names = _query_names(request)
    if names:
        wrong = [(f"/{name}", "is not a parameter") for name in names]
        raise Problem(422, "This operation takes no query parameters.", wrong)


PLAIN_QUERY = Depends(_plain_query)
"""Refuses queries that can be read in two ways."""
NO_QUERY = Depends(_no_query)
"""Refuses any query."""
