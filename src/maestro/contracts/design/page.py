"""The web page: one view per entity, and the hooks by which tests find things."""

from typing import Any

from maestro.contracts.design.fields import filter_fields, search_fields
from maestro.domain.entities import DomainModel, Entity

HOOKS = {
    "navigation": '[data-nav="{plural}"]',
    "view": '[data-view="{plural}"]',
    "row": '[data-row="{plural}"][data-id="{id}"]',
    "cell": '[data-cell="{field}"]',
    "create": '[data-action="create"]',
    "edit": '[data-action="edit"]',
    "delete": '[data-action="delete"]',
    "form": 'form[data-form="{entity}"]',
    "control": '[name="{field}"]',
    "submit": "[type=submit]",
    "filter": '[data-filter="{field}"]',
    "search": "[data-search]",
    "message": '[role="alert"]',
    "dialog": "dialog[data-confirm]",
    "confirm": '[data-action="confirm"]',
}
"""Selectors; `edit` and `delete` are inside the row, `confirm` inside the dialog."""


def page_document(domain: DomainModel) -> dict[str, Any]:
    """Every entity of every service can be listed, created, edited and deleted."""
    return {
        "title": domain.title,
        "views": [_view(domain, entity) for entity in domain.entities],
        "hooks": dict(HOOKS),
    }


def _view(domain: DomainModel, entity: Entity) -> dict[str, Any]:
    return {
        "entity": entity.name,
        "path": f"#{entity.path}",
        "actions": ["list", "create", "edit", "delete"],
        "filters": [field.name for field in filter_fields(entity, domain)],
        "search": bool(search_fields(entity)),
        "fields": [field.name for field in entity.fields],
    }
