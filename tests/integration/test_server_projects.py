"""Several projects on one server: what is shared on purpose, budgets, agents, and the report of
who decided what.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import APPROVAL, RunningServer, awaited, rested, seeded, settings_of, started

from maestro.bootstrap import connect
from maestro.cli.main import main
from maestro.contracts.agree import agree
from maestro.contracts.reading import read_contract
from maestro.domain.access import AccessRole
from maestro.domain.contract_life import ContractRecord, ContractStatus
from maestro.domain.pool import Pool, PoolEvent, PoolEventKind
from maestro.domain.values import RunId
from maestro.ports import Transaction

CONTRACT = Path(__file__).parents[2] / "examples" / "contracts" / "shop.graphql"


@dataclass(frozen=True)
class House:
    server: RunningServer
    keys: dict[str, str]
    database: Path

    def of(self, name: str) -> httpx.Client:
        return self.server.client(self.keys[name])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    database = tmp_path_factory.mktemp("projects") / "m.db"
    roles = {
        "ann": {"shop": AccessRole.ADMIN},
        "dev": {"shop": AccessRole.DEVELOPER},
        "app": {"shop": AccessRole.APPROVER},
        "bob": {"bank": AccessRole.ADMIN},
        "cem": {"club": AccessRole.ADMIN},
        "root": {"*": AccessRole.ADMIN},
    }
    server = RunningServer(database)
    keys = seeded(database, roles)
    server.start()
    try:
        yield House(server, keys, database)
    finally:
        assert server.stop() == 0


async def _kept(database: Path, run: str) -> str:
    """A contract of that run."""
    async with connect(settings_of(database)) as m:
        contract = await asyncio.to_thread(agree, read_contract(CONTRACT))
        record = ContractRecord(
            contract=contract,
            status=ContractStatus.AGREED,
            run_id=RunId(run),
            at=datetime.now(UTC),
            terms=("orders",),
        )
        await m.store.write(lambda tx: tx.contracts.put(record))
        return str(contract.id)


def _ids(client: httpx.Client, place: str, key: str = "id") -> list[Any]:
    return [item[key] for item in client.get(place).json()["items"]]


def test_a_contract_is_seen_elsewhere_as_long_as_it_is_shared(house: House) -> None:
    with house.of("ann") as ann, house.of("bob") as bob, house.of("cem") as cem:
        run = started(ann, APPROVAL)
        name = asyncio.run(_kept(house.database, run))
        place, shares = f"/api/v1/contracts/{name}", "/api/v1/projects/shop/shares"
        assert ann.get(place).status_code == 200
        for stranger in (bob, cem):
            assert stranger.get(place).status_code == 404
            assert _ids(stranger, "/api/v1/contracts") == []
        asked = {"kind": "contract", "name": name, "with": "bank"}
        assert bob.post(shares, json=asked).status_code == 404
        made = ann.post(shares, json=asked)
        assert made.status_code == 201, made.text
        assert ann.post(shares, json=asked).status_code == 409
        found = bob.get(place).json()
        assert (found["id"], found["shared_by"]) == (name, "shop")
        assert _ids(bob, "/api/v1/contracts", "shared_by") == ["shop"]
        assert bob.get(f"/api/v1/runs/{run}").status_code == 404
        assert cem.get(place).status_code == 404
        mock = bob.post(f"{place}/mocks", json={})
        assert mock.status_code == 201, mock.text
        assert _ids(bob, "/api/v1/mocks") == [mock.json()["id"]]
        assert bob.delete(f"/api/v1/mocks/{mock.json()['id']}").status_code == 204
        left = bob.post(f"{place}/mocks", json={}).json()["id"]
        (given,) = bob.get("/api/v1/projects/bank").json()["received"]
        assert (given["project"], given["with"]) == ("shop", "bank")
        assert "with_project" not in given
        assert bob.delete(f"{shares}/{given['id']}").status_code == 404
        assert ann.delete(f"{shares}/{given['id']}").status_code == 204
        assert bob.get(place).status_code == 404
        assert _ids(bob, "/api/v1/contracts") == []
        house.server.until(lambda: left not in _ids(bob, "/api/v1/mocks"))


def test_a_workflow_is_run_elsewhere_as_long_as_it_is_shared(house: House) -> None:
    source = APPROVAL.replace("sign-off", "shared-flow")
    with house.of("ann") as ann, house.of("bob") as bob, house.of("cem") as cem:
        assert ann.post("/api/v1/workflows", json={"source": source}).status_code == 201
        place, shares = "/api/v1/workflows/shared-flow", "/api/v1/projects/shop/shares"
        for asked, status in (("none", 404), ("shared-flow", 201)):
            body = {"kind": "workflow", "name": asked, "with": "bank"}
            made = ann.post(shares, json=body)
            assert made.status_code == status, made.text
        assert bob.get(place).json()["project"] == "shop"
        assert "shared-flow" in _ids(bob, "/api/v1/workflows?project=bank", "name")
        assert cem.get(place).status_code == 404
        run = bob.post(f"{place}/execute", json={"inputs": {}})
        assert run.status_code == 202, run.text
        assert run.json()["project"] == "bank"
        assert ann.get(f"/api/v1/runs/{run.json()['id']}").status_code == 404
        assert ann.delete(f"{shares}/{made.json()['id']}").status_code == 204
        assert bob.post(f"{place}/execute", json={"inputs": {}}).status_code == 404


def test_budgets_are_set_by_who_may_in_every_project(house: House) -> None:
    place = "/api/v1/projects/bank"
    with house.of("bob") as bob, house.of("root") as root:
        wanted = {"cost": 12.5, "tokens": None}
        assert bob.put(f"{place}/budget", json=wanted).status_code == 403
        assert root.put(f"{place}/budget", json=wanted).json() == wanted
        assert bob.get(place).json()["budget"] == wanted
        assert bob.get(place).json()["spent"]["cost"] == 0
        wrong = root.put(f"{place}/budget", json={"cost": 0, "tokens": None})
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/cost")
        assert root.put(f"{place}/budget", json={"cost": None, "tokens": None}).status_code == 200


def test_agents_come_rest_and_go(house: House) -> None:
    wanted = {"id": "writer-2", "executor": "offline", "personas": ["technical_writer"]}
    with house.of("ann") as ann, house.of("root") as root:
        assert ann.post("/api/v1/agents", json=wanted).status_code == 403
        assert root.post("/api/v1/agents", json=wanted).status_code == 201
        assert root.post("/api/v1/agents", json=wanted).status_code == 409
        for body, health in (({}, "draining"), ({"undo": True}, "ready")):
            rests = root.post("/api/v1/agents/writer-2/drain", json=body)
            assert rests.json()["health"] == health
        assert "writer-2" in _ids(ann, "/api/v1/agents")
        told = root.get("/api/v1/agents").json()
        assert {"queues", "circuits", "capabilities", "pools", "totals"} <= told.keys()
        assert {one["in_hand"] for one in told["items"]} == {0}
        assert root.delete("/api/v1/agents/writer-2").status_code == 204
        assert root.delete("/api/v1/agents/writer-2").status_code == 404
        assert root.delete("/api/v1/agents/offline").status_code == 409
        for wrong in (
            {**wanted, "personas": ["nobody"]},
            {**wanted, "executor": "llm"},
            {**wanted, "executor": "llm", "model": "http://10.0.0.1/v1#m"},
            {**wanted, "executor": "acp"},
        ):
            assert root.post("/api/v1/agents", json=wrong).status_code == 422
        done = root.get("/api/v1/audit", params={"limit": 20}).json()["items"]
        actions = [one["action"] for one in done if one["target"] == "writer-2" and one["allowed"]]
        assert actions == ["agent:remove", "agent:undrain", "agent:drain", "agent:add"]


async def _pool(database: Path) -> None:
    """One that has lost an agent, and ended it."""
    async with connect(settings_of(database)) as m:
        pool, now = Pool(capability="gpu", personas=("technical_writer",)), m.clock.now()

        def keep(tx: Transaction) -> None:
            tx.agents.pools.keep(pool, "host:1", 60.0)
            for kind in (PoolEventKind.AGENT_LOST, PoolEventKind.AGENT_ENDED):
                about = {"capability": "gpu", "keeper": "host:1", "agent": "gpu-1"}
                tx.agents.pools.note(
                    PoolEvent(kind=kind, at=now, data={"reason": "words of its own"}, **about)
                )

        await m.store.write(keep)


def test_pools_are_shown_and_their_troubles_to_who_may_change_them(house: House) -> None:
    asyncio.run(_pool(house.database))
    with house.of("ann") as ann, house.of("root") as root:
        seen_by, told = (one.get("/api/v1/agents").json() for one in (ann, root))
        (seen,), (whole,) = seen_by["pools"], told["pools"]
        assert whole == {**seen, "trouble": "words of its own"}
        assert [event["kind"] for event in told["pool_events"]] == ["agent.ended", "agent.lost"]
        for document, last in ((seen_by, {}), (told, {"reason": "words of its own"})):
            data = [event["data"] for event in document["pool_events"]]
            assert data == [{"reason": "words of its own"}, last]
        assert (seen["pool"]["capability"], seen["kept"], seen["agents"]) == ("gpu", True, 0)
        assert 'maestro_pool_kept{capability="gpu"} 1.0' in root.get("/metrics").text


def test_the_report_says_who_approved_what_on_which_evidence(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with house.of("ann") as ann, house.of("dev") as dev, house.of("app") as app:
        run = started(ann, APPROVAL)
        step = awaited(ann, run, "ask")
        place = f"/api/v1/runs/{run}/steps/ask/approve"
        match = {"If-Match": step["etag"]}
        assert dev.post(place, json={"comment": "I|<b>"}, headers=match).status_code == 403
        done = app.post(place, json={"comment": "looks *good*"}, headers=match)
        assert done.status_code == 200, done.text
        rested(ann, run)
        found = app.get("/api/v1/audit/report").json()
        assert found["type"] == "compliance_report"
        assert found["project"] == "shop"
        assert found["chain"]["intact"]
        refused, approved = [one for one in found["decisions"] if run in one["target"]]
        assert (refused["principal"], refused["allowed"]) == ("dev", False)
        assert refused["evidence"] == []
        assert (approved["principal"], approved["action"]) == ("app", "run:approve")
        assert approved["comment"] == "looks *good*"
        (seen,) = [one for one in approved["evidence"] if one["step"] == "say"]
        assert (seen["step"], seen["attempt"], seen["status"]) == ("say", 1, "succeeded")
        assert seen["digest"].startswith("sha256:")
        text = app.get("/api/v1/audit/report", params={"format": "md"})
        assert text.headers["content-type"].startswith("text/markdown")
        assert "- Audit log: intact" in text.text
        assert "looks &#42;good&#42;" in text.text
        later = app.get("/api/v1/audit/report", params={"since": "2100-01-01"}).json()
        assert later["decisions"] == []
        assert app.get("/api/v1/audit/report", params={"since": "x"}).status_code == 422
    file = tmp_path / "report.md"
    with pytest.raises(SystemExit) as ended:
        main(["audit", "report", "--db", str(house.database), "--output", str(file)])
    assert ended.value.code == 0, capsys.readouterr().err
    assert run in file.read_text()
