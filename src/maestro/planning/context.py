"""Where the reader is, what it has used up, and how it names what it meets."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from maestro.planning.chunks import Noun
from maestro.planning.fieldwords import field_words, is_field_plural
from maestro.planning.findings import EntityFound, Findings, Place
from maestro.planning.language import Word
from maestro.planning.lexicon import Lexicon
from maestro.planning.naming import plural, singular, snake
from maestro.planning.text import Passage


class Context:
    """One passage at a time; what was found and what is being talked about outlive it."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.findings = Findings()
        self.current: str | None = None
        """Key of the entity last talked about; what `it` and a bare `filter by` mean."""
        self.owner: str | None = None
        """Key of the entity whose fields the list items are."""
        self.values_of: str | None = None
        """Key of the field whose values the list items are."""
        self.index = -1
        self.used: set[int] = set()
        self._text = ""
        self._offsets: Sequence[int] = ()
        self._words: Sequence[Word] = ()

    def enter(self, index: int, passage: Passage, words: Sequence[Word]) -> None:
        self._text = passage.text
        self._offsets = _alignment(passage)
        self._words = words
        self.index = index
        self.used = set()

    # --- what was written ---

    def source(self, start: int, end: int) -> str:
        """The author's words from one word to another, end excluded."""
        if not self._words or start >= len(self._words):
            return ""
        last = self._words[min(max(end, start + 1), len(self._words)) - 1]
        first = self._offsets[self._words[start].start]
        end = self._offsets[last.end - 1] + 1
        while end < len(self._text) and (self._text[end].isalnum() or self._text[end] == "-"):
            end += 1
        return self._text[first:end]

    def words_of(self, noun: Noun) -> str:
        return self.source(noun.start, noun.end)

    def place(self, start: int) -> Place:
        return Place(self.index, start)

    def use(self, *spans: Iterable[int]) -> None:
        """Marks words as understood; the rest ends up as open parts."""
        for span in spans:
            self.used.update(span)

    # --- what is meant ---

    def essence(self, noun: Noun) -> Noun:
        """`a list of books` means books, `types of plants` plants."""
        inner = noun.prep("of")
        if inner is None or not inner.nouns or noun.modifiers:
            return noun
        if noun.head in self.lexicon.containers and noun.head not in self.lexicon.counts:
            self.use(noun.span)
            return inner.nouns[0]
        return noun

    def entity_key(self, noun: Noun) -> str:
        """Singular words that name the thing; empty when nothing does."""
        meant = self.essence(noun)
        head = singular(meant.head)
        return snake("_".join([*self._telling(meant, head), head]))

    def _telling(self, noun: Noun, head: str) -> list[str]:
        """Modifiers that make another thing of the head: `shopping cart`, not `new cart`."""
        lexicon = self.lexicon
        keep = head in lexicon.modifier_keep_heads
        kept = []
        for word in noun.modifiers:
            base = singular(word)
            if base in lexicon.drop_adjectives or base in lexicon.filler or not word.isascii():
                continue
            if lexicon.is_noun(base) or word.endswith("ing") or keep:
                kept.append(base)
        return kept

    def field_key(self, noun: Noun) -> str:
        """`due date` -> due_date, `number of pages` -> page_count, `name of the author` ->
        author_name, `notes` -> notes.
        """
        lexicon = self.lexicon
        modifiers = [m for m in noun.modifiers if m not in lexicon.drop_adjectives or m == "full"]
        inner = noun.prep("of")
        head = self.surface_head(noun)
        chosen = inner is not None and len(inner.nouns) > 1  # "a status of open or closed"
        if inner is not None and inner.nouns and not noun.modifiers and not chosen:
            self.use(range(inner.start, inner.end))
            what = self.entity_key(inner.nouns[0])
            if noun.head in lexicon.counts:
                return f"{what}_count"
            return f"{what}_{head}" if what else head
        if noun.owner is not None and not noun.owner.pronoun:
            modifiers = [noun.owner.head, *modifiers] if modifiers == [] else modifiers
        if head == "flag" and modifiers:
            return snake("_".join(modifiers))
        return snake("_".join([*modifiers, head]))

    def surface_head(self, noun: Noun) -> str:
        """Plural words that count or describe stay plural (`minutes`, `instructions`)."""
        several = plural(noun.head) if noun.plural and noun.head.isalpha() else noun.head
        if noun.plural and is_field_plural(several) and not field_words().knows(noun.head):
            return several
        if noun.plural and several in field_words().plural_text | field_words().plural_integer:
            return several
        return noun.head

    def is_actor(self, noun: Noun) -> bool:
        head = singular(noun.head)
        if noun.pronoun or self.lexicon.is_person(head):
            return True
        return head in self.lexicon.people.organisations and noun.group is None

    def is_product(self, noun: Noun) -> bool:
        products = self.lexicon.products
        if noun.pronoun or (noun.plural and noun.head not in products.api):
            return False
        if noun.head in products.generic:
            return True
        return noun.head in products.named

    def mention(self, noun: Noun, strength: int) -> str:
        """Notes a thing; returns its key, or empty text when it has no usable name."""
        meant = self.essence(noun)
        key = self.entity_key(meant)
        if not key or meant.adjective or meant.pronoun or key in self.lexicon.people.pronouns:
            return ""
        self.use(meant.span)
        if strength < 3 and not meant.plural and meant.head in self.lexicon.filler:
            return ""
        self.findings.entities.append(
            EntityFound(
                key=key,
                strength=strength,
                source=self.source(meant.start, meant.end),
                at=self.place(meant.start),
            )
        )
        if strength >= 2:
            self.current = key
        return key


def _alignment(passage: Passage) -> Sequence[int]:
    """For each character of the reading, the place of its like in what the author wrote."""
    if len(passage.text) == len(passage.reading):
        return range(len(passage.text))
    places: list[int] = []
    matcher = SequenceMatcher(None, passage.text.lower(), passage.reading, autojunk=False)
    for _, start, end, new_start, new_end in matcher.get_opcodes():
        length = new_end - new_start
        last = max(start, end - 1)
        places += [min(start + i, last) for i in range(length)]
        if length and end > start:
            places[-1] = last
    return [min(place, len(passage.text) - 1) for place in places]
