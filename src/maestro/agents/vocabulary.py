"""Which languages and skills the words of a task ask for."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from maestro.domain.encoding import decode

_WORD = re.compile(r"[a-z0-9][a-z0-9.+#]*")
_LONGEST = 3
"""Words in the longest phrase that stands for a term."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    languages: Mapping[str, tuple[str, ...]]
    skills: Mapping[str, tuple[str, ...]]


def asked_for(text: str, declared: Collection[str] = ()) -> frozenset[str]:
    """The terms that `text` shows: those of the vocabulary, and of `declared` those it names.

    Args:
        declared: skills and languages of agents, which may be words that no vocabulary has.
    """
    phrases = _phrases(text)
    known = {term for phrase in phrases for term in _terms().get(phrase, ())}
    return frozenset(known | {term for term in declared if term.replace("-", " ") in phrases})


def _phrases(text: str) -> set[str]:
    words = [word.strip(".") for word in _WORD.findall(text.lower().replace("-", " "))]
    return {
        " ".join(words[start : start + length])
        for length in range(1, _LONGEST + 1)
        for start in range(len(words) - length + 1)
    }


@cache
def _terms() -> Mapping[str, tuple[str, ...]]:
    """Phrase -> the terms that it shows."""
    text = files("maestro.agents").joinpath("data/skills.yaml").read_text("utf-8")
    vocabulary = decode(Vocabulary, yaml.safe_load(text), where="skills.yaml")
    found: dict[str, tuple[str, ...]] = {}
    for terms in (vocabulary.languages, vocabulary.skills):
        for term, phrases in terms.items():
            own = () if term == "go" else (term.replace("-", " "),)  # a verb more often than not
            for phrase in dict.fromkeys((*own, *phrases)):
                found[phrase] = (*found.get(phrase, ()), term)
    return found
