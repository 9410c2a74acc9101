"""A validating proxy in front of a real provider: both sides are held to the contract.

Nothing passes unchecked: a request that breaks the contract is refused and not sent on, a reply
that breaks it is replaced by 502, and both name every violation in the body, in a header and in
the record.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager

import httpx

from maestro.contracts.mocks.checking import ReplyChecker
from maestro.contracts.mocks.compiling import CompiledOperation, ServedApi
from maestro.contracts.mocks.messages import (
    MockReply,
    MockRequest,
    Refused,
    Violation,
    dump,
    problem_reply,
)
from maestro.contracts.mocks.recording import AnsweredRequest, CallRecorder
from maestro.contracts.mocks.rest import RestSurface, chosen_operation
from maestro.contracts.mocks.routes import path_below, written
from maestro.contracts.mocks.surface import (
    MockBehaviour,
    MockRoute,
    MockSurface,
    Receive,
    Record,
    Scope,
    Send,
)
from maestro.contracts.mocks.wire import BodyRefused, read_body_of, request_of, send_reply
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.errors import InvalidInput

VIOLATIONS = "x-maestro-violations"
MAX_REPLY = 16 * 1024 * 1024
SECONDS = 30.0

_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
     "transfer-encoding", "upgrade", "content-length", "host", "expect")
)  # fmt: skip
_OURS = frozenset(("x-maestro-consumer", "prefer", "accept-encoding"))


@asynccontextmanager
async def proxying(
    target: str, behaviour: MockBehaviour, record: CallRecorder
) -> AsyncIterator[Callable[[Contract, str], MockSurface]]:
    """What makes the surfaces of a host that stands in front of `target`.

    Raises:
        InvalidInput: `target` is no http or https URL.
    """
    try:
        url = httpx.URL(target)
    except (httpx.InvalidURL, TypeError) as error:
        raise InvalidInput(f"--proxy {target!r} is no URL: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidInput(f"--proxy {target!r} has to be an http or https URL")
    async with httpx.AsyncClient(
        timeout=SECONDS, follow_redirects=False, trust_env=False, headers={}
    ) as client:

        def make(contract: Contract, consumer: str) -> MockSurface:
            check_proxied(contract)
            return ProxySurface(contract, behaviour, record, consumer, url, client)

        yield make


def check_proxied(contract: Contract) -> None:
    """Raises InvalidInput for a kind of contract whose calls are not checked on their way."""
    if contract.format is not SpecificationFormat.OPENAPI:
        raise InvalidInput(
            f"contract {contract.id!r} is {contract.kind.value!r}, and --proxy checks calls of "
            "OpenAPI contracts only: serve it without --proxy, and hold its provider against it "
            "with: maestro contracts verify FILE --url URL"
        )


class ProxySurface:
    """One contract, one consumer, in front of the provider itself."""

    def __init__(
        self,
        contract: Contract,
        behaviour: MockBehaviour,
        record: Record,
        consumer: str,
        target: httpx.URL,
        client: httpx.AsyncClient,
        api: ServedApi | None = None,
    ) -> None:
        """Raises InvalidInput for a document whose paths cannot be read."""
        self._rest = RestSurface(contract, behaviour, record, consumer, api=api)
        self._parts = (contract, behaviour, record)
        self._target = target
        self._client = client
        self._checkers: dict[str, ReplyChecker] = {}

    @property
    def roots(self) -> Sequence[str]:
        return self._rest.roots

    def routes(self) -> Sequence[MockRoute]:
        return self._rest.routes()

    def specification(self) -> tuple[str, bytes]:
        return self._rest.specification()

    def reset(self) -> None:
        """The provider's memory is its own."""

    def examine(self) -> Iterator[str]:
        return self._rest.examine()

    def notes(self) -> Sequence[str]:
        return self._rest.notes()

    def for_consumer(self, consumer: str) -> "ProxySurface":
        contract, behaviour, record = self._parts
        return ProxySurface(
            contract, behaviour, record, consumer, self._target, self._client, self._rest.api
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        request = request_of(scope)
        try:
            if b"content-length" in request.headers or b"transfer-encoding" in request.headers:
                request.body = await read_body_of(
                    request, receive, patience=self._parts[1].patience
                )
            handled = await self._handled(request)
        except BodyRefused as error:
            handled = _refused(request, error.refused, "", "request")
        self._rest.keep(handled)
        await send_reply(send, request, handled.reply)

    async def _handled(self, request: MockRequest) -> AnsweredRequest:
        key = ""
        try:
            match = self._rest.found(request)
            raw = chosen_operation(match, request.method)
            if raw is None:
                return AnsweredRequest(request, MockReply(status=204), valid=True)
            key = raw.key
            compiled = self._rest.api.ready(raw)
            compiled.credentials.check(request)
            validator = compiled.validator
            read = validator.read(request, validator.read_address(request, match.arguments))
        except Refused as refused:
            return _refused(request, refused, key, "request")
        except InvalidInput as error:  # fails closed: what cannot be checked does not pass
            return _refused(
                request, Refused(502, f"{key} cannot be checked: {error}"), key, "contract"
            )
        handled = await self._asked(compiled, request)
        handled.body = read.body
        return handled

    async def _asked(self, compiled: CompiledOperation, request: MockRequest) -> AnsweredRequest:
        key = compiled.key
        try:
            status, headers, body = await self._sent_on(request)
        except httpx.TimeoutException:
            return _refused(
                request, Refused(504, f"the provider took more than {SECONDS:g} s"), key, ""
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            detail = f"the provider could not be asked: {type(error).__name__}: {error}"
            return _refused(request, Refused(502, detail), key, "")
        except Refused as refused:
            return _refused(request, refused, key, "reply")
        checker = self._checkers.get(key)
        if checker is None:
            checker = ReplyChecker(self._rest.api.document, compiled.operation)
            self._checkers[key] = checker
        try:
            found = checker.violations(status, dict(headers), body)
        except InvalidInput as error:
            found = (Violation("contract", f"{error} (usable)"),)
        if found:
            first = found[0]
            detail = f"the provider broke the contract: {first.pointer} {first.detail}"
            return _refused(request, Refused(502, detail, found), key, "reply")
        kept = tuple((name, value) for name, value in headers if name != "content-type")
        reply = MockReply(
            status=status, body=body, content_type=dict(headers).get("content-type", ""),
            headers=kept,
        )  # fmt: skip
        return AnsweredRequest(request, reply, key, True)

    async def _sent_on(self, request: MockRequest) -> tuple[int, list[tuple[str, str]], bytes]:
        """Raises Refused (502) for a reply that is too large."""
        own = self._target.path.rstrip("/")  # a path of the provider's stands for the contract's
        below = path_below(self._rest.api.base, request.path) or ""
        path = written(own) + below if own else request.path
        raw = path + (f"?{request.query}" if request.query else "")
        url = self._target.copy_with(raw_path=raw.encode("latin-1"))
        headers = [
            (name, value)
            for name, value in request.headers.items()
            if (text := name.decode("latin-1")) not in _HOP and text not in _OURS
        ]
        headers.append((b"accept-encoding", b"identity"))
        asked = self._client.stream(request.method, url, headers=headers, content=request.body)
        async with asked as response:
            parts: list[bytes] = []
            size = 0
            async for part in response.aiter_bytes():
                size += len(part)
                if size > MAX_REPLY:
                    raise Refused(502, f"the provider's reply has more than {MAX_REPLY} bytes")
                parts.append(part)
            return response.status_code, _open(response.headers), b"".join(parts)


def _open(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """End-to-end headers, in small letters."""
    shown = [(name.lower(), value) for name, value in headers.items()]
    hidden = _HOP | {"date", "server", "content-encoding", "access-control-allow-origin"}
    return [(name, value) for name, value in shown if name not in hidden]


def _refused(request: MockRequest, refused: Refused, key: str, side: str) -> AnsweredRequest:
    told = [{"pointer": v.pointer, "detail": v.detail[:200]} for v in refused.violations[:10]]
    text = dump(told or [{"pointer": side, "detail": refused.detail[:200]}]).decode()
    header = text if text.isascii() else text.encode("ascii", "backslashreplace").decode()
    refused.headers = (*refused.headers, (VIOLATIONS, header[:4_000]))
    problem = f"{side}: {refused.detail}" if side else refused.detail
    return AnsweredRequest(request, problem_reply(refused), key, False, problem)
