"""GraphQL requests to the built provider; every reply is looked at."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from graphql import GraphQLError, GraphQLSchema, parse

from maestro.contracts.mock_marker import MOCK_NAME
from maestro.contracts.verification.graphql_requests import GraphqlRequest
from maestro.contracts.verification.graphql_results import (
    Deviation,
    ResultChecker,
    envelope_deviations,
    errors_of,
    is_broken,
)
from maestro.contracts.verification.probe import curl
from maestro.domain.contract import Finding
from maestro.errors import InvalidInput

ACCEPT = "application/graphql-response+json, application/json;q=0.9"
MAX_REPLY = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphqlReply:
    """One answered request."""

    request: GraphqlRequest
    status: int
    headers: Mapping[str, str]
    body: Any
    """The JSON object, None where the reply is none."""
    text: str
    curl: str

    @property
    def data(self) -> Any:
        return self.body.get("data") if isinstance(self.body, dict) else None

    @property
    def errors(self) -> list[dict[str, Any]]:
        return errors_of(self.body)

    def value(self) -> Any:
        """What the only root field answered; None when there was an error."""
        data = self.data
        return next(iter(data.values()), None) if isinstance(data, dict) else None

    def shown(self) -> str:
        return f"{self.status} {self.text[:250]}".strip()

    def finding(self, rule: str, message: str, expected: str, seen: str = "") -> Finding:
        return Finding(
            rule=rule,
            message=message,
            operation=self.request.operation,
            expected=expected,
            seen=seen or self.shown(),
            reproduce=self.curl,
        )


@dataclass(slots=True)
class GraphqlProbe:
    """Sends requests, counts them and keeps what was wrong with the replies."""

    url: str
    http: httpx.AsyncClient
    schema: GraphQLSchema
    requests: int = 0
    answered: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)

    async def refuse_mock(self) -> None:
        """Raises InvalidInput when one of our own mocks answers."""
        reply = await self._post({"query": "{ __typename }"})
        if reply is not None and MOCK_NAME in reply.headers:
            raise InvalidInput(
                f"{self.url} is a mock of Maestro; verify the real provider, not what stands in "
                "for it"
            )

    async def answers(self) -> bool:
        """Whether a GraphQL server is there at all."""
        reply = await self._post({"query": "{ __typename }"})
        if reply is None:
            return False
        body = _json(reply.content)
        return isinstance(body, dict) and ("data" in body or "errors" in body)

    def line(self, request: GraphqlRequest) -> str:
        """The command that sends a request."""
        return curl("POST", self.url, request.body())

    async def ask(
        self, request: GraphqlRequest, *, judged: bool = True, operation_name: str | None = None
    ) -> GraphqlReply | None:
        """One request. None, with a finding, when nothing answers.

        Args:
            request: what to send.
            judged: also hold the data against the schema.
            operation_name: which operation of the document to carry out.
        """
        body = request.body()
        if operation_name:
            body["operationName"] = operation_name
        reply = await self._post(body)
        line = curl("POST", self.url, body)
        if reply is None:
            self.findings.append(
                Finding(
                    rule="answers",
                    message="the provider did not answer",
                    operation=request.operation,
                    expected="a reply",
                    seen="the connection broke",
                    reproduce=line,
                )
            )
            return None
        body = _json(reply.content)
        found = GraphqlReply(
            request=request,
            status=reply.status_code,
            headers=reply.headers,
            body=body,
            text=reply.content[:2000].decode("utf-8", "replace"),
            curl=line,
        )
        self._judge(found, judged=judged, operation_name=operation_name)
        return found

    async def raw(
        self, operation: str, method: str, content: bytes, headers: Mapping[str, str], query: str
    ) -> GraphqlReply | None:
        """A request that is none, or one that is sent in an unusual way."""
        url = f"{self.url}?{query}" if query else self.url
        self.requests += 1
        try:
            reply = await self.http.request(method, url, content=content, headers=dict(headers))
        except httpx.HTTPError:
            return None
        body = _json(reply.content)
        line = f"curl -i -X {method} {url!r}"
        if content:
            line += f" -H 'content-type: application/json' -d {content.decode()!r}"
        return GraphqlReply(
            request=GraphqlRequest(operation=operation, query=content.decode("utf-8", "replace")),
            status=reply.status_code,
            headers=reply.headers,
            body=body if isinstance(body, dict) else None,
            text=reply.content[:2000].decode("utf-8", "replace"),
            curl=line,
        )

    async def _post(self, body: Mapping[str, Any]) -> httpx.Response | None:
        self.requests += 1
        headers = {"content-type": "application/json", "accept": ACCEPT}
        try:
            return await self.http.post(self.url, content=json.dumps(body), headers=headers)
        except httpx.HTTPError:
            return None

    def _judge(
        self, reply: GraphqlReply, *, judged: bool, operation_name: str | None = None
    ) -> None:
        self.answered.add(reply.request.operation)
        content_type = reply.headers.get("content-type", "")
        deviations = envelope_deviations(reply.status, content_type, reply.body, reply.text)
        broken = is_broken(reply.body)
        if broken and reply.status < 500:
            message = "the provider calls its own error an internal one"
            deviations.append(Deviation("server_error", message, "no internal error", broken[:200]))
        if judged and isinstance(reply.data, dict):
            try:
                document = parse(reply.request.query)
            except GraphQLError:
                document = None
            if document is not None:
                checker = ResultChecker(self.schema)
                deviations += checker.deviations(document, reply.data, operation_name)
        for deviation in deviations:
            self.findings.append(
                reply.finding(deviation.rule, deviation.message, deviation.expected, deviation.seen)
            )


def _json(content: bytes) -> Any:
    if len(content) > MAX_REPLY:
        return None
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
