"""Evidence about what runs: small projects that violate one gate and their repaired twins, and
projects that would rather not be measured, none of which may come out as clean.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from postgres import PostgresServer

from maestro.bootstrap import contract_verifier, equipment
from maestro.domain.quality import Evidence, EvidenceStatus, GateSeverity, Verdict
from maestro.domain.values import JsonObject
from maestro.ports import CommandResult, EvidenceSubject, Sandbox, SandboxProvider
from maestro.quality.evaluate import evaluate_phase
from maestro.quality.evidence import collectors
from maestro.quality.evidence.running import running_collectors
from maestro.quality.evidence.running.workbench import Patience
from maestro.quality.policy import load_policy
from maestro.settings import Settings

KNOWN = Path(__file__).parents[1] / "fixtures" / "known_bad"
PAGE = "<!DOCTYPE html><html lang='en'><head><title>Harbour</title>{head}</head>{body}</html>"
MAIN = "<body><main><h1>Harbour</h1><p>Boats that lie here today.</p>{more}</main></body>"


def measured(
    name: str,
    root: Path,
    *,
    facts: JsonObject | None = None,
    trial_database: str | None = None,
    patience: Patience = Patience(),
    folder: Path | None = None,
) -> Evidence:
    settings = Settings.load({}, database=(folder or root.parent) / "runs.db")
    lent = equipment(settings, contract_verifier(None))
    lent = replace(lent, trial_database=trial_database, patience=patience)

    async def collect() -> Evidence:
        async with lent.sandboxes.open(root) as sandbox:
            subject = EvidenceSubject(sandbox=sandbox, facts=facts or {})
            return await collectors(lent)[name].collect(subject)

    return asyncio.run(collect())


def project(tmp_path: Path, gate: str, files: Mapping[str, str] | None = None) -> Path:
    """The good twin of a gate's fixture, with other files in it."""
    root = tmp_path / "project"
    shutil.copytree(KNOWN / gate / "good", root)
    for name, text in (files or {}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def page(*, head: str = "", body: str = "", more: str = "") -> str:
    return PAGE.format(head=head, body=body or MAIN.format(more=more))


def refused(evidence: Evidence, why: str) -> None:
    assert evidence.status is EvidenceStatus.FAILED, evidence
    assert not evidence.metrics
    assert why in " ".join(evidence.tool_errors)


VIOLATED = {
    "accessibility": ("FRO-4",),
    "documented_commands": ("DOC-3",),
    "html": ("FRO-5",),
    "load": ("MON-2", "PER-1"),
    "migrations": ("DBD-5",),
    "verifications": ("BAC-3",),
}
"""The gates of the default policy that the bad twin violates, by collector."""
KEPT = {"migrations": ("DBD-4",), "verifications": ("BAC-2",)}
"""Gates on the same evidence that it keeps."""


def verdicts(evidence: Evidence, gates: Collection[str]) -> Mapping[str, Verdict]:
    """Of these gates, judged as if each stood alone and blocked."""
    policy, found = load_policy(), {}
    for gate in policy.gates:
        if gate.id in gates:
            alone = replace(gate, when=None, persona=None, severity=GateSeverity.BLOCKING)
            judged = replace(policy, gates=(alone,), artefacts=(), waivers=())
            phase = evaluate_phase(judged, gate.phase, [evidence])
            found[gate.id] = phase.results[0].verdict
            assert phase.passed == (found[gate.id] is Verdict.PASS)
    return found


@pytest.mark.browser
@pytest.mark.parametrize("name", VIOLATED)
def test_the_bad_one_is_blocked_and_the_repaired_one_passes(tmp_path: Path, name: str) -> None:
    violated, kept = VIOLATED[name], KEPT.get(name, ())
    bad, good = (measured(name, KNOWN / name / twin, folder=tmp_path) for twin in ("bad", "good"))
    passed = dict.fromkeys((*violated, *kept), Verdict.PASS)
    assert verdicts(bad, passed) == {**passed, **dict.fromkeys(violated, Verdict.FAIL)}, bad
    assert verdicts(good, passed) == passed, good


def test_everything_that_runs_has_a_known_bad_project() -> None:
    assert {collector.name for collector in running_collectors(None)} == set(VIOLATED)


HIDING = {
    "closed.html": (
        page(
            more="<div id='d'></div><script>d.attachShadow({mode: 'closed'}).innerHTML ="
            "'<img src=x>'</script>"
        ),
        "closed.html: 1 closed shadow roots keep axe out",
    ),
    "withheld.html": (
        page(body="<body><main aria-hidden='true'><h1>Boats</h1><p>Ada, Bea</p></main></body>"),
        "withheld.html: 13 of 13 visible characters are hidden from screen readers",
    ),
    "blank.html": (
        page(body="<body hidden><p>Boats</p></body>"),
        "blank.html: the page shows nothing",
    ),
    "leaving.html": (
        page(more="<script>location = 'about:blank'</script>"),
        "leaving.html: the page went away",
    ),
    "endless.html": (
        page(head="<script>while (true) {}</script>"),
        "endless.html: the page did not answer in time",
    ),
    "absent.html": ("", "absent.html: the page answered 404"),
}
"""Pages that do not let themselves be looked at, and why each of them is an error."""


@pytest.mark.browser
def test_a_page_that_hides_is_an_error(tmp_path: Path) -> None:
    files = {name: text for name, (text, _) in HIDING.items() if text}
    pages = ", ".join(f"/{name}" for name in HIDING)
    files["maestro.yaml"] = (
        'schema_version: 1\nlaunch: {command: ["{python}", server.py, "{port}"]}\n'
        f"pages: [{pages}]\n"
    )
    found = measured(
        "accessibility", project(tmp_path, "accessibility", files), patience=Patience(page=8.0)
    )
    for _, why in HIDING.values():
        refused(found, why)


@pytest.mark.browser
def test_a_page_cannot_answer_for_axe(tmp_path: Path) -> None:
    """Its scripts replace axe and what axe is built on; a frame holds a fault of its own."""
    head = (
        "<script>Object.defineProperty(window, 'axe', {get: () => ({run: async () => ({"
        "violations: [], passes: [], incomplete: []})}), set() {}});"
        "Array.prototype.map = () => []; Document.prototype.querySelectorAll = () => [];</script>"
    )
    frame = "<html lang='en'><title>f</title><img src='y'>"
    more = f'<img src="x.png"><iframe title="f" srcdoc="{frame}"></iframe>'
    found = measured(
        "accessibility",
        project(tmp_path, "accessibility", {"index.html": page(head=head, more=more)}),
    )
    assert found.status is EvidenceStatus.MEASURED
    assert found.metrics["accessibility.critical"] == 2
    assert any("image-alt" in line for line in found.detail)
    assert any("sandbox of its own" in line for line in found.detail)


def test_a_server_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    root = project(tmp_path, "load", {"server.py": "raise SystemExit('no harbour')\n"})
    refused(measured("load", root), "no harbour")


def test_a_server_that_dies_under_load_is_an_error(tmp_path: Path) -> None:
    good = (KNOWN / "load" / "good" / "server.py").read_text(encoding="utf-8")
    dying = good.replace(
        "    return FINE",
        "    ASKED.append(head)\n    if len(ASKED) > 300:\n        raise SystemExit('sunk')\n"
        "    return FINE",
    ).replace("\n\nasync def answer", "\nASKED = []\n\n\nasync def answer", 1)
    root = project(tmp_path, "load", {"server.py": dying})
    refused(measured("load", root), "died under load")


def test_what_is_not_asked_is_not_measured(tmp_path: Path) -> None:
    root = project(tmp_path, "load")
    (root / "maestro.yaml").unlink()
    found = measured("load", root)
    assert found.status is EvidenceStatus.UNAVAILABLE
    assert "maestro.yaml" in found.detail[0]


@pytest.mark.parametrize("name", ["migrations", "html", "documented_commands", "load"])
def test_a_tree_with_a_pipe_is_an_error(tmp_path: Path, name: str) -> None:
    root = project(tmp_path, "html")
    os.mkfifo(root / "report.json")
    refused(measured(name, root), "report.json")


def test_a_page_that_is_a_link_is_an_error(tmp_path: Path) -> None:
    root = project(tmp_path, "html")
    (root / "index.html").rename(tmp_path / "elsewhere.html")
    (root / "index.html").symlink_to(tmp_path / "elsewhere.html")
    refused(measured("html", root), "index.html is a link")


def test_a_page_cannot_switch_a_rule_off(tmp_path: Path) -> None:
    bad = (KNOWN / "html" / "bad" / "index.html").read_text(encoding="utf-8")
    loose = bad.replace("<main>", "<main><!-- [html-validate-disable-block no-dup-id] -->")
    files = {"index.html": loose, ".htmlvalidate.json": '{"root": true, "rules": {}}'}
    found = measured("html", project(tmp_path, "html", files))
    assert found.metrics == {"html.errors": 1}


ENV = "backend/migrations/env.py"
VERSION = "backend/migrations/versions/0001_boats.py"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({ENV: "import time\ntime.sleep(600)\n"}, "did not end"),
        ({ENV: "import os\nos._exit(0)\n"}, "instead of ['0001']"),
    ],
    ids=["hangs", "only claims it"],
)
def test_a_migration_that_was_not_seen_to_run_is_an_error(
    tmp_path: Path, files: dict[str, str], why: str
) -> None:
    root = project(tmp_path, "migrations", files)
    patience = Patience(migration=6.0) if why == "did not end" else Patience()
    refused(measured("migrations", root, patience=patience), why)


def test_a_migration_that_fails_is_measured_as_such(tmp_path: Path) -> None:
    """A folder of the project that is called like the tool does not get to play it."""
    good = (KNOWN / "migrations" / "good" / VERSION).read_text(encoding="utf-8")
    files = {
        VERSION: good.replace("sa.Integer, primary_key=True", "sa.Intege, primary_key=True"),
        "backend/alembic/__main__.py": "",
        "backend/alembic/__init__.py": "",
    }
    found = measured("migrations", project(tmp_path, "migrations", files))
    assert found.status is EvidenceStatus.MEASURED
    assert found.metrics == {"migrations.applied": False, "migrations.reversible": False}
    assert "Intege" in " ".join(found.detail)


DAEMON = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\n"
MEDDLER = """import os
for place in ("fd/1", "fd/2", "mem"):
    try:
        with open(f"/proc/{os.getppid()}/{place}", "r+b", buffering=0) as file:
            file.write(b"[]")
    except OSError:
        pass
print("[]", flush=True)
"""
"""Would have a say in what is told of it."""


def test_a_migration_that_leaves_something_running_is_an_error(tmp_path: Path) -> None:
    env = (KNOWN / "migrations" / "good" / ENV).read_text(encoding="utf-8")
    root = project(tmp_path, "migrations", {ENV: DAEMON + env})
    refused(measured("migrations", root), "'upgrade head' left processes behind")


def test_a_migration_has_no_say_in_what_is_told_of_it(tmp_path: Path) -> None:
    env = (KNOWN / "migrations" / "good" / ENV).read_text(encoding="utf-8")
    found = measured("migrations", project(tmp_path, "migrations", {ENV: MEDDLER + env}))
    assert found.metrics == {"migrations.applied": True, "migrations.reversible": True}, found


class CountingSandbox:
    """Another sandbox, and how often something is started in it."""

    def __init__(self, sandbox: Sandbox, started: list[tuple[str, ...]]) -> None:
        self._sandbox, self._started = sandbox, started

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sandbox, name)

    async def run(self, argv: Sequence[str], **options: Any) -> CommandResult:
        self._started.append(tuple(argv))
        return await self._sandbox.run(argv, **options)


@dataclass
class CountingSandboxes:
    inner: SandboxProvider
    started: list[tuple[str, ...]]

    def lend(self) -> AbstractAsyncContextManager[Path]:
        return self.inner.lend()

    @asynccontextmanager
    async def open(self, root: Path) -> AsyncIterator[Any]:
        async with self.inner.open(root) as sandbox:
            yield CountingSandbox(sandbox, self.started)


def test_migrations_take_one_start_of_the_interpreter(tmp_path: Path) -> None:
    root, started = project(tmp_path, "migrations"), list[tuple[str, ...]]()
    lent = equipment(Settings.load({}, database=tmp_path / "runs.db"), contract_verifier(None))
    counting: Any = CountingSandboxes(lent.sandboxes, started)

    async def collect() -> Evidence:
        known = collectors(replace(lent, sandboxes=counting))
        async with lent.sandboxes.open(root) as sandbox:
            return await known["migrations"].collect(EvidenceSubject(sandbox=sandbox))

    assert asyncio.run(collect()).metrics["migrations.reversible"] is True
    assert len(started) == 1


def test_migrations_run_on_the_database_the_project_asks_for(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    asks = {"maestro.yaml": "schema_version: 1\ndatabase: postgresql\n"}
    root = project(tmp_path, "migrations", asks)
    assert measured("migrations", root).status is EvidenceStatus.UNAVAILABLE
    url = postgres_server.url("postgres")
    found = measured("migrations", root, trial_database=url)
    assert found.metrics == {"migrations.applied": True, "migrations.reversible": True}, found


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ("while true; do :; done", "did not end within 2 s"),
        ("# nothing", "holds no command"),
        ("false\necho went on", "ended with status 1"),
        ("curl -sS --max-time 5 http://127.0.0.1:1/", "ended with status"),
    ],
)
def test_a_documented_command_that_does_not_work_has_failed(
    tmp_path: Path, block: str, why: str
) -> None:
    text = f"# Harbour\n\n```bash runnable\n{block}\n```\n"
    root = project(tmp_path, "documented_commands", {"README.md": text})
    patience = Patience(block=2.0) if "within 2 s" in why else Patience()
    found = measured("documented_commands", root, patience=patience)
    assert found.metrics == {"docs.commands": 1, "docs.commands_failed": 1}
    assert why in " ".join(found.detail)


def test_a_mistake_in_the_projects_own_description_is_an_error(tmp_path: Path) -> None:
    text = "schema_version: 1\nlaunch: {comand: [x]}\n"
    root = project(tmp_path, "accessibility", {"maestro.yaml": text})
    refused(measured("accessibility", root), "maestro.yaml:2:10: unknown key 'comand'")


def test_measuring_leaves_the_project_as_it_was(tmp_path: Path) -> None:
    root = project(tmp_path, "documented_commands")
    before = sorted(path.name for path in root.rglob("*"))
    assert measured("documented_commands", root).metrics["docs.commands_failed"] == 0
    assert sorted(path.name for path in root.rglob("*")) == before
