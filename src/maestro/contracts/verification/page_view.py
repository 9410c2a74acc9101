"""One view of a page as people see it: its rows, its forms, its buttons, its complaints."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Error, Locator, Page, expect

from maestro.contracts.verification.page_forms import EntryForm, FilledControl, Marks, mark_of

CHOICE_MILLISECONDS = 1500
NETWORK_CHANGED = "ERR_NETWORK_CHANGED"

_NEW_ROW = """([plural, known]) =>
    [...document.querySelectorAll(`[data-row="${plural}"]`)]
        .map((row) => row.dataset.id).find((id) => !known.includes(id))"""
_SETTLED = """(selector) => {
    const view = document.querySelector(selector);
    return view && view.getAttribute("aria-busy") !== "true"
        && !view.querySelector('[aria-busy="true"]');
}"""
_CHOICES_LOADED = """(form) => [...form.querySelectorAll("select")]
    .every((choice) => [...choice.options].some((option) => option.value))"""


class Disappointment(Exception):
    """The page did not do what was expected of it; the message says what was seen."""


@dataclass(slots=True)
class VisitedEntry:
    """An entry that was created through the page."""

    id: str
    controls: dict[str, FilledControl]


@dataclass(slots=True)
class ShownView:
    """Looks and presses; every wait ends with a Disappointment that says what was missing."""

    page: Page
    url: str
    spec: Mapping[str, Any]
    marks: Marks
    wait: float
    """Milliseconds for one thing to appear or to go."""

    @property
    def entity(self) -> str:
        return str(self.spec["entity"])

    @property
    def plural(self) -> str:
        return str(self.spec["plural"])

    @property
    def container(self) -> Locator:
        return self.page.locator(f'[data-view="{self.plural}"]').first

    def enter(self) -> None:
        """Goes to the view by its link, from wherever the page is."""
        busy = self.page.locator("form[data-form]:visible, dialog[open]").count() > 0
        if busy or not self.page.url.startswith(self.url):
            self.page.goto("about:blank")
            load(self.page, self.url)
        link = self.page.locator(f'[data-nav="{self.plural}"]').first
        self.expect(link, f"no link [data-nav={self.plural}] on the front page")
        link.click()
        self.settle()

    def reopen(self) -> None:
        """Loads the page anew at the view's own address: only what was stored is still there."""
        self.page.goto("about:blank")
        load(self.page, self.url + str(self.spec["path"]))
        self.settle()

    def rows(self) -> Locator:
        return self.container.locator(f'[data-row="{self.plural}"]')

    def row(self, entry: VisitedEntry) -> Locator:
        return self.container.locator(f'[data-row="{self.plural}"][data-id="{entry.id}"]')

    def ids(self) -> list[str]:
        return [row.get_attribute("data-id") or "" for row in self.rows().all()]

    def find_row(self, entry: VisitedEntry, when: str = "") -> Locator:
        """The entry's row; looked for by search where the list is longer than one page.

        With `when` the row has to be there as it is: something was asked for that includes it.
        """
        row = self.row(entry).first
        try:
            row.wait_for(state="visible", timeout=None if when else CHOICE_MILLISECONDS)
        except Error:
            box, mark = self.search_box(), mark_of(entry.controls, self.marks.token)
            if when or mark is None or box.count() == 0:
                raise Disappointment(f"entry {entry.id} is not listed {when}".strip()) from None
            self.look_for(box, mark)
            self.expect(row, f"entry {entry.id} is not listed and not found by search")
        return row

    def new_id(self, known: list[str], controls: Mapping[str, FilledControl]) -> str:
        """The id of the row that appeared since `known` was noted."""
        try:
            found = self.page.wait_for_function(_NEW_ROW, arg=[self.plural, known])
            return str(found.json_value())
        except Error:
            mark = mark_of(controls, self.marks.token)
            if mark is None or self.search_box().count() == 0:
                raise Disappointment("no row for the new entry appeared in the list") from None
            self.look_for(self.search_box(), mark)
            row = self.rows().filter(has_text=mark).first
            self.expect(row, "no row for the new entry appeared, and search does not find it")
            return str(row.get_attribute("data-id"))

    def search_box(self) -> Locator:
        return self.container.locator("[data-search]").first

    def look_for(self, box: Locator, text: str) -> None:
        box.fill(text)
        box.press("Enter")

    def open_form(self) -> EntryForm:
        """The form that has just been asked for, once its choices are loaded."""
        place = self.page.locator(f'form[data-form="{self.entity}"]').first
        self.expect(place, f"no form[data-form={self.entity}] opened")
        form = EntryForm(place, self.marks)
        if form.waits_for_choices():
            try:
                handle = place.element_handle()
                patience = CHOICE_MILLISECONDS
                self.page.wait_for_function(_CHOICES_LOADED, arg=handle, timeout=patience)
            except Error:
                return form  # what stays empty is judged when it is filled in
        return form

    def submit(self, form: EntryForm, doing: str) -> None:
        self.click(form.form.locator("[type=submit]"), "a button to submit")
        try:
            form.form.wait_for(state="hidden")
        except Error:
            wrong = [c.get_attribute("name") for c in form.form.locator("[aria-invalid]").all()]
            said = self._alerts() or "nothing"
            raise Disappointment(
                f"the form to {doing} stayed open; marked: {wrong}; the page said: {said}"
            ) from None
        self.settle()

    def choose(self, control: Locator, wanted: FilledControl | None) -> None:
        """Sets a filter, or empties it with None."""
        if not control.evaluate("element => element.localName === 'select'"):
            control.fill(wanted.value if wanted else "")
            control.press("Enter")
            return
        if wanted is None:
            control.select_option(index=0)
            return
        values: list[str] = control.evaluate("element => [...element.options].map(o => o.value)")
        if wanted.value in values:
            control.select_option(value=wanted.value)
        else:
            control.select_option(label=wanted.label)

    def click(self, button: Locator, what: str) -> None:
        self.expect(button.first, f"{what} is missing in the view {self.plural!r}")
        button.first.click()

    def settle(self) -> None:
        """Waits until the view is shown and not loading; an error message on it ends the visit."""
        self.expect(self.container, f"no view [data-view={self.plural}] is shown")
        self.page.wait_for_function(_SETTLED, arg=f'[data-view="{self.plural}"]')
        said = self._alerts()
        if said:
            raise Disappointment(f"the page shows an error: {said}")

    def expect(self, locator: Locator, otherwise: str) -> None:
        try:
            locator.wait_for(state="visible")
        except Error:
            said = self._alerts()
            more = f"; the page said: {said}" if said else ""
            raise Disappointment(f"{otherwise}{more}") from None

    def expect_gone(self, entry: VisitedEntry, after: str) -> None:
        try:
            self.row(entry).first.wait_for(state="hidden")
        except Error:
            said = self._alerts()
            more = f"; the page said: {said}" if said else ""
            raise Disappointment(f"entry {entry.id} is still listed after {after}{more}") from None

    def expect_values(self, row: Locator, entry: VisitedEntry) -> None:
        """Every cell the row has shows what the entry was given."""
        for name, control in entry.controls.items():
            cell = row.locator(f'[data-cell="{name}"]').first
            pattern = _shown_as(control)
            if pattern is None or cell.count() == 0:
                continue
            try:
                expect(cell).to_have_text(pattern, timeout=self.wait)
            except AssertionError:
                raise Disappointment(
                    f"the cell {name!r} shows {cell.inner_text()!r}, given was {control.label!r}"
                ) from None

    def _alerts(self) -> str:
        """What the page itself complains about at the moment."""
        shown = self.page.locator('[role="alert"]:visible').all_inner_texts()
        return "; ".join(" ".join(text.split()) for text in shown if text.strip())


def load(page: Page, address: str) -> None:
    """Loads a page, again when the browser gave up because it saw the machine's network change:
    that says nothing about the page. Raises Error when it cannot be loaded.
    """
    for last in (False, False, True):
        try:
            page.goto(address)
        except Error as error:
            if "net::" in str(error):
                _await_error_page(page)
            if last or NETWORK_CHANGED not in str(error):
                raise
        else:
            return


def _await_error_page(page: Page) -> None:
    """The browser's own, which comes after the failure and would interrupt what is loaded next."""
    with suppress(Error):
        page.wait_for_url("chrome-error://**", timeout=CHOICE_MILLISECONDS)


def _shown_as(control: FilledControl) -> re.Pattern[str] | None:
    """What the cell of a value must contain; None where pages may show it in many ways."""
    if control.kind in ("checkbox", "datetime-local", "time") or not control.label:
        return None
    if control.kind == "date":
        return re.compile(control.value[2:4])
    if control.kind == "number":
        whole = control.value.partition(".")[0].lstrip("-")
        return re.compile(r"[\D]?".join(whole))
    words = r"[\s_-]+".join(map(re.escape, re.split(r"[\s_-]+", control.label.strip())))
    return re.compile(words, re.IGNORECASE)
