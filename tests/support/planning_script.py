"""What the double of a model answers when it is asked to plan: the forms, filled in for BOOKS."""

import json
from collections.abc import Mapping
from typing import Any

from model_double import Asked, Says

TEXT = (
    "Build a web app to manage books: a book has a title, a status (available, lent) and belongs "
    "to a shelf. Books can be filtered by status and sorted by title."
)
UNDERSTANDING: Mapping[str, Any] = {
    "type": "feature_development",
    "title": "Library",
    "web_page": True,
    "roles": ["reader"],
    "cannot_be_built": [],
    "questions": [],
    "confidence": 0.9,
}
CONTRACT: Mapping[str, Any] = {
    "services": [{"name": "backend", "entities": ["shelf", "book"]}],
    "lists": [
        {
            "entity": "book",
            "filter_by": ["status"],
            "search": False,
            "sort_by": ["title"],
            "quote": "filtered by status and sorted by title",
        }
    ],
}
TEAM: Mapping[str, Any] = {
    "blueprint": "parallel-contract-first",
    "expertise": [],
    "reason": "It is a small application with a page.",
}


def column(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    given = {"values": [], "target": "", "required": False, "unique": False, "quote": "", **more}
    return {"name": name, "type": kind, **given}


def domain(*fields: Mapping[str, Any], shelf: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A shelf, and a book with these fields."""
    room = shelf or column("name", required=True)
    return {
        "entities": [
            {"name": "shelf", "quote": "a shelf", "fields": [room]},
            {"name": "book", "quote": "a book", "fields": list(fields)},
        ]
    }


DOMAIN = domain(
    column("title", required=True, quote="a title"),
    column("status", "enum", values=["available", "lent"], quote="status (available, lent)"),
    column("shelf_id", "reference", target="shelf", required=True, quote="belongs to a shelf"),
)
FORMS: Mapping[str, Mapping[str, Any]] = {
    "UnderstandingForm": UNDERSTANDING,
    "DomainForm": DOMAIN,
    "ContractForm": CONTRACT,
    "TeamForm": TEAM,
}


def form_asked(asked: Asked) -> str:
    """Which form the request's schema is of."""
    properties = set(asked.body["response_format"]["json_schema"]["schema"]["properties"])
    return next(name for name, form in FORMS.items() if set(form) == properties)


def planned(asked: Asked) -> Says:
    return Says(text=json.dumps(FORMS[form_asked(asked)]))
