"""What a model calls things becomes names that hold in every language."""

from maestro.domain.entities import FieldType
from maestro.domain.requirement import RequirementType
from maestro.planning.by_model.forms import DomainForm, EntityForm, FieldForm, UnderstandingForm
from maestro.planning.by_model.proposals import proposed_domain

TEXT = "Keep notes about people"
UNDERSTOOD = UnderstandingForm(
    type=RequirementType.FEATURE_DEVELOPMENT, title="Notes", web_page=False, roles=[],
    cannot_be_built=[], questions=[], confidence=1.0,
)  # fmt: skip


def field(name: str, kind: FieldType, target: str = "") -> FieldForm:
    return FieldForm(
        name=name, type=kind, values=[], target=target, required=True, unique=False, quote=""
    )


def test_a_reference_with_a_name_as_long_as_allowed_still_ends_in_id() -> None:
    longest = "person_whom_the_note_was_written_about_x"
    assert len(longest) == 40
    note = EntityForm(
        name="note",
        quote="notes",
        fields=[field("title", FieldType.STRING), field(longest, FieldType.REFERENCE, "person")],
    )
    person = EntityForm(name="person", quote="people", fields=[field("name", FieldType.STRING)])
    domain = proposed_domain(DomainForm(entities=[note, person]), UNDERSTOOD, TEXT)
    assert [one.name for one in domain.entities[0].references] == [
        "person_whom_the_note_was_written_id"
    ]
