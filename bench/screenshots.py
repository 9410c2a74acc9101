"""python -m bench.screenshots [--server URL] [--folder docs/images]

Photographs the dashboard. Without --server it starts one on a database of its own, makes a few
small runs and two real builds there (minutes), and photographs them, and the agents while they
build; with --server it takes the newest runs of that one, which must have ended.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import httpx
from dashboard_host import browser, served, watched
from dashboard_seed import seed

ROOT = Path(__file__).parents[1]

REQUIREMENT = (
    "Build a task management web app: users create projects, tasks have a title, description, "
    "status (todo, doing, done), priority and due date, can be assigned to a member and filtered "
    "by status"
)
LENDING = (
    "A lending library: members borrow books, a book has a title, an author and an isbn, a loan "
    "has a due date and a status (open, returned)"
)
HANDBOOK = "Write a handbook for those who join the library"
BUILD_SECONDS = 3600
START_SECONDS = 120
WIDE, PHONE = 1440, 390
FILE = "work.backend_developer%3Abackend%2Fapp%2Frouters%2Ftasks.py"


@dataclass(frozen=True)
class Picture:
    name: str
    place: str
    """Of the dashboard; `{built}` and `{blocked}` stand for runs."""
    theme: Literal["light", "dark"] = "light"
    width: int = WIDE
    to: str = ""
    """What to scroll to, as a selector."""
    shows: str = "h1"
    """What it is taken of, and waits for, as a selector."""


PICTURES = (
    Picture("runs", "runs"),
    Picture("run", "runs/{built}", shows=".legend"),
    Picture("timeline-dark", "runs/{built}/steps?view=timeline", theme="dark", shows=".legend"),
    Picture("step", "runs/{built}/steps?step=work.backend_developer"),
    Picture("contracts", "runs/{built}/contracts?contract=backend-api"),
    Picture("gates-dark", "runs/{built}/gates", theme="dark"),
    Picture("artefacts", f"runs/{{built}}/artefacts?file={FILE}"),
    Picture("result", "runs/{built}/result"),
    Picture("blocked", "runs/{blocked}"),
    Picture("blocked-dark", "runs/{blocked}/gates", theme="dark"),
    Picture("build", "build?plan={built}", to=".plan-head"),
    Picture("lessons", "history/lessons"),
    Picture("history-dark", "history", theme="dark"),
    Picture("trace", "runs/{built}/trace"),
    Picture("policy", "policy/production"),
    Picture("catalogue", "catalogue/personas"),
    Picture("audit", "audit"),
    Picture("settings", "settings"),
    Picture("projects", "settings/projects"),
    Picture("webhooks-dark", "settings/webhooks", theme="dark"),
    Picture("phone", "runs/{built}", width=PHONE, shows=".legend"),
    Picture("phone-runs-dark", "runs", theme="dark", width=PHONE),
    Picture("phone-lessons", "history/lessons", width=PHONE),
    Picture("phone-settings", "settings", width=PHONE),
)
AT_WORK = (
    Picture("agents", "agents"),
    Picture("agents-dark", "agents", theme="dark"),
    Picture("phone-agents", "agents", width=PHONE),
)
"""Taken while a build is under way."""


@contextmanager
def own_server() -> Iterator[str]:
    """A server with a few runs, two of them builds that have ended."""
    with tempfile.TemporaryDirectory(prefix="maestro-") as folder:
        database = Path(folder) / "maestro.db"
        seeds = asyncio.run(seed(database, HANDBOOK))
        with served(database) as address:
            asyncio.run(made(address, seeds.broken))
            yield address


async def made(address: str, broken: str) -> None:
    """A build that succeeds, one that a stricter policy blocks, and a failure that is mended."""
    strict = {"environment": "staging"}
    budget = {"cost": 50.0, "tokens": 20_000_000}
    hook = {"url": "https://hooks.example.com/maestro", "kinds": ["run.*", "step.blocked"]}
    team = {"id": "second-team", "executor": "offline", "capacity": 2}
    async with httpx.AsyncClient(base_url=f"{address}/api/v1", trust_env=False) as http:
        personas = (await http.get("/agents")).raise_for_status().json()["items"][0]["personas"]
        await mended(http, broken)
        await ended(http, {"requirement": REQUIREMENT})
        await ended(http, {"requirement": LENDING, "project": "library", "constraints": strict})
        for answer in (
            await http.put("/projects/library/budget", json=budget),
            await http.post("/agents", json={**team, "personas": personas}),
            await http.post("/webhooks", json=hook),
        ):
            answer.raise_for_status()


async def mended(http: httpx.AsyncClient, broken: str) -> None:
    """Lets the failed step try again, and approves what is asked then."""
    (await http.post(f"/runs/{broken}/steps/fetch/retry", json={})).raise_for_status()
    async with asyncio.timeout(START_SECONDS):
        while (asked := await http.get(f"/runs/{broken}/steps/sign-off")).raise_for_status():
            if asked.json()["status"] == "awaiting":
                break
            await asyncio.sleep(0.1)
    match = {"If-Match": asked.headers["ETag"]}
    place = f"/runs/{broken}/steps/sign-off/approve"
    (await http.post(place, json={}, headers=match)).raise_for_status()


async def ended(http: httpx.AsyncClient, asked: dict[str, Any]) -> None:
    """Starts a build and waits for its end."""
    started = await http.post("/runs", json=asked)
    run, after = started.raise_for_status().json()["id"], 0
    async with asyncio.timeout(BUILD_SECONDS):
        while True:
            page = await http.get(
                f"/runs/{run}/events", params={"after": after, "wait": 20}, timeout=60
            )
            if page.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                await asyncio.sleep(float(page.headers["Retry-After"]))  # a busy machine
                continue
            told = page.raise_for_status().json()
            after = told["after"]
            if told["ended"]:
                return


def newest(runs: list[dict[str, Any]], status: str, kind: str = "build") -> str:
    """The newest such run with the most steps."""
    found = [run for run in runs if run["status"] == status and run["kind"] == kind]
    if not found:
        raise SystemExit(f"the server has no {kind} that is {status}")
    return str(max(found, key=lambda run: run["steps"]["total"])["id"])


def photograph(address: str, folder: Path, pictures: Sequence[Picture]) -> None:
    runs = httpx.get(f"{address}/api/v1/runs", params={"limit": 200}, trust_env=False)
    items = runs.raise_for_status().json()["items"]
    places = {"built": newest(items, "succeeded"), "blocked": newest(items, "blocked")}
    folder.mkdir(parents=True, exist_ok=True)
    with browser() as opened:
        for picture in pictures:
            with watched(opened, address, theme=picture.theme, width=picture.width) as page:
                page.open(picture.place.format(**places))
                page.page.wait_for_selector(picture.shows)
                page.page.wait_for_load_state("networkidle")
                if picture.to:
                    page.page.locator(picture.to).evaluate("(one) => one.scrollIntoView()")
                page.page.screenshot(path=folder / f"{picture.name}.png")
            sys.stdout.write(f"{picture.name}.png\n")


@contextmanager
def at_work(address: str) -> Iterator[None]:
    """While agents have something in hand."""
    with httpx.Client(base_url=f"{address}/api/v1", trust_env=False) as http:
        started = http.post("/runs", json={"requirement": LENDING, "project": "library"})
        agents = partial(http.get, "/agents")
        run, deadline = started.raise_for_status().json()["id"], time.monotonic() + START_SECONDS
        try:
            while not any(one["in_hand"] > 1 for one in _patient(agents)["items"]):
                if time.monotonic() > deadline:
                    raise SystemExit(f"no agent has anything in hand for {run}")
                time.sleep(0.1)
            yield
        finally:
            _patient(partial(http.post, f"/runs/{run}/cancel", json={}))


def _patient(send: Callable[[], httpx.Response]) -> Any:
    """The answer of a server that may be busy at first."""
    while (answer := send()).status_code == httpx.codes.SERVICE_UNAVAILABLE:
        time.sleep(float(answer.headers["Retry-After"]))
    return answer.raise_for_status().json()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--server", help="address of a running server")
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "images")
    given = parser.parse_args()
    if given.server:
        photograph(given.server, given.folder, PICTURES)
        return 0
    with own_server() as address:
        photograph(address, given.folder, PICTURES)
        with at_work(address):
            photograph(address, given.folder, AT_WORK)
    return 0


if __name__ == "__main__":
    sys.exit(main())
