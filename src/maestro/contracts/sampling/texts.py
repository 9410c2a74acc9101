"""Texts and numbers that look like what a property's name and format promise."""

import re
from collections.abc import Callable
from functools import lru_cache

_FIRST = ("Ada", "Grace", "Alan", "Katherine", "Edsger", "Barbara", "Donald", "Radia")
_LAST = (
    "Lovelace", "Hopper", "Turing", "Johnson", "Dijkstra", "Liskov", "Knuth", "Perlman",
)  # fmt: skip
_LOGINS = tuple(name.lower() for name in _FIRST)

Maker = Callable[[int], str]
"""A text for a whole number from 0; different numbers give different texts."""


def _turns(*texts: str, form: str = "{} {}") -> Maker:
    """The texts one after the other, numbered from the second round on."""

    def made(number: int) -> str:
        turn, place = divmod(number, len(texts))
        return form.format(texts[place], turn + 1) if turn else texts[place]

    return made


def _mail(number: int) -> str:
    turn, place = divmod(number, len(_LOGINS))
    return f"{_LOGINS[place]}{turn + 1 if turn else ''}@example.com"


def _dated(year: int, month: int, clock: str = "") -> Maker:
    def made(number: int) -> str:
        turn, day = divmod(number, 28)
        return f"{year + turn // 12:04}-{1 + (month - 1 + turn) % 12:02}-{1 + day:02}{clock}"

    return made


_CLOCK = "T09:30:00Z"
_OCCASIONS: tuple[tuple[str, int, int], ...] = (
    (r".*(birth|dob|born).*", 1990, 5),
    (r".*(updat|modif|chang|edit|finish|complet|closed|shipped|paid).*", 2030, 2),
    (r".*(expir|due|deadline|end|until|deliver|renew|valid_to).*", 2030, 12),
)

_BASE64 = ("bWFlc3Rybw==", "Y29udHJhY3Q=", "c2FtcGxl", "cmVwbHk=")

_FORMATS: dict[str, Maker] = {
    "time": lambda n: f"{9 + n // 60 % 12:02}:{n % 60:02}:00Z",
    "duration": lambda n: f"P{1 + n}D",
    "email": _mail,
    "idn-email": _mail,
    "hostname": lambda n: f"host{n or ''}.example.com",
    "idn-hostname": lambda n: f"host{n or ''}.example.com",
    "ipv4": lambda n: f"192.0.2.{1 + n % 250}",
    "ipv6": lambda n: f"2001:db8::{1 + n:x}",
    "uri": lambda n: f"https://example.com/{n or ''}",
    "url": lambda n: f"https://example.com/{n or ''}",
    "iri": lambda n: f"https://example.com/{n or ''}",
    "uri-reference": lambda n: f"/{n or ''}",
    "iri-reference": lambda n: f"/{n or ''}",
    "uri-template": lambda n: f"/{n or ''}{{id}}",
    "uuid": lambda n: f"6f1d2c3b-4a5e-4f60-8172-{(0x93A4B5C6D7E8 + n) % 2**48:012x}",
    "json-pointer": lambda n: f"/{n}",
    "relative-json-pointer": lambda n: f"{n}/a",
    "regex": lambda n: f"^a{{{n}}}$",
    "byte": lambda n: _BASE64[n % len(_BASE64)],
    "binary": lambda n: f"maestro{n or ''}",
    "password": lambda n: f"correct horse {n or 'battery'}",
    "int32": lambda n: str(1 + n),
    "int64": lambda n: str(1 + n),
    "float": lambda n: f"{n}.5",
    "double": lambda n: f"{n}.5",
    "decimal": lambda n: f"{n}.50",
    "color": _turns("#336699", "#993366", "#669933", form="{}"),
    "semver": lambda n: f"1.{n}.0",
}

SHORT = {
    "email": "a@b.co", "idn-email": "a@b.co", "hostname": "a.co", "uri": "http://a.co",
    "url": "http://a.co", "iri": "http://a.co", "ipv6": "::1", "ipv4": "10.0.0.1",
    "byte": "YQ==", "password": "pw",
}  # fmt: skip
"""For schemas that leave little room."""

_NAMES: tuple[tuple[str, Maker], ...] = (
    (r"(.*_)?e_?mail(_address)?", _mail),
    (r"(user|login|account|nick|screen)_?name|login|handle|author|owner|assignee|user", _turns(
        *_LOGINS, form="{}{}")),
    (r"first_?name|given_?name|forename", _turns(*_FIRST)),
    (r"last_?name|family_?name|surname", _turns(*_LAST)),
    (r"middle_?name", _turns("Augusta", "Brewster", "Mathison")),
    (r"(full|display|author|customer|contact|legal|owner)_?name", _turns(
        *(f"{a} {b}" for a, b in zip(_FIRST, _LAST, strict=True)))),
    (r"(.*_)?(phone|mobile|fax|tel)(_?number)?", lambda n: f"+49 30 {1234567 + n}"),
    (r"(photo|image|avatar|icon|picture|thumbnail|logo)s?(_?ur[li]s?)?",
     lambda n: f"https://example.com/picture{n or ''}.png"),
    (r"(.*_)?(url|uri|link|href|website|homepage|endpoint|callback)",
     lambda n: f"https://example.com/{n or ''}"),
    (r"street(_?(name|address|line.*))?|address(_?(line)?_?1?)?",
     lambda n: f"{n + 1} Example Street"),
    (r"address_?(line)?_?2", _turns("Second floor", "Back yard", "Flat 4")),
    (r"city|town|place|location", _turns("Berlin", "Lisbon", "Kyoto", "Nairobi", "Toronto")),
    (r"state|province|region", _turns("Bavaria", "Ontario", "Kerala", "Texas")),
    (r"zip(_?code)?|post(al)?_?code", lambda n: f"{10115 + n}"),
    (r"country_?name", _turns("Germany", "Portugal", "Japan", "Kenya", "Canada")),
    (r"(.*_)?country(_?code)?|nationality", _turns("DE", "PT", "JP", "KE", "CA", form="{}")),
    (r"(.*_)?currency(_?code)?", _turns("EUR", "USD", "JPY", "GBP", form="{}")),
    (r"(.*_)?(lang(uage)?|locale)(_?code)?", _turns("en", "de", "pt", "ja", form="{}")),
    (r"time_?zone|tz", _turns("Europe/Berlin", "UTC", "Asia/Tokyo", form="{}")),
    (r"(.*_)?colou?r", _turns("blue", "green", "red", "yellow")),
    (r"gender|sex", _turns("female", "male", "other", form="{}")),
    (r"(created|updated|deleted|changed|modified)(_?(at|on|date|time))?|timestamp|.*_at|.*_time",
     _dated(2030, 1, _CLOCK)),
    (r"date|.*_date|.*_on|birthday|dob", _dated(2030, 1)),
    (r"title|subject|headline|heading", _turns(
        "First draft", "Second thoughts", "Third time lucky", "Final version")),
    (r"slug|permalink", _turns("first-draft", "second-thoughts", "final-version", form="{}-{}")),
    (r"description|summary|text|body|content|comment|message|notes?|details?|bio|about|reason",
     _turns("In a sentence or two.", "Something worth saying.", "A few more words on it.")),
    (r"company(_?name)?|organi[sz]ation(_?name)?|brand|vendor|manufacturer|supplier",
     _turns("Example Ltd", "Acme", "Initech", "Globex")),
    (r"department|team", _turns("Engineering", "Sales", "Support")),
    (r"job_?title|position|occupation|profession", _turns("Engineer", "Designer", "Analyst")),
    (r"product(_?name)?|item_?name", _turns("Desk lamp", "Notebook", "Tea pot", "Backpack")),
    (r"category|genre|topic|type|kind", _turns("general", "special", "other")),
    (r"status", _turns("active", "pending", "done", "archived")),
    (r"roles?|permission", _turns("member", "admin", "guest")),
    (r"tags?|labels?|keywords?", _turns("important", "later", "home", "work")),
    (r"units?(_?of_?measure)?", _turns("kg", "m", "l", form="{}")),
    (r"ip(_?address)?|remote_?addr", lambda n: f"192.0.2.{1 + n % 250}"),
    (r"mac(_?address)?", lambda n: f"00:00:5e:00:53:{n % 256:02x}"),
    (r"host(_?name)?|domain(_?name)?|server", lambda n: f"host{n or ''}.example.com"),
    (r"mime_?type|media_?type|content_?type", _turns("application/json", "text/plain", form="{}")),
    (r"file_?name|attachment", lambda n: f"report{n or ''}.pdf"),
    (r"path|folder|directory", lambda n: f"/reports/{n + 1}"),
    (r"(.*_)?version", lambda n: f"1.{n}.0"),
    (r"sku|code|number|reference|ref|serial(_?number)?|.*_number|.*_code",
     lambda n: f"AB-{1234 + n}"),
    (r"(.*_)?(token|secret|key|hash|checksum|signature|sha|digest)",
     lambda n: f"{0x3F2A9C + n:x}"),
    (r"password", lambda n: f"correct horse {n or 'battery'}"),
    (r"uuid|guid", lambda n: f"6f1d2c3b-4a5e-4f60-8172-{(0x93A4B5C6D7E8 + n) % 2**48:012x}"),
    (r"cursor|next_?page_?token", lambda n: f"c{n + 1}"),
    (r"isbn(_?13)?", lambda n: f"978-3-16-148410-{n % 10}"),
    (r"iban", lambda _: "DE89370400440532013000"),
    (r"latitude|lat", lambda n: f"{52.5 + n % 30:.4f}"),
    (r"longitude|lng|lon", lambda n: f"{13.4 + n % 30:.4f}"),
    (r"(.*_)?(price|amount|total|cost|balance)", lambda n: f"{19 + n}.99"),
)  # fmt: skip

_NUMBERS: tuple[tuple[str, float], ...] = (
    (r"(.*_)?(price|cost|amount|fee|subtotal)", 19.99),
    (r"(.*_)?(latitude|lat)", 52.52),
    (r"(.*_)?(longitude|lng|lon)", 13.405),
    (r"(.*_)?(rating|score|stars)", 4),
    (r"(.*_)?(percent(age)?|progress)", 42),
    (r"age", 36),
    (r"(.*_)?year", 2030),
    (r"(.*_)?month", 6),
    (r"(.*_)?temperature", 21.5),
    (r"(.*_)?weight", 2.5),
    (r"(width|(.*_)?height|depth|length)", 40),
    (r"port", 8080),
    (r"(.*_)?(size|bytes)", 1024),
    (r"(http_?)?status(_?code)?", 200),
    (r"(.*_)?(limit|page_?size|per_?page)", 20),
)


def plain_name(name: str) -> str:
    """A property's name in lower case with underscores."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[-. ]+", "_", name).lower()


def by_format(name: str, variant: int, property_name: str = "") -> str | None:
    """A text of a known format."""
    if name in ("date", "date-time"):
        return _occasion(plain_name(property_name), name)(variant)
    make = _FORMATS.get(name)
    if name in ("uri", "url") and make is not None and property_name:
        named = _maker(property_name)(variant)
        return named if named.startswith("https://") else make(variant)
    return make(variant) if make else None


@lru_cache(maxsize=4096)
def _occasion(name: str, kind: str) -> Maker:
    clock = _CLOCK if kind == "date-time" else ""
    found = next(((y, m) for pattern, y, m in _OCCASIONS if re.fullmatch(pattern, name)), (2030, 1))
    return _dated(*found, clock)


def by_name(name: str, variant: int) -> str:
    """A text that suits a property's name; different variants are different texts."""
    return _maker(name)(variant)


@lru_cache(maxsize=4096)
def _maker(name: str) -> Maker:
    plain = plain_name(name)
    for pattern, make in _NAMES:
        if re.fullmatch(pattern, plain):
            return make
    return _turns(f"Sample {plain.replace('_', ' ')}".strip() if plain else "sample")


@lru_cache(maxsize=4096)
def number_by_name(name: str) -> float | None:
    """A number one would expect under that name, None where any will do."""
    plain = plain_name(name)
    return next((n for pattern, n in _NUMBERS if re.fullmatch(pattern, plain)), None)
