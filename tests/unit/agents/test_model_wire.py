"""Models through the SDKs of their providers, against the double that speaks their wire formats.

The double is a test double (tests/support/model_double.py); no model answers here.
"""

import asyncio
import json
import threading
import time

import pytest
from model_double import Asked, ModelDouble, Says, serving

from maestro.agents.models.names import model_name
from maestro.agents.models.provider import ProviderModel
from maestro.domain.models import (
    AnswerEnd,
    ModelAnswer,
    ModelProfile,
    ModelQuestion,
    Price,
    ToolCall,
    ToolOutcome,
    ToolSpec,
    Turn,
)
from maestro.errors import InvalidInput, ModelFailed

KEYS = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"), "sk-very-secret")
TOOL = ToolSpec(
    name="write_file",
    description="Write.",
    schema={"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
)
WIRES = ("server", "openai", "anthropic", "google")


def model(double: ModelDouble, wire: str, **profile: object) -> ProviderModel:
    name = {
        "server": f"{double.url}#some-model",
        "openai": "openai:gpt-5-mini",
        "anthropic": "anthropic:claude-sonnet-4-6",
        "google": "google:gemini-2.5-flash",
    }[wire]
    base = {"server": None, "openai": double.url}.get(wire, double.root)
    return ProviderModel(
        model_name(name),
        ModelProfile(base_url=base, **profile),  # type: ignore[arg-type]
        KEYS,
    )


def question(text: str = "hello", **more: object) -> ModelQuestion:
    return ModelQuestion(instructions="Our rules.", turns=(Turn(text=text),), **more)  # type: ignore[arg-type]


def asked_of(wire: str, says: Says, asking: ModelQuestion) -> tuple[ModelAnswer, Asked]:
    with serving(lambda _: says) as double:
        answer = asyncio.run(model(double, wire).ask(asking))
    return answer, double.asked[-1]


@pytest.mark.parametrize("wire", WIRES)
def test_an_answer_comes_whole_with_its_usage(wire: str) -> None:
    text = "a long answer " * 200
    answer, asked = asked_of(wire, Says(text=text, tokens=(120, 34)), question())
    assert answer.text == text
    assert (answer.input_tokens, answer.output_tokens) == (120, 34)
    assert answer.end is AnswerEnd.COMPLETE
    assert asked.wire == (wire if wire in ("anthropic", "google") else "openai")
    # before it the SDK may say how it frames what is no system message of ours
    assert asked.system.endswith("Our rules.")
    assert text not in asked.system
    assert wire == "google" or asked.body["stream"] is True  # there the address says it


@pytest.mark.parametrize("wire", WIRES)
def test_tool_calls_and_their_outcomes_go_both_ways(wire: str) -> None:
    says = Says(text="I write.", calls=(("write_file", {"path": "a.py"}),))
    answer, asked = asked_of(wire, says, question(tools=(TOOL,)))
    assert asked.tools == ("write_file",)
    (call,) = answer.calls
    assert (call.name, call.arguments) == ("write_file", {"path": "a.py"})
    turns = (
        Turn(text="go"),
        Turn(text="I write.", calls=answer.calls, by_model=True),
        Turn(outcomes=(ToolOutcome(call_id=call.id, name=call.name, text="done"),)),
    )
    following = ModelQuestion(instructions="Our rules.", turns=turns, tools=(TOOL,))
    _, asked = asked_of(wire, Says(text="fine"), following)
    assert "done" in asked.last
    assert len(asked.messages) == 3


@pytest.mark.parametrize("wire", ["server", "openai"])
def test_arguments_that_are_no_json_are_handed_on_as_text(wire: str) -> None:
    answer, _ = asked_of(wire, Says(calls=(("write_file", "{not json"),)), question(tools=(TOOL,)))
    assert answer.calls[0].arguments == "{not json"
    assert isinstance(answer.calls[0], ToolCall)


def test_a_schema_is_sent_to_be_kept() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "maxLength": 5}},
        "required": ["a"],
        "additionalProperties": False,
    }
    _, asked = asked_of("server", Says(text='{"a": "b"}'), question(schema=schema))
    sent = asked.body["response_format"]["json_schema"]["schema"]
    assert sent["properties"]["a"]["maxLength"] == 5


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("finish", "end"), [("length", AnswerEnd.CUT_OFF), ("refusal", AnswerEnd.REFUSED)]
)
def test_a_cut_off_answer_and_a_refusal_are_told_apart(
    wire: str, finish: str, end: AnswerEnd
) -> None:
    answer, _ = asked_of(wire, Says(text="I will", finish=finish), question())
    assert answer.end is end


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("fault", ["cut", "garbage"])
def test_a_broken_stream_is_no_answer(wire: str, fault: str) -> None:
    with serving(lambda _: Says(text="x" * 3000, fault=fault)) as double:
        with pytest.raises(ModelFailed, match=r"no usable answer|broke off") as failed:
            asyncio.run(model(double, wire).ask(question()))
    assert not failed.value.unpaid
    assert len(double.asked) == 1, "what may have been paid is not sent again"


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_provider_that_is_busy_is_asked_again(wire: str, status: int) -> None:
    says = iter([Says(status=status), Says(text="now")])
    with serving(lambda _: next(says)) as double:
        answer = asyncio.run(model(double, wire).ask(question()))
    assert answer.text == "now"
    assert len(double.asked) == 2


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("status", [408, 500, 502, 504])
def test_a_gateway_that_gave_up_may_have_been_paid(wire: str, status: int) -> None:
    with serving(lambda _: Says(status=status)) as double:
        with pytest.raises(ModelFailed, match=str(status)) as failed:
            asyncio.run(model(double, wire).ask(question()))
    assert not failed.value.unpaid
    assert len(double.asked) == 1, "what may have been paid is not sent again"


@pytest.mark.parametrize("wire", WIRES)
def test_a_request_that_is_refused_is_not_sent_again(wire: str) -> None:
    with serving(lambda _: Says(status=400)) as double:
        with pytest.raises(ModelFailed, match="400") as failed:
            asyncio.run(model(double, wire).ask(question()))
    assert failed.value.unpaid
    assert len(double.asked) == 1
    assert "sk-very-secret" not in str(failed.value)


@pytest.mark.parametrize("wire", WIRES)
def test_a_slow_model_is_left_at_its_limit(wire: str) -> None:
    hold = threading.Event()
    with serving(lambda _: Says(text="late", wait=hold)) as double:
        started = time.monotonic()
        with pytest.raises(ModelFailed):
            asyncio.run(model(double, wire, timeout_seconds=0.5).ask(question()))
        hold.set()
    assert time.monotonic() - started < 30
    assert len(double.asked) == 1


@pytest.mark.parametrize("wire", WIRES)
def test_an_answer_that_never_ends_is_given_up(wire: str) -> None:
    with serving(lambda _: Says(text="x" * 3000, fault="drops")) as double:
        with pytest.raises(ModelFailed, match="timed out") as failed:
            asyncio.run(model(double, wire, timeout_seconds=0.5).ask(question()))
    assert not failed.value.unpaid, "what came so far may have been paid for"
    assert len(double.asked) == 1


def test_calls_at_once_are_capped() -> None:
    lock, now, most = threading.Lock(), [0], [0]
    two = threading.Barrier(2, timeout=10)

    def script(asked: Asked) -> Says:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        two.wait()
        with lock:
            now[0] -= 1
        return Says(text="ok")

    async def scenario(double: ModelDouble) -> None:
        one = model(double, "server", concurrent=2)
        await asyncio.gather(*(one.ask(question(str(n))) for n in range(6)))

    with serving(script) as double:
        asyncio.run(scenario(double))
    assert most[0] == 2


def test_costs_are_listed_given_or_unknown() -> None:
    told = Says(text="x", tokens=(1000, 1000))
    listed, _ = asked_of("anthropic", told, question())
    unknown, _ = asked_of("server", told, question())
    with serving(lambda _: told) as double:
        priced = model(double, "server", price=Price(input=1.0, output=2.0))
        given = asyncio.run(priced.ask(question()))
        most, most_cost = priced.ceiling(question())
    assert listed.cost == pytest.approx(0.018)
    assert unknown.cost is None
    assert given.cost == pytest.approx(0.003)
    assert most > 4096
    assert most_cost is not None
    assert most_cost > (given.cost or 0.0)


def test_a_server_that_tells_no_usage_costs_nobody_knows_what() -> None:
    with serving(lambda _: Says(text="x", tokens=(0, 0))) as double:
        priced = model(double, "server", price=Price(input=1.0, output=2.0))
        assert asyncio.run(priced.ask(question())).cost is None


def test_a_provider_needs_its_key_from_the_environment() -> None:
    with pytest.raises(InvalidInput, match="ANTHROPIC_API_KEY"):
        ProviderModel(model_name("anthropic:claude-sonnet-4-6"), ModelProfile(), {})
    with pytest.raises(InvalidInput, match="MY_KEY"):
        ProviderModel(model_name("http://h/v1#m"), ModelProfile(key_variable="MY_KEY"), {})


@pytest.mark.parametrize(
    "text",
    [
        "", "gpt-5", "openai:", "mistral:large", "http://host/v1", "http://#m", "http://h:99999/v1#m",
        "http://user:pw@host/v1#m", "http://h/v1?a=b#m", "openai:a b", "test:double", "x" * 400,
    ],
)  # fmt: skip
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        model_name(text)


def test_the_double_says_what_it_is() -> None:
    with serving(lambda _: Says(text="x")) as double:
        import httpx

        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        reply = httpx.post(f"{double.url}/chat/completions", json=body, trust_env=False)
    assert reply.headers["x-test-double"] == "yes"
    assert json.loads(reply.text.split("data: ")[1])["model"] == "m"
