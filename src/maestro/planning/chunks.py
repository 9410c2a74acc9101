"""Words put together into noun phrases, verb groups and the marks between them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from maestro.planning.language import Word
from maestro.planning.lexicon import Lexicon
from maestro.planning.naming import is_plural, singular
from maestro.planning.tagging import Kind, kinds


@dataclass(slots=True, kw_only=True, eq=False)
class Noun:
    """A noun phrase. Built step by step while reading, hence not frozen."""

    head: str
    """Singular small-letter head word."""
    modifiers: tuple[str, ...]
    """Words in front of the head, without determiners and numbers, as written."""
    start: int
    end: int
    """Word range of the passage, end excluded, brackets behind it included."""
    plural: bool = False
    determiner: str = ""
    number: str = ""
    pronoun: bool = False
    adjective: bool = False
    """A lone adjective or participle standing where a noun may stand."""
    gerund: bool = False
    owner: "Noun | None" = None
    """Whose it is: `the user` in `the user's language`."""
    group: str | None = None
    """What stands in brackets behind it."""
    preps: list["Prep"] = field(default_factory=list)

    @property
    def phrase(self) -> str:
        """Modifiers and head joined by `_`."""
        return "_".join([*self.modifiers, self.head])

    @property
    def span(self) -> range:
        return range(self.start, self.end)

    def prep(self, *words: str) -> "Prep | None":
        return next((p for p in self.preps if p.word in words), None)


@dataclass(slots=True, kw_only=True, eq=False)
class Prep:
    word: str
    nouns: list[Noun]
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbal:
    lemma: str
    start: int
    end: int
    particle: str = ""
    passive: bool = False
    negated: bool = False
    finite: bool = True
    """False for gerunds, bare participles and `to` infinitives."""
    modal: str = ""
    imperative: bool = False
    """A base form alone: an order, or the verb of a plural subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    kind: Kind
    text: str
    start: int
    end: int


Chunk = Noun | Verbal | Mark

_NOUN_START = (Kind.DETERMINER, Kind.NUMBER, Kind.ADJECTIVE, Kind.NOUN, Kind.PRONOUN)
_VERB_START = (Kind.MODAL, Kind.BE, Kind.TO, Kind.VERB, Kind.NOT)


def chunked(words: Sequence[Word], lexicon: Lexicon) -> list[Chunk]:
    """The passage as a flat row of chunks, in order and without gaps worth reading."""
    return _Chunker(words, lexicon).run()


class _Chunker:
    def __init__(self, words: Sequence[Word], lexicon: Lexicon) -> None:
        self._words = words
        self._lexicon = lexicon
        self._kinds = kinds(words, lexicon)
        self._at = 0

    def run(self) -> list[Chunk]:
        chunks: list[Chunk] = []
        while self._at < len(self._words):
            kind = self._kind()
            if kind is Kind.OPEN:
                self._bracket(chunks)
            elif kind in _NOUN_START:
                self._noun(chunks)
            elif kind in _VERB_START:
                self._verb(chunks)
            elif kind is Kind.POSSESSIVE:
                self._possessive(chunks)
            else:
                self._mark(chunks)
        return chunks

    def _kind(self, ahead: int = 0) -> Kind:
        index = self._at + ahead
        return self._kinds[index] if index < len(self._kinds) else Kind.STOP

    def _mark(self, chunks: list[Chunk]) -> None:
        word = self._words[self._at]
        kind = self._kind()
        if kind not in (Kind.ADVERB, Kind.OTHER, Kind.PARTICLE, Kind.CLOSE):
            chunks.append(Mark(kind=kind, text=word.text, start=self._at, end=self._at + 1))
        self._at += 1

    def _bracket(self, chunks: list[Chunk]) -> None:
        """Brackets belong to the noun before them; elsewhere their words are read in line."""
        depth, end = 1, self._at + 1
        while end < len(self._words) and depth:
            depth += {Kind.OPEN: 1, Kind.CLOSE: -1}.get(self._kinds[end], 0)
            end += 1
        inner = end - 1 if depth == 0 else end
        last = chunks[-1] if chunks else None
        if isinstance(last, Noun) and last.group is None and inner > self._at + 1:
            last.group = self._text(self._at + 1, inner)
            last.end = end
            self._at = end
        else:
            self._at += 1

    def _text(self, start: int, end: int) -> str:
        pieces: list[str] = []
        for i in range(start, min(end, len(self._words))):
            word = self._words[i]
            if pieces and word.start > self._words[i - 1].end:
                pieces.append(" ")
            pieces.append(word.text)
        return "".join(pieces)

    def _possessive(self, chunks: list[Chunk]) -> None:
        """`the user's language`: the second noun takes the first as its owner."""
        self._at += 1
        if self._kind() not in _NOUN_START or not chunks or not isinstance(chunks[-1], Noun):
            return
        owner = chunks.pop()
        before = len(chunks)
        self._noun(chunks)
        owned = chunks[before] if len(chunks) > before else None
        if isinstance(owned, Noun) and isinstance(owner, Noun):
            owned.owner, owned.start = owner, owner.start

    def _noun(self, chunks: list[Chunk]) -> None:
        start = self._at
        determiner, number = self._leading()
        body = self._at
        if self._kind() is Kind.PRONOUN:
            self._at += 1
            word = self._words[self._at - 1].text
            chunks.append(Noun(head=word, modifiers=(), start=start, end=self._at, pronoun=True))
            return
        while self._kind() in (Kind.ADJECTIVE, Kind.NOUN, Kind.NUMBER):
            self._at += 1
        if self._at == body:
            self._bare_determiner(chunks, start, determiner, number)
            return
        last_noun = self._at - 1
        while last_noun > body and self._kinds[last_noun] is not Kind.NOUN:
            last_noun -= 1
        if self._kinds[last_noun] is Kind.NOUN:
            self._at = last_noun + 1
        else:
            last_noun = self._at - 1
        chunks.append(self._built(start, body, last_noun, determiner, number))

    def _leading(self) -> tuple[str, str]:
        determiner = number = ""
        while self._kind() in (Kind.DETERMINER, Kind.NUMBER):
            if self._kind() is Kind.NUMBER:
                number = self._words[self._at].text
            else:
                determiner = self._words[self._at].text
            self._at += 1
        return determiner, number

    def _bare_determiner(
        self, chunks: list[Chunk], start: int, determiner: str, number: str
    ) -> None:
        """`each with its own API`, `from 1 to 5`: the determiner or number stands alone."""
        word = determiner or number
        chunks.append(
            Noun(
                head=word,
                modifiers=(),
                start=start,
                end=self._at,
                pronoun=bool(determiner) and not number,
                number=number,
            )
        )

    def _built(self, start: int, body: int, head: int, determiner: str, number: str) -> Noun:
        word = self._words[head]
        adjective = self._kinds[head] is not Kind.NOUN
        gerund = word.tag == "VBG" or (word.text.endswith("ing") and word.dep != "compound")
        return Noun(
            head=word.text if adjective or gerund else singular(word.text),
            modifiers=tuple(w.text for w in self._words[body:head]),
            start=start,
            end=head + 1,
            plural=not adjective and is_plural(word.text, word.tag),
            determiner=determiner,
            number=number,
            adjective=adjective,
            gerund=gerund,
        )

    def _verb(self, chunks: list[Chunk]) -> None:
        start = self._at
        modal = ""
        passive = negated = finite = False
        main: Word | None = None
        while self._kind() in (*_VERB_START, Kind.ADVERB):
            word, kind = self._words[self._at], self._kind()
            if main is not None and self._ends_group(main):
                break
            negated |= kind is Kind.NOT or word.text == "never"
            modal = word.text if kind is Kind.MODAL else modal
            if kind in (Kind.BE, Kind.VERB):
                passive = main is not None and main.lemma == "be" and word.tag in ("VBN", "VBD")
                main = word
            finite |= kind is Kind.MODAL or word.tag in ("VBP", "VBZ", "VBD") or kind is Kind.BE
            self._at += 1
        if main is None:
            return
        if self._kind() is Kind.VERB and self._words[self._at].tag == "VBG" and not passive:
            main = self._words[self._at]  # "support adding", "start tracking", "learn cooking"
            finite = True
            self._at += 1
        bare = main.tag in ("VBN", "VBG") and not finite
        starts = not chunks or (isinstance(chunks[-1], Mark) and chunks[-1].kind is not Kind.TO)
        chunks.append(
            Verbal(
                lemma=main.lemma,
                start=start,
                end=self._at,
                particle=self._particle(),
                passive=passive or (main.tag == "VBN" and not finite),
                negated=negated,
                finite=not bare and (finite or starts or self._kinds[start] is not Kind.TO),
                modal=modal,
                imperative=main.text == main.lemma and self._at - start == 1,
            )
        )

    def _ends_group(self, main: Word) -> bool:
        """A new verb begins where the last one was complete: `create`, then `to manage`."""
        chains = main.lemma == "be" or main.lemma in self._lexicon.verbs.chain
        chains = chains or main.lemma in ("have", "do")
        kind = self._kind()
        if kind in (Kind.ADVERB, Kind.NOT):
            return not chains
        return not chains

    def _particle(self) -> str:
        if self._kind() is Kind.PARTICLE:
            self._at += 1
            return self._words[self._at - 1].text
        return ""
