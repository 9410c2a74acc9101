"""Documents of version 2 and 3 say the same in one model; broken ones name the place."""

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maestro.contracts.asyncapi.addresses import AddressTemplate
from maestro.contracts.asyncapi.checking import Judge
from maestro.contracts.asyncapi.document import VERSIONS, from_object, load
from maestro.contracts.asyncapi.events import events_of
from maestro.contracts.asyncapi.files import FILES_KEY, read_files
from maestro.contracts.asyncapi.lint import errors_of, lint
from maestro.contracts.asyncapi.model import Direction, EventModel
from maestro.contracts.asyncapi.samples import EventSampler
from maestro.domain.contract import Severity
from maestro.errors import InvalidInput

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "integer"}, "parent": {"$ref": "#/components/schemas/Order"}},
}

SECOND: dict[str, Any] = {
    "asyncapi": "2.6.0",
    "info": {"title": "T", "version": "1.0.0"},
    "servers": {"live": {"url": "wss://example.org:{port}/v1/", "protocol": "wss",
                         "variables": {"port": {"default": "8443"}}}},
    "channels": {
        "orders/{region}": {
            "parameters": {"region": {"schema": {"type": "string", "enum": ["eu", "us"]}}},
            "subscribe": {
                "operationId": "tellOrders",
                "message": {"oneOf": [{"$ref": "#/components/messages/placed"},
                                      {"name": "gone", "payload": {"const": "gone"}}]},
            },
            "publish": {"message": {"$ref": "#/components/messages/placed"}},
        }
    },
    "components": {
        "messages": {
            "placed": {
                "traits": [{"headers": {"type": "object", "required": ["trace"]},
                            "contentType": "application/vnd.x+json"}],
                "contentType": "application/json",
                "correlationId": {"location": "$message.header#/trace"},
                "payload": {"$ref": "#/components/schemas/Order"},
            }
        },
        "schemas": {"Order": ORDER},
    },
}  # fmt: skip

THIRD: dict[str, Any] = {
    "asyncapi": "3.0.0",
    "info": {"title": "T", "version": "1.0.0"},
    "servers": {
        "live": {"host": "example.org:{port}", "pathname": "/v1", "protocol": "wss",
                 "variables": {"port": {"default": "8443"}}},
        "queue": {"host": "example.org", "protocol": "amqp"},
    },
    "channels": {
        "orders": {
            "address": "orders/{region}",
            "servers": [{"$ref": "#/servers/live"}],
            "parameters": {"region": {"enum": ["eu", "us"]}},
            "messages": {
                "placed": {"$ref": "#/components/messages/placed"},
                "gone": {"payload": {"const": "gone"}},
            },
        },
        "answers": {
            "address": None,
            "messages": {"placed": {"$ref": "#/components/messages/placed"}},
        },
    },
    "operations": {
        "tellOrders": {
            "action": "send",
            "channel": {"$ref": "#/channels/orders"},
        },
        "takeOrder": {
            "action": "receive",
            "channel": {"$ref": "#/channels/orders"},
            "messages": [{"$ref": "#/channels/orders/messages/placed"}],
            "reply": {"channel": {"$ref": "#/channels/answers"}},
        },
    },
    "components": copy.deepcopy(SECOND["components"]),
}  # fmt: skip


def model(source: dict[str, Any]) -> EventModel:
    return events_of(from_object(source))


def changed(source: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with the value set at `a.b.c`; `|` in a name stands for a slash."""
    made = copy.deepcopy(source)
    *heads, last = [part.replace("|", "/") for part in path.split(".")]
    target: Any = made
    for head in heads:
        target = target[int(head) if isinstance(target, list) else head]
    target[int(last) if isinstance(target, list) else last] = value
    return made


def test_the_good_documents_have_no_errors() -> None:
    assert errors_of(from_object(SECOND)) == ()
    assert errors_of(from_object(THIRD)) == ()


def test_subscribe_of_version_2_is_what_the_application_sends() -> None:
    told, taken = model(SECOND).operations
    assert (told.key, told.direction) == ("tellOrders", Direction.SEND)
    assert (taken.key, taken.direction) == ("publish orders/{region}", Direction.RECEIVE)
    assert [m.name for m in told.messages] == ["placed", "gone"]


def test_both_versions_promise_the_same_messages() -> None:
    second, third = model(SECOND), model(THIRD)
    one, other = second.channels[0], third.channels[0]
    assert (one.address, other.address) == ("orders/{region}",) * 2
    assert [m.name for m in second.sent_on(one)] == [m.name for m in third.sent_on(other)]
    assert [m.payload for m in second.sent_on(one)] == [m.payload for m in third.sent_on(other)]
    assert one.protocols == other.protocols == ("wss",)
    assert second.servers[0] == third.servers[0]
    assert second.servers[0].path == "/v1"
    assert second.servers[0].host == "example.org:8443"


def test_traits_override_in_version_2_and_yield_in_version_3() -> None:
    assert model(SECOND).operations[0].messages[0].content_type == "application/vnd.x+json"
    placed = model(THIRD).operations[0].messages[0]
    assert placed.content_type == "application/json"
    assert placed.headers["required"] == ["trace"]
    assert placed.correlation == "$message.header#/trace"


def test_a_reply_goes_to_a_channel_whose_address_is_open() -> None:
    reply = model(THIRD).operations[1].reply
    assert reply is not None
    assert reply.channel is not None
    assert reply.channel.open_address
    assert [m.name for m in reply.messages] == ["placed"]


def test_schemas_that_contain_themselves_are_judged() -> None:
    judge = Judge(model(SECOND).operations[0].messages)
    good = {"id": 1, "parent": {"id": 2, "parent": {"id": 3}}}
    assert judge.judge(good, {"trace": "x"}).fits
    bad = judge.judge({"id": 1, "parent": {"id": "2"}}, {"trace": "x"})
    assert [(p.pointer, p.rule) for p in bad.problems] == [("/parent/id", "type")]
    headless = judge.judge(good, {})
    assert [(p.pointer, p.rule) for p in headless.problems] == [("headers", "required")]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_read_and_linted(version: str) -> None:
    source = THIRD if version.startswith("3") else SECOND
    document = from_object({**source, "asyncapi": f"{version}.0"})
    assert document.version == version
    assert len(events_of(document).operations) == 2
    assert errors_of(document) == ()


@pytest.mark.parametrize(
    "text", ["{}", "asyncapi: 1.2.0", "asyncapi: 4.0.0", "[1]", "a: [", "\x00"]
)
def test_what_is_no_such_document_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        load(text)


@pytest.mark.parametrize(
    ("source", "path", "value", "pointer", "rule"),
    [
        (THIRD, "info", {}, "/info", "asyncapi-3.0-structure"),
        (THIRD, "operations.takeOrder.action", "grab", "/operations/takeOrder/action", "readable"),
        (
            THIRD,
            "operations.takeOrder.messages.0.$ref",
            "#/components/messages/placed/x",
            "/operations/takeOrder/messages/0",
            "readable",
        ),
        (
            THIRD,
            "operations.takeOrder.channel.$ref",
            "#/channels/none",
            "/operations/takeOrder/channel",
            "readable",
        ),
        (
            THIRD,
            "channels.orders.address",
            "orders/{area}",
            "/channels/orders",
            "address-parameter-declared",
        ),
        (THIRD, "channels.orders.address", "orders/{region", "/channels/orders", "address-braces"),
        (
            SECOND,
            "channels.orders|{region}.servers",
            ["none"],
            "/channels/orders~1{region}/servers/0",
            "server-declared",
        ),
        (
            SECOND,
            "channels.orders|{region}.publish.operationId",
            "tellOrders",
            "/channels/orders~1{region}/publish",
            "operation-id-unique",
        ),
        (
            SECOND,
            "components.schemas.Order.properties.id.$ref",
            "#/components/schemas/None",
            "/components/messages/placed",
            "schema-usable",
        ),
        (
            SECOND,
            "components.schemas.Order.properties.id.$ref",
            "https://example.org/x.json",
            "/components/messages/placed",
            "schema-usable",
        ),
        (SECOND, "channels", {}, "/channels", "channels-present"),
    ],
)
def test_an_error_names_place_and_rule(
    source: dict[str, Any], path: str, value: Any, pointer: str, rule: str
) -> None:
    found = errors_of(from_object(changed(source, path, value)))
    assert (pointer, rule) in {(f.pointer, f.rule) for f in found}, [str(f) for f in found]


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("components.messages.placed.examples", [{"payload": {"id": "x"}}], "example-valid"),
        ("components.messages.placed.contentType", "avro/binary", "schema-verifiable"),
        ("channels.orders|{region}", {"parameters": {"region": {}}}, "direction-known"),
        ("components.schemas.Order.not", {}, "schema-satisfiable"),
    ],
)
def test_a_warning_does_not_shut_the_document(path: str, value: Any, rule: str) -> None:
    source = changed(SECOND, path, value)
    source["components"]["messages"]["placed"]["traits"][0].pop("contentType")
    found = lint(from_object(source))
    assert rule in {f.rule for f in found if f.severity is Severity.WARNING}
    assert [f for f in found if f.severity is Severity.ERROR] == []


def test_an_id_that_has_no_place_is_told() -> None:
    source = changed(SECOND, "components.schemas.Order.additionalProperties", False)
    location = {"location": "$message.payload#/request"}
    source["components"]["messages"]["placed"]["correlationId"] = location
    assert "correlation-readable" in {f.rule for f in lint(from_object(source))}


@pytest.mark.parametrize(
    ("declared", "unverifiable"),
    [
        ("application/vnd.apache.avro;version=1.9.0", True),
        ("application/vnd.google.protobuf;version=3", True),
        ("application/raml+yaml;version=1.0", True),
        ("application/vnd.aai.asyncapi+json;version=2.6.0", False),
        ("application/schema+json;version=draft-07", False),
        ("application/schema+yaml;version=2020-12", False),
        ("application/vnd.oai.openapi+json;version=3.0.0", False),
    ],
)
def test_only_json_schemas_are_judged(declared: str, unverifiable: bool) -> None:
    payload = {"schemaFormat": declared, "schema": {"type": "string"}}
    source = changed(THIRD, "channels.orders.messages.gone.payload", payload)
    gone = model(source).channels[0].messages[1]
    assert bool(gone.unverifiable) is unverifiable
    assert not gone.broken
    judgement = Judge([gone]).judge("text", {})
    assert judgement.fits is not unverifiable
    if unverifiable:
        assert "schemaFormat" in judgement.text
        with pytest.raises(InvalidInput, match="unverifiable"):
            EventSampler(gone).sample()


def test_dialects_mean_what_they_say() -> None:
    tuple_of_7 = {"type": "array", "items": [{"const": 1}], "additionalItems": False}
    nullable = {"schemaFormat": "application/vnd.oai.openapi;version=3.0.0",
                "schema": {"type": "string", "nullable": True}}  # fmt: skip
    source = changed(THIRD, "channels.orders.messages.gone.payload", tuple_of_7)
    source["channels"]["orders"]["messages"]["none"] = {"payload": nullable}
    first, second = model(source).channels[0].messages[1:]
    assert Judge([first]).judge([1], {}).fits
    assert not Judge([first]).judge([1, 2], {}).fits
    assert Judge([second]).judge(None, {}).fits


def test_samples_fit_and_invalid_examples_are_replaced() -> None:
    examples = [{"payload": {"id": "no"}}, {"payload": {"id": 7}, "headers": {"trace": "t"}}]
    source = changed(SECOND, "components.messages.placed.examples", examples)
    placed = model(source).operations[0].messages[0]
    sampler = EventSampler(placed)
    assert sampler.sample(0).payload == {"id": 7}
    judge = Judge([placed])
    made = [sampler.sample(n) for n in range(6)]
    assert all(judge.judge(s.payload, s.headers).fits for s in made)
    assert [s.payload for s in made] == [sampler.sample(n).payload for n in range(6)]
    assert [e.pointer for e, _ in sampler.unfit_examples()] == [
        "/components/messages/placed/examples/0"
    ]


def test_files_beside_a_document_are_taken_into_it(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "messages.yaml").write_text(
        "placed: {payload: {$ref: 'schemas.yaml#/Order'}}\nself: {$ref: '../main.yaml#/info'}\n"
    )
    (tmp_path / "parts" / "schemas.yaml").write_text(
        "Order: {type: object, properties: {parent: {$ref: '#/Order'}, id: {type: integer}}}\n"
    )
    main = tmp_path / "main.yaml"
    main.write_text(
        "asyncapi: 3.0.0\ninfo: {title: T, version: '1'}\nchannels:\n  a:\n    address: a\n"
        "    messages: {placed: {$ref: './parts/messages.yaml#/placed'}}\n"
    )
    whole = read_files(main)
    assert set(whole[FILES_KEY]) == {"parts/messages.yaml", "parts/schemas.yaml"}
    assert errors_of(from_object(whole)) == ()
    judge = Judge(model(dict(whole)).channels[0].messages)
    assert not judge.judge({"parent": {"id": "x"}}, {}).fits


@pytest.mark.parametrize(
    "reference", ["../secret.yaml#/a", "/etc/hostname", "link.yaml", "none.yaml"]
)
def test_files_outside_of_the_folder_are_never_read(tmp_path: Path, reference: str) -> None:
    (tmp_path / "secret.yaml").write_text("a: {payload: true}\n")
    folder = tmp_path / "contract"
    folder.mkdir()
    (folder / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    main = folder / "main.yaml"
    main.write_text(f"asyncapi: 3.0.0\nchannels: {{a: {{$ref: '{reference}'}}}}\n")
    with pytest.raises(InvalidInput, match="/channels/a") as refused:
        read_files(main)
    assert "payload" not in str(refused.value)


def _spots(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, entry in entries:
        yield (*path, key)
        if isinstance(entry, dict | list):
            yield from _spots(entry, (*path, key))


_WORSE: list[Any] = [None, 1, "", "x", "['a']://", [], {}, True, ["a"], {"a": {"b": [1]}}]
_WORSE += [{"$ref": to} for to in ("#/x", "#", "#/channels", "../x")] + [{"type": "nope"}]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from([SECOND, THIRD]), st.randoms(use_true_random=False), st.sampled_from(_WORSE))
def test_broken_documents_are_told_of_and_never_crash(
    source: dict[str, Any], chance: random.Random, worse: Any
) -> None:
    broken = copy.deepcopy(source)
    *heads, last = chance.choice(list(_spots(broken)))
    target: Any = broken
    for head in heads:
        target = target[head]
    target[last] = worse
    try:
        document = from_object(broken)
    except InvalidInput:
        return
    told = lint(document)
    assert all(f.rule and f.message for f in told)
    if "readable" in {f.rule for f in told}:
        with pytest.raises(InvalidInput):
            events_of(document)
        return
    found = events_of(document)
    assert all(AddressTemplate(c.address).path.startswith("/") for c in found.channels)


@pytest.mark.parametrize(
    ("address", "path", "root"),
    [
        ("orders", "/orders", "/orders"),
        ("/a/{b}/c", "/a/{b}/c", "/a"),
        ("a.{b}.c", "/a.{b}.c", ""),
        ("https://example.org/books/{id}?x=1", "/books/{id}", "/books"),
        ("/", "/", ""),
    ],
)
def test_addresses_become_paths(address: str, path: str, root: str) -> None:
    template = AddressTemplate(address)
    assert (template.path, template.root) == (path, root)
    values = dict.fromkeys(template.names, "7 ü")
    assert template.match(unquote(template.filled(values))) == values


def test_references_in_a_circle_are_told_not_followed() -> None:
    source = changed(THIRD, "channels.orders.messages.gone", {"$ref": "#/components/messages/a"})
    source["components"]["messages"] |= {
        "a": {"$ref": "#/components/messages/b"},
        "b": {"$ref": "#/components/messages/a"},
    }
    with pytest.raises(InvalidInput, match="circle"):
        model(source)
