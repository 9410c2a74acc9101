"""Values for the properties of a contract: valid, different, ordered and wrong ones.

All are Python expressions for generated tests. Text is new in every run (`token()`), so that tests
are repeatable on a database that is not empty; the names the expressions use are `api`, `token`
and `a_<resource>` of the suite's records module.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from maestro.agents.executors.offline.render import python_text
from maestro.agents.executors.offline.view_resources import PageField

TOKEN_LENGTH = 12
"""Characters of `token()`."""

TEXTS = ("string", "text", "email", "url")
KNOWN = (*TEXTS, "integer", "decimal", "boolean", "date", "datetime", "enum", "reference")

_MAIL = "@example.org"
_SITE = "https://example.org/"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongValue:
    reason: str
    """Part of the test's name."""
    value: str
    """Python expression."""


def fresh_value(field: PageField, target: str | None) -> str:
    """A valid value; new where the type has room for it."""
    if field.type in TEXTS:
        return _text(field)
    if field.type == "reference":
        return f"a_{target}(api)" if target else "fresh_number(1, 1000000)"
    if field.type in ("integer", "decimal"):
        return _number(field, other=False)
    plain = {
        "boolean": "True",
        "date": "fresh_date()" if field.unique else '"2030-01-15"',
        "datetime": "fresh_moment()" if field.unique else '"2030-01-15T09:30:00Z"',
        "enum": python_text(field.values[0] if field.values else ""),
    }
    return plain.get(field.type) or repr(field.example)


def other_value(field: PageField, target: str | None) -> str:
    """A valid value that differs from `fresh_value`, where there is one."""
    if field.type in ("integer", "decimal"):
        return _number(field, other=True)
    plain = {
        "boolean": "False",
        "date": "fresh_date()" if field.unique else '"2031-12-31"',
        "datetime": "fresh_moment()" if field.unique else '"2031-12-31T23:59:59Z"',
        "enum": python_text(field.values[-1] if field.values else ""),
    }
    return plain.get(field.type) or fresh_value(field, target)


def ordered_values(field: PageField) -> tuple[str, ...]:
    """Three values in ascending order, for trying `sort`; empty where none are known."""
    if has_room(field, TOKEN_LENGTH + 2):
        suffix = {"email": f" + {python_text(_MAIL)}"}.get(field.type, "")
        prefix = _SITE if field.type == "url" else ""
        return tuple(f"{python_text(f'{prefix}{letter}')} + token(){suffix}" for letter in "abc")
    if field.type == "date" and not field.unique:
        return tuple(f'"{year}-06-15"' for year in (2028, 2029, 2030))
    if field.type == "datetime" and not field.unique:
        return tuple(f'"{year}-06-15T12:00:00Z"' for year in (2028, 2029, 2030))
    if field.type in ("integer", "decimal") and not field.unique:
        low, high = _bounds(field)
        start = min(max(low, 1), high - 2)
        return tuple(str(start + step) for step in range(3)) if start >= low else ()
    return ()


def has_room(field: PageField, length: int) -> bool:
    """Whether any text of `length` characters, apart from a domain, is a valid value."""
    if field.type not in TEXTS or (field.type in ("string", "text") and field.pattern):
        return False
    extra = {"email": len(_MAIL), "url": len(_SITE)}.get(field.type, 0)
    return field.max_length is None or field.max_length >= length + extra


def surroundings(field: PageField) -> tuple[str, str]:
    """What may stand before and after a token in the field's text, so that it is found inside."""
    if field.type == "email":
        return "a", "b" + _MAIL
    if field.type == "url":
        return _SITE, "/page"
    before, after = f"{field.label} ", " and more"
    length = len(before) + TOKEN_LENGTH + len(after)
    return (before, after) if has_room(field, length) else ("", "")


def wrong_values(field: PageField) -> tuple[WrongValue, ...]:
    """Values that the contract forbids for the field, each with the reason."""
    found = [*_wrong_type(field), *_wrong_form(field), *_wrong_size(field)]
    if not field.nullable:
        found.append(WrongValue(reason="null", value="None"))
    return tuple(found)


def _text(field: PageField) -> str:
    if field.type in ("string", "text") and field.pattern:
        return python_text(field.example if isinstance(field.example, str) else "text")
    if field.type == "email":
        return f"token() + {python_text(_MAIL)}"
    if field.type == "url":
        return f"{python_text(_SITE)} + token()"
    if field.max_length is not None and field.max_length < TOKEN_LENGTH:
        return f"token()[:{field.max_length}]"
    words = f"{field.label} "
    fits = field.max_length is None or field.max_length >= TOKEN_LENGTH + len(words)
    return f"{python_text(words)} + token()" if fits else "token()"


def _number(field: PageField, *, other: bool) -> str:
    low, high = _bounds(field)
    if field.unique:
        return f"fresh_number({low}, {high})"
    preferred = 5 if other else 3
    value = min(max(low, preferred), high)
    if other and value == min(max(low, 3), high):
        value = value - 1 if value - 1 >= low else value
    whole = field.step is not None and field.step >= 1
    fraction = field.type == "decimal" and not whole and low <= value + 0.25 <= high
    return str(value + 0.25) if fraction else str(value)


def _bounds(field: PageField) -> tuple[int, int]:
    low = -1_000_000 if field.minimum is None else int(-(-field.minimum // 1))
    high = 1_000_000 if field.maximum is None else int(field.maximum // 1)
    return low, high


def _wrong_type(field: PageField) -> Sequence[WrongValue]:
    if field.type in (*TEXTS, "date", "datetime", "enum"):
        return [WrongValue(reason="a number", value="12345")]
    if field.type in ("integer", "reference"):
        return [
            WrongValue(reason="text", value='"three"'),
            WrongValue(reason="a fraction", value="1.5"),
        ]
    if field.type in ("decimal", "boolean"):
        return [WrongValue(reason="text", value='"plenty"')]
    return []


def _wrong_form(field: PageField) -> Sequence[WrongValue]:
    forms = {
        "email": [("no address", '"nobody"')],
        "url": [("no address", '"somewhere"')],
        "date": [("no date", '"tomorrow"'), ("a day that does not exist", '"2030-02-30"')],
        "datetime": [("no moment", '"tomorrow"')],
        "enum": [("an unknown member", '"no such value"')],
        "reference": [("zero", "0")],
    }
    return [WrongValue(reason=reason, value=value) for reason, value in forms.get(field.type, ())]


def _wrong_size(field: PageField) -> Sequence[WrongValue]:
    found = []
    if field.type in TEXTS and field.min_length:
        found.append(WrongValue(reason="too short", value='""'))
    if field.type in ("string", "text") and field.max_length is not None:
        value = f'"x" * {field.max_length + 1}'
        found.append(WrongValue(reason="too long", value=value))
    if field.type in ("integer", "decimal"):
        if field.minimum is not None:
            found.append(WrongValue(reason="too small", value=str(int(field.minimum // 1) - 1)))
        if field.maximum is not None:
            found.append(WrongValue(reason="too large", value=str(int(field.maximum // 1) + 1)))
    return found
