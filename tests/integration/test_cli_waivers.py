"""`maestro waivers` and `maestro runs rework` as people type them."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from maestro.bootstrap import connect
from maestro.cli.main import main
from maestro.settings import Settings

UNTIL = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
TERMS = (
    "TST-4", "--ceiling", ">= 60", "--reason", "the importer is rewritten next month",
    "--adr", "ADR-0012", "--project", "shop", "--expires", UNTIL,
)  # fmt: skip
SHOP = ("--project", "shop")
NOBODYS = tuple("default" if word == "shop" else word for word in TERMS)


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


Door = Callable[..., Said]


@pytest.fixture
def maestro(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Door:
    """`maestro ...` on a database of its own, without the seconds a new interpreter takes."""
    database = tmp_path / "runs.db"
    asyncio.run(_made(database))

    def call(*arguments: str) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--db", str(database)])
        printed = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, printed.out, printed.err)

    return call


async def _made(database: Path) -> None:
    async with connect(Settings.load(database=database)):
        pass


def test_one_asks_another_one_approves(maestro: Door) -> None:
    asked = maestro("waivers", "request", *TERMS, "--as", "alice", "--json")
    assert asked.code == 0, asked.err
    assert (asked.document["status"], asked.document["in_force"]) == ("requested", False)
    assert asked.document["ceiling"] == "coverage.line >= 60.0"
    waiver = str(asked.document["id"])

    own = maestro("waivers", "approve", waiver, *SHOP, "--as", "alice")
    assert own.code == 2
    assert "permission_denied" in own.err
    assert "somebody else must" in own.err

    approved = maestro("waivers", "approve", waiver, *SHOP, "--as", "bob")
    assert approved.code == 0, approved.err
    assert f"approved until {UNTIL}" in approved.out

    [listed] = maestro("waivers", "list", *SHOP, "--json").document["waivers"]
    assert (listed["status"], listed["approver"], listed["in_force"]) == ("approved", "bob", True)
    shown = maestro("waivers", "list", *SHOP).out
    for part in (waiver, "TST-4", "approved by bob", "ADR-0012", UNTIL, "coverage.line >= 60.0"):
        assert part in shown

    again = maestro("waivers", "refuse", waiver, *SHOP, "--as", "carol")
    assert again.code == 2
    assert "is approved; only a requested one" in again.err

    revoked = maestro("waivers", "revoke", waiver, *SHOP, "--as", "carol", "--json")
    assert revoked.code == 0, revoked.err
    who = (revoked.document["approver"], revoked.document["revoked_by"])
    assert (revoked.document["status"], *who) == ("revoked", "bob", "carol")
    assert "revoked by carol" in maestro("waivers", "list", *SHOP).out


def test_the_next_command_is_told_whole(maestro: Door) -> None:
    asked = maestro("waivers", "request", *TERMS, "--as", "alice")
    assert asked.code == 0, asked.err
    assert "--project shop --as SOMEBODY-ELSE" in asked.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("waivers", "request", "BAC-7", *TERMS[1:], "--as", "alice"), "may never be waived"),
        (("waivers", "request", *TERMS[:-1], "soon", "--as", "alice"), "YYYY-MM-DD"),
        (("waivers", "request", *TERMS, "--as", " "), "--as is empty"),
        (("waivers", "request", *NOBODYS, "--as", "alice"), "name the product's own"),
        (("waivers", "list"), "--project"),
        (("waivers", "approve", "waiver-x", *SHOP, "--as", "bob"), "no waiver 'waiver-x'"),
        (("waivers", "list", "--project", "No Project"), "'No Project' cannot be a project"),
        (("runs", "rework", "run-x"), "no run 'run-x'"),
        (("build", "x", "--environment", "test"), "development, staging, production"),
    ],
)
def test_mistakes_are_told_in_a_line(maestro: Door, arguments: tuple[str, ...], told: str) -> None:
    said = maestro(*arguments)
    assert said.code == 2, said
    assert told in said.err
    assert "Traceback" not in said.err
