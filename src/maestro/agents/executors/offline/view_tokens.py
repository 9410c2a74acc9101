"""The design tokens' view: a palette grown from the product's title, with computed contrast.

Colours are chosen in OKLCH, where equal steps look equal, and darkened or lightened until each
text colour reaches its contrast on the background it is used on.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

from maestro.domain.work import Assignment

TEXT_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3: text of normal size."""

CONTROL_CONTRAST = 3.0
"""WCAG 2.2, 1.4.11: edges of controls and the focus ring."""

_AIM = 0.25
"""Reached on top of what is required, so that rounding to 8 bits cannot fall below it."""

_HUES = (160, 185, 205, 225, 245, 258, 272, 286, 300, 318, 338)
"""Accent hues; reds, oranges and yellows are left to warnings and errors."""

_TAG_HUES = (250, 155, 75, 310, 200, 25)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourToken:
    """A colour of both schemes, as `#rrggbb`."""

    name: str
    light: str
    dark: str
    use: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastPair:
    """Two tokens that meet on the page, with the contrast they really have."""

    front: str
    back: str
    required: float
    light: float
    dark: float


def tokens_view(assignment: Assignment) -> Mapping[str, object]:
    """What the package `design-tokens` is rendered from."""
    colours = palette(assignment.domain.title)
    return {
        "colours": colours,
        "pairs": contrast_pairs(colours),
        "accent_hue": accent_hue(assignment.domain.title),
    }


def accent_hue(title: str) -> int:
    """Always the same for the same title."""
    return _HUES[hashlib.sha256(title.strip().lower().encode()).digest()[0] % len(_HUES)]


def palette(title: str) -> tuple[ColourToken, ...]:
    """Every colour token of the product."""
    hue = accent_hue(title)
    return (*_neutrals(hue), *_accents(hue), *_meanings(), *_tags())


def contrast_pairs(colours: tuple[ColourToken, ...]) -> tuple[ContrastPair, ...]:
    """The pairs that meet on the page, measured."""
    by_name = {colour.name: colour for colour in colours}
    grounds = ("canvas", "surface", "sunken")
    wanted = [(f"text{kind}", ground) for kind in ("", "-muted") for ground in grounds]
    wanted += [("on-accent", "accent"), ("on-accent", "accent-strong"), ("on-danger", "danger")]
    wanted += [("accent-text", ground) for ground in ("canvas", "surface", "accent-soft")]
    for meaning in ("danger", "warning", "success"):
        wanted += [(f"{meaning}-text", "surface"), (f"{meaning}-text", f"{meaning}-soft")]
    wanted += [(f"tag-{n}-text", f"tag-{n}-soft") for n in range(1, len(_TAG_HUES) + 1)]
    controls = [("line-strong", "surface"), ("line-strong", "canvas"), ("focus", "surface")]
    pairs = [(front, back, TEXT_CONTRAST) for front, back in wanted]
    pairs += [(front, back, CONTROL_CONTRAST) for front, back in controls]
    return tuple(
        ContrastPair(
            front=front,
            back=back,
            required=required,
            light=contrast(by_name[front].light, by_name[back].light),
            dark=contrast(by_name[front].dark, by_name[back].dark),
        )
        for front, back, required in pairs
    )


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio of two `#rrggbb` colours, 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def oklch(lightness: float, chroma: float, hue: float) -> str:
    """The colour as `#rrggbb`; chroma is taken back until a screen can show it."""
    while True:
        channels = _linear_rgb(lightness, chroma, hue)
        if chroma <= 0.001 or all(-0.0005 <= channel <= 1.0005 for channel in channels):
            return "#" + "".join(f"{_byte(channel):02x}" for channel in channels)
        chroma -= 0.002


def _neutrals(hue: int) -> tuple[ColourToken, ...]:
    def grey(name: str, light: float, dark: float, use: str, tint: float = 0.006) -> ColourToken:
        dark_hex = oklch(dark, tint * 2, hue)
        return ColourToken(name=name, light=oklch(light, tint, hue), dark=dark_hex, use=use)

    return (
        grey("canvas", 0.979, 0.165, "the page behind everything"),
        grey("surface", 1.0, 0.208, "cards, tables, panels", 0.0075),
        grey("sunken", 0.962, 0.245, "table heads, hover, wells"),
        grey("line", 0.915, 0.295, "separating lines that carry no meaning"),
        grey("line-strong", 0.635, 0.56, "edges of controls", 0.012),
        grey("text", 0.235, 0.955, "text", 0.014),
        grey("text-muted", 0.495, 0.735, "secondary text", 0.014),
    )


def _accents(hue: int) -> tuple[ColourToken, ...]:
    fill_light = _towards(0.58, -0.005, 0.19, hue, "#ffffff", 5.2)
    fill_dark = oklch(0.76, 0.13, hue)
    soft_light, soft_dark = oklch(0.955, 0.025, hue), oklch(0.29, 0.06, hue)
    aim = TEXT_CONTRAST + _AIM
    return (
        ColourToken(
            name="accent", light=fill_light, dark=fill_dark, use="main actions, current place"
        ),
        ColourToken(
            name="accent-strong",
            light=_towards(0.5, -0.005, 0.18, hue, "#ffffff", 6.5),
            dark=oklch(0.82, 0.11, hue),
            use="main actions under the pointer",
        ),
        ColourToken(
            name="on-accent", light="#ffffff", dark=oklch(0.18, 0.04, hue), use="text on accent"
        ),
        ColourToken(
            name="accent-text",
            light=_towards(0.52, -0.005, 0.18, hue, soft_light, aim),
            dark=_towards(0.76, 0.005, 0.11, hue, soft_dark, aim),
            use="links",
        ),
        ColourToken(
            name="accent-soft", light=soft_light, dark=soft_dark, use="selected, highlighted"
        ),
        ColourToken(
            name="focus",
            light=_towards(0.6, -0.005, 0.18, hue, "#ffffff", CONTROL_CONTRAST + _AIM),
            dark=oklch(0.76, 0.13, hue),
            use="focus ring",
        ),
    )


def _meanings() -> tuple[ColourToken, ...]:
    found: list[ColourToken] = []
    for name, hue, use in (
        ("danger", 25, "errors and deleting"),
        ("warning", 70, "warnings"),
        ("success", 150, "things that went well"),
    ):
        found += _soft_pair(name, hue, use)
    danger = ColourToken(
        name="danger",
        light=_towards(0.58, -0.005, 0.2, 25, "#ffffff", 5.0),
        dark=oklch(0.74, 0.14, 25),
        use="fill of deleting actions",
    )
    ink = ColourToken(
        name="on-danger", light="#ffffff", dark=oklch(0.2, 0.05, 25), use="text on danger"
    )
    return (danger, ink, *found)


def _tags() -> tuple[ColourToken, ...]:
    found: list[ColourToken] = []
    for number, hue in enumerate(_TAG_HUES, start=1):
        found += _soft_pair(f"tag-{number}", hue, "badges of choices")
        bar = oklch(0.7, 0.14, hue), oklch(0.68, 0.12, hue)
        found.append(
            ColourToken(name=f"tag-{number}", light=bar[0], dark=bar[1], use="bars of charts")
        )
    return tuple(found)


def _soft_pair(name: str, hue: int, use: str) -> tuple[ColourToken, ColourToken]:
    """A quiet background and text that can be read on it and on a surface."""
    light, dark = oklch(0.95, 0.032, hue), oklch(0.3, 0.055, hue)
    aim = TEXT_CONTRAST + _AIM
    text = ColourToken(
        name=f"{name}-text",
        light=_towards(0.5, -0.005, 0.14, hue, light, aim),
        dark=_towards(0.78, 0.005, 0.1, hue, dark, aim),
        use=use,
    )
    return text, ColourToken(name=f"{name}-soft", light=light, dark=dark, use=use)


def _towards(
    lightness: float, step: float, chroma: float, hue: float, back: str, aim: float
) -> str:
    """The first colour from `lightness` on, in steps, that has the contrast `aim` on `back`."""
    while 0 < lightness < 1:
        colour = oklch(lightness, chroma, hue)
        if contrast(colour, back) >= aim:
            return colour
        lightness += step
    return "#000000" if step < 0 else "#ffffff"


def _luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear_rgb(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """OKLCH to linear sRGB (matrices of the CSS Color 4 specification)."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.707614701 * short,
    )


def _byte(channel: float) -> int:
    clipped = min(1.0, max(0.0, channel))
    encoded = 12.92 * clipped if clipped <= 0.0031308 else 1.055 * clipped ** (1 / 2.4) - 0.055
    return round(255 * encoded)
