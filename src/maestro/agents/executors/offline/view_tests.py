"""What the contract test suite needs to know, read from the OpenAPI documents alone.

The tests hold the running API against its contract, so nothing here looks at how it was built.
Values are Python expressions: a test must be repeatable on a database that is not empty, so text
is new in every run.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from maestro.agents.executors.offline.openapi_nodes import resolve, snake, success_schema
from maestro.agents.executors.offline.recognised_bodies import round_trips
from maestro.agents.executors.offline.render import python_text
from maestro.agents.executors.offline.sample_values import (
    KNOWN,
    TOKEN_LENGTH,
    WrongValue,
    fresh_value,
    has_room,
    ordered_values,
    other_value,
    surroundings,
    wrong_values,
)
from maestro.agents.executors.offline.view_resources import (
    PageField,
    PageListing,
    PageOperation,
    PageResource,
    page_resources,
)
from maestro.domain.addresses import address_variables
from maestro.domain.contract import Contract, ContractKind
from maestro.domain.work import Assignment, NotBuilt
from maestro.errors import InvalidInput

_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedField:
    """A property that clients may write, with values to try as Python expressions."""

    name: str
    type: str
    required: bool
    nullable: bool
    unique: bool
    default: str | None
    """What a record gets that was created without it; None where the contract does not say."""
    fresh: str
    """A valid value; for a reference to another resource of this API, a record made for it."""
    other: str
    """A valid value that differs from `fresh`."""
    ordered: tuple[str, ...]
    """Three values in ascending order; empty where an order cannot be tried."""
    wrong: tuple[WrongValue, ...]
    target: str | None
    """Name of the resource it refers to, when that is part of the same API."""
    target_path: str
    searched: bool
    """Whether the search looks into it and it has room for a random text."""
    around: tuple[str, str]
    """Text before and after the random text."""
    creatable: bool
    updatable: bool

    @property
    def identifier(self) -> str:
        return identifier(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedResource:
    """One test module: a collection of the API and its records."""

    component: str
    path: str
    name: str
    """Identifier for one record, e.g. `task`."""
    plural: str
    """Names the test module: tests/contract/test_<plural>.py."""
    label: str
    id_field: str
    item_path: str
    fields: tuple[CheckedField, ...]
    operations: Mapping[str, PageOperation]
    statuses: Mapping[str, tuple[int, ...]]
    """Documented success codes of each operation, by what it does."""
    items: str | None
    """Property of the list's answer that holds the records; None: the answer is the list."""
    widest: str
    """Query of the list's largest page, as arguments of a Python call."""
    tells_id: bool
    """Whether the answer to a create request carries the record's id."""
    filters: tuple[str, ...]
    searchable: bool
    sorts: tuple[str, ...]

    @property
    def fixture(self) -> str:
        return identifier(self.component)

    @property
    def written(self) -> tuple[CheckedField, ...]:
        """What a create request may carry."""
        return tuple(field for field in self.fields if field.creatable)

    @property
    def changed(self) -> tuple[CheckedField, ...]:
        return tuple(field for field in self.fields if field.updatable)

    @property
    def filtered(self) -> tuple[CheckedField, ...]:
        return tuple(field for field in self.written if field.name in self.filters)

    @property
    def searched(self) -> tuple[CheckedField, ...]:
        return tuple(field for field in self.written if field.searched)

    @property
    def ordered(self) -> tuple[CheckedField, ...]:
        return tuple(f for f in self.written if f.ordered and f.name in self.sorts)

    @property
    def unique(self) -> tuple[CheckedField, ...]:
        return tuple(field for field in self.written if field.unique)

    @property
    def linked(self) -> tuple[CheckedField, ...]:
        """References that the API checks."""
        return tuple(field for field in self.written if field.target)

    @property
    def required_names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.written if field.required)

    @property
    def nullable_names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.changed if field.nullable)

    @property
    def any_change(self) -> str:
        """A body that PATCH accepts, as a Python expression."""
        field = next(iter(self.changed), None)
        return "{}" if field is None else f"{{{python_text(field.name)}: {field.other}}}"

    @property
    def imports(self) -> tuple[str, ...]:
        """Names of the records module that the test module uses."""
        used = [field.other for field in (*self.changed, *self.filtered)]
        used += [value for field in self.ordered for value in field.ordered]
        used += ["token()" for _ in self.searched]
        used += [f"a_{field.target}(api)" for field in self.linked]
        called = re.findall(r"\b(token|fresh_[a-z]+|a_[a-z0-9_]+)\(", " ".join(used))
        own = (f"least_{self.name}", f"new_{self.name}")
        return tuple(sorted({*called, *own, "is_problem", "same"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedApi:
    component: str
    variable: str
    """Environment variable with its base URL."""
    fixture: str


def suite_view(assignment: Assignment) -> Mapping[str, object]:
    """One test module per resource of every consumed REST contract.

    Raises:
        InvalidInput: no REST contract is consumed, so there is nothing to test against.
    """
    consumed = [c.contract for c in assignment.consumes if c.contract.kind is ContractKind.REST]
    contracts = consumed or [c for c in assignment.contracts if c.kind is ContractKind.REST]
    if not contracts:
        raise InvalidInput("contract tests need a REST contract; the assignment consumes none")
    everything = [
        resource
        for contract in contracts
        for resource in checked_resources(contract, several=len(contracts) > 1)
    ]
    foreign = assignment.constraints.contract is not None
    refused = {(o.method, o.path) for o in assignment.operations if o.reason}
    resources = [
        resource
        for resource in everything
        if not _needs_itself(resource, everything)
        and not refused & {(o.method, o.path) for o in resource.operations.values()}
    ]
    # In a document of somebody else's, every operation is tested by the verification; the suite
    # holds what can be told of its entries. What is not built is listed by who did not build it.
    missing = [] if foreign else [item for c in contracts for item in untested(c, resources)]
    return {
        "entities": tuple(resources),
        "ordered_resources": creation_order(resources),
        "apis": tuple(
            CheckedApi(
                component=c.component,
                variable=next(iter(address_variables(c, "-"))),
                fixture=identifier(c.component),
            )
            for c in contracts
        ),
        "foreign": foreign,
        "round_trips": round_trips(assignment.operations),
        "not_built": tuple(missing),
    }


def checked_resources(contract: Contract, *, several: bool) -> tuple[CheckedResource, ...]:
    """The collections of a contract, with unique names for modules and records."""
    document = contract.specification
    found = collections(document)
    names = _names(found)
    targets = {
        snake(r.schema_name): (names[r.path], r.path)
        for r in found
        if r.schema_name and "create" in r.operations
    }
    prefix = f"{identifier(contract.component)}_" if several else ""
    return tuple(
        _checked(contract, resource, names[resource.path], targets, prefix) for resource in found
    )


def collections(document: Mapping[str, Any]) -> list[PageResource]:
    """Resources with a list or a create operation; a query below another one is none."""
    found = page_resources(document, set())
    paths = {resource.path for resource in found}
    return [
        resource
        for resource in found
        if "create" in resource.operations
        or ("list" in resource.operations and resource.path.rsplit("/", 1)[0] not in paths)
    ]


def _needs_itself(resource: CheckedResource, known: Sequence[CheckedResource]) -> bool:
    """Whether required references lead back to it, so that no first record can be made."""
    by_name = {(r.component, r.name): r for r in known}
    waiting, seen = [resource], set()
    while waiting:
        current = waiting.pop()
        for field in current.fields:
            if field.required and field.target:
                if field.target == resource.name:
                    return True
                if field.target not in seen:
                    seen.add(field.target)
                    waiting.append(by_name[resource.component, field.target])
    return False


def creation_order(resources: Sequence[CheckedResource]) -> tuple[CheckedResource, ...]:
    """Referenced resources first, so that the suite reads from simple to composed."""
    known = {(r.component, r.name): r for r in resources}
    ordered: dict[tuple[str, str], CheckedResource] = {}

    def visit(resource: CheckedResource, trail: tuple[str, ...]) -> None:
        for field in resource.fields:
            target = known.get((resource.component, field.target or ""))
            if target and target.name not in trail:
                visit(target, (*trail, target.name))
        ordered.setdefault((resource.component, resource.name), resource)

    for resource in resources:
        visit(resource, (resource.name,))
    return tuple(ordered.values())


def untested(contract: Contract, resources: Sequence[CheckedResource]) -> tuple[NotBuilt, ...]:
    """Operations of the document for which no test is derived."""
    covered = {
        (operation.method.lower(), operation.path)
        for resource in resources
        if resource.component == contract.component
        for operation in resource.operations.values()
    }
    paths: Mapping[str, Any] = contract.specification.get("paths") or {}
    return tuple(
        NotBuilt(
            what=f"contract test of {method.upper()} {path}",
            reason="tests are derived for list, create, read, update and delete of a collection",
        )
        for path, item in paths.items()
        for method in _METHODS
        if method in resolve(contract.specification, item) and (method, path) not in covered
    )


def _checked(
    contract: Contract,
    resource: PageResource,
    name: str,
    targets: Mapping[str, tuple[str, str]],
    prefix: str,
) -> CheckedResource:
    operations = resource.operations
    item_path = next((o.path for k, o in operations.items() if k not in ("list", "create")), "")
    fields = (_field(field, targets, bool(resource.listing.search)) for field in resource.fields)
    return CheckedResource(
        component=contract.component,
        path=resource.path,
        name=name,
        plural=f"{prefix}{identifier(resource.path)}",
        label=name.replace("_", " "),
        id_field=resource.id_field or "id",
        item_path=item_path,
        fields=tuple(f for f in fields if f.creatable or f.updatable),
        operations=operations,
        statuses={
            kind: _successes(contract.specification, operation)
            for kind, operation in operations.items()
        },
        items=resource.listing.items,
        widest=_widest(resource),
        tells_id=_tells_id(contract.specification, resource),
        filters=_filters(resource.listing),
        searchable=resource.listing.search == "q",
        sorts=tuple(v for v in resource.listing.sort_values if not v.startswith("-")),
    )


def _successes(document: Mapping[str, Any], operation: PageOperation) -> tuple[int, ...]:
    item = resolve(document, (document.get("paths") or {}).get(operation.path))
    responses = resolve(document, item.get(operation.method.lower())).get("responses") or {}
    codes = sorted(str(code) for code in responses)
    return tuple(int(code) for code in codes if re.fullmatch("2[0-9][0-9]", code)) or (
        200,
        201,
        204,
    )


def _filters(listing: PageListing) -> tuple[str, ...]:
    """Query parameters that narrow by a field; a field may be called like another parameter."""
    taken = (listing.limit, listing.offset, listing.page, listing.search, listing.sort)
    return tuple(name for name in listing.filters if name not in taken)


def _widest(resource: PageResource) -> str:
    listing = resource.listing
    if not listing.limit:
        return ""
    return f", **{{{python_text(listing.limit)}: {listing.limit_maximum}}}"


def _tells_id(document: Mapping[str, Any], resource: PageResource) -> bool:
    create = resource.operations.get("create")
    if create is None or resource.id_field is None:
        return False
    item = resolve(document, document["paths"][create.path])
    answer = success_schema(document, item["post"])
    return resource.id_field in (answer.get("properties") or {})


def _names(resources: Sequence[PageResource]) -> dict[str, str]:
    """A unique identifier per path, from the schema's name where there is one."""
    names: dict[str, str] = {}
    for resource in resources:
        wanted = identifier(snake(resource.schema_name) if resource.schema_name else resource.path)
        name, number = wanted, 2
        while name in names.values():
            name, number = f"{wanted}_{number}", number + 1
        names[resource.path] = name
    return names


def identifier(text: str) -> str:
    """A small-letter Python name for any text."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "entry"
    return plain if plain[0].isalpha() else f"n{plain}"


def _field(
    field: PageField, targets: Mapping[str, tuple[str, str]], searchable: bool
) -> CheckedField:
    target, target_path = targets.get(field.target or "", (None, ""))
    usable = field.type in KNOWN or field.required
    return CheckedField(
        name=field.name,
        type=field.type,
        required=field.required,
        nullable=field.nullable,
        unique=field.unique,
        default=None if field.default is None else python_text(field.default),
        fresh=fresh_value(field, target),
        other=other_value(field, target),
        ordered=ordered_values(field),
        wrong=wrong_values(field),
        target=target,
        target_path=target_path,
        searched=searchable and has_room(field, TOKEN_LENGTH),
        around=surroundings(field),
        creatable=field.creatable and usable,
        updatable=field.updatable and usable,
    )
