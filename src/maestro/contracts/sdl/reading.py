"""From the text of a schema definition to a schema that can be executed."""

from collections.abc import Sequence
from dataclasses import dataclass

from graphql import (
    DefinitionNode,
    DirectiveDefinitionNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    EnumTypeExtensionNode,
    GraphQLError,
    GraphQLSchema,
    InputObjectTypeDefinitionNode,
    InputObjectTypeExtensionNode,
    InterfaceTypeDefinitionNode,
    InterfaceTypeExtensionNode,
    KnownDirectivesRule,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    ScalarTypeDefinitionNode,
    ScalarTypeExtensionNode,
    SchemaDefinitionNode,
    SchemaExtensionNode,
    TypeDefinitionNode,
    UnionTypeDefinitionNode,
    UnionTypeExtensionNode,
    build_ast_schema,
    parse,
    validate_schema,
)
from graphql.validation.specified_rules import specified_sdl_rules
from graphql.validation.validate import validate_sdl

from maestro.domain.contract import Contract, Severity, SpecificationFormat
from maestro.errors import InvalidInput

MAX_LENGTH = 8 * 1024 * 1024
"""Characters; the largest public schemas have two million."""
MAX_TOKENS = 1_000_000
MAX_PROBLEMS = 100

_DEFINITION_OF: dict[type[DefinitionNode], type[TypeDefinitionNode]] = {
    ObjectTypeExtensionNode: ObjectTypeDefinitionNode,
    InterfaceTypeExtensionNode: InterfaceTypeDefinitionNode,
    UnionTypeExtensionNode: UnionTypeDefinitionNode,
    EnumTypeExtensionNode: EnumTypeDefinitionNode,
    InputObjectTypeExtensionNode: InputObjectTypeDefinitionNode,
    ScalarTypeExtensionNode: ScalarTypeDefinitionNode,
}
_SCHEMA_PARTS = (
    TypeDefinitionNode,
    DirectiveDefinitionNode,
    SchemaDefinitionNode,
    SchemaExtensionNode,
    *_DEFINITION_OF,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SdlProblem:
    """Something in a schema definition that is wrong, or was read with a grain of salt."""

    rule: str
    """Stable slug, e.g. `syntax` or `known-type-names`."""
    message: str
    line: int = 0
    """Counted from 1; 0 where no place can be named."""
    column: int = 0
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = f"line {self.line}, column {self.column}: " if self.line else ""
        return f"{place}{self.message} ({self.rule})"


@dataclass(frozen=True, slots=True)
class ReadSdl:
    text: str
    document: DocumentNode
    schema: GraphQLSchema
    problems: tuple[SdlProblem, ...]
    """What was unambiguous all the same; warnings only."""


def sdl_of(contract: Contract) -> str:
    """The text a GraphQL contract holds. Raises InvalidInput for another kind of contract."""
    text = contract.specification.get("sdl")
    if contract.format is not SpecificationFormat.GRAPHQL or not isinstance(text, str):
        raise InvalidInput(
            f"contract {contract.id!r} has format {contract.format.value!r}; a GraphQL contract "
            'has format "graphql" and the specification {"sdl": text}'
        )
    return text


def read_sdl(text: str, *, name: str = "the schema") -> ReadSdl:
    """A valid schema.

    Raises:
        InvalidInput: naming line, column and rule of what makes the text unusable.
    """
    read, problems = examine_sdl(text)
    if read is None:
        shown = "; ".join(str(problem) for problem in problems[:3])
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise InvalidInput(f"{name} is no usable GraphQL schema: {shown}{more}")
    return read


def examine_sdl(text: str) -> tuple[ReadSdl | None, tuple[SdlProblem, ...]]:
    """The schema, or None with the errors that prevent it."""
    text = text.removeprefix("\ufeff")
    try:
        document = parse(
            text,
            max_lexical_tokens=MAX_TOKENS,
            max_comments=MAX_TOKENS,
            max_source_length=MAX_LENGTH,
        )
    except GraphQLError as error:
        return None, (problem_of(error, "syntax"),)
    foreign = _queries(document)
    if foreign:
        return None, tuple(foreign)
    document, notes = _with_orphans_defined(document)
    errors, warnings = _rule_problems(document)
    notes += warnings
    if errors:
        return None, tuple(errors[:MAX_PROBLEMS])
    try:
        schema = build_ast_schema(document, assume_valid_sdl=True)
    except (GraphQLError, TypeError) as error:
        return None, (_building_problem(error),)
    errors = [problem_of(error, "schema") for error in validate_schema(schema)]
    if errors:
        return None, tuple(errors[:MAX_PROBLEMS])
    return ReadSdl(text, document, schema, tuple(notes[:MAX_PROBLEMS])), ()


def problem_of(error: GraphQLError, rule: str, severity: Severity = Severity.ERROR) -> SdlProblem:
    place = error.locations[0] if error.locations else None
    return SdlProblem(
        rule=rule,
        message=error.message,
        line=place.line if place else 0,
        column=place.column if place else 0,
        severity=severity,
    )


def _building_problem(error: Exception) -> SdlProblem:
    if isinstance(error, GraphQLError):
        return problem_of(error, "schema")
    return SdlProblem(rule="schema", message=str(error))


def _queries(document: DocumentNode) -> list[SdlProblem]:
    return [
        SdlProblem(
            rule="executable-definition",
            message="queries and fragments do not belong in a schema",
            line=node.loc.start_token.line if node.loc else 0,
            column=node.loc.start_token.column if node.loc else 0,
        )
        for node in document.definitions
        if not isinstance(node, _SCHEMA_PARTS)
    ]


def _with_orphans_defined(document: DocumentNode) -> tuple[DocumentNode, list[SdlProblem]]:
    """`extend type Query` without a `type Query`, as parts of federated graphs have it."""
    known = {
        node.name.value for node in document.definitions if isinstance(node, TypeDefinitionNode)
    }
    definitions: list[DefinitionNode] = []
    notes: list[SdlProblem] = []
    for node in document.definitions:
        made = _DEFINITION_OF.get(type(node))
        named = getattr(node, "name", None)
        if made is None or named is None or named.value in known:
            definitions.append(node)
            continue
        known.add(named.value)
        kept = {key: getattr(node, key) for key in node.keys if key != "description"}
        definitions.append(made(**{**kept, "loc": node.loc}))
        place = node.loc.start_token if node.loc else None
        notes.append(
            SdlProblem(
                rule="extension-without-type",
                message=f"{named.value!r} is extended but not defined; the extension defines it",
                line=place.line if place else 0,
                column=place.column if place else 0,
                severity=Severity.WARNING,
            )
        )
    return DocumentNode(definitions=tuple(definitions), loc=document.loc), notes


def _rule_problems(document: DocumentNode) -> tuple[list[SdlProblem], list[SdlProblem]]:
    """Errors, and the unknown directives, which change nothing that is served."""
    hard = [rule for rule in specified_sdl_rules if rule is not KnownDirectivesRule]
    directives = validate_sdl(document, rules=[KnownDirectivesRule])
    warnings = [problem_of(e, "known-directives", Severity.WARNING) for e in directives]
    if not validate_sdl(document, rules=hard):
        return [], warnings
    errors: list[SdlProblem] = []
    for rule in hard:  # one by one: only so is it known which rule an error comes from
        errors += _problems_by(rule.__name__, validate_sdl(document, rules=[rule]))
    return errors, warnings


def _problems_by(rule: str, errors: Sequence[GraphQLError]) -> list[SdlProblem]:
    slug = "".join(f"-{c.lower()}" if c.isupper() else c for c in rule.removesuffix("Rule"))
    return [problem_of(error, slug.lstrip("-")) for error in errors]
