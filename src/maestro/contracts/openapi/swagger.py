"""Swagger 2.0 documents in the shape of OpenAPI 3.1."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from maestro.contracts.openapi.grammar import METHODS
from maestro.contracts.openapi.pointers import lookup
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput

_SCHEMA_KEYS = frozenset({
    "default", "enum", "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maximum",
    "maxItems", "maxLength", "minimum", "minItems", "minLength", "multipleOf", "pattern", "type",
    "uniqueItems", "x-nullable", "example",
})  # fmt: skip
_STYLES = {"ssv": "spaceDelimited", "pipes": "pipeDelimited"}
_FORM = ("application/x-www-form-urlencoded", "multipart/form-data")


def swagger_root(source: JsonObject) -> dict[str, Any]:
    """The top of the same interface as OpenAPI 3.1; path items and schemas are not looked into."""
    made = {k: v for k, v in source.items() if k in ("info", "tags", "externalDocs", "security")}
    made |= {k: v for k, v in source.items() if str(k).startswith("x-")}
    made["openapi"] = "3.1.0"
    made["servers"] = _servers(source)
    made["paths"] = source.get("paths")
    components: dict[str, Any] = {"schemas": {}}
    for old, new in (("definitions", "schemas"), ("securityDefinitions", "securitySchemes")):
        if isinstance(source.get(old), Mapping):
            components[new] = dict(source[old])
    components["securitySchemes"] = {
        name: _security_scheme(scheme)
        for name, scheme in components.get("securitySchemes", {}).items()
    }
    responses = source.get("responses")
    if isinstance(responses, Mapping):
        produces = _texts(source.get("produces")) or ["application/json"]
        components["responses"] = {n: swagger_response(r, produces) for n, r in responses.items()}
    made["components"] = components
    return made


def swagger_reference(target: str) -> str:
    """Where a target of 2.0 is found in 3.1."""
    for old, new in (("definitions", "components/schemas"), ("responses", "components/responses")):
        if target.startswith(f"#/{old}/"):
            return f"#/{new}/{target.removeprefix(f'#/{old}/')}"
    return target


def _security_scheme(scheme: Any) -> Any:
    """`basic` and the OAuth flows are written in another way since 3.0."""
    if not isinstance(scheme, Mapping):
        return scheme
    if scheme.get("type") == "basic":
        made = {k: v for k, v in scheme.items() if k != "type"}
        return {**made, "type": "http", "scheme": "basic"}
    flow = _FLOWS.get(str(scheme.get("flow")))
    if scheme.get("type") != "oauth2" or flow is None:
        return scheme
    inside = ("authorizationUrl", "tokenUrl", "scopes")
    made = {k: v for k, v in scheme.items() if k not in (*inside, "flow")}
    made["flows"] = {flow: {k: scheme[k] for k in inside if k in scheme}}
    return made


_FLOWS = {
    "implicit": "implicit",
    "password": "password",
    "application": "clientCredentials",
    "accessCode": "authorizationCode",
}


def _servers(source: JsonObject) -> list[dict[str, str]]:
    path = source.get("basePath")
    path = path if isinstance(path, str) and path.startswith("/") else "/"
    host = source.get("host")
    if not isinstance(host, str):
        return [{"url": path}]
    schemes = _texts(source.get("schemes")) or ["https"]
    return [{"url": f"{scheme}://{host}{path}"} for scheme in schemes]


def swagger_path_item(source: JsonObject, item: Any) -> Any:
    """A path item in the shape of 3.1, its schemas still of 2.0."""
    if not isinstance(item, Mapping):
        return item
    shared = _parameters(source, item.get("parameters"))
    made: dict[str, Any] = {k: v for k, v in item.items() if k not in (*METHODS, "parameters")}
    for method in METHODS:
        if method in item:
            made[method] = _operation(source, item[method], shared)
    return made


def _operation(source: JsonObject, operation: Any, shared: Sequence[Any]) -> Any:
    if not isinstance(operation, Mapping):
        return operation
    own = _parameters(source, operation.get("parameters"))
    parameters = _merged(shared, own)
    consumes = _texts(operation.get("consumes", source.get("consumes")))
    produces = _texts(operation.get("produces", source.get("produces")))
    dropped = ("parameters", "consumes", "produces", "schemes", "responses")
    made: dict[str, Any] = {k: v for k, v in operation.items() if k not in dropped}
    made["parameters"] = [_parameter(p) for p in parameters if not _in_body(p)]
    body = _body([p for p in parameters if _in_body(p)], consumes)
    if body:
        made["requestBody"] = body
    responses = operation.get("responses")
    if isinstance(responses, Mapping):
        made["responses"] = {
            status: swagger_response(response, produces or ["application/json"])
            for status, response in responses.items()
        }
    return made


def _parameters(source: JsonObject, listed: Any) -> list[Any]:
    """Parameters with references followed: a body cannot stay a reference to a parameter."""
    if not isinstance(listed, list):
        return []
    found = []
    for position, entry in enumerate(listed):
        if isinstance(entry, Mapping) and isinstance(entry.get("$ref"), str):
            with suppress(InvalidInput):  # stays a reference; the lint reports it
                entry = lookup(source, entry["$ref"], where=f"parameters/{position}")
        found.append(entry)
    return found


def _merged(shared: Sequence[Any], own: Sequence[Any]) -> list[Any]:
    def key(parameter: Any) -> object:
        if not isinstance(parameter, Mapping) or "name" not in parameter:
            return id(parameter)
        return (str(parameter.get("in")), str(parameter["name"]))

    return list({**{key(p): p for p in shared}, **{key(p): p for p in own}}.values())


def _in_body(parameter: Any) -> bool:
    return isinstance(parameter, Mapping) and parameter.get("in") in ("body", "formData")


def _parameter(parameter: Any) -> Any:
    if not isinstance(parameter, Mapping) or "$ref" in parameter:
        return parameter
    made = {k: v for k, v in parameter.items() if k not in _SCHEMA_KEYS}
    made.pop("collectionFormat", None)
    made["schema"] = {k: v for k, v in parameter.items() if k in _SCHEMA_KEYS}
    if parameter.get("type") == "array":
        listed = parameter.get("collectionFormat", "csv")
        made["explode"] = listed == "multi"
        default = "form" if parameter.get("in") in ("query", "cookie") else "simple"
        made["style"] = _STYLES.get(listed, default)
    return made


def _body(parameters: Sequence[Mapping[str, Any]], consumes: list[str]) -> dict[str, Any] | None:
    if not parameters:
        return None
    whole = next((p for p in parameters if p.get("in") == "body"), None)
    if whole is not None:
        schema = whole.get("schema", {})
        content = {kind: {"schema": schema} for kind in consumes or ["application/json"]}
        notes = {k: whole[k] for k in ("description",) if k in whole}
        return {"content": content, "required": whole.get("required") is True, **notes}
    return _form(parameters, consumes)


def _form(parameters: Sequence[Mapping[str, Any]], consumes: list[str]) -> dict[str, Any]:
    files = any(p.get("type") == "file" for p in parameters)
    kinds = [kind for kind in consumes if kind in _FORM] or [_FORM[1] if files else _FORM[0]]
    required = [p["name"] for p in parameters if p.get("required") is True and "name" in p]
    schema = {
        "type": "object",
        "properties": {
            str(p.get("name")): ({k: v for k, v in p.items() if k in _SCHEMA_KEYS})
            for p in parameters
        },
        **({"required": required} if required else {}),
    }
    return {"content": {kind: {"schema": schema} for kind in kinds}, "required": bool(required)}


def swagger_response(response: Any, produces: Sequence[str]) -> Any:
    if not isinstance(response, Mapping):
        return response
    if isinstance(response.get("$ref"), str):
        return {"$ref": swagger_reference(response["$ref"])}
    made = {k: v for k, v in response.items() if k not in ("schema", "examples", "headers")}
    examples = response.get("examples")
    examples = examples if isinstance(examples, Mapping) else {}
    if "schema" in response:
        schema = response["schema"]
        made["content"] = {
            kind: {"schema": schema} | ({"example": examples[kind]} if kind in examples else {})
            for kind in dict.fromkeys((*produces, *examples))
        }
    headers = response.get("headers")
    if isinstance(headers, Mapping):
        made["headers"] = {name: _parameter(header) for name, header in headers.items()}
    return made


def _texts(value: Any) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []
