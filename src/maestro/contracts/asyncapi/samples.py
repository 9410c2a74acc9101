"""Messages that fit their contract, the same ones for the same number."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from maestro.contracts.asyncapi.checking import MessageCheck
from maestro.contracts.asyncapi.locations import placed_at
from maestro.contracts.asyncapi.model import EventMessage, MessageExample
from maestro.contracts.samples import Sampler
from maestro.domain.values import JsonObject, JsonValue
from maestro.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleMessage:
    message: EventMessage
    payload: JsonValue
    headers: JsonObject


class EventSampler:
    """Samples one message: its examples that fit first, then what the schemas allow."""

    def __init__(self, message: EventMessage) -> None:
        self.message = message
        self._check = MessageCheck(message)

    def sample(self, variant: int = 0) -> SampleMessage:
        """Raises InvalidInput where the message cannot be judged, or nothing fits its schemas."""
        if self.message.unverifiable:
            raise InvalidInput(
                f"message {self.message.name!r} is unverifiable: {self.message.unverifiable}"
            )
        if variant < len(self._examples):
            return self._examples[variant]
        made = self._made(variant - len(self._examples))
        problems = self._check.problems(made.payload, made.headers)
        if problems:
            raise InvalidInput(f"message {self.message.name!r}: no sample fits: {problems[0]}")
        return made

    def unfit_examples(self) -> Iterator[tuple[MessageExample, str]]:
        """Examples that are not handed out, with what is wrong with them."""
        for example in self.message.examples:
            made = self._of_example(example)
            problems = self._check.problems(made.payload, made.headers)
            if problems:
                yield example, str(problems[0])

    @cached_property
    def _examples(self) -> tuple[SampleMessage, ...]:
        made = [self._of_example(example) for example in self.message.examples]
        return tuple(s for s in made if not self._check.problems(s.payload, s.headers))

    def _of_example(self, example: MessageExample) -> SampleMessage:
        made = self._made(0, example)
        payload = example.payload if example.has_payload else made.payload
        headers = example.headers if example.headers is not None else made.headers
        return SampleMessage(message=self.message, payload=payload, headers=headers)

    def _made(self, variant: int, example: MessageExample | None = None) -> SampleMessage:
        """Only the parts that an example leaves out are sampled."""
        payload: JsonValue = None
        headers: JsonValue = {}
        if example is None or not example.has_payload:
            payload = self._payload.sample(variant=variant)
        if self.message.has_headers and (example is None or example.headers is None):
            headers = self._headers.sample(variant=variant)
        return SampleMessage(
            message=self.message,
            payload=payload,
            headers=headers if isinstance(headers, dict) else {},
        )

    @cached_property
    def _payload(self) -> Sampler:
        schema = self.message.payload
        if schema is True:
            schema = {"type": "object"} if self.message.is_json else {"type": "string"}
        return Sampler(schema, name="")

    @cached_property
    def _headers(self) -> Sampler:
        return Sampler(self.message.headers, name="")


def with_value(sample: SampleMessage, location: str, value: JsonValue) -> SampleMessage | None:
    """The sample with a value written at a runtime expression, None where it would no longer fit
    its schemas.
    """
    payload, headers = placed_at(location, value, sample.payload, sample.headers)
    if MessageCheck(sample.message).problems(payload, headers):
        return None
    return SampleMessage(message=sample.message, payload=payload, headers=headers)
