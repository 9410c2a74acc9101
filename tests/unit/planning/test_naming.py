import keyword

import pytest

from maestro.planning.naming import (
    entity_name,
    enum_value,
    field_name,
    joined,
    one,
    plural,
    reference_name,
    reserved,
    singular,
    snake,
)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("categories", "category"),
        ("classes", "class"),
        ("statuses", "status"),
        ("status", "status"),
        ("children", "child"),
        ("people", "person"),
        ("analyses", "analysis"),
        ("menus", "menu"),
        ("news", "news"),
        ("bus", "bus"),
        ("recipes", "recipe"),
    ],
)
def test_singular(word: str, expected: str) -> None:
    assert singular(word) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("category", "categories"),
        ("status", "statuses"),
        ("cart_item", "cart_items"),
        ("news", "news_items"),
        ("equipment", "equipment_items"),
        ("child", "children"),
    ],
)
def test_plural_differs_from_the_singular(word: str, expected: str) -> None:
    assert plural(word) == expected


@pytest.mark.parametrize(
    "text", ["class", "select", "import", "id", "created_at", "api", "health", "model", "metadata"]
)
def test_reserved_entities_get_another_name(text: str) -> None:
    name = entity_name(text)
    assert name == f"{text}_record"
    assert name not in reserved().entities


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("order", "position"),
        ("from", "starting_point"),
        ("schema", "schema_value"),
        ("limit", "limit_value"),
        ("model year", "the_model_year"),
        ("due date", "due_date"),
        ("Prénom", "prenom"),
        ("1st name", "st_name"),
    ],
)
def test_field_names(text: str, expected: str) -> None:
    assert field_name(text) == expected


def test_hopeless_names_are_refused() -> None:
    assert entity_name("🎉") is None
    assert entity_name("42") is None
    assert entity_name("") is None
    assert field_name("…") is None


@pytest.mark.parametrize(
    ("text", "taken", "expected"),
    [
        ("customer_id", (), "customer_id"),
        ("customer_id", ("customer_id",), "customer_2_id"),
        ("customer_id", ("customer_id", "customer_2_id"), "customer_3_id"),
        ("class_order_order_order_order_customer_user_id", (), "class_order_order_order_order_id"),
        (f"{'x' * 60}_id", (), f"{'x' * 40}_id"),
        ("1234", (), None),
    ],
)
def test_a_reference_ends_in_id_whatever_happens(
    text: str, taken: tuple[str, ...], expected: str | None
) -> None:
    assert reference_name(text, taken) == expected


def test_long_names_are_cut() -> None:
    name = entity_name("x" * 300)
    assert name is not None
    assert len(name) <= 40
    assert snake("very " * 80).startswith("very_very")


def test_taken_names_are_counted_up() -> None:
    assert field_name("title", {"title"}) == "title_2"
    assert entity_name("task", {"task", "task_2"}) == "task_3"


def test_reserved_words_include_python() -> None:
    assert {word.lower() for word in keyword.kwlist} <= reserved().fields


def test_values_and_sentences() -> None:
    assert enum_value("In Progress!") == "in_progress"
    assert joined(["a", "b", "c"], "or") == "a, b or c"
    assert one("order_item") == "an order item"
