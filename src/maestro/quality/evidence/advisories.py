"""The way out of the sandbox to a service that knows vulnerabilities, and to nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

OSV_URL = "https://api.osv.dev/v1/query"
MAX_QUESTION_BYTES = 64_000
SECONDS = 10.0


@dataclass(slots=True)
class AdvisoryRelay:
    """A loopback port whose questions go to one address, which the asker cannot choose."""

    upstream: str
    port: int = 0
    problem: str = ""
    """Why the service did not answer; empty while it does."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/query"


@asynccontextmanager
async def advisory_relay(upstream: str) -> AsyncIterator[AdvisoryRelay]:
    relay = AdvisoryRelay(upstream)
    async with httpx.AsyncClient(timeout=SECONDS) as client:

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                status, body = await _reply(relay, client, await _question(reader))
            except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                status, body = "400 Bad Request", b"{}"
            head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n"
            try:
                writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
            except ConnectionError:
                return  # the asker has gone
            finally:
                writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        relay.port = server.sockets[0].getsockname()[1]
        async with server:
            yield relay


async def _question(reader: asyncio.StreamReader) -> bytes:
    """The body of a POST. Raises ValueError for anything else."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    length = int(headers.get("content-length", "0"))
    if not request.startswith("POST ") or not 0 < length <= MAX_QUESTION_BYTES:
        raise ValueError("only questions of bounded size are passed on")
    return await reader.readexactly(length)


async def _reply(
    relay: AdvisoryRelay, client: httpx.AsyncClient, question: bytes
) -> tuple[str, bytes]:
    try:
        reply = await client.post(
            relay.upstream, content=question, headers={"content-type": "application/json"}
        )
        reply.raise_for_status()
    except httpx.HTTPError as error:
        relay.problem = str(error) or type(error).__name__
        return "502 Bad Gateway", b"{}"
    return "200 OK", reply.content


async def service_problem(url: str, seconds: float = SECONDS) -> str:
    """Why the service cannot be asked; empty when it answers."""
    question = {"package": {"name": "pyyaml", "ecosystem": "PyPI"}, "version": "5.3"}
    try:
        async with asyncio.timeout(seconds), httpx.AsyncClient(timeout=seconds) as client:
            reply = await client.post(url, json=question)
            reply.raise_for_status()
    except (httpx.HTTPError, TimeoutError) as error:
        return f"{url} does not answer: {str(error) or type(error).__name__}"
    return ""
