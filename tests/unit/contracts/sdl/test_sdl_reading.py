import pytest

from maestro.contracts.sdl.lint import lint_sdl
from maestro.contracts.sdl.reading import MAX_LENGTH, read_sdl
from maestro.domain.contract import Severity
from maestro.errors import InvalidInput

QUERY = "type Query { a: Int }\n"


@pytest.mark.parametrize(
    ("text", "rule", "line", "column"),
    [
        ("type Query {", "syntax", 1, 13),
        (QUERY + "type A { b: Missing }", "known-type-names", 2, 13),
        (QUERY + "type Query { b: Int }", "unique-type-names", 1, 6),
        ("type Query { a: Int a: Int }", "unique-field-definition-names", 1, 14),
        (QUERY + "input I { a: Int }\ntype T { i: I }", "schema", 3, 13),
        (QUERY + "interface I { a: Int }\ntype T implements I { b: Int }", "schema", 2, 15),
        ("type A { a: Int }", "schema", 0, 0),
        (QUERY + "query Q { a }", "executable-definition", 2, 1),
        (QUERY + "type __A { a: Int }", "schema", 2, 1),
        (QUERY + "input I { i: I! }", "schema", 2, 11),
        ("#" * (MAX_LENGTH + 1), "syntax", 0, 0),
        ("type Query { a" + "(b: Int = [" * 3000, "syntax", 1, 1),
    ],
)
def test_an_error_names_rule_line_and_column(text: str, rule: str, line: int, column: int) -> None:
    problems = lint_sdl(text)
    assert problems
    assert {p.severity for p in problems} == {Severity.ERROR}
    assert problems[0].rule == rule
    if column > 1:
        assert (problems[0].line, problems[0].column) == (line, column)
    with pytest.raises(InvalidInput, match=rule):
        read_sdl(text)


def test_what_is_unambiguous_is_read_and_told() -> None:
    text = (
        '\ufeffextend type Query { a: Int @cost(of: 3) b: T }\ntype T @key(fields: "id") { id: ID }'
    )
    read = read_sdl(text)
    assert read.schema.query_type is not None
    assert list(read.schema.query_type.fields) == ["a", "b"]
    assert [(p.rule, p.line) for p in read.problems] == [
        ("extension-without-type", 1),
        ("known-directives", 1),
        ("known-directives", 2),
    ]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (QUERY + "type Lonely { a: Int }", "unused-type"),
        ("type Query { a: Odd } scalar Odd", "unknown-scalar"),
        ("type Query { a: low } type low { b: Int }", "type-name"),
        ("type Query { A: Int }", "field-name"),
        ("type Query { a: Int @deprecated }", "deprecation-reason"),
    ],
)
def test_a_doubt_is_a_warning_with_a_place(text: str, rule: str) -> None:
    (problem,) = lint_sdl(text)
    assert (problem.rule, problem.severity) == (rule, Severity.WARNING)
    assert problem.line > 0


def test_a_clean_schema_has_no_problems() -> None:
    text = """
    type Query { a(i: In): [U!] at: DateTime }
    union U = A | B
    type A { x: Int } type B { y: Int }
    input In { z: E = ONE }
    enum E { ONE }
    scalar DateTime
    """
    assert lint_sdl(text) == ()
