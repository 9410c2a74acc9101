"""Python source to its syntax tree, safely from several threads."""

import ast
import threading

ONE_TREE_AT_A_TIME = threading.Lock()
"""CPython before 3.11.5 counts the recursion of all threads that build trees in one place, and ends
with a SystemError when they overlap (python/cpython issue 106905). Whoever calls a library that
builds trees holds it, too: `packaging` does for every marker, numpy for every header."""


def parse_python(text: str) -> ast.Module:
    """Raises SyntaxError or ValueError for text that is not Python."""
    with ONE_TREE_AT_A_TIME:
        return ast.parse(text)


def parse_expression(text: str) -> ast.expr:
    """Raises SyntaxError or ValueError for text that is not one Python expression."""
    with ONE_TREE_AT_A_TIME:
        return ast.parse(text, mode="eval").body
