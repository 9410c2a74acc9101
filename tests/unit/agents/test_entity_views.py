"""Tables in an order in which they can be created, with what lists are narrowed by indexed."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maestro.agents.executors.offline.components import component_dir, component_entities
from maestro.agents.executors.offline.entity_views import table_views
from maestro.errors import InvalidInput


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("backend_domains", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


domains = load(Path(__file__).parents[2] / "data" / "backend" / "domains.py")


def tables(domain: Any, component: str = "backend") -> Any:
    return table_views(domains.assignment("database_designer", domain, component=component))


def test_targets_come_before_what_refers_to_them() -> None:
    for domain in domains.DOMAINS.values():
        created: set[str] = set()
        for table in tables(domain):
            created.add(table.name)
            for column in table.columns:
                assert column.later == (
                    column.references is not None and column.references not in created
                )
                assert not (column.later and column.required)
    assert [t.name for t in tables(domains.TASKS)] == ["projects", "members", "tasks"]


def test_a_circle_is_closed_by_an_optional_reference() -> None:
    later = {t.name: [c.name for c in t.later] for t in tables(domains.AWKWARD) if t.later}
    assert later == {"classes": ["list_id"]}


def test_a_table_that_refers_to_itself_waits_for_nothing() -> None:
    category = next(t for t in tables(domains.SHOP) if t.name == "categories")
    assert [(c.name, c.references, c.later) for c in category.columns][1] == (
        "parent_id",
        "categories",
        False,
    )


def test_columns_carry_type_bounds_and_index() -> None:
    product = next(t for t in tables(domains.SHOP) if t.name == "products")
    assert [(c.name, c.type, c.indexed, c.check) for c in product.columns] == [
        ("name", "sa.String(255)", True, None),
        ("price", "sa.Numeric(15, 2, asdecimal=False)", True, 'sa.column("price") >= 0'),
        ("stock", "sa.Integer()", True, 'sa.column("stock") >= 0'),
        ("active", "sa.Boolean()", True, None),
        ("image", "sa.String(255)", False, None),
        ("category_id", "sa.Integer()", True, None),
    ]


def test_references_to_another_service_are_plain_numbers() -> None:
    (orders,) = tables(domains.SERVICES, "ordering")
    assert [(c.name, c.references) for c in orders.columns] == [
        ("product_id", None),
        ("amount", None),
    ]


def test_folders_of_components() -> None:
    work = domains.assignment
    several = domains.SERVICES
    assert component_dir(work("backend_developer")) == "backend"
    assert component_dir(work("qa_engineer", component="app")) == "."
    assert component_dir(work("backend_developer", several, component="ordering")) == (
        "services/ordering"
    )
    only = replace(several, services=several.services[:1])
    assert component_dir(work("backend_developer", only, component="catalogue")) == "backend"
    assert [e.name for e in component_entities(work("x", several, component="catalogue"))] == [
        "product"
    ]
    assert len(component_entities(work("x", several, component="app"))) == 2


@pytest.mark.parametrize("name", ["Title", "a b", 'x"', "1st", "ä", "a.b", ""])
def test_names_that_cannot_be_names_are_refused(name: str) -> None:
    bad = domains.entity("thing", "things", domains.field(name))
    with pytest.raises(InvalidInput, match=r"entity 'thing': .* cannot name a column"):
        tables(replace(domains.TASKS, entities=(bad,)))
