"""Documents say what their contracts promise, and hostile words stay words."""

import importlib.util
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from maestro.agents.executors.offline.prose import a_or_an, code, heading, joined

SUPPORT = Path(__file__).parents[2] / "data" / "support"
WRITERS = {
    "requirement_analyst": "requirements-document",
    "solution_architect": "architecture-document",
    "technical_writer": "project-documentation",
}


def load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builds = load(SUPPORT / "builds.py", "support_builds")


def html(text: str) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def documents(name: str, requirement: str = "Build it.") -> dict[str, str]:
    return {
        file.path: file.content.decode()
        for persona in WRITERS
        for file in builds.rendered(
            builds.assignment_of(persona, builds.DOMAINS[name], requirement=requirement)
        )
    }


@pytest.mark.parametrize("name", builds.DOMAINS)
@pytest.mark.parametrize(("persona", "package"), WRITERS.items())
def test_own_checks_of_the_packages_pass(
    name: str, persona: str, package: str, tmp_path: Path
) -> None:
    assignment = builds.assignment_of(persona, builds.DOMAINS[name])
    builds.write_files(tmp_path, builds.rendered(assignment))
    for check in builds.checks_of(package):
        done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["tasks", "shop", "users"])
def test_documents_mention_what_their_contracts_promise(name: str) -> None:
    written = documents(name)
    for contract in builds.contracts_of(builds.DOMAINS[name]):
        if contract.provider in WRITERS:
            for file in contract.specification["files"]:
                text = written[file["path"]].lower()
                missing = [m for m in file["mentions"] if m.lower() not in text]
                assert missing == [], file["path"]


@pytest.mark.parametrize("name", builds.DOMAINS)
def test_words_of_a_requirement_never_become_markup(name: str) -> None:
    attack = "<script>alert(1)</script>\n# Not a heading\n- [x](javascript:alert(1)) | `code`"
    for path, text in documents(name, attack).items():
        page = html(text)
        assert "<script" not in page, path
        assert "javascript:" not in re.findall(r'href="([^"]*)"', page), path
        assert len(re.findall("<h1>", page)) == 1, path
        assert "Not a heading</h1>" not in page, path


def test_the_readme_has_one_command_to_run_and_the_parts_that_are_missing() -> None:
    text = documents("tasks")["README.md"]
    assert "    make run\n" in text
    assert "voice guidance" in text
    assert "no template package builds speech output" in text
    assert "`GET /tasks/{task_id}`" in text


def test_addresses_of_several_services_follow_the_page() -> None:
    text = documents("shop")["README.md"]
    assert "`http://127.0.0.1:8003/api`" in text
    assert "`DATABASE_URL_PAYMENTS`" in text


def test_every_operation_of_the_reference_has_an_example_and_its_errors() -> None:
    text = documents("tasks")["docs/api.md"]
    sections = re.split(r"(?m)^### ", text)[1:]
    assert len(sections) == 15
    assert all("curl -X" in section and "| Status |" in section for section in sections)
    create = next(s for s in sections if s.startswith("`POST /tasks`"))
    assert '"status": "todo"' in create
    assert "| 409 |" in create
    assert "at most 8 characters; unique" in create


def test_the_requirements_document_counts_and_questions_what_is_not_covered() -> None:
    text = documents("tasks")["docs/requirements.md"]
    assert "1 is not covered" in text
    assert "**no**: no template package builds speech output" in text
    assert re.search(r"(?m)^- `R\d+`: voice guidance", text)
    assert "`status`" not in re.findall(r"(?m)^- `task` has (.*) by convention", text)[0]


def test_the_drawing_tells_references_across_services_apart() -> None:
    text = documents("shop")["docs/architecture.md"]
    assert '"order" ||--o{ "order_item" : order_id' in text
    assert '"product" ||..o{ "order_item" : product_id' in text


def test_a_foreign_api_is_described_from_its_document() -> None:
    files = {
        file.path: file.content.decode()
        for persona in WRITERS
        for file in builds.rendered(builds.clinic_assignment(persona))
    }
    assert "### `GET /pets/{petId}`" in files["docs/api.md"]
    assert "Find pets by status." in files["docs/api.md"]
    assert "http://127.0.0.1:8000/v2/pets" in files["docs/api.md"]
    assert "clinic.yaml" in files["docs/architecture.md"]
    assert "`/v2`" in files["docs/architecture.md"]


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Task management", "Task management"),
        ("R&D *board*", "R&amp;D *board*"),
        ("snake_case and _this_", "snake_case and _this_"),
        ("1. <b>\nnew `line`", "1. &lt;b&gt; new `line`"),
        ("&lt; &copy;", "&amp;lt; &amp;copy;"),
        ("C #", "C #"),
    ],
)
def test_titles_show_as_written(title: str, shown: str) -> None:
    assert html(f"# {heading(title)}\n") == f"<h1>{shown}</h1>\n"


@pytest.mark.parametrize("text", ["x", "a`b", "``", "a|b", " "])
def test_code_spans_keep_their_text_inside_a_table(text: str) -> None:
    page = html(f"| a |\n|---|\n| {code(text)} |\n")
    found = re.findall(r"<td><code>(.*)</code></td>", page)
    assert [word.replace("¦", "|").strip() for word in found] == [text.strip()]


def test_small_words() -> None:
    assert joined(["a", "b", "c"]) == "a, b and c"
    assert joined(["a"], "or") == "a"
    assert [a_or_an(w) for w in ("order", "user", "task", "unit", "hour")][:4] == [
        "an order",
        "a user",
        "a task",
        "a unit",
    ]
