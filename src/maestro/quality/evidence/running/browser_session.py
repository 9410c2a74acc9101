"""Looks at pages with axe-core in a headless browser: `python -I browser_session.py JOB`.

Runs as a process of its own in an empty sandbox and prints its result. JOB is JSON: browser, axe
(path of the script), url, pages ([{path, click}]), wait_seconds.

axe runs in an isolated world of each frame: the page's own scripts share the document with it, but
not a single object, so they cannot see it, answer for it or bend what it builds on.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    BrowserContext,
    CDPSession,
    Error,
    Page,
    sync_playwright,
)
from playwright.sync_api import TimeoutError as TooSlow

ARGUMENTS = (
    "--no-sandbox",  # its own needs user namespaces, which the sandbox around it takes away
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-blink-features=AutomationControlled",  # the page sees an ordinary browser
    "--disable-site-isolation-trials",  # one debugging session reaches every frame
    "--disable-features=IsolateOrigins,site-per-process",
)
MAX_NODES = 40
SETTLE_SECONDS = 3.0

RUN = """
axe.run(document, {iframes: false, resultTypes: ['violations']}).then(found => ({
  version: axe.version,
  rules: found.passes.length + found.violations.length + found.incomplete.length,
  incomplete: found.incomplete.length,
  violations: found.violations.map(rule => ({
    id: rule.id, impact: rule.impact, help: rule.help, count: rule.nodes.length,
    targets: rule.nodes.slice(0, 5).map(node => node.html.slice(0, 160)),
  })),
}))
"""

SHOWN = """
(() => {
  const seen = {text: 0, withheld: 0, controls: 0};
  const boxed = node => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return [...range.getClientRects()].some(box => box.width > 1 && box.height > 1);
  };
  const visit = (node, withheld) => {
    if (node.nodeType === Node.TEXT_NODE) {
      const length = node.data.trim().length;
      const parent = node.parentElement;
      const visible = length > 0 && (!parent || parent.checkVisibility(
        {opacityProperty: true, visibilityProperty: true})) && boxed(node);
      if (visible) seen.text += length;
      if (visible && withheld) seen.withheld += length;
      return;
    }
    if (node.nodeType === Node.ELEMENT_NODE) {
      withheld = withheld || node.getAttribute('aria-hidden') === 'true' || node.inert;
      if (node.matches('input,select,textarea,button,img,canvas,video') && node.checkVisibility())
        seen.controls += 1;
      if (node.shadowRoot) visit(node.shadowRoot, withheld);
    }
    for (const child of node.childNodes) visit(child, withheld);
  };
  if (document.body) visit(document.body, false);
  return seen;
})()
"""
"""How much a person sees, and how much of it is kept from those who cannot see."""


class Disturbed(Exception):
    """The page did not let itself be looked at; the message says how."""


def look_at(context: BrowserContext, job: dict[str, Any], visit: dict[str, str]) -> dict[str, Any]:
    """One page, opened afresh. Raises Disturbed."""
    page = context.new_page()
    try:
        _open(page, str(job["url"]), visit, float(job["wait_seconds"]) * 1000)
        session = context.new_cdp_session(page)
        tree = session.send("DOM.getDocument", {"depth": -1, "pierce": True})
        closed = sum(1 for _ in _closed_roots(tree["root"]))
        if closed:
            raise Disturbed(f"{closed} closed shadow roots keep axe out")
        frames = session.send("Page.getFrameTree")["frameTree"]
        looks = [_look(session, frame, str(job["axe"])) for frame in _frames(frames)]
        return _total(looks)
    except TooSlow as error:
        raise Disturbed(f"the page did not answer in time: {_told(error)}") from error
    except Error as error:
        raise Disturbed(_told(error)) from error
    finally:
        page.close()


def _open(page: Page, url: str, visit: dict[str, str], wait: float) -> None:
    page.set_default_timeout(wait)
    reply = page.goto(url + visit["path"])
    if reply is None or reply.status >= 400:
        raise Disturbed(f"the page answered {reply.status if reply else 'nothing'}")
    _settle(page)
    if visit["click"]:
        page.locator(visit["click"]).first.click()
        _settle(page)
    if urlsplit(page.url)[:2] != urlsplit(url)[:2]:
        raise Disturbed(f"the page went away to {page.url[:200]!r}")


def _settle(page: Page) -> None:
    """Until it asks for nothing more; a page that never stops asking is looked at all the same."""
    try:
        page.wait_for_load_state("networkidle", timeout=SETTLE_SECONDS * 1000)
    except TooSlow:
        return


def _look(session: CDPSession, frame: dict[str, Any], axe: str) -> dict[str, Any]:
    world = session.send(
        "Page.createIsolatedWorld", {"frameId": frame["id"], "worldName": "maestro"}
    )["executionContextId"]
    shown = _evaluate(session, world, SHOWN)
    _evaluate(session, world, axe + "\n;0")
    return {**shown, **_evaluate(session, world, RUN)}


def _evaluate(session: CDPSession, world: int, expression: str) -> Any:
    reply = session.send(
        "Runtime.evaluate",
        {
            "expression": expression,
            "contextId": world,
            "returnByValue": True,
            "awaitPromise": True,
        },
    )
    if "exceptionDetails" in reply:
        raise Disturbed(f"axe broke on the page: {str(reply['exceptionDetails'])[:300]}")
    return reply["result"].get("value")


def _frames(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield tree["frame"]
    for child in tree.get("childFrames", ()):
        yield from _frames(child)


def _closed_roots(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for root in node.get("shadowRoots", ()):
        if root.get("shadowRootType") == "closed" and root.get("children"):
            yield root
        yield from _closed_roots(root)
    for child in node.get("children", ()):
        yield from _closed_roots(child)
    if "contentDocument" in node:
        yield from _closed_roots(node["contentDocument"])


def _total(looks: list[dict[str, Any]]) -> dict[str, Any]:
    violations = [violation for look in looks for violation in look["violations"]]
    return {
        "version": looks[0]["version"],
        "frames": len(looks),
        "violations": violations[:MAX_NODES],
        "critical": _count(violations, "critical"),
        "serious": _count(violations, "serious"),
        **{
            key: sum(int(look[key]) for look in looks)
            for key in ("rules", "incomplete", "text", "withheld", "controls")
        },
    }


def _count(violations: list[dict[str, Any]], impact: str) -> int:
    return sum(int(v["count"]) for v in violations if v["impact"] == impact)


def _told(error: Exception) -> str:
    return " ".join(str(error).split("Call log:")[0].split())[:300]


def main(job: dict[str, Any]) -> None:
    job["axe"] = Path(job["axe"]).read_text(encoding="utf-8")
    pages: list[dict[str, Any]] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=job["browser"], args=list(ARGUMENTS), chromium_sandbox=False
        )
        plain = browser.new_page()
        agent = str(plain.evaluate("navigator.userAgent")).replace("HeadlessChrome", "Chrome")
        plain.close()
        context = browser.new_context(
            viewport={"width": 1280, "height": 900},
            locale="en-GB",
            reduced_motion="reduce",
            user_agent=agent,
        )
        for visit in job["pages"]:
            try:
                pages.append({**visit, "look": look_at(context, job, visit), "problem": ""})
            except Disturbed as problem:
                pages.append({**visit, "look": None, "problem": str(problem)})
        version = browser.version
        browser.close()
    sys.stdout.write(json.dumps({"browser": version, "pages": pages}) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
