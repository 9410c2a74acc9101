"""The data schema of one component: what its database must hold after migration."""

from typing import Any

from maestro.contracts.design.layout import Component
from maestro.domain.entities import Entity, Field, FieldType

_COLUMN_TYPES = {
    FieldType.STRING: "string",
    FieldType.TEXT: "text",
    FieldType.INTEGER: "integer",
    FieldType.DECIMAL: "decimal",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATE: "date",
    FieldType.DATETIME: "datetime",
    FieldType.EMAIL: "string",
    FieldType.URL: "string",
    FieldType.ENUM: "string",
    FieldType.REFERENCE: "integer",
}


def schema_document(component: Component) -> dict[str, Any]:
    """One table per entity: id and created_at first, then the fields in their order."""
    tables = {entity.name: entity.plural for entity in component.entities}
    return {
        "tables": [
            {"name": entity.plural, "columns": _columns(entity, tables)}
            for entity in component.entities
        ]
    }


def _columns(entity: Entity, tables: dict[str, str]) -> list[dict[str, Any]]:
    identifier = _column("id", "integer") | {"primary_key": True}
    fields = (_field_column(field, tables) for field in entity.fields)
    return [identifier, _column("created_at", "datetime"), *fields]


def _column(name: str, kind: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "nullable": False,
        "primary_key": False,
        "unique": False,
        "references": None,
    }


def _field_column(field: Field, tables: dict[str, str]) -> dict[str, Any]:
    column = _column(field.name, _COLUMN_TYPES[field.type])
    column["nullable"] = not field.required
    column["unique"] = field.unique
    if field.type is FieldType.REFERENCE and field.target in tables:
        column["references"] = f"{tables[field.target]}.id"
    if field.type is FieldType.ENUM:
        column["enum"] = list(field.values)
    return column
