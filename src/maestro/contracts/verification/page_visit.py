"""What people do with one kind of entry on a page: list, create, edit, filter, search, delete."""

from dataclasses import dataclass, field

from playwright.sync_api import expect

from maestro.contracts.verification.page_forms import (
    EntryForm,
    FilledControl,
    NothingToChoose,
    mark_of,
)
from maestro.contracts.verification.page_view import Disappointment, ShownView, VisitedEntry


@dataclass(slots=True)
class ViewVisit:
    """A view and the entries this visit made in it.

    Each act answers with one sentence of what was seen and raises Disappointment otherwise.
    """

    view: ShownView
    entries: list[VisitedEntry] = field(default_factory=list)

    def lists(self) -> str:
        """The stored entries are in the view, each with the values it was given."""
        self.view.enter()
        for entry in self.entries:
            self.view.expect_values(self.view.find_row(entry), entry)
        return f"{self.view.rows().count()} entries listed"

    def create(self, variant: int, *, complete: bool = False) -> VisitedEntry:
        """Raises NothingToChoose when another entry has to exist first.

        `complete` asks for every choice to have options, needed or not.
        """
        known = self.view.ids()
        self.view.click(self.view.container.locator('[data-action="create"]'), "a create button")
        form = self.view.open_form()
        if complete and form.waits_for_choices():
            raise NothingToChoose("a choice has no options yet")
        controls = form.fill(variant)
        present = form.names()
        missing = [name for name in self.view.spec["fields"] if name not in present]
        if missing:
            raise Disappointment(f"the form has no control for {', '.join(missing)}")
        self.view.submit(form, "create")
        return VisitedEntry(id=self.view.new_id(known, controls), controls=controls)

    def stored(self, entry: VisitedEntry) -> None:
        """Every value the entry was given is in its form; call it on a page opened afresh."""
        now = self._editor(entry).read()
        for name, control in entry.controls.items():
            if name in now and not _same(now[name], control):
                seen = now[name].value
                raise Disappointment(f"{name!r} was given {control.value!r}, stored is {seen!r}")
        self.view.page.keyboard.press("Escape")

    def edit(self, entry: VisitedEntry) -> str:
        """A changed value is there after the page was opened afresh, and so are the others."""
        self.view.enter()
        form = self._editor(entry)
        changed = form.change_one()
        if changed is None:
            raise Disappointment("the form has no control that can be changed")
        self.view.submit(form, "edit")
        entry.controls[changed.name] = changed
        self.view.reopen()
        self.stored(entry)
        return f"{changed.name} was changed to {changed.label!r}"

    def filter(self, name: str) -> str:
        """An entry with the chosen value stays, one with another value goes."""
        kept = next((e for e in self.entries if name in e.controls), None)
        if kept is None:
            raise Disappointment(f"no form has a control {name!r}, so no entry has a value for it")
        wanted = kept.controls[name]
        self.view.enter()
        total = self.view.rows().count()
        control = self.view.container.locator(f'[data-filter="{name}"]').first
        self.view.expect(control, f"no filter [data-filter={name}]")
        self.view.choose(control, wanted)
        others = [e for e in self.entries if _value(e, name) != wanted.value]
        for entry in others:
            self.view.expect_gone(entry, f"choosing {name}={wanted.value!r}")
        self.view.settle()
        self.view.find_row(kept, f"after choosing {name}={wanted.value!r}")
        left = self.view.rows().count()
        self.view.choose(control, None)
        self.view.settle()
        return f"{name}={wanted.value!r} kept {left} of {total}, hid {len(others)} known entries"

    def search(self) -> str:
        """A text of one entry finds it and not the others; a strange text finds nothing."""
        token = self.view.marks.token
        marked = [(e, mark) for e in self.entries if (mark := mark_of(e.controls, token))]
        if not marked:
            raise Disappointment("no entry has a text to look for")
        self.view.enter()
        box = self.view.search_box()
        self.view.expect(box, "no search box [data-search]")
        wanted, mark = marked[0]
        self.view.look_for(box, mark)
        for entry, _ in marked[1:]:
            self.view.expect_gone(entry, f"searching for {mark!r}")
        self.view.settle()
        self.view.find_row(wanted, f"after searching for {mark!r}")
        self.view.look_for(box, f"nowhere{token}")
        try:
            expect(self.view.rows()).to_have_count(0, timeout=self.view.wait)
        except AssertionError:
            raise Disappointment("a text that nothing has still leaves entries") from None
        self.view.look_for(box, "")
        self.view.settle()
        return f"{mark!r} found 1 of {len(marked)} known entries, a strange text found none"

    def delete(self, entry: VisitedEntry) -> str:
        """Asks in a dialog first, and the entry stays gone."""
        row = self.view.find_row(entry)
        self.view.click(row.locator('[data-action="delete"]'), "a delete button in the row")
        dialog = self.view.page.locator("dialog[data-confirm][open]")
        self.view.expect(dialog, "no dialog[data-confirm] asked before deleting")
        if self.view.row(entry).count() == 0:
            raise Disappointment("the entry was gone before the question was answered")
        self.view.click(dialog.locator('[data-action="confirm"]'), "a button to confirm")
        self.view.expect_gone(entry, "deleting")
        self.view.reopen()
        if self.view.row(entry).count():
            raise Disappointment("the deleted entry came back when the page was opened again")
        return f"entry {entry.id} is gone after the question was confirmed"

    def _editor(self, entry: VisitedEntry) -> EntryForm:
        row = self.view.find_row(entry)
        self.view.click(row.locator('[data-action="edit"]'), "an edit button in the row")
        return self.view.open_form()


def _value(entry: VisitedEntry, name: str) -> str | None:
    return entry.controls[name].value if name in entry.controls else None


def _same(seen: FilledControl, given: FilledControl) -> bool:
    """Equal as text, or as numbers: 12 and 12.00."""
    if seen.value == given.value:
        return True
    try:
        return float(seen.value) == float(given.value)
    except ValueError:
        return False
