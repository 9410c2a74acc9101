"""The audit log: read, held against its seals, and written out."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maestro.delivery.service import Maestro
from maestro.domain.access import AuditEntry, audit_seal
from maestro.domain.encoding import encode
from maestro.errors import InvalidInput, StorageUnavailable
from maestro.storage.secrets import audit_file, audit_key

_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditVerification:
    intact: bool
    records: int
    unsealed: int
    """Records from before the log was sealed."""
    head: str
    """The last seal; empty where there is none."""
    number: int
    """Of the last record."""
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDesk:
    maestro: Maestro
    key: bytes
    anchors: Path
    """A file that only ever grows: what the head was, now and then. Records that were cut off the
    end leave a chain that fits, but not the head that was written down here."""

    async def page(
        self, limit: int, *, before: int | None = None, project: str | None = None
    ) -> Sequence[AuditEntry]:
        """Newest first."""
        return await self.maestro.store.read(
            lambda tx: tx.audit.page(limit, before=before, project=project)
        )

    async def pages(self) -> AsyncIterator[Sequence[AuditEntry]]:
        """All records, oldest first, as many at once as may stand in memory."""
        number = 0
        while True:
            page = await self.maestro.store.read(lambda tx, n=number: tx.audit.after(n, _PAGE))  # type: ignore[misc]
            if not page:
                return
            yield page
            number = page[-1].number

    async def verify(self) -> AuditVerification:
        """Whether every record is there as it was written."""
        return (await self.verified(lambda _: False))[0]

    async def verified(
        self, wanted: Callable[[AuditEntry], bool]
    ) -> tuple[AuditVerification, Sequence[AuditEntry]]:
        """The same, and those of the records it is said of that are wanted, oldest first."""
        # The anchors first: one that is written meanwhile would name a record not read yet.
        anchored = await asyncio.to_thread(self._anchored)
        chain = _Chain(self.key, {number: "" for number, _ in anchored})
        kept: list[AuditEntry] = []
        async for page in self.pages():
            await asyncio.to_thread(chain.follow, page)
            kept.extend(entry for entry in page if wanted(entry))
        fault = chain.fault or self._anchor_fault(chain.anchored, anchored)
        last = chain.last
        told = AuditVerification(
            intact=not fault,
            records=chain.records,
            unsealed=chain.unsealed,
            head=last.seal if last else "",
            number=last.number if last else 0,
            fault=fault,
        )
        return told, kept

    async def anchor(self) -> None:
        """Writes down the head, unless that stands there already."""
        newest = await self.page(1)
        if not newest or not newest[0].seal:
            return
        line = f"{newest[0].number} {newest[0].seal}\n"
        await asyncio.to_thread(_append_once, self.anchors, line)

    async def export(self) -> AsyncIterator[str]:
        """All records as JSON lines, oldest first, each with its number and seal; many at once."""
        async for page in self.pages():
            yield "".join(f"{json.dumps(entry_document(entry))}\n" for entry in page)

    def _anchor_fault(self, seals: Mapping[int, str], anchored: Sequence[tuple[int, str]]) -> str:
        for number, seal in anchored:
            if seals.get(number) != seal:
                return f"record {number} is gone or another one: {self.anchors} names its seal"
        return ""

    def _anchored(self) -> list[tuple[int, str]]:
        if not self.anchors.exists():
            return []
        found = []
        for line in self.anchors.read_text("ascii", "replace").splitlines():
            number, _, seal = line.partition(" ")
            if not number.isdigit():
                raise InvalidInput(f"{str(self.anchors)!r} holds {line!r}, which is no anchor")
            found.append((int(number), seal))
        return found


@dataclass(slots=True)
class _Chain:
    """What is known of the records followed so far."""

    key: bytes
    anchored: dict[int, str]
    """The seals of the records that anchors name; empty for one that was not met."""
    records: int = 0
    unsealed: int = 0
    last: AuditEntry | None = None
    fault: str = ""
    """What is wrong with the first record that does not fit."""
    _before: str = ""

    def follow(self, entries: Sequence[AuditEntry]) -> None:
        for entry in entries:
            self.records += 1
            self.unsealed += not entry.seal
            self.last = entry
            if entry.number in self.anchored:
                self.anchored[entry.number] = entry.seal
            if not self.fault and (entry.seal or self._before):
                self.fault = self._fault_of(entry)
                self._before = entry.seal

    def _fault_of(self, entry: AuditEntry) -> str:
        if hmac.compare_digest(audit_seal(self.key, self._before, entry.record), entry.seal):
            return ""
        return (
            f"record {entry.number} does not fit its seal: it or one before it was changed, or "
            "another key sealed it"
        )


def _append_once(path: Path, line: str) -> None:
    try:
        known = path.read_text("ascii") if path.exists() else ""
        if not known.endswith(line):
            with path.open("a", encoding="ascii") as file:
                file.write(line)
    except OSError as error:
        raise StorageUnavailable(f"{str(path)!r} cannot be written: {error.strerror}") from error


def audit_desk(maestro: Maestro) -> AuditDesk:
    """The audit log of this store. Blocks."""
    return AuditDesk(
        maestro=maestro,
        key=audit_key(maestro.settings),
        anchors=audit_file(maestro.settings, "anchors"),
    )


def entry_document(entry: AuditEntry) -> dict[str, object]:
    document: dict[str, object] = encode(entry.record)
    return {"number": entry.number, **document, "seal": entry.seal}
