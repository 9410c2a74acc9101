"""Which word is a noun and which a verb, where the statistical tagger is often wrong.

Requirements are telegraphic (`users can create, edit and delete tasks`, `teachers record grades`),
and a small tagger was trained on newspapers. Neighbouring words settle most of its doubts.
"""

from collections.abc import Sequence
from enum import StrEnum

from maestro.planning.fieldwords import looks_like_field
from maestro.planning.language import Word
from maestro.planning.lexicon import Lexicon


class Kind(StrEnum):
    NOUN = "N"
    PRONOUN = "O"
    ADJECTIVE = "A"
    VERB = "V"
    BE = "B"
    MODAL = "M"
    TO = "T"
    DETERMINER = "D"
    NUMBER = "#"
    PREPOSITION = "P"
    CONJUNCTION = "C"
    RELATIVE = "R"
    ADVERB = "X"
    PARTICLE = "Y"
    NOT = "!"
    COMMA = ","
    COLON = ":"
    STOP = "."
    OPEN = "("
    CLOSE = ")"
    POSSESSIVE = "'"
    OTHER = "?"


_BY_TAG = {
    **dict.fromkeys(("NN", "NNS", "NNP", "NNPS", "FW"), Kind.NOUN),
    **dict.fromkeys(("JJ", "JJR", "JJS"), Kind.ADJECTIVE),
    **dict.fromkeys(("VB", "VBD", "VBG", "VBN", "VBP", "VBZ"), Kind.VERB),
    **dict.fromkeys(("DT", "PDT", "PRP$", "WP$"), Kind.DETERMINER),
    **dict.fromkeys(("WDT", "WP", "WRB"), Kind.RELATIVE),
    **dict.fromkeys(("RB", "RBR", "RBS"), Kind.ADVERB),
    "PRP": Kind.PRONOUN,
    "EX": Kind.PRONOUN,
    "MD": Kind.MODAL,
    "TO": Kind.TO,
    "IN": Kind.PREPOSITION,
    "CC": Kind.CONJUNCTION,
    "CD": Kind.NUMBER,
    "RP": Kind.PARTICLE,
    "POS": Kind.POSSESSIVE,
}
_BY_TEXT = {
    ",": Kind.COMMA,
    "/": Kind.COMMA,
    "|": Kind.COMMA,
    "+": Kind.CONJUNCTION,
    "plus": Kind.CONJUNCTION,
    "and": Kind.CONJUNCTION,
    "or": Kind.CONJUNCTION,
    ":": Kind.COLON,
    "-": Kind.COLON,
    "=": Kind.COLON,
    "->": Kind.COLON,
    "=>": Kind.COLON,
    "--": Kind.COLON,
    "(": Kind.OPEN,
    "[": Kind.OPEN,
    "{": Kind.OPEN,
    ")": Kind.CLOSE,
    "]": Kind.CLOSE,
    "}": Kind.CLOSE,
    ";": Kind.STOP,
    ".": Kind.STOP,
    "!": Kind.STOP,
    "?": Kind.STOP,
    "not": Kind.NOT,
    "n't": Kind.NOT,
    "including": Kind.PREPOSITION,
    "per": Kind.PREPOSITION,
    "via": Kind.PREPOSITION,
    "so": Kind.RELATIVE,
    "because": Kind.RELATIVE,
    "if": Kind.RELATIVE,
    "when": Kind.RELATIVE,
    "whenever": Kind.RELATIVE,
    "while": Kind.RELATIVE,
    "once": Kind.RELATIVE,
    "unless": Kind.RELATIVE,
    "that": Kind.RELATIVE,
    "can": Kind.MODAL,
    "should": Kind.MODAL,
    "must": Kind.MODAL,
    "may": Kind.MODAL,
    "will": Kind.MODAL,
    "each": Kind.DETERMINER,
    "todo": Kind.NOUN,
    "i": Kind.PRONOUN,
}
_SEPARATORS = (Kind.COMMA, Kind.CONJUNCTION)
_ENDS = (Kind.COMMA, Kind.CONJUNCTION, Kind.STOP, Kind.CLOSE, Kind.OPEN, Kind.COLON)


def kinds(words: Sequence[Word], lexicon: Lexicon) -> list[Kind]:
    """One kind per word."""
    found = [_first_guess(word) for word in words]
    for repair in (
        _unknown_verbs,
        _objectless_start,
        _after_modal,
        _imperative,
        _narrowing,
        _plural_subject,
        _second_predicate,
        _verbs_in_noun_lists,
        _after_determiner,
        _modifiers,
        _bare_values,
    ):
        repair(words, found, lexicon)
    return found


def _first_guess(word: Word) -> Kind:
    if word.text in _BY_TEXT:
        return _BY_TEXT[word.text]
    if word.lemma == "be" and word.tag.startswith("V"):
        return Kind.BE
    return _BY_TAG.get(word.tag, Kind.OTHER if not word.text[0].isalpha() else Kind.NOUN)


def _at(found: Sequence[Kind], index: int) -> Kind:
    return found[index] if 0 <= index < len(found) else Kind.STOP


def _base_verb(word: Word, lexicon: Lexicon) -> bool:
    return word.text == word.lemma and lexicon.is_verb(word.text)


def _unknown_verbs(words: Sequence[Word], found: list[Kind], lexicon: Lexicon) -> None:
    """What WordNet does not know as a verb is a noun, whatever the tagger thought (`genre`)."""
    for i, word in enumerate(words):
        if found[i] is not Kind.VERB or word.tag == "VBN" or lexicon.is_verb(word.lemma):
            continue
        known = lexicon.is_noun(word.lemma) or lexicon.is_noun(word.text) or "-" in word.text
        if known or word.tag in ("VB", "VBP"):
            found[i] = Kind.NOUN


def _objectless_start(words: Sequence[Word], found: list[Kind], lexicon: Lexicon) -> None:
    """`blog with posts`, `start time`: a first word that has no object names something."""
    if not words or found[0] is not Kind.VERB or words[0].tag not in ("VB", "VBP"):
        return
    word = words[0].text
    product = word in lexicon.products.generic | lexicon.products.named
    alone = len(words) == 1 or found[1] in (Kind.PREPOSITION, *_ENDS)
    if product or (alone and lexicon.is_noun(word) and word not in lexicon.mostly_verbs):
        found[0] = Kind.NOUN
    elif lexicon.is_noun(word) and len(words) > 1 and _ends_at(found, 2):
        compound = found[1] is Kind.NOUN and _names_a_field(words[0], words[1])
        found[0] = Kind.ADJECTIVE if compound else found[0]


def _ends_at(found: Sequence[Kind], index: int) -> bool:
    return index >= len(found) or found[index] in _ENDS


def _after_modal(words: Sequence[Word], found: list[Kind], lexicon: Lexicon) -> None:
    """`can create, edit and delete tasks`: after a modal every coordinated base form is a verb."""
    listing = False
    for i, word in enumerate(words):
        before = _at(found, i - 1)
        opens = before in (Kind.MODAL, Kind.TO) or (
            before in (Kind.ADVERB, Kind.NOT) and _at(found, i - 2) in (Kind.MODAL, Kind.TO)
        )
        if opens and _base_verb(word, lexicon) and found[i] in (Kind.NOUN, Kind.ADJECTIVE):
            found[i] = Kind.VERB
        if found[i] is Kind.VERB and (opens or i == 0):
            listing = True
        elif listing and before in _SEPARATORS and _base_verb(word, lexicon):
            found[i] = Kind.VERB
        elif found[i] not in _SEPARATORS:
            listing = False


def _imperative(words: Sequence[Word], found: list[Kind], lexicon: Lexicon) -> None:
    """`track expenses`, `list all books`: a verb in front of what it is done to."""
    verbs = lexicon.verbs
    known = lexicon.known | verbs.build | verbs.assign | lexicon.actions
    known |= lexicon.associations.keys()
    for i, word in enumerate(words):
        starts = i == 0 or found[i - 1] in (Kind.STOP, Kind.COLON)
        if not starts or found[i] not in (Kind.NOUN, Kind.ADJECTIVE) or word.text != word.lemma:
            continue
        following = _at(found, i + 1)
        if (following in (Kind.DETERMINER, Kind.PRONOUN) and lexicon.is_verb(word.text)) or (
            word.text in known and _has_object(words, found, i, lexicon)
        ):
            found[i] = Kind.VERB


def _has_object(words: Sequence[Word], found: Sequence[Kind], index: int, lexicon: Lexicon) -> bool:
    """A plural noun, or another verb of a list (`create, edit and delete tasks`)."""
    following = _at(found, index + 1)
    if following is Kind.NOUN:
        return words[index + 1].tag in ("NNS", "NNPS")
    if following not in _SEPARATORS or words[index].text not in lexicon.mostly_verbs:
        return False
    return index + 2 < len(words) and _base_verb(words[index + 2], lexicon)


def _narrowing(words: Sequence[Word], found: list[Kind], lexicon: Lexicon) -> None:
    """`search books by title, filter tasks by genre, sort by year`."""
    for i, word in enumerate(words[:-1]):
        starts = i == 0 or found[i - 1] in (*_SEPARATORS, Kind.STOP, Kind.COLON)
        by = words[i + 1].text == "by"
        plural_object = i > 0 and words[i + 1].tag in ("NNS", "NNPS")
        narrowing = word.text in ("sort", "filter", "search") and (by or plural_object)
        if starts and (narrowing or (by and word.text in ("order", "group"))):
            found[i] = Kind.VERB


def _bare_values(words: Sequence[Word], found: list[Kind], lexicon: Lexicon) -> None:
    """`status: open, closed`, `a state of draft or published`: values, not orders."""
    for i, word in enumerate(words):
        states = found[i] is Kind.BE and _at(found, i + 1) is Kind.ADJECTIVE
        opens = found[i] is Kind.COLON or word.text in ("of", "either") or states
        end = i + 1
        while _at(found, end) in (*_SEPARATORS, Kind.VERB, Kind.ADJECTIVE, Kind.NOUN):
            end += 1
        row = found[i + 1 : end]
        if not opens or end < len(words) or not any(kind in _SEPARATORS for kind in row):
            continue
        for j in range(i + 1, end):
            alone = _at(found, j - 1) in (*_SEPARATORS, found[i]) and (
                j + 1 >= end or found[j + 1] in _SEPARATORS
            )
            if found[j] is Kind.VERB and alone:
                found[j] = Kind.ADJECTIVE


def _plural_subject(words: Sequence[Word], found: list[Kind], lexicon: Lexicon) -> None:
    """`teachers record grades`: plural noun, base form that can be a verb, then an object."""
    for i in range(1, len(words) - 1):
        before, word, after = words[i - 1], words[i], words[i + 1]
        if found[i] not in (Kind.NOUN, Kind.ADJECTIVE) or found[i - 1] is not Kind.NOUN:
            continue
        # VBZ: a plural that the tagger took for a verb (`librarians delete members`)
        subject = before.tag in ("NNS", "NNPS", "VBZ") or lexicon.is_person(before.text)
        if not subject or not before.text.endswith("s") or not _base_verb(word, lexicon):
            continue
        has_object = found[i + 1] in (Kind.DETERMINER, Kind.PRONOUN) or after.tag in ("NNS", "NNPS")
        if has_object and _at(found, i - 2) not in (Kind.NOUN, Kind.ADJECTIVE):
            found[i] = Kind.VERB


def _second_predicate(words: Sequence[Word], found: list[Kind], lexicon: Lexicon) -> None:
    """`manage contacts and log calls`: a known verb with an object of its own goes on."""
    seen_verb = False
    for i in range(1, len(words) - 1):
        if found[i - 1] is Kind.VERB:
            seen_verb = True
        elif found[i - 1] in (Kind.PREPOSITION, Kind.COLON, Kind.STOP):
            seen_verb = False
        if not seen_verb or found[i - 1] is not Kind.CONJUNCTION or found[i] is not Kind.NOUN:
            continue
        word, after = words[i], words[i + 1]
        known = word.text == word.lemma and word.text in lexicon.known
        if known and (found[i + 1] is Kind.DETERMINER or after.tag in ("NNS", "NNPS")):
            found[i] = Kind.VERB


def _verbs_in_noun_lists(words: Sequence[Word], found: list[Kind], lexicon: Lexicon) -> None:
    """`a title, notes and cover`: between list marks and without an object nothing is a verb."""
    for i, word in enumerate(words):
        if found[i] is not Kind.VERB or word.tag in ("VBN", "VBD"):
            continue
        previous = _at(found, i - 2)
        if word.tag == "VBZ" and i + 1 == len(words) and previous in _SEPARATORS:
            found[i] = Kind.NOUN if lexicon.is_noun(word.lemma) else found[i]
            continue  # "visit logs, owner reports"
        in_list = _at(found, i - 1) in _SEPARATORS and previous in (Kind.NOUN, Kind.CLOSE)
        alone = i + 1 >= len(words) or found[i + 1] in _ENDS
        if in_list and alone and not (word.text == word.lemma and _verb_list_before(found, i)):
            found[i] = Kind.NOUN


def _verb_list_before(found: Sequence[Kind], index: int) -> bool:
    return _at(found, index - 2) is Kind.VERB


def _after_determiner(words: Sequence[Word], found: list[Kind], lexicon: Lexicon) -> None:
    """`a record`, `the booking`, `my shopping list`."""
    for i, word in enumerate(words):
        if found[i] is not Kind.VERB or word.tag == "VBN":
            continue
        if _at(found, i - 1) is not Kind.DETERMINER or words[i - 1].text in ("each", "all", "both"):
            continue
        found[i] = Kind.ADJECTIVE if _at(found, i + 1) is Kind.NOUN else Kind.NOUN


def _modifiers(words: Sequence[Word], found: list[Kind], lexicon: Lexicon) -> None:
    """Participles before the noun they describe: `assigned tasks`, `an expected close date`."""
    for i in range(len(words)):
        if found[i] is not Kind.VERB:
            continue
        leads_noun = _at(found, i + 1) is Kind.NOUN
        if _inside_phrase(found, i) or (leads_noun and _describes(words, found, i, lexicon)):
            found[i] = Kind.ADJECTIVE


def _describes(words: Sequence[Word], found: Sequence[Kind], index: int, lexicon: Lexicon) -> bool:
    word, before = words[index], _at(found, index - 1)
    if before in (Kind.BE, Kind.MODAL, Kind.TO, Kind.NOUN):
        return False
    if word.tag == "VBN" and before is not Kind.PRONOUN:
        return True
    if before in _SEPARATORS and _names_a_field(word, words[index + 1]):
        return True  # "a description, starting price and end date"
    leads = before in (Kind.PREPOSITION, Kind.STOP, Kind.RELATIVE) and lexicon.is_verb(word.lemma)
    return word.tag == "VBG" and word.dep in ("amod", "compound", "nmod") and not leads


def _names_a_field(word: Word, noun: Word) -> bool:
    """`start time`, `starting price`, `published flag`: together they are a usual field."""
    return noun.tag == "NN" and (
        looks_like_field(f"{word.text}_{noun.text}") or word.tag in ("VBN", "VBD")
    )


def _inside_phrase(found: Sequence[Kind], index: int) -> bool:
    """Between an article and its noun nothing is a verb."""
    start = index - 1
    while _at(found, start) is Kind.ADJECTIVE:
        start -= 1
    end = index + 1
    while _at(found, end) in (Kind.VERB, Kind.ADJECTIVE):
        end += 1
    return (
        _at(found, start) is Kind.DETERMINER and _at(found, end) is Kind.NOUN and end - index <= 2
    )
