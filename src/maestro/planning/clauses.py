"""Chunks read as statements: who does what to what, with, by or from what.

A finite-state reading, on purpose: enumerations are where a statistical dependency parse goes wrong
most often and what a requirement consists of. The parse is used below, for words and phrases.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from maestro.planning.chunks import Chunk, Mark, Noun, Prep, Verbal
from maestro.planning.phrases import SEPARATORS, PhraseReader, is_mark, reach
from maestro.planning.tagging import Kind

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

    verb: Verbal | None = None
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


class _Reader(PhraseReader):
    def __init__(self, chunks: Sequence[Chunk]) -> None:
        super().__init__(chunks)
        self._found: list[Statement] = []

    def run(self) -> list[Statement]:
        subject: list[Noun] = []
        while self._at < len(self._chunks):
            before = self._at
            subject = self._step(subject)
            if self._at == before:
                self._at += 1
        return self._found

    def _step(self, subject: list[Noun]) -> list[Noun]:
        """Reads one clause; returns the subject a following bare verb would have."""
        chunk = self._peek()
        if isinstance(chunk, Noun):
            return self._from_nouns()
        if isinstance(chunk, Verbal):
            return self._predicate(subject)
        if is_mark(chunk, Kind.PREPOSITION, Kind.TO):
            return self._from_preposition(subject)
        if is_mark(chunk, Kind.RELATIVE):
            self._at += 1
            return self._relative(subject)
        if is_mark(chunk, Kind.STOP):
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
        if isinstance(following, Verbal) and (following.finite or following.passive):
            return self._predicate(nouns)
        if is_mark(following, Kind.COLON):
            return self._after_colon(nouns)
        self._add(Statement(objects=nouns, start=nouns[0].start, end=reach(nouns)))
        return nouns[-1:]

    def _after_colon(self, label: list[Noun]) -> list[Noun]:
        self._at += 1
        following = self._peek()
        if not isinstance(following, Noun):
            self._add(Statement(label=label, start=label[0].start, end=reach(label)))
            return label[-1:]
        mark = self._at
        nouns = self._noun_list(stop_before_clause=False)
        self._attach_preps(nouns)
        if isinstance(self._peek(), Verbal):
            self._at = mark
            for noun in nouns:
                noun.preps.clear()
            self._add(Statement(label=label, start=label[0].start, end=reach(label)))
            return label[-1:]
        end = reach(nouns)
        self._add(Statement(label=label, objects=nouns, start=label[0].start, end=end))
        return label[-1:]

    def _from_preposition(self, subject: list[Noun]) -> list[Noun]:
        """A complement that nothing before it claimed, e.g. `for managing books`."""
        mark = self._chunks[self._at]
        self._at += 1
        following = self._peek()
        if isinstance(following, Verbal):
            return self._predicate([])
        if isinstance(following, Noun) and isinstance(mark, Mark):
            nouns = self._noun_list(stop_before_clause=True)
            self._attach_preps(nouns)
            verb = self._peek()
            if isinstance(verb, Verbal) and mark.text in ("for", "to", "that"):
                return self._predicate(nouns)
            prep = Prep(word=mark.text, nouns=nouns, start=mark.start, end=reach(nouns))
            self._add(Statement(preps=[prep], start=mark.start, end=prep.end))
        return subject

    def _predicate(self, subject: list[Noun]) -> list[Noun]:
        """One verb or several sharing an object, then what it is done to and how."""
        first = self._peek()
        if isinstance(first, Verbal) and first.imperative and self._after_verbless_clause():
            subject = []
        verbs = self._verbs()
        objects: list[Noun] = []
        preps: list[Prep] = []
        colon = is_mark(self._peek(), Kind.COLON) and isinstance(self._peek(1), Noun)
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
        end = max([verbs[-1].end, *(p.end for p in preps), reach(objects)])
        start = verbs[0].start
        if subject and reach(subject) <= start <= reach(subject) + 1:
            start = subject[0].start
        for verb in verbs:
            self._add(
                Statement(
                    verb=verb, subject=subject, objects=objects, preps=preps, start=start, end=end
                )
            )
        following = self._peek()
        embedded = isinstance(following, Verbal) and bool(objects)
        return objects[-1:] if embedded else subject

    def _after_verbless_clause(self) -> bool:
        """`recipes with steps, recommend dishes`: nobody acts in front of the comma."""
        before = self._chunks[self._at - 1] if self._at else None
        return is_mark(before, *SEPARATORS) and bool(self._found) and self._found[-1].verb is None

    def _verbs(self) -> list[Verbal]:
        first = self._peek()
        assert isinstance(first, Verbal)
        verbs = [first]
        self._at += 1
        while True:
            ahead = 0
            while is_mark(self._peek(ahead), *SEPARATORS):
                ahead += 1
            following = self._peek(ahead)
            if ahead == 0 or not isinstance(following, Verbal) or verbs[-1].particle:
                return verbs
            if following.passive != first.passive and following.modal:
                return verbs
            verbs.append(following)
            self._at += ahead + 1

    def _add(self, statement: Statement) -> None:
        self._found.append(statement)
