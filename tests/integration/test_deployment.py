"""What is in deploy/ fits the product: options, settings, figures, the wheel that is installed."""

import os
import re
import shlex
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from api_server import RunningServer

from maestro.cli.main import app
from maestro.delivery.agent_desk import AgentsOverview
from maestro.domain.dispatching import DispatchOverview
from maestro.domain.overview import StoreFigures
from maestro.server.metrics import Scrape, ServerFigures
from maestro.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def _compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def _commands() -> dict[str, list[str]]:
    docker = (DEPLOY / "Dockerfile").read_text()
    unit = (DEPLOY / "maestro.service").read_text()
    found = {
        "Dockerfile": re.findall(r'"([^"]+)"', docker.rpartition("\nCMD ")[2]),
        "systemd": shlex.split(str(re.search(r"^ExecStart=(.*)$", unit, re.M)[1]))[1:],  # type: ignore[index]
    }
    for name, service in _compose()["services"].items():
        if name != "database":
            words = [re.sub(r"\$\{\w+:-(\w+)\}", r"\1", str(word)) for word in service["command"]]
            found[f"compose {name}"] = words
    return found


@pytest.mark.parametrize("where", sorted(_commands()))
def test_every_command_has_options_that_there_are(where: str) -> None:
    command, bound, _ = app.parse_args(_commands()[where], exit_on_error=False, print_error=False)
    assert command.__name__ == _commands()[where][0]
    assert bound is not None


def test_compose_asks_for_settings_that_there_are_and_for_secrets_that_are_given() -> None:
    services = _compose()["services"]
    example = set(re.findall(r"^(\w+)=", (DEPLOY / "env.example").read_text(), re.M))
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    assert asked == example
    for name in ("server", "worker"):
        given = {key: str(value) for key, value in services[name]["environment"].items()}
        given["MAESTRO_AUDIT_KEY"] = "x" * 64
        assert Settings.load({**given, "HOME": "/nowhere"}).postgres_url
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["volumes"] == ["data:/var/lib/maestro"]


def test_the_image_runs_as_nobody_special_and_only_what_it_needs_gets_in() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    assert text.index("USER 10001") < text.index("ENTRYPOINT")
    assert "HEALTHCHECK" in text
    copied = re.findall(r"^COPY (.*) \S+$", text, re.M)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text()
    for name in " ".join(copied).split():
        assert (ROOT / name).exists()
        assert f"!{name.removeprefix('./')}" in ignored


def test_alerts_ask_for_figures_and_runbooks_that_there_are() -> None:
    nobody = AgentsOverview(agents=(), dispatch=DispatchOverview(), capabilities=(), pools=())
    scrape = Scrape(figures=StoreFigures(), totals={}, backlog=0, team=nobody)
    own = ServerFigures()
    own.requests.labels("GET", "200").inc()
    own.seconds.labels("GET").observe(1)
    told = set(re.findall(r"^# TYPE (\w+) ", own.text(scrape).decode(), re.M))
    runbook = (ROOT / "docs" / "operations.md").read_text()
    titles = {title.lower().replace(" ", "-") for title in re.findall(r"^### (.+)$", runbook, re.M)}
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]
    assert len(rules) >= 10
    for rule in rules:
        for name in re.findall(r"maestro_\w+", rule["expr"]):
            assert re.sub(r"_bucket$", "", name) in told, name
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert (ROOT / page).is_file()
        assert anchor in titles
    for name in re.findall(r"`(maestro_\w+)", runbook):
        assert name in told, name


@pytest.mark.timeout(300)
def test_the_wheel_is_built_installed_apart_and_serves(tmp_path: Path) -> None:
    """As the Dockerfile does, but for what it needs of others, which is taken from here."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)],
        check=True,
        timeout=200,
        stdin=subprocess.DEVNULL,
    )
    [wheel] = tmp_path.glob("*.whl")
    home = tmp_path / "venv"
    venv.create(home, symlinks=True)
    [site] = home.glob("lib/python*/site-packages")
    subprocess.run(
        [*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True, timeout=100
    )
    (own,) = {Path(path) for path in sys.path if path.endswith("site-packages")}
    (site / "others.pth").write_text(f"import sys; sys.path.append({str(own)!r})\n")
    where = subprocess.run(
        [str(home / "bin/python"), "-c", "import maestro; print(maestro.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    ).stdout
    assert where.startswith(str(home))
    log = tmp_path / "log"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    with log.open("w") as sink:
        process = subprocess.Popen(
            [str(home / "bin/python"), "-m", "maestro", "serve", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
            cwd=tmp_path,
            env={**environment, "MAESTRO_DATA": str(tmp_path / "data")},
        )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("dashboard"), log.read_text()
        url = first.split()[1].removesuffix("/dashboard/")
        RunningServer.until(lambda: httpx.get(f"{url}/health/live").status_code == 200)
        assert "<html" in httpx.get(f"{url}/dashboard/").text
        assert httpx.get(f"{url}/api/v1/blueprints").json()["items"]
    finally:
        process.terminate()
        process.wait(40)
        assert process.stdout is not None
        process.stdout.close()
