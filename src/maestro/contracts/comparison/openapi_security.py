"""Changes of who may call an operation, and how they prove it."""

from collections.abc import Mapping
from typing import Any

from maestro.contracts.comparison.changes import Change, ChangeKind
from maestro.contracts.comparison.openapi_collecting import (
    BREAKING,
    COMPATIBLE,
    ChangeBook,
)
from maestro.contracts.comparison.schemas_nodes import same
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import Operation
from maestro.contracts.openapi.pointers import follow, join
from maestro.errors import InvalidInput

_Way = Mapping[str, frozenset[str]]
_IDENTITY = ("type", "in", "name", "scheme")
"""What a client has to know to use a scheme; the rest describes it."""


def compare_security(book: ChangeBook, old: Operation, new: Operation) -> None:
    """Whoever was let in before has to be let in with the same credentials."""
    before, after = _ways(old), _ways(new)
    pointer = join(new.pointer, "security")
    for way in before:
        if not any(_suffices(way, other) for other in after):
            _refused(book, way, after, pointer)
    for way in after:
        if _admits_more(way, before):
            book.add(
                COMPATIBLE,
                "security-alternative-added",
                pointer,
                f"callers can now authenticate with {_shown(way)}",
                after=_shown(way),
            )
    for way in after:
        for other in before:
            gone = _scopes(other) - _scopes(way)
            if way.keys() == other.keys() and way and gone and _suffices(other, way):
                book.add(
                    COMPATIBLE,
                    "security-scope-removed",
                    pointer,
                    f"the scope {' and '.join(sorted(gone))} is no longer needed",
                    before=sorted(_scopes(other)),
                    after=sorted(_scopes(way)),
                )


def _ways(operation: Operation) -> list[_Way]:
    """Alternatives; no requirement at all is the one way without credentials."""
    found: list[_Way] = [
        {
            str(name): frozenset(str(s) for s in scopes)
            if isinstance(scopes, list)
            else frozenset()
            for name, scopes in entry.items()
        }
        for entry in operation.security
    ]
    return found or [{}]


def _suffices(given: _Way, asked: _Way) -> bool:
    """Credentials for `given` open what asks for `asked`."""
    return all(name in given and scopes <= given[name] for name, scopes in asked.items())


def _admits_more(way: _Way, before: list[_Way]) -> bool:
    """Not only by asking for fewer scopes of the same schemes."""
    alike = any(way and way.keys() == other.keys() for other in before)
    return not alike and not any(_suffices(way, other) for other in before)


def _refused(book: ChangeBook, way: _Way, after: list[_Way], pointer: str) -> None:
    alike = next((other for other in after if other.keys() == way.keys()), None)
    if not way:
        rule = "security-added"
        message = f"callers now have to authenticate with {_alternatives(after)}"
    elif alike is not None:
        missing = _scopes(alike) - _scopes(way)
        rule = "security-scope-added"
        message = f"the scope {' and '.join(sorted(missing))} is now needed"
    elif any(way.keys() < other.keys() for other in after):
        rule = "security-requirement-added"
        message = f"{_shown(way)} is no longer enough: {_alternatives(after)} is needed"
    else:
        rule = "security-alternative-removed"
        message = f"callers can no longer authenticate with {_shown(way)}"
    book.add(BREAKING, rule, pointer, message, before=_shown(way), after=_alternatives(after))


def _scopes(way: _Way) -> frozenset[str]:
    return frozenset(f"{name}:{scope}" for name, scopes in way.items() for scope in scopes)


def _shown(way: _Way) -> str:
    if not way:
        return "nothing"
    return " and ".join(
        name + (f" ({', '.join(sorted(scopes))})" if scopes else "") for name, scopes in way.items()
    )


def _alternatives(ways: list[_Way]) -> str:
    return " or ".join(_shown(way) for way in ways)


def scheme_changes(old: OpenApiDocument, new: OpenApiDocument) -> list[Change]:
    """Security schemes that keep their name and change how they work."""
    before, after = _schemes(old), _schemes(new)
    changes = []
    for name in before:
        if name not in after:
            continue
        identities = [{key: s.get(key) for key in _IDENTITY} for s in (before[name], after[name])]
        flows = [s.get("flows") for s in (before[name], after[name])]
        address = [s.get("openIdConnectUrl") for s in (before[name], after[name])]
        pointer = join("/components/securitySchemes", name)
        if not same(*identities):
            changes.append(
                Change(
                    kind=ChangeKind.BREAKING,
                    rule="security-scheme-changed",
                    pointer=pointer,
                    message=f"credentials for `{name}` are given in another way",
                    before=identities[0],
                    after=identities[1],
                )
            )
        elif not same(*flows) or not same(*address):
            changes.append(
                Change(
                    kind=ChangeKind.DANGEROUS,
                    rule="security-flow-changed",
                    pointer=pointer,
                    message=f"credentials for `{name}` are obtained in another way",
                    before=flows[0] or address[0],
                    after=flows[1] or address[1],
                )
            )
    return changes


def _schemes(document: OpenApiDocument) -> dict[str, Mapping[str, Any]]:
    components = document.root.get("components")
    entries = components.get("securitySchemes") if isinstance(components, Mapping) else None
    found = {}
    for name, entry in entries.items() if isinstance(entries, Mapping) else ():
        try:
            scheme = follow(document.root, entry, where=f"/components/securitySchemes/{name}")
        except InvalidInput:
            continue
        if isinstance(scheme, Mapping):
            found[str(name)] = scheme
    return found
