import asyncio
import keyword
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maestro.domain.entities import CapabilityKind, DomainModel, Entity, Field, FieldType
from maestro.domain.requirement import Analysis, Constraints, PartKind, Requirement, RequirementType
from maestro.domain.values import RequirementId
from maestro.errors import InvalidInput
from maestro.planning.analyse import analyse
from maestro.planning.naming import reserved

TEXTS = Path(__file__).parents[2] / "data" / "requirements"


def analysed(text: str, domain: DomainModel | None = None) -> Analysis:
    requirement = Requirement(
        id=RequirementId("req-1"),
        project="p",
        text=text,
        constraints=Constraints(),
        submitted_by="test",
        submitted_at=datetime.now(UTC),
    )
    return asyncio.run(analyse(requirement, domain))


def sample(name: str) -> Analysis:
    return analysed((TEXTS / f"{name}.txt").read_text())


def entity(analysis: Analysis, name: str) -> Entity:
    found = analysis.domain.entity(name)
    assert found is not None, [e.name for e in analysis.domain.entities]
    return found


def field(analysis: Analysis, owner: str, name: str) -> Field:
    found = entity(analysis, owner).field(name)
    assert found is not None, [f.name for f in entity(analysis, owner).fields]
    return found


def names(analysis: Analysis) -> list[str]:
    return [e.name for e in analysis.domain.entities]


def uncovered(analysis: Analysis) -> str:
    return " | ".join(part.source for part in analysis.uncovered)


# --- the real inputs of the issue ---


def test_demo() -> None:
    found = sample("demo")
    assert names(found) == ["project", "task", "user"]
    status = field(found, "task", "status")
    assert (status.type, status.values) == (FieldType.ENUM, ("todo", "doing", "done"))
    assert (status.required, status.default) == (True, "todo")
    assert field(found, "task", "title").required
    assert field(found, "task", "description").type is FieldType.TEXT
    assert field(found, "task", "due_date").type is FieldType.DATE
    assert field(found, "task", "priority").values == ("low", "medium", "high")
    assert field(found, "task", "assignee_id").target == "user"
    assert not field(found, "task", "assignee_id").required
    assert field(found, "task", "project_id").required
    assert field(found, "project", "owner_id").target == "user"
    kinds = {(c.kind, c.entity, c.field) for c in found.domain.capabilities}
    assert (CapabilityKind.FILTER, "task", "status") in kinds
    assert (CapabilityKind.ASSIGN, "task", "assignee_id") in kinds
    assert found.domain.title == "Task management"
    assert found.domain.has_page
    assert found.domain.roles == ("user", "member")
    assert not found.open_questions
    assert not found.uncovered
    assert found.confidence > 0.8
    assert any("mean the same people" in text for text in found.assumptions)
    assert [part.id for part in found.parts] == [f"R{i + 1}" for i in range(len(found.parts))]


def test_user_api() -> None:
    found = sample("user_api")
    assert names(found) == ["user"]
    assert not found.domain.has_page
    assert field(found, "user", "email").unique
    assert not found.uncovered


def test_ecommerce() -> None:
    found = sample("ecommerce")
    assert {"product", "category", "cart", "order", "customer", "review"} <= set(names(found))
    assert field(found, "review", "product_id").required
    assert field(found, "review", "customer_id").required
    rating = field(found, "review", "rating")
    assert (rating.minimum, rating.maximum) == (1, 5)
    assert {f.target for f in entity(found, "cart_item").references} == {"cart", "product"}
    assert field(found, "order_item", "quantity").minimum == 1
    assert field(found, "product", "category_id").target == "category"
    assert not found.uncovered
    assert not found.open_questions


def test_sorting_is_not_turned_into_an_application() -> None:
    found = sample("sorting")
    assert found.type is RequirementType.PERFORMANCE_OPTIMIZATION
    assert not found.buildable
    assert not found.domain.entities
    assert "configure a model executor" in found.open_questions[0]
    assert found.uncovered


def test_tastytalk() -> None:
    found = sample("tastytalk")
    assert {"recipe", "ingredient", "step"} <= set(names(found))
    assert field(found, "step", "recipe_id").required
    assert field(found, "recipe", "cuisine").source == "regional cuisines"
    assert found.buildable
    assert not found.open_questions
    missing = {part.source: part.reason for part in found.uncovered}
    assert "translation" in missing["Learn cooking in your own language"]
    assert "speech" in missing["voice guidance"]
    assert "recommendation" in missing["recommend dishes from the ingredients at hand"]
    assert len(missing) == 3


def test_microservices() -> None:
    found = sample("microservices")
    services = {service.name: service.entities for service in found.domain.services}
    assert services["catalogue"] == ("product",)
    assert "order" in services["orders"]
    assert services["payments"] == ("payment",)
    assert found.domain.has_page
    assert not found.uncovered
    assert "orders refers to product of catalogue" in found.dependencies


# --- how things are said ---


@pytest.mark.parametrize(
    "text",
    [
        "Books have a title and a status (open, closed).",
        "Books: title, status (open/closed)",
        "Each book has a title and a status. The status can be open or closed.",
        "An app for books with a title and a status: open, closed",
        "Books\n\nBooks have:\n- title\n- status: open, closed",
        "## Books\n- title\n- status: open, closed",
        "Book app\n- Book (title, status)\nbooks have a status of open or closed",
        "BOOKS HAVE A TITLE AND A STATUS (OPEN, CLOSED)",
    ],
)
def test_many_ways_to_say_the_same(text: str) -> None:
    found = analysed(text)
    assert "book" in names(found)
    assert entity(found, "book").field("title") is not None
    assert field(found, "book", "status").values == ("open", "closed")


def test_types_limits_and_remarks() -> None:
    found = analysed(
        "Products have a name (required, max 80 characters), sku (unique), price, weight in kg, "
        "rating from 1 to 5, website url, contact email, active flag, release date, nickname "
        "(optional) and number of pages."
    )
    assert field(found, "product", "name").max_length == 80
    assert field(found, "product", "sku").unique
    price = field(found, "product", "price")
    assert (price.type, price.minimum) == (FieldType.DECIMAL, 0)
    assert field(found, "product", "weight").type is FieldType.DECIMAL
    rating = field(found, "product", "rating")
    assert (rating.type, rating.minimum, rating.maximum) == (FieldType.INTEGER, 1, 5)
    assert field(found, "product", "website_url").type is FieldType.URL
    assert field(found, "product", "contact_email").type is FieldType.EMAIL
    assert field(found, "product", "active").type is FieldType.BOOLEAN
    assert field(found, "product", "release_date").type is FieldType.DATE
    assert not field(found, "product", "nickname").required
    assert field(found, "product", "page_count").type is FieldType.INTEGER


def test_relations() -> None:
    found = analysed(
        "Authors write books. Each book belongs to a publisher. Books have chapters. "
        "Books have tags; tags have books."
    )
    assert field(found, "book", "publisher_id").required
    assert field(found, "book", "author_id").target == "author"
    assert field(found, "chapter", "book_id").required
    joins = [
        e for e in found.domain.entities if {f.target for f in e.references} == {"book", "tag"}
    ]
    assert len(joins) == 1


@pytest.mark.parametrize(
    "wish", ["Books have no price", "No member can delete a book", "A member has no book"]
)
def test_what_shall_not_be_is_not_built(wish: str) -> None:
    found = analysed(f"Books have a title. Members have a name. {wish}.")
    assert wish in [part.text for part in found.uncovered]
    assert {f.name for e in found.domain.entities for f in e.fields} == {"title", "name"}


def test_a_verb_is_no_part_of_a_name() -> None:
    found = analysed("Books have a title. Members have a name. Librarians delete members.")
    assert set(names(found)) == {"book", "member"}
    assert not [
        n
        for n in names(analysed("Books have a title. Librarians delete members."))
        if "delete" in n
    ]


def test_what_the_text_connects_is_not_connected_again() -> None:
    text = (
        "A bakery app: products have a name and a price. Orders have a pickup date. "
        "An order line belongs to an order and a product and has a quantity."
    )
    found = analysed(text)
    assert "order_item" not in names(found)
    assert field(found, "order_line", "product_id").required
    apart = analysed("A shop: products have a price. Orders have a pickup date.")
    assert "order_item" in names(apart)


def test_operations() -> None:
    found = analysed(
        "Books have a title, a genre (novel, poem), an author and a price. Users can search books "
        "by title, filter books by genre and by author, sort books by price and filter by price."
    )
    kinds = {(c.kind, c.field) for c in found.domain.capabilities if c.source}
    assert (CapabilityKind.SEARCH, "title") in kinds
    assert (CapabilityKind.FILTER, "genre") in kinds
    assert (CapabilityKind.SEARCH, "author") in kinds
    assert (CapabilityKind.SORT, "price") in kinds
    assert any(
        "by price" in part.text and "not by numbers" in part.reason for part in found.uncovered
    )


def test_to_look_at_things_by_a_field_is_to_find_them_by_it() -> None:
    found = analysed(
        "A permit has a plate, a status (new, granted), a zone and an expiry date. List permits by "
        "zone. Clerks can view permits by status and expiry date."
    )
    kinds = {(c.kind, c.field) for c in found.domain.capabilities if c.source}
    assert (CapabilityKind.SEARCH, "zone") in kinds
    assert {(CapabilityKind.FILTER, name) for name in ("status", "expiry_date")} <= kinds
    assert found.uncovered == ()


@pytest.mark.parametrize("wish", ["Show loans by member.", "Filter loans by member."])
def test_what_things_are_found_by_may_be_what_they_refer_to(wish: str) -> None:
    found = analysed(f"Books have a title. Members borrow books. {wish}")
    assert {(c.entity, c.field) for c in found.domain.capabilities if c.field} == {
        ("loan", "member_id")
    }
    assert found.uncovered == ()


@pytest.mark.parametrize(
    ("wish", "word"),
    [
        ("Users can pay by credit card.", "pay"),
        ("Users can log in with a password.", "log in"),
        ("Send an e-mail when a task is due.", "e-mail"),
        ("Show a chart of tasks per month.", "chart"),
        ("Users can chat with each other.", "chat"),
        ("Show the tasks on a map.", "map"),
        ("Export tasks as CSV.", "Export"),
        ("The app suggests tasks with artificial intelligence.", "suggests"),
        ("Translate tasks into French.", "Translate"),
        ("Tasks are synchronised with Google Calendar.", "Google Calendar"),
        ("It must be written in React.", "React"),
        ("Frobnicate the widgets sideways.", "Frobnicate"),
        ("It has to be very fast.", "fast"),
    ],
)
def test_what_cannot_be_built_is_listed(wish: str, word: str) -> None:
    found = analysed(f"Tasks have a title and a due date. {wish}")
    assert word.lower() in uncovered(found).lower()
    assert all(part.reason for part in found.uncovered)
    assert "task" in names(found)


def test_hostile_names() -> None:
    found = analysed(
        "Build an app with classes, selects, yields and `users; drop table users`. "
        "Classes have a from, an id, an order and a schema. 🎉 have 😀. " + "x" * 300
    )
    assert {"class_record", "select_record", "user"} <= set(names(found))
    check_names(found)


def test_not_english() -> None:
    found = analysed("Erstelle eine Anwendung für die Verwaltung von Büchern mit Titel und Autor")
    assert found.confidence < 0.5
    assert not found.buildable
    assert "English" in found.open_questions[0]


def test_nothing_to_keep_is_asked_about() -> None:
    found = analysed("Make it nice please")
    assert not found.buildable
    assert found.confidence < 0.5
    assert found.open_questions


def test_empty_and_endless_texts_are_refused() -> None:
    with pytest.raises(InvalidInput, match="empty"):
        analysed("  ")
    with pytest.raises(InvalidInput, match="at most 20000"):
        analysed("word " * 5000)


def test_a_given_model_is_used() -> None:
    name = Field(name="name", type=FieldType.STRING, required=True)
    pet = Entity(name="pet", plural="pets", fields=(name,), source="contract")
    given_model = DomainModel(title="Pet store", entities=(pet,))
    found = analysed("Build the pet store. Pets have a name. Pets have a colour.", given_model)
    assert found.domain is given_model
    assert found.buildable
    by_text = {part.text: part.covered for part in found.parts}
    assert by_text["pet has name"]
    assert not by_text["pet has colour"]


def check_names(analysis: Analysis) -> None:
    rules = reserved()
    tables = [e.plural for e in analysis.domain.entities]
    singulars = names(analysis)
    assert len({*tables, *singulars}) == len(tables) + len(singulars)
    for item in analysis.domain.entities:
        for name in (item.name, item.plural, *(f.name for f in item.fields)):
            assert name.isidentifier()
            assert name.isascii()
            assert name == name.lower()
            assert not keyword.iskeyword(name)
            assert len(name) <= 60
        assert item.name not in rules.entities
        assert item.plural not in rules.tables
        assert len({f.name for f in item.fields}) == len(item.fields)
        for column in item.fields:
            assert column.name not in rules.fields
            if column.type is FieldType.REFERENCE:
                assert column.target in singulars
                assert column.name.endswith("_id")
            if column.type is FieldType.ENUM:
                assert len(set(column.values)) == len(column.values) >= 2
    homes = [name for service in analysis.domain.services for name in service.entities]
    assert sorted(homes) == sorted(singulars)
    assert len({part.id for part in analysis.parts}) == len(analysis.parts)
    for part in analysis.parts:
        assert part.covered or part.reason
        assert part.kind is not PartKind.UNKNOWN or not part.covered


def no_circle(analysis: Analysis) -> bool:
    """Whether every entry can be created before those that require it."""
    left = {
        e.name: {f.target for f in e.references if f.required} for e in analysis.domain.entities
    }
    while left:
        free = [name for name, needs in left.items() if not needs & (left.keys() - {name})]
        if not free:
            return False
        for name in free:
            del left[name]
    return True


WORDS = """users tasks books have has a an the title name status (open, closed) create delete and
, . : ; - # with by to of for each assigned filtered class select order group can be is are it they
which that build app API services three catalogue orders 5 from 1 rating email / ( ) belong review
customers don't user's 🎉 é` import number list"""
PIECES = st.sampled_from([*WORDS.split(), "\n\n- ", "\n"])


def test_a_reference_to_what_has_a_long_name_ends_in_id() -> None:
    check_names(analysed("An order belongs to a class orders orders orders orders customers users"))


@settings(max_examples=120, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=40).map(" ".join))
def test_no_row_of_words_breaks_it(text: str) -> None:
    try:
        found = analysed(text)
    except InvalidInput:
        return
    check_names(found)
    assert no_circle(found)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    try:
        found = analysed(text)
    except InvalidInput:
        return
    check_names(found)
    assert 0 <= found.confidence <= 1
