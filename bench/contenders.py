"""Everything that is measured, in the order in which each round measures it."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    FLOOR = "floor"
    OURS = "ours"
    PEER = "peer"


class Keeps(StrEnum):
    """Where a contender makes things durable."""

    NOTHING = "nothing"
    SQLITE = "sqlite"
    POSTGRES = "postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    key: str
    title: str
    role: Role
    keeps: Keeps
    module: str
    """Run with `python -m`; see bench.leg."""
    engine: str
    """Which of the module's engines."""


def _floor(engine: str, title: str, keeps: Keeps) -> Contender:
    return Contender(
        key=f"floor-{engine}",
        title=title,
        role=Role.FLOOR,
        keeps=keeps,
        module="bench.floors",
        engine=engine,
    )


def _ours(engine: str, title: str, keeps: Keeps) -> Contender:
    return Contender(
        key=f"maestro-{engine}",
        title=title,
        role=Role.OURS,
        keeps=keeps,
        module="bench.maestro_engine",
        engine=engine,
    )


def _peer(engine: str, title: str) -> Contender:
    return Contender(
        key=f"{engine}-sqlite",
        title=title,
        role=Role.PEER,
        keeps=Keeps.SQLITE,
        module=f"bench.peers.{engine}_sqlite",
        engine=engine,
    )


CONTENDERS = (
    _floor("asyncio", "floor: asyncio, nothing kept", Keeps.NOTHING),
    _floor("sqlite", "floor: SQLite rows, two waits", Keeps.SQLITE),
    _floor("sqlite-merged", "floor: SQLite rows, one wait", Keeps.SQLITE),
    _ours("sqlite", "Maestro on SQLite", Keeps.SQLITE),
    _peer("langgraph", "LangGraph on SQLite"),
    _peer("dbos", "DBOS on SQLite"),
    _floor("postgres", "floor: PostgreSQL rows, two waits", Keeps.POSTGRES),
    _floor("postgres-merged", "floor: PostgreSQL rows, one wait", Keeps.POSTGRES),
    _ours("postgres", "Maestro on PostgreSQL", Keeps.POSTGRES),
)

FLOOR_OF = {Keeps.SQLITE: "floor-sqlite", Keeps.POSTGRES: "floor-postgres"}
"""The floor that ratios are taken to: two waits per step, as an engine that says of every step
that it began before it begins has them."""
MERGED_FLOOR_OF = {Keeps.SQLITE: "floor-sqlite-merged", Keeps.POSTGRES: "floor-postgres-merged"}
"""The harder floor: a step's end and the starts it releases share one wait."""
