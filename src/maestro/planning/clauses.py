"""Chunks read as statements: who does what to what, with, by or from what.

A finite-state reading, on purpose: enumerations are where a statistical dependency parse goes wrong
most often and what a requirement consists of. The parse is used below, for words and phrases.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from maestro.planning.chunks import Chunk, Mark, Noun, Prep, Verb
from maestro.planning.tagging import Kind

_SEPARATORS = (Kind.COMMA, Kind.CONJUNCTION)
_ANNOUNCING = (
    "field", "attribute", "property", "column", "feature", "service", "microservice", "entity",
    "thing", "part", "module", "section", "option", "value", "status", "type", "table", "resource",
    "category", "role", "component", "function", "detail", "requirement",
)  # fmt: skip
_CHOICES = ("status", "state", "type", "kind", "category", "priority", "level", "stage", "role")
_MEASURING = ("in", "per", "from", "to", "up", "as")
_CLAUSE_WORDS = (
    "where",
    "so",
    "when",
    "if",
    "because",
    "while",
    "whenever",
    "once",
    "unless",
    "how",
)


@dataclass(slots=True, kw_only=True, eq=False)
class Statement:
    """A verb with what belongs to it; without a verb, a row of nouns."""

    verb: Verb | None = None
    subject: list[Noun] = field(default_factory=list)
    objects: list[Noun] = field(default_factory=list)
    preps: list[Prep] = field(default_factory=list)
    """Complements of the verb itself (`filter by status`); others hang on their noun."""
    label: list[Noun] = field(default_factory=list)
    """What stands before a colon that introduces `objects`."""
    start: int = 0
    end: int = 0

    @property
    def verb_is_passive(self) -> bool:
        return self.verb is not None and self.verb.passive

    def prep(self, *words: str) -> Prep | None:
        """The first complement with one of the words, on the verb or on its objects."""
        for prep in (*self.preps, *(p for noun in self.objects for p in noun.preps)):
            if prep.word in words:
                return prep
        return None

    @property
    def nouns(self) -> list[Noun]:
        """Every noun phrase in it, complements included."""
        found: list[Noun] = []
        waiting = [*self.label, *self.subject, *self.objects]
        waiting += [noun for prep in self.preps for noun in prep.nouns]
        while waiting:
            noun = waiting.pop(0)
            found.append(noun)
            waiting += [inner for prep in noun.preps for inner in prep.nouns]
        return found


def statements(chunks: Sequence[Chunk]) -> list[Statement]:
    return _Reader(chunks).run()


class _Reader:
    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._chunks = chunks
        self._at = 0
        self._found: list[Statement] = []

    def run(self) -> list[Statement]:
        subject: list[Noun] = []
        while self._at < len(self._chunks):
            before = self._at
            subject = self._step(subject)
            if self._at == before:
                self._at += 1
        return self._found

    def _peek(self, ahead: int = 0) -> Chunk | None:
        index = self._at + ahead
        return self._chunks[index] if index < len(self._chunks) else None

    def _step(self, subject: list[Noun]) -> list[Noun]:
        """Reads one clause; returns the subject a following bare verb would have."""
        chunk = self._peek()
        if isinstance(chunk, Noun):
            return self._from_nouns()
        if isinstance(chunk, Verb):
            return self._predicate(subject)
        if _is_mark(chunk, Kind.PREPOSITION, Kind.TO):
            return self._from_preposition(subject)
        if _is_mark(chunk, Kind.RELATIVE):
            self._at += 1
            return self._relative(subject)
        if _is_mark(chunk, Kind.STOP):
            self._at += 1
            return []
        self._at += 1
        return subject

    def _relative(self, subject: list[Noun]) -> list[Noun]:
        """`tasks that have`: the last noun acts. `where users can`: a clause of its own."""
        mark = self._chunks[self._at - 1]
        assert isinstance(mark, Mark)
        if mark.text in _CLAUSE_WORDS or not self._found:
            return [] if mark.text in _CLAUSE_WORDS else subject
        last = self._found[-1]
        antecedent = (last.objects or last.subject or last.label)[-1:]
        for prep in last.preps or [p for noun in antecedent for p in noun.preps]:
            if prep.nouns:
                antecedent = prep.nouns[-1:]
        return antecedent

    def _from_nouns(self) -> list[Noun]:
        nouns = self._noun_list(stop_before_clause=False)
        self._attach_preps(nouns)
        following = self._peek()
        if isinstance(following, Verb) and (following.finite or following.passive):
            return self._predicate(nouns)
        if _is_mark(following, Kind.COLON):
            return self._after_colon(nouns)
        self._add(Statement(objects=nouns, start=nouns[0].start, end=_reach(nouns)))
        return nouns[-1:]

    def _after_colon(self, label: list[Noun]) -> list[Noun]:
        self._at += 1
        following = self._peek()
        if not isinstance(following, Noun):
            self._add(Statement(label=label, start=label[0].start, end=_reach(label)))
            return label[-1:]
        mark = self._at
        nouns = self._noun_list(stop_before_clause=False)
        self._attach_preps(nouns)
        if isinstance(self._peek(), Verb):
            self._at = mark
            for noun in nouns:
                noun.preps.clear()
            self._add(Statement(label=label, start=label[0].start, end=_reach(label)))
            return label[-1:]
        end = _reach(nouns)
        self._add(Statement(label=label, objects=nouns, start=label[0].start, end=end))
        return label[-1:]

    def _from_preposition(self, subject: list[Noun]) -> list[Noun]:
        """A complement that nothing before it claimed, e.g. `for managing books`."""
        mark = self._chunks[self._at]
        self._at += 1
        following = self._peek()
        if isinstance(following, Verb):
            return self._predicate([])
        if isinstance(following, Noun) and isinstance(mark, Mark):
            nouns = self._noun_list(stop_before_clause=True)
            self._attach_preps(nouns)
            verb = self._peek()
            if isinstance(verb, Verb) and mark.text in ("for", "to", "that"):
                return self._predicate(nouns)
            prep = Prep(word=mark.text, nouns=nouns, start=mark.start, end=_reach(nouns))
            self._add(Statement(preps=[prep], start=mark.start, end=prep.end))
        return subject

    def _predicate(self, subject: list[Noun]) -> list[Noun]:
        """One verb or several sharing an object, then what it is done to and how."""
        first = self._peek()
        if isinstance(first, Verb) and first.imperative and self._after_verbless_clause():
            subject = []
        verbs = self._verbs()
        objects: list[Noun] = []
        preps: list[Prep] = []
        colon = _is_mark(self._peek(), Kind.COLON) and isinstance(self._peek(1), Noun)
        if colon:
            self._at += 1
        if isinstance(self._peek(), Noun):
            objects = self._noun_list(stop_before_clause=True)
        if len(objects) == 1 and objects[0].pronoun and isinstance(self._peek(), Noun):
            objects += self._noun_list(stop_before_clause=True)  # "make me a list"
        if objects:
            self._attach_preps(objects)
        else:
            preps = self._preps()
        end = max([verbs[-1].end, *(p.end for p in preps), _reach(objects)])
        start = verbs[0].start
        if subject and _reach(subject) <= start <= _reach(subject) + 1:
            start = subject[0].start
        for verb in verbs:
            self._add(
                Statement(
                    verb=verb, subject=subject, objects=objects, preps=preps, start=start, end=end
                )
            )
        following = self._peek()
        embedded = isinstance(following, Verb) and bool(objects)
        return objects[-1:] if embedded else subject

    def _after_verbless_clause(self) -> bool:
        """`recipes with steps, recommend dishes`: nobody acts in front of the comma."""
        before = self._chunks[self._at - 1] if self._at else None
        return _is_mark(before, *_SEPARATORS) and bool(self._found) and self._found[-1].verb is None

    def _verbs(self) -> list[Verb]:
        first = self._peek()
        assert isinstance(first, Verb)
        verbs = [first]
        self._at += 1
        while True:
            ahead = 0
            while _is_mark(self._peek(ahead), *_SEPARATORS):
                ahead += 1
            following = self._peek(ahead)
            if ahead == 0 or not isinstance(following, Verb) or verbs[-1].particle:
                return verbs
            if following.passive != first.passive and following.modal:
                return verbs
            verbs.append(following)
            self._at += ahead + 1

    def _noun_list(self, *, stop_before_clause: bool) -> list[Noun]:
        """`a, b (x, y) and c`. A last item in front of a finite verb begins the next clause."""
        first = self._peek()
        assert isinstance(first, Noun)
        nouns = [first]
        self._at += 1
        while True:
            self._skip_infinitive(nouns[-1])
            ahead = 0
            while _is_mark(self._peek(ahead), *_SEPARATORS):
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
        ends = after is None or _is_mark(after, *_SEPARATORS, Kind.STOP)
        if isinstance(verb, Verb) and not verb.finite and not verb.passive and ends:
            noun.end = verb.end
            self._at += 1

    def _opens_clause(self, ahead: int, stop_before_clause: bool) -> bool:
        noun, after = self._peek(ahead), self._peek(ahead + 1)
        choice = stop_before_clause and isinstance(noun, Noun) and noun.head in _CHOICES
        if _is_mark(after, Kind.COLON) and not choice:
            return True
        if not stop_before_clause:
            return False
        skip = ahead + 1
        while _is_mark(self._peek(skip), Kind.PREPOSITION) and isinstance(
            self._peek(skip + 1), Noun
        ):
            skip += 2
        verb = self._peek(skip)
        return isinstance(verb, Verb) and verb.finite

    def _attach_preps(self, nouns: list[Noun]) -> None:
        """Complements go to the noun before them; a second `with` to the innermost one. A list
        goes on behind them: `weight in kg, rating from 1 to 5 and a name`.
        """
        while True:
            found = self._preps()
            for prep in found:
                self._hang(prep, nouns[-1])
            listing = found and found[-1].word not in ("with", "including", "for", "by")
            separated = _is_mark(self._peek(), *_SEPARATORS)
            if not listing or not separated or len(found[-1].nouns) > 1:
                return
            ahead = 1
            while _is_mark(self._peek(ahead), *_SEPARATORS):
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
            if mark.text == "for" and isinstance(self._peek(ahead + 2), Verb):
                return found
            self._at += ahead + 1
            nouns = self._complement(mark.text)
            end = _reach(nouns)
            found.append(Prep(word=mark.text, nouns=nouns, start=mark.start, end=end))
            if _is_mark(self._peek(), Kind.COLON) and isinstance(self._peek(1), Noun):
                self._list_behind_colon(found[-1])

    def _separates_preps(self, found: Sequence[Prep]) -> bool:
        """A comma, or `and` in `by genre and by author`."""
        if _is_mark(self._peek(), Kind.COMMA):
            return True
        mark = self._peek(1)
        repeated = isinstance(mark, Mark) and bool(found) and mark.text == found[-1].word
        return _is_mark(self._peek(), Kind.CONJUNCTION) and repeated

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
        announces |= noun.head in _CHOICES and not isinstance(self._peek(2), Verb)
        if self._followed_by_clause() or not announces:
            return
        self._at += 1
        listed = self._noun_list(stop_before_clause=True)
        prep.nouns[-1].preps.append(
            Prep(word=":", nouns=listed, start=listed[0].start, end=_reach(listed))
        )
        prep.end = _reach(listed)

    def _followed_by_clause(self) -> bool:
        ahead = 1
        while isinstance(self._peek(ahead), Noun) or _is_mark(self._peek(ahead), *_SEPARATORS):
            ahead += 1
        verb = self._peek(ahead)
        return isinstance(verb, Verb) and ahead == 2

    def _add(self, statement: Statement) -> None:
        self._found.append(statement)


def _is_mark(chunk: Chunk | None, *wanted: Kind) -> bool:
    return isinstance(chunk, Mark) and chunk.kind in wanted


def _reach(nouns: Sequence[Noun]) -> int:
    """Where the phrases end, complements of complements included."""
    ends = [0]
    for noun in nouns:
        ends.append(noun.end)
        for prep in noun.preps:
            ends += [prep.end, _reach(prep.nouns)]
    return max(ends)
