"""Fills in and reads forms of a page by the kind of their controls."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from playwright.sync_api import Locator

_DATES = ("2030-01-15", "2031-02-20")
_MOMENTS = ("2030-01-15T09:30", "2031-02-20T18:45")
_TIMES = ("09:30", "18:45")
_SKIPPED = ("hidden", "file", "button", "submit", "reset", "image", "radio", "color", "range")
_TEXTS = ("text", "textarea", "search", "email", "url", "tel", "password")


class NothingToChoose(Exception):
    """A choice that must be made has no options yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledControl:
    """What was put into one control."""

    name: str
    kind: str
    """`select`, `textarea` or the type of the input."""
    value: str
    """As the control reads back; `true` and `false` for a check mark."""
    label: str
    """As people read it."""

    @property
    def is_text(self) -> bool:
        return self.kind in _TEXTS


@dataclass(slots=True)
class Marks:
    """Texts and numbers that no other entry of this visit has."""

    token: str
    last: int = 0

    def next(self) -> tuple[str, int]:
        self.last += 1
        return f"{self.token}{self.last:03d}", self.last


@dataclass(frozen=True, slots=True)
class EntryForm:
    """One open form."""

    form: Locator
    marks: Marks
    filled: dict[str, FilledControl] = field(default_factory=dict)

    def fill(self, variant: int) -> Mapping[str, FilledControl]:
        """Fills every control; variants 0 and 1 differ wherever a control allows it.

        Raises NothingToChoose for a required choice without options.
        """
        for control, name, kind in self.controls():
            value = self._put(control, name, kind, variant)
            if value is not None:
                self.filled[name] = _read(control, name, kind)
        return self.filled

    def controls(self) -> Iterator[tuple[Locator, str, str]]:
        """Controls people can use: the locator, its name and its kind."""
        for control in self.form.locator("[name]").all():
            tag = str(control.evaluate("element => element.localName"))
            kind = tag if tag != "input" else str(control.evaluate("element => element.type"))
            name = control.get_attribute("name") or ""
            usable = tag in ("input", "select", "textarea") and kind not in _SKIPPED
            if name and usable and control.is_editable():
                yield control, name, kind

    def read(self) -> Mapping[str, FilledControl]:
        return {name: _read(control, name, kind) for control, name, kind in self.controls()}

    def waits_for_choices(self) -> bool:
        """Whether a choice is still without options, required or not."""
        return any(
            kind == "select" and not _options(control) for control, _, kind in self.controls()
        )

    def change_one(self) -> FilledControl | None:
        """Gives one control another value; None when the form has nothing to change."""
        ranked = sorted(self.controls(), key=lambda found: _easiest_first(found[2]))
        for control, name, kind in ranked:
            before = _read(control, name, kind).value
            if kind == "textarea" and before.lstrip()[:1] in ("{", "["):
                continue
            for variant in (0, 1):
                if self._put(control, name, kind, variant) is None:
                    break
                after = _read(control, name, kind)
                if after.value != before:
                    return after
        return None

    def _put(self, control: Locator, name: str, kind: str, variant: int) -> str | None:
        """Sets the control; None when it is left as it is."""
        if kind == "select":
            return _choose(control, name, variant)
        if kind == "checkbox":
            control.set_checked(variant == 0)
            return str(variant == 0)
        if kind == "textarea" and control.input_value().lstrip()[:1] in ("{", "["):
            return control.input_value()  # a structured value that the page suggests
        value = self._value(control, name, kind, variant)
        control.fill(value)
        return value

    def _value(self, control: Locator, name: str, kind: str, variant: int) -> str:
        pairs = {"date": _DATES, "datetime-local": _MOMENTS, "time": _TIMES}
        if kind in pairs:
            return pairs[kind][variant]
        mark, number = self.marks.next()
        if kind == "number":
            return _number(control, number)
        if kind == "email":
            return f"{mark}@example.com"
        if kind == "url":
            return f"https://example.com/{mark}"
        longest = int(control.get_attribute("maxlength") or 255)
        least = int(control.get_attribute("minlength") or 0)
        words = f"{re.sub(r'[^A-Za-z0-9]+', ' ', name).strip()} {mark}"
        text = words if len(words) <= longest else mark
        return text[-longest:].ljust(least, "x")


def mark_of(controls: Mapping[str, FilledControl], token: str) -> str | None:
    """The mark in the first text of an entry; what search can look for."""
    for control in controls.values():
        found = re.search(rf"{token}\d{{3}}", control.value) if control.is_text else None
        if found:
            return found[0]
    return None


def _choose(control: Locator, name: str, variant: int) -> str | None:
    options = _options(control)
    if not options:
        if control.get_attribute("required") is not None:
            raise NothingToChoose(f"the choice {name!r} has no options")
        return None
    value = options[0 if variant == 0 else -1]
    control.select_option(value=value)
    return value


def _options(control: Locator) -> list[str]:
    script = "element => [...element.options].filter(o => !o.disabled).map(o => o.value)"
    values: list[str] = control.evaluate(script)
    return [value for value in values if value]


def _number(control: Locator, wanted: int) -> str:
    low, high = (_limit(control, name) for name in ("min", "max"))
    value = float(wanted)
    if low is not None and value < low:
        value = low + wanted % 10 if high is None or low + 10 <= high else low
    if high is not None and value > high:
        value = high
    return str(int(value)) if value == int(value) else str(value)


def _limit(control: Locator, name: str) -> float | None:
    text = control.get_attribute(name)
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _read(control: Locator, name: str, kind: str) -> FilledControl:
    if kind == "checkbox":
        value = "true" if control.is_checked() else "false"
        return FilledControl(name=name, kind=kind, value=value, label=value)
    value = control.input_value()
    label = value
    if kind == "select":
        script = "element => element.selectedOptions[0]?.textContent ?? ''"
        label = str(control.evaluate(script)).strip()
    return FilledControl(name=name, kind=kind, value=value, label=label)


def _easiest_first(kind: str) -> int:
    order = ("text", "textarea", "number", "date", "datetime-local", "checkbox", "select")
    return order.index(kind) if kind in order else len(order)
