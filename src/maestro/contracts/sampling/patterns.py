"""A text that a regular expression matches, the same one every time."""

import re
import re._constants as kinds  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
import warnings
from functools import lru_cache
from typing import Any

_ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_.,:/@!#%&+=~"
_REPEATS = 3
"""How often an unbounded repetition is written out at most."""


def matching(pattern: str, *, least: int = 0) -> str | None:
    """A text that `pattern` finds a match in, or None for patterns that are out of reach.

    Args:
        pattern: in the dialect of JSON Schema; what Python reads differently is not tried.
        least: length that repetitions should be stretched to.
    """
    tree = _parsed(pattern)
    if tree is None:
        return None
    shortest = _Writer(0)
    text = shortest.write(tree)
    if text is not None and len(text) < least:
        text = _Writer(least - len(text)).write(tree)
    return text


def with_lookaheads(pattern: str, *, least: int = 0) -> str | None:
    """A text that begins with what each lookahead asks for, as rules for passwords have them.

    None where there are none.
    """
    tree = _parsed(pattern)
    wanted = [argument[1] for kind, argument in tree or () if kind is kinds.ASSERT]
    if tree is None or not wanted:
        return None
    texts = [_Writer(0).write(inside) for inside in wanted]
    start = "".join(text for text in texts if text is not None)
    rest = _Writer(max(least - len(start), 1)).write(tree) or ""
    return start + rest[len(start) :]


_CLASSES = {
    "L": "a-zA-Z", "Letter": "a-zA-Z", "Alphabetic": "a-zA-Z", "Lu": "A-Z", "Ll": "a-z",
    "N": "0-9", "Nd": "0-9", "P": "!-/", "S": "$+<=>", "Z": " ", "Zs": " ", "M": "\u0300",
}  # fmt: skip


@lru_cache(maxsize=1024)
def _parsed(pattern: str) -> Any:
    """The tree of a pattern of JavaScript's dialect, None where Python cannot read it."""
    made: list[str] = []
    inside = False
    for part in re.findall(r"\\p\{\w+\}|\\.|.", pattern, re.DOTALL):
        known = _CLASSES.get(part[3:-1]) if part.startswith("\\p{") else None
        if known is not None:
            part = known if inside else f"[{known}]"
        elif part in "[]":
            inside = part == "["
        made.append(part)
    text = re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", "".join(made))
    try:
        with warnings.catch_warnings(action="ignore"):  # of what Python may read differently later
            return parser.parse(text)
    except (re.error, RecursionError, OverflowError):
        return None


class _Writer:
    """Writes parsed expressions out; `spare` is how much repetitions may still add."""

    def __init__(self, spare: int) -> None:
        self._spare = spare
        self._groups: dict[int, str] = {}

    def write(self, tree: Any) -> str | None:
        made = []
        for kind, argument in tree:
            part = self._part(kind, argument)
            if part is None:
                return None
            made.append(part)
        return "".join(made)

    def _part(self, kind: Any, argument: Any) -> str | None:
        if kind in (kinds.AT, kinds.ASSERT_NOT):
            return ""
        if kind is kinds.ASSERT:  # what follows has to agree; the caller checks the result
            return ""
        if kind is kinds.LITERAL:
            return chr(argument)
        if kind is kinds.ANY:
            return "a"
        if kind is kinds.NOT_LITERAL:
            return next(c for c in _ALPHABET if ord(c) != argument)
        if kind is kinds.IN:
            return _one_of(argument)
        return self._compound(kind, argument)

    def _compound(self, kind: Any, argument: Any) -> str | None:
        if kind is kinds.BRANCH:
            texts = (self.write(branch) for branch in argument[1])
            return next((text for text in texts if text is not None), None)
        if kind is kinds.SUBPATTERN:
            text = self.write(argument[3])
            if text is not None and argument[0] is not None:
                self._groups[argument[0]] = text
            return text
        if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT):
            return self._repeated(*argument)
        if kind is kinds.ATOMIC_GROUP:
            return self.write(argument)
        if kind is kinds.GROUPREF:
            return self._groups.get(argument, "")
        return None

    def _repeated(self, least: int, most: int, tree: Any) -> str | None:
        text = self.write(tree)
        if text is None or least > 10_000:
            return None if least else ""
        times = least or min(most, _REPEATS if self._spare else 1)
        if self._spare and text:
            extra = min(max(most - times, 0), -(-self._spare // len(text)), 10_000)
            times += extra
            self._spare -= extra * len(text)
        return text * times


_CATEGORIES = {
    kinds.CATEGORY_DIGIT: "1",
    kinds.CATEGORY_SPACE: " ",
    kinds.CATEGORY_WORD: "a",
    kinds.CATEGORY_NOT_DIGIT: "a",
    kinds.CATEGORY_NOT_SPACE: "a",
    kinds.CATEGORY_NOT_WORD: "-",
}


def _one_of(members: Any) -> str | None:
    """A character of a set; letters and digits are preferred over the rest."""
    if members and members[0][0] is kinds.NEGATE:
        return next((c for c in _ALPHABET if not any(_holds(m, c) for m in members[1:])), None)
    preferred = next((c for c in _ALPHABET if any(_holds(m, c) for m in members)), None)
    return preferred or _first(members[0])


def _holds(member: Any, character: str) -> bool:
    kind, argument = member
    if kind is kinds.LITERAL:
        return bool(ord(character) == argument)
    if kind is kinds.RANGE:
        return bool(argument[0] <= ord(character) <= argument[1])
    return _matches_category(argument, character)


def _matches_category(category: Any, character: str) -> bool:
    tests = {
        kinds.CATEGORY_DIGIT: character.isdigit(),
        kinds.CATEGORY_SPACE: character.isspace(),
        kinds.CATEGORY_WORD: character.isalnum() or character == "_",
    }
    for positive, negative in (
        (kinds.CATEGORY_DIGIT, kinds.CATEGORY_NOT_DIGIT),
        (kinds.CATEGORY_SPACE, kinds.CATEGORY_NOT_SPACE),
        (kinds.CATEGORY_WORD, kinds.CATEGORY_NOT_WORD),
    ):
        tests[negative] = not tests[positive]
    return tests.get(category, False)


def _first(member: Any) -> str | None:
    kind, argument = member
    if kind is kinds.LITERAL:
        return chr(argument)
    if kind is kinds.RANGE:
        return chr(argument[0])
    return _CATEGORIES.get(argument)
