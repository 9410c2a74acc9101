import pytest

from maestro.errors import InvalidInput
from maestro.planning.lexicon import load_lexicon
from maestro.planning.text import MAX_CHARACTERS, looks_foreign, passages

LEXICON = load_lexicon()


def readings(text: str) -> list[str]:
    return [passage.reading for passage in passages(text, LEXICON)]


def test_sentences_lists_and_headings() -> None:
    text = "# Shop\n\nWe sell **tea**. Teas have:\n- name\n  - price (e.g. 3.50)\n1. stock\n"
    found = passages(text, LEXICON)
    assert [(p.reading, p.heading, p.level) for p in found] == [
        ("shop", True, 0),
        ("we sell tea", False, 0),
        ("teas have:", False, 0),
        ("name", False, 1),
        ("price (eg 3.50)", False, 2),
        ("stock", False, 1),
    ]


def test_known_spellings_are_joined_and_the_original_kept() -> None:
    found = passages("A to-do list; an E-Commerce site & more", LEXICON)
    assert [p.reading for p in found] == ["a todo list", "an ecommerce site and more"]
    assert found[1].text == "an E-Commerce site & more"


def test_camel_case_is_parted_only_between_words() -> None:
    assert readings("TaskManager in JavaScript") == ["task manager in javascript"]


def test_hard_wrapped_prose_is_put_together() -> None:
    text = "The application keeps a list of all the books that I own at\nhome with their titles"
    assert len(readings(text)) == 1


def test_brackets_are_not_cut() -> None:
    assert readings("tasks with a status (todo; doing; done) and a title") == [
        "tasks with a status (todo; doing; done) and a title"
    ]


@pytest.mark.parametrize("text", ["", "   \n\t ", "\u0000"])
def test_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is empty"):
        passages(text, LEXICON)


def test_too_much_is_refused() -> None:
    with pytest.raises(InvalidInput, match=f"at most {MAX_CHARACTERS}"):
        passages("a" * (MAX_CHARACTERS + 1), LEXICON)


@pytest.mark.parametrize(
    "text",
    [
        "Erstelle eine Anwendung für die Verwaltung von Büchern und Autoren",
        "Créer une application pour gérer les livres et les auteurs dans la bibliothèque",
        "Crear una aplicación para la gestión de los libros y los autores",
        "Создайте приложение для управления книгами",
        "図書館の本を管理するアプリを作ってください",
    ],
)
def test_other_languages_are_noticed(text: str) -> None:
    assert looks_foreign(text, LEXICON)


@pytest.mark.parametrize("text", ["Todo app", "CRM with contacts", "42 !!", "Naïve café menu app"])
def test_short_english_is_not_foreign(text: str) -> None:
    assert not looks_foreign(text, LEXICON)
