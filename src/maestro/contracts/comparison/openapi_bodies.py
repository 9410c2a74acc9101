"""Changes of request bodies, responses and their headers."""

from collections.abc import Mapping

from maestro.contracts.comparison.openapi_collecting import (
    BREAKING,
    COMPATIBLE,
    DANGEROUS,
    ChangeBook,
)
from maestro.contracts.comparison.schemas_differences import SchemaDirection
from maestro.contracts.openapi.operations import (
    MediaType,
    Operation,
    OperationParameter,
    OperationResponse,
    RequestBody,
)
from maestro.contracts.openapi.pointers import join

_RESPONSE = SchemaDirection.RESPONSE
_Content = Mapping[str, MediaType]


def compare_body(book: ChangeBook, old: Operation, new: Operation) -> None:
    pointer = join(new.pointer, "requestBody")
    if old.body is None and new.body is None:
        return
    if old.body is None or new.body is None:
        _whole_body(book, old, new)
        return
    if new.body.required is not old.body.required:
        tell = book.asks_more if new.body.required else book.asks_less
        tell(
            f"request-body-became-{'required' if new.body.required else 'optional'}",
            pointer,
            f"the request body is {'now' if new.body.required else 'no longer'} required",
            before=old.body.required,
            after=new.body.required,
        )
    _media_types(book, old.body.content, new.body.content, join(pointer, "content"))
    _schemas(
        book,
        (old.body.content, join(old.pointer, "requestBody", "content")),
        (new.body.content, join(pointer, "content")),
        (book.asking, "request", "Request body"),
    )


def _whole_body(book: ChangeBook, old: Operation, new: Operation) -> None:
    added: RequestBody | None = new.body
    if added is None:
        book.asks_more(
            "request-body-removed",
            join(old.pointer, "requestBody"),
            "a request body is no longer accepted",
            before=sorted(old.body.content) if old.body else None,
            after=None,
        )
        return
    tell = book.asks_more if added.required else book.asks_less
    rule = "required-request-body-added" if added.required else "request-body-added"
    tell(
        rule,
        join(new.pointer, "requestBody"),
        f"{'a required' if added.required else 'an optional'} request body was added",
        before=None,
        after=sorted(added.content),
    )


def _media_types(book: ChangeBook, old: _Content, new: _Content, pointer: str) -> None:
    for kind in old:
        if matching_media(kind, new) is None:
            book.asks_more(
                "request-media-type-removed",
                pointer,
                f"the request body can no longer be {kind}",
                before=kind,
                after=None,
            )
    for kind in new:
        if matching_media(kind, old) is None:
            book.asks_less(
                "request-media-type-added",
                join(pointer, kind),
                f"the request body can now be {kind}",
                before=None,
                after=kind,
            )


def matching_media(kind: str, content: _Content) -> str | None:
    """The entry that speaks of media type `kind`: the same, without parameters, or a wildcard."""
    if kind in content:
        return kind
    plain = {name.partition(";")[0].strip(): name for name in content}
    bare = kind.partition(";")[0].strip()
    for candidate in (bare, f"{bare.partition('/')[0]}/*", "*/*"):
        if candidate in plain:
            return plain[candidate]
    return None


def _schemas(
    book: ChangeBook,
    old: tuple[_Content, str],
    new: tuple[_Content, str],
    said: tuple[SchemaDirection, str, str],
) -> None:
    direction, side, subject = said
    several = len(new[0]) > 1
    for kind, media in old[0].items():
        match = matching_media(kind, new[0])
        if match is None:
            continue
        book.schema(
            (media.schema, join(old[1], kind, "schema")),
            (new[0][match].schema, join(new[1], match, "schema")),
            direction,
            side=side,
            subject=f"{subject} ({match})" if several else subject,
        )


def compare_responses(book: ChangeBook, old: Operation, new: Operation) -> None:
    for status, response in old.responses.items():
        if status not in new.responses:
            _removed(book, old, new, response)
    for status, response in new.responses.items():
        earlier = old.responses.get(status) or _covering(old, status)
        if status not in old.responses:
            _added(book, new, response, covered=earlier is not None)
        if earlier is not None:
            _kept(book, (old, earlier), (new, response))


def _covering(operation: Operation, status: str) -> OperationResponse | None:
    """The range or default under which a status was described before."""
    if status == "default":
        return None
    return operation.responses.get(f"{status[:1]}XX") or operation.responses.get("default")


def _removed(book: ChangeBook, old: Operation, new: Operation, gone: OperationResponse) -> None:
    pointer = join(old.pointer, "responses", gone.status)
    message = f"the response {gone.status} is no longer described"
    if book.provider_calls:
        kind = BREAKING if _covering(new, gone.status) is None else DANGEROUS
        message = f"the answer {gone.status} is no longer accepted"
    elif not gone.status.startswith("2"):
        kind = COMPATIBLE if gone.status != "default" else DANGEROUS
    else:
        kept = any(s.startswith("2") and s in old.responses for s in new.responses)
        kind = DANGEROUS if kept else BREAKING
    success = gone.status.startswith("2")
    rule = "response-success-status-removed" if success else "response-status-removed"
    book.add(kind, rule, pointer, message, before=gone.status)


def _added(book: ChangeBook, new: Operation, made: OperationResponse, *, covered: bool) -> None:
    success = made.status[:1] in "123" and not covered
    kind = DANGEROUS if success and not book.provider_calls else COMPATIBLE
    rule = "response-success-status-added" if made.status[:1] == "2" else "response-status-added"
    verb = "may now be answered" if not covered else "is now described by itself"
    pointer = join(new.pointer, "responses", made.status)
    book.add(kind, rule, pointer, f"{made.status} {verb}", after=made.status)


def _kept(
    book: ChangeBook,
    old: tuple[Operation, OperationResponse],
    new: tuple[Operation, OperationResponse],
) -> None:
    status = new[1].status
    places = (
        join(old[0].pointer, "responses", old[1].status),
        join(new[0].pointer, "responses", status),
    )
    direction = book.asking.flipped
    _answer_media(book, old[1].content, new[1].content, (status, *places))
    _schemas(
        book,
        (old[1].content, join(places[0], "content")),
        (new[1].content, join(places[1], "content")),
        (direction, "response", f"Response {status}"),
    )
    _headers(book, old[1], new[1], places[1])


def _answer_media(
    book: ChangeBook, old: _Content, new: _Content, said: tuple[str, str, str]
) -> None:
    status, before, after = said
    sent = COMPATIBLE if book.provider_calls else BREAKING
    if old and not new:
        message = f"response {status} no longer has a body"
        book.add(sent, "response-body-removed", join(before, "content"), message)
        return
    for kind in old:
        if matching_media(kind, new) is None:
            book.add(
                BREAKING,
                "response-media-type-removed",
                join(before, "content", kind),
                f"response {status} is no longer available as {kind}",
                before=kind,
            )
    for kind in new:
        if matching_media(kind, old) is None:
            book.add(
                COMPATIBLE,
                "response-media-type-added" if old else "response-body-added",
                join(after, "content", kind),
                f"response {status} is now available as {kind}",
                after=kind,
            )


def _headers(book: ChangeBook, old: OperationResponse, new: OperationResponse, place: str) -> None:
    before = {name.lower(): header for name, header in old.headers.items()}
    after = {name.lower(): header for name, header in new.headers.items()}
    for name, header in before.items():
        if name in after:
            _header(book, header, after[name], new.status)
        else:
            book.add(
                BREAKING if header.required and not book.provider_calls else DANGEROUS,
                "response-header-removed",
                header.pointer,
                f"response {new.status} has lost its header `{header.name}`",
                before=header.name,
            )
    for name, header in after.items():
        if name not in before:
            needed = header.required and book.provider_calls
            book.add(
                BREAKING if needed else COMPATIBLE,
                "response-header-added",
                join(place, "headers", header.name),
                f"response {new.status} has the new header `{header.name}`",
                after=header.name,
            )


def _header(
    book: ChangeBook, old: OperationParameter, new: OperationParameter, status: str
) -> None:
    if old.required is not new.required:
        promised = new.required is not book.provider_calls
        book.add(
            COMPATIBLE if promised else BREAKING,
            f"response-header-became-{'required' if new.required else 'optional'}",
            new.pointer,
            f"header `{new.name}` of response {status} is "
            f"{'always' if new.required else 'no longer always'} sent",
            before=old.required,
            after=new.required,
        )
    said = f"Header `{new.name}` of response {status}"
    book.deprecation("response-header", said, old, new)
    book.schema(
        (old.schema, join(old.pointer, "schema")),
        (new.schema, join(new.pointer, "schema")),
        book.asking.flipped,
        side="response-header",
        subject=said,
    )
