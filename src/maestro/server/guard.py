"""What every request and every WebSocket passes before anything answers it: nothing is open that
is not named here.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maestro.errors import MaestroError
from maestro.log_fields import telling
from maestro.server.access import ApiCaller, Recognition
from maestro.server.lasting import while_known, within_a_second
from maestro.server.metrics import ServerFigures
from maestro.server.patience import RequestPatience
from maestro.server.problems import HttpProblem, problem_of, storage_away
from maestro.server.rates import Buckets, Rate

MAX_BODY_BYTES = 1_048_576
WAIT_SECONDS = 10.0
"""In which an answer must begin; what may wait for events gets this much more."""
LONGEST_WAIT = 30.0
OPEN_PATHS = frozenset(
    {"/", "/health", "/health/live", "/health/ready", "/health/startup", "/dashboard"}
)
TOLD_MORE = frozenset({"/health", "/health/ready"})
"""Of those: what tells more to who is recognised."""
TOLD_MORE_SECONDS = 1.0
OPEN_BELOW = "/dashboard/"
"""The page's files: the same for everybody, and without a single fact."""
SUBPROTOCOL = "maestro.v1"
_KEY_PROTOCOL = "maestro.key."
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = _SAFE | {"POST", "PUT", "PATCH", "DELETE"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


_RATE = Rate(per_second=200, burst=800)
_STRANGERS = Rate(per_second=20, burst=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    hosts: frozenset[str]
    """Names under which this server is asked, in small letters and without port."""
    origins: frozenset[str] = frozenset()
    """Of pages of others that may ask, beside our own."""
    rate: Rate = _RATE
    stranger_rate: Rate = _STRANGERS
    """For who is not recognised, by address."""
    recheck_seconds: float = 15.0
    """How often it is asked whether who holds a connection that stays is still who he was."""


class _TooLarge(BaseException):
    """The body is longer than anybody needs; no framework may take that for a malformed one."""


@dataclass(slots=True)
class _Answer:
    """Whether the answer has begun."""

    begun: bool = False
    sized: bool = False
    """Whether it said how long it is."""
    status: int = 0
    at: float = 0.0


class RequestGuard:
    """An ASGI application around the application."""

    def __init__(
        self,
        app: ASGIApp,
        settings: GuardSettings,
        recognition: Recognition,
        away: Callable[[], str | None],
        figures: ServerFigures,
    ) -> None:
        """`away`: why the store cannot be used at the moment, None where it can."""
        self._app = app
        self._settings = settings
        self._recognition = recognition
        self._away = away
        self._figures = figures
        self._buckets = Buckets(settings.rate)
        self._strangers = Buckets(settings.stranger_rate)
        self._patience = RequestPatience()

    def hurry(self) -> None:
        """The store has gone away: no request waits for it any longer."""
        self._patience.end()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        problem = self._misplaced(scope, headers)
        caller: ApiCaller | None = None
        away = self._away()
        if problem is None and not _is_open(scope) and away is not None:
            problem = storage_away(away)
        elif problem is None and not _is_open(scope):
            try:
                async with self._patience.limit(WAIT_SECONDS / 2):
                    caller, problem = await self._recognised(scope, headers)
            except TimeoutError:
                problem = storage_away(self._away() or "the database does not answer in time")
        elif problem is None and scope["path"] in TOLD_MORE:
            caller = await self._known_at_once(scope, headers)
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send, caller, problem)
        else:
            with telling(principal=caller.id if caller else None, path=scope["path"]):
                await self._request(scope, receive, send, caller, problem)

    def _misplaced(self, scope: Scope, headers: Headers) -> HttpProblem | None:
        host = headers.get("host", "")
        if _hostname(host) not in self._settings.hosts:
            return HttpProblem(
                status=421,
                detail=f"this server is not {host!r}",
                hint="start it with --allow-host NAME to be asked under that name",
            )
        origin = headers.get("origin")
        unsafe = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if origin is None or not unsafe or origin in self._settings.origins:
            return None
        if _place(origin) == host.lower():
            return None
        return HttpProblem(status=403, detail=f"pages of {origin!r} may not ask this server")

    async def _recognised(
        self, scope: Scope, headers: Headers
    ) -> tuple[ApiCaller | None, HttpProblem | None]:
        try:
            caller = await self._recognition.caller(_bearer(scope, headers))
        except MaestroError as error:
            return None, problem_of(error)
        client = scope.get("client")
        address = client[0] if client else ""
        if caller is None:
            return None, _limited(self._strangers.take(address)) or _unknown()
        return caller, _limited(self._buckets.take(caller.id))

    async def _known_at_once(self, scope: Scope, headers: Headers) -> ApiCaller | None:
        """Who asks, where that can be told without waiting."""
        try:
            async with asyncio.timeout(TOLD_MORE_SECONDS):
                return (await self._recognised(scope, headers))[0]
        except TimeoutError:
            return None

    async def _socket(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        caller: ApiCaller | None,
        problem: HttpProblem | None,
    ) -> None:
        if problem is None and caller is not None:
            scope.setdefault("state", {})["caller"] = caller
            work = self._app(scope, receive, send)
            known = self._known(scope, caller)
            if not await while_known(work, known, self._settings.recheck_seconds):
                told = "your key or your roles have changed"
                await within_a_second(
                    send, {"type": "websocket.close", "code": 4401, "reason": told}
                )
            return
        await receive()  # the client's wish to connect
        if problem is not None and problem.status in (401, 429, 503):
            # Browsers tell a page why it was refused only once the connection stood.
            offered = scope.get("subprotocols", [])
            chosen = SUBPROTOCOL if SUBPROTOCOL in offered else None
            await send({"type": "websocket.accept", "subprotocol": chosen})
            code = 4401 if problem.status == 401 else 1013
            await send({"type": "websocket.close", "code": code, "reason": problem.detail[:100]})
            return
        await send({"type": "websocket.close", "code": 4403})

    def _known(self, scope: Scope, caller: ApiCaller) -> Callable[[], Awaitable[bool]]:
        """Whether who asked is still recognised as the same; where nobody can tell, he is."""
        bearer = _bearer(scope, Headers(scope=scope))

        async def known() -> bool:
            try:
                async with asyncio.timeout(WAIT_SECONDS / 2):
                    return await self._recognition.caller(bearer) == caller
            except (MaestroError, TimeoutError):
                return True

        return known

    async def _request(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        caller: ApiCaller | None,
        problem: HttpProblem | None,
    ) -> None:
        answer = _Answer()
        began = time.monotonic()
        telling_send = _with_headers(send, answer)
        problem = problem or _unacceptable(scope)
        if problem is None:
            scope.setdefault("state", {})["caller"] = caller
            limited = _limited_body(receive)
            if caller is not None and _streams(scope):
                problem = await self._streamed(scope, limited, telling_send, answer, caller)
            else:
                problem = await self._answered(scope, limited, telling_send, answer)
        if problem is not None:
            await problem.response(scope["path"])(scope, receive, telling_send)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._figures.requests.labels(method, str(answer.status)).inc()
        self._figures.seconds.labels(method).observe((answer.at or time.monotonic()) - began)

    async def _streamed(
        self, scope: Scope, receive: Receive, send: Send, answer: _Answer, caller: ApiCaller
    ) -> HttpProblem | None:
        """As `_answered`, ended when who asked is no longer who he was."""
        problem: HttpProblem | None = None

        async def work() -> None:
            nonlocal problem
            problem = await self._answered(scope, receive, send, answer)

        known = self._known(scope, caller)
        if await while_known(work(), known, self._settings.recheck_seconds):
            return problem
        if not answer.begun:
            return _unknown()
        if not answer.sized:
            await within_a_second(send, {"type": "http.response.body", "body": b""})
        return None

    async def _answered(
        self, scope: Scope, receive: Receive, send: Send, answer: _Answer
    ) -> HttpProblem | None:
        waits = b"wait=" in scope.get("query_string", b"")
        limit = WAIT_SECONDS + (LONGEST_WAIT if waits else 0)
        try:
            waiting = asyncio.timeout(limit) if _is_open(scope) else self._patience.limit(limit)
            async with waiting as clock:

                async def begin(message: Message) -> None:
                    self._patience.forget(clock)
                    clock.reschedule(None)
                    await send(message)

                await self._app(scope, receive, begin)
        except TimeoutError:
            if answer.begun:
                raise
            away = self._away()
            if away is not None:
                return storage_away(away)
            return HttpProblem(status=504, detail=f"no answer within {limit:g} s", retryable=True)
        except _TooLarge:
            return None if answer.begun else _too_large()
        return None


def _is_open(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return False
    path: str = scope["path"]
    return path in OPEN_PATHS or path.startswith(OPEN_BELOW)


def _unknown() -> HttpProblem:
    return HttpProblem(
        status=401,
        detail="say who you are: Authorization: Bearer KEY",
        hint="make a key on the server's machine: maestro keys create NAME --role ROLE",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _streams(scope: Scope) -> bool:
    """Whether what is asked for may go on for long."""
    return "text/event-stream" in Headers(scope=scope).get("accept", "")


def _unacceptable(scope: Scope) -> HttpProblem | None:
    headers = Headers(scope=scope)
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > MAX_BODY_BYTES:
        return _too_large()
    if scope["method"] in ("POST", "PUT", "PATCH"):
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return HttpProblem(
                status=415,
                detail=f"content type {kind!r} is not taken",
                hint="send Content-Type: application/json, with the body {} where there is nothing",
            )
    return None


def _too_large() -> HttpProblem:
    return HttpProblem(status=413, detail=f"the body has more than {MAX_BODY_BYTES} bytes")


def _limited(seconds: float) -> HttpProblem | None:
    if seconds <= 0:
        return None
    return HttpProblem(
        status=429,
        detail="too many requests",
        retryable=True,
        headers={"Retry-After": str(max(1, round(seconds)))},
    )


def _limited_body(receive: Receive) -> Receive:
    read = 0

    async def limited() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MAX_BODY_BYTES:
            raise _TooLarge
        return message

    return limited


def _with_headers(send: Send, answer: _Answer) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.begun, answer.at = True, time.monotonic()
            answer.status = message["status"]
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            answer.sized = "content-length" in headers
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-cache")
            headers.add_vary_header("Authorization")
        await send(message)

    return sending


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:  # such as "["
        return ""


def _place(origin: str) -> str:
    """Host and port of a page."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _bearer(scope: Scope, headers: Headers) -> str | None:
    """What the request carries to show who asks; a page can give its WebSocket only protocols."""
    kind, _, text = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and text.strip():
        return text.strip()
    if kind:
        return ""
    offered: list[Any] = scope.get("subprotocols", []) if scope["type"] == "websocket" else []
    for name in offered:
        if str(name).startswith(_KEY_PROTOCOL):
            return str(name).removeprefix(_KEY_PROTOCOL)
    return None
