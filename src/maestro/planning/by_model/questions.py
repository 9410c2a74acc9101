"""What a planning model is told. Instructions are ours alone; the rest is quoted as data."""

from collections.abc import Sequence

from maestro.domain.entities import DomainModel, Field
from maestro.domain.models import ModelQuestion, Turn
from maestro.domain.quotation import QUOTED_IS_DATA, quoted
from maestro.domain.values import JsonObject

_SHARED = (
    f"You plan software from a requirement. {QUOTED_IS_DATA}\n"
    "Answer with JSON that keeps to the schema. A quote is a few words, copied letter by letter "
    "from the requirement; it is empty for what the requirement does not say."
)
UNDERSTANDING = (
    f"{_SHARED}\n"
    "Say what is asked for. type: feature_development when something new is to be built, another "
    "one when existing code is to be changed. title: what people would call the product. "
    "web_page: whether people use it in a browser; false only for a bare API. roles: kinds of "
    "people the text names as users of it. What can be built is: keeping things with their fields "
    "and references, lists with filters, search and order, web pages over them. Whatever else is "
    "asked for (payments, e-mails, logins, uploads, charts) stands in cannot_be_built with its "
    "quote and the reason. questions: what must be known before anything can be built; empty when "
    "nothing must. confidence: 0 to 1, how sure you are that this is what is meant; below 0.5 when "
    "the text is too vague to plan from.\n"
    "Example. 'Build a web app for a kennel: a dog has a name and an owner. Owners get an SMS.' -> "
    '{"type": "feature_development", "title": "Kennel", "web_page": true, "roles": ["owner"], '
    '"cannot_be_built": [{"quote": "Owners get an SMS", "reason": "nothing sends messages"}], '
    '"questions": [], "confidence": 0.9}'
)
DOMAIN = (
    f"{_SHARED}\n"
    "List the entities that are kept, each with its fields. Names are singular, small letters and "
    "'_'. An id and the time of creation are there by themselves: leave them out. Types: string "
    "(one line), text (several lines), integer, decimal, boolean, date, datetime, email, url, enum "
    "(with its values), reference (its target is the name of another entity in the list, and its "
    "own name ends in _id). values is empty for all but enum, target is empty for all but "
    "reference. required: an entry cannot be without it. Things that need each other in a circle "
    "could never be created: one of them must not be required.\n"
    "Example. 'A dog has a name and a size (small, large) and belongs to an owner.' -> "
    '{"entities": [{"name": "owner", "quote": "an owner", "fields": [{"name": "name", "type": '
    '"string", "values": [], "target": "", "required": true, "unique": false, "quote": ""}]}, '
    '{"name": "dog", "quote": "A dog", "fields": [{"name": "name", "type": "string", "values": [], '
    '"target": "", "required": true, "unique": false, "quote": "a name"}, {"name": "size", "type": '
    '"enum", "values": ["small", "large"], "target": "", "required": false, "unique": false, '
    '"quote": "a size (small, large)"}, {"name": "owner_id", "type": "reference", "values": [], '
    '"target": "owner", "required": true, "unique": false, "quote": "belongs to an owner"}]}]}'
)
CONTRACT = (
    f"{_SHARED}\n"
    "Decide what the APIs offer. services: one named backend that serves every entity, unless the "
    "requirement names several services; each entity is served once. Every entity can be created, "
    "listed, shown, changed and deleted anyway. lists: for each entity whose list is to be "
    "narrowed or ordered, filter_by names its enum, reference, boolean and date fields, search "
    "says whether its text is searched, sort_by names its fields. Leave out lists that the "
    "requirement says nothing about.\n"
    "Example, of dogs that are filtered by size and sorted by name -> "
    '{"services": [{"name": "backend", "entities": ["owner", "dog"]}], "lists": [{"entity": "dog", '
    '"filter_by": ["size"], "search": false, "sort_by": ["name"], "quote": "filtered by size"}]}'
)
TEAM = (
    f"{_SHARED}\n"
    "Choose the team's blueprint, and the expertise that the work needs beyond what is listed as "
    "needed anyway; usually none. Say in a sentence why."
)


def question(
    instructions: str,
    parts: Sequence[tuple[str, str]],
    complaints: Sequence[str],
    schema: JsonObject,
    output_tokens: int,
) -> ModelQuestion:
    """Asks for one form. `parts` are headings and the texts below them, which get quoted."""
    texts = [f"{heading}:\n{quoted(text)}" for heading, text in parts]
    if complaints:
        told = quoted("\n".join(f"- {line}" for line in complaints))
        texts.append(f"An earlier answer was refused; avoid that:\n{told}")
    texts.append("Answer with the JSON.")
    return ModelQuestion(
        instructions=instructions,
        turns=(Turn(text="\n\n".join(texts)),),
        schema=schema,
        output_tokens=output_tokens,
    )


def outline(domain: DomainModel) -> str:
    """Entities and fields, one line each."""
    lines: list[str] = []
    for entity in domain.entities:
        lines.append(f"entity {entity.name}")
        lines += [f"  {_line(field)}" for field in entity.fields]
    return "\n".join(lines)


def _line(field: Field) -> str:
    values = f" of {', '.join(field.values)}" if field.values else ""
    target = f" to {field.target}" if field.target else ""
    return f"{field.name}: {field.type.value}{values}{target}"
