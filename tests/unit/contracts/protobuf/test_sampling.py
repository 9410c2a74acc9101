"""Sampled messages: real, repeatable, never endless."""

from typing import Any

import pytest

from maestro.contracts.protobuf.model import ProtobufModel, protobuf_model
from maestro.contracts.protobuf.sampling import MessageSampler

PROTO3 = """
syntax = "proto3"; package t;
import "google/protobuf/any.proto"; import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto"; import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto"; import "google/protobuf/field_mask.proto";
enum Colour { COLOUR_UNSPECIFIED = 0; RED = 1; BLUE = 2; }
message Leaf { string name = 1; float price = 2; Colour colour = 3; }
message All {
  All left = 1; repeated All children = 2; map<string, All> by_name = 3;
  optional string email = 4; google.protobuf.Any any = 5; google.protobuf.StringValue city = 6;
  google.protobuf.Struct struct = 7; google.protobuf.Value value = 8;
  google.protobuf.ListValue list = 9; google.protobuf.Duration duration = 10;
  google.protobuf.Timestamp created_at = 11;
  oneof choice { All deep = 12; int64 number = 13; bytes raw = 14; }
  map<int32, Leaf> leaves = 15; repeated string tags = 16; Leaf leaf = 17;
  google.protobuf.FieldMask update_mask = 18; uint64 big = 19; bool on = 20;
}
service S { rpc A(All) returns (Leaf); }
"""

PROTO2 = """
syntax = "proto2"; package t;
message Chain { required string id = 1; required Link link = 2; optional Chain next = 3; }
message Link { required int32 year = 1; repeated group Part = 2 { required string code = 3; } }
message Endless { required Endless again = 1; }
service S { rpc A(Chain) returns (Endless); }
"""


def model(text: str) -> ProtobufModel:
    return protobuf_model({"files": {"t.proto": text}}, name="t")


def message(owner: ProtobufModel, name: str) -> Any:
    return owner.pool.FindMessageTypeByName(f"t.{name}")


def test_every_kind_of_field_is_filled_and_survives_json_and_bytes() -> None:
    owner = model(PROTO3)
    made = MessageSampler(owner).sample(message(owner, "All"))
    told = owner.to_json(made)
    assert told["email"] == "ada@example.com"
    assert told["city"] == "Berlin"
    assert told["created_at"] == "2030-01-01T00:00:00Z"
    assert told["leaf"] == {"name": "Sample leaf", "price": 19.99, "colour": "RED"}
    assert told["update_mask"] == "email"
    assert told["any"]["@type"] == "type.googleapis.com/t.Leaf"
    assert told["number"] == "1"
    assert "left" not in told
    assert owner.from_json(told, message(owner, "All")) == made
    assert type(made).FromString(made.SerializeToString()) == made


def test_the_same_seed_gives_the_same_and_variants_differ() -> None:
    owner = model(PROTO3)
    kind = message(owner, "Leaf")
    one, other = MessageSampler(owner, seed=7), MessageSampler(owner, seed=7)
    assert one.sample(kind, variant=2) == other.sample(kind, variant=2)
    assert one.sample(kind) != one.sample(kind, variant=1)
    assert one.sample(kind) != MessageSampler(owner, seed=8).sample(kind)


def test_what_proto2_requires_is_there_and_the_impossible_ends() -> None:
    owner = model(PROTO2)
    assert MessageSampler(owner).sample(message(owner, "Chain")).IsInitialized()
    assert not MessageSampler(owner).sample(message(owner, "Endless")).IsInitialized()


def test_wide_messages_stay_small() -> None:
    kinds = "".join(
        f"message M{n} {{ " + " ".join(f"M{k} f{k} = {k + 1};" for k in range(40)) + " }\n"
        for n in range(40)
    )
    owner = model(f'syntax = "proto3"; package t; {kinds} service S {{ rpc A(M0) returns (M1); }}')
    assert len(MessageSampler(owner).sample(message(owner, "M0")).SerializeToString()) < 100_000


@pytest.mark.parametrize("seed", [0, 1, 99])
def test_an_unreadable_any_is_evidence_and_no_crash(seed: int) -> None:
    owner = model(PROTO3)
    made = MessageSampler(owner, seed=seed).sample(message(owner, "All"))
    made.any.type_url = "type.googleapis.com/nobody.Knows"
    assert "@unreadable" in owner.to_json(made)
