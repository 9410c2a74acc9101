"""What a query may cost, looked at before anything is validated or executed."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
)

from maestro.contracts.mocks.graphql.memory import refused

MAX_TOKENS = 10_000
MAX_DEPTH = 20
MAX_FIELDS = 20_000
"""Of all operations, each fragment counted as often as it is used."""
MAX_ALIASES = 50
"""Of one field in one selection."""
MAX_REPEATS = 10
"""Of one response key in one selection; merging them costs the square of their number."""
MAX_FRAGMENTS = 100
MAX_ROOT_FIELDS = 50
MAX_DIRECTIVES = 200
MAX_OPERATIONS = 50

_CODE = "QUERY_TOO_COMPLEX"


def check_limits(document: DocumentNode) -> GraphQLError | None:
    """What makes the document too expensive, None if nothing does."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    operations = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    if len(operations) > MAX_OPERATIONS:
        return refused(f"more than {MAX_OPERATIONS} operations in a document", _CODE)
    if len(fragments) > MAX_FRAGMENTS:
        return refused(f"more than {MAX_FRAGMENTS} fragments in a document", _CODE)
    measure = _Measure(fragments)
    try:
        for fragment in fragments.values():
            measure.fragment(fragment.name.value, ())
        for operation in operations:
            measure.operation(operation)
    except GraphQLError as error:
        return error
    return None


class _Measure:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, tuple[int, int]] = {}
        self._directives = 0

    def operation(self, operation: OperationDefinitionNode) -> None:
        is_query = len(operation.selection_set.selections) > MAX_ROOT_FIELDS
        if is_query:
            raise refused(f"more than {MAX_ROOT_FIELDS} fields at the root", _CODE)
        depth, fields = self._selection(operation.selection_set, ())
        _check(depth, fields)

    def fragment(self, name: str, open_names: tuple[str, ...]) -> tuple[int, int]:
        """Depth and fields; nothing for what is unknown or contains itself, which validation
        reports.
        """
        fragment = self._fragments.get(name)
        if fragment is None or name in open_names:
            return 0, 0
        if name not in self._known:
            self._known[name] = self._selection(fragment.selection_set, (*open_names, name))
            _check(*self._known[name])
        return self._known[name]

    def _selection(
        self, selected: SelectionSetNode | None, open_names: tuple[str, ...]
    ) -> tuple[int, int]:
        deepest = fields = 0
        names: Counter[str] = Counter()
        keys: Counter[str] = Counter()
        for node in selected.selections if selected else ():
            self._count_directives(node)
            if isinstance(node, FragmentSpreadNode):
                depth, inside = self.fragment(node.name.value, open_names)
            elif isinstance(node, FieldNode):
                names[node.name.value] += 1
                keys[(node.alias or node.name).value] += 1
                depth, inside = self._selection(node.selection_set, open_names)
                depth, inside = depth + 1, inside + 1
            else:
                inner: Any = node
                depth, inside = self._selection(inner.selection_set, open_names)
            deepest, fields = max(deepest, depth), fields + inside
        _check_repeats(names, MAX_ALIASES)
        _check_repeats(keys, MAX_REPEATS)
        return deepest, fields

    def _count_directives(self, node: Any) -> None:
        self._directives += len(node.directives or ())
        if self._directives > MAX_DIRECTIVES:
            raise refused(f"more than {MAX_DIRECTIVES} directives in a document", _CODE)


def _check_repeats(counted: Counter[str], most: int) -> None:
    for name, count in counted.items():
        if count > most:
            raise refused(
                f"{name!r} is asked for {count} times in one place; {most} are allowed", _CODE
            )


def _check(depth: int, fields: int) -> None:
    if depth > MAX_DEPTH:
        raise refused(f"the query is {depth} fields deep; {MAX_DEPTH} are allowed", _CODE)
    if fields > MAX_FIELDS:
        raise refused(f"the query has {fields} fields; {MAX_FIELDS} are allowed", _CODE)
