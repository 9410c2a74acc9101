"""Whether two path patterns can name the same file."""

import re

_PIECES = re.compile(r"\*\*/|\*\*|\*|\?|.", re.DOTALL)
_RUNS = ("**", "*")
_FOLDERS = "**/"


def may_meet(one: str, other: str) -> bool:
    """Whether some path fits both patterns.

    `**` stands for any folders, `*` and `?` for anything within one name. Both patterns are walked
    side by side as two automata; the pairs of places reached are finite, so this ends for every
    pattern in time that grows with the product of their lengths.
    """
    left, right = _tokens(one), _tokens(other)
    seen: set[tuple[int, int]] = set()
    open_pairs = [(0, 0)]
    while open_pairs:
        pair = open_pairs.pop()
        if pair in seen:
            continue
        seen.add(pair)
        if pair == (len(left), len(right)):
            return True
        open_pairs += _next(left, right, *pair)
    return False


def _tokens(pattern: str) -> list[str]:
    """`**/` becomes "any run, then a slash", with a mark before it that may be jumped over."""
    tokens: list[str] = []
    for piece in _PIECES.findall(pattern):
        tokens += (_FOLDERS, "**", "/") if piece == _FOLDERS else (piece,)
    return tokens


def _next(left: list[str], right: list[str], i: int, j: int) -> list[tuple[int, int]]:
    here = left[i] if i < len(left) else ""
    there = right[j] if j < len(right) else ""
    found = [(skipped, j) for skipped in _without_a_character(here, i)]
    found += [(i, skipped) for skipped in _without_a_character(there, j)]
    if _is_character(here) and _is_character(there):
        if _agree(here, there):
            found.append((i + 1, j + 1))
    elif here in _RUNS and _is_character(there) and _takes(here, there):
        found.append((i, j + 1))
    elif there in _RUNS and _is_character(here) and _takes(there, here):
        found.append((i + 1, j))
    return found


def _without_a_character(token: str, at: int) -> tuple[int, ...]:
    if token in _RUNS:
        return (at + 1,)
    return (at + 1, at + 3) if token == _FOLDERS else ()


def _is_character(piece: str) -> bool:
    return len(piece) == 1 and piece != "*"


def _takes(run: str, character: str) -> bool:
    return run == "**" or character != "/"


def _agree(one: str, other: str) -> bool:
    if "?" in (one, other):
        return "/" not in (one, other)
    return one == other
