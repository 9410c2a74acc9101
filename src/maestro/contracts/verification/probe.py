"""HTTP exchanges with the built provider, each with the curl line that repeats it."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from maestro.contracts.verification.interface import Interface, ProbedOperation
from maestro.domain.contract import Finding
from maestro.domain.values import JsonValue

SHOWN = 300
"""Characters of a value shown in a finding."""


class Unmet(Exception):
    """The provider does not do what a check expects; becomes a finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    operation: str
    method: str
    url: str
    sent: JsonValue
    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> JsonValue:
        """The decoded body. Raises Unmet when it is not JSON."""
        try:
            return json.loads(self.content)
        except ValueError:
            raise self.unmet("JSON in the body", self.shown(), "the body is not JSON") from None

    def shown(self) -> str:
        """Status and the beginning of the body."""
        text = self.content.decode("utf-8", errors="replace")
        return f"{self.status} {clipped(text)}".strip()

    def curl(self) -> str:
        return curl(self.method, self.url, self.sent)

    def unmet(self, expected: str, seen: str, message: str) -> Unmet:
        return Unmet(
            Finding(
                rule="",
                message=message,
                operation=self.operation,
                expected=expected,
                seen=clipped(seen),
                reproduce=self.curl(),
            )
        )

    def expect(self, status: int, why: str) -> "Exchange":
        """Itself when it has this status; error statuses must carry problem details."""
        if self.status != status:
            raise self.unmet(f"status {status}", self.shown(), why)
        if status >= 400:
            self._expect_problem(why)
        return self

    def _expect_problem(self, why: str) -> None:
        content_type = self.headers.get("content-type", "")
        if not content_type.startswith("application/problem+json"):
            raise self.unmet("application/problem+json", content_type or "no content type", why)
        body = self.json()
        if not isinstance(body, dict) or body.get("status") != self.status:
            message = "problem details repeat the status of the reply"
            raise self.unmet(f'"status": {self.status}', self.shown(), message)

    def entry(self) -> dict[str, Any]:
        """The body, which must be an object with an id."""
        body = self.json()
        if not isinstance(body, dict) or not isinstance(body.get("id"), int):
            raise self.unmet("an object with an integer id", self.shown(), "an entry has an id")
        return body


@dataclass(slots=True)
class Probe:
    """Sends requests by operation and counts what was asked."""

    interface: Interface
    url: str
    http: httpx.AsyncClient
    requests: int = 0

    async def call(
        self,
        operation: ProbedOperation,
        *,
        identifier: object = None,
        query: Mapping[str, Any] | None = None,
        body: JsonValue = None,
    ) -> Exchange:
        """One request; `identifier` fills the operation's only path parameter."""
        path = operation.path
        if identifier is not None:
            path = path[: path.index("{")] + str(identifier) + path[path.index("}") + 1 :]
        return await self.send(operation.key, operation.method, path, query=query, body=body)

    async def send(
        self,
        key: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | str | None = None,
        body: JsonValue = None,
    ) -> Exchange:
        """One request to a path below the base URL. Raises Unmet when nothing answers."""
        text = query if isinstance(query, str) else urlencode(_texts(query or {}))
        url = self.url + path + (f"?{text}" if text else "")
        content = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"} if content is not None else {}
        self.requests += 1
        try:
            reply = await self.http.request(method, url, content=content, headers=headers)
        except httpx.HTTPError as error:
            seen = f"{type(error).__name__}: {error}"
            raise Unmet(
                Finding(
                    rule="",
                    message="the provider did not answer",
                    operation=key,
                    expected="a reply",
                    seen=seen,
                    reproduce=curl(method, url, body),
                )
            ) from error
        return Exchange(
            operation=key,
            method=method,
            url=url,
            sent=body,
            status=reply.status_code,
            headers=reply.headers,
            content=reply.content,
        )


def curl(method: str, url: str, body: JsonValue) -> str:
    """The command line that repeats a request."""
    words = ["curl", "-X", method]
    if body is not None:
        words += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    return shlex.join([*words, url])


def clipped(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + f"... ({len(text)} characters)"


def _texts(query: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in query.items()}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
