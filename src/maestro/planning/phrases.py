"""Noun lists with their complements, read from a row of chunks."""

from collections.abc import Sequence

from maestro.planning.chunks import Chunk, Mark, Noun, Prep, Verbal
from maestro.planning.tagging import Kind

SEPARATORS = (Kind.COMMA, Kind.CONJUNCTION)
_ANNOUNCING = (
    "field", "attribute", "property", "column", "feature", "service", "microservice", "entity",
    "thing", "part", "module", "section", "option", "value", "status", "type", "table", "resource",
    "category", "role", "component", "function", "detail", "requirement",
)  # fmt: skip
_CHOICES = ("status", "state", "type", "kind", "category", "priority", "level", "stage", "role")
_MEASURING = ("in", "per", "from", "to", "up", "as")


class PhraseReader:
    """A place in a row of chunks, and how lists and complements are taken from there."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._chunks = chunks
        self._at = 0

    def _peek(self, ahead: int = 0) -> Chunk | None:
        index = self._at + ahead
        return self._chunks[index] if index < len(self._chunks) else None

    def _noun_list(self, *, stop_before_clause: bool) -> list[Noun]:
        """`a, b (x, y) and c`. A last item in front of a finite verb begins the next clause."""
        first = self._peek()
        assert isinstance(first, Noun)
        nouns = [first]
        self._at += 1
        while True:
            self._skip_infinitive(nouns[-1])
            ahead = 0
            while is_mark(self._peek(ahead), *SEPARATORS):
                ahead += 1
            following = self._peek(ahead)
            if ahead == 0 or not isinstance(following, Noun):
                return nouns
            if self._opens_clause(ahead, stop_before_clause):
                return nouns
            nouns.append(following)
            self._at += ahead + 1

    def _skip_infinitive(self, noun: Noun) -> None:
        """`steps to reproduce, severity`: what the noun is for belongs to it."""
        verb, after = self._peek(), self._peek(1)
        ends = after is None or is_mark(after, *SEPARATORS, Kind.STOP)
        if isinstance(verb, Verbal) and not verb.finite and not verb.passive and ends:
            noun.end = verb.end
            self._at += 1

    def _opens_clause(self, ahead: int, stop_before_clause: bool) -> bool:
        noun, after = self._peek(ahead), self._peek(ahead + 1)
        choice = stop_before_clause and isinstance(noun, Noun) and noun.head in _CHOICES
        if is_mark(after, Kind.COLON) and not choice:
            return True
        if not stop_before_clause:
            return False
        skip = ahead + 1
        while is_mark(self._peek(skip), Kind.PREPOSITION) and isinstance(
            self._peek(skip + 1), Noun
        ):
            skip += 2
        verb = self._peek(skip)
        return isinstance(verb, Verbal) and verb.finite

    def _attach_preps(self, nouns: list[Noun]) -> None:
        """Complements go to the noun before them; a second `with` to the innermost one. A list
        goes on behind them: `weight in kg, rating from 1 to 5 and a name`.
        """
        while True:
            found = self._preps()
            for prep in found:
                self._hang(prep, nouns[-1])
            listing = found and found[-1].word not in ("with", "including", "for", "by")
            separated = is_mark(self._peek(), *SEPARATORS)
            if not listing or not separated or len(found[-1].nouns) > 1:
                return
            ahead = 1
            while is_mark(self._peek(ahead), *SEPARATORS):
                ahead += 1
            following = self._peek(ahead)
            if not isinstance(following, Noun) or self._opens_clause(ahead, True):
                return
            self._at += ahead
            nouns += self._noun_list(stop_before_clause=True)

    def _hang(self, prep: Prep, target: Noun) -> None:
        earlier = target.prep("with", "including", "containing")
        if prep.word == "with" and earlier and len(earlier.nouns) > 1:
            target = earlier.nouns[-1]
        elif prep.word in ("of", "in", "on", "at") and target.preps and target.preps[-1].nouns:
            target = target.preps[-1].nouns[-1]
        target.preps.append(prep)

    def _preps(self) -> list[Prep]:
        found: list[Prep] = []
        while True:
            ahead = 1 if self._separates_preps(found) else 0
            mark = self._peek(ahead)
            if not isinstance(mark, Mark) or mark.kind not in (Kind.PREPOSITION, Kind.TO):
                return found
            if not isinstance(self._peek(ahead + 1), Noun):
                return found
            if mark.text == "for" and isinstance(self._peek(ahead + 2), Verbal):
                return found
            self._at += ahead + 1
            nouns = self._complement(mark.text)
            end = reach(nouns)
            found.append(Prep(word=mark.text, nouns=nouns, start=mark.start, end=end))
            if is_mark(self._peek(), Kind.COLON) and isinstance(self._peek(1), Noun):
                self._list_behind_colon(found[-1])

    def _separates_preps(self, found: Sequence[Prep]) -> bool:
        """A comma, or `and` in `by genre and by author`."""
        if is_mark(self._peek(), Kind.COMMA):
            return True
        mark = self._peek(1)
        repeated = isinstance(mark, Mark) and bool(found) and mark.text == found[-1].word
        return is_mark(self._peek(), Kind.CONJUNCTION) and repeated

    def _complement(self, word: str) -> list[Noun]:
        """Units and numbers stand alone (`in kg, ...`); other complements may be lists."""
        first = self._peek()
        assert isinstance(first, Noun)
        bare = not first.determiner and not first.plural and not first.modifiers
        if word in _MEASURING and (bare or bool(first.number)):
            self._at += 1
            return [first]
        return self._noun_list(stop_before_clause=True)

    def _list_behind_colon(self, prep: Prep) -> None:
        """`with the following fields: a, b` and `as three services: a, b`: the list is meant."""
        noun = prep.nouns[-1]
        announces = noun.plural and (noun.head in _ANNOUNCING or bool(noun.number))
        announces |= noun.head in _CHOICES and not isinstance(self._peek(2), Verbal)
        if self._followed_by_clause() or not announces:
            return
        self._at += 1
        listed = self._noun_list(stop_before_clause=True)
        prep.nouns[-1].preps.append(
            Prep(word=":", nouns=listed, start=listed[0].start, end=reach(listed))
        )
        prep.end = reach(listed)

    def _followed_by_clause(self) -> bool:
        ahead = 1
        while isinstance(self._peek(ahead), Noun) or is_mark(self._peek(ahead), *SEPARATORS):
            ahead += 1
        verb = self._peek(ahead)
        return isinstance(verb, Verbal) and ahead == 2


def is_mark(chunk: Chunk | None, *wanted: Kind) -> bool:
    return isinstance(chunk, Mark) and chunk.kind in wanted


def reach(nouns: Sequence[Noun]) -> int:
    """Where the phrases end, complements of complements included."""
    ends = [0]
    for noun in nouns:
        ends.append(noun.end)
        for prep in noun.preps:
            ends += [prep.end, reach(prep.nouns)]
    return max(ends)
