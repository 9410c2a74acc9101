"""Python source to its syntax tree, safely from several threads."""

import ast
import threading

_ONE_AT_A_TIME = threading.Lock()
"""CPython 3.11 counts the recursion of all threads that build trees in one place, and ends with a
SystemError when they overlap (python/cpython issue 106905)."""


def parse_python(text: str) -> ast.Module:
    """Raises SyntaxError or ValueError for text that is not Python."""
    with _ONE_AT_A_TIME:
        return ast.parse(text)


def parse_expression(text: str) -> ast.expr:
    """Raises SyntaxError or ValueError for text that is not one Python expression."""
    with _ONE_AT_A_TIME:
        return ast.parse(text, mode="eval").body
