"""What models are told. Instructions are ours alone; everything of others is quoted as data."""

import json
from collections.abc import Sequence

from maestro.agents.executors.llm.accepted import like
from maestro.agents.executors.llm.craft import Craft, FileTask
from maestro.agents.executors.llm.tree import MAX_SHOWN_CHARACTERS, shortened
from maestro.domain.contract import Contract, ContractKind
from maestro.domain.entities import DomainModel, Entity, Field
from maestro.domain.mentions import mentioning
from maestro.domain.quotation import QUOTED_IS_DATA, quoted
from maestro.domain.work import Assignment
from maestro.domain.write_set import matches

_FENCES = {
    "py": "python", "js": "javascript", "mjs": "javascript", "md": "markdown", "yaml": "yaml",
    "html": "html", "css": "css", "json": "json",
}  # fmt: skip


def instructions_for_files(assignment: Assignment) -> str:
    """The system position of a model that writes one file per answer."""
    return (
        f"You are a {assignment.persona.name.lower()}. {QUOTED_IS_DATA}\n"
        "You write one file at a time. Answer with the whole file in one code block and nothing "
        "else. Keep exactly to the structure of the worked example; only names, types and values "
        "change."
    )


def instructions_for_tools(assignment: Assignment) -> str:
    """The system position of a model that works with tools."""
    return (
        f"You are a {assignment.persona.name.lower()}.\n"
        f"{assignment.persona.instructions}\n{QUOTED_IS_DATA}\n"
        "Work with the tools. Read the contracts and the worked example first, write every file "
        "you have to deliver, run the tests, repair what fails, then call finish. Nothing counts "
        "as done that the checks do not pass. You cannot write other files than yours, and there "
        "is no network but the address you are given. Ask a question only when the work cannot go "
        "on without its answer; where a contract itself has to change, propose that and go on with "
        "it as it is."
    )


def file_question(
    assignment: Assignment, craft: Craft, task: FileTask, evidence: Sequence[str]
) -> str:
    """Asks for one file, next to the same file of the worked example."""
    fence = _FENCES.get(task.path.rsplit(".", 1)[-1], "")
    example = craft.example
    # What all files share stands first: servers then read it once.
    parts = [
        "There are two pieces of software. The first one, the worked example:\n"
        + (data(domain_text(example.domain)) if example else ""),
        f"The other one, which you work on:\n{data(domain_text(assignment.domain))}",
    ]
    pairs = _pairs(assignment, craft)
    if pairs:
        parts.append(f"Names: {pairs}")
    if example and any(part.id in task.example for part in example.parts):
        parts.append(f"What was asked for as the other software:\n{data(asked_text(assignment))}")
    parts.append(
        f"Of the example, the file {task.example_path}:\n```{fence}\n{task.example.rstrip()}\n```"
    )
    for file in like(assignment, task, built_alike=True):
        parts.append(
            f"The same file of other software, as it was accepted in an earlier run:\n"
            f"{data(file.text)}"
        )
    phrases = _to_mention(assignment, task)
    if phrases:
        parts.append(f"The file has to mention each of these:\n{data(phrases)}")
    if evidence:
        told = "\n".join(f"- {line}" for line in evidence)
        parts.append(f"An earlier try at it failed these checks; avoid that:\n{data(told)}")
    parts.append(
        f"Write the file {task.path} for the other software. It has the structure of the example, "
        "with the other software's entities, fields, types and values. One code block, the whole "
        "file."
    )
    return "\n\n".join(parts)


def tools_question(assignment: Assignment, craft: Craft, evidence: Sequence[str]) -> str:
    """The first message of a model that works with tools."""
    parts = [
        f"The requirement:\n{data(assignment.requirement)}",
        f"The software, as it was agreed:\n{data(domain_text(assignment.domain))}",
        "Contracts: "
        + (", ".join(contract.id for contract in _concerned(assignment)) or "none")
        + " (tool read_contract)",
        f"You deliver files that match: {', '.join(craft.promised) or 'see the list'}",
    ]
    if craft.tasks:
        listed = "\n".join(
            f"- {task.path} (in the worked example: {task.example_path})" for task in craft.tasks
        )
        parts.append(
            "Files that do not depend on the software are there already. To be written:\n" + listed
        )
    accepted = [task.path for task in craft.tasks if like(assignment, task)]
    if accepted:
        parts.append(
            "Accepted in earlier runs for other software (tool read_accepted): "
            + ", ".join(accepted)
        )
    if evidence:
        told = "\n".join(f"- {line}" for line in evidence)
        parts.append(f"An earlier try failed these checks:\n{data(told)}")
    parts.append("Begin.")
    return "\n\n".join(parts)


def data(text: str, limit: int = MAX_SHOWN_CHARACTERS) -> str:
    """Quoted so that nothing in it can end the quotation."""
    return quoted(shortened(text, limit))


def asked_text(assignment: Assignment) -> str:
    """The requirement and its parts, a line each."""
    lines = [assignment.requirement, "", "parts:"]
    for part in assignment.parts:
        left_out = "" if part.covered else f" (not covered: {part.reason})"
        words = f" (words of the text: {part.source})" if part.source else ""
        lines.append(f"{part.id} {part.kind.value}: {part.text}{words}{left_out}")
    return "\n".join(lines)


def _to_mention(assignment: Assignment, task: FileTask) -> str:
    """What the contracts say that this file mentions."""
    phrases = [
        phrase
        for _, demanded in mentioning(assignment.provides)
        if matches(task.path, demanded.path)
        for phrase in demanded.phrases
    ]
    return ", ".join(dict.fromkeys(phrases))


def domain_text(domain: DomainModel) -> str:
    """Entities and fields, one line each."""
    lines = [f"title: {domain.title}"]
    for entity in domain.entities:
        lines.append(f"entity {entity.name} (plural {entity.plural}, path {entity.path})")
        lines += [f"  {_field_text(field)}" for field in entity.fields]
        lines += _abilities(domain, entity)
    return "\n".join(lines)


def _field_text(field: Field) -> str:
    words = [field.type.value]
    if field.values:
        words.append("of " + ", ".join(field.values))
    if field.target:
        words.append(f"to {field.target}")
    words.append("required" if field.required else "optional")
    if field.default is not None:
        words.append(f"default {json.dumps(field.default)}")
    if field.unique:
        words.append("unique")
    return f"{field.name}: {' '.join(words)}"


def _abilities(domain: DomainModel, entity: Entity) -> list[str]:
    found = [
        f"{capability.kind.value} {capability.field or ''}".strip()
        for capability in domain.capabilities
        if capability.entity == entity.name
    ]
    return [f"  can: {', '.join(dict.fromkeys(found))}"] if found else []


def _pairs(assignment: Assignment, craft: Craft) -> str:
    """Which name of the example stands for which here."""
    if craft.example is None:
        return ""
    pairs: list[str] = []
    for theirs, ours in zip(craft.example.domain.entities, assignment.domain.entities, strict=True):
        pairs += [f"{theirs.name} becomes {ours.name}", f"{theirs.plural} becomes {ours.plural}"]
        for one, other in zip(theirs.fields, ours.fields, strict=True):
            pairs.append(f"{one.name} becomes {other.name}")
            pairs += [f"{a} becomes {b}" for a, b in zip(one.values, other.values, strict=True)]
    return data("; ".join(dict.fromkeys(pairs)))


def contract_text(assignment: Assignment, contract_id: str) -> str | None:
    """The specification of a contract that concerns the assignment."""
    for contract in _concerned(assignment):
        if contract.id == contract_id:
            return json.dumps(contract.specification, indent=1, ensure_ascii=False)
    return None


def _concerned(assignment: Assignment) -> tuple[Contract, ...]:
    named = {contract.id: contract for contract in assignment.contracts}
    named |= {contract.id: contract for contract in assignment.provides}
    named |= {one.contract.id: one.contract for one in assignment.consumes}
    return tuple(named.values())


def served_contracts(assignment: Assignment) -> tuple[str, ...]:
    """Ids of the consumed contracts that answer under an address."""
    return tuple(
        one.contract.id
        for one in assignment.consumes
        if one.url and one.contract.kind is ContractKind.REST
    )
