"""A contract's operations made ready to be served, each when it is first called."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from maestro.contracts.mocks.credentials import Credentials
from maestro.contracts.mocks.messages import MockReply, MockRequest
from maestro.contracts.mocks.replies import ReplyWriter
from maestro.contracts.mocks.routes import Match, Routes, written
from maestro.contracts.mocks.state import MockState
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.mocks.validation import AddressValues, RequestValidator
from maestro.contracts.openapi.document import OpenApiDocument, from_object
from maestro.contracts.openapi.operations import Operation, raw_operations, read_operation
from maestro.contracts.openapi.resources import Resource, resources
from maestro.domain.contract import Contract
from maestro.errors import InvalidInput

_MAX_ASKED = 2_048
_MAX_ADDRESS = 1_024
"""Addresses that are remembered, and how long each may be."""


@dataclass(frozen=True, slots=True)
class RawOperation:
    """An operation as the document has it, unread."""

    method: str
    """In capitals."""
    path: str
    item: Mapping[str, Any]
    operation: Mapping[str, Any]
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", f"{self.method} {self.path}")

    @property
    def summary(self) -> str:
        return str(self.operation.get("summary") or self.operation.get("operationId") or "")


@dataclass(slots=True)
class CompiledOperation:
    key: str
    operation: Operation
    validator: RequestValidator
    writer: ReplyWriter
    credentials: Credentials
    is_told_by_address: bool
    """Whether replies depend on address, Accept header and memory alone."""


LastReply = tuple[MockReply, str | None, MockState | None, int]
"""A reply with the Accept header, the memory and its version for which it was made."""


@dataclass(slots=True)
class AskedOperation:
    """The operation at an address."""

    compiled: CompiledOperation
    arguments: Mapping[str, str]
    """Decoded path parameters."""
    values: AddressValues | None = None
    """What the address says, once it has been read."""
    last: LastReply | None = None
    """Where a reply depends on the address alone."""

    def read(self, request: MockRequest) -> AddressValues:
        """Raises Refused."""
        self.values = self.compiled.validator.read_address(request, self.arguments)
        return self.values


class ServedApi:
    """What all consumers of one contract share: routes, validators, samples."""

    def __init__(self, contract: Contract, behaviour: MockBehaviour) -> None:
        """Raises InvalidInput for a document whose paths cannot be read."""
        self.contract = contract
        self.behaviour = behaviour
        self.document: OpenApiDocument = from_object(contract.specification, name=contract.id)
        self.base = unquote(self.document.base_path)
        self.written_base = written(self.base)
        """As it stands in URLs."""
        self.raw = tuple(
            RawOperation(method.upper(), path, item, operation)
            for path, method, item, operation in raw_operations(self.document)
        )
        routes = Routes([(raw.method, raw.path, raw) for raw in self.raw])
        self.find: Callable[[str], Match[RawOperation] | None] = routes.find
        """Takes paths without the base path. Raises UnicodeDecodeError."""
        self._compiled: dict[str, CompiledOperation] = {}
        self._asked: dict[tuple[str, str, str], AskedOperation] = {}
        self._written: dict[str, tuple[Operation, ReplyWriter]] = {}
        self._broken: dict[str, str] = {}
        self._resources: tuple[Resource, ...] | None = None
        self._notes: list[str] = [] if self.raw else ["the document has no operations to serve"]

    @property
    def compiled(self) -> int:
        """How many operations are ready."""
        return len(self._compiled)

    def asked_before(self, request: MockRequest) -> AskedOperation | None:
        """Consumers ask for the same addresses again and again."""
        return self._asked.get((request.method, request.path, request.query))

    def asked(
        self, request: MockRequest, raw: RawOperation, arguments: Mapping[str, str]
    ) -> AskedOperation:
        """Raises InvalidInput when this operation of the contract cannot be used."""
        made = AskedOperation(self.ready(raw), arguments)
        if len(request.path) + len(request.query) <= _MAX_ADDRESS:
            if len(self._asked) >= _MAX_ASKED:
                self._asked.clear()
            self._asked[request.method, request.path, request.query] = made
        return made

    def forget_asked(self) -> None:
        """Replies that are remembered would keep the memories that they were made from."""
        self._asked.clear()

    def ready(self, raw: RawOperation) -> CompiledOperation:
        """Raises InvalidInput when this operation of the contract cannot be used."""
        known = self._compiled.get(raw.key)
        if known is not None:
            return known
        if raw.key in self._broken:
            raise InvalidInput(self._broken[raw.key])
        try:
            operation, writer = self._read(raw)
            validator = RequestValidator(self.document, operation)
            made = CompiledOperation(
                key=raw.key,
                operation=operation,
                validator=validator,
                writer=writer,
                credentials=Credentials(self.document, operation.security),
                is_told_by_address=(
                    raw.method == "GET"
                    and not self.behaviour.dynamic
                    and not validator.reads_more_than_address
                ),
            )
        except InvalidInput as error:
            self._broken[raw.key] = str(error)
            raise
        self._compiled[raw.key] = made
        return made

    def _read(self, raw: RawOperation) -> tuple[Operation, ReplyWriter]:
        """What is known of an operation before a request has to be judged."""
        known = self._written.get(raw.key)
        if known is None:
            operation = read_operation(
                self.document, raw.path, raw.method.lower(), raw.item, raw.operation
            )
            writer = ReplyWriter(self.document, operation, self.behaviour)
            known = self._written[raw.key] = (operation, writer)
        return known

    def resources(self) -> tuple[Resource, ...]:
        """What is stored; nothing, with a note, where the document does not let us see it."""
        if self._resources is None:
            self._resources = ()
            if self.behaviour.stateful:
                try:
                    self._resources = resources(self.document)
                except InvalidInput as error:
                    self._notes.append(f"nothing is stored: {error}")
        return self._resources

    def examine(self) -> Iterator[str]:
        """Checks the examples of one operation after the other and yields its key."""
        for raw in self.raw:
            try:
                self._read(raw)[1].examine()
            except InvalidInput as error:
                self._broken.setdefault(raw.key, str(error))
            yield raw.key

    def notes(self) -> tuple[str, ...]:
        """What is wrong with the contract, as far as it has been looked at."""
        broken = [f"{key} cannot be served: {why}" for key, why in self._broken.items()]
        replaced = [note for _, writer in self._written.values() for note in writer.notes]
        repaired = [str(note) for note in self.document.notes]
        return (*self._notes, *repaired, *broken, *replaced)
