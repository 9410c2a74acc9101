"""Requests to a REST contract that keep to it: what they do and what is said, also again."""

from collections.abc import Callable
from time import time

from maestro.contracts.mocks.compiling import CompiledOperation
from maestro.contracts.mocks.creating import Creation, in_path
from maestro.contracts.mocks.messages import (
    MockReply,
    MockRequest,
    Refused,
    beginning,
    clean,
    header_lines,
    problem_reply,
)
from maestro.contracts.mocks.preferences import with_applied
from maestro.contracts.mocks.recording import AnsweredRequest, CallOrigin, Kept
from maestro.contracts.mocks.replies import ReplyForm, Wish
from maestro.contracts.mocks.starting import RestMemory
from maestro.contracts.mocks.state import MockState
from maestro.contracts.mocks.surface import Again
from maestro.contracts.mocks.validation import ReadRequest
from maestro.contracts.openapi.resources import ResourceAction
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

Take = Callable[[Kept], None]
"""Records a call."""


class JudgedRequest:
    """A request that was read and keeps to the contract, with all that its reply depends on."""

    __slots__ = ("accept", "base", "compiled", "memory", "read", "request", "wish")

    def __init__(
        self,
        request: MockRequest,
        compiled: CompiledOperation,
        read: ReadRequest,
        accept: str | None,
        wish: Wish | None,
        base: str,
        memory: RestMemory,
    ) -> None:
        """`base` is where the contract's own paths begin."""
        self.request = request
        self.compiled = compiled
        self.read = read
        self.accept = accept
        self.wish = wish
        self.base = base
        self.memory = memory

    def carried_out(self) -> AnsweredRequest:
        """The reply; what the request does is done each time."""
        try:
            reply = self._reply()
        except Refused as refused:
            return refusal(self.compiled, self.request, refused, self.read.body)
        except InvalidInput as error:
            return unusable(self.request, self.compiled.key, error)
        return AnsweredRequest(self.request, reply, self.compiled.key, True, "", self.read.body)

    def _reply(self) -> MockReply:
        compiled, accept, memory = self.compiled, self.accept, self.memory
        if self.wish is not None:
            return with_applied(compiled.writer.wished(self.wish, accept), self.wish)
        if not memory.is_used:
            return compiled.writer.success(accept)
        state = memory.state or memory.begun()
        outcome = state.handle(compiled.key, compiled.operation, self.read)
        if outcome is None:
            return compiled.writer.success(accept)
        location = self.base + outcome.location if outcome.location else ""
        return compiled.writer.success(accept, outcome.action, outcome.value, location)

    def creation(self) -> Creation | None:
        """What it creates in the memory of the moment, if that is all it does."""
        if self.wish is not None or not self.memory.is_used:
            return None
        state, compiled = self.memory.begun(), self.compiled
        return state.creation(compiled.key, compiled.operation, self.read)


def repetition(
    judged: JudgedRequest, call: AnsweredRequest, origin: CallOrigin, take: Take
) -> Again:
    """What answers a request that comes again, without reading and judging it another time.

    `call` is how it was answered just now.
    """
    creation = judged.creation() if call.valid and not call.problem else None
    if creation is not None and creation.place is not None:
        form = judged.compiled.writer.form(judged.accept, ResourceAction.CREATE)
        if form.content is not None and form.tells_location:
            return RepeatedCreation(judged, call, creation, form, origin, take).again
    return Repetition(judged, call, origin, take).again


class Repetition:
    """Carries a request out again. What only reads is answered as before until the memory has
    changed.
    """

    __slots__ = (
        "_call", "_date", "_judged", "_origin", "_size", "_state", "_take", "_version", "_whole",
    )  # fmt: skip

    def __init__(
        self, judged: JudgedRequest, call: AnsweredRequest, origin: CallOrigin, take: Take
    ) -> None:
        self._judged = judged
        self._origin = origin
        self._take = take
        self._state: MockState | None = None
        self._version = -1
        self._date = self._whole = b""
        self._adopt(call)

    def again(self, date: bytes) -> bytes:
        state = self._judged.memory.state
        if state is not self._state or (state is not None and state.version != self._version):
            self._adopt(self._judged.carried_out())
        if date is not self._date:
            self._date = date
            self._whole = self._call.reply.whole(date)
        self._take((self._size, time(), self._origin, self._call, None))
        return self._whole

    def _adopt(self, call: AnsweredRequest) -> None:
        self._call = call
        self._size = call.size
        self._date = b""
        self._state = state = self._judged.memory.state
        only_reads = call.request.method == "GET"
        self._version = state.version if state is not None and only_reads else -1


class RepeatedCreation:
    """Creates one more entry from the same request; of the reply only what tells of the entry is
    another.
    """

    __slots__ = (
        "_before", "_behind", "_body", "_call", "_creation", "_form", "_judged", "_origin", "_size",
        "_state", "_take",
    )  # fmt: skip

    def __init__(
        self,
        judged: JudgedRequest,
        call: AnsweredRequest,
        creation: Creation,
        form: ReplyForm,
        origin: CallOrigin,
        take: Take,
    ) -> None:
        self._judged = judged
        self._call = call
        self._size = call.size - len(call.reply.body)
        self._origin = origin
        self._take = take
        self._form = form
        self._body: Callable[[JsonValue], bytes] | None = None
        self._creation = creation
        self._state = judged.memory.begun()
        before, behind = creation.place or ("", "")
        start = beginning(form.status, form.content_type)
        self._before = b"%slocation: %s" % (start, clean(judged.base + before))
        self._behind = b"%s\r\n%s" % (clean(behind), header_lines(form.located))

    def again(self, date: bytes) -> bytes | None:
        state = self._judged.memory.state
        if state is not self._state:
            return None
        try:
            key, entry = state.create(self._creation)
        except Refused as refused:
            judged = self._judged
            call = refusal(judged.compiled, judged.request, refused, judged.read.body)
            self._take((call.size, time(), self._origin, call, None))
            return call.reply.whole(date)
        body = self._body(entry) if self._body is not None else self._first_body(entry)
        self._take((self._size + len(body), time(), self._origin, self._call, body))
        return b"%s%s%scontent-length: %d\r\ndate: %s\r\n\r\n%s" % (
            self._before, in_path(key).encode(), self._behind, len(body), date, body
        )  # fmt: skip

    def _first_body(self, entry: JsonValue) -> bytes:
        """Looks whether the bodies to come have to be held against the schema, each of them."""
        form = self._form
        is_settled = form.takes_later(entry, self._creation.changing)
        self._body = form.write if is_settled else form.body
        return form.body(entry)


def refusal(
    compiled: CompiledOperation, request: MockRequest, refused: Refused, body: JsonValue
) -> AnsweredRequest:
    reply = compiled.writer.refusal(refused)
    return AnsweredRequest(
        request, reply, compiled.key, refused.keeps_contract, refused.detail, body
    )


def unusable(request: MockRequest, key: str, error: InvalidInput) -> AnsweredRequest:
    """A broken schema spoils its own operation only."""
    refused = Refused(500, f"the contract of {key} cannot be used: {error}")
    return AnsweredRequest(request, problem_reply(refused), key, problem=refused.detail)
