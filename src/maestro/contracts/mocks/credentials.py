"""Whether a request brings credentials of the shape the contract asks for; any will do."""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from maestro.contracts.mocks.messages import MockRequest, Refused, Violation
from maestro.contracts.mocks.reading import cookie_pairs, query_pairs
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.pointers import follow
from maestro.errors import InvalidInput

Scheme = Mapping[str, Any]

_ELSEWHERE = ("apiKey", "mutualTLS")
"""Types of schemes that do not use the Authorization header."""


def schemes_of(document: OpenApiDocument) -> dict[str, Scheme]:
    """The security schemes of a document by name; those with bad references are left out."""
    components = document.root.get("components")
    named = components.get("securitySchemes") if isinstance(components, Mapping) else None
    found: dict[str, Scheme] = {}
    for name, entry in named.items() if isinstance(named, Mapping) else ():
        try:
            scheme = follow(document.root, entry, where=f"/components/securitySchemes/{name}")
        except InvalidInput:
            continue
        if isinstance(scheme, Mapping):
            found[name] = scheme
    return found


def secret_places(document: OpenApiDocument) -> frozenset[tuple[str, str]]:
    """Location and name, in small letters, of every key the document's schemes carry."""
    return frozenset(
        (str(scheme.get("in")), str(scheme.get("name")).lower())
        for scheme in schemes_of(document).values()
        if scheme.get("type") == "apiKey"
    )


class Credentials:
    """The security requirement of one operation: alternatives of schemes that go together."""

    def __init__(self, document: OpenApiDocument, requirement: Sequence[Mapping[str, Any]]) -> None:
        schemes = schemes_of(document) if requirement else {}
        self._alternatives: list[list[Scheme]] = [
            [schemes[name] for name in alternative if name in schemes]
            for alternative in requirement
        ]
        self.demanded = bool(requirement) and all(self._alternatives)

    def check(self, request: MockRequest) -> None:
        """Raises Refused (401) when no alternative is complete."""
        if not self.demanded:
            return
        missing: list[str] = []
        for alternative in self._alternatives:
            lacking = _lacking(alternative, request)
            if not lacking:
                return
            missing += [_described(scheme) for scheme in lacking]
        wanted = " or ".join(dict.fromkeys(missing))
        raise Refused(
            401,
            f"credentials are missing: {wanted}",
            (Violation("security", f"send {wanted} (security)"),),
            (("www-authenticate", ", ".join(dict.fromkeys(self._challenges()))),),
        )

    def _challenges(self) -> Iterator[str]:
        for alternative in self._alternatives:
            for scheme in alternative:
                kind = str(scheme.get("scheme", "")).capitalize()
                yield f'{kind if scheme.get("type") == "http" and kind else "Bearer"} realm="mock"'


def _lacking(alternative: Sequence[Scheme], request: MockRequest) -> list[Scheme]:
    """Of several schemes that share the one Authorization header, one is enough."""
    lacking = [scheme for scheme in alternative if not _brought(scheme, request)]
    sharing = [scheme for scheme in alternative if scheme.get("type") not in _ELSEWHERE]
    if any(scheme not in lacking for scheme in sharing):
        return [scheme for scheme in lacking if scheme not in sharing]
    return lacking


def _brought(scheme: Scheme, request: MockRequest) -> bool:
    kind = scheme.get("type")
    if kind == "apiKey":
        return _has_key(str(scheme.get("in")), str(scheme.get("name")), request)
    if kind == "mutualTLS":  # settled below HTTP; a mock on loopback has no TLS
        return True
    given = request.header(b"authorization") or ""
    word, _, rest = given.strip().partition(" ")
    wanted = str(scheme.get("scheme", "bearer")).lower() if kind == "http" else "bearer"
    if word.lower() != wanted or not rest.strip():
        return False
    return wanted != "basic" or _is_basic(rest.strip())


def _is_basic(text: str) -> bool:
    try:
        return b":" in base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False


def _has_key(location: str, name: str, request: MockRequest) -> bool:
    if location == "header":
        return bool(request.header(name.lower().encode("latin-1", "replace")))
    if location == "cookie":
        return any(cookie_pairs(request.header(b"cookie") or "").get(name, ()))
    try:
        return any(query_pairs(request.query).get(name, ()))
    except ValueError:
        return False


def _described(scheme: Scheme) -> str:
    kind = scheme.get("type")
    if kind == "apiKey":
        return f"the {scheme.get('in')} {scheme.get('name')!r}"
    word = str(scheme.get("scheme", "bearer")) if kind == "http" else "bearer"
    return f"Authorization: {word.capitalize()} …"
