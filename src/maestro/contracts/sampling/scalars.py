"""Texts and numbers within the rules of a schema."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from maestro.contracts.sampling.patterns import matching, with_lookaheads
from maestro.contracts.sampling.texts import SHORT, by_format, by_name, number_by_name

_LONGEST = 1_000_000


def texts(schema: Mapping[str, Any], name: str, variant: int) -> Iterator[str]:
    """Texts that may fit, the most telling first."""
    least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if least > min(_LONGEST, most):
        return
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        yield from _matching(pattern, int(least), most, variant)
        return
    yield from _formatted(str(schema.get("format")), name, variant, (int(least), most))
    text = by_name(name, variant)
    if len(text) > most:
        text = str(variant)[: int(most)] if variant else text[: int(most)].rstrip() or "a"
    yield text.ljust(int(least), "x")[: int(min(most, _LONGEST))]


def _formatted(kind: str, name: str, variant: int, bounds: tuple[int, float]) -> Iterator[str]:
    """The text of a format, and others of it that are longer or shorter."""
    least, most = bounds
    usual = by_format(kind, variant, name)
    if usual is None:
        return
    tried = [usual, by_format(kind, 0) or usual, SHORT.get(kind, usual)]
    if len(usual) < least and kind in ("email", "idn-email"):
        tried.append(usual.rjust(least, "a"))
    elif len(usual) < least and kind in ("uri", "url", "iri", "uri-reference", "password"):
        tried.append(usual.ljust(least, "a"))
    yield from (text for text in dict.fromkeys(tried) if least <= len(text) <= most)


def _matching(pattern: str, least: int, most: float, variant: int) -> Iterator[str]:
    found = (
        matching(pattern, least=least + variant),
        matching(pattern, least=least),
        with_lookaheads(pattern, least=least),
    )
    for text in dict.fromkeys(found):
        if text is not None:
            yield text[: int(most)] if len(text) > most else text


def number(schema: Mapping[str, Any], kind: str, name: str, variant: int) -> int | float:
    """What the name suggests, else the least number from 1 (or the nearest allowed one); moved
    on by `variant` steps.
    """
    step = schema.get("multipleOf")
    least = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    most = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    wanted = number_by_name(name)
    if wanted is not None:
        value = int(wanted) + variant if kind == "integer" else wanted + variant
        if least < value < most and _divides(step, value):
            return value if kind == "integer" else _rounded(value)
    return _stepped(schema, kind, variant, (least, most))


def _divides(step: Any, value: float) -> bool:
    return step is None or abs(value / step - round(value / step)) < 1e-9


def _stepped(
    schema: Mapping[str, Any], kind: str, variant: int, bounds: tuple[float, float]
) -> int | float:
    least, most = bounds
    step = schema.get("multipleOf", 1 if kind == "integer" else None)
    open_low = least == schema.get("exclusiveMinimum")
    open_high = most == schema.get("exclusiveMaximum")
    if step is None:
        step = 1.0 if most - least > 4 else (most - least) / 4 or 1.0
    whole_step = kind == "integer" and float(step).is_integer()
    unit = int(step) if whole_step else step
    start = 1 if least <= 1 <= most else (least if math.isfinite(least) else most)
    count = math.ceil(start / unit) if start != most else math.floor(start / unit)
    if open_low and count * unit <= least:
        count += 1
    if open_high and count * unit >= most:
        count -= 1
    moved = count + variant
    if moved * unit < most or (moved * unit == most and not open_high):
        count = moved
    value = count * unit
    return int(value) if kind == "integer" else _rounded(value)


def _rounded(value: float) -> int | float:
    """Without the dust of binary fractions: 0.30000000000000004 is 0.3."""
    near = round(value, 10)
    return int(near) if float(near).is_integer() else near
