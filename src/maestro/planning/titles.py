"""What people would call the product."""

from maestro.planning.findings import Findings
from maestro.planning.shaping import Shaped

_ARTICLES = (
    "a",
    "an",
    "the",
    "our",
    "my",
    "some",
    "new",
    "simple",
    "small",
    "basic",
    "full-stack",
    "modern",
)
_GENERIC = frozenset(
    {
        *("app", "application", "site", "website", "web", "software", "system", "tool", "rest"),
        *("api", "backend", "program", "service", "page", "webapp", "crud", "platform", "solution"),
    }
)
_LONGEST = 60


def title_of(findings: Findings, shaped: Shaped, text: str) -> str:
    """`a task management web app` -> `Task management`; else from the first thing it keeps."""
    for surface in findings.titles:
        words = [w for w in surface.split("(")[0].split() if w.lower() not in _ARTICLES]
        telling = list(words)
        while telling and telling[-1].lower() in _GENERIC:
            telling.pop()
        telling = [w for w in telling if w.lower() not in ("web", "rest", "online")]
        if len(telling) >= 2 or (telling and len(telling) == len(words)):
            return _capitalised(" ".join(telling))
        if telling:
            return _capitalised(f"{telling[0]} {words[-1]}")
    if findings.titles and shaped.entities:
        return f"{shaped.entities[0].label} management"
    for key, _, _ in findings.topics:
        return _capitalised(f"{key.replace('_', ' ')} management")
    if shaped.entities:
        return f"{shaped.entities[0].label} management"
    return _capitalised(" ".join(text.split()[:6]))


def _capitalised(text: str) -> str:
    cut = text[:_LONGEST].strip(" ,.:;")
    return cut[:1].upper() + cut[1:] or "Application"
