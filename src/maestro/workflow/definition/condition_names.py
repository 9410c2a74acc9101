"""Renaming what a CEL condition refers to, where a workflow becomes part of a larger one.

Only names that stand in the condition as such are touched, never text inside quotes. A caller who
must be sure compiles the result and compares the names it uses.
"""

import re
from collections.abc import Mapping

_TOKEN = re.compile(
    r"""
      (?P<comment>//[^\n]*)
    | (?P<raw>(?:[rR][bB]?|[bB][rR])(?:\"\"\"(?s:.*?)\"\"\"|'''(?s:.*?)'''
          |"[^"\n]*"|'[^'\n]*'))
    | (?P<text>[bB]?(?:\"\"\"(?s:(?:\\.|[^\\])*?)\"\"\"|'''(?s:(?:\\.|[^\\])*?)'''
          |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    | (?P<chain>[A-Za-z_][A-Za-z0-9_]*(?:\s*\.\s*[A-Za-z_][A-Za-z0-9_]*)*)
    | (?P<number>[0-9](?:[0-9A-Za-z_]|\.[0-9])*)
    """,
    re.VERBOSE,
)


def condition_name(step_id: str) -> str:
    """A step's id as conditions write it."""
    return re.sub(r"[-.]", "_", step_id)


def rename_condition(source: str, names: Mapping[str, str]) -> str:
    """The condition with every dotted name replaced that begins with one of `names`.

    Of several that fit, the longest counts. A name that follows a `.` is a field, not a name.
    """
    pieces: list[str] = []
    position = 0
    for token in _TOKEN.finditer(source):
        pieces.append(source[position : token.start()])
        position = token.end()
        chain = token.group("chain")
        is_field = "".join(pieces).rstrip().endswith(".") if chain else False
        pieces.append(_renamed(chain, names) if chain and not is_field else token.group())
    pieces.append(source[position:])
    return "".join(pieces)


def _renamed(chain: str, names: Mapping[str, str]) -> str:
    words = re.split(r"\s*\.\s*", chain)
    for length in range(len(words), 0, -1):
        wanted = names.get(".".join(words[:length]))
        if wanted is not None:
            return ".".join([wanted, *words[length:]])
    return chain
