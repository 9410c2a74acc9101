"""Pools that are asked for: what is refused, and where."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from maestro.bootstrap import connect
from maestro.delivery.agent_desk import AgentDesk
from maestro.delivery.pool_desk import PoolDesk, load_pools
from maestro.delivery.pool_keeper import KeeperSettings
from maestro.domain.pool import Pool
from maestro.errors import Conflict, InvalidInput
from maestro.settings import Settings

KEEPER = KeeperSettings(name="h:1", lease_seconds=15.0, grace_seconds=1.0)
POOL = Pool(capability="build", personas=("backend_developer",))


def never(pool: Pool, agent: object) -> object:
    raise AssertionError(f"{pool.capability} was not meant to start")


def refused(folder: Path, pools: Sequence[Pool]) -> str:
    async def ask() -> None:
        async with connect(Settings.load({"MAESTRO_DATA": str(folder)})) as maestro:
            desk = PoolDesk(maestro=maestro)
            await desk.keepers(pools, KEEPER, start=never, tell=print)  # type: ignore[arg-type]

    with pytest.raises(InvalidInput) as caught:
        asyncio.run(ask())
    return str(caught.value)


def test_pools_that_cannot_be_kept(tmp_path: Path) -> None:
    unknown = Pool(capability="build", personas=("wizard",))
    assert "no pool is named" in refused(tmp_path, ())
    assert "capability 'build' has two pools" in refused(tmp_path, (POOL, POOL))
    assert "pool 'build': there is no persona 'wizard'; known: " in refused(tmp_path, (unknown,))
    assert "name a PostgreSQL database" in refused(tmp_path, (POOL,))


@pytest.mark.xdist_group("postgres")
def test_a_pool_one_of_whose_ids_somebody_has_is_not_kept(
    postgres_url: str, tmp_path: Path
) -> None:
    chosen = Settings.load({"MAESTRO_DATA": str(tmp_path)}, database=postgres_url)

    async def ask() -> None:
        async with connect(chosen) as maestro:
            await AgentDesk(maestro=maestro).add(POOL.agent(2))
            desk = PoolDesk(maestro=maestro)
            only_one = replace(POOL, max=1)
            assert len(await desk.keepers([only_one], KEEPER, start=never, tell=print)) == 1  # type: ignore[arg-type]
            await desk.keepers([POOL], KEEPER, start=never, tell=print)  # type: ignore[arg-type]

    with pytest.raises(
        Conflict, match=r"agent 'build-2' was registered by hand .* 'build'; remove"
    ):
        asyncio.run(ask())


def test_a_file_of_pools(tmp_path: Path) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text(
        "pools:\n"
        "  - {capability: build, personas: [qa_engineer], min: 1, max: 2, idle_seconds: 5}\n"
        "  - {capability: docs, personas: [technical_writer], model: 'openai:x', slots: 3}\n"
    )
    build, docs = load_pools(file)
    assert (build.min, build.max, build.idle_seconds, build.agent(2).id) == (1, 2, 5.0, "build-2")
    assert (docs.agent(1).executor, docs.agent(1).model, docs.slots) == ("llm", "openai:x", 3)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("- 1", "must be a mapping with 'pools'"),
        ("pools: [{capability: a, personas: [b], most: 3}]", "most"),
        ("pools: [{capability: a, personas: [b], max: many}]", "max"),
        ("pools: [", "pools.yaml"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, rule: str) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=rule):
        load_pools(file)
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_pools(tmp_path / "none.yaml")
