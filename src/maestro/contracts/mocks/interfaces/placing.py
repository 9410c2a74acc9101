"""Stubs in the work tree of a consumer, with a record of what it calls."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from maestro.contracts.mocks.interfaces.reading import read_interface
from maestro.contracts.mocks.interfaces.stub import CALLS_VARIABLE, stub_module
from maestro.domain.contract import Contract
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall

FOLDER = ".maestro-mocks"
"""Below the work tree; gone before anybody looks at what was delivered."""
MAX_CALLS_BYTES = 32_000_000


class PlacedStub:
    """A module that stands for one nobody has built yet."""

    url = ""
    port = 0

    def __init__(self, contract: Contract, folder: Path, consumer: str) -> None:
        self._contract = contract
        self._consumer = consumer
        self._folder = folder.resolve() / FOLDER
        self._record = self._folder / "calls.jsonl"
        self._own = self._folder / contract.id
        self._calls: Sequence[RecordedCall] | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        return {"PYTHONPATH": str(self._own), CALLS_VARIABLE: str(self._record)}

    def calls(self) -> Sequence[RecordedCall]:
        """Blocks. Raises InvalidInput when the consumer has spoilt the record."""
        return self._recorded() if self._calls is None else self._calls

    def seen(self) -> int:
        """As `calls`: the record keeps them all."""
        return len(self.calls())

    async def go_on_with(self, contract: Contract) -> None:
        """Whoever has imported the module keeps what it got."""
        self._contract = contract
        await asyncio.to_thread(self.place)

    def place(self) -> None:
        """Blocks for as long as sampling does."""
        name = read_interface(self._contract).module.replace(".", "/") + ".py"
        path = self._own / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(stub_module(self._contract), "utf-8")

    def remove(self) -> None:
        """The record goes with the last stub of the folder."""
        try:
            self._calls = self._recorded()
        finally:
            self._clear()

    def _clear(self) -> None:
        shutil.rmtree(self._own, ignore_errors=True)
        if self._folder.is_dir() and not any(path.is_dir() for path in self._folder.iterdir()):
            shutil.rmtree(self._folder)

    def _recorded(self) -> Sequence[RecordedCall]:
        if not self._record.is_file() or self._record.is_symlink():
            return ()
        made = read_stub_calls(self._record, consumer=self._consumer)
        return tuple(call for call in made if call.contract == self._contract.id)


@asynccontextmanager
async def placed_stub(
    contract: Contract, folder: Path, *, consumer: str
) -> AsyncIterator[PlacedStub]:
    """The contract's module below `folder` until left.

    Raises InvalidInput when the contract cannot be read, or no value fits what a method returns.
    """
    stub = PlacedStub(contract, folder, consumer)
    try:
        await asyncio.to_thread(stub.place)
        yield stub
    finally:
        await asyncio.to_thread(stub.remove)


def read_stub_calls(path: Path, *, consumer: str = "") -> list[RecordedCall]:
    """What stubs wrote down. Blocks.

    Raises:
        InvalidInput: too large, or a line is none of a stub's.
    """
    if path.stat().st_size > MAX_CALLS_BYTES:
        raise InvalidInput(f"{str(path)!r} holds more than {MAX_CALLS_BYTES} bytes of calls")
    calls = []
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
        try:
            told = json.loads(line)
            at = datetime.fromisoformat(told["at"])
            operation, arguments = str(told["operation"]), told["arguments"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InvalidInput(f"{str(path)!r}, line {number}: is no call of a stub") from None
        calls.append(
            RecordedCall(
                at=at if at.tzinfo else at.replace(tzinfo=UTC),
                method="call",
                path=operation,
                operation=operation,
                status=1 if told.get("error") else 0,
                valid=told.get("valid") is True,
                problem=str(told.get("problem") or told.get("error") or ""),
                request_body=arguments,
                reply_body=told.get("returns"),
                contract=str(told.get("contract", "")),
                consumer=consumer,
                protocol="python",
                version=str(told.get("version", "")),
            )
        )
    return calls
