"""Files of a contract: there, readable, finished, and with what they must mention."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from maestro.contracts.verification.documents import DocumentVerifier
from maestro.domain.contract import (
    AcceptanceCriterion,
    Contract,
    ContractKind,
    Deliverable,
    SpecificationFormat,
    Verification,
)
from maestro.domain.values import ContractId
from maestro.errors import InvalidInput
from maestro.ports import Sandbox, VerificationTarget

GUIDE = "# Guide\n\nThis guide shows how tasks are created, assigned, filtered and closed again.\n"


class FakeSandbox:
    def __init__(self, root: Path) -> None:
        self.root = root


def contract(*globs: str, **mentions: str) -> Contract:
    criteria = [AcceptanceCriterion(id="files", statement="there", check="files_present")]
    for path, phrase in mentions.items():
        parameters = {"path": f"docs/{path}.md", "phrases": [phrase]}
        criteria.append(
            AcceptanceCriterion(
                id="says",
                statement="says",
                check="document_mentions",
                parameters=parameters,
                parts=("R3",),
            )
        )
    return Contract(
        id=ContractId("documentation"),
        name="Documentation",
        kind=ContractKind.DOCUMENT,
        version="1.0.0",
        provider="technical_writer",
        component="app",
        consumers=(),
        format=SpecificationFormat.JSON_SCHEMA,
        specification={},
        deliverables=(Deliverable(name="All files", description="", paths=globs),),
        acceptance=tuple(criteria),
    )


async def silent(line: str) -> None:
    """Progress is not looked at."""


def verified(root: Path, made: Contract, files: Mapping[str, str] | None = None) -> Verification:
    for name, text in (files or {}).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    sandbox: Sandbox = FakeSandbox(root)  # type: ignore[assignment]
    target = VerificationTarget(description="files", sandbox=sandbox)
    return asyncio.run(DocumentVerifier().verify(made, target, silent))


def test_finished_documents_conform(tmp_path: Path) -> None:
    made = contract("docs/guide.md", "app/**/*.py", guide="Tasks  ARE created")
    files = {
        "docs/guide.md": GUIDE,
        "app/init.py": "",
        "app/deep/x.py": "x = 1\n",
        "app/deep/__init__.py": "",
    }
    result = verified(tmp_path, made, files)
    # An empty module that is not a package marker is the one fault here.
    assert [(f.rule, f.operation) for f in result.findings] == [
        ("deliverable_empty", "app/init.py")
    ]
    (tmp_path / "app" / "init.py").rename(tmp_path / "app" / "__init__.py")
    result = verified(tmp_path, made)
    assert result.findings == ()
    assert result.conforms
    assert next(c for c in result.checks if c.id == "says").parts == ("R3",)
    assert result.operations_total == 2


def test_nothing_delivered_does_not_conform(tmp_path: Path) -> None:
    result = verified(tmp_path, contract("docs/guide.md", guide="tasks"))
    assert {f.rule for f in result.findings} == {"deliverable_missing", "document_mentions"}
    assert not any(check.passed for check in result.checks)
    assert not result.conforms


def test_a_contract_that_promises_nothing_is_no_evidence(tmp_path: Path) -> None:
    made = replace(contract(), deliverables=())
    assert not verified(tmp_path, made).conforms


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("docs/guide.md", "   \n", "deliverable_missing deliverable_empty"),
        ("docs/guide.md", "# Guide\n\nSoon.\n", "deliverable_unreadable"),
        ("docs/guide.md", GUIDE + "\nTODO: the rest\n", "placeholder"),
        ("docs/guide.md", GUIDE + "\nLorem ipsum dolor.\n", "placeholder"),
        ("docs/data.json", "{", "deliverable_unreadable"),
        ("docs/data.json", "{}", "deliverable_unreadable"),
        ("docs/data.yaml", "a: [", "deliverable_unreadable"),
        ("docs/data.toml", "a =", "deliverable_unreadable"),
        ("docs/page.html", "just text", "deliverable_unreadable"),
        ("docs/code.py", "def f(:\n", "deliverable_unreadable"),
        ("docs/code.py", "def f():\n    pass\n", "placeholder"),
        ("docs/code.py", 'def f():\n    """Does it."""\n', "placeholder"),
        ("docs/code.py", "def f():\n    raise NotImplementedError\n", "placeholder"),
        ("docs/code.py", "def f():\n    return 1  # TODO: count\n", "placeholder"),
        ("docs/code.js", "export function run() {}\n", "placeholder"),
        ("docs/code.js", "run(); // TODO: more\n", "placeholder"),
    ],
)
def test_files_that_only_pretend_are_found(tmp_path: Path, name: str, text: str, rule: str) -> None:
    result = verified(tmp_path, contract("docs/*"), {name: text})
    assert [f.rule for f in result.findings] == rule.split()
    assert not result.conforms


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docs/guide.md", GUIDE + "\nThe status is todo, doing or done in a TODO app.\n"),
        ("docs/page.html", '<form><label>Task</label><input placeholder="Title"></form>'),
        ("docs/code.js", 'input.placeholder = "Title";\nonClick(() => {});\n'),
        ("docs/code.py", "class Gone(Exception):\n    pass\n"),
        (
            "docs/code.py",
            "from typing import Protocol\nclass P(Protocol):\n    def f(self) -> int: ...\n",
        ),
    ],
)
def test_honest_files_are_not_taken_for_pretence(tmp_path: Path, name: str, text: str) -> None:
    result = verified(tmp_path, contract("docs/*"), {name: text})
    assert result.findings == ()
    assert result.conforms


def test_missing_words_are_named(tmp_path: Path) -> None:
    made = contract("docs/guide.md", guide="refunds")
    result = verified(tmp_path, made, {"docs/guide.md": GUIDE})
    finding = next(f for f in result.findings)
    assert (finding.rule, finding.operation) == ("document_mentions", "docs/guide.md")
    assert finding.expected == "'refunds'"


@pytest.mark.parametrize("glob", ["/etc/*", "../*.md", "docs/../../x"])
def test_a_glob_that_leaves_the_tree_is_refused(tmp_path: Path, glob: str) -> None:
    with pytest.raises(InvalidInput, match="below the work tree"):
        verified(tmp_path, contract(glob))


def test_links_out_of_the_tree_do_not_count(tmp_path: Path) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text(GUIDE, encoding="utf-8")
    root = tmp_path / "tree"
    (root / "docs").mkdir(parents=True)
    (root / "docs" / "guide.md").symlink_to(outside)
    result = verified(root, contract("docs/guide.md"))
    assert [f.rule for f in result.findings] == ["deliverable_missing"]


def test_an_unknown_check_is_unverified(tmp_path: Path) -> None:
    made = contract("docs/guide.md")
    strange = AcceptanceCriterion(id="odd", statement="odd", check="smells_good")
    result = verified(tmp_path, replace(made, acceptance=(strange,)), {"docs/guide.md": GUIDE})
    check = next(c for c in result.checks if c.id == "odd")
    assert not check.passed
    assert check.detail.startswith("unverified")
