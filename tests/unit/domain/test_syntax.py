"""Trees are built one at a time, whoever asks."""

import ast
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from maestro.domain.syntax import parse_python

DEEP = "x = " + "(" * 60 + "1" + ")" * 60 + "\n" + "def f(a):\n    return [a, (a, {a: a})]\n" * 200


def test_many_threads_get_their_trees() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            trees = list(pool.map(parse_python, [DEEP] * 40))
    finally:
        sys.setswitchinterval(interval)
    assert {len(tree.body) for tree in trees} == {201}
    assert isinstance(trees[0], ast.Module)


def test_what_is_not_python_is_refused() -> None:
    with pytest.raises(SyntaxError):
        parse_python("def :")
