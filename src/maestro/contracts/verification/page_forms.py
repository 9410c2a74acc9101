"""Fills in and reads forms of a page by the kind of their controls."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator

_PAIRS = {
    "date": ("2030-01-15", "2031-02-20"),
    "datetime-local": ("2030-01-15T09:30", "2031-02-20T18:45"),
    "time": ("09:30", "18:45"),
}
_TEXTS = ("text", "textarea", "search", "email", "url", "tel", "password")
_KINDS = (*_TEXTS, *_PAIRS, "number", "checkbox", "select")
_EASIEST_FIRST = ("text", "textarea", "number", "date", "datetime-local", "checkbox", "select")

_SURVEY = """(form) => [...form.querySelectorAll("input[name], select[name], textarea[name]")]
    .filter((control) => !control.disabled && !control.readOnly)
    .map((control) => ({
        name: control.name,
        kind: control.localName === "input" ? control.type : control.localName,
        value: control.type === "checkbox" ? String(control.checked) : control.value,
        label: control.localName === "select"
            ? (control.selectedOptions[0]?.textContent ?? "").trim() : "",
        options: control.localName === "select"
            ? [...control.options].filter((one) => !one.disabled && one.value)
                .map((one) => one.value) : [],
        required: control.required,
        min: control.min ?? "",
        max: control.max ?? "",
        shortest: control.minLength > 0 ? control.minLength : 0,
        longest: control.maxLength > 0 ? control.maxLength : 255,
    }))"""
"""Everything there is to know about a form, in one question."""


class NothingToChoose(Exception):
    """A choice that must be made has no options yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledControl:
    """What one control holds."""

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

    def fill(self, variant: int) -> dict[str, FilledControl]:
        """Fills every control; variants 0 and 1 differ wherever a control allows it.

        Raises NothingToChoose for a required choice without options.
        """
        touched = {c["name"] for c in self._survey() if self._put(c, variant)}
        return {name: filled for name, filled in self.read().items() if name in touched}

    def read(self) -> dict[str, FilledControl]:
        """Every control people can use, as it is now."""
        return {control["name"]: _as_read(control) for control in self._survey()}

    def names(self) -> frozenset[str]:
        return frozenset(control["name"] for control in self._survey())

    def waits_for_choices(self) -> bool:
        """Whether a choice is still without options, required or not."""
        return any(c["kind"] == "select" and not c["options"] for c in self._survey())

    def change_one(self) -> FilledControl | None:
        """Gives one control another value; None when the form has nothing to change."""
        for control in sorted(self._survey(), key=_ease):
            if _is_structured(control):
                continue
            for variant in (0, 1):
                after = self.read() if self._put(control, variant) else {}
                if after and after[control["name"]].value != control["value"]:
                    return after[control["name"]]
        return None

    def _survey(self) -> Iterator[dict[str, Any]]:
        controls: list[dict[str, Any]] = self.form.evaluate(_SURVEY)
        return (control for control in controls if control["kind"] in _KINDS)

    def _put(self, control: Mapping[str, Any], variant: int) -> bool:
        """Sets the control; False when there is nothing to set."""
        place = self.form.locator(f'[name="{control["name"]}"]').first
        if control["kind"] == "select":
            return _choose(place, control, variant)
        if control["kind"] == "checkbox":
            place.set_checked(variant == 0)
        elif not _is_structured(control):
            place.fill(self._value(control, variant))
        return True

    def _value(self, control: Mapping[str, Any], variant: int) -> str:
        kind = str(control["kind"])
        if kind in _PAIRS:
            return _PAIRS[kind][variant]
        mark, number = self.marks.next()
        if kind == "number":
            return _number(control, number)
        if kind == "email":
            return f"{mark}@example.com"
        if kind == "url":
            return f"https://example.com/{mark}"
        longest, shortest = int(control["longest"]), int(control["shortest"])
        words = f"{re.sub(r'[^A-Za-z0-9]+', ' ', control['name']).strip()} {mark}"
        text = words if len(words) <= longest else mark
        return text[-longest:].ljust(shortest, "x")


def mark_of(controls: Mapping[str, FilledControl], token: str) -> str | None:
    """The mark in the first text of an entry; what search can look for."""
    for control in controls.values():
        found = re.search(rf"{token}\d{{3}}", control.value) if control.is_text else None
        if found:
            return found[0]
    return None


def _as_read(control: Mapping[str, Any]) -> FilledControl:
    value, label = str(control["value"]), str(control["label"])
    return FilledControl(
        name=str(control["name"]), kind=str(control["kind"]), value=value, label=label or value
    )


def _is_structured(control: Mapping[str, Any]) -> bool:
    """A value like JSON that the page suggests; it is kept."""
    return control["kind"] == "textarea" and str(control["value"]).lstrip()[:1] in ("{", "[")


def _choose(place: Locator, control: Mapping[str, Any], variant: int) -> bool:
    options = control["options"]
    if not options:
        if control["required"]:
            raise NothingToChoose(f"the choice {control['name']!r} has no options")
        return False
    place.select_option(value=options[0 if variant == 0 else -1])
    return True


def _number(control: Mapping[str, Any], wanted: int) -> str:
    low, high = _limit(control["min"]), _limit(control["max"])
    value = float(wanted)
    if low is not None and value < low:
        value = low + wanted % 10 if high is None or low + 10 <= high else low
    if high is not None and value > high:
        value = high
    return str(int(value)) if value == int(value) else str(value)


def _limit(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _ease(control: Mapping[str, Any]) -> int:
    kind = control["kind"]
    return _EASIEST_FIRST.index(kind) if kind in _EASIEST_FIRST else len(_EASIEST_FIRST)
