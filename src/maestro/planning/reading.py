"""A whole text into findings: passages in order, list items under their headings, and what is left.

Nothing is dropped silently: words that no reader used end up as parts of kind UNKNOWN.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from maestro.domain.requirement import PartKind
from maestro.planning.chunks import Noun, chunked
from maestro.planning.clauses import Statement, statements
from maestro.planning.context import Context
from maestro.planning.findings import Findings, OtherFound
from maestro.planning.interpret import interpret
from maestro.planning.language import Word, parse
from maestro.planning.lexicon import Lexicon
from maestro.planning.naming import singular
from maestro.planning.predicates import unsupported
from maestro.planning.products import product
from maestro.planning.text import Passage, passages
from maestro.planning.unsupported import class_of_noun

_CONTENT_TAGS = ("NN", "VB", "JJ", "FW")
_NOT_UNDERSTOOD = "the offline planner does not understand what this asks for"
_CONDITIONS = ("when", "whenever", "if", "because", "once", "unless", "while", "so")
_GAP = 3
"""Function words that may lie between two left-over words of one part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """A heading or `Books have:` whose list items are still coming."""

    level: int
    owner: str | None
    values_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A text as it was understood, with the statements it was understood from."""

    findings: Findings
    statements: tuple[Statement, ...]
    words: frozenset[str]
    """Every lemma and every surface word, in small letters."""


def read(text: str, lexicon: Lexicon) -> Reading:
    """Raises InvalidInput for an empty or overlong text, or when no language data is installed."""
    found = passages(text, lexicon)
    words = parse(p.reading for p in found)
    reader = _TextReader(lexicon, found, words)
    return Reading(
        findings=reader.run(),
        statements=tuple(reader.statements),
        words=frozenset(form for row in words for w in row for form in (w.text, w.lemma)),
    )


class _TextReader:
    def __init__(
        self, lexicon: Lexicon, found: Sequence[Passage], words: Sequence[tuple[Word, ...]]
    ) -> None:
        self._lexicon = lexicon
        self._passages = found
        self._words = words
        self._context = Context(lexicon)
        self._open: list[_Open] = []
        self.statements: list[Statement] = []

    def run(self) -> Findings:
        for index, passage in enumerate(self._passages):
            self._passage(index, passage)
        self._context.findings.api_only |= self._page_refused()
        return self._context.findings

    def _page_refused(self) -> bool:
        text = " ".join(p.reading for p in self._passages)
        padded = f" {text} ".replace(",", " ")
        phrases = (w.replace("_", " ") for w in self._lexicon.products.no_page)
        refused = any(f" {phrase} " in padded for phrase in phrases)
        if refused:
            self._context.findings.page_wanted.clear()
        return refused

    def _passage(self, index: int, passage: Passage) -> None:
        context, words = self._context, self._words[index]
        self._scope(passage)
        context.enter(index, passage, words)
        found = statements(chunked(words, self._lexicon))
        self.statements += found
        if passage.heading:
            self._heading(index, passage, found)
            return
        for statement in found:
            if not self._opens_list(passage, statement, is_last=statement is found[-1]):
                self._interpret(statement)
        self._left_over(words)

    def _scope(self, passage: Passage) -> None:
        """Closes the lists that this passage does not belong to."""
        level = passage.level
        if level == 0:
            self._open.clear()
        while self._open and self._open[-1].level >= level:
            self._open.pop()
        self._context.owner = self._open[-1].owner if self._open else None
        self._context.values_of = self._open[-1].values_of if self._open else None

    def _interpret(self, statement: Statement) -> None:
        context = self._context
        if interpret(context, statement):
            return
        span = range(statement.start, statement.end)
        if set(span) <= context.used and statement.verb is None:
            return
        if _says_nothing(statement, self._lexicon):
            context.use(span)
            return
        for noun in statement.nouns:
            kind = class_of_noun(noun)
            if kind is not None:
                unsupported(context, statement, kind.reason)
                return
        context.use(span)
        if not self._continues(statement):
            self._unknown(statement.start, statement.end)

    def _continues(self, statement: Statement) -> bool:
        """`warn me when stock is low`: a condition of what was not built goes with it."""
        words, others = self._words[self._context.index], self._context.findings.others
        before = words[statement.start - 1].text if statement.start else ""
        if before not in _CONDITIONS or not others:
            return False
        last = others[-1]
        if last.covered or last.at.passage != self._context.index:
            return False
        source = self._context.source(last.at.word, statement.end)
        others[-1] = replace(last, source=source, text=source)
        return True

    def _heading(self, index: int, passage: Passage, found: Sequence[Statement]) -> None:
        """`# Library app`, `## Books` with their fields below, `## Features`."""
        nouns = [n for statement in found for n in (*statement.objects, *statement.label)]
        if len(nouns) != 1 or any(statement.verb for statement in found):
            return
        noun, context = nouns[0], self._context
        following = self._passages[index + 1] if index + 1 < len(self._passages) else None
        if context.is_product(noun):
            if not context.findings.titles:
                product(context, noun)
        elif following is not None and following.level > 0 and self._names_thing(noun, index + 1):
            context.mention(noun, 3)
            self._open.append(_Open(level=0, owner=context.entity_key(noun)))

    def _names_thing(self, noun: Noun, following: int) -> bool:
        lexicon = self._lexicon
        if noun.head in lexicon.features_words | lexicon.fields_words | lexicon.filler:
            return False
        tags = {word.tag for word in self._words[following]}
        return not tags & {"MD", "VBP", "VBZ"} and not noun.gerund

    def _opens_list(self, passage: Passage, statement: Statement, *, is_last: bool) -> bool:
        """`Books have:` or `Books:` alone: what follows are its list items."""
        if not passage.reading.endswith(":") or not is_last or statement.objects:
            return False
        context = self._context
        nouns = statement.label or statement.subject
        if not nouns or len(nouns) > 1 or self._without_owner(nouns[0], statement):
            return False
        noun = nouns[0]
        if context.owner is not None and statement.verb is None and not noun.plural:
            context.use(noun.span)
            key = context.field_key(noun)
            self._open.append(_Open(level=passage.level, owner=context.owner, values_of=key))
            return True
        key = context.mention(noun, 3)
        context.use(range(statement.start, statement.end))
        self._open.append(_Open(level=passage.level, owner=key or None))
        return True

    def _without_owner(self, noun: Noun, statement: Statement) -> bool:
        lexicon = self._lexicon
        if noun.pronoun or self._context.is_product(noun):
            return True
        if statement.verb is not None and statement.verb.lemma not in lexicon.verbs.have:
            return True
        return noun.head in lexicon.features_words | lexicon.fields_words | lexicon.filler

    # --- what is left ---

    def _left_over(self, words: Sequence[Word]) -> None:
        """Words with a meaning that nobody claimed, put together to phrases."""
        open_words = [i for i, word in enumerate(words) if self._is_open(i, word)]
        group: list[int] = []
        for i in open_words:
            if group and i - group[-1] > _GAP:
                self._unknown(group[0], group[-1] + 1)
                group = []
            group.append(i)
        if group:
            self._unknown(group[0], group[-1] + 1)

    def _is_open(self, index: int, word: Word) -> bool:
        if index in self._context.used or not word.tag.startswith(_CONTENT_TAGS):
            return False
        lexicon = self._lexicon
        if {word.text, word.lemma, singular(word.text)} & lexicon.filler:
            return False
        if word.lemma in lexicon.verbs.be | lexicon.verbs.chain | lexicon.verbs.permissive:
            return False
        if singular(word.text) in lexicon.features_words | lexicon.fields_words:
            return False
        if word.text in lexicon.products.generic:
            return False
        return any(c.isalpha() for c in word.text)

    def _unknown(self, start: int, end: int) -> None:
        context = self._context
        source = context.source(start, end)
        context.findings.others.append(
            OtherFound(
                kind=PartKind.UNKNOWN,
                text=source,
                source=source,
                at=context.place(start),
                reason=_NOT_UNDERSTOOD,
            )
        )


def _says_nothing(statement: Statement, lexicon: Lexicon) -> bool:
    """`that uses them`, `which helps`: a verb without content about nothing named."""
    if statement.verb is None or statement.verb.lemma not in lexicon.verbs.empty:
        return False
    named = [*statement.objects, *(n for p in statement.preps for n in p.nouns)]
    return all(noun.pronoun or noun.head in lexicon.filler for noun in named)
