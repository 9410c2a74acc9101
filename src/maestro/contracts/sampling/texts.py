"""Texts that look like what a property's name and format promise."""

import re
from collections.abc import Callable

_FORMATS: dict[str, Callable[[int], str]] = {
    "date": lambda n: f"2030-01-{1 + n % 28:02}",
    "date-time": lambda n: f"2030-01-{1 + n % 28:02}T09:30:00Z",
    "time": lambda n: f"09:{n % 60:02}:00Z",
    "duration": lambda n: f"P{1 + n}D",
    "email": lambda n: f"ada{n or ''}@example.com",
    "idn-email": lambda n: f"ada{n or ''}@example.com",
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
    "uuid": lambda n: f"6f1d2c3b-4a5e-4f60-8172-{0x93A4B5C6D7E8 + n:012x}",
    "json-pointer": lambda n: f"/{n}",
    "relative-json-pointer": lambda n: f"{n}/a",
    "regex": lambda n: f"^a{{{n}}}$",
    "byte": lambda _: "bWFlc3Rybw==",
    "binary": lambda _: "maestro",
    "password": lambda n: f"correct horse {n or 'battery'}",
}

_NAMES: tuple[tuple[str, str], ...] = (
    (r"e_?mail", "ada@example.com"),
    (r"(user|login|account)_?name|login", "ada"),
    (r"first_?name|given_?name", "Ada"),
    (r"last_?name|family_?name|surname", "Lovelace"),
    (r"(full|display|author|customer|contact)_?name", "Ada Lovelace"),
    (r"phone|mobile|fax", "+49 30 1234567"),
    (r"url|uri|link|href|website|homepage", "https://example.com/"),
    (r"(photo|image|avatar|icon|picture)s?(_?urls?)?", "https://example.com/picture.png"),
    (r"street|address", "1 Example Street"),
    (r"city|town", "Berlin"),
    (r"zip(_?code)?|post(al)?_?code", "10115"),
    (r"country(_?code)?", "DE"),
    (r"currency", "EUR"),
    (r"lang(uage)?|locale", "en"),
    (r"time_?zone|tz", "Europe/Berlin"),
    (r"colou?r", "blue"),
    (r"(created|updated|deleted|changed)(_?(at|on|date|time))?|timestamp", "2030-01-15T09:30:00Z"),
    (r"date|.*_date|.*_on", "2030-01-15"),
    (r"title|subject|headline", "First draft"),
    (r"description|summary|text|body|content|comment|message|note|detail", "In a sentence or two."),
    (r"company|organi[sz]ation|brand|vendor", "Example Ltd"),
    (r"version", "1.0.0"),
    (r"sku|code|number|reference", "AB-1234"),
    (r"token|secret|key|hash|password", "3f2a9c"),
    (r"uuid|guid", "6f1d2c3b-4a5e-4f60-8172-93a4b5c6d7e8"),
)


def by_format(name: str, variant: int) -> str | None:
    """A text of a known format."""
    make = _FORMATS.get(name)
    return make(variant) if make else None


def by_name(name: str, variant: int) -> str:
    """A text that suits a property's name; different variants are different texts."""
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[-. ]+", "_", name).lower()
    text = next((text for pattern, text in _NAMES if re.fullmatch(pattern, plain)), None)
    if text is None:
        text = f"Sample {plain.replace('_', ' ')}".strip() if plain else "sample"
    return f"{text} {variant + 1}" if variant else text
