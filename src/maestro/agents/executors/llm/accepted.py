"""Which accepted work of earlier runs is shown to a model, nearest first. Pure and untrusted text.

nearness = .40 x kinds of deliverables  shared by both, of those that either provides
         + .40 x shape of the domain     types of fields that both have, of those that either has
         + .20 x words                   names of entities and fields that both have, likewise
Work without anything in common with the assignment's deliverables is not shown. Equal ones keep the
order in which they are given, which is newest first.
"""

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from maestro.agents.executors.llm.craft import FileTask
from maestro.domain.entities import DomainModel
from maestro.domain.work import AcceptedFile, AcceptedWork, Assignment

MOST_CHARACTERS = 4400
"""Of all that is shown beside one question; some 2,000 tokens of a program."""
_MOST_WORKS = 3
_LANGUAGES = {"py": "python", "js": "javascript", "mjs": "javascript", "ts": "typescript"}


def nearest(assignment: Assignment) -> tuple[AcceptedWork, ...]:
    """The accepted work that the assignment brings along, nearest first."""
    kinds = {contract.kind.value for contract in assignment.provides}
    near = [work for work in assignment.accepted if kinds & set(work.kinds)]
    near.sort(key=lambda work: -_nearness(assignment.domain, kinds, work))  # stable
    return tuple(near[:_MOST_WORKS])


def like(
    assignment: Assignment, task: FileTask, *, built_alike: bool = False
) -> tuple[AcceptedFile, ...]:
    """The files in the same place of accepted software, as many as fit under the cap.

    With `built_alike` only of software with as many entities and references: a small model that
    is shown two structures mixes them, and the worked example has that of its task already.
    """
    place = _place(task.path, assignment.domain)
    own = _structure(assignment.domain)
    found = [
        file
        for work in nearest(assignment)
        if not built_alike or _structure(work.domain) == own
        for file in work.files
        if _place(file.path, work.domain) == place and _allowed(file.path, assignment.languages)
    ]
    return _fitting(found)


def _fitting(files: Iterable[AcceptedFile]) -> tuple[AcceptedFile, ...]:
    left = MOST_CHARACTERS
    kept: list[AcceptedFile] = []
    for file in files:
        if len(file.text) <= left:
            kept.append(file)
            left -= len(file.text)
    return tuple(kept)


def _allowed(path: str, languages: Sequence[str]) -> bool:
    language = _LANGUAGES.get(path.rsplit(".", 1)[-1])
    return not languages or language is None or language in languages


def _place(path: str, domain: DomainModel) -> str:
    """The path without the names of the software it is of."""
    names = [name for entity in domain.entities for name in (entity.plural, entity.name)]
    for name in sorted(names, key=len, reverse=True):
        path = re.sub(rf"(?<![a-z]){re.escape(name)}(?![a-z])", "*", path)
    return path


def _nearness(domain: DomainModel, kinds: set[str], work: AcceptedWork) -> float:
    return (
        0.40 * _shared(kinds, work.kinds)
        + 0.40 * _shared(_shape(domain), _shape(work.domain))
        + 0.20 * _shared(_words(domain), _words(work.domain))
    )


def _shape(domain: DomainModel) -> list[str]:
    types = [field.type.value for entity in domain.entities for field in entity.fields]
    return [*types, *("entity" for _ in domain.entities)]


def _structure(domain: DomainModel) -> tuple[int, int]:
    return len(domain.entities), sum(len(entity.references) for entity in domain.entities)


def _words(domain: DomainModel) -> set[str]:
    names = [entity.name for entity in domain.entities]
    names += [field.name for entity in domain.entities for field in entity.fields]
    return {word for name in names for word in name.split("_")}


def _shared(one: Iterable[Hashable], other: Iterable[Hashable]) -> float:
    """Share of what either has that both have; each as often as it occurs."""
    first, second = Counter(one), Counter(other)
    either = (first | second).total()
    return (first & second).total() / either if either else 0.0
