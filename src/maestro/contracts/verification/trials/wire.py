"""Requests to the provider; every reply is held against the document, whatever it was asked for."""

import json
import re
import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from maestro.contracts.openapi.operations import Operation
from maestro.contracts.verification.probe import clipped
from maestro.contracts.verification.trials.api import Admission, ApiUnderTest
from maestro.contracts.verification.trials.connections import Connections, NoReply
from maestro.domain.contract import Finding, Severity

Pairs = Sequence[tuple[str, str]]
PLAIN_BODY = 4000
"""Longer bodies are told as an expression."""
_RUN = re.compile(rb"(.)\1{99,}", re.DOTALL)


class Complaint(Exception):
    """The provider does not do what the document says; ends the trial that raises it."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One request before it is sent."""

    operation: Operation
    path: str
    """Filled, below the base path."""
    query: Pairs = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    credentials: Admission | None = None
    """None for those the operation asks for."""
    inside: bool = True
    """Whether the request keeps to the document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    asking: Asking
    url: str
    sent_headers: Mapping[str, str]
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def operation(self) -> Operation:
        return self.asking.operation

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The decoded body, None where there is no JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None

    def shown(self) -> str:
        """Status and the beginning of the body."""
        text = self.content.decode("utf-8", errors="replace")
        return f"{self.status} {clipped(text)}".strip()

    def curl(self) -> str:
        """The command line that repeats the request; long or odd bodies are written by Python."""
        words = ["curl", "-i", "-X", self.operation.method]
        for name, value in self.sent_headers.items():
            words += ["-H", f"{name}: {value}"]
        content = self.asking.content
        if content is None:
            return shlex.join([*words, self.url])
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = "\0"
        if len(text) <= PLAIN_BODY and "\0" not in text:
            return shlex.join([*words, "--data-raw", text, self.url])
        script = f"import sys; sys.stdout.buffer.write({_expression(content)})"
        piped = shlex.join([*words, "--data-binary", "@-", self.url])
        return f"{shlex.join(['python3', '-c', script])} | {piped}"

    def finding(
        self, rule: str, message: str, *, expected: str, seen: str = "", also: Sequence[str] = ()
    ) -> Finding:
        return Finding(
            rule=rule,
            message=message,
            operation=self.operation.key,
            expected=clipped(expected),
            seen=clipped(seen or self.shown()),
            reproduce="\n".join([*also, self.curl()]),
            severity=Severity.ERROR,
        )

    def wrong(
        self, rule: str, message: str, *, expected: str, seen: str = "", also: Sequence[str] = ()
    ) -> Complaint:
        return Complaint(self.finding(rule, message, expected=expected, seen=seen, also=also))


@dataclass(slots=True)
class Wire:
    """Sends, counts, and remembers which statuses every operation gave."""

    api: ApiUnderTest
    url: str
    """Base path included, no slash at the end."""
    connections: Connections
    requests: int = 0
    statuses: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    trail: list[Answer] = field(default_factory=list)
    """The exchanges of the present trial."""

    async def send(self, asking: Asking) -> Answer:
        """Raises Complaint when nothing answers."""
        operation = asking.operation
        given = asking.credentials
        credentials = self.api.credentials(operation) if given is None else given
        headers = {**credentials.headers, **asking.headers}
        if asking.content is not None and "content-type" not in headers:
            headers["content-type"] = self.api.body_type(operation)
        query = urlencode([*asking.query, *credentials.query.items()])
        url = self.url + asking.path + (f"?{query}" if query else "")
        made = Answer(
            asking=asking, url=url, sent_headers=headers, status=0, headers={}, content=b""
        )
        self.requests += 1
        target = url[len(self.connections.origin) :]
        raw = [(k.encode("ascii"), v.encode("latin-1", "replace")) for k, v in headers.items()]
        try:
            reply = await self.connections.request(operation.method, target, raw, asking.content)
        except NoReply as error:
            seen = str(error)
            raise made.wrong("answers", "no reply", expected="a reply", seen=seen) from error
        answer = replace(made, status=reply.status, headers=reply.headers, content=reply.content)
        self.statuses[operation.key].add(answer.status)
        self.trail.append(answer)
        return answer


def filled(path: str, values: Mapping[str, object]) -> str:
    """A path template with its parameters written in."""
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", quote(text_of(value), safe=""))
    return path


def text_of(value: object) -> str:
    """A scalar as it is written in a URL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _expression(content: bytes) -> str:
    """Python for these bytes, with long runs of one byte written as a product."""
    pieces, last = [], 0
    for found in _RUN.finditer(content):
        pieces += [repr(content[last : found.start()]), f"{found[1]!r}*{len(found[0])}"]
        last = found.end()
    pieces.append(repr(content[last:]))
    return "+".join(piece for piece in pieces if piece != "b''") or "b''"
