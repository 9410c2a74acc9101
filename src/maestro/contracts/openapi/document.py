"""One model for OpenAPI 2.0, 3.0 and 3.1: the shape of 3.1 with JSON Schema 2020-12."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from maestro.contracts.openapi.parsing import check_values, parse
from maestro.contracts.openapi.schemas import modernised
from maestro.contracts.openapi.swagger import METHODS, from_swagger
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenApiDocument:
    """A parsed document beside its normalised form. Not yet linted."""

    version: str
    """`2.0`, `3.0` or `3.1`."""
    source: JsonObject
    """As it was written."""
    root: JsonObject
    """In the shape of OpenAPI 3.1, whatever the version was."""

    @property
    def title(self) -> str:
        info = self.root.get("info")
        title = info.get("title") if isinstance(info, Mapping) else None
        return title if isinstance(title, str) and title.strip() else "API"

    @property
    def base_path(self) -> str:
        """Path of the first server, without a slash at the end; variables take their defaults."""
        servers = self.root.get("servers")
        first = servers[0] if isinstance(servers, list) and servers else None
        if not isinstance(first, Mapping) or not isinstance(first.get("url"), str):
            return ""
        path = _without_host(_filled(first["url"], first.get("variables")))
        return path.partition("?")[0].partition("#")[0].rstrip("/")


def load(text: str | bytes, *, name: str = "document") -> OpenApiDocument:
    """Reads a JSON or YAML text.

    Raises:
        InvalidInput: not readable within limits, or not OpenAPI 2.0, 3.0 or 3.1.
    """
    return _document(parse(text, name=name), name)


def from_object(source: JsonObject, *, name: str = "document") -> OpenApiDocument:
    """Takes an already parsed document, such as a contract's specification.

    Raises:
        InvalidInput: values JSON does not have, or not OpenAPI 2.0, 3.0 or 3.1.
    """
    check_values(source, name=name)
    return _document(source, name)


def _document(source: JsonObject, name: str) -> OpenApiDocument:
    version = _version(source, name)
    if version == "2.0":
        root = from_swagger(source)
    else:
        root = _modern_root(source) if version == "3.0" else dict(source)
    return OpenApiDocument(version=version, source=source, root=root)


def _version(source: JsonObject, name: str) -> str:
    declared = source.get("openapi", source.get("swagger"))
    text = str(declared)
    for version in ("2.0", "3.0", "3.1"):
        if text == version or text.startswith(f"{version}."):
            return version
    if declared is None:
        raise InvalidInput(
            f"{name}: has neither `openapi` nor `swagger` at the top; it is no OpenAPI document"
        )
    raise InvalidInput(f"{name}: /openapi is {declared!r}; versions 2.0, 3.0 and 3.1 are read")


def _without_host(url: str) -> str:
    if "://" in url or url.startswith("//"):
        rest = url.partition("//")[2]
        return "/" + rest.partition("/")[2]
    return url if url.startswith("/") else "/" + url.removeprefix("./")


def _filled(url: str, variables: Any) -> str:
    for name, variable in variables.items() if isinstance(variables, Mapping) else ():
        default = variable.get("default") if isinstance(variable, Mapping) else None
        url = url.replace(f"{{{name}}}", str(default))
    return url


def _modern_root(source: JsonObject) -> dict[str, Any]:
    """Version 3.0: every schema is rewritten where it stands, so that references stay good."""
    made = dict(source)
    if isinstance(made.get("paths"), Mapping):
        made["paths"] = {path: _path_item(item) for path, item in made["paths"].items()}
    components = made.get("components")
    if isinstance(components, Mapping):
        changed = dict(components)
        for kind, change in _COMPONENT_CHANGES.items():
            if isinstance(changed.get(kind), Mapping):
                changed[kind] = {name: change(entry) for name, entry in changed[kind].items()}
        made["components"] = changed
    return made


def _path_item(item: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    made = dict(item)
    _each(made, "parameters", _carrier)
    for method in METHODS:
        if isinstance(made.get(method), Mapping):
            made[method] = _operation(made[method])
    return made


def _operation(operation: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(operation)
    _each(made, "parameters", _carrier)
    if "requestBody" in made:
        made["requestBody"] = _carrier(made["requestBody"])
    if isinstance(made.get("responses"), Mapping):
        made["responses"] = {s: _carrier(r) for s, r in made["responses"].items()}
    if isinstance(made.get("callbacks"), Mapping):
        made["callbacks"] = {n: _callback(c) for n, c in made["callbacks"].items()}
    return made


def _callback(callback: Any) -> Any:
    if not isinstance(callback, Mapping) or "$ref" in callback:
        return callback
    return {expression: _path_item(item) for expression, item in callback.items()}


def _carrier(value: Any) -> Any:
    """A parameter, header, body, response or media type: whatever carries schemas."""
    if not isinstance(value, Mapping) or "$ref" in value:
        return value
    made = dict(value)
    if "schema" in made:
        made["schema"] = modernised(made["schema"])
    for key in ("content", "headers"):
        if isinstance(made.get(key), Mapping):
            made[key] = {name: _carrier(entry) for name, entry in made[key].items()}
    return made


def _each(made: dict[str, Any], key: str, change: Any) -> None:
    if isinstance(made.get(key), list):
        made[key] = [change(entry) for entry in made[key]]


_COMPONENT_CHANGES: Mapping[str, Callable[[Any], Any]] = {
    "schemas": modernised,
    "parameters": _carrier,
    "headers": _carrier,
    "requestBodies": _carrier,
    "responses": _carrier,
    "pathItems": _path_item,
    "callbacks": _callback,
}
