"""The document with an example, held against its schema, wherever one belongs."""

import copy
import json
from collections.abc import Mapping, MutableMapping
from typing import Any

import yaml

from maestro.contracts.exports.client_names import snake
from maestro.contracts.exports.planned_requests import RestContract
from maestro.contracts.exports.project import ExportedProject
from maestro.contracts.openapi.bundling import compiled, standalone, without_marked
from maestro.contracts.openapi.document import plain_root
from maestro.contracts.openapi.operations import MediaType, Operation, OperationParameter
from maestro.contracts.openapi.pointers import follow
from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.samples import Sampler
from maestro.domain.contract import Contract
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

VERSION = "3.1.1"


def enriched_spec(contract: Contract) -> ExportedProject:
    """OpenAPI 3.1, whatever the contract was written in.

    Raises:
        InvalidInput: no OpenAPI contract, or an unreadable one.
    """
    rest = RestContract(contract, what="specifications with examples are")
    filling = _Filling(rest)
    for _, operation in rest.operations():
        if not isinstance(operation, str):
            filling.fill(operation)
    text = yaml.dump(
        json.loads(json.dumps(filling.root)),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=100,
    )
    return ExportedProject(files={f"{snake(contract.id)}_spec.yaml": text.encode()})


class _Dumper(yaml.SafeDumper):
    """Without anchors, which other readers limit."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class _Filling:
    def __init__(self, rest: RestContract) -> None:
        self._rest = rest
        self.root: dict[str, Any] = copy.deepcopy(plain_root(rest.document))
        self.root = {"openapi": VERSION, **{k: v for k, v in self.root.items() if k != "openapi"}}

    def fill(self, operation: Operation) -> None:
        entry = self._entry(operation)
        item = self._item(operation)
        for parameter in operation.parameters:
            for found in (entry.get("parameters"), item.get("parameters")):
                self._parameter(parameter, found)
        body = self._followed(entry.get("requestBody"))
        for kind, media in operation.body.content.items() if operation.body else ():
            self._media(body, kind, media, "readOnly")
        listed = entry.get("responses")
        for status, raw in listed.items() if isinstance(listed, dict) else ():
            response = operation.responses.get(status) or operation.responses.get(status.upper())
            for kind, media in response.content.items() if response else ():
                self._media(self._followed(raw), kind, media, "writeOnly")

    def _item(self, operation: Operation) -> Mapping[str, Any]:
        return self._followed(self.root["paths"].get(operation.path))

    def _entry(self, operation: Operation) -> Mapping[str, Any]:
        item = self._item(operation)
        return self._followed(item.get(operation.method.lower()))

    def _followed(self, value: Any) -> MutableMapping[str, Any]:
        """What a reference leads to, inside the copy, so that it can be written into."""
        try:
            found = follow(self.root, value, where="specification")
        except InvalidInput:
            found = None
        return found if isinstance(found, dict) else {}

    def _parameter(self, parameter: OperationParameter, listed: Any) -> None:
        for raw in listed if isinstance(listed, list) else ():
            entry = self._followed(raw)
            same = (entry.get("in"), entry.get("name")) == (parameter.location, parameter.name)
            if same and not parameter.is_json and "schema" in entry:
                self._set(entry, parameter.schema, parameter.examples, "", parameter.name)

    def _media(self, holder: Mapping[str, Any], kind: str, media: MediaType, marker: str) -> None:
        content = holder.get("content")
        entry = self._followed(content.get(kind)) if isinstance(content, dict) else {}
        if content and isinstance(entry, dict) and kind in content:
            self._set(entry, media.schema, media.examples, marker, "")

    def _set(
        self,
        entry: MutableMapping[str, Any],
        schema: Schema,
        examples: tuple[JsonValue, ...],
        marker: str,
        name: str,
    ) -> None:
        """Leaves good examples as they are; a bad one, or none, makes room for a sample."""
        try:
            whole = standalone(self._rest.document, schema)
            whole = without_marked(whole, marker) if marker else whole
            validator = compiled(whole)
            if examples and all(validator.is_valid(example) for example in examples):
                return
            value = Sampler(whole, name=name, validator=validator).sample()
        except InvalidInput:
            return  # nothing fits: whatever stood there is the document's own
        entry.pop("examples", None)
        entry["example"] = value
