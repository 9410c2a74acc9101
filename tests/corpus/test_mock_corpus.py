"""Documents that others wrote, all served at once by a process that must not die.

Every operation is asked once as its document wants it, the reply held against the document by a
validator that shares nothing with the mock; then every server gets what no client should send.
"""

import contextlib
import functools
import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
from jsonschema.validators import extend
from referencing import Registry
from referencing.jsonschema import DRAFT4, DRAFT202012

from maestro.contracts.exports.planned_requests import PlannedRequest, RestContract
from maestro.contracts.openapi.bundling import standalone, without_marked
from maestro.contracts.openapi.operations import Operation
from maestro.contracts.reading import read_contract

ROOT = Path(os.environ.get("MAESTRO_CORPUS", Path(__file__).parents[2] / "../shared/corpus"))
PROGRAM = Path(__file__).parents[1] / "support" / "corpus_host.py"
DOCUMENTS = sorted(
    path
    for folder in ("openapi", "graphql", "asyncapi", "proto")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".json", ".yaml", ".yml", ".graphql", ".proto")
)
pytestmark = pytest.mark.timeout(900)
PATIENCE = 5.0
"""Seconds for which the servers wait for the rest of a request."""

ANSWER = 20.0
"""Seconds for a reply: fewer than idle connections last, so that one without an end is seen."""

NOT_SERVED = {
    "no mock server": 2,  # schemas
    "it is not known what kind of contract": 6,  # so are they; and other parts of documents
    "must be Input Type": 1,
    "lies outside of": 5,
    "cannot be read: No such file": 5,
    "is not among the contract's own files": 1,  # Google's common ones come with the set-up
    "declares no service": 5,
}
"""Why documents are refused as a whole, and how many: parts of others, and incomplete ones."""

NO_VALUE = {
    "discriminators.json POST /potentially-undefined-formData",
    "schema-types.json PUT /anything/quirks/polymorphism",
    "schema-types.json PATCH /anything/quirks/polymorphism",
}
"""Operations whose bodies no value can be: a text and an integer at once."""

UNSATISFIABLE = {"readme.json"}
"""Documents with errors that must be exactly one of two equal schemas."""


@dataclass(frozen=True, slots=True)
class Served:
    path: Path
    format: str
    port: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Running:
    process: subprocess.Popen[str]
    served: tuple[Served, ...]
    refused: Mapping[Path, str]
    stderr: Path

    def of(self, written: str) -> list[Served]:
        return [one for one in self.served if one.format == written]

    def check(self, why: object) -> None:
        """It lives, and no request has made it write a traceback."""
        assert self.process.poll() is None, f"the process died at {why}: {self.stderr.read_text()}"
        assert self.stderr.read_text() == "", why


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    stderr = tmp_path_factory.mktemp("host") / "stderr.txt"
    with stderr.open("w") as told:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(PATIENCE)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=told, text=True,
        )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write("".join(f"{path}\n" for path in DOCUMENTS) + "\n")
        process.stdin.flush()
        lines = [json.loads(line) for line in iter(process.stdout.readline, "{}\n") if line]
        yield Running(
            process,
            tuple(
                Served(Path(e["path"]), e["format"], e["port"], tuple(e["addresses"]))
                for e in lines
                if "port" in e
            ),
            {Path(e["path"]): e["refused"] for e in lines if "refused" in e},
            stderr,
        )
        process.stdin.close()
        assert process.wait(60) == 0, stderr.read_text()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    kind: str
    body: bytes
    impossible: bool = False
    """The mock says that no value satisfies the schema."""

    @property
    def is_json(self) -> bool:
        return self.kind.endswith(("/json", "+json"))


class Caller:
    """One connection to one mock server, and what it answers."""

    def __init__(self, server: Served) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=ANSWER)

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Reply:
        self._connection.request(method, target, body, dict(headers))
        with self._connection.getresponse() as reply:
            kind = (reply.headers.get("content-type") or "").partition(";")[0].strip().lower()
            return Reply(reply.status, kind, reply.read(), "x-maestro-warning" in reply.headers)


@dataclass(frozen=True, slots=True)
class Target:
    """A good request of one server; what is bad about others is one thing each."""

    server: Served
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None

    def ask(self, caller: Caller, **more: str) -> Reply:
        return caller.ask(self.method, self.target, {**self.headers, **more}, self.body)

    def status(self, body: bytes | None = None, *, more: str = "", **changed: str) -> int:
        """On a connection of its own."""
        headers = {**self.headers, **{k.replace("_", "-"): v for k, v in changed.items()}}
        with Caller(self.server) as caller:
            sent = self.body if body is None else body
            return caller.ask(self.method, self.target + more, headers, sent).status

    def head(self, **changed: str) -> bytes:
        """Without the line that ends it."""
        named = {key.replace("_", "-"): value for key, value in changed.items()}
        lines = [f"{self.method} {self.target} HTTP/1.1", "host: a"]
        lines += [f"{name}: {value}" for name, value in {**self.headers, **named}.items()]
        return ("\r\n".join(lines) + "\r\n").encode("latin-1")


def _target(server: Served, rest: RestContract, planned: PlannedRequest) -> Target:
    body = planned.body if planned.content_type else None
    method, target = planned.operation.method, rest.api.base + planned.target
    return Target(server, method, target, planned.sent_headers, body)


# Replies held against the source of a document, as its own version of JSON Schema means it.


def _type(validator: Any, types: Any, value: Any, schema: Any) -> Iterator[Any]:
    if types == "file" or (value is None and (schema.get("nullable") or schema.get("x-nullable"))):
        return
    yield from jsonschema.Draft4Validator.VALIDATORS["type"](validator, types, value, schema)


def _required(validator: Any, required: Any, value: Any, schema: Any) -> Iterator[Any]:
    properties = schema.get("properties", {})
    needed = [n for n in required if not (properties.get(n) or {}).get("writeOnly")]
    shared = jsonschema.Draft202012Validator.VALIDATORS["required"]
    yield from shared(validator, needed, value, schema)


OLD: Any = extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft4Validator, {"type": _type, "required": _required}
)
NEW: Any = extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, {"required": _required}
)


class Source:
    """A document as it was written."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self._swagger = "swagger" in root
        old = self._swagger or str(root["openapi"]).startswith("3.0")
        self._class = OLD if old else NEW
        dialect = DRAFT4 if old else DRAFT202012
        resource = dialect.create_resource(root)
        self._registry: Registry[Any] = Registry().with_resource("urn:document", resource)

    def response(self, operation: Operation, status: int) -> tuple[Any, str] | None:
        """The description of a reply and where it stands."""
        path = next(p for p in self.root["paths"] if p.strip() == operation.path)
        item, place = self._at(self.root["paths"][path], ("paths", path))
        method = operation.method.lower()
        found, place = self._at(item[method], (*place, method))
        known = found.get("responses", {})
        for key in (str(status), f"{status // 100}XX", "default"):
            if key in known:
                made, at = self._at(known[key], (*place, "responses", key))
                if self._swagger:
                    kinds = found.get("produces", self.root.get("produces", []))
                    made = {"kinds": kinds, **made}
                return made, _pointer(at)
        return None

    def schema(self, response: Any, place: str, kind: str) -> str | None:
        """Where the schema of a body stands; "" where there is none, None for unknown types."""
        if self._swagger:
            known = any(_plain(k) in (kind, "*/*") for k in response["kinds"]) or (
                not response["kinds"] and kind == "application/json"
            )
            return (f"{place}/schema" if "schema" in response else "") if known else None
        content = response.get("content", {})
        for wanted in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
            for key, media in content.items():
                if _plain(key) == wanted:
                    return f"{place}/content/{_escaped(key)}/schema" if "schema" in media else ""
        return None

    def fits(self, place: str, value: Any, *, formats: bool) -> bool:
        checker = self._class.FORMAT_CHECKER if formats else None
        validator = self._class(
            {"$ref": f"urn:document#{place}"}, registry=self._registry, format_checker=checker
        )
        return bool(validator.is_valid(value))

    def _at(self, node: Any, place: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
        while "$ref" in node:
            assert node["$ref"].startswith("#/"), node
            place = tuple(
                part.replace("~1", "/").replace("~0", "~") for part in node["$ref"][2:].split("/")
            )
            node = self.root
            for part in place:
                node = node[part]
        return node, place


def _plain(kind: str) -> str:
    return kind.partition(";")[0].strip().lower()


def _escaped(part: str) -> str:
    return quote(part.replace("~", "~0").replace("/", "~1"), safe="~")


def _pointer(parts: Sequence[str]) -> str:
    return "".join(f"/{_escaped(part)}" for part in parts)


@dataclass(slots=True)
class Tally:
    asked: int = 0
    with_schema: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    unasked: dict[str, str] = field(default_factory=dict)
    only_errors: int = 0
    """Answered with an empty success by operations whose documents describe none."""
    unsatisfiable: list[str] = field(default_factory=list)
    """Replies that the mock itself calls impossible, as no value fits their schemas."""
    explained: int = 0
    """Errors with problem details where the document describes no body."""
    undocumented: list[str] = field(default_factory=list)
    other_kinds: list[str] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)
    format_misfits: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        right = self.with_schema - len(self.misfits)
        with_formats = right - len(self.format_misfits)
        return (
            f"{self.asked} operations asked, {len(self.unasked)} refused; statuses "
            f"{dict(sorted(self.statuses.items()))}; of {self.with_schema} replies with a schema "
            f"{right} fit it, {with_formats} with formats; {len(self.undocumented)} undocumented "
            f"statuses, {len(self.other_kinds)} undocumented media types; {self.only_errors} "
            f"operations describe errors only, {len(self.unsatisfiable)} replies no value fits, "
            f"{self.explained} errors are described without body"
        )


def _judge(tally: Tally, name: str, rest: RestContract, asked: Operation, reply: Reply) -> None:
    source = Source(rest.contract.specification)
    described = source.response(asked, reply.status)
    tally.statuses[reply.status] += 1
    told = f"{name}: {reply.status} {reply.kind} {reply.body[:300]!r}"
    if described is None:
        if reply.body or reply.status not in (200, 201, 204) or _describes_success(asked):
            tally.undocumented.append(told)
        else:
            tally.only_errors += 1
    elif reply.body:
        place = source.schema(*described, reply.kind)
        if reply.status >= 400 and reply.kind == "application/problem+json" and not place:
            tally.explained += not described[0].get("content")
        elif place is None:
            tally.other_kinds.append(told)
        elif place and reply.impossible:
            tally.unsatisfiable.append(told)
        elif place and reply.is_json:
            tally.with_schema += 1
            _hold(tally, told, (source, place, _as_we_read_it(rest, asked, reply)), reply)


def _hold(tally: Tally, told: str, schema: tuple[Source, str, Any], reply: Reply) -> None:
    """Against the document itself, and against the 2020-12 that the product makes of it."""
    source, place, ours = schema
    value = json.loads(reply.body)
    for formats, misfits in ((False, tally.misfits), (True, tally.format_misfits)):
        checker = jsonschema.Draft202012Validator.FORMAT_CHECKER if formats else None
        read = jsonschema.Draft202012Validator(ours, format_checker=checker)
        if not (source.fits(place, value, formats=formats) and read.is_valid(value)):
            misfits.append(told)
            return


def _describes_success(operation: Operation) -> bool:
    return any(status[0] in "23d" for status in operation.responses)


def _as_we_read_it(rest: RestContract, asked: Operation, reply: Reply) -> Any:
    """The same schema in the one dialect that the product works with."""
    known = asked.responses
    status = next(
        s for s in (str(reply.status), f"{reply.status // 100}XX", "default") if s in known
    )
    content = known[status].content
    kinds = (reply.kind, f"{reply.kind.partition('/')[0]}/*", "*/*")
    media = next(content[key] for kind in kinds for key in content if _plain(key) == kind)
    return without_marked(standalone(rest.document, media.schema), "writeOnly")


def _refusal(reply: Reply) -> None:
    """Says why, for people and programs."""
    assert 400 <= reply.status < 600, reply
    assert reply.kind == "application/problem+json", reply
    problem = json.loads(reply.body)
    assert problem["status"] == reply.status
    assert problem["detail"]


@functools.cache
def _rest(path: Path) -> RestContract:
    return RestContract(read_contract(path), what="requests are")


def _asked(tally: Tally, preferred: Tally, server: Served) -> None:
    rest = _rest(server.path)
    with Caller(server) as caller:
        for raw, operation in rest.operations():
            name = f"{server.path.name} {raw.key}"
            target = rest.api.base + raw.path.replace("{", "").replace("}", "")
            if isinstance(operation, str):
                reply = caller.ask(raw.method, quote(target), {})
                _refusal(reply)
                tally.unasked[name] = f"{reply.status}: {operation}"
                continue
            planned = rest.planned(operation)
            if isinstance(planned, str):
                kind = {"content-type": "application/json"}
                reply = caller.ask(raw.method, quote(target), kind, b"{}")
                _refusal(reply)
                tally.unasked[name] = f"{reply.status}: {planned}"
                continue
            good = _target(server, rest, planned)
            tally.asked += 1
            _judge(tally, name, rest, operation, good.ask(caller))
            for status in operation.responses:
                if status.isdigit() and int(status) >= 200:
                    reply = good.ask(caller, prefer=f"code={status}")
                    assert reply.status == int(status), (name, reply)
                    preferred.asked += 1
                    _judge(preferred, f"{name} as {status}", rest, operation, reply)


def test_every_document_is_served_or_refused_with_a_reason(running: Running) -> None:
    assert len(DOCUMENTS) >= 165, f"few documents below {ROOT}; set MAESTRO_CORPUS"
    assert len(running.served) + len(running.refused) == len(DOCUMENTS)
    reasons = {
        path: next((why for why in NOT_SERVED if why in told), told)
        for path, told in running.refused.items()
    }
    assert Counter(reasons.values()) == NOT_SERVED, reasons
    for server in running.served:
        assert server.addresses, server
        with Caller(server) as caller:
            listed = caller.ask("GET", "/__maestro/routes", {})
            assert listed.status == 200, (server, listed)
            assert json.loads(listed.body), server
    running.check("the list of routes")


def test_every_operation_answers_as_its_document_says(running: Running) -> None:
    valid, preferred = Tally(), Tally()
    for server in running.of("openapi"):
        _asked(valid, preferred, server)
        running.check(server.path)
    sys.stdout.write(f"as documented: {valid}\nevery documented status: {preferred}\n")
    without = {name for name, why in valid.unasked.items() if "leads outside" not in why}
    assert without == NO_VALUE, valid.unasked
    assert len(valid.unasked) - len(without) <= 8, valid.unasked
    assert valid.asked >= 730
    assert valid.with_schema >= 300, valid
    assert max(valid.statuses) < 500, valid
    assert valid.unsatisfiable == []
    assert {name.partition(" ")[0] for name in preferred.unsatisfiable} <= UNSATISFIABLE
    for tally in (valid, preferred):
        assert tally.undocumented == [], tally
        assert tally.other_kinds == [], tally
        assert len(tally.misfits) / tally.with_schema <= 0.005, tally.misfits
        broken = [*tally.misfits, *tally.format_misfits]
        assert len(broken) / tally.with_schema <= 0.02, broken


# What no client should send. The second of each pair says what has to come back.

BAD_HEADS = (
    (b"GET /%FF%FE HTTP/1.1\r\nhost: a\r\n\r\n", (400, 404)),
    (b"GET /\xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n", (400, 404)),
    (b"GET /" + b"a/" * 20_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", (400, 404)),
    (b"GET /../../etc/passwd HTTP/1.1\r\nhost: a\r\n\r\n", (400, 404)),
    (b"BREW / HTTP/1.1\r\nhost: a\r\n\r\n", (400,)),
    (b"\x16\x03\x01\x02\x00\x01\x00", (400,)),
    (b"\r\n\x00\r\n\r\n", (400,)),
    (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 70_000 + b"\r\n\r\n", (431,)),
    (b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: a\r\n" * 20_000 + b"\r\n", (431,)),
    (b"GET / HTTP/1.1\r\nx: " + b"a" * 70_000, (431,)),
    (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n", (400,)),
    (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", (400, 404, 405)),
    (b"GET / HTTP/1.1\r\nhost: a\r\nx-maestro-consumer: ../../x\r\n\r\n", (400,)),
)
BAD_JSON = (
    b"",
    b"\xff\xfe",
    b'{"a": "\xff"}',
    b"[" * 200_000,
    b'{"a":' * 400 + b"1" + b"}" * 400,
    b'{"a": 1e999}',
    b"nothing of the kind",
)
BAD_MULTIPART = (
    b"nothing of the kind",
    b"--x\r\n\r\nno headers\r\n--x--",
    b"--x\r\ncontent-disposition: \x00\xff;;=\r\n\r\na\r\n--x--",
    b"--x" * 50_000,
)
BAD_ACCEPT = ("foo", ";;,/;q=", "application/json;q=0, text/nothing")
BAD_QUERIES = ("%FF=1", "a=1&" * 1_100)
LARGE = 100 * 1024 * 1024


def _said(port: int, parts: Iterable[bytes]) -> int:
    """The status that comes back, which a sender hears only after it has sent all."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the answer may be there already
        return _status(connection)


def _status(connection: socket.socket) -> int:
    head = connection.recv(4_000)
    while b"\r\n" not in head:
        more = connection.recv(4_000)
        assert more, head
        head += more
    return int(head.split(b" ")[1])


def _targets(server: Served) -> tuple[Target | None, Target | None]:
    """A request whose reply is JSON and one with JSON of its own, where there are such."""
    if server.format == "graphql":
        both = Target(
            server, "POST", "/graphql", {"content-type": "application/json"},
            b'{"query": "{ __typename }"}',
        )  # fmt: skip
        return both, both
    rest = _rest(server.path)
    answered = told = None
    for _, operation in rest.operations():
        planned = operation if isinstance(operation, str) else rest.planned(operation)
        if isinstance(planned, str):
            continue
        good = planned.reply.status < 300
        if answered is None and good and planned.reply.body:
            answered = _target(server, rest, planned)
        body = planned.operation.body
        if told is None and good and body and body.required and "json" in planned.content_type:
            told = _target(server, rest, planned)
        if answered is not None and told is not None:
            break
    return answered, told


@contextlib.contextmanager
def _begun(port: int, head: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(head)
        yield connection


def _hostile(server: Served) -> Iterator[tuple[object, int]]:
    """What was sent, and what came back."""
    for sent, expected in BAD_HEADS:
        status = _said(server.port, [sent])
        assert status in expected, (server.path, sent[:80], status)
        yield sent[:80], status
    if server.format == "asyncapi":
        return
    answered, told = _targets(server)
    if answered is not None:
        yield from _hostile_heads(answered)
    if told is not None:
        yield from _hostile_bodies(told)
    good = answered or told
    assert good is None or good.status() < 300, good


def _hostile_heads(good: Target) -> Iterator[tuple[object, int]]:
    for accept in BAD_ACCEPT:
        yield f"accept: {accept}", good.status(accept=accept)
    sign = "&" if "?" in good.target else "?"
    for query in BAD_QUERIES if good.server.format == "openapi" else ():
        yield query[:20], good.status(more=sign + query)


def _hostile_bodies(good: Target) -> Iterator[tuple[object, int]]:
    for body in BAD_JSON:
        yield body[:30], good.status(body)
    for body in BAD_MULTIPART:
        yield body[:30], good.status(body, content_type="multipart/form-data; boundary=x")
    yield "no boundary", good.status(b"--\r\n", content_type="multipart/form-data")
    yield "bytes in a header", good.status(b"{}", content_type="\xff\xfe")


def test_hostile_requests_get_4xx(running: Running) -> None:
    asked, wrong = 0, []
    for server in running.served:
        for sent, status in _hostile(server) if server.format != "protobuf" else ():
            asked += 1
            if not 400 <= status < 500:
                wrong.append((server.path.name, sent, status))
        running.check(server.path)
    sys.stdout.write(f"{asked} hostile requests\n")
    assert asked >= 2_500
    assert wrong == []


def _with_bodies(running: Running) -> list[Target]:
    """One target of each kind of document and version, and some more."""
    chosen: dict[str, Target] = {}
    for server in (*running.of("graphql"), *running.of("openapi")):
        _, told = _targets(server)
        if told is not None:
            chosen.setdefault(f"{server.format} {server.path.parent}", told)
    return list(chosen.values())


def test_bodies_that_are_too_large_or_never_come_get_4xx(running: Running) -> None:
    targets = _with_bodies(running)
    assert len(targets) >= 6, targets
    large = f"{LARGE}"
    with contextlib.ExitStack() as stack:
        slow = [
            stack.enter_context(_begun(t.server.port, t.head(content_length="100") + b"\r\n{"))
            for t in targets
        ]
        slow += [
            stack.enter_context(_begun(t.server.port, t.head(transfer_encoding="chunked")))
            for t in targets  # not even the head ends
        ]
        for target in targets:
            head = target.head(content_length=large) + b"\r\n"
            chunks = itertools.repeat(b"[" * 1_048_576, LARGE // 1_048_576)
            assert _said(target.server.port, itertools.chain([head], chunks)) == 413, target
            running.check(target)
        assert {_status(connection) for connection in slow} == {408}
    for target in targets:
        assert target.status() < 500  # 409 where it was made before
    running.check("slow bodies")


def test_noise_does_not_end_a_server_of_procedures(running: Running) -> None:
    servers = running.of("protobuf")
    assert len(servers) >= 5
    for server in servers:
        port = int(server.addresses[0].rpartition(":")[2])
        for noise in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 10_000, b"PRI * HTTP/2.0\r\n\r\nSM"):
            with _begun(port, noise):
                pass
        with _begun(port, b""):
            pass  # it still listens
        with Caller(server) as caller:
            assert caller.ask("GET", "/__maestro/routes", {}).status == 200
    running.check("noise")
