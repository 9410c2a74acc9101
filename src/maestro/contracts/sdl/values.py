"""Values of the built-in scalars that look like what a field's name promises."""

import re
from collections.abc import Callable
from functools import lru_cache

from maestro.contracts.sdl.scalars import moment, sample_of
from maestro.contracts.sdl.words import words

_GIVEN = ("Ada", "Grace", "Alan", "Katherine", "Edsger", "Barbara", "Donald", "Radia", "Linus",
    "Margaret")  # fmt: skip
_FAMILY = ("Lovelace", "Hopper", "Turing", "Johnson", "Dijkstra", "Liskov", "Knuth", "Perlman",
    "Torvalds", "Hamilton")  # fmt: skip
_THINGS = ("Oak desk", "Linen shirt", "Steel kettle", "Wool blanket", "Clay mug", "Desk lamp",
    "Canvas bag", "Leather belt", "Glass vase", "Copper pan")  # fmt: skip
_CITIES = ("Berlin", "Lyon", "Porto", "Oslo", "Kyoto", "Nairobi", "Boston", "Lima", "Delft",
    "Gdansk")  # fmt: skip
_COUNTRIES = ("Germany", "France", "Portugal", "Norway", "Japan", "Kenya", "Peru")
_COMPANIES = ("Example Ltd", "Northwind", "Acme Works", "Blue Harbour", "Fjord & Sons")
_TITLES = ("First draft", "A quiet morning", "Notes on the engine", "The long way round",
    "Release plan", "Minutes of Monday")  # fmt: skip
_TEXTS = ("In a sentence or two.", "Works as described.", "Made to last, easy to mend.",
    "Please read before use.", "Arrived in time and in good order.")  # fmt: skip
_COLOURS = ("blue", "green", "amber", "ivory", "crimson", "slate")

_PEOPLE = {"user", "person", "customer", "author", "member", "employee", "owner", "viewer",
    "account", "contact", "buyer", "seller", "guest", "student", "teacher", "patient", "doctor",
    "reviewer", "assignee", "character", "human", "host", "actor", "driver"}  # fmt: skip
_FIRMS = {"company", "organization", "organisation", "vendor", "supplier", "brand", "maker",
    "manufacturer", "publisher", "team", "tenant", "merchant", "shop", "store"}  # fmt: skip
_PLACES = {"city", "town", "planet", "location", "venue", "region", "place"}


def _of(pool: tuple[str, ...]) -> Callable[[int], str]:
    return lambda n: pool[n % len(pool)] if n < len(pool) else f"{pool[n % len(pool)]} {n}"


def _person(n: int) -> str:
    return f"{_GIVEN[n % 10]} {_FAMILY[(n + n // 10) % 10]}"


_TEXT_RULES: tuple[tuple[re.Pattern[str], Callable[[int], str]], ...] = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        (r"(.*_)?e_?mail(_address)?", lambda n: f"{_GIVEN[n % 10].lower()}{n}@example.com"),
        (r"(user|login|account|nick)_?name|login|handle|slug",
         lambda n: f"{_GIVEN[n % 10].lower()}-{n}"),
        (r"(first|given)_?name", _of(_GIVEN)),
        (r"(last|family)_?name|surname", _of(_FAMILY)),
        (r"(full|display|author|customer|contact|owner|user|person)_?name", _person),
        (r"(company|organi[sz]ation|brand|vendor|supplier|manufacturer)(_?name)?",
         _of(_COMPANIES)),
        (r"(.*_)?(phone|mobile|fax)(_?number)?", lambda n: str(sample_of("phone", n))),
        (r"(.*_)?(photo|image|avatar|icon|picture|thumbnail|logo)(_?ur[il])?",
         lambda n: f"https://example.com/pictures/{n}.png"),
        (r"(.*_)?(ur[il]|link|href|website|homepage)", lambda n: f"https://example.com/{n}"),
        (r"(.*_)?(street|address)(_?line)?(_?[0-9])?", lambda n: f"{1 + n} Example Street"),
        (r"(.*_)?(city|town)", _of(_CITIES)),
        (r"(.*_)?(zip|post(al)?)(_?code)?", lambda n: f"{10_000 + n % 89_999}"),
        (r"country_?code", lambda n: str(sample_of("country", n))),
        (r"(.*_)?country", _of(_COUNTRIES)),
        (r"(.*_)?currency(_?code)?", lambda n: str(sample_of("currency", n))),
        (r"lang(uage)?(_?code)?|locale", lambda n: str(sample_of("locale", n))),
        (r"time_?zone|tz", lambda n: str(sample_of("timezone", n))),
        (r"(.*_)?colou?r", _of(_COLOURS)),
        (r"(.*_)?(at|timestamp|datetime)", lambda n: moment(-n * 3600)),
        (r"(.*_)?(date|birthday|day|on)", lambda n: str(sample_of("date", n))),
        (r"(.*_)?time", lambda n: moment(-n * 3600)),
        (r"(.*_)?(title|subject|headline|heading)", _of(_TITLES)),
        (r"(.*_)?(description|summary|text|body|content|comment|message|note|notes|details?|bio"
         r"|excerpt|reason|caption)", _of(_TEXTS)),
        (r"last_?(four|4)(_?digits)?", lambda n: f"{4242 + n * 37 % 5757}"),
        (r"version", lambda n: str(sample_of("semver", n))),
        (r"(.*_)?(sku|code|number|reference|ref)", lambda n: f"AB-{1000 + n}"),
        (r"(.*_)?(token|secret|hash|password|signature|checksum|sha)",
         lambda n: f"{n * 2_654_435_761 % 2**64:016x}"),
        (r"(.*_)?(uuid|guid)", lambda n: str(sample_of("uuid", n))),
        (r"(.*_)?(price|amount|total|cost)", lambda n: str(sample_of("decimal", n))),
        (r"(.*_)?cursor", lambda n: f"cursor-{n}"),
        (r"ip(_address)?", lambda n: str(sample_of("ipv4", n))),
    )
)  # fmt: skip


@lru_cache(maxsize=8192)
def _rule(name: str) -> Callable[[int], str] | None:
    plain = "_".join(words(name))
    return next((make for pattern, make in _TEXT_RULES if pattern.fullmatch(plain)), None)


@lru_cache(maxsize=8192)
def _name_rule(owner: str) -> Callable[[int], str]:
    about = set(words(owner))
    if about & _PEOPLE:
        return _person
    if about & _FIRMS:
        return _of(_COMPANIES)
    if about & _PLACES:
        return _of(_CITIES)
    if about & {"product", "item", "good", "article", "sample", "thing", "variant"}:
        return _of(_THINGS)
    plain = " ".join(words(owner)).capitalize() or "Sample"
    return lambda n: f"{plain} {1 + n}"


def text(owner: str, name: str, number: int) -> str:
    """For a String field `name` of type `owner`."""
    if name in ("name", "label", "displayName"):
        return _name_rule(owner)(number)
    rule = _rule(name)
    if rule is not None:
        return rule(number)
    return f"{' '.join(words(name)) or 'sample'} {1 + number}".capitalize()


def whole(name: str, number: int) -> int:
    """For an Int field."""
    parts = set(words(name))
    if parts & {"year"}:
        return 2000 + number % 30
    if parts & {"age"}:
        return 18 + number * 7 % 60
    if parts & {"rating", "stars", "score"}:
        return 1 + number % 5
    if parts & {"percent", "percentage", "progress"}:
        return number * 7 % 101
    if parts & {"price", "amount", "total", "cost", "cents", "revenue"}:
        return 500 + number * 349 % 20_000
    if parts & {"port"}:
        return 1024 + number % 60_000
    if parts & {"month"}:
        return 1 + number % 12
    return 1 + number % 100


def real(name: str, number: int) -> float:
    """For a Float field."""
    parts = set(words(name))
    if parts & {"lat", "latitude"}:
        return float(sample_of("latitude", number))
    if parts & {"lng", "lon", "longitude"}:
        return float(sample_of("longitude", number))
    if parts & {"rating", "stars", "score"}:
        return 1 + number % 41 / 10
    if parts & {"ratio", "probability", "rate", "share"}:
        return number % 100 / 100
    return round(4.99 + number * 37 % 400 + number % 10 / 10, 2)


def truth(name: str, number: int) -> bool:
    """For a Boolean field; what is usually so is mostly so."""
    parts = set(words(name))
    if parts & {"deleted", "archived", "blocked", "banned", "hidden", "disabled", "cancelled"}:
        return False
    if parts & {"success", "ok", "active", "enabled", "available", "valid", "published"}:
        return True
    return number % 3 != 0


def usually_null(name: str) -> bool:
    """`deletedAt`, `error`: a healthy entry has none."""
    parts = words(name)
    return bool(parts) and (
        parts[0] in ("deleted", "archived", "cancelled", "canceled", "error", "errors", "failure")
        and (len(parts) == 1 or parts[-1] in ("at", "on", "date", "reason", "message", "code"))
    )
