"""The dashboard's files: pure modules run by Node, vendored files unchanged, nothing unsafe."""

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

import maestro.server.dashboard
from maestro.contracts.exports.node_programs import node_program

STATIC = Path(maestro.server.dashboard.__file__).parent / "static"
OWN = sorted((STATIC / "js").rglob("*.js"))
MOST_LINES = 300
MOST_BYTES = 400_000
VENDORED = {
    "vendor/hooks.js": "5c65ab263688d0805862fd0807c779af02c2799c44fda0873dfcb870d0da70a0",
    "vendor/htm.js": "ab33dd3f38059b9be4d5f5350128eefb2356639c4e0bbe9d9e8b3ba75847e9e4",
    "vendor/preact.js": "225d7a773766e6fb2cfcc45274fe41d2059f5782f3f2c4569aa5132a2d3a2902",
    "vendor/signals-core.js": "147cdbe5e0e6e9cb35a27f2d4f496f8ba0fbd6beedf9e683e0297a976773b724",
    "vendor/signals.js": "822c3a0f6516b2221beae1f8fea0ca2d0c886eb16ce98949530aa1d2b8ac64d6",
    "fonts/inter.woff2": "3100e775e8616cd2611beecfa23a4263d7037586789b43f035236a2e6fbd4c62",
}
UNSAFE = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc"
)


def test_the_pure_modules_do_what_they_say() -> None:
    tests = Path(__file__).with_name("modules.test.mjs")
    done = subprocess.run(
        [node_program(), "--test", str(tests)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout
    assert "pass 28" in done.stdout


@pytest.mark.parametrize("name", VENDORED)
def test_vendored_files_are_those_that_were_looked_at(name: str) -> None:
    assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == VENDORED[name]


def test_every_vendored_file_is_named_with_its_licence() -> None:
    notice = (STATIC / "vendor" / "NOTICE").read_text(encoding="utf-8")
    for path in (STATIC / "vendor").iterdir():
        if path.suffix == ".js":
            assert f"vendor/{path.name}" in VENDORED
            assert path.name in notice
    for licence in re.findall(r"LICENSE[\w.-]*", notice):
        assert list(STATIC.rglob(licence)), licence


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_no_module_is_unsafe_or_too_long(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert UNSAFE.search(text) is None
    assert re.search(r"[\"'`](https?:)?//", text) is None  # nothing of another host
    assert len(text.splitlines()) <= MOST_LINES


def test_the_page_needs_nothing_inline_and_nothing_foreign() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page) is None
    assert re.search(r"(src|href)=\"(https?:)?//", page) is None
    for name in re.findall(r"(?:src|href)=\"([^\"#]+)\"", page):
        assert (STATIC / name).is_file(), name
    for sheet in (STATIC / "css").iterdir():
        for name in re.findall(r"url\(\"?([^\")]+)", sheet.read_text(encoding="utf-8")):
            assert (sheet.parent / name).is_file(), name


def test_it_stays_small() -> None:
    assert sum(path.stat().st_size for path in STATIC.rglob("*") if path.is_file()) <= MOST_BYTES
