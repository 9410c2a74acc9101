"""One model for OpenAPI 2.0, 3.0 and 3.1: the shape of 3.1 with JSON Schema 2020-12."""

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from maestro.contracts.openapi.dialects import SchemaReader, dialect_of
from maestro.contracts.openapi.identifiers import Identifiers
from maestro.contracts.openapi.normalising import LazyObject, Normaliser
from maestro.contracts.openapi.notes import Note, Notebook
from maestro.contracts.openapi.parsing import check_values, parse
from maestro.contracts.openapi.pointers import join
from maestro.contracts.openapi.swagger import (
    swagger_path_item,
    swagger_reference,
    swagger_root,
)
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenApiDocument:
    """A parsed document beside its normalised form. Not yet linted."""

    version: str
    """`2.0`, `3.0`, `3.1` or `3.2`."""
    source: JsonObject
    """As it was written."""
    root: JsonObject
    """In the shape of OpenAPI 3.1, whatever the version was; path items and components are made
    when they are first looked at, so this is no plain dict: see `plain_root`.
    """
    notebook: Notebook = field(default_factory=Notebook, compare=False, repr=False)
    """What was put right so far; `notes_of` reads everything and tells all."""

    identifiers: Identifiers = field(init=False, compare=False, repr=False)
    """Schemas by `$id` and anchor."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "identifiers", Identifiers(self.root))

    @property
    def notes(self) -> tuple[Note, ...]:
        """Repairs of what was looked at so far."""
        return self.notebook.notes

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
    return document_of(parse(text, name=name), name=name)


def from_object(source: JsonObject, *, name: str = "document") -> OpenApiDocument:
    """Takes an already parsed document, such as a contract's specification.

    Whole-number keys and dates, as other YAML readers make them, become texts again.

    Raises:
        InvalidInput: values JSON does not have, or not OpenAPI 2.0 to 3.2.
    """
    notebook = Notebook()
    if not _is_plain(source):
        source = _plain(source, "", notebook, 0)
        check_values(source, name=name)
    return document_of(source, name=name, notebook=notebook)


def plain_root(document: OpenApiDocument) -> dict[str, Any]:
    """The normalised document as plain JSON values, for writing it down."""
    return dict(_written_out(document.root))


def _written_out(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _written_out(entry) for key, entry in value.items()}
    return [_written_out(entry) for entry in value] if isinstance(value, list) else value


def _is_plain(source: Any) -> bool:
    """Whether these are JSON values already; a quick look, mistaken only on the safe side."""
    try:
        return bool(orjson.loads(orjson.dumps(source, option=_STRICTLY)) == source)
    except (TypeError, ValueError, RecursionError):
        return False


_STRICTLY = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_MAX_DEPTH = 300


def _plain(value: Any, pointer: str, notebook: Notebook, depth: int) -> Any:
    """Copies containers; what JSON does not have is left for the check that follows."""
    if depth > _MAX_DEPTH:
        return value
    if isinstance(value, Mapping):
        made: dict[Any, Any] = {}
        for key, entry in value.items():
            name = _key(key, pointer, notebook)
            made[name] = _plain(entry, join(pointer, name), notebook, depth + 1)
        return made
    if isinstance(value, list | tuple):
        return [_plain(e, join(pointer, n), notebook, depth + 1) for n, e in enumerate(value)]
    if isinstance(value, datetime.date | datetime.time):
        notebook.add(pointer, "date-value", "a date of YAML is read as the text it was")
        return value.isoformat()
    return value


def _key(key: Any, pointer: str, notebook: Notebook) -> Any:
    if isinstance(key, str) or not isinstance(key, int | float | datetime.date | None):
        return key
    name = key.isoformat() if isinstance(key, datetime.date) else json.dumps(key)
    notebook.add(join(pointer, name), "key-text", f"the key {key!r} is read as the text {name!r}")
    return name


def document_of(
    source: JsonObject, *, name: str = "document", notebook: Notebook | None = None
) -> OpenApiDocument:
    """Takes what `parse` made, without looking at every value again.

    Raises:
        InvalidInput: not OpenAPI 2.0 to 3.2.
    """
    notebook = notebook or Notebook()
    version = _version(source, name, notebook)
    root = _swagger(source, notebook) if version == "2.0" else _modern(source, version, notebook)
    return OpenApiDocument(version=version, source=source, root=root, notebook=notebook)


def _version(source: JsonObject, name: str, notebook: Notebook) -> str:
    key = "openapi" if "openapi" in source else "swagger"
    declared = source.get(key)
    text = str(declared).strip().removeprefix("v")
    if declared is not None and not isinstance(declared, str):
        notebook.add(f"/{key}", "version-text", f"{declared!r} is read as the text {text!r}")
    if text == "3.2" or text.startswith("3.2."):
        notebook.add("/openapi", "version-3-2", "3.2 is read as 3.1; what it added is not used")
    for version in ("2.0", "3.0", "3.1", "3.2"):
        if text == version or text.startswith(f"{version}.") or text == version.removesuffix(".0"):
            return version
    if declared is None:
        raise InvalidInput(
            f"{name}: has neither `openapi` nor `swagger` at the top; it is no OpenAPI document"
        )
    raise InvalidInput(f"{name}: /{key} is {declared!r}; versions 2.0, 3.0 and 3.1 are read")


def _modern(source: JsonObject, version: str, notebook: Notebook) -> dict[str, Any]:
    dialect = "3.0" if version == "3.0" else dialect_of(source.get("jsonSchemaDialect"), "2020-12")

    def reference(target: str, pointer: str) -> str:
        return _usual_target(source, target, pointer, notebook)

    reader = Normaliser(notebook, SchemaReader(notebook, dialect, reference))
    made = dict(source)
    for key in ("paths", "webhooks"):
        if isinstance(made.get(key), Mapping):
            read = reader.paths if key == "paths" else _webhooks(reader)
            made[key] = read(made[key], f"/{key}")
        elif key in made and made[key] is None:
            notebook.add(f"/{key}", "null-member", f"{key} is null, read as absent")
            del made[key]
    if isinstance(made.get("components"), Mapping):
        made["components"] = reader.components(made["components"], "/components")
    return made


def _webhooks(reader: Normaliser) -> Any:
    return lambda entries, pointer: reader.named(entries, "path-item", pointer)


def _usual_target(source: JsonObject, target: str, pointer: str, notebook: Notebook) -> str:
    """References written as 2.0 wrote them, or as a bare name, where only one thing is meant."""
    components = source.get("components")
    schemas = components.get("schemas") if isinstance(components, Mapping) else None
    name = target.removeprefix("#/definitions/")
    if not isinstance(schemas, Mapping) or name not in schemas or name.startswith("#"):
        return target
    if name != target and "definitions" in source:
        return target
    notebook.add(
        join(pointer, "$ref"), "reference-place", f"{target!r} is read as #/components/schemas/"
    )
    return join("#/components/schemas", name)


def _swagger(source: JsonObject, notebook: Notebook) -> dict[str, Any]:
    def reference(target: str, pointer: str) -> str:
        definitions = source.get("definitions")
        if isinstance(definitions, Mapping) and target in definitions:
            notebook.add(
                join(pointer, "$ref"), "reference-place", f"{target!r} is read as #/definitions/"
            )
            return join("#/components/schemas", target)
        return swagger_reference(target)

    reader = Normaliser(notebook, SchemaReader(notebook, "2.0", reference))
    made = swagger_root(source)
    made["components"] = reader.components(made["components"], "/components")
    if isinstance(made["paths"], Mapping):
        items = reader.paths(made["paths"], "/paths")
        made["paths"] = LazyObject(
            items.raw,
            lambda name, item: reader.read(
                "path-item", swagger_path_item(source, item), join("/paths", name)
            ),
        )
    return made


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
