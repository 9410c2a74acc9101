"""Whatever is sent to a mock server, it answers with 4xx and goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from maestro.contracts.mocks.host import MockHost
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.values import ContractId

NOTE = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
FORM = {"multipart/form-data": {"schema": NOTE}}
CONTRACT = Contract(
    id=ContractId("notes"),
    name="Notes",
    kind=ContractKind.REST,
    version="1.0.0",
    provider="provider",
    component="notes",
    consumers=(),
    format=SpecificationFormat.OPENAPI,
    specification={
        "openapi": "3.1.0",
        "info": {"title": "Notes", "version": "1"},
        "paths": {
            "/notes": {
                "get": {
                    "responses": {
                        "200": {
                            "description": "",
                            "content": {"application/json": {"schema": {"const": "fine"}}},
                        }
                    }
                },
                "post": {
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": NOTE}, **FORM},
                    },
                    "responses": {"201": {"description": "made"}},
                },
            }
        },
    },
    deliverables=(),
    acceptance=(),
)

HEAD = b"POST /notes HTTP/1.1\r\nhost: a\r\ncontent-type: "
JSON = HEAD + b"application/json\r\n"


def whole(head: bytes, body: bytes) -> bytes:
    return head + b"content-length: %d\r\n\r\n%s" % (len(body), body)


def multipart(text: bytes) -> bytes:
    return whole(HEAD + b"multipart/form-data; boundary=x\r\n", text)


Talk = Callable[[MockHost], Awaitable[None]]


def with_host(
    talk: Talk, contract: Contract = CONTRACT, behaviour: MockBehaviour | None = None
) -> None:
    async def run() -> None:
        async with MockHost([contract], behaviour=behaviour) as host:
            await talk(host)
            reply = await said(host, b"GET /notes HTTP/1.1\r\nhost: a\r\n\r\n")
            assert reply.startswith(b"HTTP/1.1 200 "), reply  # it goes on

    asyncio.run(run())


async def said(host: MockHost, request: bytes, *, end: bool = False) -> bytes:
    """The head and start of what comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
    try:
        writer.write(request)
        if end:
            writer.write_eof()
        return await asyncio.wait_for(reader.read(4_000), 60)
    finally:
        writer.close()


HOSTILE = [
    (b"GET /notes HTTP/1.1\r\nhost: a\r\naccept: foo\r\n\r\n", 406),
    (b"GET /notes HTTP/1.1\r\nhost: a\r\naccept: ;;,/;q=\r\n\r\n", 406),
    (multipart(b'--x\r\ncontent-disposition: form-data; name="no"\r\n\r\na\r\n--x--'), 422),
    (multipart(b"--x\r\n\r\nno headers\r\n--x--"), 400),
    (multipart(b"--x\r\ncontent-disposition: \x00\xff;;=\r\n\r\na\r\n--x--"), 400),
    (multipart(b"nothing of the kind"), 400),
    (multipart(b"--x" * 50_000), 400),
    (whole(HEAD + b"multipart/form-data\r\n", b"--\r\n"), 400),
    (whole(JSON, b'{"text": "\xff\xfe"}'), 400),
    (whole(JSON, b"[" * 200_000), 400),
    (whole(JSON, b'{"text":' * 300 + b"1" + b"}" * 300), 400),
    (whole(JSON, b'{"text": 1e999}'), 400),
    (whole(JSON, b'{"text": "a"' + b" " * 1_100_000 + b"}"), 413),
    (whole(HEAD + b"text/plain; charset=none\r\n", b"a"), 415),
    (whole(HEAD + b"\xff\xfe\r\n", b"a"), 415),
    (b"GET /%FF%FE HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    (b"GET /\xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    (b"GET /notes?%FF=1&a=%ZZ HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    (b"GET /notes?" + b"a=1&" * 1_100 + b" HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    (b"GET /" + b"a/" * 20_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", 404),
    (b"BREW /notes HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    (b"TRACE /notes HTTP/1.1\r\nhost: a\r\n\r\n", 405),
    (b"\x16\x03\x01\x02\x00\x01\x00", 400),
    (b"GET /notes HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 70_000 + b"\r\n\r\n", 431),
    (b"GET /notes HTTP/1.1\r\nhost: a\r\n" + b"x: a\r\n" * 20_000 + b"\r\n", 431),
    (b"GET /notes HTTP/1.1\r\nx: " + b"a" * 70_000, 431),
    (JSON + b"content-length: -1\r\n\r\n", 400),
    (JSON + b"content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef", 400),
    (JSON + b"transfer-encoding: chunked\r\n\r\nzz\r\n", 400),
    (b"GET /notes HTTP/1.1\r\nhost: a\r\nprefer: fault=x\r\n\r\n", 400),
    (b"GET /notes HTTP/1.1\r\nhost: a\r\nprefer: delay=99999999\r\n\r\n", 400),
    (b"GET /notes HTTP/1.1\r\nhost: a\r\nx-maestro-consumer: ../../x\r\n\r\n", 400),
    (b"GET /__maestro/../../etc/passwd HTTP/1.1\r\nhost: a\r\n\r\n", 404),
    (whole(b"POST /__maestro/faults HTTP/1.1\r\nhost: a\r\n", b"[["), 400),
    (whole(b"POST /__maestro/faults HTTP/1.1\r\nhost: a\r\n", b'{"kind":"x"}'), 400),
]


def test_hostile_requests_get_4xx() -> None:
    async def talk(host: MockHost) -> None:
        for request, status in HOSTILE:
            reply = await said(host, request)
            assert reply.startswith(b"HTTP/1.1 %d " % status), (request[:100], reply[:300])
            good = await said(host, b"GET /notes HTTP/1.1\r\nhost: a\r\n\r\n")
            assert good.startswith(b"HTTP/1.1 200 "), (request[:100], good[:300])

    with_host(talk)


def test_a_hundred_megabytes_are_refused_and_not_kept() -> None:
    async def talk(host: MockHost) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
        size, part = 100 * 1024 * 1024, b" " * (1024 * 1024)
        writer.write(JSON + b"content-length: %d\r\n\r\n" % size)
        for _ in range(100):
            writer.write(part)
            await writer.drain()
        assert (await reader.read(100)).startswith(b"HTTP/1.1 413 ")
        writer.close()
        (call,) = host.calls()
        assert (call.status, call.valid, call.request_body) == (413, False, None)

    with_host(talk)


def test_bodies_and_heads_that_do_not_come_are_given_up() -> None:
    async def talk(host: MockHost) -> None:
        slow = await said(host, JSON + b'content-length: 50\r\n\r\n{"text"')
        assert slow.startswith(b"HTTP/1.1 408 "), slow
        head = await said(host, b"GET /notes HTTP/1.1\r\nhost: a\r\nx: ")
        assert head.startswith(b"HTTP/1.1 408 "), head
        assert (await said(host, b"")).startswith(b"HTTP/1.1 408 ")

    with_host(talk, behaviour=MockBehaviour(patience=0.2))


def test_clients_that_leave_early_are_no_trouble() -> None:
    async def talk(host: MockHost) -> None:
        for request in (b"G", JSON, JSON + b"content-length: 9\r\n\r\n{", whole(JSON, b"{}")):
            _, writer = await asyncio.open_connection("127.0.0.1", host.port)
            writer.write(request)
            writer.transport.abort()

    with_host(talk)


def test_pipelined_requests_are_answered_in_order() -> None:
    async def talk(host: MockHost) -> None:
        good = whole(JSON, b'{"text":"a"}')
        bad = whole(JSON, b"{}")
        get = b"GET /notes HTTP/1.1\r\nhost: a\r\n\r\n"
        waits = b"GET /notes HTTP/1.1\r\nhost: a\r\nprefer: delay=20\r\n\r\n"
        last = b"GET /none HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        for _ in range(2):  # the second time some are known already
            reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
            writer.write(good + bad + waits + get + good[:40])
            await writer.drain()
            writer.write(good[40:] + last)
            reply = await asyncio.wait_for(reader.read(), 20)
            statuses = [part[:3] for part in reply.split(b"HTTP/1.1 ")[1:]]
            assert statuses == [b"201", b"422", b"200", b"200", b"201", b"404"]
            writer.close()

    with_host(talk)


def test_several_requests_at_once_are_not_taken_for_one_that_is_known() -> None:
    async def talk(host: MockHost) -> None:
        get = b"GET /notes HTTP/1.1\r\nhost: a\r\n\r\n"
        missing = b"GET /none HTTP/1.1\r\nhost: a\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
        for chunk, count in ((get, 1), (get * 3, 3), (missing + get, 2), (get + get[:9], 1)):
            for _ in range(3):
                writer.write(chunk)
                reply = b""
                while reply.count(b"HTTP/1.1 ") < count or not reply.endswith((b'"fine"', b"}")):
                    reply += await asyncio.wait_for(reader.read(4_000), 20)
                assert reply.count(b"HTTP/1.1 ") == count
                if chunk.endswith(get[:9]):
                    writer.write(get[9:])
                    assert (await reader.read(4_000)).startswith(b"HTTP/1.1 200 ")
        writer.close()
        assert len(host.calls()) == 3 * (1 + 3 + 2 + 2)

    with_host(talk)


def test_header_values_of_a_contract_cannot_split_a_reply() -> None:
    header = {"required": True, "schema": {"const": "a\r\nx-evil: 1"}}
    content = {"a/b\r\nx-evil: 1": {"schema": {"const": "x"}}}
    reply = {"description": "", "headers": {"X-One": header}, "content": content}
    paths = {
        "/notes": CONTRACT.specification["paths"]["/notes"],
        "/split": {"get": {"responses": {"200": reply}}},
    }
    contract = replace(CONTRACT, specification={**CONTRACT.specification, "paths": paths})

    async def talk(host: MockHost) -> None:
        for extra in (b"", b"origin: http://a\r\n"):  # both ways through the server
            raw = await said(host, b"GET /split HTTP/1.1\r\nhost: a\r\n" + extra + b"\r\n")
            assert raw.startswith(b"HTTP/1.1 200 "), raw
            assert b"\r\nx-evil" not in raw

    with_host(talk, contract)
