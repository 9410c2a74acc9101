"""What people do with one kind of entry on a page: list, create, edit, filter, search, delete."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Error, Locator, Page, expect

from maestro.contracts.verification.page_forms import (
    EntryForm,
    FilledControl,
    Marks,
    NothingToChoose,
    mark_of,
)

WAIT_MILLISECONDS = 6000
CHOICE_MILLISECONDS = 1500

_NEW_ROW = """([plural, known]) =>
    [...document.querySelectorAll(`[data-row="${plural}"]`)]
        .map((row) => row.dataset.id).find((id) => !known.includes(id))"""
_SETTLED = """(selector) => {
    const view = document.querySelector(selector);
    return view && view.getAttribute("aria-busy") !== "true"
        && !view.querySelector('[aria-busy="true"]');
}"""


class Disappointment(Exception):
    """The page did not do what was expected of it; the message says what was seen."""


@dataclass(slots=True)
class VisitedEntry:
    """An entry that was created through the page."""

    id: str
    controls: dict[str, FilledControl]


@dataclass(slots=True)
class ViewVisit:
    """One view of the page, and the entries this visit made in it."""

    page: Page
    url: str
    view: Mapping[str, Any]
    marks: Marks
    entries: list[VisitedEntry] = field(default_factory=list)

    @property
    def plural(self) -> str:
        return str(self.view["plural"])

    @property
    def container(self) -> Locator:
        return self.page.locator(f'[data-view="{self.plural}"]').first

    def enter(self) -> None:
        """Goes to the view by its link, from wherever the page is."""
        if not self.page.url.startswith(self.url) or self._something_open():
            self.page.goto("about:blank")
            self.page.goto(self.url)
        link = self.page.locator(f'[data-nav="{self.plural}"]').first
        self._expect(link, f"no link [data-nav={self.plural}] on the front page")
        link.click()
        self._settle()

    def reopen(self) -> None:
        """Loads the page anew at the view's own address: only what was stored is still there."""
        self.page.goto("about:blank")
        self.page.goto(self.url + str(self.view["path"]))
        self._settle()

    def _something_open(self) -> bool:
        return self.page.locator("form[data-form]:visible, dialog[open]").count() > 0

    def lists(self) -> str:
        """The stored entries are in the view, each with the values it was given."""
        self.enter()
        for entry in self.entries:
            row = self.find_row(entry)
            self._compare_cells(row, entry)
        return f"{self.rows().count()} entries listed"

    def create(self, variant: int, *, complete: bool = False) -> VisitedEntry:
        """Raises NothingToChoose when another entry has to exist first.

        `complete` asks for every choice to have options, needed or not.
        """
        known = self._ids()
        self._click(self.container.locator('[data-action="create"]'), "a button to create")
        form = self._form()
        self._wait_for_choices(form)
        if complete and form.waits_for_choices():
            raise NothingToChoose("a choice has no options yet")
        controls = dict(form.fill(variant))
        self._missing_controls(form)
        self._submit(form, "create")
        entry = VisitedEntry(id=self._new_id(known, controls), controls=controls)
        return entry

    def stored(self, entry: VisitedEntry) -> None:
        """The entry is there, with every value, after the page was opened afresh."""
        self._compare_form(self._open_editor(entry), entry)
        self.page.keyboard.press("Escape")

    def edit(self, entry: VisitedEntry) -> str:
        """A changed value is there after the page was opened afresh, and so are the others."""
        self.enter()
        form = self._open_editor(entry)
        changed = form.change_one()
        if changed is None:
            raise Disappointment("the form has no control that can be changed")
        self._submit(form, "edit")
        entry.controls[changed.name] = changed
        self.reopen()
        self.stored(entry)
        return f"{changed.name} was changed to {changed.label!r}"

    def filter(self, name: str) -> str:
        """An entry with the chosen value stays, one with another value goes."""
        kept = next((e for e in self.entries if name in e.controls), None)
        if kept is None:
            raise Disappointment(f"no form has a control {name!r}, so no entry has a value for it")
        value = kept.controls[name].value
        self.enter()
        total = self.rows().count()
        control = self.container.locator(f'[data-filter="{name}"]').first
        self._expect(control, f"no filter [data-filter={name}]")
        self._set_filter(control, kept.controls[name])
        other = [e for e in self.entries if e.controls.get(name) and e is not kept]
        other = [e for e in other if e.controls[name].value != value]
        for entry in other:
            self._expect_gone(entry, f"filter {name}={value!r}")
        self._settle()
        self.find_row(kept, f"after choosing {name}={value!r}")
        left = self.rows().count()
        self._empty(control)
        return f"{name}={value!r} kept {left} of {total}, hid {len(other)} known entries"

    def search(self) -> str:
        marked = [
            (e, mark) for e in self.entries if (mark := mark_of(e.controls, self.marks.token))
        ]
        if not marked:
            raise Disappointment("no entry has a text to look for")
        self.enter()
        box = self.container.locator("[data-search]").first
        self._expect(box, "no search box [data-search]")
        wanted, mark = marked[0]
        self._look_for(box, mark)
        for entry, other in marked[1:]:
            if other != mark:
                self._expect_gone(entry, f"search for {mark!r}")
        self._settle()
        self.find_row(wanted, f"after searching for {mark!r}")
        self._look_for(box, f"nowhere{self.marks.token}")
        try:
            expect(self.rows()).to_have_count(0, timeout=WAIT_MILLISECONDS)
        except AssertionError:
            raise Disappointment("a text that nothing has still leaves entries") from None
        self._look_for(box, "")
        return f"{mark!r} found 1 of {len(marked)} known entries, a strange text found none"

    def delete(self, entry: VisitedEntry) -> str:
        """Asks in a dialog first, and the entry stays gone."""
        self._click(self.find_row(entry).locator('[data-action="delete"]'), "a button to delete")
        dialog = self.page.locator("dialog[data-confirm][open]")
        self._expect(dialog, "no dialog[data-confirm] asked before deleting")
        if self.row(entry).count() == 0:
            raise Disappointment("the entry was gone before the question was answered")
        self._click(dialog.locator('[data-action="confirm"]'), "a button to confirm")
        self._expect_gone(entry, "deleting")
        self.reopen()
        if self.row(entry).count():
            raise Disappointment("the deleted entry came back when the page was opened again")
        return f"entry {entry.id} is gone after the question was confirmed"

    # --- looking -------------------------------------------------------------------------------

    def rows(self) -> Locator:
        return self.container.locator(f'[data-row="{self.plural}"]')

    def row(self, entry: VisitedEntry) -> Locator:
        return self.container.locator(f'[data-row="{self.plural}"][data-id="{entry.id}"]')

    def find_row(self, entry: VisitedEntry, when: str = "") -> Locator:
        """The entry's row; looked for by search where the list is longer than a page."""
        row = self.row(entry).first
        try:
            row.wait_for(state="visible", timeout=CHOICE_MILLISECONDS if not when else None)
        except Error:
            box, mark = (
                self.container.locator("[data-search]"),
                mark_of(entry.controls, self.marks.token),
            )
            if when or mark is None or box.count() == 0:
                raise Disappointment(f"entry {entry.id} is not listed {when}".strip()) from None
            self._look_for(box.first, mark)
            self._expect(row, f"entry {entry.id} is not listed and not found by search")
        return row

    def alerts(self) -> str:
        """What the page itself complains about at the moment."""
        texts = [
            a.inner_text() for a in self.page.locator('[role="alert"]').all() if a.is_visible()
        ]
        return "; ".join(" ".join(text.split()) for text in texts if text.strip())

    def _ids(self) -> list[str]:
        return [row.get_attribute("data-id") or "" for row in self.rows().all()]

    def _new_id(self, known: list[str], controls: Mapping[str, FilledControl]) -> str:
        try:
            found = self.page.wait_for_function(_NEW_ROW, arg=[self.plural, known])
            return str(found.json_value())
        except Error:
            mark = mark_of(controls, self.marks.token)
            box = self.container.locator("[data-search]")
            if mark is None or box.count() == 0:
                raise Disappointment("no row for the new entry appeared in the list") from None
            self._look_for(box.first, mark)
            row = self.rows().filter(has_text=mark).first
            self._expect(row, "no row for the new entry appeared, and search does not find it")
            return str(row.get_attribute("data-id"))

    def _compare_cells(self, row: Locator, entry: VisitedEntry) -> None:
        for name, control in entry.controls.items():
            cell = row.locator(f'[data-cell="{name}"]')
            pattern = _pattern(control)
            if pattern is None or cell.count() == 0:
                continue
            try:
                expect(cell.first).to_have_text(pattern, timeout=WAIT_MILLISECONDS)
            except AssertionError:
                seen = cell.first.inner_text()
                raise Disappointment(
                    f"the cell {name!r} shows {seen!r}, given was {control.label!r}"
                ) from None

    def _compare_form(self, form: EntryForm, entry: VisitedEntry) -> None:
        now = form.read()
        for name, control in entry.controls.items():
            seen = now[name].value if name in now else None
            if seen is not None and not _same(seen, control.value):
                raise Disappointment(f"{name!r} was given {control.value!r}, stored is {seen!r}")

    # --- doing ---------------------------------------------------------------------------------

    def _open_editor(self, entry: VisitedEntry) -> EntryForm:
        self._click(self.find_row(entry).locator('[data-action="edit"]'), "a button to edit")
        form = self._form()
        self._wait_for_choices(form)
        return form

    def _form(self) -> EntryForm:
        form = self.page.locator(f'form[data-form="{self.view["entity"]}"]').first
        self._expect(form, f"no form[data-form={self.view['entity']}] opened")
        return EntryForm(form, self.marks)

    def _wait_for_choices(self, form: EntryForm) -> None:
        """Choices may be loaded after the form is there; what stays empty is judged later."""
        script = """(form) => [...form.querySelectorAll("select")]
            .every((choice) => [...choice.options].some((option) => option.value))"""
        handle = form.form.element_handle()
        if handle is None or not form.waits_for_choices():
            return
        try:
            self.page.wait_for_function(script, arg=handle, timeout=CHOICE_MILLISECONDS)
        except Error:
            return

    def _missing_controls(self, form: EntryForm) -> None:
        missing = [
            name
            for name in self.view["fields"]
            if form.form.locator(f'[name="{name}"]').count() == 0
        ]
        if missing:
            raise Disappointment(f"the form has no control for {', '.join(missing)}")

    def _submit(self, form: EntryForm, doing: str) -> None:
        self._click(form.form.locator("[type=submit]"), "a button to submit")
        try:
            form.form.wait_for(state="hidden")
        except Error:
            wrong = [c.get_attribute("name") for c in form.form.locator("[aria-invalid]").all()]
            said = self.alerts() or "nothing"
            raise Disappointment(
                f"the form to {doing} stayed open; marked: {wrong}; the page said: {said}"
            ) from None
        self._settle()

    def _set_filter(self, control: Locator, wanted: FilledControl) -> None:
        if str(control.evaluate("element => element.localName")) != "select":
            control.fill(wanted.value)
            control.press("Enter")
            return
        values: list[str] = control.evaluate("element => [...element.options].map(o => o.value)")
        if wanted.value in values:
            control.select_option(value=wanted.value)
        else:
            control.select_option(label=wanted.label)

    def _empty(self, control: Locator) -> None:
        if str(control.evaluate("element => element.localName")) == "select":
            control.select_option(index=0)
        else:
            control.fill("")
            control.press("Enter")
        self._settle()

    def _look_for(self, box: Locator, text: str) -> None:
        box.fill(text)
        box.press("Enter")

    def _click(self, button: Locator, what: str) -> None:
        self._expect(button.first, f"{what} is missing in the view {self.plural!r}")
        button.first.click()

    def _settle(self) -> None:
        self._expect(self.container, f"no view [data-view={self.plural}] is shown")
        self.page.wait_for_function(_SETTLED, arg=f'[data-view="{self.plural}"]')
        said = self.alerts()
        if said:
            raise Disappointment(f"the page shows an error: {said}")

    def _expect(self, locator: Locator, otherwise: str) -> None:
        try:
            locator.wait_for(state="visible")
        except Error:
            said = self.alerts()
            raise Disappointment(
                f"{otherwise}{f'; the page said: {said}' if said else ''}"
            ) from None

    def _expect_gone(self, entry: VisitedEntry, after: str) -> None:
        try:
            self.row(entry).first.wait_for(state="hidden")
        except Error:
            raise Disappointment(
                f"entry {entry.id} is still listed after {after}; {self.alerts()}".rstrip("; ")
            ) from None


def _same(seen: str, given: str) -> bool:
    if seen == given:
        return True
    try:
        return float(seen) == float(given)
    except ValueError:
        return False


def _pattern(control: FilledControl) -> re.Pattern[str] | None:
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
