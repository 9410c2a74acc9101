"""What trials need to know of an API: schemas ready to be used, credentials, resources."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from maestro.contracts.openapi.bundling import compiled, standalone, without_marked
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import Operation, OperationResponse
from maestro.contracts.openapi.pointers import follow
from maestro.contracts.openapi.resources import Resource, ResourceAction, ResourceSurvey, survey
from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.openapi.shapes import is_json, json_content, object_shape, plain
from maestro.domain.values import JsonObject

MADE_UP = "maestro-made-up"
"""Sent where credentials are asked for and none are known; many development servers take any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What one request carries to be let in."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    known: bool = True
    """False where a value had to be made up."""


@dataclass(slots=True)
class ApiUnderTest:
    """A document with what is compiled from it, each thing once."""

    document: OpenApiDocument
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Security scheme -> key, token or `user:password`."""
    excluded: frozenset[str] = frozenset()
    """Operations declared as not built."""
    survey: ResourceSurvey = field(init=False)
    every: tuple[Operation, ...] = field(init=False)
    operations: tuple[Operation, ...] = field(init=False)
    """All but the excluded ones."""
    _kept: dict[Any, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.survey = survey(self.document)
        known = [o for r in self.survey.resources for o in (*r.operations.values(), *r.finds)]
        rest = [u.operation for u in self.survey.unrecognised]
        unique = {o.key: o for o in (*known, *rest)}
        self.every = tuple(unique.values())
        self.operations = tuple(o for o in self.every if o.key not in self.excluded)

    @property
    def resources(self) -> tuple[Resource, ...]:
        return self.survey.resources

    def action(self, resource: Resource, action: ResourceAction) -> Operation | None:
        """The operation, unless it is declared as not built."""
        operation = resource.operation(action)
        return None if operation is None or operation.key in self.excluded else operation

    def owner(self, operation: Operation) -> tuple[Resource, ResourceAction] | None:
        for resource in self.resources:
            for action, candidate in resource.operations.items():
                if candidate.key == operation.key:
                    return resource, action
        return None

    def plain(self, schema: Schema) -> Mapping[str, Any]:
        """The schema behind references, empty where it says nothing."""
        found = plain(self.document, schema)
        return found if isinstance(found, Mapping) else {}

    def properties(self, schema: Schema) -> dict[str, Mapping[str, Any]]:
        shape = object_shape(self.document, schema)
        return {n: self.plain(s) for n, s in shape.properties.items()} if shape else {}

    def required(self, schema: Schema) -> frozenset[str]:
        shape = object_shape(self.document, schema)
        return shape.required if shape else frozenset()

    def body(self, operation: Operation) -> Schema | None:
        """The JSON request body's schema as it stands in the document."""
        media = json_content(operation.body.content) if operation.body else None
        return media.schema if media else None

    def body_type(self, operation: Operation) -> str:
        """The media type a JSON body is sent as."""
        kinds = operation.body.content if operation.body else {}
        return next((kind for kind in kinds if is_json(kind)), "application/json")

    def sent(self, schema: Schema) -> Schema:
        """A request schema that stands alone; what only the provider sets is not required."""
        return self._once(
            ("sent", id(schema)),
            schema,
            lambda: without_marked(standalone(self.document, schema), "readOnly"),
        )

    def accepts(self, schema: Schema) -> Any:
        """A validator for what is sent."""
        return self._once(("accepts", id(schema)), schema, lambda: compiled(self.sent(schema)))

    def answers(self, schema: Schema) -> Any:
        """A validator for what is answered."""
        return self._once(
            ("answers", id(schema)),
            schema,
            lambda: compiled(without_marked(standalone(self.document, schema), "writeOnly")),
        )

    def _once(self, key: Any, owner: Any, make: Any) -> Any:
        if key not in self._kept:  # the owner is kept too, so that its id stays its own
            self._kept[key] = (owner, make())
        return self._kept[key][1]

    def documented(self, operation: Operation, status: int) -> OperationResponse | None:
        return operation.response_for(status)

    def documents(self, operation: Operation, *statuses: int) -> bool:
        """Whether one of them is documented by its number."""
        return any(str(status) in operation.responses for status in statuses)

    # credentials

    def is_closed(self, operation: Operation) -> bool:
        """Whether no request without credentials is let in."""
        return bool(operation.security) and all(dict(entry) for entry in operation.security)

    def credentials(self, operation: Operation) -> Admission:
        """For the first alternative whose secrets are all known; made up where none is."""
        ways = [dict(entry) for entry in operation.security if dict(entry)]
        if not ways:
            return Admission()
        known = next((w for w in ways if all(self._secret(name) for name in w)), None)
        return self._presented(known or ways[0], known=known is not None)

    def wrong_credentials(self, operation: Operation) -> Iterator[Admission]:
        """A wrong value for each scheme that can carry one."""
        names = {name for entry in operation.security for name in dict(entry)}
        for name in sorted(names):
            yield self._presented({name: []}, known=False, value=f"{MADE_UP}-wrong")

    def _presented(self, way: JsonObject, *, known: bool, value: str = "") -> Admission:
        headers: dict[str, str] = {}
        query: dict[str, str] = {}
        cookies: list[str] = []
        for name in way:
            scheme = self._scheme(name)
            secret = value or self._secret(name) or MADE_UP
            place = str(scheme.get("name", name))
            if scheme.get("type") != "apiKey":
                headers["Authorization"] = _authorization(scheme, secret)
            elif scheme.get("in") == "query":
                query[place] = secret
            elif scheme.get("in") == "cookie":
                cookies.append(f"{place}={secret}")
            else:
                headers[place] = secret
        if cookies:
            headers["Cookie"] = "; ".join(cookies)
        return Admission(headers=headers, query=query, known=known)

    def _secret(self, name: str) -> str:
        given = self.secrets.get(name) or self._scheme(name).get("x-test-credential")
        return given if isinstance(given, str) else ""

    def _scheme(self, name: str) -> Mapping[str, Any]:
        components = self.document.root.get("components")
        schemes = components.get("securitySchemes") if isinstance(components, Mapping) else None
        entry = schemes.get(name) if isinstance(schemes, Mapping) else None
        found = follow(self.document.root, entry, where=f"security scheme {name}")
        return found if isinstance(found, Mapping) else {}


def _authorization(scheme: Mapping[str, Any], secret: str) -> str:
    if str(scheme.get("scheme", "")).lower() == "basic":
        pair = secret if ":" in secret else f"{secret}:{secret}"
        return "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    return f"Bearer {secret}"
