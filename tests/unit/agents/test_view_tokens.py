"""The palette: contrast by the WCAG formula, the same for the same title, and its own test."""

import importlib.util
import re
import subprocess
from pathlib import Path
from typing import Any

from maestro.agents.executors.offline import view_tokens
from maestro.agents.executors.offline.view_tokens import (
    accent_hue,
    contrast,
    contrast_pairs,
    oklch,
    palette,
)

SUPPORT = Path(__file__).parents[2] / "data" / "support"
TITLES = [f"product {number}" for number in range(120)]


def load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builds = load(SUPPORT / "builds.py", "support_builds")


def tree(folder: Path) -> Path:
    assignment = builds.assignment_of("ui_designer", builds.TASKS)
    builds.write_files(folder, builds.rendered(assignment))
    return folder


def own_check(folder: Path) -> subprocess.CompletedProcess[str]:
    (argv,) = builds.checks_of("design-tokens")
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)


def test_contrast_follows_the_published_formula() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21.0
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48
    assert contrast("#123456", "#123456") == 1.0


def test_oklch_meets_known_colours() -> None:
    assert oklch(1.0, 0.0, 0) == "#ffffff"
    assert oklch(0.0, 0.0, 0) == "#000000"
    assert oklch(0.627955, 0.257683, 29.234) == "#ff0000"


def test_every_hue_keeps_its_contrast() -> None:
    assert {accent_hue(title) for title in TITLES} == set(view_tokens._HUES)
    for title in TITLES:
        for pair in contrast_pairs(palette(title)):
            least = min(pair.light, pair.dark)
            assert least >= pair.required, f"{title}: {pair.front} on {pair.back} is {least:.2f}"


def test_the_same_title_has_the_same_accent() -> None:
    assert palette("Task management") == palette("  task MANAGEMENT ")
    assert accent_hue("Task management") != accent_hue("Order platform")


def test_own_test_of_the_package_passes(tmp_path: Path) -> None:
    done = own_check(tree(tmp_path))
    assert done.returncode == 0, done.stdout


def test_own_test_notices_a_missing_token(tmp_path: Path) -> None:
    file = tree(tmp_path) / "frontend/css/tokens.css"
    file.write_text(file.read_text().replace("--color-text-muted:", "--color-text-faint:"))
    done = own_check(tmp_path)
    assert done.returncode != 0
    assert "--color-text-muted is missing" in done.stdout


def test_own_test_notices_a_guide_that_was_not_measured(tmp_path: Path) -> None:
    file = tree(tmp_path) / "docs/design.md"
    text = file.read_text()
    claimed = re.sub(r"(\| `text` \| `canvas` \|) [\d.]+", r"\1 21.00", text)
    assert claimed != text
    file.write_text(claimed)
    assert own_check(tmp_path).returncode != 0


def test_own_test_notices_weak_contrast(tmp_path: Path) -> None:
    file = tree(tmp_path) / "frontend/css/tokens.css"
    lines = file.read_text().splitlines()
    weak = [
        "  --color-text: light-dark(#bbbbbb, #f0f0f0);" if "--color-text:" in line else line
        for line in lines
    ]
    assert weak != lines
    file.write_text("\n".join(weak))
    done = own_check(tmp_path)
    assert done.returncode != 0
    assert "text on canvas, light" in done.stdout
