"""Where settings come from, what is refused, and what is never shown."""

from pathlib import Path

import pytest

from maestro.domain.agent import RoutingRules, RoutingWeights
from maestro.errors import InvalidInput
from maestro.settings import Settings, without_password

SECRET = "s3cr3t"
URL = f"postgresql://ann:{SECRET}@db.example:5433/maestro?sslmode=require"


def test_a_file_by_argument_keeps_its_data_beside_it(tmp_path: Path) -> None:
    settings = Settings.load({}, database=str(tmp_path / "runs.db"))
    assert settings.database == tmp_path / "runs.db"
    assert settings.data_folder == tmp_path / "maestro-data"
    assert settings.postgres_url is None
    assert settings.store_name == str(tmp_path / "runs.db")
    assert settings == Settings.load({}, database=tmp_path / "runs.db")


def test_the_user_data_folder_is_the_default(tmp_path: Path) -> None:
    settings = Settings.load({"XDG_DATA_HOME": str(tmp_path)})
    assert settings.database == tmp_path / "maestro" / "maestro.db"
    assert settings.data_folder == tmp_path / "maestro"
    assert settings.lease_seconds == 15


@pytest.mark.parametrize("given", ["argument", "variable"])
@pytest.mark.parametrize("url", [URL, URL.replace("postgresql", "postgres")])
def test_a_url_names_a_postgresql_database(tmp_path: Path, given: str, url: str) -> None:
    environment = {"XDG_DATA_HOME": str(tmp_path)}
    if given == "variable":
        environment["MAESTRO_DB"] = url
    settings = Settings.load(environment, database=url if given == "argument" else None)
    assert settings.postgres_url == url
    assert settings.data_folder == tmp_path / "maestro"
    assert settings.store_name.endswith("://ann:***@db.example:5433/maestro?sslmode=require")
    assert SECRET not in repr(settings)


def test_an_argument_wins_over_the_variable(tmp_path: Path) -> None:
    settings = Settings.load({"MAESTRO_DB": URL}, database=tmp_path / "runs.db")
    assert settings.postgres_url is None
    assert settings.database == tmp_path / "runs.db"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"postgresql://ann:{SECRET}@host/name", "postgresql://ann:***@host/name"),
        (f"postgresql://:{SECRET}@host/name", "postgresql://:***@host/name"),
        (f"postgresql://ann:{SECRET}/a@b c@host/name", "postgresql://ann:***@host/name"),
        (f"postgresql://ann@h/n?password={SECRET}&x=1", "postgresql://ann@h/n?password=***&x=1"),
        (f"mysql://ann:{SECRET}@host/name", "mysql://ann:***@host/name"),
        (f"bad: ['--bd', 'postgres://a:{SECRET}@h/n']", "bad: ['--bd', 'postgres://a:***@h/n']"),
        ("postgresql://[::1]:5432/name", "postgresql://[::1]:5432/name"),
        ("http://127.0.0.1:80/a, ask ann@example", "http://127.0.0.1:80/a, ask ann@example"),
    ],
)
def test_passwords_are_not_shown(text: str, shown: str) -> None:
    assert without_password(text) == shown


@pytest.mark.parametrize(
    ("database", "part"),
    [
        (":memory:", "memory is not a store"),
        ("", "memory is not a store"),
        ("file:x?mode=memory", "memory is not a store"),
        (f"mysql://ann:{SECRET}@host/name", "'mysql://ann:***@host/name'"),
        ("sqlite:///runs.db", "name a SQLite file"),
    ],
)
def test_what_is_no_store_is_refused(database: str, part: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Settings.load({}, database=database)
    assert part in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon", ""])
def test_a_lease_is_a_number_above_nothing(text: str) -> None:
    with pytest.raises(InvalidInput, match="MAESTRO_LEASE_SECONDS"):
        Settings.load({"MAESTRO_LEASE_SECONDS": text})


def test_variables_are_read(tmp_path: Path) -> None:
    environment = {
        "MAESTRO_DATA": str(tmp_path),
        "MAESTRO_LEASE_SECONDS": "2.5",
        "MAESTRO_MAX_PARALLEL": "7",
        "MAESTRO_SANDBOX": "off",
    }
    settings = Settings.load(environment)
    assert settings.database == tmp_path / "maestro.db"
    assert (settings.lease_seconds, settings.max_parallel, settings.sandbox) == (2.5, 7, "off")


def test_an_unknown_variable_is_refused() -> None:
    with pytest.raises(InvalidInput, match="MAESTRO_DATABASE"):
        Settings.load({"MAESTRO_DATABASE": "x"})


def test_what_a_sandbox_has_to_keep(tmp_path: Path) -> None:
    place = {"MAESTRO_DATA": str(tmp_path)}
    default = Settings.load(place).sandbox_require
    assert set(default) == {
        "fs_write", "fs_read", "net_none", "net_loopback", "env", "tree_kill", "pids", "mem_tree",
    }  # fmt: skip
    given = Settings.load({**place, "MAESTRO_SANDBOX_REQUIRE": "fs_write, net,net_none"})
    assert given.sandbox_require == ("fs_write", "net_none", "net_loopback")


@pytest.mark.parametrize("text", ["", " , ", "fs_write,teleport"])
def test_a_capability_nobody_knows_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="MAESTRO_SANDBOX_REQUIRE"):
        Settings.load({"MAESTRO_DATA": str(tmp_path), "MAESTRO_SANDBOX_REQUIRE": text})


def test_what_counts_in_routing() -> None:
    given = {
        "MAESTRO_ROUTING_WEIGHTS": "skill=0.1, free=0.2, success=0.3, speed=0.4",
        "MAESTRO_ROUTING_COST_LIMIT": "2.5",
        "MAESTRO_ROUTING_REGIONS": "eu, ch",
    }
    rules = Settings.load(given).routing
    assert rules.weights == RoutingWeights(skill=0.1, free=0.2, success=0.3, speed=0.4)
    assert (rules.cost_limit, rules.regions) == (2.5, ("eu", "ch"))
    assert Settings.load({}).routing == RoutingRules()


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("WEIGHTS", "skill=1", "write skill=0.4,free"),
        ("WEIGHTS", "skill=1,free=0,success=0,speed=0,speed=0", "write skill=0.4,free"),
        ("WEIGHTS", "skill=1,free=1,success=0,speed=0", "add up to 1"),
        ("WEIGHTS", "skill=a,free=0,success=0,speed=0", "not negative, got 'a'"),
        ("COST_LIMIT", "-1", "not negative, got '-1'"),
    ],
)
def test_routing_settings_that_cannot_be(name: str, value: str, rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule):
        Settings.load({f"MAESTRO_ROUTING_{name}": value})
