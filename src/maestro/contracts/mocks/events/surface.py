"""Serves one AsyncAPI contract: WebSocket and server-sent events on each channel's address."""

from collections.abc import Iterator, Sequence

from maestro.contracts.asyncapi.addresses import ServedAddress
from maestro.contracts.mocks.events.exchange import (
    EVERY,
    check_path,
    deny,
    refuse,
    reply,
)
from maestro.contracts.mocks.events.player import EventPlayer
from maestro.contracts.mocks.events.publishing import take_demand, take_post
from maestro.contracts.mocks.events.socket import SocketExchange
from maestro.contracts.mocks.events.stage import EventStage
from maestro.contracts.mocks.events.stream import StreamExchange
from maestro.contracts.mocks.messages import Refused
from maestro.contracts.mocks.surface import MockBehaviour, MockRoute, Receive, Record, Scope, Send
from maestro.domain.contract import Contract

DEMAND = "/__maestro/publish"
"""Behind an address: makes the application publish there now."""


class EventsSurface:
    """Fulfils `MockSurface`; also says what is amiss, and serves further consumers."""

    def __init__(
        self,
        contract: Contract,
        behaviour: MockBehaviour,
        record: Record,
        consumer: str = "",
        *,
        player: EventPlayer | None = None,
    ) -> None:
        """Raises InvalidInput for what is no readable AsyncAPI contract with channels."""
        self.stage = EventStage(contract, behaviour, record, consumer, player=player)
        self._said = dict.fromkeys(self.stage.player.model.notes)

    @property
    def roots(self) -> Sequence[str]:
        addresses = self.stage.player.addresses
        return tuple(sorted({self.stage.base + served.template.root for served in addresses}))

    def routes(self) -> Sequence[MockRoute]:
        return tuple(r for served in self.stage.player.addresses for r in self._routes(served))

    def specification(self) -> tuple[str, bytes]:
        player = self.stage.player
        kind = f"application/vnd.aai.asyncapi+json;version={player.document.version}.0"
        return kind, player.specification()

    def reset(self) -> None:
        """Forgets what was published; listeners stay."""
        self.stage.reset()

    def examine(self) -> Iterator[str]:
        for said in self.stage.player.examine():
            if said:
                self._said[said] = None
            yield said

    def notes(self) -> Sequence[str]:
        return tuple(self._said)

    def for_consumer(self, consumer: str) -> "EventsSurface":
        stage = self.stage
        return EventsSurface(
            stage.contract, stage.behaviour, stage.record, consumer, player=stage.player
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        try:
            check_path(scope)
            if path.endswith(DEMAND):
                await take_demand(self.stage, path.removesuffix(DEMAND), method, receive, send)
                return
            meeting = self.stage.meeting(path)
            if method == "OPTIONS":
                await reply(send, 204, headers={"allow": _allowed(meeting.served)})
            elif method in ("GET", "HEAD") and meeting.served.speaks:
                await StreamExchange(self.stage, meeting, scope, receive, send).run()
            elif method == "POST" and meeting.served.listens:
                await take_post(self.stage, meeting, scope, receive, send)
            else:
                allowed = _allowed(meeting.served)
                raise Refused(
                    405, f"{method} is not allowed here: {allowed}", headers=(("allow", allowed),)
                )
        except Refused as refused:
            self.stage.keep(
                None,
                path=path.removeprefix(self.stage.base),
                method=method,
                protocol="sse" if method == "GET" else "http",
                status=refused.status,
                valid=refused.keeps_contract,
                problem=refused.detail,
            )
            await refuse(send, refused)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        try:
            check_path(scope)
            meeting = self.stage.meeting(scope["path"])
            exchange = SocketExchange(self.stage, meeting, scope, receive, send)
            exchange.check_handshake()
        except Refused as refused:
            self.stage.keep(
                None,
                path=scope["path"].removeprefix(self.stage.base),
                method="SUBSCRIBE",
                protocol="websocket",
                status=refused.status,
                valid=False,
                problem=refused.detail,
            )
            await deny(scope, send, refused)
            return
        await exchange.run()

    def _routes(self, served: ServedAddress) -> Iterator[MockRoute]:
        path = self.stage.base + served.template.path
        names = ", ".join(message.name for message in served.sent)
        summary = next((c.summary for c in served.channels if c.summary), "").partition("\n")[0]
        said = served.unverifiable or summary
        yield MockRoute(protocol="websocket", method="GET", path=path, summary=said)
        if served.speaks:
            detail = f"publishes {names}; ?{EVERY}=seconds" if names else "answers"
            yield MockRoute(protocol="sse", method="GET", path=path, summary=detail)
            yield MockRoute(
                protocol="http", method="POST", path=path.rstrip("/") + DEMAND, summary="on demand"
            )
        if served.listens:
            taken = ", ".join(message.name for message in served.received)
            yield MockRoute(protocol="http", method="POST", path=path, summary=f"takes {taken}")


def _allowed(served: ServedAddress) -> str:
    reading = ["GET", "HEAD"] if served.speaks else []
    return ", ".join([*reading, *(["POST"] if served.listens else []), "OPTIONS"])
