"""Pages as a browser shows them, held against axe-core's rules.

A page that cannot be looked at, shows nothing, or keeps what it shows from axe gives an ERROR: of
such a page nobody can say that it is accessible.
"""

import json
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from maestro.domain.values import JsonScalar
from maestro.quality.evidence.programs import NotMeasurable, ToolFailed
from maestro.quality.evidence.running.workbench import Workbench, answer
from maestro.quality.metrics import DATA

AXE = DATA / "axe" / "axe.min.js"
SESSION = Path(__file__).with_name("browser_session.py")
START_SECONDS = 30.0
MAX_PAGES = 120
MOST_WITHHELD = 0.5
"""Of the visible text, how much at most may be marked as not there for screen readers."""


async def examine_pages(bench: Workbench) -> Mapping[str, JsonScalar]:
    project, browser = bench.project, bench.equipment.browser
    if project.application is None or not project.pages:
        raise NotMeasurable("the project names no page to look at, or no way to start it")
    if browser is None:
        raise NotMeasurable("no Chromium was found on this machine")
    try:
        driver = version("playwright")
    except PackageNotFoundError as error:
        raise NotMeasurable("playwright is not installed") from error
    if len(project.pages) > MAX_PAGES:
        raise ToolFailed(f"{len(project.pages)} pages are more than the {MAX_PAGES} looked at")
    patience = bench.equipment.patience.page
    async with bench.started(project.application, project.ports) as started:
        job = {
            "browser": str(browser),
            "axe": str(AXE),
            "url": started.url,
            "pages": [{"path": page.path, "click": page.click} for page in project.pages],
            "wait_seconds": patience,
        }
        result = await bench.session(
            (sys.executable, "-I", str(SESSION), json.dumps(job)),
            timeout=START_SECONDS + 2 * patience * len(project.pages),
            ports=started.ports,
        )
    told = answer(result)
    bench.measurement.argv = (sys.executable, "-I", str(SESSION))
    problems = [problem for page in told["pages"] if (problem := _problem(page))]
    if problems:
        raise ToolFailed("; ".join(problems))
    looks = [page["look"] for page in told["pages"]]
    if len(looks) != len(project.pages):
        raise ToolFailed(f"{len(looks)} of {len(project.pages)} pages were looked at")
    axe = looks[0]["version"]
    bench.measurement.version = f"{axe}, playwright {driver}, Chromium {told['browser']}"
    bench.measurement.files_examined = len(looks)
    bench.measurement.detail += [*_protection(bench), *_lines(told["pages"])]
    return {
        "accessibility.pages": len(looks),
        "accessibility.critical": sum(int(look["critical"]) for look in looks),
        "accessibility.serious": sum(int(look["serious"]) for look in looks),
    }


def _problem(page: Mapping[str, Any]) -> str:
    """Why what was seen says nothing about the page; empty when it does."""
    place, look = f"{page['path']} {page['click']}".strip(), page["look"]
    if look is None:
        return f"{place}: {page['problem']}"
    if not look["text"] and not look["controls"]:
        return f"{place}: the page shows nothing that could be examined"
    if not look["rules"]:
        return f"{place}: no rule of axe applied to the page"
    if look["withheld"] > MOST_WITHHELD * look["text"]:
        return (
            f"{place}: {look['withheld']} of {look['text']} visible characters are hidden from "
            "screen readers, and so from axe"
        )
    return ""


def _protection(bench: Workbench) -> list[str]:
    strength = bench.sandbox.strength
    held = ", ".join(strength.capabilities)
    return [
        f"the browser ran without a sandbox of its own, inside {strength.level} "
        f"{strength.mechanism} ({held}), and could reach the application alone"
    ]


def _lines(pages: list[Mapping[str, Any]]) -> list[str]:
    violations = [
        (page["path"], violation) for page in pages for violation in page["look"]["violations"]
    ]
    rank = ["critical", "serious", "moderate", "minor"]
    violations.sort(key=lambda item: rank.index(item[1]["impact"] or "minor"))
    return [
        f"{path}: {v['impact']}: {v['id']}: {v['help']} ({v['count']} places): "
        + "; ".join(v["targets"])
        for path, v in violations
    ]
