"""Lists page by page, however the document calls the parameters that turn the pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from maestro.contracts.openapi.naming import snake
from maestro.contracts.openapi.operations import Operation, OperationParameter
from maestro.contracts.openapi.resources import ListEnvelope, Resource, ResourceAction
from maestro.contracts.verification.conformance import CURSOR
from maestro.contracts.verification.trials.lab import MAX_PAGES, Lab, MadeEntry, Untestable
from maestro.contracts.verification.trials.wire import Answer, Complaint, Pairs, text_of
from maestro.contracts.verification.values import kinds

LIMIT = ("limit", "per_page", "page_size", "size", "take", "max_results", "page_limit")
OFFSET = ("offset", "skip")
NUMBER = ("page", "page_number", "page_no")
NEXT = ("next_cursor", "next_page_token", "next_token", "continuation_token", "next", "cursor")
PAGING = frozenset({*LIMIT, *OFFSET, *NUMBER, *CURSOR})
LARGEST = 100


@dataclass(slots=True)
class Pager:
    """The list of a resource, and how its pages are turned."""

    lab: Lab
    resource: Resource
    operation: Operation
    envelope: ListEnvelope
    limit: OperationParameter | None
    offset: OperationParameter | None
    number: OperationParameter | None
    cursor: OperationParameter | None

    @classmethod
    def of(cls, lab: Lab, resource: Resource) -> "Pager | None":
        operation = lab.api.action(resource, ResourceAction.LIST)
        if operation is None or resource.envelope is None or not resource.id_field:
            return None
        named = {snake(p.name): p for p in operation.in_location("query")}

        def first(names: Sequence[str]) -> OperationParameter | None:
            return next((named[name] for name in names if name in named), None)

        return cls(
            lab=lab,
            resource=resource,
            operation=operation,
            envelope=resource.envelope,
            limit=first(LIMIT),
            offset=first(OFFSET),
            number=first(NUMBER),
            cursor=first(CURSOR),
        )

    @classmethod
    def required(cls, lab: Lab, resource: Resource) -> "Pager":
        pager = cls.of(lab, resource)
        if pager is None:
            raise Untestable(f"the document has no list of {resource.name} that can be read")
        return pager

    async def page(self, values: Mapping[str, Any], query: Pairs = ()) -> tuple[Answer, list[Any]]:
        answer = await self.lab.ask(self.operation, values, query=query)
        if answer.status in (401, 403):
            raise Untestable(f"{self.operation.key} wants credentials that are not known")
        if not answer.ok:
            raise self.wrong(
                answer, "positive_data_acceptance", "a valid request is refused", expected="2xx"
            )
        return answer, self.items(answer)

    def items(self, answer: Answer) -> list[Any]:
        body = answer.json()
        if self.envelope.items is not None and isinstance(body, Mapping):
            body = body.get(self.envelope.items)
        if not isinstance(body, list):
            raise Untestable(f"{self.operation.key} answers no list")  # its schema is complained of
        return body

    def total(self, answer: Answer) -> int | None:
        """What the reply counts, None where it counts nothing."""
        body = answer.json()
        name = self.envelope.total
        found = body.get(name) if name and isinstance(body, Mapping) else None
        return found if isinstance(found, int) else None

    def next(self, answer: Answer) -> str | None:
        body = answer.json()
        if not isinstance(body, Mapping):
            return None
        for name, value in body.items():
            if snake(str(name)) in NEXT and isinstance(value, str) and value:
                return value
        return None

    def largest(self) -> int | None:
        """The greatest page that may be asked for."""
        if self.limit is None:
            return None
        most = self.lab.api.plain(self.limit.schema).get("maximum", LARGEST)
        return int(min(most, LARGEST)) if isinstance(most, int | float) else LARGEST

    async def everything(
        self, values: Mapping[str, Any], query: Pairs = (), *, size: int | None = None
    ) -> tuple[Answer, list[Any]]:
        """The last reply and all items. Raises Untestable where there are too many pages."""
        size = size or self.largest()
        asked = [*query, *([(self.limit.name, str(size))] if self.limit and size else [])]
        answer, items = await self.page(values, asked)
        whole = list(items)
        for turned in range(1, MAX_PAGES):
            more = self.turn(answer, turned, len(items), size)
            if more is None:
                return answer, whole
            answer, items = await self.page(values, [*asked, more])
            known = set(self.ids(whole))
            if items and known.issuperset(self.ids(items)):
                raise self.wrong(
                    answer, "pages_join", f"{more[0]} does not turn the page",
                    expected="entries that no page before had", seen=f"{self.ids(items)[:20]}",
                )  # fmt: skip
            whole += items
        raise Untestable(f"{self.operation.key} has more than {MAX_PAGES} pages")

    def turn(
        self, answer: Answer, turned: int, got: int, size: int | None
    ) -> tuple[str, str] | None:
        """The parameter that asks for the next page, None after the last one."""
        if self.cursor is not None:
            following = self.next(answer)
            return (self.cursor.name, following) if following is not None and got else None
        full = size is not None and got >= size
        if not full:
            return None
        if self.offset is not None:
            return self.offset.name, str(turned * (size or got))
        if self.number is not None:
            first = self.lab.api.plain(self.number.schema).get("minimum", 1)
            return self.number.name, str(int(first) + turned)
        return None

    def id_of(self, item: Any) -> Any:
        return item.get(self.resource.id_field) if isinstance(item, Mapping) else None

    def ids(self, items: Sequence[Any]) -> list[str]:
        return [text_of(self.id_of(item)) for item in items]

    def has(self, items: Sequence[Any], entry: MadeEntry) -> bool:
        return text_of(entry.id) in self.ids(items)

    def entries(
        self, items: Sequence[Any], entries: Sequence[MadeEntry]
    ) -> list[Mapping[str, Any]]:
        """The listed items that are these entries, in the order of the list."""
        ours = {text_of(entry.id) for entry in entries}
        return [item for item in items if text_of(self.id_of(item)) in ours]

    def wrong(
        self, answer: Answer, rule: str, message: str, *, expected: str, seen: str = ""
    ) -> Complaint:
        return self.lab.wrong(answer, rule, message, expected=expected, seen=seen)

    def narrowing(self) -> list[OperationParameter]:
        """Query parameters that are about entries, not about pages."""
        named = self.operation.in_location("query")
        return [p for p in named if snake(p.name) not in PAGING and kinds(self._plain(p))]

    def _plain(self, parameter: OperationParameter) -> Mapping[str, Any]:
        return self.lab.api.plain(parameter.schema)
