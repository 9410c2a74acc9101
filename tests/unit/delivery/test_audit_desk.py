"""The audit log shows what was changed, taken out or cut off."""

import asyncio
import gc
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from maestro.bootstrap import connect
from maestro.delivery.audit_desk import AuditDesk, AuditVerification, audit_desk
from maestro.delivery.key_desk import KeyDesk, split_key
from maestro.delivery.service import Maestro
from maestro.domain.access import (
    AccessRole,
    AuditEntry,
    AuditRecord,
    Principal,
    permissions_in,
)
from maestro.errors import Conflict, InvalidInput, PermissionDenied
from maestro.ports import Transaction
from maestro.settings import Settings
from maestro.storage.secrets import audit_file


def settings(folder: Path) -> Settings:
    return Settings.load({"MAESTRO_DATA": str(folder / "data")}, database=folder / "m.db")


def on(folder: Path, work: Callable[[Maestro, AuditDesk], Awaitable[object]]) -> object:
    async def run() -> object:
        async with connect(settings(folder)) as m:
            return await work(m, audit_desk(m))

    return asyncio.run(run())


async def three_keys(m: Maestro, desk: AuditDesk) -> None:
    for name in ("ann", "bob", "cem"):
        await KeyDesk(maestro=m).create(name, {"*": AccessRole.VIEWER})
    await desk.anchor()


def verified(folder: Path) -> AuditVerification:
    found = on(folder, lambda _, desk: desk.verify())
    assert isinstance(found, AuditVerification)
    return found


def changed(folder: Path, sql: str) -> None:
    connection = sqlite3.connect(folder / "m.db")
    with connection:
        connection.execute(sql)
    connection.close()


def test_a_log_that_nobody_touched_is_intact(tmp_path: Path) -> None:
    on(tmp_path, three_keys)
    found = verified(tmp_path)
    assert (found.intact, found.records, found.unsealed, found.fault) == (True, 3, 0, "")


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("UPDATE audit SET principal = 'eve' WHERE id = 2", "record 2 does not fit its seal"),
        ("UPDATE audit SET allowed = 0 WHERE id = 3", "record 3 does not fit its seal"),
        ("UPDATE audit SET seal = '' WHERE id = 2", "record 2 does not fit its seal"),
        ("DELETE FROM audit WHERE id = 2", "record 3 does not fit its seal"),
        ("DELETE FROM audit WHERE id = 3", "record 3 is gone or another one"),
        ("DELETE FROM audit", "record 3 is gone or another one"),
    ],
)
def test_a_change_is_found(tmp_path: Path, sql: str, fault: str) -> None:
    on(tmp_path, three_keys)
    changed(tmp_path, sql)
    found = verified(tmp_path)
    assert not found.intact
    assert found.fault.startswith(fault)


def test_another_key_does_not_fit(tmp_path: Path) -> None:
    on(tmp_path, three_keys)
    kept = tmp_path / "m.db"
    secret = next(tmp_path.rglob("*.audit.key"))
    assert secret.stat().st_mode & 0o777 == 0o600
    secret.write_text("00" * 32)
    assert kept.exists()
    assert verified(tmp_path).fault.startswith("record 1 does not fit its seal")


def test_key_and_anchors_belong_to_the_database_however_it_is_named(tmp_path: Path) -> None:
    by_variable = Settings.load(
        {"MAESTRO_DATA": str(tmp_path / "elsewhere"), "MAESTRO_DB": str(tmp_path / "m.db")}
    )
    other = Settings.load(
        {"MAESTRO_DATA": str(tmp_path / "elsewhere"), "MAESTRO_DB": str(tmp_path / "other.db")}
    )

    async def run(chosen: Settings) -> AuditVerification:
        async with connect(chosen) as m:
            await three_keys(m, audit_desk(m))
            return await audit_desk(m).verify()

    on(tmp_path, three_keys)
    assert asyncio.run(run(other)).intact
    second = asyncio.run(run(by_variable))
    assert (second.fault, second.records) == ("", 6)
    assert verified(tmp_path).intact
    servers = [
        audit_file(Settings.load({"MAESTRO_DATA": str(tmp_path)}, database=url), "anchors")
        for url in ("postgresql://ann:a@host/one", "postgresql://ann:b@host/one", "postgres://h/b")
    ]
    assert servers[0] == servers[1] != servers[2]
    assert {path.parent for path in servers} == {tmp_path}


def test_an_anchor_of_what_was_added_meanwhile_is_no_fault(tmp_path: Path) -> None:
    class Overtaken(AuditDesk):
        async def pages(self) -> AsyncIterator[Sequence[AuditEntry]]:
            async for page in AuditDesk.pages(self):
                yield page
                await three_keys(self.maestro, self)
                return

    async def work(m: Maestro, desk: AuditDesk) -> AuditVerification:
        await three_keys(m, desk)
        return await Overtaken(maestro=m, key=desk.key, anchors=desk.anchors).verify()

    found = on(tmp_path, work)
    assert isinstance(found, AuditVerification)
    assert (found.fault, found.records) == ("", 3)


def test_a_long_log_is_read_page_by_page(tmp_path: Path) -> None:
    most = 0

    class Counting(AuditDesk):
        async def pages(self) -> AsyncIterator[Sequence[AuditEntry]]:
            nonlocal most
            async for page in AuditDesk.pages(self):
                held = sum(isinstance(one, AuditEntry) for one in gc.get_objects())
                most = max(most, held)
                yield page

    async def work(m: Maestro, desk: AuditDesk) -> None:
        def append(tx: Transaction) -> None:
            for number in range(5500):
                action = "rare" if number % 1000 == 0 else "common"
                record = AuditRecord(
                    at=m.clock.now(), principal="ann", action=action, target="t", allowed=True
                )
                tx.audit.append(record)

        await m.store.write(append)
        long = Counting(maestro=m, key=desk.key, anchors=desk.anchors)
        told, rare = await long.verified(lambda entry: entry.record.action == "rare")
        lines = "".join([text async for text in long.export()]).splitlines()
        assert (told.fault, told.records, told.number, len(lines)) == ("", 5500, 5500, 5500)
        assert [entry.number for entry in rare] == [1, 1001, 2001, 3001, 4001, 5001]

    on(tmp_path, work)
    assert most < 3500  # a page that is looked at, one that is being read, one that is let go
    changed(tmp_path, "UPDATE audit SET principal = 'eve' WHERE id = 5210")
    assert verified(tmp_path).fault.startswith("record 5210 does not fit its seal")


def test_keys_are_kept_as_digests_and_end(tmp_path: Path) -> None:
    async def work(m: Maestro, _: AuditDesk) -> None:
        desk = KeyDesk(maestro=m)
        key, text = await desk.create("ann", {"shop": AccessRole.DEVELOPER}, days=10)
        parts = split_key(text)
        assert parts is not None
        assert parts[0] == key.id
        assert parts[1] not in repr(await desk.every())
        other, _text = await desk.rotate(key.id, grace_hours=1)
        assert (other.name, other.roles) == (key.name, key.roles)
        shortened = (await desk.get(key.id)).expires_at
        assert shortened is not None
        assert key.expires_at is not None
        assert shortened < key.expires_at
        assert await desk.any()
        ended = await desk.revoke(key.id)
        assert not ended.is_valid(m.clock.now())
        assert await desk.revoke(key.id) == ended
        with pytest.raises(Conflict):
            await desk.rotate(key.id)
        await desk.revoke(other.id)
        assert await desk.any()  # ended keys keep the door shut
        for name, roles in (("", {"*": AccessRole.ADMIN}), ("x", {}), ("local", {"a": "b"})):
            with pytest.raises(InvalidInput):
                await desk.create(name, roles)  # type: ignore[arg-type]

    on(tmp_path, work)


def test_only_who_may_makes_keys(tmp_path: Path) -> None:
    async def run() -> None:
        bob = Principal(id="bob", permissions=permissions_in({"*": AccessRole.DEVELOPER}, "*"))
        async with connect(settings(tmp_path), principal=bob) as m:
            with pytest.raises(PermissionDenied):
                await KeyDesk(maestro=m).create("eve", {"*": AccessRole.ADMIN})
            newest = (await audit_desk(m).page(1))[0].record
            assert (newest.principal, newest.action, newest.allowed) == ("bob", "key:create", False)

    asyncio.run(run())
