"""What custom scalars stand for: a kind for every well-known name, its samples and its check.

A scalar nobody knows is of kind `text`: a text is answered for it and any value is accepted.
"""

import base64
import ipaddress
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from graphql import GraphQLScalarType, is_specified_scalar_type

EPOCH = datetime(2030, 1, 15, 9, 30, tzinfo=UTC)
"""Samples of moments lie around it; they never depend on the day a mock is started."""

TEXT = "text"

_KINDS: Mapping[str, str] = {
    **dict.fromkeys(
        ("datetime", "timestamp", "instant", "iso8601datetime", "timestamptz", "offsetdatetime",
         "zoneddatetime", "datetimeiso", "graphqldatetime", "datetimeutc", "utcdatetime"),
        "date-time",
    ),
    **dict.fromkeys(("localdatetime", "naivedatetime"), "local-date-time"),
    **dict.fromkeys(("date", "localdate", "iso8601date", "calendardate", "fulldate"), "date"),
    **dict.fromkeys(("time", "localtime", "timetz", "offsettime"), "time"),
    **dict.fromkeys(("duration", "iso8601duration", "interval", "period"), "duration"),
    **dict.fromkeys(("uuid", "guid"), "uuid"),
    **dict.fromkeys(
        ("json", "any", "map", "mixed", "arbitrary", "rawjson", "jsonscalar", "jsonb"), "json"
    ),
    **dict.fromkeys(
        ("jsonobject", "object", "dictionary", "hash", "metadata", "keyvalue"), "object"
    ),
    **dict.fromkeys(
        ("bigint", "long", "int64", "uint64", "biginteger", "safeint", "int32", "int16", "uint",
         "uint32", "unsignedint", "nonnegativeint", "short", "integer", "epoch", "unixtimestamp"),
        "integer",
    ),
    **dict.fromkeys(("positiveint",), "positive"),
    **dict.fromkeys(("negativeint", "nonpositiveint"), "negative"),
    **dict.fromkeys(
        ("decimal", "bigdecimal", "money", "monetaryamount", "price", "amount", "numeric",
         "bignumber"),
        "decimal",
    ),
    **dict.fromkeys(
        ("double", "float64", "float32", "number", "positivefloat", "nonnegativefloat",
         "unsignedfloat", "percentage", "percent"),
        "number",
    ),
    **dict.fromkeys(("email", "emailaddress"), "email"),
    **dict.fromkeys(("url", "uri", "link", "href", "httpurl", "httpsurl"), "url"),
    **dict.fromkeys(("phonenumber", "phone", "mobilenumber"), "phone"),
    **dict.fromkeys(("ipv4", "ip", "ipaddress", "inet"), "ipv4"),
    "ipv6": "ipv6",
    "mac": "mac",
    "macaddress": "mac",
    **dict.fromkeys(("port", "portnumber"), "port"),
    **dict.fromkeys(("hexcolor", "hexcolorcode", "color", "colour", "rgb"), "colour"),
    **dict.fromkeys(("base64", "bytes", "byte", "binary", "base64string"), "base64"),
    **dict.fromkeys(("countrycode", "country"), "country"),
    **dict.fromkeys(("currency", "currencycode"), "currency"),
    **dict.fromkeys(("locale", "languagecode", "language"), "locale"),
    **dict.fromkeys(("timezone", "ianatimezone"), "timezone"),
    **dict.fromkeys(("latitude", "lat"), "latitude"),
    **dict.fromkeys(("longitude", "lng", "lon"), "longitude"),
    **dict.fromkeys(("postalcode", "zipcode", "postcode"), "postcode"),
    **dict.fromkeys(("semver", "version"), "semver"),
    **dict.fromkeys(("void", "null", "unit"), "void"),
    **dict.fromkeys(("boolean", "bool"), "boolean"),
    **dict.fromkeys(("objectid", "mongoid"), "object-id"),
    **dict.fromkeys(("nonemptystring", "trimmedstring", "shortstring"), "word"),
    **dict.fromkeys(("html", "richtext"), "html"),
    **dict.fromkeys(("markdown",), "markdown"),
    "jwt": "jwt",
    "year": "year",
    "upload": "text",
}  # fmt: skip

_SPECIFIED = (
    (re.compile(r"rfc3339|date-?time", re.I), "date-time"),
    (re.compile(r"rfc4122|rfc9562|uuid", re.I), "uuid"),
    (re.compile(r"rfc5322|rfc5321|email", re.I), "email"),
    (re.compile(r"rfc3986|url\.spec", re.I), "url"),
    (re.compile(r"ecma-404|json", re.I), "json"),
)


def scalar_kind(scalar: GraphQLScalarType) -> str:
    """Of a custom scalar: by its name, else by what `@specifiedBy` points to, else `text`."""
    found = _by_name(scalar.name)
    if found is None and scalar.specified_by_url:
        url = scalar.specified_by_url
        found = next((kind for pattern, kind in _SPECIFIED if pattern.search(url)), None)
    return found or TEXT


@lru_cache(maxsize=1024)
def _by_name(name: str) -> str | None:
    plain = name.replace("_", "").lower()
    for candidate in (plain, plain.removesuffix("scalar"), plain.removeprefix("graphql")):
        if candidate in _KINDS:
            return _KINDS[candidate]
    return None


def is_custom(scalar: GraphQLScalarType) -> bool:
    return not is_specified_scalar_type(scalar)


def sample_of(kind: str, number: int) -> Any:
    """A value of a kind other than `text`; different numbers give different values."""
    make = _SAMPLES.get(kind)
    return make(number) if make else None


def fits(kind: str, value: Any) -> bool:
    """Whether a JSON value is one of the kind. `text` takes everything."""
    check = _CHECKS.get(kind)
    if check is None:
        return True
    try:
        return bool(check(value))
    except (ValueError, TypeError, ArithmeticError):
        return False


def moment(number: int) -> str:
    """The `number`th second of a mock's own time."""
    return (EPOCH + timedelta(seconds=number)).isoformat().replace("+00:00", "Z")


def _day(number: int) -> date:
    return (EPOCH - timedelta(days=number % 365)).date()


_COUNTRIES = ("DE", "FR", "US", "GB", "JP", "BR", "IN", "KE", "CA", "SE")
_CURRENCIES = ("EUR", "USD", "GBP", "JPY", "SEK", "CHF")
_LOCALES = ("en", "de", "fr", "es", "ja", "pt")
_ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC")

_SAMPLES: Mapping[str, Callable[[int], Any]] = {
    "date-time": lambda n: moment(-(n % 10_000) * 3600),
    "local-date-time": lambda n: f"{_day(n)}T09:{n % 60:02}:00",
    "date": lambda n: _day(n).isoformat(),
    "time": lambda n: f"{n % 24:02}:{n * 7 % 60:02}:00Z",
    "duration": lambda n: f"PT{1 + n % 90}M",
    "uuid": lambda n: str(uuid.UUID(int=(n * 0x9E3779B97F4A7C15 + 0xA5) % 2**122, version=4)),
    "json": lambda n: {"sample": n % 100},
    "object": lambda n: {"sample": n % 100},
    "integer": lambda n: n % 1000,
    "positive": lambda n: 1 + n % 1000,
    "negative": lambda n: -1 - n % 1000,
    "decimal": lambda n: f"{5 + n * 7 % 490}.{n * 13 % 100:02}",
    "number": lambda n: round(1 + n * 37 % 990 / 10, 2),
    "email": lambda n: f"ada{n % 1000}@example.com",
    "url": lambda n: f"https://example.com/{n % 1000}",
    "phone": lambda n: f"+4930{1_000_000 + n % 9_000_000}",
    "ipv4": lambda n: f"192.0.2.{1 + n % 250}",
    "ipv6": lambda n: f"2001:db8::{1 + n % 0xFFFF:x}",
    "mac": lambda n: f"02:00:00:00:{n // 256 % 256:02x}:{n % 256:02x}",
    "port": lambda n: 1024 + n % 60_000,
    "colour": lambda n: f"#{n * 2_654_435_761 % 0x1000000:06x}",
    "base64": lambda n: base64.b64encode(f"sample {n % 1000}".encode()).decode(),
    "country": lambda n: _COUNTRIES[n % len(_COUNTRIES)],
    "currency": lambda n: _CURRENCIES[n % len(_CURRENCIES)],
    "locale": lambda n: _LOCALES[n % len(_LOCALES)],
    "timezone": lambda n: _ZONES[n % len(_ZONES)],
    "latitude": lambda n: round(n * 37 % 1800 / 10 - 90, 1),
    "longitude": lambda n: round(n * 53 % 3600 / 10 - 180, 1),
    "postcode": lambda n: f"{10_000 + n % 89_999}",
    "semver": lambda n: f"1.{n % 20}.{n % 7}",
    "void": lambda _: None,
    "boolean": lambda n: n % 2 == 0,
    "object-id": lambda n: f"{n * 2_654_435_761 % 2**96:024x}",
    "word": lambda n: f"sample {n % 1000}",
    "html": lambda n: f"<p>Sample {n % 1000}</p>",
    "markdown": lambda n: f"Sample *{n % 1000}*",
    "jwt": lambda n: f"e30.e30.c2FtcGxl{n % 1000}",
    "year": lambda n: 2000 + n % 30,
}


def _is_moment(value: Any) -> bool:
    return (isinstance(value, str) and "T" in value.upper()[:12] and bool(_moment_of(value))) or (
        isinstance(value, int | float) and not isinstance(value, bool)
    )


def _moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _is_integer(value: Any) -> bool:
    if isinstance(value, str):
        return bool(re.fullmatch(r"[+-]?[0-9]{1,400}", value))
    return isinstance(value, int) and not isinstance(value, bool)


def _is_decimal(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    try:
        return Decimal(str(value)).is_finite()
    except InvalidOperation:
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "date-time": _is_moment,
    "local-date-time": lambda v: isinstance(v, str) and datetime.fromisoformat(v),
    "date": lambda v: isinstance(v, str) and len(v) == 10 and date.fromisoformat(v),
    "time": lambda v: isinstance(v, str) and time.fromisoformat(v) is not None,
    "duration": lambda v: isinstance(v, int | float) or re.match(r"[+-]?P[0-9T]", v),
    "uuid": lambda v: isinstance(v, str) and uuid.UUID(v),
    "object": lambda v: isinstance(v, dict),
    "integer": _is_integer,
    "positive": lambda v: _is_integer(v) and int(v) > 0,
    "negative": lambda v: _is_integer(v) and int(v) <= 0,
    "decimal": _is_decimal,
    "number": _is_number,
    "email": lambda v: re.fullmatch(r"[^@\s]+@[^@\s]+", v),
    "url": lambda v: urlsplit(v).scheme and not re.search(r"\s", v),
    "ipv4": lambda v: ipaddress.ip_address(v),
    "ipv6": lambda v: ipaddress.IPv6Address(v),
    "mac": lambda v: re.fullmatch(r"([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}", v),
    "port": lambda v: _is_integer(v) and 0 <= int(v) <= 65_535,
    "colour": lambda v: isinstance(v, str) and v != "",
    "base64": lambda v: isinstance(v, str) and base64.b64decode(v, validate=True) is not None,
    "latitude": lambda v: not _is_number(v) or -90 <= v <= 90,
    "longitude": lambda v: not _is_number(v) or -180 <= v <= 180,
    "boolean": lambda v: isinstance(v, bool),
    "object-id": lambda v: re.fullmatch(r"[0-9A-Fa-f]{24}", v),
    "word": lambda v: isinstance(v, str) and v != "",
    "html": lambda v: isinstance(v, str),
    "markdown": lambda v: isinstance(v, str),
    "semver": lambda v: re.match(r"v?[0-9]+(\.[0-9]+)*", v),
    "year": _is_integer,
}
